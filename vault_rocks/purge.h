/* SPDX-License-Identifier: MIT */
/* vault_rocks/purge.h - takes what was deleted or replaced out of RocksDB's files.
 *
 * RocksDB only notes a deletion; the old bytes stay in its log and tables until a compaction comes
 * by, which may be never.  A thread of its own makes that compaction of the range that changed,
 * so that neither the vault nor a shard waits for it.  Private to this folder but for starting it.
 */
#ifndef BYOK_VAULT_ROCKS_PURGE_H
#define BYOK_VAULT_ROCKS_PURGE_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <rocksdb/c.h>

#include "base/err.h"

/* What it works on; borrowed for its life. */
struct byok_purge_base {
    rocksdb_t *db;
    rocksdb_column_family_handle_t *const *families; /* all: their common log goes too */
    size_t family_count;
    rocksdb_column_family_handle_t *purged; /* one of them */
    const atomic_bool *failed; /* a write failed: nothing may be flushed any more */
};

struct byok_purge;

/** Start the thread; what is noted is gone `wait_ms` after its note, and however long the
 *  compaction takes.  The owner ends it by byok_purge_stop.  BYOK_E_NOMEM. */
BYOK_MUST_USE BYOK_NONNULL(1, 3)
enum byok_err byok_purge_start(const struct byok_purge_base *base, int64_t wait_ms,
                               struct byok_purge **out, struct byok_fault *fault);

/** A key's value was replaced or deleted: after that is written.  Any thread; never waits for the disk. */
void byok_purge_note(struct byok_purge *purge, const char *key, size_t len) BYOK_NONNULL(1, 2);

/** Purge what is noted, then end.  NULL is fine. */
void byok_purge_stop(struct byok_purge *purge);

#endif
