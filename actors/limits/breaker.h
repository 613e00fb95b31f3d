/* SPDX-License-Identifier: MIT */
/* actors/limits/breaker.h - a circuit breaker: whoever fails is left alone for a while, then asked
 * again.
 *
 * Closed: calls pass, and their ends are counted in a window of time (two halves, so what is looked
 * at is between half a window and a whole one).  It opens when enough of them have failed by the
 * provider's doing.  Open: nothing passes until a time that grows with each opening in a row.  Half
 * open: at most `probes` calls pass at once; the first that ends well closes it, the first that
 * fails opens it again.
 *
 * A breaker that is shared tells users apart by `parts`, and opens only when the calls without
 * those of the part that fails most would open it alone: one user, whatever it does, closes
 * nobody's way.  (Source of the three states: Nygard, Release It!, 2007, chapter 5.)
 * Pure: time and chance come as arguments.
 */
#ifndef BYOK_ACTORS_LIMITS_BREAKER_H
#define BYOK_ACTORS_LIMITS_BREAKER_H

#include <stdbool.h>
#include <stdint.h>

#include "base/attr.h"

struct byok_breaker_settings {
    int64_t calls;           /* within the window, from which on it may open; 0: it never does */
    int64_t failure_percent; /* of them that must have failed */
    int64_t window_us;
    int64_t open_us, open_max_us; /* the first time; the longest */
    int64_t probes;
};

/* How a call ended, as far as its provider is concerned. */
enum byok_verdict {
    BYOK_VERDICT_NONE, /* it was not made, or says nothing */
    BYOK_VERDICT_GOOD, /* it was answered, be it by a refusal */
    BYOK_VERDICT_BAD   /* the provider was not there, or could not */
};

enum byok_breaker_state { BYOK_BREAKER_CLOSED, BYOK_BREAKER_OPEN, BYOK_BREAKER_HALF_OPEN };

struct byok_tally {
    uint32_t calls, failures;
};

struct byok_breaker {
    const struct byok_breaker_settings *settings;
    struct byok_tally *tally; /* of the newer half, then of the older, `parts` each */
    uint32_t parts;
    enum byok_breaker_state state;
    int64_t half;      /* number of the newer half since the clock's beginning */
    int64_t until_us;  /* when it is open: until then */
    uint32_t openings; /* without a success between them */
    uint32_t probes;   /* under way */
    uint32_t ticket;   /* of this half-open time's probes; never 0 */
};

/** A closed one; `tally` has room for 2 * `parts` and lives as long. */
void byok_breaker_init(struct byok_breaker *breaker, const struct byok_breaker_settings *settings,
                       struct byok_tally *tally, uint32_t parts) BYOK_NONNULL(1, 2, 3);

/** When a call may begin: `now_us` or before: now; INT64_MAX: when a probe has ended. */
int64_t byok_breaker_at(const struct byok_breaker *breaker, int64_t now_us) BYOK_NONNULL(1);

/** A call begins, if byok_breaker_at lets it.  Gives the ticket that its end must show; each one
 *  that was given is shown once. */
uint32_t byok_breaker_enter(struct byok_breaker *breaker, int64_t now_us) BYOK_NONNULL(1);

/** A call of that part (below `parts`) has ended.  True: the breaker has opened or closed by it. */
bool byok_breaker_leave(struct byok_breaker *breaker, int64_t now_us, uint32_t part,
                        uint32_t ticket, enum byok_verdict verdict, uint64_t random)
    BYOK_NONNULL(1);

/** Whether anybody but the part that fails most has failed within the window. */
bool byok_breaker_others_fail(const struct byok_breaker *breaker) BYOK_NONNULL(1);

#endif
