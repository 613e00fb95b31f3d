/* SPDX-License-Identifier: MIT */
/* vault_rocks/copy.h - all of one store into another: the sealed keys move, nothing is opened.
 *
 * Records, changelog positions and what stands in BYOK_PARTITION_NONE.  A partition is compared in
 * steps, in which what differs is written, and compared once more when it has its position; so a copy
 * that was cut off goes on by being made again.  Until all is done a mark stands in the target, and
 * no worker starts on a store with the mark.  Both stores are of the same topics, so of a partition
 * that both have the one with the higher position contains the other.
 * Thread: the caller's, which alone writes to either store meanwhile; blocks.
 */
#ifndef BYOK_VAULT_ROCKS_COPY_H
#define BYOK_VAULT_ROCKS_COPY_H

#include "vault_rocks/store.h"

struct byok_copy_tally {
    size_t partitions; /* with the same bytes in both stores now */
    size_t newer;      /* partitions of which the target had more; left as they were */
    size_t records;    /* in `partitions`, those that had been there included */
    size_t written, erased; /* so many of them in this run */
};

struct byok_copy_plan {
    const char *source; /* how the mark names the source; holds no password */
    bool merge;         /* into a store that holds something */
    /** After each step; false ends the copy. */
    bool (*go_on)(void *arg, const struct byok_copy_tally *tally);
    void *arg;
};

/** Copy `from` into `to`; `tally` is right after an error too.
 *  BYOK_E_CONFIG: `from` is empty, or a copy that was not finished; or `to` is the same store, holds
 *  something (without `merge`), is an unfinished copy of another source (likewise), or is of other topics.
 *  Nothing was copied.
 *  BYOK_E_STORE, BYOK_E_NOMEM: the mark stays; also when `from` changed meanwhile or `to` does not
 *  hold what was written.  BYOK_E_SHUTDOWN: ended by `go_on`; the mark stays. */
BYOK_MUST_USE BYOK_NONNULL(1, 2, 3, 4, 5)
enum byok_err byok_store_copy(struct byok_store *from, struct byok_store *to,
                              const struct byok_copy_plan *plan, struct byok_copy_tally *tally,
                              struct byok_fault *fault);

#endif
