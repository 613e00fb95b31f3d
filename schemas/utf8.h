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

/** The text itself when it is UTF-8, else a copy with each ill-formed byte replaced by U+FFFD. */
struct byok_str byok_utf8_repair(struct byok_arena *arena, struct byok_str text) BYOK_NONNULL(1);

#endif
