/* SPDX-License-Identifier: MIT */
/* tests/unit/schemas/trees.h - trees to test with: random ones from a seed, and short spellings. */
#ifndef BYOK_TESTS_SCHEMAS_TREES_H
#define BYOK_TESTS_SCHEMAS_TREES_H

#include <stdint.h>

#include "base/arena.h"
#include "base/str.h"
#include "schemas/codec.h"
#include "schemas/value.h"

/** xorshift64*: the same numbers everywhere, so that a failing seed can be run again. */
uint64_t next_random(uint64_t *state);

/** A tree at most `depth` containers deep, of all types but BYTES and FLOATS, which JSON gives back
 *  as other types. */
struct byok_value random_tree(struct byok_arena *arena, uint64_t *state, int depth);

/** Decode a literal that must be right. */
struct byok_value from_json(struct byok_arena *arena, const char *text);

#endif
