/* SPDX-License-Identifier: MIT */
/* worker/ports/broker_rdkafka_handle.c - one librdkafka handle whose queue wakes the loop.
 *
 * librdkafka writes to the event fd only when its queue turns from empty to not empty, so the
 * queue is served until it is empty, or the fd is written to again from here.  Destroying a handle
 * waits for its broker threads: that is done on a thread of libuv's pool.
 */
#include <errno.h>
#include <string.h>

#include <sys/eventfd.h>
#include <unistd.h>

#include "worker/ports/broker_rdkafka_inner.h"

#define REOPEN_US ((int64_t)1000000)

/* Events served in one turn of the loop, so that the shard's other work goes on. */
#define EVENTS_A_TURN 512

/* How long the end waits: of the consumer for its last commit and for leaving the group, of the
 * producer of deltas, which may only just have begun, for what it was given. */
#define LAST_COMMIT_MS 5000
#define LEAVE_MS 10000
#define LAST_DELTAS_MS 2000

static const uint64_t one = 1;

void byok_rdk_handle_wake(const struct byok_rdk_handle *handle)
{
    ssize_t written = write(handle->event_fd, &one, sizeof one);
    (void)written; /* it can only fail when the fd is readable already */
}

static void on_readable(uv_poll_t *poll, int status, int events)
{
    (void)status;
    (void)events;
    struct byok_rdk_handle *handle = poll->data;
    uint64_t count;
    ssize_t got = read(handle->event_fd, &count, sizeof count);
    (void)got; /* nothing to read: woken for nothing */
    byok_rdk_handle_serve(handle);
    if (handle->role == BYOK_RDK_RESTORER)
        byok_rdk_restore_tick(handle->rdk);
}

enum byok_err byok_rdk_handle_init(struct byok_rdk *rdk, struct byok_rdk_handle *handle,
                                   enum byok_rdk_role role, struct byok_fault *fault)
{
    handle->rdk = rdk;
    handle->role = role;
    handle->event_fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
    if (handle->event_fd < 0)
        return byok_fault_set(fault, BYOK_E_NOMEM, "No event fd for the Kafka client: %s",
                              strerror(errno));
    if (uv_poll_init(rdk->loop, &handle->poll, handle->event_fd) != 0) {
        (void)close(handle->event_fd);
        handle->event_fd = -1;
        return byok_fault_set(fault, BYOK_E_NOMEM, "The loop does not take an event fd");
    }
    handle->poll.data = handle;
    rdk->open_uv++;
    if (uv_poll_start(&handle->poll, UV_READABLE, on_readable) != 0)
        return byok_fault_set(fault, BYOK_E_NOMEM, "The loop does not watch an event fd");
    return BYOK_E_OK;
}

enum byok_err byok_rdk_handle_open(struct byok_rdk_handle *handle, struct byok_fault *fault)
{
    rd_kafka_conf_t *conf = byok_rdk_conf(&handle->rdk->options, handle->role, fault);
    if (!conf)
        return BYOK_E_CONFIG;
    rd_kafka_type_t type = handle->role == BYOK_RDK_PRODUCER || handle->role == BYOK_RDK_NOTER ||
                                   handle->role == BYOK_RDK_STREAMER
                               ? RD_KAFKA_PRODUCER
                               : RD_KAFKA_CONSUMER;
    if (handle->role == BYOK_RDK_PRODUCER && byok_rdk_exactly_once(handle->rdk))
        byok_rdk_sockets_watch(&handle->rdk->txn.sockets, conf);
    char text[256];
    handle->rk = rd_kafka_new(type, conf, text, sizeof text);
    if (!handle->rk) {
        rd_kafka_conf_destroy(conf);
        return byok_fault_set(fault, BYOK_E_CONFIG, "librdkafka cannot start: %s", text);
    }
    if (type == RD_KAFKA_CONSUMER) {
        (void)rd_kafka_poll_set_consumer(handle->rk);
        handle->queue = rd_kafka_queue_get_consumer(handle->rk);
    } else {
        handle->queue = rd_kafka_queue_get_main(handle->rk);
    }
    (void)rd_kafka_set_log_queue(handle->rk, NULL);
    rd_kafka_queue_io_event_enable(handle->queue, handle->event_fd, &one, sizeof one);
    handle->state = BYOK_RDK_OPEN;
    byok_rdk_handle_wake(handle); /* for what came before the fd was known */
    if (handle->role == BYOK_RDK_PRODUCER && byok_rdk_exactly_once(handle->rdk))
        byok_rdk_txn_opened(handle->rdk);
    return BYOK_E_OK;
}

