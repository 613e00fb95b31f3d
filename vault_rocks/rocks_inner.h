/* SPDX-License-Identifier: MIT */
/* vault_rocks/rocks_inner.h - what rocks.c shows to store_rocks.c and rocks_aside.c, and to nobody else. */
#ifndef BYOK_VAULT_ROCKS_ROCKS_INNER_H
#define BYOK_VAULT_ROCKS_ROCKS_INNER_H

#include <stdbool.h>

#include <rocksdb/c.h>

#include "vault_rocks/rocks.h"

/* The database and one of its tables; both belong to the byok_rocks. */
struct byok_rocks_table {
    rocksdb_t *db;
    rocksdb_column_family_handle_t *family;
    const rocksdb_readoptions_t *read;
    const rocksdb_writeoptions_t *write;
    struct byok_purge **purge; /* of this table; NULL: it is not purged */
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

/** The database's own table, for what is about it as a whole. */
struct byok_rocks_table byok_rocks_meta(struct byok_rocks *rocks) BYOK_NONNULL(1);

const char *byok_rocks_path(const struct byok_rocks *rocks) BYOK_NONNULL(1);

/** Cut the logs of the folder where RocksDB would read for ever; before it is opened.  What cannot be
 *  read or cut stays as it is. */
void byok_rocks_cut_logs(const char *path) BYOK_NONNULL(1);

/** Note in the folder that the database is damaged: the next start sets it aside. */
void byok_rocks_mark_damaged(const char *path) BYOK_NONNULL(1);

#endif
