/* SPDX-License-Identifier: MIT */
/* actors/partition/partition.h - the partitions a shard owns, and what all its actors must agree
 * on of them.
 *
 * Not an actor but a table of the shard, used by its intake, users and publisher, all on one
 * thread: phase, epoch, watermark and user directory of each partition, and the memory that is
 * held.  An epoch is one assignment: work of an older one is nobody's and is dropped.
 */
#ifndef BYOK_ACTORS_PARTITION_PARTITION_H
#define BYOK_ACTORS_PARTITION_PARTITION_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <uthash.h>

#include "actors/message.h"
#include "actors/partition/watermark.h"
#include "base/limits.h"
#include "base/str.h"
#include "schemas/audit.h"

struct byok_actor;
struct byok_ctx;
struct byok_env;
struct byok_partition_msg;
struct byok_record;
struct byok_task;

enum byok_phase {
    BYOK_PHASE_RESTORING, /* its changelogs are read; no records are taken */
    BYOK_PHASE_RUNNING,
    BYOK_PHASE_DRAINING /* revoked: what is in flight ends, nothing begins */
};

/* How far a changelog of a partition is restored. */
struct byok_restore {
    int64_t position; /* the next offset to read; -1: from the beginning */
    int64_t left;     /* offsets up to the end, as far as known; counted in a metric */
    int64_t tell_us;  /* when the log is told next; 0: not begun */
    bool asking;      /* where to begin, which the vault is to say */
    bool reading;     /* the broker port is at it; else it waits to be tried again */
    bool done;
};

/* How far the parked requests of a partition are taken up (actors/partition/parked.c). */
struct byok_parked_cursor {
    bool woken; /* the users with a queue have their actors */
    char user[BYOK_USER_MAX + 1]; /* the last one of them that has */
    struct byok_parked_place from; /* those of a time before it were given to their users */
    int64_t next_wall_ms; /* when to look for more; 0: at once; INT64_MAX: there is none */
};

/* One line of a partition's user directory. */
struct byok_user_entry {
    struct byok_actor *actor;
    UT_hash_handle hh;
    size_t len;
    char id[];
};

struct byok_partition {
    int32_t id;
    uint32_t epoch;
    enum byok_phase phase;
    struct byok_watermark marks;
    int64_t committed; /* the position of the last commit that succeeded; -1: none */
    struct byok_user_entry *users;
    int64_t last_offset; /* the newest taken; -1: none */
    uint32_t open;       /* records taken and neither committed nor dropped */
    struct byok_restore vault, state;
    int64_t state_end; /* behind all records of ours that are known to be in the state changelog */
    bool torn; /* at least once, a batch has failed: part of it may be in the changelogs only */
    uint64_t key_changes; /* registrations and deletions given to the publisher so far */
    uint32_t key_changes_open; /* of them, with the publisher */
    struct byok_audit_head audit, audit_next; /* committed; and with the batch under way */
    bool audit_loaded;
    struct byok_parked_cursor parked;
    bool rewrapped; /* all its records were looked at since it came (actors/vault/rewrap.c) */
    struct byok_partition_msg *drained; /* while DRAINING: told to the intake when open is 0 */
    int64_t drain_until_us;
    UT_hash_handle hh;
};

struct byok_partitions {
    struct byok_partition *table;
    uint32_t next_epoch;
    size_t held_bytes;
    struct byok_task *claiming; /* claims on their way, oldest first; the ledger's own */
    size_t outgoing_bytes; /* of them, finished and not yet committed */
    bool paused; /* intake is paused: memory, or a broken store */
    bool store_broken; /* the local state cannot be written now */
    bool stopping;
    struct byok_msg look; /* to the parked actor; at most one is on its way */
    bool looking;
};

/** Put the table into the env; one per shard. NULL: no memory. */
struct byok_partitions *byok_partitions_new(void) BYOK_MUST_USE;
void byok_partitions_free(struct byok_partitions *partitions);

