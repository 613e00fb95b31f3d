/* SPDX-License-Identifier: MIT */
/* client/when.h - a time on the command line.  Pure. */
#ifndef BYOK_CLIENT_WHEN_H
#define BYOK_CLIENT_WHEN_H

#include <stdbool.h>
#include <stdint.h>

#include "base/attr.h"

/** A time as Unix ms: RFC 3339 ("2026-12-24T18:00:00Z", "2026-12-24T18:00+01:00"), or a duration
 *  from `now_wall_ms` on ("10m").  False: neither, or before 1970. */
bool byok_when_read(const char *text, int64_t now_wall_ms, int64_t *out_wall_ms) BYOK_NONNULL(1, 3)
    BYOK_MUST_USE;

#endif
