/* SPDX-License-Identifier: MIT */
/* worker/ports/broker_rdkafka_txn.c - exactly once: every batch is a transaction.
 *
 * A batch's records are produced; when all are written, its positions are sent to the group's
 * coordinator with the consumer's membership, and the transaction is committed (KIP-98).  A worker
 * that the group has given up is refused there by its generation (KIP-447), so it cannot publish
 * work of partitions that another has.  The order matters: a position that the group has accepted
 * proves that the records are in the log, which restores rely on (broker_rdkafka_restore.c).
 *
 * The coordinator checks the membership, not whose a partition is; and it lets one who claims no
 * membership at all pass.  So a batch is only begun, and only ended, while this port holds every
 * partition of its positions without a break since the batch was given, and has a generation.
 *
 * Failures.  Until the commit is asked for, a transaction is surely not committed: its producer is
 * thrown away and the batch goes back with a fault.  When the commit's answer
 * is an error, or none comes, it may be committed or not, and may even be so later: librdkafka does
 * not have KIP-890, so a request that was delayed could hit the next transaction of the same epoch
 * (Jepsen's analysis of Bufstream 0.1.0 found such torn transactions).  Therefore:
 *
 * 1. The producer is made anew after every error (which also ends a transaction that is to be
 *    aborted, without librdkafka's own ways of going on after one), and also after a commit during
 *    which a request may have been sent twice (a connection failed, or it took long).  Its
 *    InitProducerId raises the epoch, which fences whatever is under way, and returns when the old
 *    transaction has been ended, one way or the other (KIP-98, KIP-360).
 * 2. Then the batch's outcome is found out before anything else is done.  Its positions carry a
 *    marker as their metadata, unique among all batches.  They are committed with the batch or not
 *    at all, so the group's offsets tell: read with require_stable, one with the marker means that
 *    it was committed.  The offset alone would not tell, since a batch behind an unfinished request
 *    does not move it.  No marker means that it was not committed, provided that one partition of
 *    the batch is still ours without a break, for only its owner overwrites an offset.  If none is,
 *    all of the batch is void anyway: whoever owns the partitions now has read what is committed.
 *
 * So the answer "failed" never stands for work that was published and is done again.
 */
#include <stdio.h>
#include <string.h>

#include <utlist.h>

#include "worker/ports/broker_rdkafka_inner.h"

/* Before a new producer, when another took the id, and when it cannot be made to work. */
#define FENCED_US ((int64_t)1000000)
#define DEAD_US ((int64_t)2000000)

static struct byok_rdk_handle *producer(struct byok_rdk *rdk)
{
    return &rdk->handles[BYOK_RDK_PRODUCER];
}

/* ---- answers ---- */

static void answer_failed(struct byok_rdk *rdk, struct byok_rdk_batch *batch)
{
    if (batch->commit->fault.code == BYOK_E_OK)
        (void)byok_fault_set(&batch->commit->fault, BYOK_E_BROKER,
                             "The transaction was not committed");
    byok_rdk_answer(rdk, batch);
}

static void answer_done(struct byok_rdk *rdk, struct byok_rdk_batch *batch)
{
    batch->commit->fault.code = BYOK_E_OK;
    for (size_t i = 0; i < batch->commit->position_count; i++) {
        struct byok_position position = batch->commit->positions[i];
        struct byok_rdk_part *part = byok_rdk_part(rdk, position.partition);
        if (part && part->serial <= batch->serial && position.offset > part->position)
            part->position = part->committed = position.offset;
    }
    byok_rdk_seen(rdk);
    byok_rdk_answer(rdk, batch);
}

/* ---- whether the batch is still ours ---- */

static bool is_ours(const struct byok_rdk *rdk, const struct byok_rdk_batch *batch)
{
    for (size_t i = 0; i < batch->commit->position_count; i++) {
        const struct byok_rdk_part *part =
            byok_rdk_part(rdk, batch->commit->positions[i].partition);
        if (!part || !part->begun || part->serial > batch->serial)
            return false;
    }
    return true;
}

