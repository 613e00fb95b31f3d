/* SPDX-License-Identifier: MIT */
/* schemas/utf8.h - is it UTF-8, and if not, make it so.  Pure; any thread. */
#ifndef BYOK_SCHEMAS_UTF8_H
#define BYOK_SCHEMAS_UTF8_H

#include <stdbool.h>
#include <stddef.h>

#include "base/arena.h"
#include "base/str.h"

/** How many bytes from the start are well-formed UTF-8 (Unicode table 3-7: no overlong forms, no
 *  surrogates): `text.len` when all of it is. */
size_t byok_utf8_valid(struct byok_str text);

/** What `text` begins with, when that is one character that steers how the others are shown: a
 *  control (U+0000 to 001F, 007F to 009F) or, with `bidi`, an embedding, override or isolate of
 *  bidirectional text (U+202A to 202E, 2066 to 2069).  Its length, and the character in `*out`; 0:
 *  it begins with none. */
size_t byok_utf8_steers(struct byok_str text, bool bidi, unsigned *out) BYOK_NONNULL(3);

/** The text itself when it is UTF-8, else a copy with each ill-formed byte replaced by U+FFFD. */
struct byok_str byok_utf8_repair(struct byok_arena *arena, struct byok_str text) BYOK_NONNULL(1);

#endif
