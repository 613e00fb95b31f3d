/* SPDX-License-Identifier: MIT */
/* client/vault_copy.h - `byok vault copy`: the sealed keys of one store into another. */
#ifndef BYOK_CLIENT_VAULT_COPY_H
#define BYOK_CLIENT_VAULT_COPY_H

#include "client/cli.h"

struct byok_vault_copy {
    const char *from, *to; /* kind:place, or @FILE that holds that */
    bool merge;
};

/** Copy, with notes of how far it is; what was done is printed.  Ends with a signal, too. */
enum byok_exit byok_vault_copy(struct byok_cli *cli, const struct byok_vault_copy *flags)
    BYOK_NONNULL(1, 2);

/** What a store may be called where all can read it: a URL without user, password and options (and
 *  host, where a '?' may be of the password), in the arena; empty: no memory. */
struct byok_str byok_vault_copy_name(struct byok_arena *arena, const char *url) BYOK_NONNULL(1, 2);

#endif
