/* SPDX-License-Identifier: MIT */
/* vault_rocks/store_kinds.h - declares the stores of this build; private to this folder. */
#ifndef BYOK_VAULT_ROCKS_STORE_KINDS_H
#define BYOK_VAULT_ROCKS_STORE_KINDS_H

#include "vault_rocks/store.h"

#define STORE(name) extern const struct byok_store_kind byok_store_kind_##name;
#include "vault_rocks/stores_built.def" /* made by the build from stores.def */
#undef STORE

#endif
