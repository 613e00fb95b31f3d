/* SPDX-License-Identifier: MIT */
/* tests/unit/actors/test_breaker.c - when it opens, for how long, and how it closes. */
#include <criterion/criterion.h>

#include "actors/limits/breaker.h"

#define S ((int64_t)1000000)
#define PARTS 8

static const struct byok_breaker_settings settings = {6, 50, 10 * S, S, 30 * S, 2};
static struct byok_tally tally[2 * PARTS];
static struct byok_breaker breaker;

static uint64_t dice = 1;

static uint64_t roll(uint64_t n)
{
    dice = dice * 6364136223846793005u + 1442695040888963407u;
    return (dice >> 33) % n;
}

static void make(uint32_t parts)
{
    byok_breaker_init(&breaker, &settings, tally, parts);
    memset(tally, 0, sizeof tally);
}

static bool end(int64_t now, uint32_t part, enum byok_verdict verdict)
{
    return byok_breaker_leave(&breaker, now, part, 0, verdict, roll(1u << 30));
}

static void open_alone(int64_t now)
{
    make(1);
    for (int i = 0; i < 5; i++)
        cr_assert(!end(now, 0, BYOK_VERDICT_BAD));
    cr_assert(end(now, 0, BYOK_VERDICT_BAD));
}

Test(breaker, opens_when_enough_of_enough_calls_fail)
{
    make(1);
    for (int i = 0; i < 7; i++)
        end(S, 0, BYOK_VERDICT_GOOD);
    for (int i = 0; i < 6; i++)
        cr_assert(!end(S, 0, BYOK_VERDICT_BAD), "%d of %d", i + 1, i + 8);
    cr_assert(end(S, 0, BYOK_VERDICT_BAD));
    cr_assert_gt(byok_breaker_at(&breaker, S), S);
    cr_assert_eq(byok_breaker_enter(&breaker, S), 0);
}

Test(breaker, what_says_nothing_is_not_counted)
{
    make(1);
    for (int i = 0; i < 100; i++)
        cr_assert(!end(S, 0, BYOK_VERDICT_NONE));
    for (int i = 0; i < 5; i++)
        cr_assert(!end(S, 0, BYOK_VERDICT_BAD));
}

Test(breaker, what_is_older_than_the_window_is_forgotten)
{
    make(1);
    for (int i = 0; i < 100; i++)
        cr_assert(!end(i * 3 * S, 0, BYOK_VERDICT_BAD), "one in three seconds");
    cr_assert(!end(1000 * S, 0, BYOK_VERDICT_BAD));
    for (int i = 0; i < 4; i++)
        cr_assert(!end(1000 * S, 0, BYOK_VERDICT_BAD));
}

Test(breaker, zero_calls_switch_it_off)
{
    static struct byok_breaker_settings off; /* outlives the breaker, which is every test's */
    off = settings;
    off.calls = 0;
    make(1);
    breaker.settings = &off;
    for (int i = 0; i < 1000; i++)
        cr_assert(!end(S, 0, BYOK_VERDICT_BAD));
}

Test(breaker, lets_only_so_many_probes_pass_and_the_first_good_one_closes_it)
{
    open_alone(S);
    int64_t at = byok_breaker_at(&breaker, S);
    cr_assert(at >= S + S / 2 && at <= 2 * S);
    uint32_t first = byok_breaker_enter(&breaker, at), second = byok_breaker_enter(&breaker, at);
    cr_assert(first != 0 && second == first);
    cr_assert_eq(byok_breaker_at(&breaker, at), INT64_MAX);
    cr_assert_eq(byok_breaker_enter(&breaker, at), 0);
    cr_assert(!end(at, 0, BYOK_VERDICT_BAD), "of a call that began before");
    cr_assert(!byok_breaker_leave(&breaker, at, 0, second, BYOK_VERDICT_NONE, 0));
    cr_assert_leq(byok_breaker_at(&breaker, at), at, "its place is free");
    cr_assert(byok_breaker_leave(&breaker, at, 0, first, BYOK_VERDICT_GOOD, 0));
    cr_assert_leq(byok_breaker_at(&breaker, at), at);
    for (int i = 0; i < 5; i++)
        cr_assert(!end(at, 0, BYOK_VERDICT_BAD), "what was before is forgotten");
}

