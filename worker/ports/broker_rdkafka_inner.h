/* SPDX-License-Identifier: MIT */
/* worker/ports/broker_rdkafka_inner.h - what the parts of the broker port share.
 *
 * broker_rdkafka.c          the port: making, ticking, closing
 * broker_rdkafka_conf.c     the settings of the three handles
 * broker_rdkafka_handle.c   one librdkafka handle whose queue wakes the loop
 * broker_rdkafka_assign.c   the consumer: rebalances, records, pausing
 * broker_rdkafka_restore.c  reading changelogs
 * broker_rdkafka_produce.c  publishing batches
 * broker_rdkafka_offsets.c  committing positions, answering batches in order (at least once)
 * broker_rdkafka_txn.c      the same in transactions (exactly once)
 * broker_rdkafka_txn_thread.c  librdkafka's transaction calls, which block
 * broker_rdkafka_cut.c      getting librdkafka out of a wait for the group's coordinator
 * broker_rdkafka_recall.c   reminding librdkafka of its brokers
 * broker_rdkafka_notes.c    claims, outside the batches
 * broker_rdkafka_notice.c   what librdkafka reports, as log events
 *
 * Thread: the shard's, but for the work of retiring a handle (broker_rdkafka_handle.c) and the jobs
 * of the transactions' thread.
 */
#ifndef BYOK_WORKER_PORTS_BROKER_RDKAFKA_INNER_H
#define BYOK_WORKER_PORTS_BROKER_RDKAFKA_INNER_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <time.h>

#include <librdkafka/rdkafka.h>
#include <uv.h>

#include "actors/env.h"
#include "actors/message.h"
#include "base/mem.h"
#include "worker/ports/broker_rdkafka.h"

struct byok_rdk;

/* ---- one handle ---- */

enum byok_rdk_role {
    BYOK_RDK_CONSUMER,
    BYOK_RDK_PRODUCER,
    BYOK_RDK_RESTORER, /* assigned by hand, member of nothing */
    BYOK_RDK_NOTER,    /* a producer outside of all transactions; opened by the first claim */
    BYOK_RDK_STREAMER, /* a producer outside of all transactions; opened by the first delta */
    BYOK_RDK_ROLES
};

enum byok_rdk_served {
    BYOK_RDK_SERVED,
    BYOK_RDK_TAKEN, /* the event is kept by whoever served it */
    BYOK_RDK_AGAIN  /* no memory: the same event is served again at the next tick */
};

enum byok_rdk_handle_state { BYOK_RDK_CLOSED, BYOK_RDK_OPEN, BYOK_RDK_RETIRING };

struct byok_rdk_handle {
    struct byok_rdk *rdk;
    enum byok_rdk_role role;
    enum byok_rdk_handle_state state;
    rd_kafka_t *rk;
    rd_kafka_queue_t *queue;
    rd_kafka_event_t *held; /* to be served again */
    const rd_kafka_message_t *message; /* of the held event: an event gives it only once */
    bool serving;           /* an event of it is in hand */
    unsigned used;          /* by threads of the pool: not to be destroyed now */
    bool looked_at;         /* one of them asks it for its brokers */
    bool retire_asked;
    int event_fd;           /* written to by librdkafka's threads, read by the loop */
    uv_poll_t poll;
    uv_work_t retirement;
    rd_kafka_topic_partition_list_t *last_commit; /* what the retirement still commits, or NULL */
    int64_t not_before_us; /* do not open it again before */
};

/* ---- restores ---- */

enum byok_rdk_restore_state {
    BYOK_RDK_RESTORE_NONE,
    BYOK_RDK_RESTORE_WANTED, /* its end is to be asked for */
    BYOK_RDK_RESTORE_ASKED,
    BYOK_RDK_RESTORE_READING,
    BYOK_RDK_RESTORE_FAILED /* a chunk that says so is to be sent, when there is memory for it */
};

struct byok_rdk_restore {
    enum byok_rdk_restore_state state;
    int64_t from;     /* -1: the beginning */
    int64_t position; /* next offset; -1: nothing known yet */
    int64_t end;      /* read up to here, exclusive */
    bool reset;       /* the next chunk says that the table is to be emptied first */
    uint64_t ask; /* the number of the request for its end */
    int64_t not_before_us; /* of asking again */
    uint32_t failures;
    struct byok_chunk *chunk; /* being filled, or NULL */
    struct byok_record *last; /* of the chunk's list */
    size_t count, bytes;
    struct byok_fault fault;
};

