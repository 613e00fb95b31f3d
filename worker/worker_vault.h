/* SPDX-License-Identifier: MIT */
/* worker/worker_vault.h - master keys, database, stores, slots and vault, as configured. */
#ifndef BYOK_WORKER_WORKER_VAULT_H
#define BYOK_WORKER_WORKER_VAULT_H

#include "vault_rocks/rocks.h"
#include "vault_rocks/vault.h"
#include "worker/config.h"

/* All owned; released together. */
struct byok_worker_vault {
    struct byok_keyring *ring;
    struct byok_rocks *rocks;
    struct byok_store *state;   /* the users' states */
    struct byok_store *records; /* the sealed keys */
    struct byok_slots *slots;
    struct byok_vault *vault;
    char aside[BYOK_ASIDE_BYTES]; /* where a damaged database was moved; "": it was sound */
};

/** Read the master keys.  BYOK_E_CONFIG: none is configured, or one cannot be read. */
BYOK_MUST_USE BYOK_NONNULL(1, 2)
enum byok_err byok_worker_keyring(const struct byok_config *config, struct byok_keyring **out,
                                  struct byok_fault *fault);

/** What comes before the sandbox: the master keys, the slots, the data folder.  On an error what
 *  was opened is released.  BYOK_E_CONFIG, BYOK_E_STORE, BYOK_E_NOMEM. */
BYOK_MUST_USE BYOK_NONNULL(1, 2)
enum byok_err byok_worker_vault_begin(const struct byok_config *config,
                                      struct byok_worker_vault *out, struct byok_fault *fault);

/** The rest, on what byok_worker_vault_begin made; errors likewise. */
BYOK_MUST_USE BYOK_NONNULL(1, 2)
enum byok_err byok_worker_vault_open(const struct byok_config *config,
                                     struct byok_worker_vault *out, struct byok_fault *fault);

/** Release, in order.  A zeroed or half-built one is fine. */
void byok_worker_vault_done(struct byok_worker_vault *vault) BYOK_NONNULL(1);

/** The public key that belongs to the configured master keys, without touching the data folder. */
BYOK_MUST_USE BYOK_NONNULL(1)
enum byok_err byok_worker_public_key(const struct byok_config *config,
                                     uint8_t out[static BYOK_VAULT_PUBLIC_KEY_BYTES],
                                     struct byok_fault *fault);

#endif
