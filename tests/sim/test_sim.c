/* SPDX-License-Identifier: MIT */
#undef NDEBUG
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include <holdfast/sim.h>

#include "base/atomic.h"
#include "scale.h"

static struct hf_sim *made(struct hf_sim_options options)
{
    struct hf_sim *sim = NULL;
    struct hf_error error = {0};
    if (hf_sim_new(&sim, &options, &error) != HF_OK)
        fail_msg("%s", hf_error_text(&error));
    return sim;
}

static struct hf_sim *seeded(uint64_t seed)
{
    return made((struct hf_sim_options){.seed = seed});
}

/* What ran, and when. */
struct record {
    struct hf_sim *sim;
    size_t count;
    int names[64];
    uint64_t times_ns[64];
};

struct entry {
    struct record *record;
    int name;
    uint64_t sleep_ns;
};

static void write_entry(void *context, uint64_t now_ns)
{
    struct entry *entry = context;
    struct record *record = entry->record;
    assert_true(record->count < 64);
    record->names[record->count] = entry->name;
    record->times_ns[record->count++] = now_ns;
    if (entry->sleep_ns > 0) {
        struct hf_clock clock = hf_sim_clock(record->sim);
        hf_clock_sleep_ns(&clock, entry->sleep_ns);
    }
}

static void nothing(void *context, uint64_t now_ns)
{
    (void)context;
    (void)now_ns;
}

static void assert_record(const struct record *record, const char *names)
{
    assert_int_equal(record->count, strlen(names));
    for (size_t index = 0; index < record->count; index++)
        assert_int_equal(record->names[index], names[index]);
}

static void events_run_in_order_of_time_and_then_of_arrival(void **state)
{
    (void)state;
    struct hf_sim *sim = seeded(1);
    struct record record = {.sim = sim};
    struct entry entries[] = {{&record, 'a', 0}, {&record, 'b', 0}, {&record, 'c', 0},
        {&record, 'd', 0}, {&record, 'e', 0}};
    const uint64_t times_ns[] = {30, 10, 30, 20, 10};
    for (size_t index = 0; index < 5; index++)
        assert_int_equal(
            hf_sim_at(sim, times_ns[index], write_entry, &entries[index], NULL), HF_OK);
    assert_int_equal(hf_sim_run(sim), HF_OK);
    assert_record(&record, "bedac");
    assert_int_equal(record.times_ns[0], 10);
    assert_int_equal(record.times_ns[2], 20);
    assert_int_equal(record.times_ns[4], 30);
    assert_int_equal(hf_sim_now_ns(sim), 30);
    hf_sim_free(sim);
}

/* Against a list that is searched from end to end: adding, cancelling and running at random. */
#define MODEL_EVENTS 200

struct model_event {
    struct hf_sim_event handle;
    uint64_t at_ns;
    uint64_t order;
    bool waits;
    bool ran;
};

static void mark_as_run(void *context, uint64_t now_ns)
{
    struct model_event *event = context;
    assert_true(event->waits);
    assert_int_equal(event->at_ns, now_ns);
    event->waits = false;
    event->ran = true;
}

static struct model_event *model_first(struct model_event *events)
{
    struct model_event *first = NULL;
    for (size_t index = 0; index < MODEL_EVENTS; index++) {
        struct model_event *event = &events[index];
        if (!event->waits)
            continue;
        if (!first || event->at_ns < first->at_ns ||
            (event->at_ns == first->at_ns && event->order < first->order))
            first = event;
    }
    return first;
}

static void model_add(struct hf_sim *sim, struct model_event *event, uint64_t at_ns, uint64_t order)
{
    *event = (struct model_event){.at_ns = at_ns, .order = order, .waits = true};
    assert_int_equal(hf_sim_at(sim, at_ns, mark_as_run, event, &event->handle), HF_OK);
}