enum { BYOK_RDK_VAULT, BYOK_RDK_STATE, BYOK_RDK_CHANGELOGS };

/* ---- partitions ---- */

struct byok_rdk_part {
    int32_t id;
    uint64_t serial; /* of the assignment: positions of batches given before it are void */
    bool start_wanted; /* the partition count is not known yet */
    bool started, revoked, released;
    bool begun;   /* it was started in this assignment */
    bool fetched; /* a record of it has come in this assignment */
    bool paused;  /* librdkafka was told so */
    int64_t position;  /* to be committed; -1: none yet */
    int64_t committed; /* what the group has of us; -1: nothing */
    /* allocated with the partition, so that bad news never fail for want of memory */
    struct byok_partition_msg *revoked_msg, *lost_msg;
    struct byok_record *early, *early_last; /* came before the start */
    struct byok_rdk_restore restores[BYOK_RDK_CHANGELOGS];
};

/* ---- batches ---- */

enum byok_rdk_send_state { BYOK_RDK_WAITING, BYOK_RDK_SENT, BYOK_RDK_WRITTEN, BYOK_RDK_REFUSED };

/* Where a batch stands that is a transaction. */
enum byok_rdk_stage {
    BYOK_RDK_NEW,
    BYOK_RDK_SENDING, /* its records are on their way */
    BYOK_RDK_ENDING,  /* the thread commits it */
    BYOK_RDK_FAILED,  /* not committed; answered when librdkafka has let go of its records */
    BYOK_RDK_UNKNOWN  /* it may be committed: the next producer's first job finds out */
};

/* One record to publish; the opaque of its librdkafka message. */
struct byok_rdk_send {
    struct byok_rdk_batch *batch;
    struct byok_out *out;
    enum byok_rdk_send_state state;
};

struct byok_rdk_batch {
    struct byok_rdk_batch *prev, *next;
    struct byok_commit *commit;
    struct byok_rdk_send *sends;
    size_t count;
    size_t first_state; /* sends from it on are of the state topic */
    size_t open;   /* neither written nor refused */
    size_t unsent; /* no send before it is WAITING */
    uint64_t serial; /* of the newest assignment when it was given */
    bool settled;    /* all reports are in and its positions are noted */
    uint64_t commit_number; /* the commit that carries its positions; 0: none needed */
    /* exactly once */
    enum byok_rdk_stage stage;
    bool broken;     /* a record of it could not be written */
    uint64_t marker; /* its number, written with its positions */
};

/* ---- transactions ---- */

enum byok_rdk_job {
    BYOK_RDK_JOB_NONE,
    BYOK_RDK_JOB_INIT,   /* end what an earlier producer left open, look for a marker */
    BYOK_RDK_JOB_COMMIT /* send the offsets, commit */
};

enum byok_rdk_job_end {
    BYOK_RDK_JOB_DONE,    /* as asked, and the next transaction has begun */
    BYOK_RDK_JOB_DEAD,    /* surely not committed; the producer is of no more use */
    BYOK_RDK_JOB_UNKNOWN  /* COMMIT: perhaps committed; likewise */
};

/* What the thread is to do and what came of it; the thread's own from begin to end. */
struct byok_rdk_work {
    enum byok_rdk_job job;
    rd_kafka_t *rk;
    const char *group;
    int timeout_ms;
    rd_kafka_topic_partition_list_t *offsets; /* COMMIT: sent; INIT: whose marker is looked for */
    rd_kafka_consumer_group_metadata_t *member; /* COMMIT */
    enum byok_rdk_job_end end;
    bool found;  /* INIT: the group has one of the offsets with its marker */
    bool fenced; /* another producer has the id, or the broker ended the transaction */
    bool slow;   /* a request of it may have been sent twice */
    struct byok_fault fault;
};

/* The open sockets of one handle. */
struct byok_rdk_sockets {
    uv_mutex_t lock;
    int fds[64]; /* those above are not cut: one that can be is enough */
    unsigned count, cuts;
};