bool byok_rdk_handle_ready(struct byok_rdk_handle *handle)
{
    struct byok_rdk *rdk = handle->rdk;
    if (handle->state == BYOK_RDK_OPEN)
        return true;
    if (handle->state == BYOK_RDK_RETIRING || rdk->closing ||
        byok_rdk_now_us(rdk) < handle->not_before_us)
        return false;
    struct byok_fault fault = {0};
    if (byok_rdk_handle_open(handle, &fault) == BYOK_E_OK)
        return true;
    handle->not_before_us = byok_rdk_now_us(rdk) + REOPEN_US;
    if (byok_rdk_may_say(rdk, BYOK_RDK_NOTICE_ERROR))
        byok_log_event(rdk->env->log, BYOK_LOG_ERROR, "kafka_client_failed",
                       BYOK_F_TEXT("error", fault.text));
    return false;
}

const rd_kafka_message_t *byok_rdk_message(struct byok_rdk_handle *handle, rd_kafka_event_t *event)
{
    const rd_kafka_message_t *message = handle->message;
    handle->message = NULL;
    return message ? message : rd_kafka_event_message_next(event);
}

/* False: nothing is left, or nothing can be served now. */
static bool serve_one(struct byok_rdk_handle *handle)
{
    rd_kafka_event_t *event = handle->held;
    handle->held = NULL;
    if (!event)
        event = rd_kafka_queue_poll(handle->queue, 0);
    if (!event)
        return false;
    switch (byok_rdk_on_event(handle, event)) {
    case BYOK_RDK_SERVED:
        rd_kafka_event_destroy(event);
        break;
    case BYOK_RDK_TAKEN:
        break;
    case BYOK_RDK_AGAIN:
        handle->held = event;
        return false;
    }
    return true;
}

void byok_rdk_handle_serve(struct byok_rdk_handle *handle)
{
    unsigned left = EVENTS_A_TURN;
    handle->serving = true;
    while (left > 0 && handle->state == BYOK_RDK_OPEN && !handle->retire_asked && serve_one(handle))
        left--;
    handle->serving = false;
    if (handle->retire_asked)
        byok_rdk_handle_retire(handle);
    else if (left == 0)
        byok_rdk_handle_wake(handle);
}

/* On the pool's thread: the positions that are still uncommitted. */
static void commit_last(struct byok_rdk_handle *handle)
{
    if (!handle->last_commit)
        return;
    rd_kafka_queue_t *queue = rd_kafka_queue_new(handle->rk);
    if (rd_kafka_commit_queue(handle->rk, handle->last_commit, queue, NULL, NULL) ==
        RD_KAFKA_RESP_ERR_NO_ERROR) {
        rd_kafka_event_t *event = rd_kafka_queue_poll(queue, LAST_COMMIT_MS);
        if (event)
            rd_kafka_event_destroy(event);
    }
    rd_kafka_queue_destroy(queue);
    rd_kafka_topic_partition_list_destroy(handle->last_commit);
    handle->last_commit = NULL;
}

