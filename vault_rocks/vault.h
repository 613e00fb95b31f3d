/* SPDX-License-Identifier: MIT */
/* vault_rocks/vault.h - the vault: key ring, sealed records of a store, slots.
 *
 * What the vault actor calls; it holds no queue and no thread of its own.  There is no function
 * that gives a key out but into a slot.  Thread: one (the vault's own), but for the public key.
 */
#ifndef BYOK_VAULT_ROCKS_VAULT_H
#define BYOK_VAULT_ROCKS_VAULT_H

#include "vault_rocks/envelope.h"
#include "vault_rocks/keyring.h"
#include "vault_rocks/seal.h"
#include "vault_rocks/slot.h"
#include "vault_rocks/store.h"

struct byok_vault;

/** Put the parts together; ring, store and slots are borrowed and outlive the vault.
 *
 * Checks the master keys against the store: a check value per key id, sealed at the first start,
 * must open.  BYOK_E_CONFIG: it does not ("master key 1 is not the one this data folder was made
 * with"), or no primary key; BYOK_E_STORE.  Nothing is overwritten on an error.
 */
BYOK_MUST_USE BYOK_NONNULL(1, 2, 3, 4)
enum byok_err byok_vault_new(const struct byok_keyring *ring, struct byok_store *store,
                             struct byok_slots *slots, struct byok_vault **out,
                             struct byok_fault *fault);
void byok_vault_free(struct byok_vault *vault);

/** The key that envelopes are sealed for: derived from the primary master key, so all workers
 *  with the same ring have the same.  Any thread. */
void byok_vault_public_key(const struct byok_vault *vault,
                           uint8_t out[static BYOK_VAULT_PUBLIC_KEY_BYTES]) BYOK_NONNULL(1);

/** The store's key of an owner's record, in the arena: user NUL provider NUL label.  NULL: the
 *  owner is not valid, or no memory (the arena has failed). */
struct byok_str byok_vault_record_key(struct byok_arena *arena, const struct byok_owner *owner)
    BYOK_NONNULL(1, 2);

/** The other way round, borrowed from `key`; false: it is no record's key. */
bool byok_vault_record_owner(struct byok_str key, struct byok_owner *out) BYOK_NONNULL(2);

/* A key.register as the vault gets it, and what becomes of it. */
struct byok_registration {
    struct byok_owner owner;
    struct byok_str origin;   /* of the provider's configuration */
    struct byok_str envelope; /* sealed, from the message */
    int64_t now_wall_ms;
    int64_t max_age_ms; /* of the envelope */
    int64_t expires_wall_ms; /* of the key; 0: never */
    bool replaces;      /* there must be a stored key, whose place it takes */
    int64_t floor_wall_ms; /* when the stored key was issued, as its user's record says; 0: unsaid.
                            * The same again may be the rest of a batch that was written in part */
    struct byok_str record; /* out: sealed, NOT stored */
    struct byok_key_info info; /* out */
};

/** Open a registration: the envelope must name this owner, be for `origin` (or name none), be not
 *  older than `max_age_ms` before `now_wall_ms` (nor more than 5 min after it), and be newer than
 *  the record now stored for the owner (so that a replayed one undoes nothing).  On success the
 *  key is in `slot` and its sealed record in `arena`: the caller stores it after the provider has
 *  accepted the key, through the changelog.
 *  Envelopes sealed for the public key of any master key of the ring are opened.
 *  BYOK_E_BAD_ENVELOPE, BYOK_E_KEY_INVALID, BYOK_E_NO_KEY (nothing to replace), BYOK_E_STORE,
 *  BYOK_E_NOMEM. */
BYOK_MUST_USE BYOK_NONNULL(1, 3, 4, 5)
enum byok_err byok_vault_register(struct byok_vault *vault, int32_t partition,
                                  struct byok_registration *registration, struct byok_arena *arena,
                                  struct byok_slot *slot, struct byok_fault *fault);

/* A stored key as it is wanted. */
struct byok_wanted_key {
    struct byok_owner owner;
    struct byok_str origin; /* where it is to be sent */
    int64_t floor_wall_ms; /* it was issued then or later (byok_user_key_floor) */
};

/** Open the owner's stored key into `slot`.
 *  BYOK_E_NO_KEY: none stored; BYOK_E_KEY_UNREADABLE: as byok_seal_open, or the record's origin is
 *  not the wanted one (a changed base URL cannot send an old key elsewhere); BYOK_E_KEY_OUTDATED:
 *  it is older than wanted, so somebody has put it back; BYOK_E_STORE. */
BYOK_MUST_USE BYOK_NONNULL(1, 3, 4)
enum byok_err byok_vault_unseal(struct byok_vault *vault, int32_t partition,
                                const struct byok_wanted_key *wanted, struct byok_slot *slot,
                                struct byok_key_info *info, struct byok_fault *fault);

/** Whether a record (from the changelog) opens with this ring for the owner its key names; for
 *  restore.  The key is wiped at once. */
BYOK_MUST_USE BYOK_NONNULL(1)
enum byok_err byok_vault_verify(struct byok_vault *vault, struct byok_str record_key,
                                struct byok_str record, struct byok_fault *fault);

/** The store, for applying what has been committed to the changelog. */
struct byok_store *byok_vault_store(struct byok_vault *vault) BYOK_NONNULL(1);

/** The slots. */
struct byok_slots *byok_vault_slots(struct byok_vault *vault) BYOK_NONNULL(1);

#endif