struct byok_rdk_txn {
    bool made;
    uv_thread_t thread;
    uv_mutex_t lock;
    uv_cond_t given; /* a job, or the end */
    uv_async_t ended;
    struct byok_rdk_work work;
    bool thread_has_work, thread_ends; /* under the lock */
    _Atomic bool quit; /* jobs that wait for a broker give up */
    _Atomic int64_t waits_since_us; /* the job, for the group's coordinator; 0: it does not */
    struct byok_rdk_sockets sockets; /* the producer's */
    /* the loop's */
    bool busy;    /* a job is under way */
    bool begun;   /* a transaction is open: records can be produced */
    bool trouble; /* a connection failed during the commit */
    char nonce[17]; /* of this port's markers */
    uint64_t markers;
    int64_t cut_not_before_us;
};

/* ---- notices ---- */

enum byok_rdk_notice {
    BYOK_RDK_NOTICE_UNREACHABLE,
    BYOK_RDK_NOTICE_ERROR,
    BYOK_RDK_NOTICE_PUBLISH,
    BYOK_RDK_NOTICE_OFFSETS,
    BYOK_RDK_NOTICE_TOPIC,
    BYOK_RDK_NOTICE_COORDINATOR,
    BYOK_RDK_NOTICES
};

/* ---- notes ---- */

struct byok_rdk_notes {
    struct byok_notes notes; /* first: the notes port's address is this struct's */
    struct byok_rdk *rdk;
    struct byok_note *list; /* unanswered, oldest first; not `given`: not with librdkafka */
    size_t waiting;         /* of them, not given */
    size_t unproven;        /* of them, in the topic, but maybe too late for the next owner */
    uint64_t proofs;        /* begun; one is under way at a time */
    bool proving;
    int64_t asked_us;  /* when the last proof was begun */
    int64_t proven_us; /* when the last one was begun that succeeded; 0: none */
    int64_t alive_us;       /* the loop was seen running; 0: not yet */
    int64_t doubt_until_us; /* whether the partitions are this worker's: nothing is written */
};

/* ---- the port ---- */

struct byok_rdk {
    struct byok_broker broker; /* first: the port's address is this struct's */
    uv_loop_t *loop;
    struct byok_env *env;
    struct byok_kafka_options options;
    char *topics[BYOK_TOPIC_COUNT]; /* full names */
    struct byok_rdk_handle handles[BYOK_RDK_ROLES];
    uv_timer_t tick;
    unsigned open_uv; /* uv handles not yet closed */
    bool closing;
    _Atomic int32_t partition_count; /* 0: unknown */
    _Atomic bool up;
    bool was_unreachable; /* and said so */
    uv_work_t looking; /* for the count, on the pool; the next three are its answer */
    rd_kafka_resp_err_t look_err, look_topic_err;
    int32_t look_count;
    int64_t look_next_us;
    int64_t trouble_until_us; /* a connection has failed lately: they are looked at often */
    int64_t quiet_until_us[BYOK_RDK_NOTICES];
    /* consumer */
    struct byok_rdk_part **parts; /* by partition id */
    size_t part_room;
    uint64_t serial;
    bool paused;
    rd_kafka_event_t *revocation; /* to be answered when its partitions are released */
    int64_t revocation_until_us; /* all are released: how long their positions may take; 0: not */
    /* offsets */
    bool committing;
    int64_t commit_not_before_us;
    uint64_t commits_begun, commits_answered;
    /* restorer */
    uint64_t asks;
    int64_t restorer_idle_us; /* since when it has had nothing to do; 0: it has */
    /* producer */
    rd_kafka_topic_t *producer_topics[BYOK_TOPIC_COUNT];
    struct byok_commit *unbatched, *unbatched_last; /* given, but no memory yet */
    struct byok_rdk_batch *batches; /* in the order given */
    int64_t produce_not_before_us;
    struct byok_rdk_txn txn;
    struct byok_rdk_notes notes;
};

static inline bool byok_rdk_exactly_once(const struct byok_rdk *rdk)
{
    return rdk->options.transactional_id != NULL;
}

static inline struct byok_rdk *byok_rdk_of(struct byok_broker *broker)
{
    return (struct byok_rdk *)broker;
}

/* librdkafka's parameters are not const, though it only reads the payload. */
static inline void *byok_rdk_unconst(const char *bytes)
{
    union {
        const char *from;
        void *to;
    } both = {.from = bytes};
    return both.to;
}

