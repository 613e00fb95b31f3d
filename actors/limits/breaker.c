/* SPDX-License-Identifier: MIT */
/* actors/limits/breaker.c - see actors/limits/breaker.h. */
#include "actors/limits/breaker.h"

#include <string.h>

void byok_breaker_init(struct byok_breaker *breaker, const struct byok_breaker_settings *settings,
                       struct byok_tally *tally, uint32_t parts)
{
    *breaker =
        (struct byok_breaker){.settings = settings, .tally = tally, .parts = parts, .ticket = 1};
}

/* ---- the window ---- */

static void forget(struct byok_breaker *breaker)
{
    memset(breaker->tally, 0, 2 * breaker->parts * sizeof *breaker->tally);
}

static void move_window(struct byok_breaker *breaker, int64_t now_us)
{
    int64_t half_us = breaker->settings->window_us / 2 + 1;
    int64_t passed = now_us / half_us - breaker->half;
    struct byok_tally *older = breaker->tally + breaker->parts;
    breaker->half += passed;
    if (passed > 1 || passed < 0) {
        forget(breaker);
    } else if (passed == 1) {
        memcpy(older, breaker->tally, breaker->parts * sizeof *older);
        memset(breaker->tally, 0, breaker->parts * sizeof *older);
    }
}

/* Without the part that fails most, when there are several. */
static struct byok_tally count(const struct byok_breaker *breaker)
{
    struct byok_tally all = {0, 0}, worst = {0, 0};
    for (uint32_t i = 0; i < breaker->parts; i++) {
        const struct byok_tally *newer = &breaker->tally[i], *older = newer + breaker->parts;
        const struct byok_tally part = {newer->calls + older->calls,
                                        newer->failures + older->failures};
        all.calls += part.calls;
        all.failures += part.failures;
        if (breaker->parts > 1 && part.failures > worst.failures)
            worst = part;
    }
    return (struct byok_tally){all.calls - worst.calls, all.failures - worst.failures};
}

bool byok_breaker_others_fail(const struct byok_breaker *breaker)
{
    return count(breaker).failures > 0;
}

/* ---- the states ---- */

static void open_it(struct byok_breaker *breaker, int64_t now_us, uint64_t random)
{
    const struct byok_breaker_settings *settings = breaker->settings;
    int64_t most = settings->open_us;
    for (uint32_t i = 0; i < breaker->openings && most < settings->open_max_us; i++)
        most *= 2;
    if (most > settings->open_max_us)
        most = settings->open_max_us;
    /* half of it at least, so that workers do not come all at once */
    breaker->until_us = now_us + most / 2 + (int64_t)(random % (uint64_t)(most / 2 + 1));
    breaker->state = BYOK_BREAKER_OPEN;
    breaker->openings++;
    breaker->probes = 0;
}

static void close_it(struct byok_breaker *breaker)
{
    breaker->state = BYOK_BREAKER_CLOSED;
    breaker->openings = 0;
    breaker->probes = 0; /* those under way are calls as others are */
    forget(breaker);
}

int64_t byok_breaker_at(const struct byok_breaker *breaker, int64_t now_us)
{
    switch (breaker->state) {
    case BYOK_BREAKER_CLOSED:
        break;
    case BYOK_BREAKER_OPEN:
        return breaker->until_us;
    case BYOK_BREAKER_HALF_OPEN:
        return (int64_t)breaker->probes < breaker->settings->probes ? now_us : INT64_MAX;
    }
    return now_us;
}

uint32_t byok_breaker_enter(struct byok_breaker *breaker, int64_t now_us)
{
    if (breaker->state == BYOK_BREAKER_CLOSED || byok_breaker_at(breaker, now_us) > now_us)
        return 0;
    if (breaker->state == BYOK_BREAKER_OPEN) {
        breaker->state = BYOK_BREAKER_HALF_OPEN;
        breaker->ticket = breaker->ticket == UINT32_MAX ? 1 : breaker->ticket + 1;
    }
    breaker->probes++;
    return breaker->ticket;
}

static bool leave_probe(struct byok_breaker *breaker, int64_t now_us, enum byok_verdict verdict,
                        uint64_t random)
{
    breaker->probes--;
    if (verdict == BYOK_VERDICT_GOOD)
        close_it(breaker);
    else if (verdict == BYOK_VERDICT_BAD)
        open_it(breaker, now_us, random);
    return verdict != BYOK_VERDICT_NONE;
}

bool byok_breaker_leave(struct byok_breaker *breaker, int64_t now_us, uint32_t part,
                        uint32_t ticket, enum byok_verdict verdict, uint64_t random)
{
    if (breaker->state == BYOK_BREAKER_HALF_OPEN && ticket == breaker->ticket)
        return leave_probe(breaker, now_us, verdict, random);
    /* what began before it opened says nothing of now */
    if (breaker->state != BYOK_BREAKER_CLOSED || verdict == BYOK_VERDICT_NONE)
        return false;
    move_window(breaker, now_us);
    breaker->tally[part].calls++;
    if (verdict == BYOK_VERDICT_GOOD)
        return false;
    breaker->tally[part].failures++;
    const struct byok_tally seen = count(breaker);
    const struct byok_breaker_settings *settings = breaker->settings;
    if (settings->calls == 0 || (int64_t)seen.calls < settings->calls ||
        (int64_t)seen.failures * 100 < settings->failure_percent * (int64_t)seen.calls)
        return false;
    open_it(breaker, now_us, random);
    return true;
}
