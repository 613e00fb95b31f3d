/* SPDX-License-Identifier: MIT */
/* actors/limits/budget.c - see actors/limits/budget.h. */
#include "actors/limits/budget.h"

#include "schemas/result.h"

#define MS_PER_DAY ((int64_t)86400000)
#define LONGEST_MONTH ((int64_t)31)
#define SUM_MAX (INT64_MAX / 2)

/* From 1 on; the end of "2026-11-24". */
static int64_t day_of_month(int64_t wall_ms)
{
    char day[11];
    byok_day_of(wall_ms, day);
    return (day[8] - '0') * 10 + (day[9] - '0');
}

int64_t byok_budget_begin(enum byok_budget_period period, int64_t wall_ms)
{
    if (wall_ms < 0)
        wall_ms = 0;
    int64_t day_ms = wall_ms - wall_ms % MS_PER_DAY;
    return period == BYOK_BUDGET_DAY ? day_ms : day_ms - (day_of_month(wall_ms) - 1) * MS_PER_DAY;
}

int64_t byok_budget_next(enum byok_budget_period period, int64_t wall_ms)
{
    int64_t begin_ms = byok_budget_begin(period, wall_ms);
    return period == BYOK_BUDGET_DAY
               ? begin_ms + MS_PER_DAY
               : byok_budget_begin(period, begin_ms + LONGEST_MONTH * MS_PER_DAY);
}

void byok_budget_roll(struct byok_spending *spent, int64_t wall_ms)
{
    for (int i = 0; i < BYOK_BUDGET_PERIOD_COUNT; i++) {
        int64_t begin_ms = byok_budget_begin((enum byok_budget_period)i, wall_ms);
        if (begin_ms > spent[i].since_wall_ms)
            spent[i] = (struct byok_spending){begin_ms, 0};
    }
}

void byok_budget_recall(struct byok_spending *spent, int64_t wall_ms)
{
    for (int i = 0; i < BYOK_BUDGET_PERIOD_COUNT; i++) {
        int64_t begin_ms = byok_budget_begin((enum byok_budget_period)i, wall_ms);
        if (begin_ms < spent[i].since_wall_ms)
            spent[i].since_wall_ms = begin_ms;
    }
}

bool byok_budget_fits(const struct byok_budget *budget, int64_t spent, int64_t held, int64_t cost)
{
    int64_t left = budget->amount - cost;
    return budget->amount <= 0 || (left >= 0 && spent <= left && held <= left - spent);
}

void byok_budget_add(int64_t *sum, int64_t amount)
{
    int64_t room = amount > 0 ? SUM_MAX - *sum : *sum;
    if (amount > 0)
        *sum = amount < room ? *sum + amount : SUM_MAX;
    else
        *sum = -amount < room ? *sum + amount : 0;
}