static void model_step(struct hf_sim *sim, struct model_event *events)
{
    struct model_event *first = model_first(events);
    uint64_t next_ns = 0;
    assert_int_equal(hf_sim_next_ns(sim, &next_ns), first ? HF_OK : HF_NOT_FOUND);
    assert_int_equal(hf_sim_step(sim), first ? HF_OK : HF_NOT_FOUND);
    if (!first)
        return;
    assert_true(first->ran);
    assert_int_equal(next_ns, first->at_ns);
}

static void the_queue_agrees_with_a_list_searched_from_end_to_end(void **state)
{
    (void)state;
    struct hf_splitmix splitmix;
    hf_splitmix_init(&splitmix, 11);
    struct hf_random random = hf_splitmix_random(&splitmix);
    static struct model_event events[MODEL_EVENTS];
    memset(events, 0, sizeof(events));
    struct hf_sim *sim = made((struct hf_sim_options){.seed = 1, .events_max = MODEL_EVENTS});
    for (uint64_t round = 0; round < test_scaled(100000); round++) {
        struct model_event *event = &events[hf_random_below(&random, MODEL_EVENTS)];
        uint64_t choice = hf_random_below(&random, 8);
        if (choice < 4 && !event->waits)
            model_add(sim, event, hf_sim_now_ns(sim) + hf_random_below(&random, 50), round);
        else if (choice < 6)
            model_step(sim, events);
        else {
            assert_int_equal(
                hf_sim_cancel(sim, event->handle), event->waits ? HF_OK : HF_NOT_FOUND);
            event->waits = false;
        }
    }
    while (hf_sim_waiting(sim) > 0)
        model_step(sim, events);
    assert_null(model_first(events));
    hf_sim_free(sim);
}

static void a_handle_is_good_for_its_event_only(void **state)
{
    (void)state;
    struct hf_sim *sim = seeded(1);
    struct hf_sim_event first;
    struct hf_sim_event second;
    assert_int_equal(hf_sim_at(sim, 10, nothing, NULL, &first), HF_OK);
    assert_int_equal(hf_sim_cancel(sim, first), HF_OK);
    assert_int_equal(hf_sim_at(sim, 10, nothing, NULL, &second), HF_OK);
    assert_int_equal(second.slot, first.slot);
    assert_int_equal(hf_sim_cancel(sim, first), HF_NOT_FOUND);
    assert_int_equal(hf_sim_waiting(sim), 1);
    assert_int_equal(hf_sim_step(sim), HF_OK);
    assert_int_equal(hf_sim_cancel(sim, second), HF_NOT_FOUND);
    assert_int_equal(hf_sim_cancel(sim, (struct hf_sim_event){0}), HF_NOT_FOUND);
    assert_int_equal(hf_sim_cancel(sim, (struct hf_sim_event){1, UINT32_MAX}), HF_NOT_FOUND);
    hf_sim_free(sim);
}

struct self_canceller {
    struct hf_sim *sim;
    struct hf_sim_event event;
    enum hf_status status;
};

static void cancel_self(void *context, uint64_t now_ns)
{
    (void)now_ns;
    struct self_canceller *self = context;
    self->status = hf_sim_cancel(self->sim, self->event);
}

static void an_event_that_runs_can_no_longer_be_cancelled(void **state)
{
    (void)state;
    struct self_canceller self = {.sim = seeded(1)};
    assert_int_equal(hf_sim_at(self.sim, 5, cancel_self, &self, &self.event), HF_OK);
    assert_int_equal(hf_sim_run(self.sim), HF_OK);
    assert_int_equal(self.status, HF_NOT_FOUND);
    hf_sim_free(self.sim);
}

static void a_full_queue_says_so_and_takes_more_when_emptied(void **state)
{
    (void)state;
    struct hf_sim *sim = made((struct hf_sim_options){.seed = 1, .events_max = 2});
    struct hf_sim_event event;
    assert_int_equal(hf_sim_at(sim, 1, nothing, NULL, NULL), HF_OK);
    assert_int_equal(hf_sim_at(sim, 2, nothing, NULL, &event), HF_OK);
    assert_int_equal(hf_sim_at(sim, 3, nothing, NULL, &event), HF_FULL);
    assert_int_equal(event.number, 0);
    assert_int_equal(hf_sim_step(sim), HF_OK);
    assert_int_equal(hf_sim_at(sim, 3, nothing, NULL, &event), HF_OK);
    assert_int_equal(hf_sim_waiting(sim), 2);
    hf_sim_free(sim);
}

