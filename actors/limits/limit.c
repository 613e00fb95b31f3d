/* SPDX-License-Identifier: MIT */
/* actors/limits/limit.c - see actors/limits/limit.h. */
#include "actors/limits/limit.h"

#define WINDOW_NS (((int64_t)60000000 + BYOK_LIMIT_SLACK_US) * 1000)
#define FAR_NS (INT64_MAX / 4) /* 73 years */

void byok_limit_set(struct byok_limit *limit, int64_t per_minute, int64_t burst_percent)
{
    limit->per_minute = per_minute;
    if (per_minute <= 0)
        return;
    int64_t burst = per_minute / 100 * burst_percent + per_minute % 100 * burst_percent / 100;
    limit->burst = burst < 1 ? 1 : burst;
    int64_t paced = per_minute - limit->burst + 1;
    limit->interval_ns = (WINDOW_NS + paced - 1) / paced; /* up: never above the limit */
}

static int64_t bounded(const struct byok_limit *limit, int64_t cost)
{
    return cost > limit->per_minute ? limit->per_minute : cost;
}

/* The time of so many units; no sum of two can overflow. */
static int64_t span_ns(const struct byok_limit *limit, int64_t units)
{
    return units > FAR_NS / limit->interval_ns ? FAR_NS : units * limit->interval_ns;
}

static void delay(struct byok_limit *limit, int64_t from_ns, int64_t by_ns)
{
    limit->tat_ns = from_ns > FAR_NS ? from_ns : from_ns + by_ns;
}

/* A cost is allowed at a time t when the TAT is not above t + (burst - cost) * T. */
int64_t byok_limit_wait_us(const struct byok_limit *limit, int64_t now_us, int64_t cost)
{
    if (limit->per_minute <= 0)
        return 0;
    int64_t room_ns = span_ns(limit, limit->burst) - span_ns(limit, bounded(limit, cost));
    int64_t early_ns = limit->tat_ns - room_ns - now_us * 1000;
    return early_ns <= 0 ? 0 : (early_ns + 999) / 1000;
}

int64_t byok_limit_take(struct byok_limit *limit, int64_t now_us, int64_t cost)
{
    if (limit->per_minute <= 0)
        return 0;
    int64_t units = bounded(limit, cost), now_ns = now_us * 1000;
    delay(limit, limit->tat_ns > now_ns ? limit->tat_ns : now_ns, span_ns(limit, units));
    limit->taken += (uint64_t)units;
    return (int64_t)limit->taken;
}

void byok_limit_settle(struct byok_limit *limit, int64_t now_us, int64_t ticket, int64_t reserved,
                       int64_t used)
{
    if (limit->per_minute <= 0)
        return;
    int64_t units = bounded(limit, reserved);
    if (used >= units) {
        delay(limit, limit->tat_ns, span_ns(limit, used - units));
        return;
    }
    int64_t behind_ns = span_ns(limit, (int64_t)(limit->taken - (uint64_t)ticket));
    int64_t owed_ns = limit->tat_ns - now_us * 1000 - behind_ns; /* of this cost and before it */
    int64_t back_ns = span_ns(limit, units - used);
    if (back_ns > owed_ns)
        back_ns = owed_ns;
    if (back_ns > 0)
        limit->tat_ns -= back_ns;
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
