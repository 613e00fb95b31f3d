/* SPDX-License-Identifier: MIT */
/* vault_rocks/store.h - the contract of a keyed table with partitions: sealed keys, users' state.
 *
 * A store holds opaque bytes by (partition, key).  Beside them it keeps, per partition, the
 * changelog position: the offset up to which the changelog is contained.  It never says more than is
 * contained, so after a crash a partition is filled up from its changelog and right again.
 * Thread: one table of one partition is used by one thread at a time; different partitions may be
 * used by different threads at once.  Calls may block for the disk, or for a server as long as
 * the place's timeout says.
 * A new store is one file with one `struct byok_store_kind` and one line in stores.def.
 *
 * A *shared* store stands on a server that other workers use too.  There a worker that has lost a
 * partition without knowing it must not undo what the next one wrote: a batch whose position is not
 * above the stored one changes nothing and is no error, because it is contained.  Its keys have at
 * most BYOK_STORE_KEY_MAX bytes.  A server that is away is BYOK_E_STORE, within the timeout and at
 * once while it is known; the store connects again by itself.
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

#define BYOK_STORE_KEY_MAX ((size_t)1024) /* names at their limits take 386 bytes */
#define BYOK_STORE_NO_PARTITION INT64_MAX

struct byok_store_ops {
    const char *name;
    bool shared; /* on a server, with other workers */
    /** Copy the value into `arena`; out->ptr is NULL when there is no such key. */
    enum byok_err (*get)(struct byok_store *store, int32_t partition, struct byok_str key,
                         struct byok_arena *arena, struct byok_str *out, struct byok_fault *fault);
    /** All writes in order and, when `position` >= 0, the new changelog position.  The position
     *  changes with the last write or after it; a batch that failed may be there in part (of the
     *  stores so far only in mongodb) and is made again, to the same effect. */
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
    /** The lowest partition not below `from` with an entry or a position, or
     *  BYOK_STORE_NO_PARTITION. */
    enum byok_err (*next)(struct byok_store *store, int64_t from, int64_t *out,
                          struct byok_fault *fault);
    /** Reads that were and were not answered from memory so far; NULL: there is no such memory. */
    void (*uses)(struct byok_store *store, uint64_t *hits, uint64_t *misses);
    void (*free)(struct byok_store *store);
};

/* An implementation begins its own struct with this one. */
struct byok_store {
    const struct byok_store_ops *ops;
};

struct byok_rocks;

/* What a store is opened on; borrowed for the call. */
struct byok_store_place {
    struct byok_rocks *rocks; /* of the process; NULL: rocks opens the folder that `url` names */
    const char *table; /* in it, or in the folder; a server has a place for keys only */
    const char *url; /* of a server; may hold a password, so no text repeats it; or NULL */
    int64_t timeout_ms; /* of one call to a server */
};

struct byok_store_kind {
    const struct byok_store_ops *ops;
    const char *also; /* a second scheme of its URLs, or NULL */
    /** BYOK_E_CONFIG: the URL is none, or the server holds something of a newer version;
     *  BYOK_E_STORE; BYOK_E_NOMEM.  A server is not asked before the first call. */
    enum byok_err (*open)(const struct byok_store_place *place, struct byok_store **out,
                          struct byok_fault *fault);
};

/** The index-th store that this build has; NULL: there are not so many. */
const struct byok_store_kind *byok_store_kind_at(size_t index);

/** The store of that name or scheme of URLs, or NULL. */
const struct byok_store_kind *byok_store_kind_find(struct byok_str name);

/** Open a store by name; the caller frees `*out` by its ops.  BYOK_E_CONFIG: this build has none of
 *  that name (the text says which it has), or as of its kind. */
BYOK_MUST_USE BYOK_NONNULL(1, 2, 3)
enum byok_err byok_store_open(const char *name, const struct byok_store_place *place,
                              struct byok_store **out, struct byok_fault *fault);

/* Partition of what belongs to no partition of the topic, e.g. the key ring's check values. */
#define BYOK_PARTITION_NONE (-1)

/* Keys there: the identity of the changelogs that a store on a server is filled from, and the mark of
 * a copy that was begun and not finished (vault_rocks/copy.h). */
#define BYOK_STORE_CHANGELOGS "changelogs"
#define BYOK_STORE_COPYING "copying"

/** A store in memory: for tests, and for workers that rebuild from the changelog at every start.
 *  NULL: no memory. Any number of threads. */
struct byok_store *byok_store_memory_new(void) BYOK_MUST_USE;

/** A table of an open RocksDB (see rocks.h), which must outlive it. NULL: no memory. */
struct byok_store *byok_store_rocks_new(struct byok_rocks *rocks, const char *table) BYOK_MUST_USE;

#endif
