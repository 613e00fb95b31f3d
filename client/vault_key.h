/* SPDX-License-Identifier: MIT */
/* client/vault_key.h - the vault's public key: what keys are sealed for.
 *
 * It is public, but it must be the right one: whoever can put another in its place reads the keys
 * that are sealed for it.  So it comes from the user's own settings, never from Kafka.
 */
#ifndef BYOK_CLIENT_VAULT_KEY_H
#define BYOK_CLIENT_VAULT_KEY_H

#include "base/arena.h"
#include "base/err.h"
#include "vault_rocks/envelope.h"

#define BYOK_VAULT_KEY_ENV "BYOK_VAULT_KEY"

struct byok_vault_key {
    uint8_t bytes[BYOK_VAULT_PUBLIC_KEY_BYTES];
    char id[2 * BYOK_VAULT_KEY_ID_BYTES + 1]; /* hex, for comparing with the worker's */
};

/** From `given` (base64, or "@FILE" that holds it), or when that is NULL from the environment.
 *  BYOK_E_CONFIG: none is given, or it is none; the text says how to get it. */
BYOK_MUST_USE BYOK_NONNULL(1, 3, 4)
enum byok_err byok_vault_key_find(struct byok_arena *arena, const char *given,
                                  struct byok_vault_key *out, struct byok_fault *fault);

/** Whether one is given at all. */
bool byok_vault_key_given(const char *given);

#endif
