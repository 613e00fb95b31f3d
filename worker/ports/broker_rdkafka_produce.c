/* SPDX-License-Identifier: MIT */
/* worker/ports/broker_rdkafka_produce.c - publishing batches.
 *
 * The payloads are not copied: they lie in the batch's tasks, which stay here until every report
 * is in.  A record that the broker can never take (too large) is refused and fails its batch; all
 * other failures pass, or an operator can make them pass, and are tried again for ever.  A fatal
 * error of the idempotent producer costs its handle: what had no report is sent by the next one,
 * in order (at least once).  In a transaction any failure breaks the batch, which is aborted whole
 * (broker_rdkafka_txn.c).
 *
 * At least once, the records of the state topic wait until all others of their batch are written:
 * they say that a request is done, and no order holds between partitions, so a crash in between
 * would leave requests that pass for done and have no result.
 */
#include <utlist.h>

#include "worker/ports/broker_rdkafka_inner.h"

/* Pause after a failure that librdkafka does not itself try again. */
#define RETRY_US ((int64_t)1000000)

static void free_batch(struct byok_rdk_batch *batch)
{
    byok_delete(batch->sends);
    byok_commit_free(batch->commit);
    byok_delete(batch);
}

static size_t count_outs(const struct byok_commit *commit)
{
    size_t count = 0;
    for (const struct byok_task *task = commit->tasks; task;
         task = (const struct byok_task *)task->msg.next)
        count += task->out_count;
    return count;
}

/* List the records of the state topic, or all others. */
static size_t list_sends(struct byok_rdk_batch *batch, struct byok_rdk_send *send, bool state)
{
    const struct byok_rdk_send *first = send;
    struct byok_task *task = batch->commit->tasks;
    for (; task; task = (struct byok_task *)task->msg.next) {
        for (size_t i = 0; i < task->out_count; i++) {
            if ((task->outs[i].topic == BYOK_TOPIC_STATE) != state)
                continue;
            *send++ = (struct byok_rdk_send){.batch = batch, .out = &task->outs[i]};
            task->outs[i].offset = -1;
        }
    }
    return (size_t)(send - first);
}

static struct byok_rdk_batch *new_batch(const struct byok_rdk *rdk, struct byok_commit *commit)
{
    struct byok_rdk_batch *batch = byok_new(1, sizeof *batch);
    if (!batch)
        return NULL;
    batch->count = batch->open = count_outs(commit);
    batch->sends = byok_new(batch->count > 0 ? batch->count : 1, sizeof *batch->sends);
    if (!batch->sends) {
        byok_delete(batch);
        return NULL;
    }
    batch->commit = commit;
    batch->serial = rdk->serial;
    batch->first_state = list_sends(batch, batch->sends, false);
    (void)list_sends(batch, batch->sends + batch->first_state, true);
    return batch;
}

/* Batches of what was given, as memory allows. */
static void make_batches(struct byok_rdk *rdk)
{
    while (rdk->unbatched) {
        struct byok_commit *commit = rdk->unbatched;
        struct byok_commit *next = (struct byok_commit *)commit->msg.next;
        struct byok_rdk_batch *batch = new_batch(rdk, commit);
        if (!batch)
            return;
        commit->msg.next = NULL;
        commit->fault.code = BYOK_E_OK;
        rdk->unbatched = next;
        if (!next)
            rdk->unbatched_last = NULL;
        DL_APPEND(rdk->batches, batch);
    }
}

static rd_kafka_topic_t *topic_handle(struct byok_rdk *rdk, enum byok_topic topic)
{
    rd_kafka_topic_t **slot = &rdk->producer_topics[topic];
    if (!*slot)
        *slot = rd_kafka_topic_new(rdk->handles[BYOK_RDK_PRODUCER].rk, rdk->topics[topic], NULL);
    return *slot;
}

void byok_rdk_drop_topics(struct byok_rdk *rdk)
{
    for (int i = 0; i < BYOK_TOPIC_COUNT; i++) {
        if (rdk->producer_topics[i])
            rd_kafka_topic_destroy(rdk->producer_topics[i]);
        rdk->producer_topics[i] = NULL;
    }
}

rd_kafka_headers_t *byok_rdk_headers(const struct byok_out *out)
{
    rd_kafka_headers_t *headers = rd_kafka_headers_new(out->header_count);
    for (size_t i = 0; i < out->header_count; i++) {
        const struct byok_record_header *header = &out->headers[i];
        (void)rd_kafka_header_add(headers, header->name.ptr, (ssize_t)header->name.len,
                                  header->value.ptr, (ssize_t)header->value.len);
    }
    return headers;
}

