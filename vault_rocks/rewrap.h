/* SPDX-License-Identifier: MIT */
/* vault_rocks/rewrap.h - sealing a partition's records anew with the primary master key.
 *
 * In steps, each of which looks at some records and seals anew those of older master keys.  A step
 * writes nothing: the new records go through the changelog first, as registrations do.  A walk may
 * be given up and begun again at any point: what is sealed with the primary already is passed over.
 * Thread: the vault's own.
 */
#ifndef BYOK_VAULT_ROCKS_REWRAP_H
#define BYOK_VAULT_ROCKS_REWRAP_H

#include "vault_rocks/vault.h"

#define BYOK_REWRAP_LOOK_MAX 512u   /* records looked at in a step: well below a millisecond */
#define BYOK_REWRAP_CHANGE_MAX 64u  /* sealed anew in a step: about 0.1 ms, 20 KiB of changelog */
#define BYOK_REWRAP_STUCK_MAX 16u   /* named in a step */

/* A record that cannot be sealed anew, because it does not open. */
struct byok_rewrap_stuck {
    struct byok_str user, provider, label; /* empty: its name is damaged too */
    uint32_t master_key_id;                /* that sealed it; 0: it is no record */
    bool missing;                          /* that master key is not in the ring */
};

struct byok_rewrap_step {
    struct byok_str after; /* where the last step ended; ptr NULL: from the beginning */
    /* out, all in the arena */
    struct byok_write writes[BYOK_REWRAP_CHANGE_MAX];
    size_t count;
    struct byok_rewrap_stuck stuck[BYOK_REWRAP_STUCK_MAX];
    size_t stuck_count; /* may pass BYOK_REWRAP_STUCK_MAX: the others are only counted */
    size_t looked;
    struct byok_str last; /* the next step's `after` */
    bool end;             /* of the partition */
};

/** One step over a partition's table.  The new record keeps owner, origin, dates and fingerprint of
 *  the old one, which were authenticated by opening it; the owner is that of the store's key.
 *  BYOK_E_STORE, BYOK_E_NOMEM: nothing of the step counts; make it again. */
BYOK_MUST_USE BYOK_NONNULL(1, 3, 4)
enum byok_err byok_vault_rewrap(struct byok_vault *vault, int32_t partition,
                                struct byok_rewrap_step *step, struct byok_arena *arena,
                                struct byok_fault *fault);

#endif
