/* SPDX-License-Identifier: MIT */
/* client/sign.h - signing key commands with the key of a file.  Thread: the caller's. */
#ifndef BYOK_CLIENT_SIGN_H
#define BYOK_CLIENT_SIGN_H

#include "client/cli.h"
#include "vault_rocks/keyring.h"
#include "vault_rocks/sign.h"

struct byok_sign;

/** Open the signing key of a file, which its owner alone may read; it stays in guarded memory.
 *  BYOK_E_CONFIG, BYOK_E_NOMEM. */
BYOK_MUST_USE BYOK_NONNULL(1, 2)
enum byok_err byok_sign_open(const char *path, struct byok_sign **out, struct byok_fault *fault);

/** Wipe and release; NULL is fine. */
void byok_sign_close(struct byok_sign *sign);

/** Its public part, borrowed. */
const struct byok_signer *byok_sign_signer(const struct byok_sign *sign) BYOK_NONNULL(1);

/** Sign the command that the tree is (it has all members but the signature) and add the signature
 *  to it.  BYOK_E_BAD_REQUEST: too long; BYOK_E_NOMEM. */
BYOK_MUST_USE BYOK_NONNULL(1, 2, 3)
enum byok_err byok_sign_request(const struct byok_sign *sign, struct byok_arena *arena,
                                struct byok_value *tree, struct byok_fault *fault);

#endif
