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
    char *url; /* what vault.store_url_file holds, guarded; NULL: none is named */
    char aside[BYOK_ASIDE_BYTES]; /* where a damaged database was moved; "": it was sound */
};

/** Read the master keys.  BYOK_E_CONFIG: none is configured, or one cannot be read. */
BYOK_MUST_USE BYOK_NONNULL(1, 2)
enum byok_err byok_worker_keyring(const struct byok_config *config, struct byok_keyring **out,
                                  struct byok_fault *fault);

/** Whether the vault's settings can be used, without touching the data folder and without a call to
 *  a server.  BYOK_E_CONFIG, BYOK_E_NOMEM. */
BYOK_MUST_USE BYOK_NONNULL(1)
enum byok_err byok_worker_vault_check(const struct byok_config *config, struct byok_fault *fault);

/** What comes before the sandbox: the master keys, the store's URL, the slots, the data folder.  On
 *  an error what was opened is released.  BYOK_E_CONFIG, BYOK_E_STORE, BYOK_E_NOMEM. */
BYOK_MUST_USE BYOK_NONNULL(1, 2)
enum byok_err byok_worker_vault_begin(const struct byok_config *config,
                                      struct byok_worker_vault *out, struct byok_fault *fault);

/** The stores, on what byok_worker_vault_begin made; errors likewise. */
BYOK_MUST_USE BYOK_NONNULL(1, 2)
enum byok_err byok_worker_vault_open(const struct byok_config *config,
                                     struct byok_worker_vault *out, struct byok_fault *fault);

/** The vault, when the store of sealed keys can be read: the first call to a server.  BYOK_E_STORE:
 *  it cannot; may be tried again.  BYOK_E_CONFIG: as byok_vault_new, or a copy into that store was
 *  not finished. */
BYOK_MUST_USE BYOK_NONNULL(1)
enum byok_err byok_worker_vault_unlock(struct byok_worker_vault *vault, struct byok_fault *fault);

/** Whether the sealed keys are on a server. */
bool byok_worker_vault_is_shared(const struct byok_worker_vault *vault) BYOK_NONNULL(1);

/** Remember in the store of sealed keys of which topics they are.  BYOK_E_CONFIG: it holds those of
 *  others, and nothing was changed; BYOK_E_STORE, BYOK_E_NOMEM. */
BYOK_MUST_USE BYOK_NONNULL(1, 2)
enum byok_err byok_worker_vault_identify(struct byok_worker_vault *vault, const char *identity,
                                         struct byok_fault *fault);

/** Release, in order.  A zeroed or half-built one is fine. */
void byok_worker_vault_done(struct byok_worker_vault *vault) BYOK_NONNULL(1);

/** The public key that belongs to the configured master keys, without touching the data folder. */
BYOK_MUST_USE BYOK_NONNULL(1)
enum byok_err byok_worker_public_key(const struct byok_config *config,
                                     uint8_t out[static BYOK_VAULT_PUBLIC_KEY_BYTES],
                                     struct byok_fault *fault);

#endif