/* Monotonic µs of the loop, good enough for pauses. */
static inline int64_t byok_rdk_now_us(const struct byok_rdk *rdk)
{
    return (int64_t)uv_now(rdk->loop) * 1000;
}

/* The same when the loop may stand still, or on another thread.  It goes on while the machine sleeps
 * (Linux's CLOCK_BOOTTIME), as the group's sessions do. */
static inline int64_t byok_rdk_fresh_us(void)
{
    struct timespec at = {0};
    (void)clock_gettime(CLOCK_BOOTTIME, &at);
    return (int64_t)at.tv_sec * 1000000 + at.tv_nsec / 1000;
}

/* conf */

/** The configuration of one handle. NULL with a fault: BYOK_E_CONFIG. */
rd_kafka_conf_t *byok_rdk_conf(const struct byok_kafka_options *options, enum byok_rdk_role role,
                               struct byok_fault *fault) BYOK_NONNULL(1) BYOK_MUST_USE;

/* handle */

BYOK_MUST_USE BYOK_NONNULL(1, 2)
enum byok_err byok_rdk_handle_init(struct byok_rdk *rdk, struct byok_rdk_handle *handle,
                                   enum byok_rdk_role role, struct byok_fault *fault);

/** Make its librdkafka handle and let its queue wake the loop. */
BYOK_MUST_USE BYOK_NONNULL(1, 2)
enum byok_err byok_rdk_handle_open(struct byok_rdk_handle *handle, struct byok_fault *fault);

/** Whether a handle that is made when first needed is open; it is made when it may be.  A failure is
 *  logged, and it is not tried again for a second. */
bool byok_rdk_handle_ready(struct byok_rdk_handle *handle) BYOK_NONNULL(1);

/** Serve what is in the queue, up to a budget; what is left wakes the loop again. */
void byok_rdk_handle_serve(struct byok_rdk_handle *handle) BYOK_NONNULL(1);

/** Let the loop come back to the handle in its next turn. */
void byok_rdk_handle_wake(const struct byok_rdk_handle *handle) BYOK_NONNULL(1);

/** Close and destroy the librdkafka handle on a thread of the pool, since that waits for brokers;
 *  byok_rdk_retired() follows on the loop.  Nothing when it is not open. */
void byok_rdk_handle_retire(struct byok_rdk_handle *handle) BYOK_NONNULL(1);

/** The pool's thread is done with it: what was put off meanwhile (retiring) is done. */
void byok_rdk_handle_unuse(struct byok_rdk_handle *handle) BYOK_NONNULL(1);

/** The message of an event, also when it is served again; NULL: none. */
const rd_kafka_message_t *byok_rdk_message(struct byok_rdk_handle *handle, rd_kafka_event_t *event)
    BYOK_NONNULL(1, 2);

/* the port: called by the handles */

enum byok_rdk_served byok_rdk_on_event(struct byok_rdk_handle *handle, rd_kafka_event_t *event)
    BYOK_NONNULL(1, 2);
/** About to be destroyed: let go of what belongs to it. */
void byok_rdk_retiring(struct byok_rdk_handle *handle) BYOK_NONNULL(1);
/** Destroyed. */
void byok_rdk_retired(struct byok_rdk_handle *handle) BYOK_NONNULL(1);

/* assign */

BYOK_MUST_USE BYOK_NONNULL(1)
enum byok_err byok_rdk_subscribe(struct byok_rdk *rdk, struct byok_fault *fault);
struct byok_rdk_part *byok_rdk_part(const struct byok_rdk *rdk, int32_t id) BYOK_NONNULL(1);
enum byok_rdk_served byok_rdk_on_rebalance(struct byok_rdk *rdk, rd_kafka_event_t *event)
    BYOK_NONNULL(1, 2);
enum byok_rdk_served byok_rdk_on_record(struct byok_rdk *rdk, rd_kafka_event_t *event)
    BYOK_NONNULL(1, 2);
void byok_rdk_start(struct byok_broker *broker, int32_t partition) BYOK_NONNULL(1);
/** The partition count has come: start what waited for it. */
void byok_rdk_start_wanted(struct byok_rdk *rdk) BYOK_NONNULL(1);
void byok_rdk_pause(struct byok_broker *broker) BYOK_NONNULL(1);
void byok_rdk_resume(struct byok_broker *broker) BYOK_NONNULL(1);
/** Say it again, from time to time, in case librdkafka has lost it; what runs runs on. */
void byok_rdk_resume_again(struct byok_rdk *rdk) BYOK_NONNULL(1);
void byok_rdk_release(struct byok_broker *broker, int32_t partition) BYOK_NONNULL(1);