Test(breaker, is_open_twice_as_long_each_time_in_a_row)
{
    int64_t now = S, most = S;
    open_alone(now);
    for (int i = 0; i < 12; i++) {
        int64_t at = byok_breaker_at(&breaker, now);
        cr_assert(at >= now + most / 2 && at <= now + most, "%d: %lld", i, (long long)(at - now));
        uint32_t ticket = byok_breaker_enter(&breaker, at);
        cr_assert(byok_breaker_leave(&breaker, at, 0, ticket, BYOK_VERDICT_BAD, roll(1u << 30)));
        now = at;
        most = 2 * most < 30 * S ? 2 * most : 30 * S;
    }
}

Test(breaker, a_probe_of_an_earlier_time_decides_nothing)
{
    open_alone(S);
    uint32_t first = byok_breaker_enter(&breaker, 10 * S);
    (void)byok_breaker_enter(&breaker, 10 * S);
    cr_assert(byok_breaker_leave(&breaker, 10 * S, 0, first, BYOK_VERDICT_BAD, 0));
    cr_assert(!byok_breaker_leave(&breaker, 10 * S, 0, first, BYOK_VERDICT_GOOD, 0));
    uint32_t later = byok_breaker_enter(&breaker, 100 * S);
    cr_assert_neq(later, first);
    cr_assert(!byok_breaker_leave(&breaker, 100 * S, 0, first, BYOK_VERDICT_GOOD, 0));
}

/* ---- properties ---- */

/* Whatever one part does, and however the others' calls lie between, as long as these are good. */
Test(breaker, one_part_alone_never_opens_it_for_the_others)
{
    for (int run = 0; run < 500; run++) {
        make(PARTS);
        int64_t now = (int64_t)roll(1000) * S;
        uint64_t share = 1 + roll(100);
        for (int i = 0; i < 1000; i++) {
            now += (int64_t)roll(2 * S);
            if (roll(100) < share)
                cr_assert(!end(now, 3, roll(5) ? BYOK_VERDICT_BAD : BYOK_VERDICT_GOOD));
            else
                cr_assert(!end(now, (uint32_t)roll(3), BYOK_VERDICT_GOOD));
        }
    }
}

Test(breaker, opens_when_two_parts_find_that_nothing_goes)
{
    make(PARTS);
    for (int i = 0; i < 5; i++) {
        cr_assert(!end(S, 1, BYOK_VERDICT_BAD));
        cr_assert(!end(S, 2, BYOK_VERDICT_BAD));
    }
    bool opened = end(S, 1, BYOK_VERDICT_BAD);
    cr_assert(opened || end(S, 2, BYOK_VERDICT_BAD));
}

struct going {
    uint32_t ticket;
    bool probe;
};

/* Calls begin when it lets them and end in any order and any way: never more probes at once than
 * there may be, and when all is well again it is closed by the first call. */
Test(breaker, never_stays_open_once_all_is_well)
{
    for (int run = 0; run < 500; run++) {
        struct going going[16] = {{0, false}};
        size_t count = 0;
        int64_t now = S;
        make(1);
        for (int i = 0; i < 400; i++) {
            now += (int64_t)roll(S);
            if (count < 16 && byok_breaker_at(&breaker, now) <= now) {
                going[count].ticket = byok_breaker_enter(&breaker, now);
                count++;
            }
            if (count > 0 && roll(2)) {
                size_t one = roll(count);
                (void)byok_breaker_leave(&breaker, now, 0, going[one].ticket,
                                         (enum byok_verdict)roll(3), roll(1u << 30));
                going[one] = going[--count];
            }
            cr_assert_leq(breaker.probes, 2);
        }
        while (count > 0)
            (void)byok_breaker_leave(&breaker, now, 0, going[--count].ticket, BYOK_VERDICT_NONE, 0);
        int64_t at = byok_breaker_at(&breaker, now);
        cr_assert_leq(at, now + 30 * S, "run %d", run);
        now = at > now ? at : now;
        uint32_t ticket = byok_breaker_enter(&breaker, now);
        (void)byok_breaker_leave(&breaker, now, 0, ticket, BYOK_VERDICT_GOOD, 0);
        cr_assert_eq(breaker.state, BYOK_BREAKER_CLOSED, "run %d", run);
    }
}
