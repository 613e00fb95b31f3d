/* SPDX-License-Identifier: MIT */
/* worker/ports/broker_rdkafka_txn_thread.c - librdkafka's transaction calls, which block.
 *
 * One thread per port, one job at a time.  A job never touches what is the loop's: it works on
 * struct byok_rdk_work alone, and on the producer's handle, which the loop keeps until the job has
 * ended.
 */
#include <stdio.h>
#include <string.h>

#include "worker/ports/broker_rdkafka_inner.h"

/* One try of a call whose outcome is not lost by giving up. */
#define INIT_MS 5000
#define LOOK_MS 10000
#define PAUSE_MS 200

/* librdkafka sends a request again by itself when there was no answer in socket.timeout.ms, which
 * for a transactional producer is transaction.timeout.ms - 100, if the operator does not say less:
 * a commit that was quicker was sent once, or a connection failed. */
#define SLOW_MS 2000

static bool quits(const struct byok_rdk_txn *txn)
{
    return atomic_load_explicit(&txn->quit, memory_order_relaxed);
}

static bool is_fence(rd_kafka_resp_err_t err)
{
    return err == RD_KAFKA_RESP_ERR__FENCED || err == RD_KAFKA_RESP_ERR_PRODUCER_FENCED ||
           err == RD_KAFKA_RESP_ERR_INVALID_PRODUCER_EPOCH;
}

/* Takes the error; the first of a job is the one that is told. */
static void note(struct byok_rdk_work *work, const char *what, rd_kafka_error_t *error)
{
    if (work->fault.code == BYOK_E_OK)
        (void)byok_fault_set(&work->fault, BYOK_E_BROKER, "%s: %s", what,
                             rd_kafka_error_string(error));
    work->fenced = work->fenced || is_fence(rd_kafka_error_code(error));
    rd_kafka_error_destroy(error);
}

/* The job is done.  Should the next transaction not begin, then its first record will fail. */
static void begin(struct byok_rdk_work *work)
{
    work->end = BYOK_RDK_JOB_DONE;
    rd_kafka_error_t *error = rd_kafka_begin_transaction(work->rk);
    if (error)
        note(work, "A transaction cannot begin", error);
}

static void commit(struct byok_rdk_txn *txn)
{
    struct byok_rdk_work *work = &txn->work;
    uint64_t began_ns = uv_hrtime();
    rd_kafka_error_t *error = NULL;
    if (work->offsets && work->offsets->cnt > 0) {
        byok_rdk_waits_begin(txn);
        error = rd_kafka_send_offsets_to_transaction(work->rk, work->offsets, work->member,
                                                     work->timeout_ms);
        byok_rdk_waits_end(txn);
    }
    if (error) {
        note(work, "The group does not take the positions", error);
        work->end = BYOK_RDK_JOB_DEAD; /* nothing has asked for a commit, and nothing will */
        return;
    }
    error = rd_kafka_commit_transaction(work->rk, work->timeout_ms);
    uint64_t slow_ms = work->timeout_ms < 2 * SLOW_MS ? (uint64_t)work->timeout_ms / 2 : SLOW_MS;
    work->slow = uv_hrtime() - began_ns >= slow_ms * 1000000;
    if (!error) {
        begin(work);
        return;
    }
    note(work, "The transaction's commit has failed", error);
    work->end = BYOK_RDK_JOB_UNKNOWN;
}

/* ---- the outcome of an earlier transaction ---- */

static bool is_marked(const rd_kafka_topic_partition_t *asked,
                      const rd_kafka_topic_partition_list_t *found)
{
    for (int i = 0; i < found->cnt; i++) {
        const rd_kafka_topic_partition_t *one = &found->elems[i];
        if (one->partition == asked->partition && strcmp(one->topic, asked->topic) == 0)
            return one->metadata_size == asked->metadata_size &&
                   memcmp(one->metadata, asked->metadata, asked->metadata_size) == 0;
    }
    return false;
}

/* False: there is no answer yet. */
static bool compare(struct byok_rdk_work *work, const rd_kafka_group_result_t *group)
{
    const rd_kafka_topic_partition_list_t *found = rd_kafka_group_result_partitions(group);
    if (rd_kafka_group_result_error(group) || !found)
        return false;
    for (int i = 0; i < found->cnt; i++) {
        if (found->elems[i].err)
            return false; /* UNSTABLE_OFFSET_COMMIT among them */
    }
    for (int i = 0; i < work->offsets->cnt && !work->found; i++)
        work->found = is_marked(&work->offsets->elems[i], found);
    return true;
}

static bool read_answer(struct byok_rdk_work *work, rd_kafka_event_t *event)
{
    size_t count = 0;
    if (rd_kafka_event_type(event) != RD_KAFKA_EVENT_LISTCONSUMERGROUPOFFSETS_RESULT ||
        rd_kafka_event_error(event))
        return false;
    const rd_kafka_group_result_t **groups = rd_kafka_ListConsumerGroupOffsets_result_groups(
        rd_kafka_event_ListConsumerGroupOffsets_result(event), &count);
    return count == 1 && compare(work, groups[0]);
}

