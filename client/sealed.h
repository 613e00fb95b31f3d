/* SPDX-License-Identifier: MIT */
/* client/sealed.h - what the vault's topic says of the stored keys: whose, which master key, dates.
 *
 * Reads the clear part of sealed records only; it is not authenticated (that takes the master key),
 * and there is no way to a key here.  Thread: the caller's.
 */
#ifndef BYOK_CLIENT_SEALED_H
#define BYOK_CLIENT_SEALED_H

#include "client/kafka.h"
#include "schemas/state.h"
#include "vault_rocks/vault.h"

#include <uthash.h>

/* One stored key. */
struct byok_sealed {
    UT_hash_handle hh;
    struct byok_owner owner; /* empty: its name is damaged */
    struct byok_key_info info;
    bool
        readable; /* else it is no record of a version that this program knows, and info is empty */
    char origin[BYOK_ORIGIN_MAX + 1];
    /* by byok_sealed_describe, of the user's record */
    bool known; /* there is one; all zero when it lists no such key */
    bool preferred; /* jobs that name no label use it */
    bool outdated; /* it is not opened: a newer one was stored, or deleted */
    struct byok_user_key state;
    size_t key_len;
    char key[]; /* the record's; `owner` borrows from it */
};

struct byok_sealed_table {
    struct byok_sealed *entries; /* a uthash table by key */
};

/** Take a record of the vault's topic: the last one of a key stands, an empty one removes it.
 *  False: no memory. */
bool byok_sealed_put(struct byok_sealed_table *table, struct byok_str key, struct byok_str value)
    BYOK_NONNULL(1) BYOK_MUST_USE;

/** In the order of user, provider and label. */
void byok_sealed_sort(struct byok_sealed_table *table) BYOK_NONNULL(1);

void byok_sealed_done(struct byok_sealed_table *table) BYOK_NONNULL(1);

/** All stored keys as they are now, of one user or (empty) of all.  BYOK_E_BROKER, BYOK_E_NOMEM. */
BYOK_MUST_USE BYOK_NONNULL(1, 3, 4)
enum byok_err byok_sealed_read(struct byok_cli *cli, struct byok_str user,
                               struct byok_sealed_table *out, struct byok_fault *fault);

/** What the users' records, in the state's topic, say of the keys of a table that was read for the
 *  same user.  BYOK_E_BROKER, BYOK_E_NOMEM: what was read so far stands. */
BYOK_MUST_USE BYOK_NONNULL(1, 3, 4)
enum byok_err byok_sealed_describe(struct byok_cli *cli, struct byok_str user,
                                   struct byok_sealed_table *table, struct byok_fault *fault);

#endif
