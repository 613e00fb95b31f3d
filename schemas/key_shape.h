/* SPDX-License-Identifier: MIT */
/* schemas/key_shape.h - what a provider's key looks like, to keep one that is where none belongs from going on. */
#ifndef BYOK_SCHEMAS_KEY_SHAPE_H
#define BYOK_SCHEMAS_KEY_SHAPE_H

#include <stdbool.h>

#include "base/str.h"

/** Whether an argument, or a word of a text, is likely a provider key: a known beginning ("sk-", "AIza", …) of a long
 *  word, or one long run of letters and digits that is no UUID.  Pure. */
bool byok_looks_like_key(struct byok_str text);

/** Whether somewhere in the bytes, in a word or not, is what begins as a known key and goes on with letters and
 *  digits.  Pure. */
bool byok_holds_key(struct byok_str bytes);

#endif