static void run_until_stops_at_the_time_given(void **state)
{
    (void)state;
    struct hf_sim *sim = made((struct hf_sim_options){.seed = 1, .start_ns = 100});
    struct record record = {.sim = sim};
    struct entry entries[] = {{&record, 'a', 0}, {&record, 'b', 0}, {&record, 'c', 0}};
    const uint64_t times_ns[] = {150, 200, 201};
    for (size_t index = 0; index < 3; index++)
        assert_int_equal(
            hf_sim_at(sim, times_ns[index], write_entry, &entries[index], NULL), HF_OK);
    assert_int_equal(hf_sim_now_ns(sim), 100);
    assert_int_equal(hf_sim_run_until(sim, 200), HF_OK);
    assert_record(&record, "ab");
    assert_int_equal(hf_sim_now_ns(sim), 200);
    assert_int_equal(hf_sim_run_until(sim, 50), HF_OK);
    assert_int_equal(hf_sim_now_ns(sim), 200);
    assert_int_equal(hf_sim_run_until(sim, 5000), HF_OK);
    assert_record(&record, "abc");
    assert_int_equal(hf_sim_now_ns(sim), 5000);
    hf_sim_free(sim);
}

static void an_event_put_into_the_past_runs_at_present(void **state)
{
    (void)state;
    struct hf_sim *sim = made((struct hf_sim_options){.seed = 1, .start_ns = 1000});
    struct record record = {.sim = sim};
    struct entry entries[] = {{&record, 'a', 0}, {&record, 'b', 0}};
    assert_int_equal(hf_sim_at(sim, 1000, write_entry, &entries[0], NULL), HF_OK);
    assert_int_equal(hf_sim_at(sim, 3, write_entry, &entries[1], NULL), HF_OK);
    assert_int_equal(hf_sim_run(sim), HF_OK);
    assert_record(&record, "ab");
    assert_int_equal(record.times_ns[1], 1000);
    hf_sim_free(sim);
}

static void sleeping_lets_other_events_happen(void **state)
{
    (void)state;
    struct hf_sim *sim = seeded(1);
    struct record record = {.sim = sim};
    struct entry entries[] = {{&record, 'a', 100}, {&record, 'b', 0}, {&record, 'c', 0}};
    const uint64_t times_ns[] = {10, 50, 200};
    for (size_t index = 0; index < 3; index++)
        assert_int_equal(
            hf_sim_at(sim, times_ns[index], write_entry, &entries[index], NULL), HF_OK);
    assert_int_equal(hf_sim_step(sim), HF_OK);
    assert_record(&record, "ab");
    assert_int_equal(hf_sim_now_ns(sim), 110);

    struct hf_clock clock = hf_sim_clock(sim);
    hf_clock_sleep_ns(&clock, 90);
    assert_record(&record, "abc");
    assert_int_equal(hf_clock_now_ns(&clock), 200);
    hf_sim_free(sim);
}

static void a_sleep_within_a_sleep_delays_the_outer_one(void **state)
{
    (void)state;
    struct hf_sim *sim = seeded(1);
    struct record record = {.sim = sim};
    struct entry entries[] = {{&record, 'a', 100}, {&record, 'b', 500}, {&record, 'c', 0}};
    const uint64_t times_ns[] = {10, 50, 120};
    for (size_t index = 0; index < 3; index++)
        assert_int_equal(
            hf_sim_at(sim, times_ns[index], write_entry, &entries[index], NULL), HF_OK);
    assert_int_equal(hf_sim_step(sim), HF_OK);
    assert_record(&record, "abc");
    assert_int_equal(record.times_ns[2], 120);
    assert_int_equal(hf_sim_now_ns(sim), 550);
    hf_sim_free(sim);
}

#define SLEEPERS (HF_SIM_SLEEPS_MAX + 10)