static rd_kafka_resp_err_t produce(struct byok_rdk *rdk, struct byok_rdk_send *send)
{
    const struct byok_out *out = send->out;
    rd_kafka_topic_t *topic = topic_handle(rdk, out->topic);
    if (!topic)
        return RD_KAFKA_RESP_ERR__FAIL;
    rd_kafka_headers_t *headers = out->header_count > 0 ? byok_rdk_headers(out) : NULL;
    const char *value = out->tombstone ? NULL : out->value.ptr ? out->value.ptr : "";
    const rd_kafka_vu_t parts[] = {
        {.vtype = RD_KAFKA_VTYPE_RKT, .u.rkt = topic},
        /* without one, the partitioner (murmur2 of the key) decides when the count is known */
        {.vtype = RD_KAFKA_VTYPE_PARTITION,
         .u.i32 = out->partition >= 0 ? out->partition : RD_KAFKA_PARTITION_UA},
        {.vtype = RD_KAFKA_VTYPE_KEY, .u.mem = {byok_rdk_unconst(out->key.ptr), out->key.len}},
        {.vtype = RD_KAFKA_VTYPE_VALUE,
         .u.mem = {byok_rdk_unconst(value), out->tombstone ? 0 : out->value.len}},
        {.vtype = RD_KAFKA_VTYPE_TIMESTAMP, .u.i64 = out->timestamp_wall_ms},
        {.vtype = RD_KAFKA_VTYPE_MSGFLAGS, .u.i = 0}, /* neither copied nor freed */
        {.vtype = RD_KAFKA_VTYPE_OPAQUE, .u.ptr = send},
        {.vtype = RD_KAFKA_VTYPE_HEADERS, .u.headers = headers}, /* last: left out without any */
    };
    size_t count = sizeof parts / sizeof parts[0] - (headers ? 0 : 1);
    rd_kafka_error_t *error = rd_kafka_produceva(rdk->handles[BYOK_RDK_PRODUCER].rk, parts, count);
    if (!error)
        return RD_KAFKA_RESP_ERR_NO_ERROR;
    rd_kafka_resp_err_t code = rd_kafka_error_code(error);
    rd_kafka_error_destroy(error);
    if (headers)
        rd_kafka_headers_destroy(headers);
    return code;
}

/* Whether the record itself is at fault, so that no later try can pass. */
static bool is_final(rd_kafka_resp_err_t err)
{
    switch (err) {
    case RD_KAFKA_RESP_ERR_MSG_SIZE_TOO_LARGE:
    case RD_KAFKA_RESP_ERR_RECORD_LIST_TOO_LARGE:
    case RD_KAFKA_RESP_ERR_INVALID_TIMESTAMP:
    case RD_KAFKA_RESP_ERR_INVALID_RECORD:
        return true;
    default:
        return false;
    }
}

static void refuse(struct byok_rdk *rdk, struct byok_rdk_send *send, rd_kafka_resp_err_t err)
{
    struct byok_rdk_batch *batch = send->batch;
    const struct byok_out *out = send->out;
    bool large = err == RD_KAFKA_RESP_ERR_MSG_SIZE_TOO_LARGE ||
                 err == RD_KAFKA_RESP_ERR_RECORD_LIST_TOO_LARGE;
    send->state = BYOK_RDK_REFUSED;
    send->out->refused = true;
    batch->broken = true;
    batch->open--;
    (void)byok_fault_set(&batch->commit->fault, large ? BYOK_E_TOO_LARGE : BYOK_E_BROKER,
                         "The topic %s does not take a record of %zu bytes: %s%s",
                         rdk->topics[out->topic], out->value.len, rd_kafka_err2str(err),
                         large ? " (raise its max.message.bytes)" : "");
    byok_log_event(rdk->env->log, BYOK_LOG_ERROR, "record_refused",
                   BYOK_F_TEXT("topic", rdk->topics[out->topic]),
                   BYOK_F_INT("bytes", out->value.len),
                   BYOK_F_TEXT("error", rd_kafka_err2str(err)));
}

/* Not now: the send waits for the next round. */
static void put_off(struct byok_rdk *rdk, struct byok_rdk_send *send, rd_kafka_resp_err_t err)
{
    size_t index = (size_t)(send - send->batch->sends);
    send->state = BYOK_RDK_WAITING;
    if (index < send->batch->unsent)
        send->batch->unsent = index;
    if (err == RD_KAFKA_RESP_ERR__QUEUE_FULL)
        return; /* the reports that make room call again */
    if (byok_rdk_exactly_once(rdk)) {
        if (!send->batch->broken)
            (void)byok_fault_set(&send->batch->commit->fault, BYOK_E_BROKER,
                                 "The topic %s did not take a record: %s",
                                 rdk->topics[send->out->topic], rd_kafka_err2str(err));
        send->batch->broken = true;
        if (err == RD_KAFKA_RESP_ERR__PURGE_QUEUE || err == RD_KAFKA_RESP_ERR__PURGE_INFLIGHT ||
            err == RD_KAFKA_RESP_ERR__STATE)
            return; /* these follow from another failure */
    }
    rdk->produce_not_before_us = byok_rdk_now_us(rdk) + RETRY_US;
    if (byok_rdk_may_say(rdk, BYOK_RDK_NOTICE_PUBLISH))
        byok_log_event(rdk->env->log, BYOK_LOG_WARN, "publish_failed",
                       BYOK_F_TEXT("topic", rdk->topics[send->out->topic]),
                       BYOK_F_TEXT("error", rd_kafka_err2str(err)));
}

