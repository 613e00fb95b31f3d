/* SPDX-License-Identifier: MIT */
/* vault_rocks/sign.h - who may change keys: Ed25519 signatures over key commands.
 *
 * What is signed (numbers big-endian, texts with a u16 length in front):
 *     "byok command v1" and a NUL | type | id | user | provider | label | at_ms i64 |
 *     expires_ms i64 (0: none) | flags u8 (1: dry_run) | envelope (empty when there is none)
 * So a signature holds for one request id of one user at one time.  A copy of the message has the
 * same id, which is answered once, and is refused when it is older than an envelope may be.
 * A signer is named by the first 8 bytes of the BLAKE2b hash of its public key.
 * Pure; any thread.  Used by the client to sign and by the worker to verify.
 */
#ifndef BYOK_VAULT_ROCKS_SIGN_H
#define BYOK_VAULT_ROCKS_SIGN_H

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "base/str.h"
#include "schemas/request.h"

#define BYOK_SIGNATURE_BYTES 64
#define BYOK_SIGNER_PUBLIC_BYTES 32
#define BYOK_SIGNER_SEED_BYTES 32
#define BYOK_SIGNER_ID_CHARS 16 /* hex */

/* A key command as it is signed; all borrowed. */
struct byok_command_text {
    struct byok_str type, id, user, provider, label;
    int64_t at_wall_ms, expires_wall_ms;
    bool dry_run;
    struct byok_str envelope;
};

/** What the signature of a request that was decoded is about; borrows from it. */
struct byok_command_text byok_command_text_of(const struct byok_request *request) BYOK_NONNULL(1);

/* A public key that may sign. */
struct byok_signer {
    uint8_t public_key[BYOK_SIGNER_PUBLIC_BYTES];
    char id[BYOK_SIGNER_ID_CHARS + 1];
};

/** The signer of a seed (32 secret bytes), which is only read. */
void byok_signer_of_seed(const uint8_t seed[static BYOK_SIGNER_SEED_BYTES], struct byok_signer *out)
    BYOK_NONNULL(1, 2);

/** The signer of a public key in base64 (44 characters); false: it is none, such as a point of small
 *  order, for which signatures can be made without a key. */
bool byok_signer_of_text(struct byok_str base64, struct byok_signer *out) BYOK_NONNULL(2)
    BYOK_MUST_USE;

/** Sign.  BYOK_E_BAD_REQUEST: a text is longer than 65535 bytes or too long in all.
 *  BYOK_E_NOMEM. */
BYOK_MUST_USE BYOK_NONNULL(1, 2, 3)
enum byok_err byok_command_sign(const uint8_t seed[static BYOK_SIGNER_SEED_BYTES],
                                const struct byok_command_text *command,
                                uint8_t out[static BYOK_SIGNATURE_BYTES]);

/** Whether the signature is the signer's for that command. */
bool byok_command_verify(const struct byok_signer *signer, const struct byok_command_text *command,
                         struct byok_str signature) BYOK_NONNULL(1, 2) BYOK_MUST_USE;

#endif
