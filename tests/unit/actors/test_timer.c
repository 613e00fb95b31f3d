/* SPDX-License-Identifier: MIT */
/* tests/unit/actors/test_timer.c - the heap of timers against sorting. */
#include <criterion/criterion.h>

#include "actors/runtime/timer.h"

#define MOST 200

static uint64_t dice = 3;

static uint64_t roll(uint64_t n)
{
    dice = dice * 6364136223846793005u + 1442695040888963407u;
    return (dice >> 33) % n;
}

static struct byok_timer *earliest(struct byok_timer *timers)
{
    struct byok_timer *first = NULL;
    for (size_t i = 0; i < MOST; i++) {
        struct byok_timer *t = &timers[i];
        if (t->set && (!first || t->due_us < first->due_us ||
                       (t->due_us == first->due_us && t->sequence < first->sequence)))
            first = t;
    }
    return first;
}

Test(timer, the_first_is_always_the_earliest_set_first)
{
    static struct byok_timer timers[MOST];
    struct byok_timers heap = {0};
    for (int i = 0; i < 20000; i++) {
        struct byok_timer *some = &timers[roll(MOST)];
        if (roll(3) == 0) {
            byok_timers_remove(&heap, some);
        } else {
            byok_timers_remove(&heap, some);
            some->due_us = (int64_t)roll(50);
            byok_timers_insert(&heap, some);
        }
        if (roll(4) == 0 && byok_timers_first(&heap))
            byok_timers_remove(&heap, byok_timers_first(&heap));
        cr_assert_eq(byok_timers_first(&heap), earliest(timers), "step %d", i);
    }
}

Test(timer, equal_times_ring_in_the_order_of_setting)
{
    struct byok_timer timers[10] = {0};
    struct byok_timers heap = {0};
    for (size_t i = 0; i < 10; i++) {
        timers[i].due_us = 5;
        byok_timers_insert(&heap, &timers[i]);
    }
    for (size_t i = 0; i < 10; i++) {
        cr_assert_eq(byok_timers_first(&heap), &timers[i]);
        byok_timers_remove(&heap, &timers[i]);
    }
    cr_assert_null(byok_timers_first(&heap));
}

Test(timer, removing_what_is_not_set_is_fine)
{
    struct byok_timer timer = {0};
    struct byok_timers heap = {0};
    byok_timers_remove(&heap, &timer);
    byok_timers_insert(&heap, &timer);
    byok_timers_remove(&heap, &timer);
    byok_timers_remove(&heap, &timer);
    cr_assert_null(byok_timers_first(&heap));
}
