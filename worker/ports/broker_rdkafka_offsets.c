/* SPDX-License-Identifier: MIT */
/* worker/ports/broker_rdkafka_offsets.c - committing positions, answering batches in order.
 *
 * One offset commit is under way at a time and carries the positions of all batches written before
 * it began.  A batch is answered when the commit that carries its positions is answered, whatever
 * the answer: its records are durable then, and a position that is not committed is committed by a
 * later try, or costs a replay that the DONE records recognise.  With exactly-once delivery
 * broker_rdkafka_txn.c does this instead.
 */
#include <utlist.h>

#include "worker/ports/broker_rdkafka_inner.h"

/* Pause after a commit that failed. */
#define RETRY_US ((int64_t)1000000)

rd_kafka_topic_partition_list_t *byok_rdk_uncommitted(struct byok_rdk *rdk)
{
    rd_kafka_topic_partition_list_t *list = NULL;
    for (size_t i = 0; i < rdk->part_room; i++) {
        const struct byok_rdk_part *part = rdk->parts[i];
        if (!part || part->position <= part->committed)
            continue;
        if (!list)
            list = rd_kafka_topic_partition_list_new(8);
        rd_kafka_topic_partition_list_add(list, rdk->topics[BYOK_TOPIC_REQUESTS], part->id)
            ->offset = part->position;
    }
    return list;
}

/* Whether a commit is needed for the batch's positions. */
static bool note_positions(struct byok_rdk *rdk, const struct byok_rdk_batch *batch)
{
    bool needed = false;
    for (size_t i = 0; i < batch->commit->position_count; i++) {
        struct byok_position position = batch->commit->positions[i];
        struct byok_rdk_part *part = byok_rdk_part(rdk, position.partition);
        if (!part || part->serial > batch->serial)
            continue; /* not ours any more, or ours anew */
        if (position.offset > part->position)
            part->position = position.offset;
        needed = needed || part->position > part->committed;
    }
    return needed;
}

/* Batches whose reports are all in, from the oldest on; a younger one waits for the older. */
static void settle_written(struct byok_rdk *rdk)
{
    struct byok_rdk_batch *batch;
    DL_FOREACH(rdk->batches, batch) {
        if (batch->settled)
            continue;
        if (batch->open > 0)
            break;
        batch->settled = true;
        if (batch->commit->fault.code == BYOK_E_OK && note_positions(rdk, batch))
            batch->commit_number = rdk->commits_begun + 1;
    }
}

static void begin_commit(struct byok_rdk *rdk)
{
    struct byok_rdk_handle *handle = &rdk->handles[BYOK_RDK_CONSUMER];
    if (rdk->committing || byok_rdk_now_us(rdk) < rdk->commit_not_before_us)
        return;
    rd_kafka_topic_partition_list_t *list = byok_rdk_uncommitted(rdk);
    rdk->commits_begun++;
    rd_kafka_resp_err_t err = RD_KAFKA_RESP_ERR__STATE;
    if (list && handle->state == BYOK_RDK_OPEN)
        err = rd_kafka_commit_queue(handle->rk, list, handle->queue, NULL, NULL);
    if (list)
        rd_kafka_topic_partition_list_destroy(list);
    rdk->committing = err == RD_KAFKA_RESP_ERR_NO_ERROR;
    if (rdk->committing)
        return;
    rdk->commits_answered = rdk->commits_begun;
    if (list)
        rdk->commit_not_before_us = byok_rdk_now_us(rdk) + RETRY_US;
}

static void answer(struct byok_rdk *rdk)
{
    struct byok_rdk_batch *batch;
    while ((batch = rdk->batches) != NULL && batch->settled &&
           batch->commit_number <= rdk->commits_answered)
        byok_rdk_answer(rdk, batch);
}

void byok_rdk_settle(struct byok_rdk *rdk)
{
    if (byok_rdk_exactly_once(rdk))
        return;
    settle_written(rdk);
    begin_commit(rdk);
    answer(rdk);
}

/* Failures that only say that the group is moving: what is still ours is committed later. */
static bool is_of_rebalance(rd_kafka_resp_err_t err)
{
    switch (err) {
    case RD_KAFKA_RESP_ERR_REBALANCE_IN_PROGRESS:
    case RD_KAFKA_RESP_ERR_ILLEGAL_GENERATION:
    case RD_KAFKA_RESP_ERR_UNKNOWN_MEMBER_ID:
    case RD_KAFKA_RESP_ERR_STALE_MEMBER_EPOCH:
    case RD_KAFKA_RESP_ERR__ASSIGNMENT_LOST:
    case RD_KAFKA_RESP_ERR__WAIT_COORD:
        return true;
    default:
        return false;
    }
}

static rd_kafka_resp_err_t note_committed(struct byok_rdk *rdk, rd_kafka_event_t *event)
{
    rd_kafka_resp_err_t first = rd_kafka_event_error(event);
    rd_kafka_topic_partition_list_t *list = rd_kafka_event_topic_partition_list(event);
    for (int i = 0; list && i < list->cnt; i++) {
        const rd_kafka_topic_partition_t *one = &list->elems[i];
        struct byok_rdk_part *part = byok_rdk_part(rdk, one->partition);
        if (rd_kafka_event_error(event) == RD_KAFKA_RESP_ERR_NO_ERROR &&
            one->err == RD_KAFKA_RESP_ERR_NO_ERROR) {
            if (part && one->offset > part->committed)
                part->committed = one->offset;
        } else if (!first) {
            first = one->err;
        }
    }
    return first;
}

void byok_rdk_on_committed(struct byok_rdk *rdk, rd_kafka_event_t *event)
{
    rd_kafka_resp_err_t err = note_committed(rdk, event);
    rdk->committing = false;
    rdk->commits_answered = rdk->commits_begun;
    if (err == RD_KAFKA_RESP_ERR_NO_ERROR) {
        byok_rdk_seen(rdk);
    } else {
        rdk->commit_not_before_us = byok_rdk_now_us(rdk) + RETRY_US;
        if (!is_of_rebalance(err) && byok_rdk_may_say(rdk, BYOK_RDK_NOTICE_OFFSETS))
            byok_log_event(rdk->env->log, BYOK_LOG_WARN, "positions_not_committed",
                           BYOK_F_TEXT("error", rd_kafka_err2str(err)));
    }
    byok_rdk_settle(rdk);
    byok_rdk_try_unassign(rdk);
}
