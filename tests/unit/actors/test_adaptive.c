/* SPDX-License-Identifier: MIT */
/* tests/unit/actors/test_adaptive.c - how many calls at once are found to be taken. */
#include <criterion/criterion.h>

#include "actors/limits/adaptive.h"

#define S ((int64_t)1000000)

static uint64_t dice = 1;

static int64_t roll(int64_t n)
{
    dice = dice * 6364136223846793005u + 1442695040888963407u;
    return (int64_t)((dice >> 33) % (uint64_t)n);
}

Test(adaptive, begins_with_all_that_is_allowed)
{
    struct byok_adaptive a;
    byok_adaptive_init(&a, 4, 64);
    cr_assert_eq(byok_adaptive_limit(&a), 64);
    byok_adaptive_init(&a, 100, 8);
    cr_assert_eq(byok_adaptive_limit(&a), 8);
    byok_adaptive_cut(&a, S, 2 * S, 8);
    cr_assert_eq(byok_adaptive_limit(&a), 8);
}

Test(adaptive, halves_what_was_under_way_once_per_round_trip)
{
    struct byok_adaptive a;
    byok_adaptive_init(&a, 1, 64);
    for (int i = 0; i < 10; i++)
        byok_adaptive_cut(&a, 1 * S, 2 * S, 40 - i); /* all sent before the first came back */
    cr_assert_eq(byok_adaptive_limit(&a), 20);
    byok_adaptive_cut(&a, 3 * S, 4 * S, 20);
    cr_assert_eq(byok_adaptive_limit(&a), 10);
    byok_adaptive_cut(&a, 5 * S, 6 * S, 2);
    byok_adaptive_cut(&a, 7 * S, 8 * S, 1);
    cr_assert_eq(byok_adaptive_limit(&a), 1);
}

Test(adaptive, grows_by_one_a_round_and_only_while_it_is_in_use)
{
    struct byok_adaptive a;
    byok_adaptive_init(&a, 1, 64);
    byok_adaptive_cut(&a, 1 * S, 2 * S, 20);
    for (int i = 0; i < 1000; i++)
        byok_adaptive_good(&a, 9);
    cr_assert_eq(byok_adaptive_limit(&a), 10);
    for (int round = 0; round < 5; round++) {
        int64_t before = byok_adaptive_limit(&a);
        for (int64_t i = 0; i < before + 1; i++)
            byok_adaptive_good(&a, byok_adaptive_limit(&a));
        cr_assert_eq(byok_adaptive_limit(&a), before + 1);
    }
}

Test(adaptive, a_cap_that_is_told_holds_and_can_rise_again)
{
    struct byok_adaptive a;
    byok_adaptive_init(&a, 1, 64);
    byok_adaptive_cap(&a, 5);
    cr_assert_eq(byok_adaptive_limit(&a), 5);
    for (int i = 0; i < 100; i++)
        byok_adaptive_good(&a, 5);
    cr_assert_eq(byok_adaptive_limit(&a), 5);
    byok_adaptive_cap(&a, 10);
    for (int i = 0; i < 1000; i++)
        byok_adaptive_good(&a, byok_adaptive_limit(&a));
    cr_assert_eq(byok_adaptive_limit(&a), 10);
}

Test(adaptive, stays_within_its_bounds_whatever_comes)
{
    for (int run = 0; run < 300; run++) {
        struct byok_adaptive a;
        int64_t max = 1 + roll(1000), min = 1 + roll(20), now = 0;
        byok_adaptive_init(&a, min, max);
        for (int i = 0; i < 500; i++) {
            int64_t limit = byok_adaptive_limit(&a), busy = 1 + roll(limit);
            now += roll(S);
            if (roll(3) == 0)
                byok_adaptive_cut(&a, now - roll(S), now, busy);
            else
                byok_adaptive_good(&a, busy);
            limit = byok_adaptive_limit(&a);
            cr_assert(limit >= (min < max ? min : max) && limit <= max, "%lld", (long long)limit);
        }
    }
}

/* A provider that takes `room` calls at once and refuses the others: the limit stays about there. */
Test(adaptive, finds_what_is_taken)
{
    for (int64_t room = 2; room <= 50; room += 6) {
        struct byok_adaptive a;
        int64_t now = 0, sum = 0;
        byok_adaptive_init(&a, 1, 64);
        for (int round = 0; round < 2000; round++) {
            int64_t sent = byok_adaptive_limit(&a), began = ++now;
            now++;
            for (int64_t i = 0; i < sent; i++) {
                if (i < room)
                    byok_adaptive_good(&a, sent);
                else
                    byok_adaptive_cut(&a, began, now, sent);
            }
            sum += round >= 1000 ? byok_adaptive_limit(&a) : 0;
        }
        cr_assert(sum >= 1000 * room / 2 && sum <= 1000 * (room + 1), "room %lld, mean %lld",
                  (long long)room, (long long)(sum / 1000));
    }
}
