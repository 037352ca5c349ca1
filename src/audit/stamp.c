/* SPDX-License-Identifier: MIT */
#include "audit/stamp.h"

#include <string.h>

#define SECOND_NS UINT64_C(1000000000)
#define DAY_SECONDS 86400
#define DAYS_TO_1970 719162 /* From 0001-01-01. */
#define DAYS_PER_ERA 146097 /* 400 years. */
#define YEAR_LAST 2554      /* The last whose nanoseconds fit into 64 bits. */

struct civil {
    unsigned year;
    unsigned month;
    unsigned day;
    unsigned hour;
    unsigned minute;
    unsigned second;
};

static bool is_leap(unsigned year)
{
    return year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
}

/* Days from 0001-01-01 to the first of January. */
static uint64_t days_before_year(unsigned year)
{
    uint64_t whole = year - 1;
    return whole * 365 + whole / 4 - whole / 100 + whole / 400;
}

/* Days from the first of January to the first of the month, 1 to 12. 13 gives the year's length. */
static unsigned days_before_month(unsigned year, unsigned month)
{
    static const unsigned short days[] = {
        0, 31, 59, 90, 120, 151, 181, 212, 243, 273, 304, 334, 365};
    return days[month - 1] + (month > 2 && is_leap(year) ? 1u : 0u);
}

static struct civil civil_from_seconds(uint64_t seconds)
{
    uint64_t days = seconds / DAY_SECONDS + DAYS_TO_1970;
    unsigned rest = (unsigned)(seconds % DAY_SECONDS);
    /* The mean length of a year never guesses too late a one: leap days are ahead of their mean by
     * less than a day. */
    unsigned year = (unsigned)(days * 400 / DAYS_PER_ERA) + 1;
    while (days_before_year(year + 1) <= days)
        year++;
    unsigned day = (unsigned)(days - days_before_year(year));
    unsigned month = 12;
    while (days_before_month(year, month) > day)
        month--;
    return (struct civil){year, month, day - days_before_month(year, month) + 1, rest / 3600,
        rest / 60 % 60, rest % 60};
}

static bool civil_valid(const struct civil *civil)
{
    if (civil->year < 1970 || civil->year >= YEAR_LAST)
        return false;
    if (civil->month < 1 || civil->month > 12 || civil->day < 1)
        return false;
    unsigned length = days_before_month(civil->year, civil->month + 1) -
                      days_before_month(civil->year, civil->month);
    return civil->day <= length && civil->hour < 24 && civil->minute < 60 && civil->second < 60;
}

static uint64_t civil_to_seconds(const struct civil *civil)
{
    uint64_t days = days_before_year(civil->year) - DAYS_TO_1970 +
                    days_before_month(civil->year, civil->month) + civil->day - 1;
    return days * DAY_SECONDS + civil->hour * 3600 + civil->minute * 60 + civil->second;
}

static void write_digits(char *text, unsigned number, unsigned count)
{
    while (count > 0) {
        text[--count] = (char)('0' + number % 10);
        number /= 10;
    }
}

/* At most nine digits, so the number fits. */
static bool read_digits(const char *text, unsigned count, unsigned *number)
{
    *number = 0;
    for (unsigned i = 0; i < count; i++) {
        if (text[i] < '0' || text[i] > '9')
            return false;
        *number = *number * 10 + (unsigned)(text[i] - '0');
    }
    return true;
}

/* Both texts begin alike: date, T, then the clock with a separator (a colon or none). */
static char *write_civil(char *text, const struct civil *civil, bool colons)
{
    memcpy(text, "0000-00-00T", 11);
    write_digits(text, civil->year, 4);
    write_digits(text + 5, civil->month, 2);
    write_digits(text + 8, civil->day, 2);
    const unsigned clock[3] = {civil->hour, civil->minute, civil->second};
    text += 11;
    for (unsigned i = 0; i < 3; i++) {
        if (colons && i > 0)
            *text++ = ':';
        write_digits(text, clock[i], 2);
        text += 2;
    }
    return text;
}

static bool read_civil(const char *text, bool colons, struct civil *civil)
{
    unsigned step = colons ? 3 : 2;
    bool digits = read_digits(text, 4, &civil->year) && read_digits(text + 5, 2, &civil->month) &&
                  read_digits(text + 8, 2, &civil->day) &&
                  read_digits(text + 11, 2, &civil->hour) &&
                  read_digits(text + 11 + step, 2, &civil->minute) &&
                  read_digits(text + 11 + 2 * step, 2, &civil->second);
    return digits && civil_valid(civil);
}

void hf_stamp_write(struct hf_stamp_cache *cache, uint64_t time_ns, char *text)
{
    uint64_t second = time_ns / SECOND_NS;
    if (cache->second_plus_1 != second + 1) {
        struct civil civil = civil_from_seconds(second);
        memcpy(write_civil(cache->text, &civil, true), ".000000000Z", 11);
        cache->second_plus_1 = second + 1;
    }
    memcpy(text, cache->text, HF_STAMP_BYTES);
    write_digits(text + 20, (unsigned)(time_ns % SECOND_NS), 9);
}

/* Writing what was read and comparing leaves no second spelling of a time. */
bool hf_stamp_read(const char *text, uint64_t *time_ns)
{
    struct civil civil;
    unsigned nanoseconds;
    if (!read_civil(text, true, &civil) || !read_digits(text + 20, 9, &nanoseconds))
        return false;
    uint64_t read_ns = civil_to_seconds(&civil) * SECOND_NS + nanoseconds;
    struct hf_stamp_cache cache = {0};
    char again[HF_STAMP_BYTES];
    hf_stamp_write(&cache, read_ns, again);
    if (memcmp(again, text, HF_STAMP_BYTES) != 0)
        return false;
    *time_ns = read_ns;
    return true;
}

void hf_stamp_file_write(uint64_t seconds, char *text)
{
    struct civil civil = civil_from_seconds(seconds);
    *write_civil(text, &civil, false) = 'Z';
}

bool hf_stamp_file_read(const char *text, uint64_t *seconds)
{
    struct civil civil;
    if (!read_civil(text, false, &civil))
        return false;
    uint64_t read_seconds = civil_to_seconds(&civil);
    char again[HF_STAMP_FILE_BYTES];
    hf_stamp_file_write(read_seconds, again);
    if (memcmp(again, text, HF_STAMP_FILE_BYTES) != 0)
        return false;
    *seconds = read_seconds;
    return true;
}