/* Each sleeps past the next: the deepest only move the clock, and everybody runs in the end. */
static void sleeps_nest_no_deeper_than_the_maximum(void **state)
{
    (void)state;
    struct hf_sim *sim = seeded(1);
    struct record records[2] = {{.sim = sim}, {.sim = sim}};
    static struct entry entries[SLEEPERS];
    for (size_t index = 0; index < SLEEPERS; index++) {
        entries[index] = (struct entry){&records[index / 40], (int)index, 1000};
        assert_int_equal(hf_sim_at(sim, index + 1, write_entry, &entries[index], NULL), HF_OK);
    }
    assert_int_equal(hf_sim_run(sim), HF_OK);
    assert_int_equal(records[0].count + records[1].count, SLEEPERS);
    hf_sim_free(sim);
}

static void sleeps_that_end_do_not_count_as_nested(void **state)
{
    (void)state;
    struct hf_sim *sim = seeded(1);
    struct record record = {.sim = sim};
    struct entry entry = {&record, 'a', 0};
    struct hf_clock clock = hf_sim_clock(sim);
    for (int sleep = 0; sleep < SLEEPERS; sleep++)
        hf_clock_sleep_ns(&clock, 1);
    assert_int_equal(hf_sim_after(sim, 1, write_entry, &entry, NULL), HF_OK);
    hf_clock_sleep_ns(&clock, 1);
    assert_record(&record, "a");
    hf_sim_free(sim);
}

static void sleeping_ends_at_the_end_of_time(void **state)
{
    (void)state;
    struct hf_sim *sim = made((struct hf_sim_options){.seed = 1, .start_ns = HF_TIME_MAX_NS - 5});
    struct hf_clock clock = hf_sim_clock(sim);
    hf_clock_sleep_ns(&clock, UINT64_MAX);
    assert_true(hf_clock_now_ns(&clock) == HF_TIME_MAX_NS);
    assert_int_equal(hf_sim_after(sim, 0, nothing, NULL, NULL), HF_OK);
    assert_int_equal(hf_sim_after(sim, 1, nothing, NULL, NULL), HF_INVALID);
    assert_int_equal(hf_sim_after(sim, UINT64_MAX, nothing, NULL, NULL), HF_INVALID);
    hf_sim_free(sim);
}

struct perpetual {
    struct hf_sim *sim;
    uint64_t count;
    uint64_t delay_ns;
};

static void again(void *context, uint64_t now_ns)
{
    (void)now_ns;
    struct perpetual *perpetual = context;
    perpetual->count++;
    assert_int_equal(
        hf_sim_after(perpetual->sim, perpetual->delay_ns, again, perpetual, NULL), HF_OK);
}

static void an_event_that_keeps_adding_itself_ends(void **state)
{
    (void)state;
    struct perpetual perpetual = {
        .sim = made((struct hf_sim_options){.seed = 1, .steps_max = 1000})};
    struct hf_sim *sim = perpetual.sim;
    assert_int_equal(hf_sim_at(sim, 7, again, &perpetual, NULL), HF_OK);
    assert_int_equal(hf_sim_run(sim), HF_EXHAUSTED);
    assert_int_equal(perpetual.count, 1000);
    assert_int_equal(hf_sim_now_ns(sim), 7);
    assert_int_equal(hf_sim_step(sim), HF_EXHAUSTED);
    assert_int_equal(hf_sim_run_until(sim, 100), HF_EXHAUSTED);
    assert_int_equal(hf_sim_now_ns(sim), 7);
    struct hf_clock clock = hf_sim_clock(sim);
    hf_clock_sleep_ns(&clock, 10);
    assert_int_equal(hf_sim_now_ns(sim), 17);
    assert_int_equal(perpetual.count, 1000);
    hf_sim_free(sim);
}

