/* SPDX-License-Identifier: MIT */
/* vault_rocks/vault_inner.h - what vault.c shows to rewrap.c and to nobody else. */
#ifndef BYOK_VAULT_ROCKS_VAULT_INNER_H
#define BYOK_VAULT_ROCKS_VAULT_INNER_H

#include "vault_rocks/vault.h"

/** The key ring, borrowed. */
const struct byok_keyring *byok_vault_ring(const struct byok_vault *vault) BYOK_NONNULL(1);

/** The vault's own slot, for what needs no lease; whoever uses it leaves it all zeros. */
struct byok_slot *byok_vault_own_slot(struct byok_vault *vault) BYOK_NONNULL(1);

#endif