bool byok_rdk_send_batch(struct byok_rdk *rdk, struct byok_rdk_batch *batch, size_t end)
{
    for (; batch->unsent < end; batch->unsent++) {
        struct byok_rdk_send *send = &batch->sends[batch->unsent];
        if (send->state != BYOK_RDK_WAITING)
            continue;
        rd_kafka_resp_err_t err = produce(rdk, send);
        if (err == RD_KAFKA_RESP_ERR_NO_ERROR) {
            send->state = BYOK_RDK_SENT;
        } else if (is_final(err)) {
            refuse(rdk, send, err);
        } else {
            put_off(rdk, send, err);
            return false;
        }
    }
    return true;
}

/* Its state is never sent: something that it says has happened has not. */
static void leave_state(struct byok_rdk_batch *batch)
{
    for (; batch->unsent < batch->count; batch->unsent++) {
        struct byok_rdk_send *send = &batch->sends[batch->unsent];
        batch->open -= send->state == BYOK_RDK_WAITING;
        if (send->state == BYOK_RDK_WAITING)
            send->state = BYOK_RDK_REFUSED;
    }
}

/* All that can be sent now.  Changes of the state keep the order of their batches. */
static void send_batches(struct byok_rdk *rdk)
{
    bool in_turn = true;
    struct byok_rdk_batch *batch;
    DL_FOREACH(rdk->batches, batch) {
        size_t state = batch->count - batch->first_state;
        if (!byok_rdk_send_batch(rdk, batch, batch->first_state))
            return;
        if (!in_turn || batch->open > state) {
            in_turn = in_turn && state == 0;
            continue;
        }
        if (batch->broken)
            leave_state(batch);
        else if (!byok_rdk_send_batch(rdk, batch, batch->count))
            return;
    }
}

void byok_rdk_pump(struct byok_rdk *rdk)
{
    make_batches(rdk);
    if (byok_rdk_exactly_once(rdk)) {
        byok_rdk_txn_pump(rdk);
        return;
    }
    if (rdk->handles[BYOK_RDK_PRODUCER].state == BYOK_RDK_OPEN &&
        byok_rdk_now_us(rdk) >= rdk->produce_not_before_us)
        send_batches(rdk);
    byok_rdk_settle(rdk); /* batches that publish nothing have no report to wait for */
}

void byok_rdk_commit(struct byok_broker *broker, struct byok_commit *commit)
{
    struct byok_rdk *rdk = byok_rdk_of(broker);
    commit->msg.next = NULL;
    if (rdk->unbatched_last)
        rdk->unbatched_last->msg.next = &commit->msg;
    else
        rdk->unbatched = commit;
    rdk->unbatched_last = commit;
    byok_rdk_pump(rdk);
}

static void on_report(struct byok_rdk *rdk, const rd_kafka_message_t *message)
{
    struct byok_rdk_send *send = message->_private;
    if (send->state != BYOK_RDK_SENT)
        return;
    if (message->err == RD_KAFKA_RESP_ERR_NO_ERROR) {
        send->out->offset = message->offset;
        send->state = BYOK_RDK_WRITTEN;
        send->batch->open--;
        byok_rdk_seen(rdk);
    } else if (is_final(message->err)) {
        refuse(rdk, send, message->err);
    } else {
        put_off(rdk, send, message->err);
    }
}

void byok_rdk_on_reports(struct byok_rdk *rdk, rd_kafka_event_t *event)
{
    const rd_kafka_message_t *message;
    while ((message = rd_kafka_event_message_next(event)) != NULL)
        on_report(rdk, message);
    byok_rdk_pump(rdk);
}

void byok_rdk_unsend(struct byok_rdk *rdk)
{
    struct byok_rdk_batch *batch;
    DL_FOREACH(rdk->batches, batch) {
        for (size_t i = 0; i < batch->count; i++) {
            if (batch->sends[i].state == BYOK_RDK_SENT)
                batch->sends[i].state = BYOK_RDK_WAITING;
        }
        batch->unsent = 0;
    }
}

void byok_rdk_answer(struct byok_rdk *rdk, struct byok_rdk_batch *batch)
{
    DL_DELETE(rdk->batches, batch);
    struct byok_msg *msg = &batch->commit->msg;
    struct byok_actor *to = batch->commit->reply_to;
    byok_delete(batch->sends);
    byok_delete(batch);
    byok_post(to, BYOK_MSG_COMMIT_DONE, &msg);
}

void byok_rdk_drop_batches(struct byok_rdk *rdk)
{
    while (rdk->batches) {
        struct byok_rdk_batch *batch = rdk->batches;
        DL_DELETE(rdk->batches, batch);
        free_batch(batch);
    }
    while (rdk->unbatched) {
        struct byok_commit *commit = rdk->unbatched;
        rdk->unbatched = (struct byok_commit *)commit->msg.next;
        byok_commit_free(commit);
    }
}
