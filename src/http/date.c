/* SPDX-License-Identifier: MIT */
#include <string.h>

#include "http/date.h"

#define NS_PER_SECOND HF_SECONDS(1)

struct moment {
    unsigned year;
    unsigned month; /* 0 to 11. */
    unsigned day;
    unsigned hour;
    unsigned minute;
    unsigned second;
};

/* What is left to read. Each take_ function reads what it names or, returning false, anything: the
 * form is then another one. */
struct text {
    const char *at;
    size_t left;
};

static bool take(struct text *text, const char *word)
{
    size_t size = strlen(word);
    if (text->left < size || memcmp(text->at, word, size) != 0)
        return false;
    text->at += size;
    text->left -= size;
    return true;
}

static bool take_one_of(
    struct text *text, const char *const *words, unsigned count, unsigned *index)
{
    for (*index = 0; *index < count; ++*index) {
        if (take(text, words[*index]))
            return true;
    }
    return false;
}

static bool take_digits(struct text *text, unsigned digits, unsigned *number)
{
    *number = 0;
    if (text->left < digits)
        return false;
    for (unsigned index = 0; index < digits; index++) {
        char digit = *text->at;
        if (digit < '0' || digit > '9')
            return false;
        *number = *number * 10 + (unsigned)(digit - '0');
        text->at++;
        text->left--;
    }
    return true;
}

static bool take_month(struct text *text, unsigned *month)
{
    static const char *const months[] = {
        "Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
    return take_one_of(text, months, 12, month);
}

static bool take_short_day(struct text *text)
{
    static const char *const days[] = {"Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"};
    unsigned day;
    return take_one_of(text, days, 7, &day);
}

static bool take_long_day(struct text *text)
{
    static const char *const days[] = {
        "Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday"};
    unsigned day;
    return take_one_of(text, days, 7, &day);
}

static bool take_time(struct text *text, struct moment *moment)
{
    return take_digits(text, 2, &moment->hour) && take(text, ":") &&
           take_digits(text, 2, &moment->minute) && take(text, ":") &&
           take_digits(text, 2, &moment->second);
}

static bool take_imf_fixdate(struct text text, struct moment *moment)
{
    return take_short_day(&text) && take(&text, ", ") && take_digits(&text, 2, &moment->day) &&
           take(&text, " ") && take_month(&text, &moment->month) && take(&text, " ") &&
           take_digits(&text, 4, &moment->year) && take(&text, " ") && take_time(&text, moment) &&
           take(&text, " GMT") && text.left == 0;
}

static bool take_rfc850(struct text text, struct moment *moment)
{
    return take_long_day(&text) && take(&text, ", ") && take_digits(&text, 2, &moment->day) &&
           take(&text, "-") && take_month(&text, &moment->month) && take(&text, "-") &&
           take_digits(&text, 2, &moment->year) && take(&text, " ") && take_time(&text, moment) &&
           take(&text, " GMT") && text.left == 0;
}

static bool take_asctime(struct text text, struct moment *moment)
{
    return take_short_day(&text) && take(&text, " ") && take_month(&text, &moment->month) &&
           take(&text, " ") && take_digits(&text, take(&text, " ") ? 1 : 2, &moment->day) &&
           take(&text, " ") && take_time(&text, moment) && take(&text, " ") &&
           take_digits(&text, 4, &moment->year) && text.left == 0;
}

static bool is_leap(unsigned year)
{
    return year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
}

/* Leap seconds are allowed for in the syntax; one counts as the second after it. */
static bool is_real(const struct moment *moment)
{
    static const unsigned char lengths[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    unsigned length = lengths[moment->month];
    if (moment->month == 1 && is_leap(moment->year))
        length++;
    return moment->day >= 1 && moment->day <= length && moment->hour <= 23 &&
           moment->minute <= 59 && moment->second <= 60;
}

/* Leap days of the years 1 to year. */
static unsigned leap_days(unsigned year)
{
    return year / 4 - year / 100 + year / 400;
}

static uint64_t seconds_since_1970(const struct moment *moment)
{
    static const unsigned short before[] = {0, 31, 59, 90, 120, 151, 181, 212, 243, 273, 304, 334};
    if (moment->year < 1970)
        return 0;
    uint64_t days = (uint64_t)(moment->year - 1970) * 365 + leap_days(moment->year - 1) -
                    leap_days(1969) + before[moment->month] + moment->day - 1 +
                    (moment->month > 1 && is_leap(moment->year));
    return ((days * 24 + moment->hour) * 60 + moment->minute) * 60 + moment->second;
}

/* The year with these last two digits that puts the moment nearest to 50 years ahead, but not past
 * them (RFC 9110, 5.6.7). 50 years have 12 leap days or 13. */
static unsigned full_year(struct moment moment, uint64_t now_s)
{
    const uint64_t day_s = 86400;
    unsigned latest = 1970 + (unsigned)(now_s / (365 * day_s)) + 51;
    moment.year = latest - (latest - moment.year) % 100;
    uint64_t latest_s = now_s + (50 * 365 + 13) * day_s;
    return seconds_since_1970(&moment) > latest_s ? moment.year - 100 : moment.year;
}

bool hf_date_parse(struct hf_bytes text, uint64_t now_s, uint64_t *date_s)
{
    struct text all = {text.data, text.size};
    struct moment moment;
    if (take_rfc850(all, &moment))
        moment.year = full_year(moment, now_s);
    else if (!take_imf_fixdate(all, &moment) && !take_asctime(all, &moment))
        return false;
    if (!is_real(&moment))
        return false;
    *date_s = seconds_since_1970(&moment);
    return true;
}

uint64_t hf_date_seconds_ns(uint64_t seconds)
{
    return seconds > HF_TIME_MAX_NS / NS_PER_SECOND ? HF_TIME_MAX_NS : seconds * NS_PER_SECOND;
}

uint64_t hf_date_until_ns(uint64_t date_s, uint64_t wall_now_ns)
{
    uint64_t now_s = wall_now_ns / NS_PER_SECOND;
    if (date_s <= now_s)
        return 0;
    uint64_t whole_ns = hf_date_seconds_ns(date_s - now_s);
    return whole_ns == HF_TIME_MAX_NS ? whole_ns : whole_ns - wall_now_ns % NS_PER_SECOND;
}