/* What the group has committed, and only when no transaction is open on it. */
static bool look_once(struct byok_rdk_work *work)
{
    char text[256];
    rd_kafka_AdminOptions_t *options =
        rd_kafka_AdminOptions_new(work->rk, RD_KAFKA_ADMIN_OP_LISTCONSUMERGROUPOFFSETS);
    rd_kafka_queue_t *queue = rd_kafka_queue_new(work->rk);
    (void)rd_kafka_AdminOptions_set_request_timeout(options, LOOK_MS, text, sizeof text);
    rd_kafka_error_t *error = rd_kafka_AdminOptions_set_require_stable_offsets(options, 1);
    if (error)
        rd_kafka_error_destroy(error);
    rd_kafka_topic_partition_list_t *names = rd_kafka_topic_partition_list_new(8);
    for (int i = 0; i < work->offsets->cnt; i++)
        rd_kafka_topic_partition_list_add(names, work->offsets->elems[i].topic,
                                          work->offsets->elems[i].partition);
    rd_kafka_ListConsumerGroupOffsets_t *asked =
        rd_kafka_ListConsumerGroupOffsets_new(work->group, names);
    rd_kafka_ListConsumerGroupOffsets(work->rk, &asked, 1, options, queue);
    rd_kafka_event_t *event = rd_kafka_queue_poll(queue, LOOK_MS);
    bool answered = event && read_answer(work, event);
    if (event)
        rd_kafka_event_destroy(event);
    rd_kafka_ListConsumerGroupOffsets_destroy(asked);
    rd_kafka_topic_partition_list_destroy(names);
    rd_kafka_AdminOptions_destroy(options);
    rd_kafka_queue_destroy(queue);
    return answered;
}

/* False: the port is closing. */
static bool look(struct byok_rdk_txn *txn)
{
    byok_rdk_waits_begin(txn);
    while (!look_once(&txn->work) && !quits(txn))
        uv_sleep(PAUSE_MS);
    byok_rdk_waits_end(txn);
    return !quits(txn);
}

static void init(struct byok_rdk_txn *txn)
{
    struct byok_rdk_work *work = &txn->work;
    work->end = BYOK_RDK_JOB_DEAD;
    for (;;) {
        rd_kafka_error_t *error = rd_kafka_init_transactions(work->rk, INIT_MS);
        if (!error)
            break;
        if (!rd_kafka_error_is_retriable(error) || quits(txn)) {
            note(work, "The producer cannot begin transactions", error);
            return;
        }
        rd_kafka_error_destroy(error);
    }
    if (work->offsets && !look(txn))
        return;
    begin(work);
}

/* ---- the thread ---- */

static void do_job(struct byok_rdk_txn *txn)
{
    switch (txn->work.job) {
    case BYOK_RDK_JOB_INIT:
        init(txn);
        break;
    case BYOK_RDK_JOB_COMMIT:
        commit(txn);
        break;
    case BYOK_RDK_JOB_NONE:
        break;
    }
}

static void run(void *arg)
{
    struct byok_rdk_txn *txn = arg;
    uv_mutex_lock(&txn->lock);
    for (;;) {
        while (!txn->thread_has_work && !txn->thread_ends)
            uv_cond_wait(&txn->given, &txn->lock);
        if (!txn->thread_has_work)
            break;
        uv_mutex_unlock(&txn->lock);
        do_job(txn);
        uv_mutex_lock(&txn->lock);
        txn->thread_has_work = false;
        (void)uv_async_send(&txn->ended);
    }
    uv_mutex_unlock(&txn->lock);
}

enum byok_err byok_rdk_thread_start(struct byok_rdk_txn *txn, struct byok_fault *fault)
{
    if (uv_mutex_init(&txn->lock) != 0)
        return byok_fault_set(fault, BYOK_E_NOMEM, "No lock for the transactions' thread");
    if (uv_cond_init(&txn->given) != 0) {
        uv_mutex_destroy(&txn->lock);
        return byok_fault_set(fault, BYOK_E_NOMEM, "No condition for the transactions' thread");
    }
    if (uv_thread_create(&txn->thread, run, txn) == 0)
        return BYOK_E_OK;
    uv_cond_destroy(&txn->given);
    uv_mutex_destroy(&txn->lock);
    return byok_fault_set(fault, BYOK_E_NOMEM, "The transactions' thread cannot be started");
}

void byok_rdk_thread_give(struct byok_rdk_txn *txn)
{
    uv_mutex_lock(&txn->lock);
    txn->thread_has_work = true;
    uv_cond_signal(&txn->given);
    uv_mutex_unlock(&txn->lock);
}

bool byok_rdk_thread_ended(struct byok_rdk_txn *txn)
{
    uv_mutex_lock(&txn->lock);
    bool ended = !txn->thread_has_work;
    uv_mutex_unlock(&txn->lock);
    return ended;
}

void byok_rdk_thread_stop(struct byok_rdk_txn *txn)
{
    uv_mutex_lock(&txn->lock);
    txn->thread_ends = true;
    uv_cond_signal(&txn->given);
    uv_mutex_unlock(&txn->lock);
    (void)uv_thread_join(&txn->thread);
    uv_cond_destroy(&txn->given);
    uv_mutex_destroy(&txn->lock);
}
