/* SPDX-License-Identifier: MIT */
/* actors/ports/notes.h - single records that must be durable at once, outside the batches: claims.
 *
 * Two implementations: the state topic (ledger: cluster) and the local table's log on the disk
 * (ledger: host).  Many notes are under way at once; they share round trips, or fsyncs.
 * Thread: the shard's.  No function blocks.
 */
#ifndef BYOK_ACTORS_PORTS_NOTES_H
#define BYOK_ACTORS_PORTS_NOTES_H

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "base/str.h"

struct byok_actor;
struct byok_msg;
struct byok_notes;

/* One note; embedded in its task, so it lives until it is answered. */
struct byok_note {
    /* in */
    int32_t partition;
    struct byok_str key, value; /* borrowed until the answer */
    struct byok_actor *reply_to;
    struct byok_msg *reply; /* sent to reply_to as BYOK_MSG_NOTED */
    /* out */
    int64_t offset; /* where it stands in the state topic; -1: it stands on this disk only */
    struct byok_fault fault; /* OK: it is durable; else it may be there or not */
    /* the port's own */
    struct byok_note *prev, *next;
    bool given;
    uint64_t proof; /* 0: it is not in the topic yet */
};

struct byok_notes_ops {
    /** Make it durable, after all notes of the partition that were written before; the answer comes
     *  exactly once, and never before this returns.  A passing failure is tried again inside (the
     *  record may be written more than once).  While it is in doubt whether the partition is this
     *  worker's, it waits; once the partition has gone, it fails. */
    void (*write)(struct byok_notes *notes, struct byok_note *note);
};

struct byok_notes {
    const struct byok_notes_ops *ops;
    bool shared; /* in the state topic; else what the caller has written to the local table before
                    is brought to the disk */
};

#endif