/* The consumer's membership; NULL: it has none now. */
static rd_kafka_consumer_group_metadata_t *membership(const struct byok_rdk *rdk)
{
    const struct byok_rdk_handle *consumer = &rdk->handles[BYOK_RDK_CONSUMER];
    if (consumer->state != BYOK_RDK_OPEN || rd_kafka_assignment_lost(consumer->rk))
        return NULL;
    rd_kafka_consumer_group_metadata_t *member = rd_kafka_consumer_group_metadata(consumer->rk);
    if (member && rd_kafka_consumer_group_metadata_generation_id(member) >= 0 &&
        rd_kafka_consumer_group_metadata_member_id(member)[0] != '\0')
        return member;
    if (member)
        rd_kafka_consumer_group_metadata_destroy(member);
    return NULL;
}

static bool is_member(const struct byok_rdk *rdk)
{
    rd_kafka_consumer_group_metadata_t *member = membership(rdk);
    if (member)
        rd_kafka_consumer_group_metadata_destroy(member);
    return member != NULL;
}

/* ---- jobs ---- */

static void give(struct byok_rdk *rdk, enum byok_rdk_job job,
                 rd_kafka_topic_partition_list_t *offsets,
                 rd_kafka_consumer_group_metadata_t *member)
{
    rdk->txn.work = (struct byok_rdk_work){
        .job = job,
        .rk = producer(rdk)->rk,
        .group = rdk->options.group,
        .timeout_ms = (int)rdk->options.transaction_timeout_ms,
        .offsets = offsets,
        .member = member,
        .end = BYOK_RDK_JOB_DEAD,
    };
    rdk->txn.busy = true;
    producer(rdk)->used++;
    byok_rdk_thread_give(&rdk->txn);
}

/* The batch's positions, each with the marker. */
static rd_kafka_topic_partition_list_t *positions_of(struct byok_rdk *rdk,
                                                     const struct byok_rdk_batch *batch)
{
    char marker[64];
    int size = snprintf(marker, sizeof marker, "byokd:%s:%llu", rdk->txn.nonce,
                        (unsigned long long)batch->marker);
    rd_kafka_topic_partition_list_t *list = rd_kafka_topic_partition_list_new(8);
    for (size_t i = 0; i < batch->commit->position_count; i++) {
        struct byok_position position = batch->commit->positions[i];
        if (position.offset < 0)
            continue;
        rd_kafka_topic_partition_t *one = rd_kafka_topic_partition_list_add(
            list, rdk->topics[BYOK_TOPIC_REQUESTS], position.partition);
        one->offset = position.offset;
        one->metadata = rd_kafka_mem_malloc(NULL, (size_t)size); /* the list frees it */
        if (!one->metadata)
            continue;
        memcpy(one->metadata, marker, (size_t)size);
        one->metadata_size = (size_t)size;
    }
    return list;
}

/* Fails, with its answer later. */
static void fail_later(struct byok_rdk_batch *batch, enum byok_rdk_stage stage,
                       const struct byok_fault *fault)
{
    batch->stage = stage;
    if (batch->commit->fault.code == BYOK_E_OK)
        batch->commit->fault = *fault;
}

/* Nothing asks for its commit: the next producer's InitProducerId aborts it. */
static void abort_batch(struct byok_rdk *rdk, struct byok_rdk_batch *batch, const char *why)
{
    struct byok_fault fault = {0};
    (void)byok_fault_set(&fault, BYOK_E_BROKER, "%s", why);
    fail_later(batch, BYOK_RDK_FAILED, &fault);
    rdk->txn.begun = false;
    byok_rdk_handle_retire(producer(rdk));
}

/* All records are written. */
static void commit_batch(struct byok_rdk *rdk, struct byok_rdk_batch *batch)
{
    rd_kafka_consumer_group_metadata_t *member = is_ours(rdk, batch) ? membership(rdk) : NULL;
    if (!member) {
        abort_batch(rdk, batch, "The group has taken a partition of the batch from this worker");
        return;
    }
    batch->stage = BYOK_RDK_ENDING;
    batch->marker = ++rdk->txn.markers;
    rdk->txn.trouble = false;
    give(rdk, BYOK_RDK_JOB_COMMIT, positions_of(rdk, batch), member);
}