static void the_time_of_day_moves_with_the_clock_and_by_steps(void **state)
{
    (void)state;
    const uint64_t start_ns = HF_SECONDS(1700000000);
    struct hf_sim *sim =
        made((struct hf_sim_options){.seed = 1, .start_ns = 50, .wall_start_ns = start_ns});
    struct hf_wall_clock wall = hf_sim_wall_clock(sim);
    assert_int_equal(hf_wall_clock_now_ns(&wall), start_ns);
    assert_int_equal(hf_sim_run_until(sim, 150), HF_OK);
    assert_int_equal(hf_wall_clock_now_ns(&wall), start_ns + 100);
    hf_sim_step_wall(sim, 1000);
    assert_int_equal(hf_wall_clock_now_ns(&wall), start_ns + 1100);
    hf_sim_step_wall(sim, -3000);
    assert_int_equal(hf_wall_clock_now_ns(&wall), start_ns - 1900);
    assert_int_equal(hf_sim_now_ns(sim), 150);
    hf_sim_step_wall(sim, INT64_MIN);
    assert_int_equal(hf_wall_clock_now_ns(&wall), 0);
    hf_sim_step_wall(sim, INT64_MAX);
    assert_true(hf_wall_clock_now_ns(&wall) == HF_TIME_MAX_NS);
    assert_int_equal(hf_sim_run_until(sim, 160), HF_OK);
    hf_sim_step_wall(sim, 1);
    assert_true(hf_wall_clock_now_ns(&wall) == HF_TIME_MAX_NS + 10);
    hf_sim_free(sim);
}

struct watcher {
    struct hf_sim *sim;
    uint64_t stop;
    uint64_t backwards;
};

static void *watch(void *context)
{
    struct watcher *watcher = context;
    struct hf_clock clock = hf_sim_clock(watcher->sim);
    struct hf_wall_clock wall = hf_sim_wall_clock(watcher->sim);
    uint64_t before_ns = 0;
    while (hf_load_acquire(&watcher->stop) == 0) {
        uint64_t now_ns = hf_clock_now_ns(&clock);
        watcher->backwards += now_ns < before_ns;
        watcher->backwards += hf_wall_clock_now_ns(&wall) < now_ns;
        before_ns = now_ns;
    }
    return NULL;
}

static void other_threads_may_read_the_clocks(void **state)
{
    (void)state;
    static struct watcher watcher;
    watcher = (struct watcher){.sim = seeded(1)};
    struct perpetual perpetual = {.sim = watcher.sim, .delay_ns = 13};
    pthread_t thread;
    assert_int_equal(pthread_create(&thread, NULL, watch, &watcher), 0);
    assert_int_equal(hf_sim_at(watcher.sim, 0, again, &perpetual, NULL), HF_OK);
    assert_int_equal(hf_sim_run_until(watcher.sim, 13 * test_scaled(100000)), HF_OK);
    hf_store_release(&watcher.stop, 1);
    assert_int_equal(pthread_join(thread, NULL), 0);
    assert_int_equal(watcher.backwards, 0);
    hf_sim_free(watcher.sim);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(events_run_in_order_of_time_and_then_of_arrival),
        cmocka_unit_test(the_queue_agrees_with_a_list_searched_from_end_to_end),
        cmocka_unit_test(a_handle_is_good_for_its_event_only),
        cmocka_unit_test(an_event_that_runs_can_no_longer_be_cancelled),
        cmocka_unit_test(a_full_queue_says_so_and_takes_more_when_emptied),
        cmocka_unit_test(run_until_stops_at_the_time_given),
        cmocka_unit_test(an_event_put_into_the_past_runs_at_present),
        cmocka_unit_test(sleeping_lets_other_events_happen),
        cmocka_unit_test(a_sleep_within_a_sleep_delays_the_outer_one),
        cmocka_unit_test(sleeps_nest_no_deeper_than_the_maximum),
        cmocka_unit_test(sleeps_that_end_do_not_count_as_nested),
        cmocka_unit_test(sleeping_ends_at_the_end_of_time),
        cmocka_unit_test(an_event_that_keeps_adding_itself_ends),
        cmocka_unit_test(the_time_of_day_moves_with_the_clock_and_by_steps),
        cmocka_unit_test(other_threads_may_read_the_clocks),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
