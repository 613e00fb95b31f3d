/* SPDX-License-Identifier: MIT */
/* actors/limit.c - see actors/limit.h. */
#include "actors/limit.h"

#define MINUTE_NS ((int64_t)60000000000)

void byok_limit_set(struct byok_limit *limit, int64_t per_minute, int64_t burst_percent)
{
    limit->per_minute = per_minute;
    if (per_minute <= 0)
        return;
    int64_t burst = per_minute / 100 * burst_percent + per_minute % 100 * burst_percent / 100;
    limit->burst = burst < 1 ? 1 : burst;
    int64_t paced = per_minute - limit->burst + 1;
    limit->interval_ns = (MINUTE_NS + paced - 1) / paced; /* up: never above the limit */
}

static int64_t bounded(const struct byok_limit *limit, int64_t cost)
{
    return cost > limit->per_minute ? limit->per_minute : cost;
}

/* The TAT that allows `cost` at a time t is t + (burst - cost) * T. */
int64_t byok_limit_wait_us(const struct byok_limit *limit, int64_t now_us, int64_t cost)
{
    if (limit->per_minute <= 0)
        return 0;
    int64_t room_ns = (limit->burst - bounded(limit, cost)) * limit->interval_ns;
    int64_t early_ns = limit->tat_ns - room_ns - now_us * 1000;
    return early_ns <= 0 ? 0 : (early_ns + 999) / 1000;
}

void byok_limit_take(struct byok_limit *limit, int64_t now_us, int64_t cost)
{
    if (limit->per_minute <= 0)
        return;
    int64_t units = bounded(limit, cost);
    int64_t now_ns = now_us * 1000;
    int64_t over = units > limit->burst ? units - limit->burst : 0;
    int64_t base = now_ns - over * limit->interval_ns;
    if (limit->tat_ns > base)
        base = limit->tat_ns;
    limit->tat_ns = base + units * limit->interval_ns;
}

void byok_limit_settle(struct byok_limit *limit, int64_t reserved, int64_t used)
{
    if (limit->per_minute <= 0)
        return;
    limit->tat_ns += (used - bounded(limit, reserved)) * limit->interval_ns;
}

int64_t byok_limit_debt_us(const struct byok_limit *limit, int64_t now_us)
{
    if (limit->per_minute <= 0)
        return 0;
    int64_t debt_us = limit->tat_ns / 1000 - now_us;
    return debt_us > 0 ? debt_us : 0;
}

void byok_limit_load(struct byok_limit *limit, int64_t now_us, int64_t debt_us, int64_t passed_us)
{
    int64_t left = debt_us - (passed_us > 0 ? passed_us : 0);
    limit->tat_ns = (now_us + (left > 0 ? left : 0)) * 1000;
}
