/* SPDX-License-Identifier: MIT */
/* tests/unit/actors/test_limit.c - no window of a minute holds more than the limit. */
#include <criterion/criterion.h>

#include "actors/limits/limit.h"

#define S ((int64_t)1000000)
#define MINUTE (60 * S)
#define MOST 4000

/* What passed, and when. */
struct passed {
    int64_t at_us[MOST], units[MOST];
    size_t count;
};

static uint64_t dice = 1;

static int64_t roll(int64_t n)
{
    dice = dice * 6364136223846793005u + 1442695040888963407u;
    return (int64_t)((dice >> 33) % (uint64_t)n);
}

static int64_t busiest_minute(const struct passed *passed)
{
    int64_t most = 0, inside = 0;
    size_t first = 0;
    for (size_t i = 0; i < passed->count; i++) {
        inside += passed->units[i];
        for (; passed->at_us[first] <= passed->at_us[i] - MINUTE; first++)
            inside -= passed->units[first];
        most = inside > most ? inside : most;
    }
    return most;
}

static void pass(struct byok_limit *limit, struct passed *passed, int64_t *now, int64_t cost)
{
    *now += byok_limit_wait_us(limit, *now, cost);
    cr_assert_eq(byok_limit_wait_us(limit, *now, cost), 0);
    (void)byok_limit_take(limit, *now, cost);
    passed->at_us[passed->count] = *now;
    passed->units[passed->count++] = cost;
}

Test(limit, no_minute_holds_more_than_the_limit_for_random_arrivals)
{
    for (int run = 0; run < 300; run++) {
        int64_t per_minute = 1 + roll(300), percent = 1 + roll(100), now = roll(MINUTE);
        struct byok_limit limit = {0};
        static struct passed passed;
        passed.count = 0;
        byok_limit_set(&limit, per_minute, percent);
        for (int i = 0; i < 600; i++) {
            now += roll(3) == 0 ? roll(20 * S) : 0;
            pass(&limit, &passed, &now, 1);
        }
        cr_assert_leq(busiest_minute(&passed), per_minute, "%lld a minute, %lld %%, run %d",
                      (long long)per_minute, (long long)percent, run);
    }
}

Test(limit, no_minute_holds_more_than_the_limit_for_random_costs)
{
    for (int run = 0; run < 300; run++) {
        int64_t per_minute = 10 + roll(5000), percent = 1 + roll(100), now = roll(MINUTE);
        struct byok_limit limit = {0};
        static struct passed passed;
        passed.count = 0;
        byok_limit_set(&limit, per_minute, percent);
        for (int i = 0; i < 300; i++) {
            now += roll(3) == 0 ? roll(60 * S) : 0;
            pass(&limit, &passed, &now, 1 + roll(roll(4) == 0 ? per_minute : per_minute / 10));
        }
        cr_assert_leq(busiest_minute(&passed), per_minute, "%lld a minute, %lld %%, run %d",
                      (long long)per_minute, (long long)percent, run);
    }
}

/* Calls that reserve, last for up to two minutes and use less. */
Test(limit, what_is_given_back_late_breaks_no_window)
{
    for (int run = 0; run < 300; run++) {
        int64_t per_minute = 20 + roll(500), now = roll(MINUTE);
        struct byok_limit limit = {0};
        struct {
            int64_t until, ticket, reserved, used;
            size_t line;
        } going[8] = {{0}};
        static struct passed passed;
        passed.count = 0;
        byok_limit_set(&limit, per_minute, 1 + roll(100));
        for (int i = 0; i < 600; i++) {
            size_t slot = (size_t)roll(8);
            if (going[slot].reserved > 0) {
                now = going[slot].until > now && roll(2) ? going[slot].until : now;
                byok_limit_settle(&limit, now, going[slot].ticket, going[slot].reserved,
                                  going[slot].used);
                going[slot].reserved = 0;
            }
            int64_t cost = 1 + roll(per_minute), used = roll(cost + 1);
            now += byok_limit_wait_us(&limit, now, cost);
            going[slot].ticket = byok_limit_take(&limit, now, cost);
            going[slot].until = now + roll(2 * MINUTE);
            going[slot].reserved = cost;
            going[slot].used = used;
            passed.at_us[passed.count] = now;
            passed.units[passed.count++] = used;
        }
        cr_assert_leq(busiest_minute(&passed), per_minute, "run %d", run);
    }
}

