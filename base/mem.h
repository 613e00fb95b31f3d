/* SPDX-License-Identifier: MIT */
/* base/mem.h - the only door to the heap outside arenas and buffers.
 *
 * One place, so that the fault tests can make the n-th allocation fail and the linter can find
 * every other caller of malloc.  Memory is zeroed when given and when released.
 */
#ifndef BYOK_BASE_MEM_H
#define BYOK_BASE_MEM_H

#include <stddef.h>

#include "base/attr.h"

/** `count` objects of `size` bytes, all zero; NULL when there is no memory. Any thread. */
void *byok_new(size_t count, size_t size) BYOK_MUST_USE;

/** Give back what byok_new gave, wiping it; NULL is fine. Any thread. */
void byok_delete(void *memory);

/** Resize to `count` objects of `size` bytes; on NULL the old block is still the caller's.
 *  The old block, when moved, is wiped.  New bytes are not zeroed. */
void *byok_renew(void *memory, size_t count, size_t size) BYOK_MUST_USE;

#endif
