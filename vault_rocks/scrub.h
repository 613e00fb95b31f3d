/* SPDX-License-Identifier: MIT */
/* vault_rocks/scrub.h - finds a key, or pieces of it, in texts from outside, and stars them out.
 *
 * byok_slot_scrub (slot.h) does so for bytes as they come over the wire.  Here is what is needed
 * for what was decoded from them: many texts one after the other, texts that come in pieces, and
 * escapes that survive the decoding.  What was found: runs of 8 or more bytes of the key or of its
 * base64 forms; each of their characters may be written as \u00XX, \xXX, %XX, \/.
 * Thread: any; the slot is the caller's.
 */
#ifndef BYOK_VAULT_ROCKS_SCRUB_H
#define BYOK_VAULT_ROCKS_SCRUB_H

#include "vault_rocks/slot.h"

/* What of a text's end can still become a run of 8: eight characters, each of six bytes. */
#define BYOK_SCRUB_TAIL_MAX ((size_t)48)
/* How much of a text must be looked at again with what follows: the tail, and in front of it the
 * seven characters of a run that goes on in it, and the rest of one that is cut. */
#define BYOK_SCRUB_CONTEXT (2 * BYOK_SCRUB_TAIL_MAX)

/* A key made ready to be looked for. */
struct byok_needles;

typedef void (*byok_look)(void *arg, struct byok_needles *needles);

/** Call `look` once with the slot's key made ready; some 10 us, and 21 KiB of stack, which are
 *  wiped.  An empty slot is found nowhere. */
void byok_slot_look(const struct byok_slot *slot, byok_look look, void *arg) BYOK_NONNULL(1, 2);

/** Star out of `out`, which holds the same bytes as `text` or is `text` itself, what is found in
 *  it; `out` NULL: only look.  Returns how many places; one may be counted twice. */
size_t byok_needles_scrub(struct byok_needles *needles, struct byok_str text, char *out)
    BYOK_NONNULL(1);

/** How many of the text's last bytes may go on as a run, and must be kept until it is seen how:
 *  at most 7, and where there are escapes BYOK_SCRUB_TAIL_MAX. */
size_t byok_needles_tail(const struct byok_needles *needles, struct byok_str text) BYOK_NONNULL(1);

#endif
