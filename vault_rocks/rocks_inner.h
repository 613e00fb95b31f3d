/* SPDX-License-Identifier: MIT */
/* vault_rocks/rocks_inner.h - what rocks.c shows to store_rocks.c and to nobody else. */
#ifndef BYOK_VAULT_ROCKS_ROCKS_INNER_H
#define BYOK_VAULT_ROCKS_ROCKS_INNER_H

#include <rocksdb/c.h>

#include "vault_rocks/rocks.h"

/* The database and one of its tables; both belong to the byok_rocks. */
struct byok_rocks_table {
    rocksdb_t *db;
    rocksdb_column_family_handle_t *family;
    const rocksdb_readoptions_t *read;
    const rocksdb_writeoptions_t *write;
};

/** False: there is no table of that name. */
bool byok_rocks_table(struct byok_rocks *rocks, const char *table, struct byok_rocks_table *out)
    BYOK_NONNULL(1, 2, 3) BYOK_MUST_USE;

/** To be asked before every write and sync.  After a failed write the log is in doubt, and RocksDB
 *  takes no write until it is opened anew (to sync such a log even ends the process in a build with
 *  its asserts on, as Debian's is), so from then on this refuses.  Any thread. */
enum byok_err byok_rocks_may_write(struct byok_rocks *rocks, struct byok_fault *fault)
    BYOK_NONNULL(1) BYOK_MUST_USE;

/** As byok_rocks_fault, and no more writes from now on. */
enum byok_err byok_rocks_write_fault(struct byok_rocks *rocks, const char *doing, char *error,
                                     struct byok_fault *fault) BYOK_NONNULL(1, 2, 3);

/** Translate RocksDB's error text, which is released, to BYOK_E_STORE with a text that says where,
 *  while doing what, and what can be done. */
enum byok_err byok_rocks_fault(const struct byok_rocks *rocks, const char *doing, char *error,
                               struct byok_fault *fault) BYOK_NONNULL(1, 2, 3);

#endif