/** A new partition with a new epoch, in phase RESTORING; NULL: no memory. It is not there yet. */
struct byok_partition *byok_partition_add(struct byok_partitions *partitions, int32_t id)
    BYOK_NONNULL(1);

/** The partition, or NULL when it is not ours. */
struct byok_partition *byok_partition_find(struct byok_partitions *partitions, int32_t id)
    BYOK_NONNULL(1);

/** The partition when it is ours in that very epoch, else NULL. */
struct byok_partition *byok_partition_current(struct byok_partitions *partitions, int32_t id,
                                              uint32_t epoch) BYOK_NONNULL(1);

/** The task's partition when it is still the assignment that the task came in. */
struct byok_partition *byok_partition_of_task(const struct byok_env *env,
                                              const struct byok_task *task) BYOK_NONNULL(1, 2);

/** Forget a partition and its user directory (the actors are closed before). */
void byok_partition_remove(struct byok_partitions *partitions, struct byok_partition *partition)
    BYOK_NONNULL(1, 2);

/** The user's actor, or NULL. */
struct byok_actor *byok_partition_user(struct byok_partition *partition, struct byok_str id)
    BYOK_NONNULL(1);

/** The user's actor, spawned when there is none; NULL: no memory. */
struct byok_actor *byok_partition_user_of(struct byok_ctx *ctx, struct byok_partition *partition,
                                          struct byok_str id) BYOK_NONNULL(1, 2);

/** Note a user's actor; false: no memory. */
bool byok_partition_add_user(struct byok_partition *partition, struct byok_str id,
                             struct byok_actor *actor) BYOK_NONNULL(1, 3);

/** Strike a user's actor, if it is that one. */
void byok_partition_remove_user(struct byok_partition *partition, struct byok_str id,
                                const struct byok_actor *actor) BYOK_NONNULL(1, 3);

/** Pause intake, or let it go on: it is paused above the memory budget, and goes on below half of
 *  it (a pause throws away what librdkafka fetched ahead, so it must not flap), and it is paused
 *  while the local state cannot be written. */
void byok_intake_adjust(struct byok_env *env) BYOK_NONNULL(1);

/** The local state can be written again, or not. */
void byok_store_state(struct byok_env *env, bool broken) BYOK_NONNULL(1);

/** A record was taken: it is open and its memory is held. */
void byok_record_opened(struct byok_env *env, struct byok_partition *partition,
                        const struct byok_record *record) BYOK_NONNULL(1, 2, 3);

/** Take that back: the record could not be passed on and will be delivered again. */
void byok_record_unopened(struct byok_env *env, struct byok_partition *partition,
                          const struct byok_record *record) BYOK_NONNULL(1, 2, 3);

/** It is resolved: dropped, to come again to whoever owns the partition then. Takes it. */
void byok_record_dropped(struct byok_ctx *ctx, struct byok_record **record) BYOK_NONNULL(1, 2);

/** Work that is no record of the requests topic begins: until byok_task_ended it is open as one is,
 *  so that a drain waits for it. */
void byok_work_opened(struct byok_env *env, struct byok_partition *partition) BYOK_NONNULL(1, 2);

/** Bring what the task takes now (its tree, its answer, its result) into the account. */
void byok_task_weigh(struct byok_env *env, struct byok_task *task) BYOK_NONNULL(1, 2);

/** The task goes to the publisher: its weight counts as outgoing until it ends.  While much is
 *  outgoing (the broker is away) no calls are begun: they would be paid for and pile up. */
void byok_task_outgoing(struct byok_env *env, struct byok_task *task) BYOK_NONNULL(1, 2);
bool byok_outgoing_full(const struct byok_env *env) BYOK_NONNULL(1);

/** The same for a record that has become a task: committed or dropped, it ends here. Takes it. */
void byok_task_ended(struct byok_ctx *ctx, struct byok_task **task) BYOK_NONNULL(1, 2);

#endif
