/* SPDX-License-Identifier: MIT */
/* vault_rocks/seal.h - turns a provider key into a sealed record and back.
 *
 * Record (numbers big-endian):
 *   version u8 | algorithm u8 | master key id u32 | issued_wall_ms i64 | created_wall_ms i64 |
 *   expires_wall_ms i64 (version 2 only) | fingerprint 8 | origin u16 length + bytes | salt 16 | commitment 32 | nonce 12 or 24 |
 *   ciphertext | tag 16
 * Version 1 is of a key that does not expire, 2 of one that does.
 * Additional data: everything of the record before the ciphertext, then user, provider, label,
 * each with a u16 length in front (lengths, not separators: "a|b","c" and "a","b|c" differ); and
 * when the key ring has a realm, that, in the same way: a record of another cluster does not open.
 * Encryption key and commitment: keyed BLAKE2b(master, salt | user) -> 64 bytes.  The salt keeps
 * any one key far from the GCM nonce limit; the commitment, compared in constant time, makes sure
 * that one record opens under one master key only.
 * Algorithms: 1 AES-256-GCM (CPUs that have it), 2 XChaCha20-Poly1305 (all).
 * Pure computation on libsodium; knows neither RocksDB nor actors.  Any thread.
 */
#ifndef BYOK_VAULT_ROCKS_SEAL_H
#define BYOK_VAULT_ROCKS_SEAL_H

#include <stdint.h>

#include "base/arena.h"
#include "base/err.h"
#include "vault_rocks/envelope.h"
#include "vault_rocks/keyring.h"
#include "vault_rocks/slot.h"

#define BYOK_FINGERPRINT_BYTES 8

enum byok_seal_algorithm { BYOK_SEAL_AES256GCM = 1, BYOK_SEAL_XCHACHA20POLY1305 = 2 };

/* What may be shown of a stored key.  The fingerprint is keyed by the master key that was the
 * primary at the registration, and stays when the record is sealed anew with another: comparable
 * among keys registered under one master key only. */
struct byok_key_info {
    uint32_t master_key_id;
    int64_t issued_wall_ms;  /* by the client that sealed the envelope */
    int64_t created_wall_ms; /* by the vault */
    int64_t expires_wall_ms; /* from when on it is not used any more; 0: never */
    struct byok_str origin;  /* borrowed from the record */
    char fingerprint[2 * BYOK_FINGERPRINT_BYTES + 1]; /* hex of a hash keyed by the primary master
                                                         key: cannot be recomputed without it */
};

/** Seal the slot's key for `owner`; the record's bytes are in `arena`.
 *  `algorithm` 0: the best this CPU has.  The fingerprint is made here when `info` has none; a key
 *  that is sealed anew keeps the one it has.
 *  BYOK_E_NOMEM; BYOK_E_CONFIG (empty ring, or an algorithm this CPU lacks); BYOK_E_BAD_REQUEST
 *  (an owner that is not valid, too long an origin); BYOK_E_KEY_INVALID (empty slot). */
BYOK_MUST_USE BYOK_NONNULL(1, 2, 3, 5, 6)
enum byok_err byok_seal(const struct byok_keyring *ring, const struct byok_owner *owner,
                        const struct byok_key_info *info, enum byok_seal_algorithm algorithm,
                        const struct byok_slot *slot, struct byok_arena *arena,
                        struct byok_str *out);

/** Open `record` into `slot`, which the caller leased and wipes.  `info` may be NULL.
 *  BYOK_E_KEY_UNREADABLE: malformed, a master key id that is not in the ring (the text names it),
 *  an algorithm this CPU lacks, or the tag or commitment does not match (another owner, another
 *  master key, or damage).  On any error the slot is all zeros. */
BYOK_MUST_USE BYOK_NONNULL(1, 2, 4)
enum byok_err byok_seal_open(const struct byok_keyring *ring, const struct byok_owner *owner,
                             struct byok_str record, struct byok_slot *slot,
                             struct byok_key_info *info, struct byok_fault *fault);

/** Read the clear part only (not authenticated!): for listings. */
BYOK_MUST_USE BYOK_NONNULL(2)
enum byok_err byok_seal_inspect(struct byok_str record, struct byok_key_info *out);

#endif
