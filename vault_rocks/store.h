/* SPDX-License-Identifier: MIT */
/* vault_rocks/store.h - the contract of a keyed table with partitions: sealed keys, users' state.
 *
 * A store holds opaque bytes by (partition, key).  Beside them it keeps, per partition, the
 * changelog position: the offset up to which the changelog is contained.  Writes and position
 * change together or not at all, so after a crash a partition is a prefix of its changelog.
 * Thread: one table of one partition is used by one thread at a time; different partitions may be
 * used by different threads at once.  Calls may block for the disk.
 * A new store is one file with one `struct byok_store_ops` and one line in stores.def.
 */
#ifndef BYOK_VAULT_ROCKS_STORE_H
#define BYOK_VAULT_ROCKS_STORE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/err.h"
#include "base/str.h"

struct byok_write {
    struct byok_str key;
    struct byok_str value; /* ignored when erase */
    bool erase;
};

struct byok_store;

/** Called for each entry of a scan, in key order; false ends it. The slices live for the call. */
typedef bool (*byok_store_each)(void *arg, struct byok_str key, struct byok_str value);

struct byok_store_ops {
    const char *name;
    /** Copy the value into `arena`; out->ptr is NULL when there is no such key. */
    enum byok_err (*get)(struct byok_store *store, int32_t partition, struct byok_str key,
                         struct byok_arena *arena, struct byok_str *out, struct byok_fault *fault);
    /** All writes in order and, when `position` >= 0, the new changelog position: atomically. */
    enum byok_err (*apply)(struct byok_store *store, int32_t partition,
                           const struct byok_write *writes, size_t count, int64_t position,
                           struct byok_fault *fault);
    /** The changelog position; -1: none yet. */
    enum byok_err (*position)(struct byok_store *store, int32_t partition, int64_t *out,
                              struct byok_fault *fault);
    enum byok_err (*scan)(struct byok_store *store, int32_t partition, struct byok_str prefix,
                          byok_store_each each, void *arg, struct byok_fault *fault);
    /** The same over the whole partition, from the first key behind `after` on, which need not be
     *  there any more (ptr NULL: from the first); so that a long walk can be made in steps. */
    enum byok_err (*scan_after)(struct byok_store *store, int32_t partition, struct byok_str after,
                                byok_store_each each, void *arg, struct byok_fault *fault);
    /** Forget a partition, position included (it is rebuilt from its changelog). */
    enum byok_err (*drop)(struct byok_store *store, int32_t partition, struct byok_fault *fault);
    /** Make everything written so far survive a power failure. */
    enum byok_err (*sync)(struct byok_store *store, struct byok_fault *fault);
    void (*free)(struct byok_store *store);
};

/* An implementation begins its own struct with this one. */
struct byok_store {
    const struct byok_store_ops *ops;
};

/* Partition of what belongs to no partition of the topic, e.g. the key ring's check values. */
#define BYOK_PARTITION_NONE (-1)

/** A store in memory: for tests, and for workers that rebuild from the changelog at every start.
 *  NULL: no memory. Any number of threads. */
struct byok_store *byok_store_memory_new(void) BYOK_MUST_USE;

struct byok_rocks;

/** A table of an open RocksDB (see rocks.h), which must outlive it. NULL: no memory. */
struct byok_store *byok_store_rocks_new(struct byok_rocks *rocks, const char *table) BYOK_MUST_USE;

#endif