static void answer_at_close(rd_kafka_t *rk, rd_kafka_event_t *event)
{
    if (rd_kafka_event_type(event) != RD_KAFKA_EVENT_REBALANCE)
        return;
    rd_kafka_error_t *error = NULL;
    if (rd_kafka_event_error(event) == RD_KAFKA_RESP_ERR__REVOKE_PARTITIONS)
        error = rd_kafka_incremental_unassign(rk, rd_kafka_event_topic_partition_list(event));
    if (error || rd_kafka_event_error(event) != RD_KAFKA_RESP_ERR__REVOKE_PARTITIONS)
        (void)rd_kafka_assign(rk, NULL);
    if (error)
        rd_kafka_error_destroy(error);
}

/* On the pool's thread. */
static void leave_group(rd_kafka_t *rk)
{
    rd_kafka_queue_t *queue = rd_kafka_queue_new(rk);
    rd_kafka_error_t *error = rd_kafka_consumer_close_queue(rk, queue);
    uint64_t until_ns = uv_hrtime() + (uint64_t)LEAVE_MS * 1000000;
    while (!error && !rd_kafka_consumer_closed(rk) && uv_hrtime() < until_ns) {
        rd_kafka_event_t *event = rd_kafka_queue_poll(queue, 50);
        if (!event)
            continue;
        answer_at_close(rk, event);
        rd_kafka_event_destroy(event);
    }
    if (error)
        rd_kafka_error_destroy(error);
    rd_kafka_queue_destroy(queue);
}

/* On the pool's thread; the loop does not touch the handle meanwhile. */
static void retire(uv_work_t *work)
{
    struct byok_rdk_handle *handle = work->data;
    int flags = 0;
    switch (handle->role) {
    case BYOK_RDK_CONSUMER:
        commit_last(handle);
        leave_group(handle->rk);
        flags = RD_KAFKA_DESTROY_F_NO_CONSUMER_CLOSE; /* it is closed, or could not be */
        break;
    case BYOK_RDK_RESTORER:
        flags = RD_KAFKA_DESTROY_F_NO_CONSUMER_CLOSE;
        break;
    case BYOK_RDK_PRODUCER:
        (void)rd_kafka_purge(handle->rk, RD_KAFKA_PURGE_F_QUEUE | RD_KAFKA_PURGE_F_INFLIGHT |
                                             RD_KAFKA_PURGE_F_NON_BLOCKING);
        break;
    case BYOK_RDK_NOTER:
    case BYOK_RDK_STREAMER:
        (void)rd_kafka_flush(handle->rk, LAST_DELTAS_MS);
        break;
    case BYOK_RDK_ROLES:
        break;
    }
    rd_kafka_queue_destroy(handle->queue);
    rd_kafka_destroy_flags(handle->rk, flags);
}

static void on_retired(uv_work_t *work, int status)
{
    (void)status;
    struct byok_rdk_handle *handle = work->data;
    handle->rk = NULL;
    handle->queue = NULL;
    handle->state = BYOK_RDK_CLOSED;
    byok_rdk_retired(handle);
}

void byok_rdk_handle_retire(struct byok_rdk_handle *handle)
{
    if (handle->state != BYOK_RDK_OPEN)
        return;
    if (handle->serving || handle->used > 0) {
        handle->retire_asked = true;
        return;
    }
    handle->retire_asked = false;
    byok_rdk_retiring(handle);
    if (handle->held)
        rd_kafka_event_destroy(handle->held);
    handle->held = NULL;
    handle->message = NULL;
    rd_kafka_queue_io_event_enable(handle->queue, -1, NULL, 0);
    handle->state = BYOK_RDK_RETIRING;
    handle->retirement.data = handle;
    if (uv_queue_work(handle->rdk->loop, &handle->retirement, retire, on_retired) != 0) {
        retire(&handle->retirement); /* no pool: the loop waits this once */
        on_retired(&handle->retirement, 0);
    }
}

void byok_rdk_handle_unuse(struct byok_rdk_handle *handle)
{
    handle->used--;
    if (handle->retire_asked && handle->used == 0)
        byok_rdk_handle_retire(handle);
}
