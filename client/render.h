/* SPDX-License-Identifier: MIT */
/* client/render.h - results and times as people read them. */
#ifndef BYOK_CLIENT_RENDER_H
#define BYOK_CLIENT_RENDER_H

#include <stdint.h>
#include <stdio.h>

#include "base/attr.h"
#include "schemas/value.h"

/** One line: status, user, id, what was asked of whom, time and units, or the error. */
void byok_render_head(FILE *to, const struct byok_value *result) BYOK_NONNULL(1, 2);

/** The answer itself: text, tool calls, vectors, audio.  Each line begins with `indent`. Nothing
 *  when there is no answer. */
void byok_render_body(FILE *to, const struct byok_value *result, const char *indent)
    BYOK_NONNULL(1, 2, 3);

#define BYOK_TIME_BYTES 25

/** "2026-11-24T14:42:57.123Z"; "-" for a time before 1970. */
void byok_render_time(int64_t wall_ms, char out[static BYOK_TIME_BYTES]);

#endif