/** Answer a revocation whose partitions are all released and committed (or lost meanwhile). */
void byok_rdk_try_unassign(struct byok_rdk *rdk) BYOK_NONNULL(1);

/** Forget a partition without a word. */
void byok_rdk_forget(struct byok_rdk *rdk, struct byok_rdk_part *part) BYOK_NONNULL(1, 2);

/** All partitions are gone: tell the intake and forget them. */
void byok_rdk_lose_all(struct byok_rdk *rdk) BYOK_NONNULL(1);

/** A copy of a consumed message; NULL: no memory. */
struct byok_record *byok_rdk_record(const rd_kafka_message_t *message) BYOK_NONNULL(1)
    BYOK_MUST_USE;

/* restore */

void byok_rdk_restore(struct byok_broker *broker, enum byok_topic topic, int32_t partition,
                      int64_t from) BYOK_NONNULL(1);
/** Stop reading for a partition that goes. */
void byok_rdk_restore_drop(struct byok_rdk *rdk, struct byok_rdk_part *part) BYOK_NONNULL(1, 2);
enum byok_rdk_served byok_rdk_on_changelog(struct byok_rdk *rdk, rd_kafka_event_t *event)
    BYOK_NONNULL(1, 2);
void byok_rdk_on_ends(struct byok_rdk *rdk, rd_kafka_event_t *event) BYOK_NONNULL(1, 2);
/** A partition's error of the restorer: its end, or a failure. False: not about one of ours. */
bool byok_rdk_on_changelog_error(struct byok_rdk *rdk, rd_kafka_event_t *event) BYOK_NONNULL(1, 2);
void byok_rdk_restore_tick(struct byok_rdk *rdk) BYOK_NONNULL(1);
/** The restorer is gone: what it was reading is asked for again. */
void byok_rdk_restore_again(struct byok_rdk *rdk) BYOK_NONNULL(1);

/* produce */

void byok_rdk_commit(struct byok_broker *broker, struct byok_commit *commit) BYOK_NONNULL(1, 2);
void byok_rdk_pump(struct byok_rdk *rdk) BYOK_NONNULL(1);
/** Send what of the batch's first `end` records is not sent yet; false: no more now. */
bool byok_rdk_send_batch(struct byok_rdk *rdk, struct byok_rdk_batch *batch, size_t end)
    BYOK_NONNULL(1, 2);
void byok_rdk_on_reports(struct byok_rdk *rdk, rd_kafka_event_t *event) BYOK_NONNULL(1, 2);
/** The producer is gone: what it had not written is to be written by the next one. */
void byok_rdk_unsend(struct byok_rdk *rdk) BYOK_NONNULL(1);
void byok_rdk_drop_topics(struct byok_rdk *rdk) BYOK_NONNULL(1);
/** The oldest batch goes back to who sent it; librdkafka has let go of its records.  Frees it. */
void byok_rdk_answer(struct byok_rdk *rdk, struct byok_rdk_batch *batch) BYOK_NONNULL(1, 2);
/** Free the batches that were never answered. */
void byok_rdk_drop_batches(struct byok_rdk *rdk) BYOK_NONNULL(1);

/** The headers of a record, as librdkafka takes them. */
rd_kafka_headers_t *byok_rdk_headers(const struct byok_out *out) BYOK_NONNULL(1);

/* notes */

void byok_rdk_notes_init(struct byok_rdk *rdk) BYOK_NONNULL(1);
/** The loop runs; tells when it had stood still. */
void byok_rdk_notes_alive(struct byok_rdk *rdk) BYOK_NONNULL(1);
/** Others may have the partitions: nothing is written for a while. */
void byok_rdk_notes_doubt(struct byok_rdk *rdk) BYOK_NONNULL(1);
/** Write what waits, and fail what is of partitions that have gone. */
void byok_rdk_notes_pump(struct byok_rdk *rdk) BYOK_NONNULL(1);
void byok_rdk_on_note_reports(struct byok_rdk *rdk, rd_kafka_event_t *event) BYOK_NONNULL(1, 2);
/** Their producer is gone: what had no report waits for the next one. */
void byok_rdk_notes_unsend(struct byok_rdk *rdk) BYOK_NONNULL(1);
/* The answer to a proof, or (`event` NULL) none will come: the consumer goes. */
void byok_rdk_on_proof(struct byok_rdk *rdk, rd_kafka_event_t *event) BYOK_NONNULL(1);