Test(limit, a_burst_may_pass_at_once_and_the_rest_is_paced)
{
    struct byok_limit limit = {0};
    byok_limit_set(&limit, 60, 10);
    cr_assert_eq(limit.burst, 6);
    for (int i = 0; i < 6; i++) {
        cr_assert_eq(byok_limit_wait_us(&limit, S, 1), 0);
        (void)byok_limit_take(&limit, S, 1);
    }
    int64_t wait = byok_limit_wait_us(&limit, S, 1);
    cr_assert(wait > S && wait < 2 * S, "%lld", (long long)wait);
}

Test(limit, what_was_not_used_is_given_back_at_once)
{
    struct byok_limit limit = {0};
    byok_limit_set(&limit, 1000, 50);
    int64_t ticket = byok_limit_take(&limit, S, 500);
    cr_assert_gt(byok_limit_wait_us(&limit, S, 500), 0);
    byok_limit_settle(&limit, S, ticket, 500, 0);
    cr_assert_eq(byok_limit_wait_us(&limit, S, 500), 0);
}

Test(limit, more_than_reserved_is_owed)
{
    struct byok_limit limit = {0};
    byok_limit_set(&limit, 100, 10);
    int64_t ticket = byok_limit_take(&limit, S, 1);
    byok_limit_settle(&limit, S, ticket, 1, 60);
    cr_assert_gt(byok_limit_wait_us(&limit, S, 1), 30 * S);
}

Test(limit, a_cost_above_the_limit_counts_as_the_limit)
{
    struct byok_limit limit = {0};
    byok_limit_set(&limit, 100, 10);
    int64_t wait = byok_limit_wait_us(&limit, 1000 * S, 1000000);
    cr_assert_leq(wait, 2 * MINUTE);
}

Test(limit, none_lets_everything_pass)
{
    struct byok_limit limit = {0};
    byok_limit_set(&limit, 0, 10);
    for (int i = 0; i < 1000; i++) {
        cr_assert_eq(byok_limit_wait_us(&limit, S, INT64_MAX), 0);
        byok_limit_settle(&limit, S, byok_limit_take(&limit, S, INT64_MAX), INT64_MAX, 0);
    }
    cr_assert_eq(byok_limit_debt_us(&limit, S), 0);
}

Test(limit, debts_survive_a_restart)
{
    struct byok_limit limit = {0}, after = {0};
    byok_limit_set(&limit, 60, 10);
    for (int i = 0; i < 6; i++)
        (void)byok_limit_take(&limit, S, 1);
    int64_t debt = byok_limit_debt_us(&limit, S);
    byok_limit_set(&after, 60, 10);
    byok_limit_load(&after, 77 * S, debt, S / 2);
    int64_t early = byok_limit_wait_us(&limit, S + S / 2, 1);
    early -= byok_limit_wait_us(&after, 77 * S, 1);
    cr_assert(early >= -1 && early <= 1, "%lld", (long long)early);
    byok_limit_load(&after, 77 * S, debt, -5 * S); /* the clock went back */
    cr_assert_geq(byok_limit_wait_us(&after, 77 * S, 1) + 1, byok_limit_wait_us(&limit, S, 1));
}

Test(limit, a_change_keeps_what_is_owed)
{
    struct byok_limit limit = {0};
    byok_limit_set(&limit, 10, 100);
    (void)byok_limit_take(&limit, S, 10);
    int64_t debt = byok_limit_debt_us(&limit, S);
    byok_limit_set(&limit, 5, 100);
    cr_assert_eq(byok_limit_debt_us(&limit, S), debt);
}

Test(limit, huge_limits_overflow_nothing)
{
    const int64_t sizes[] = {1, 1000000000, (int64_t)1 << 40, (int64_t)1 << 53};
    const int64_t percents[] = {1, 50, 100};
    for (size_t i = 0; i < 4; i++) {
        for (size_t j = 0; j < 3; j++) {
            struct byok_limit limit = {0};
            byok_limit_set(&limit, sizes[i], percents[j]);
            for (int k = 0; k < 20; k++) {
                (void)byok_limit_wait_us(&limit, S * k, INT64_MAX);
                int64_t ticket = byok_limit_take(&limit, S * k, INT64_MAX);
                byok_limit_settle(&limit, S * k, ticket, INT64_MAX, k % 2 ? INT64_MAX : 0);
            }
            (void)byok_limit_debt_us(&limit, S);
        }
    }
}
