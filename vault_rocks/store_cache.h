/* SPDX-License-Identifier: MIT */
/* vault_rocks/store_cache.h - recently used records of a store on a server, still sealed.
 *
 * Bounded by number and age.  A record is good as long as its partition stands where this cache saw
 * it: a write through it (of this worker, or of the changelog in a restore) takes the written ones
 * out, and a position that somebody else has moved, which is asked for whenever a partition comes,
 * takes the whole partition out.
 */
#ifndef BYOK_VAULT_ROCKS_STORE_CACHE_H
#define BYOK_VAULT_ROCKS_STORE_CACHE_H

#include "vault_rocks/store.h"

struct byok_cache_bounds {
    size_t records; /* at most; about 500 bytes each */
    int64_t age_us; /* since it was read from the store */
};

/** A store over `inner`, which is its from now on, even on an error.  NULL: no memory. */
struct byok_store *byok_store_cache_new(struct byok_store *inner, struct byok_cache_bounds bounds)
    BYOK_NONNULL(1) BYOK_MUST_USE;

#endif
