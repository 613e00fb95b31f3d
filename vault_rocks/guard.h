/* SPDX-License-Identifier: MIT */
/* vault_rocks/guard.h - guarded memory whose locking is checked; private to this folder.
 *
 * sodium_malloc gives guard pages, a canary, no core dump and wiping on release, but goes on
 * without a word when the memory cannot be locked.  Here that is an error.  Any thread.
 */
#ifndef BYOK_VAULT_ROCKS_GUARD_H
#define BYOK_VAULT_ROCKS_GUARD_H

#include <stddef.h>

#include "base/err.h"

/** `bytes` zeroed bytes that end right before a guard page; NULL: see `fault`, which says what it
 *  was `for_what`.  A size that is a multiple of the type's alignment gives aligned memory.
 *  Costs about 25 us: for what lives long and for the rare calls, not for each unsealing. */
void *byok_guard_new(size_t bytes, const char *for_what, struct byok_fault *fault) BYOK_NONNULL(2)
    BYOK_MUST_USE;

/** Wipe and release; NULL is fine. */
void byok_guard_free(void *memory);

#endif