/* ---- the oldest batch's way ---- */

/* False: nothing can be done now. */
static bool step(struct byok_rdk *rdk, struct byok_rdk_batch *batch)
{
    switch (batch->stage) {
    case BYOK_RDK_NEW:
        if (batch->count == 0 && batch->commit->position_count == 0) {
            answer_done(rdk, batch);
            return true;
        }
        if (!is_ours(rdk, batch)) {
            (void)byok_fault_set(&batch->commit->fault, BYOK_E_BROKER,
                                 "The group has taken a partition of the batch from this worker");
            answer_failed(rdk, batch);
            return true;
        }
        if (byok_rdk_now_us(rdk) < rdk->produce_not_before_us || !is_member(rdk))
            return false;
        batch->stage = BYOK_RDK_SENDING;
        return true;
    case BYOK_RDK_SENDING:
        if (!batch->broken)
            (void)byok_rdk_send_batch(rdk, batch, batch->count);
        if (batch->broken)
            abort_batch(rdk, batch, "A record of the batch was not written");
        else if (batch->open == 0)
            commit_batch(rdk, batch);
        return false;
    case BYOK_RDK_ENDING:
    case BYOK_RDK_FAILED:
    case BYOK_RDK_UNKNOWN:
        break;
    }
    return false;
}

void byok_rdk_txn_pump(struct byok_rdk *rdk)
{
    const struct byok_rdk_handle *handle = producer(rdk);
    while (rdk->batches && rdk->txn.begun && !rdk->txn.busy && !rdk->closing &&
           handle->state == BYOK_RDK_OPEN && !handle->retire_asked) {
        if (!step(rdk, rdk->batches))
            return;
    }
}

/* ---- the ends of jobs ---- */

void byok_rdk_txn_retiring(struct byok_rdk *rdk)
{
    char text[256] = "";
    rdk->txn.begun = false;
    if (rd_kafka_fatal_error(producer(rdk)->rk, text, sizeof text) != RD_KAFKA_RESP_ERR__FENCED)
        return;
    producer(rdk)->not_before_us = byok_rdk_now_us(rdk) + FENCED_US;
    byok_rdk_notes_doubt(rdk);
    byok_log_event(rdk->env->log, BYOK_LOG_ERROR, "producer_fenced",
                   BYOK_F_TEXT("transactional_id", rdk->options.transactional_id),
                   BYOK_F_TEXT("error", text),
                   BYOK_F_TEXT("hint", "the worker was stopped for longer than "
                                       "kafka.transaction_timeout_ms, or another one has the same "
                                       "kafka.instance_id"));
}

/* The producer is of no more use. */
static void replace(struct byok_rdk *rdk, const struct byok_rdk_work *work)
{
    rdk->txn.begun = false;
    if (!work->fenced && byok_rdk_may_say(rdk, BYOK_RDK_NOTICE_PUBLISH))
        byok_log_event(rdk->env->log, BYOK_LOG_WARN, "producer_replaced",
                       BYOK_F_TEXT("transactional_id", rdk->options.transactional_id),
                       BYOK_F_TEXT("reason", work->fault.code != BYOK_E_OK
                                                 ? work->fault.text
                                                 : "a request may have been sent twice"));
    byok_rdk_handle_retire(producer(rdk)); /* when the job is done with it */
}

static void on_init(struct byok_rdk *rdk, const struct byok_rdk_work *work)
{
    if (work->end != BYOK_RDK_JOB_DONE) {
        producer(rdk)->not_before_us = byok_rdk_now_us(rdk) + DEAD_US;
        replace(rdk, work);
        return;
    }
    rdk->txn.begun = true;
    byok_rdk_seen(rdk);
    struct byok_rdk_batch *batch = rdk->batches;
    if (!batch || batch->stage != BYOK_RDK_UNKNOWN)
        return;
    byok_log_event(rdk->env->log, BYOK_LOG_WARN, "transaction_found_out",
                   BYOK_F_TEXT("outcome", work->found ? "committed" : "aborted"),
                   BYOK_F_INT("requests", batch->commit->task_count));
    if (work->found)
        answer_done(rdk, batch);
    else
        answer_failed(rdk, batch);
}

