/* SPDX-License-Identifier: MIT */
/* worker/watch.h - says in the log that a step of the start takes long, and what may be the reason.
 *
 * For calls of libraries that have no deadline and must not be cut off.  It has a thread while it
 * watches.  Thread: begin and end by the same one.
 */
#ifndef BYOK_WORKER_WATCH_H
#define BYOK_WORKER_WATCH_H

#include <stdint.h>

#include "actors/ports/log.h"
#include "base/attr.h"

struct byok_watch;

/* What is said, at each `every_ms` until it ends; all borrowed, literals or of the settings. */
struct byok_watched {
    const char *event, *what, *hint;
    int64_t every_ms;
};

/** NULL: no memory for it; then nothing is said. */
struct byok_watch *byok_watch_begin(struct byok_log *log, struct byok_watched watched)
    BYOK_NONNULL(1);

/** It ended: nothing more is said when this returns. NULL is fine. */
void byok_watch_end(struct byok_watch *watch);

#endif
