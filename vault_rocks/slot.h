/* SPDX-License-Identifier: MIT */
/* vault_rocks/slot.h - guarded memory for opened keys, leased for one call.
 *
 * All slots are one slab of sodium_malloc memory: locked (no swap), out of core dumps, with guard
 * pages.  A slot holds
 *     [ room for the header's name and prefix, right-aligned | key | NUL ]
 * so that the header line of a call ("Authorization: Bearer sk-…") is made in place, without a
 * copy.  No function prints or returns a key by value; the only reader is the HTTP port.
 * Thread: lease and release from any thread; a slot's bytes belong to whoever holds the lease.
 */
#ifndef BYOK_VAULT_ROCKS_SLOT_H
#define BYOK_VAULT_ROCKS_SLOT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "base/limits.h"
#include "base/str.h"

#define BYOK_SLOT_HEAD_BYTES 128

struct byok_slots; /* the slab */

struct byok_slot {
    char head[BYOK_SLOT_HEAD_BYTES];
    char key[BYOK_KEY_MAX + 1]; /* NUL-terminated */
    uint32_t len;               /* of the key */
};

/** Make `count` slots.
 * BYOK_E_CONFIG  `count` is 0
 * BYOK_E_NOMEM   no memory, or the memory cannot be locked: the text names RLIMIT_MEMLOCK and the
 *                bytes needed (sodium_malloc itself would go on unlocked without a word)
 */
BYOK_MUST_USE BYOK_NONNULL(2)
enum byok_err byok_slots_new(uint32_t count, struct byok_slots **out, struct byok_fault *fault);

/** Wipe and release the slab; every lease has ended. NULL is fine. */
void byok_slots_free(struct byok_slots *slots);

/** A zeroed slot for the caller alone, or NULL when all are leased. */
struct byok_slot *byok_slots_lease(struct byok_slots *slots) BYOK_NONNULL(1) BYOK_MUST_USE;

/** Wipe the slot, and what of it the thread has in registers, and give it back; `*slot` becomes
 *  NULL.  A NULL slot is fine. */
void byok_slots_release(struct byok_slots *slots, struct byok_slot **slot) BYOK_NONNULL(1, 2);

/** How many slots are leased now. */
uint32_t byok_slots_leased(struct byok_slots *slots) BYOK_NONNULL(1);

/** How many can be leased now. */
uint32_t byok_slots_idle(struct byok_slots *slots) BYOK_NONNULL(1);

/** Whether it can be a key: BYOK_KEY_MIN..MAX bytes of 0x21..0x7e (so no CR, LF, NUL or space can
 *  reach a header). */
bool byok_slot_accepts(struct byok_str key);

/** Copy a key in. BYOK_E_KEY_INVALID: not acceptable as above; the slot is all zeros. */
BYOK_MUST_USE BYOK_NONNULL(1)
enum byok_err byok_slot_set(struct byok_slot *slot, struct byok_str key);

/** Write "<name>: <prefix>" in front of the key and return the whole line, NUL-terminated, inside
 *  the slot; NULL when it does not fit into BYOK_SLOT_HEAD_BYTES or there is no key. */
const char *byok_slot_header(struct byok_slot *slot, const char *name, const char *prefix)
    BYOK_NONNULL(1, 2, 3) BYOK_MUST_USE;

/** Overwrite with '*' every occurrence in `bytes` of the slot's key, and of any run of 8 or more
 *  of its bytes, and of 8 or more characters of its base64 form (a Basic header's echo).
 *  For answers and errors before they go anywhere.  Returns how many places. */
size_t byok_slot_scrub(const struct byok_slot *slot, char *bytes, size_t len) BYOK_NONNULL(1);

struct byok_span {
    char *ptr;
    size_t len;
};

/** The same in several texts; what is derived from the key, the most of the work for short ones, is
 *  made once for all of them. */
size_t byok_slot_scrub_all(const struct byok_slot *slot, const struct byok_span *texts,
                           size_t count) BYOK_NONNULL(1);

#endif