static void on_committed(struct byok_rdk *rdk, const struct byok_rdk_work *work)
{
    struct byok_rdk_batch *batch = rdk->batches; /* it waits for us */
    switch (work->end) {
    case BYOK_RDK_JOB_DONE:
        answer_done(rdk, batch);
        if (rdk->txn.trouble || work->slow)
            replace(rdk, work);
        break;
    case BYOK_RDK_JOB_DEAD:
        fail_later(batch, BYOK_RDK_FAILED, &work->fault);
        replace(rdk, work);
        break;
    case BYOK_RDK_JOB_UNKNOWN:
        fail_later(batch, BYOK_RDK_UNKNOWN, &work->fault);
        replace(rdk, work);
        break;
    }
}

static void on_job_ended(uv_async_t *async)
{
    struct byok_rdk *rdk = async->data;
    struct byok_rdk_handle *handle = producer(rdk);
    if (!rdk->txn.busy || !byok_rdk_thread_ended(&rdk->txn))
        return;
    byok_rdk_handle_serve(handle); /* reports and connection errors that came before the end */
    rdk->txn.busy = false;
    struct byok_rdk_work work = rdk->txn.work;
    if (work.offsets)
        rd_kafka_topic_partition_list_destroy(work.offsets);
    if (work.member)
        rd_kafka_consumer_group_metadata_destroy(work.member);
    if (!rdk->closing) {
        if (work.job == BYOK_RDK_JOB_INIT)
            on_init(rdk, &work);
        else
            on_committed(rdk, &work);
    }
    byok_rdk_handle_unuse(handle);
    if (!rdk->closing)
        byok_rdk_pump(rdk);
}

/* ---- the producer's comings and goings ---- */

void byok_rdk_txn_opened(struct byok_rdk *rdk)
{
    struct byok_rdk_batch *batch = rdk->batches;
    bool unknown = batch && batch->stage == BYOK_RDK_UNKNOWN && batch->commit->position_count > 0;
    rdk->txn.begun = false;
    rdk->txn.trouble = false;
    give(rdk, BYOK_RDK_JOB_INIT, unknown ? positions_of(rdk, batch) : NULL, NULL);
}

void byok_rdk_txn_retired(struct byok_rdk *rdk)
{
    struct byok_rdk_batch *batch = rdk->batches;
    rdk->txn.begun = false;
    /* SENDING: a fatal error came while its records were on their way */
    if (batch && (batch->stage == BYOK_RDK_FAILED || batch->stage == BYOK_RDK_SENDING))
        answer_failed(rdk, batch);
}

enum byok_err byok_rdk_txn_init(struct byok_rdk *rdk, struct byok_fault *fault)
{
    unsigned char random[8];
    if (uv_random(NULL, NULL, random, sizeof random, 0, NULL) != 0)
        return byok_fault_set(fault, BYOK_E_NOMEM, "The system gives no random bytes");
    for (size_t i = 0; i < sizeof random; i++)
        (void)snprintf(&rdk->txn.nonce[2 * i], 3, "%02x", random[i]);
    if (uv_mutex_init(&rdk->txn.sockets.lock) != 0)
        return byok_fault_set(fault, BYOK_E_NOMEM, "No lock for the producer's sockets");
    if (byok_rdk_thread_start(&rdk->txn, fault) != BYOK_E_OK) {
        uv_mutex_destroy(&rdk->txn.sockets.lock);
        return BYOK_E_NOMEM;
    }
    if (uv_async_init(rdk->loop, &rdk->txn.ended, on_job_ended) != 0) {
        byok_rdk_txn_close(rdk);
        return byok_fault_set(fault, BYOK_E_NOMEM, "The loop does not take an async handle");
    }
    rdk->txn.ended.data = rdk;
    rdk->open_uv++;
    rdk->txn.made = true;
    return BYOK_E_OK;
}

void byok_rdk_txn_close(struct byok_rdk *rdk)
{
    byok_rdk_thread_stop(&rdk->txn);
    uv_mutex_destroy(&rdk->txn.sockets.lock);
}
