/* SPDX-License-Identifier: MIT */
/* tests/unit/actors/test_budget.c - periods of UTC, and what fits into a budget. */
#include "actors/limits/budget.h"

#include <criterion/criterion.h>

#define DAY_MS ((int64_t)86400000)
#define NOV_24 ((int64_t)20781 * DAY_MS) /* 2026-11-24 */
#define NOV_1 (NOV_24 - 23 * DAY_MS)

Test(budget, days_and_months_are_those_of_utc)
{
    static const struct {
        int64_t at, day, month, next_month;
    } cases[] = {
        {NOV_24, NOV_24, NOV_1, NOV_1 + 30 * DAY_MS},
        {NOV_24 + DAY_MS - 1, NOV_24, NOV_1, NOV_1 + 30 * DAY_MS},
        {NOV_1 - 1, NOV_1 - DAY_MS, NOV_1 - 31 * DAY_MS, NOV_1},
        {0, 0, 0, 31 * DAY_MS},
        {-5, 0, 0, 31 * DAY_MS},
        {789 * DAY_MS, 789 * DAY_MS, 761 * DAY_MS, 790 * DAY_MS}, /* 1972-02-29 */
        {11016 * DAY_MS + 7, 11016 * DAY_MS, 10988 * DAY_MS, 11017 * DAY_MS}, /* 2000-02-29 */
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        cr_expect_eq(byok_budget_begin(BYOK_BUDGET_DAY, cases[i].at), cases[i].day, "%zu", i);
        cr_expect_eq(byok_budget_next(BYOK_BUDGET_DAY, cases[i].at), cases[i].day + DAY_MS);
        cr_expect_eq(byok_budget_begin(BYOK_BUDGET_MONTH, cases[i].at), cases[i].month, "%zu", i);
        cr_expect_eq(byok_budget_next(BYOK_BUDGET_MONTH, cases[i].at), cases[i].next_month, "%zu",
                     i);
    }
}

Test(budget, every_period_ends_where_the_next_begins)
{
    for (int64_t day = 0; day < 366 * 500; day++) {
        for (int p = 0; p < BYOK_BUDGET_PERIOD_COUNT; p++) {
            enum byok_budget_period period = (enum byok_budget_period)p;
            int64_t next = byok_budget_next(period, day * DAY_MS + day % DAY_MS);
            cr_assert_gt(next, day * DAY_MS);
            cr_assert_eq(byok_budget_begin(period, next), next);
            cr_assert_eq(byok_budget_begin(period, next - 1),
                         byok_budget_begin(period, day * DAY_MS));
        }
    }
}

Test(budget, what_was_spent_is_forgotten_in_the_next_period_only)
{
    struct byok_spending spent[BYOK_BUDGET_PERIOD_COUNT] = {{0, 0}, {0, 0}};
    byok_budget_roll(spent, NOV_24 + 5);
    cr_assert_eq(spent[BYOK_BUDGET_DAY].since_wall_ms, NOV_24);
    cr_assert_eq(spent[BYOK_BUDGET_MONTH].since_wall_ms, NOV_1);
    spent[BYOK_BUDGET_DAY].amount = spent[BYOK_BUDGET_MONTH].amount = 7;
    byok_budget_roll(spent, NOV_24 + DAY_MS - 1);
    cr_assert_eq(spent[BYOK_BUDGET_DAY].amount, 7);
    byok_budget_roll(spent, NOV_24 + DAY_MS);
    cr_assert_eq(spent[BYOK_BUDGET_DAY].amount, 0);
    cr_assert_eq(spent[BYOK_BUDGET_MONTH].amount, 7);
    byok_budget_roll(spent, NOV_1 + 30 * DAY_MS);
    cr_assert_eq(spent[BYOK_BUDGET_MONTH].amount, 0);
}

Test(budget, a_clock_that_jumps_back_gives_nothing_anew)
{
    struct byok_spending spent[BYOK_BUDGET_PERIOD_COUNT] = {{NOV_24, 5}, {NOV_1, 9}};
    byok_budget_roll(spent, NOV_24 - 40 * DAY_MS);
    cr_assert_eq(spent[BYOK_BUDGET_DAY].since_wall_ms, NOV_24);
    cr_assert_eq(spent[BYOK_BUDGET_DAY].amount, 5);
    cr_assert_eq(spent[BYOK_BUDGET_MONTH].amount, 9);
    byok_budget_roll(spent, NOV_24);
    cr_assert_eq(spent[BYOK_BUDGET_DAY].amount, 5, "the same day once more");
}

Test(budget, a_period_that_is_to_come_begins_now_with_what_was_spent)
{
    struct byok_spending spent[BYOK_BUDGET_PERIOD_COUNT] = {{NOV_24 + 900 * DAY_MS, 5}, {NOV_1, 9}};
    byok_budget_recall(spent, NOV_24 + 3);
    cr_assert_eq(spent[BYOK_BUDGET_DAY].since_wall_ms, NOV_24);
    cr_assert_eq(spent[BYOK_BUDGET_DAY].amount, 5);
    cr_assert_eq(spent[BYOK_BUDGET_MONTH].since_wall_ms, NOV_1);
}

Test(budget, spent_and_held_and_the_next_call_are_not_above_the_amount)
{
    const struct byok_budget ten = {10, BYOK_BUDGET_DAY}, none = {0, BYOK_BUDGET_DAY};
    cr_assert(byok_budget_fits(&ten, 0, 0, 10));
    cr_assert_not(byok_budget_fits(&ten, 0, 0, 11));
    cr_assert(byok_budget_fits(&ten, 3, 4, 3));
    cr_assert_not(byok_budget_fits(&ten, 4, 4, 3));
    cr_assert_not(byok_budget_fits(&ten, 3, 5, 3));
    cr_assert_not(byok_budget_fits(&ten, 11, 0, 0), "an estimate was too low");
    cr_assert_not(byok_budget_fits(&ten, INT64_MAX / 2, INT64_MAX / 2, INT64_MAX));
    cr_assert(byok_budget_fits(&none, INT64_MAX / 2, INT64_MAX / 2, INT64_MAX));
}

Test(budget, a_sum_stays_within_its_bounds)
{
    int64_t sum = 5;
    byok_budget_add(&sum, 3);
    cr_assert_eq(sum, 8);
    byok_budget_add(&sum, -8);
    cr_assert_eq(sum, 0);
    byok_budget_add(&sum, -1);
    cr_assert_eq(sum, 0);
    byok_budget_add(&sum, INT64_MAX / 2 - 1);
    byok_budget_add(&sum, INT64_MAX / 2);
    cr_assert_eq(sum, INT64_MAX / 2);
}
