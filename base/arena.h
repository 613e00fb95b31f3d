/* SPDX-License-Identifier: MIT */
/* base/arena.h - memory that lives as long as one job and is released at once.
 *
 * Failure is sticky: after an allocation that found no memory (or passed the cap) every further
 * one gives NULL and byok_arena_failed() is true, so a builder checks once, at its end.
 * Thread: one owner at a time; it may move with its message.
 */
#ifndef BYOK_BASE_ARENA_H
#define BYOK_BASE_ARENA_H

#include <stdbool.h>
#include <stddef.h>

#include "base/attr.h"
#include "base/str.h"

struct byok_arena_block;

struct byok_arena {
    struct byok_arena_block *head; /* newest first; NULL: empty */
    size_t used_bytes;             /* taken from the heap so far, headers included */
    size_t cap_bytes;              /* 0: no cap */
    bool failed;   /* no memory, or the cap was passed */
    bool overflow; /* it was the cap: the same work would fail again */
};

/** An empty arena that will take at most `cap_bytes` from the heap (0: no cap). Cannot fail. */
void byok_arena_init(struct byok_arena *arena, size_t cap_bytes) BYOK_NONNULL(1);

/** Release everything; the arena is empty and usable again, its cap unchanged. */
void byok_arena_done(struct byok_arena *arena) BYOK_NONNULL(1);

/** `bytes` zeroed bytes aligned for any type, or NULL (see the sticky failure above). */
void *byok_arena_alloc(struct byok_arena *arena, size_t bytes) BYOK_NONNULL(1) BYOK_MUST_USE;

/** A NUL-terminated copy of `text` (the NUL is not counted in len); on failure the empty slice. */
struct byok_str byok_arena_copy(struct byok_arena *arena, struct byok_str text) BYOK_NONNULL(1);

/** A NUL-terminated formatted text; on failure the empty slice. */
struct byok_str byok_arena_printf(struct byok_arena *arena, const char *format, ...) BYOK_NONNULL(1)
    BYOK_PRINTF(2, 3);

/** Whether `memory` is in it, so that whoever has the arena may write there; takes a look at every
 *  block. */
bool byok_arena_holds(const struct byok_arena *arena, const void *memory) BYOK_NONNULL(1);

/** The same work would need more than the cap, outside of the arena: fail as if it had been asked for. */
static inline void byok_arena_refuse(struct byok_arena *arena)
{
    arena->failed = arena->overflow = true;
}

static inline bool byok_arena_failed(const struct byok_arena *arena)
{
    return arena->failed;
}

#endif
