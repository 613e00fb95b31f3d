/* SPDX-License-Identifier: MIT */
/* vault_rocks/envelope.h - a user's key on its way to the vault, sealed for it alone.
 *
 * Wire form: version byte 1, 8-byte id of the vault's public key, crypto_box_seal of
 *     version 1 | issued_wall_ms i64 | nonce 16 | then user, provider, label, origin, key, each
 *     as u16 length (big-endian, as all numbers here) and bytes.
 * A sealed box names no sender and binds nothing (libsodium documents both), so what it is for
 * stands inside, and the vault compares it with the message around it.
 * Used by the client to seal and by the vault to open.  Pure; any thread.
 */
#ifndef BYOK_VAULT_ROCKS_ENVELOPE_H
#define BYOK_VAULT_ROCKS_ENVELOPE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/err.h"
#include "base/str.h"
#include "vault_rocks/slot.h"

#define BYOK_VAULT_PUBLIC_KEY_BYTES 32
#define BYOK_VAULT_KEY_ID_BYTES 8
#define BYOK_ENVELOPE_NONCE_BYTES 16

/* Whose key it is, and which. */
struct byok_owner {
    struct byok_str user, provider, label;
};

struct byok_envelope {
    struct byok_owner owner;
    struct byok_str origin; /* scheme://host[:port] the key is for, printable ASCII;
                               empty: the worker's own */
    int64_t issued_wall_ms;
    uint8_t nonce[BYOK_ENVELOPE_NONCE_BYTES];
};

/** Whether every name keeps its limit (base/limits.h), user and provider are not empty, and none
 *  holds a NUL, which parts the names in a store's key. */
bool byok_owner_is_valid(const struct byok_owner *owner) BYOK_NONNULL(1);

/** The id of a public key: the first 8 bytes of its BLAKE2b hash. */
void byok_vault_key_id(const uint8_t public_key[static BYOK_VAULT_PUBLIC_KEY_BYTES],
                       uint8_t out[static BYOK_VAULT_KEY_ID_BYTES]);

/** Seal `key` (left to the caller to wipe) for the vault; fresh nonce.  The bytes are in `arena`.
 *  BYOK_E_KEY_INVALID: the key has other bytes than 0x21..0x7e or a wrong length.
 *  BYOK_E_BAD_REQUEST: a name that is not valid, or no public key.  BYOK_E_NOMEM. */
BYOK_MUST_USE BYOK_NONNULL(1, 2, 5)
enum byok_err byok_envelope_seal(const uint8_t public_key[static BYOK_VAULT_PUBLIC_KEY_BYTES],
                                 const struct byok_envelope *what, struct byok_str key,
                                 struct byok_arena *arena, struct byok_str *out,
                                 struct byok_fault *fault);

/** Open into a slot.  The plaintext exists only in guarded memory and is wiped.
 *  `out`'s slices are copied into `arena` (no key among them).
 *  BYOK_E_BAD_ENVELOPE: wrong version or length, sealed for another vault key (the text names both
 *  ids), does not open, or is malformed inside.  BYOK_E_KEY_INVALID: the key inside cannot be one.
 *  BYOK_E_NOMEM.  On any error the slot is all zeros. */
BYOK_MUST_USE BYOK_NONNULL(1, 2, 4, 5, 6)
enum byok_err byok_envelope_open(const uint8_t public_key[static BYOK_VAULT_PUBLIC_KEY_BYTES],
                                 const uint8_t secret_key[static 32], struct byok_str sealed,
                                 struct byok_arena *arena, struct byok_envelope *out,
                                 struct byok_slot *slot, struct byok_fault *fault);

#endif