/* stream */

bool byok_rdk_stream(struct byok_broker *broker, const struct byok_out *out) BYOK_NONNULL(1, 2);
void byok_rdk_on_stream_reports(struct byok_rdk *rdk, rd_kafka_event_t *event) BYOK_NONNULL(1, 2);

/* offsets */

/** Note the positions of batches that are written, commit them, answer batches in order. */
void byok_rdk_settle(struct byok_rdk *rdk) BYOK_NONNULL(1);
void byok_rdk_on_committed(struct byok_rdk *rdk, rd_kafka_event_t *event) BYOK_NONNULL(1, 2);
/** Positions that are not committed yet, or NULL when there are none. */
rd_kafka_topic_partition_list_t *byok_rdk_uncommitted(struct byok_rdk *rdk) BYOK_NONNULL(1);

/* transactions, on the loop */

BYOK_MUST_USE BYOK_NONNULL(1)
enum byok_err byok_rdk_txn_init(struct byok_rdk *rdk, struct byok_fault *fault);
/** All handles of librdkafka are gone. */
void byok_rdk_txn_close(struct byok_rdk *rdk) BYOK_NONNULL(1);
/** Bring the oldest batch forward. */
void byok_rdk_txn_pump(struct byok_rdk *rdk) BYOK_NONNULL(1);
/** There is a new producer. */
void byok_rdk_txn_opened(struct byok_rdk *rdk) BYOK_NONNULL(1);
/** The producer is about to be destroyed. */
void byok_rdk_txn_retiring(struct byok_rdk *rdk) BYOK_NONNULL(1);
/** The producer is destroyed. */
void byok_rdk_txn_retired(struct byok_rdk *rdk) BYOK_NONNULL(1);

/* transactions, on their thread */

/** Start the thread; jobs are put into txn.work, then given. */
BYOK_MUST_USE BYOK_NONNULL(1)
enum byok_err byok_rdk_thread_start(struct byok_rdk_txn *txn, struct byok_fault *fault);
void byok_rdk_thread_give(struct byok_rdk_txn *txn) BYOK_NONNULL(1);
/** Whether the job is ended; its results stand in txn.work. */
bool byok_rdk_thread_ended(struct byok_rdk_txn *txn) BYOK_NONNULL(1);
/** End the thread, which has no job, and wait for it. */
void byok_rdk_thread_stop(struct byok_rdk_txn *txn) BYOK_NONNULL(1);

/* cut */

/** Let the handle that is made of `conf` note its sockets, which must live until it is destroyed. */
void byok_rdk_sockets_watch(struct byok_rdk_sockets *sockets, rd_kafka_conf_t *conf)
    BYOK_NONNULL(1, 2);
/** Thread: the transactions'.  What follows waits for the group's coordinator; it has ended. */
void byok_rdk_waits_begin(struct byok_rdk_txn *txn) BYOK_NONNULL(1);
void byok_rdk_waits_end(struct byok_rdk_txn *txn) BYOK_NONNULL(1);
/** Called about once a second: cut a connection if such a wait is long. */
void byok_rdk_cut_tick(struct byok_rdk *rdk) BYOK_NONNULL(1);

/** Ask an open handle for its brokers, and tell it where to find some if it has none.
 *  Thread: any; waits up to a second, and the handle is not to be destroyed meanwhile. */
void byok_rdk_recall(const struct byok_rdk_handle *handle) BYOK_NONNULL(1);

/* notice */

/** Whether a notice of that kind may be written now (then none for a while). */
bool byok_rdk_may_say(struct byok_rdk *rdk, enum byok_rdk_notice notice) BYOK_NONNULL(1);
void byok_rdk_on_error(struct byok_rdk_handle *handle, rd_kafka_event_t *event) BYOK_NONNULL(1, 2);
void byok_rdk_on_log(const struct byok_rdk_handle *handle, rd_kafka_event_t *event)
    BYOK_NONNULL(1, 2);
/** A broker has answered. */
void byok_rdk_seen(struct byok_rdk *rdk) BYOK_NONNULL(1);

#endif
