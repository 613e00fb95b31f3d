/* SPDX-License-Identifier: MIT */
/* worker/ports/broker_rdkafka.c - the broker port: making, ticking, closing.
 *
 * The parts are listed in broker_rdkafka_inner.h.
 */
#include "worker/ports/broker_rdkafka.h"

#include <stdio.h>
#include <string.h>

#include <unistd.h>

#include "worker/ports/broker_rdkafka_inner.h"

/* The slow poll: an idle member that never polls would be thrown out of its group, and what had no
 * memory or was put off is tried again. */
#define TICK_MS 1000

/* How often the topic is looked at, while nothing is known of it or the brokers are away, and
 * otherwise. */
#define LOOK_SOON_US ((int64_t)2000000)
#define LOOK_LATER_US ((int64_t)15000000)
#define LOOK_TIMEOUT_MS 3000

/* Before a consumer that failed for good (another has its instance id) tries again. */
#define CONSUMER_PAUSE_US ((int64_t)10000000)
#define PRODUCER_PAUSE_US ((int64_t)1000000)

static int32_t partition_count(struct byok_broker *broker)
{
    return atomic_load_explicit(&byok_rdk_of(broker)->partition_count, memory_order_relaxed);
}

static const struct byok_broker_ops ops = {
    .restore = byok_rdk_restore,
    .start = byok_rdk_start,
    .pause = byok_rdk_pause,
    .resume = byok_rdk_resume,
    .release = byok_rdk_release,
    .commit = byok_rdk_commit,
    .stream = byok_rdk_stream,
    .partition_count = partition_count,
};

/* On the pool's thread: rd_kafka_metadata waits for a broker.  The admin API would not wait, but it
 * asks the controller, and librdkafka's mock cluster (the embedded broker) has none.  A consumer
 * asks, since a producer's question creates the topic on brokers that allow it. */
static void look_for_count(struct byok_rdk *rdk)
{
    rd_kafka_t *rk = rdk->handles[BYOK_RDK_CONSUMER].rk;
    const struct rd_kafka_metadata *found = NULL;
    rdk->look_count = 0;
    rdk->look_err = RD_KAFKA_RESP_ERR__FAIL;
    rd_kafka_topic_t *topic = rd_kafka_topic_new(rk, rdk->topics[BYOK_TOPIC_REQUESTS], NULL);
    if (!topic)
        return;
    rdk->look_err = rd_kafka_metadata(rk, 0, topic, &found, LOOK_TIMEOUT_MS);
    rd_kafka_topic_destroy(topic);
    if (rdk->look_err)
        return;
    if (found->topic_cnt == 1) {
        rdk->look_topic_err = found->topics[0].err;
        rdk->look_count = found->topics[0].partition_cnt;
    }
    rd_kafka_metadata_destroy(found);
}

static void look(uv_work_t *work)
{
    struct byok_rdk *rdk = work->data;
    look_for_count(rdk);
    for (int i = 0; i < BYOK_RDK_ROLES; i++) {
        if (rdk->handles[i].looked_at)
            byok_rdk_recall(&rdk->handles[i]);
    }
}

/* The count is fixed at the first answer: users and their state are placed by it, so another count
 * needs a restart of all workers (and moved state), which the event says. */
static void note_count(struct byok_rdk *rdk, int32_t count)
{
    int32_t known = atomic_load_explicit(&rdk->partition_count, memory_order_relaxed);
    if (known == 0) {
        atomic_store_explicit(&rdk->partition_count, count, memory_order_relaxed);
        byok_rdk_start_wanted(rdk);
    } else if (known != count && byok_rdk_may_say(rdk, BYOK_RDK_NOTICE_TOPIC)) {
        byok_log_event(rdk->env->log, BYOK_LOG_ERROR, "partition_count_changed",
                       BYOK_F_TEXT("topic", rdk->topics[BYOK_TOPIC_REQUESTS]),
                       BYOK_F_INT("was", known), BYOK_F_INT("is", count));
    }
}

static void end_look(struct byok_rdk *rdk)
{
    for (int i = 0; i < BYOK_RDK_ROLES; i++) {
        struct byok_rdk_handle *handle = &rdk->handles[i];
        if (!handle->looked_at)
            continue;
        handle->looked_at = false;
        byok_rdk_handle_unuse(handle);
    }
}

static void on_looked(uv_work_t *work, int status)
{
    (void)status;
    struct byok_rdk *rdk = work->data;
    rdk->look_next_us = byok_rdk_now_us(rdk) + LOOK_SOON_US;
    if (rdk->look_err) {
        atomic_store_explicit(&rdk->up, false, memory_order_relaxed);
    } else {
        byok_rdk_seen(rdk);
        byok_rdk_resume_again(rdk);
        if (!rdk->look_topic_err && rdk->look_count > 0) {
            note_count(rdk, rdk->look_count);
            if (byok_rdk_now_us(rdk) > rdk->trouble_until_us)
                rdk->look_next_us = byok_rdk_now_us(rdk) + LOOK_LATER_US;
        } else if (byok_rdk_may_say(rdk, BYOK_RDK_NOTICE_TOPIC)) {
            byok_log_event(rdk->env->log, BYOK_LOG_ERROR, "topic_not_usable",
                           BYOK_F_TEXT("topic", rdk->topics[BYOK_TOPIC_REQUESTS]),
                           BYOK_F_TEXT("error", rd_kafka_err2str(rdk->look_topic_err)));
        }
    }
    end_look(rdk);
}

/* Ask for the partitions of the requests topic, and whether each handle still has brokers. */
static void begin_look(struct byok_rdk *rdk)
{
    const struct byok_rdk_handle *consumer = &rdk->handles[BYOK_RDK_CONSUMER];
    if (consumer->looked_at || consumer->state != BYOK_RDK_OPEN ||
        byok_rdk_now_us(rdk) < rdk->look_next_us)
        return;
    for (int i = 0; i < BYOK_RDK_ROLES; i++) {
        struct byok_rdk_handle *handle = &rdk->handles[i];
        handle->looked_at = handle->state == BYOK_RDK_OPEN;
        handle->used += handle->looked_at;
    }
    rdk->looking.data = rdk;
    if (uv_queue_work(rdk->loop, &rdk->looking, look, on_looked) != 0)
        end_look(rdk);
}

enum byok_rdk_served byok_rdk_on_event(struct byok_rdk_handle *handle, rd_kafka_event_t *event)
{
    struct byok_rdk *rdk = handle->rdk;
    switch (rd_kafka_event_type(event)) {
    case RD_KAFKA_EVENT_FETCH:
        return handle->role == BYOK_RDK_RESTORER ? byok_rdk_on_changelog(rdk, event)
                                                 : byok_rdk_on_record(rdk, event);
    case RD_KAFKA_EVENT_REBALANCE: {
        enum byok_rdk_served served = byok_rdk_on_rebalance(rdk, event);
        byok_rdk_pump(rdk); /* a batch of a partition that is gone need not wait */
        byok_rdk_notes_pump(rdk);
        return served;
    }
    case RD_KAFKA_EVENT_OFFSET_COMMIT:
        if (rd_kafka_event_opaque(event) == &rdk->notes)
            byok_rdk_on_proof(rdk, event);
        else
            byok_rdk_on_committed(rdk, event);
        break;
    case RD_KAFKA_EVENT_DR:
        if (handle->role == BYOK_RDK_STREAMER)
            byok_rdk_on_stream_reports(rdk, event);
        else if (handle->role == BYOK_RDK_NOTER)
            byok_rdk_on_note_reports(rdk, event);
        else
            byok_rdk_on_reports(rdk, event);
        break;
    case RD_KAFKA_EVENT_LISTOFFSETS_RESULT:
        byok_rdk_on_ends(rdk, event);
        break;
    case RD_KAFKA_EVENT_ERROR:
        byok_rdk_on_error(handle, event);
        break;
    case RD_KAFKA_EVENT_LOG:
        byok_rdk_on_log(handle, event);
        break;
    default:
        break;
    }
    return BYOK_RDK_SERVED;
}

static enum byok_err open_consumer(struct byok_rdk *rdk, struct byok_fault *fault)
{
    enum byok_err err = byok_rdk_handle_open(&rdk->handles[BYOK_RDK_CONSUMER], fault);
    return err ? err : byok_rdk_subscribe(rdk, fault);
}

/* A handle that failed for good is made anew; BYOK_RDK_RESTORER is opened by who needs it. */
static void reopen(struct byok_rdk *rdk, enum byok_rdk_role role)
{
    struct byok_rdk_handle *handle = &rdk->handles[role];
    if (handle->state != BYOK_RDK_CLOSED || byok_rdk_now_us(rdk) < handle->not_before_us)
        return;
    struct byok_fault fault = {0};
    enum byok_err err = role == BYOK_RDK_CONSUMER ? open_consumer(rdk, &fault)
                                                  : byok_rdk_handle_open(handle, &fault);
    if (!err)
        return;
    handle->not_before_us = byok_rdk_now_us(rdk) + PRODUCER_PAUSE_US;
    if (byok_rdk_may_say(rdk, BYOK_RDK_NOTICE_ERROR))
        byok_log_event(rdk->env->log, BYOK_LOG_ERROR, "kafka_client_failed",
                       BYOK_F_TEXT("error", fault.text));
}

static void on_tick(uv_timer_t *timer)
{
    struct byok_rdk *rdk = timer->data;
    byok_rdk_cut_tick(rdk);
    if (rdk->closing)
        return; /* the thread's last job may wait still */
    byok_rdk_notes_alive(rdk); /* before anything that came while it stood still */
    reopen(rdk, BYOK_RDK_CONSUMER);
    reopen(rdk, BYOK_RDK_PRODUCER);
    for (int i = 0; i < BYOK_RDK_ROLES; i++)
        byok_rdk_handle_serve(&rdk->handles[i]);
    begin_look(rdk);
    byok_rdk_pump(rdk);
    byok_rdk_notes_pump(rdk);
    byok_rdk_restore_tick(rdk);
    byok_rdk_try_unassign(rdk);
}

void byok_rdk_retiring(struct byok_rdk_handle *handle)
{
    struct byok_rdk *rdk = handle->rdk;
    switch (handle->role) {
    case BYOK_RDK_CONSUMER:
        handle->last_commit = byok_rdk_uncommitted(rdk);
        byok_rdk_on_proof(rdk, NULL);
        if (!rdk->revocation)
            break;
        rd_kafka_error_t *error = rd_kafka_incremental_unassign(
            handle->rk, rd_kafka_event_topic_partition_list(rdk->revocation));
        if (error)
            rd_kafka_error_destroy(error);
        rd_kafka_event_destroy(rdk->revocation);
        rdk->revocation = NULL;
        break;
    case BYOK_RDK_PRODUCER:
        byok_rdk_drop_topics(rdk);
        if (byok_rdk_exactly_once(rdk))
            byok_rdk_txn_retiring(rdk);
        break;
    case BYOK_RDK_RESTORER:
    case BYOK_RDK_NOTER:
    case BYOK_RDK_STREAMER:
    case BYOK_RDK_ROLES:
        break;
    }
}

static void drop_parts(struct byok_rdk *rdk)
{
    for (size_t i = 0; i < rdk->part_room; i++) {
        if (rdk->parts[i])
            byok_rdk_forget(rdk, rdk->parts[i]);
    }
}

static void free_rdk(struct byok_rdk *rdk)
{
    drop_parts(rdk);
    byok_rdk_drop_batches(rdk);
    for (int i = 0; i < BYOK_TOPIC_COUNT; i++)
        byok_delete(rdk->topics[i]);
    byok_delete(rdk->parts);
    byok_delete(rdk);
}

static void on_uv_closed(uv_handle_t *handle)
{
    struct byok_rdk *rdk = NULL;
    if (handle->type == UV_TIMER || handle->type == UV_ASYNC) {
        rdk = handle->data;
    } else {
        struct byok_rdk_handle *one = handle->data;
        (void)close(one->event_fd);
        rdk = one->rdk;
    }
    if (--rdk->open_uv == 0)
        free_rdk(rdk);
}

/* When the last handle of librdkafka is gone. */
static void close_uv(struct byok_rdk *rdk)
{
    for (int i = 0; i < BYOK_RDK_ROLES; i++) {
        if (rdk->handles[i].state != BYOK_RDK_CLOSED)
            return;
    }
    uv_close((uv_handle_t *)&rdk->tick, on_uv_closed);
    if (rdk->txn.made) {
        byok_rdk_txn_close(rdk);
        uv_close((uv_handle_t *)&rdk->txn.ended, on_uv_closed);
    }
    for (int i = 0; i < BYOK_RDK_ROLES; i++) {
        if (rdk->handles[i].poll.data)
            uv_close((uv_handle_t *)&rdk->handles[i].poll, on_uv_closed);
    }
}

void byok_rdk_retired(struct byok_rdk_handle *handle)
{
    struct byok_rdk *rdk = handle->rdk;
    if (rdk->closing) {
        close_uv(rdk);
        return;
    }
    switch (handle->role) {
    case BYOK_RDK_CONSUMER:
        handle->not_before_us = byok_rdk_now_us(rdk) + CONSUMER_PAUSE_US;
        rdk->committing = false;
        rdk->commits_answered = rdk->commits_begun;
        byok_rdk_lose_all(rdk);
        byok_rdk_settle(rdk);
        break;
    case BYOK_RDK_PRODUCER:
        if (byok_rdk_exactly_once(rdk))
            byok_rdk_txn_retired(rdk);
        else
            byok_rdk_unsend(rdk);
        reopen(rdk, BYOK_RDK_PRODUCER);
        byok_rdk_pump(rdk);
        break;
    case BYOK_RDK_RESTORER:
        byok_rdk_restore_again(rdk);
        break;
    case BYOK_RDK_NOTER:
        byok_rdk_notes_unsend(rdk);
        byok_rdk_notes_pump(rdk);
        break;
    case BYOK_RDK_STREAMER:
        handle->not_before_us = byok_rdk_now_us(rdk) + CONSUMER_PAUSE_US;
        break;
    case BYOK_RDK_ROLES:
        break;
    }
}

void byok_broker_rdkafka_close(struct byok_broker *broker)
{
    if (!broker)
        return;
    struct byok_rdk *rdk = byok_rdk_of(broker);
    rdk->closing = true;
    atomic_store_explicit(&rdk->txn.quit, true, memory_order_relaxed);
    for (int i = 0; i < BYOK_RDK_ROLES; i++) {
        if (rdk->handles[i].poll.data)
            (void)uv_poll_stop(&rdk->handles[i].poll);
        byok_rdk_handle_retire(&rdk->handles[i]);
    }
    bool all_closed = true;
    for (int i = 0; i < BYOK_RDK_ROLES; i++)
        all_closed = all_closed && rdk->handles[i].state == BYOK_RDK_CLOSED;
    if (all_closed && !uv_is_closing((uv_handle_t *)&rdk->tick))
        close_uv(rdk);
}

static enum byok_err name_topics(struct byok_rdk *rdk, struct byok_fault *fault)
{
    for (int i = 0; i < BYOK_TOPIC_COUNT; i++) {
        const char *suffix = byok_topic_suffix((enum byok_topic)i);
        size_t size = strlen(rdk->options.topic_prefix) + strlen(suffix) + 1;
        rdk->topics[i] = byok_new(size, 1);
        if (!rdk->topics[i])
            return byok_fault_set(fault, BYOK_E_NOMEM, "No memory for the names of the topics");
        (void)snprintf(rdk->topics[i], size, "%s%s", rdk->options.topic_prefix, suffix);
    }
    return BYOK_E_OK;
}

static enum byok_err open_all(struct byok_rdk *rdk, struct byok_fault *fault)
{
    enum byok_err err = name_topics(rdk, fault);
    for (int i = 0; !err && i < BYOK_RDK_ROLES; i++)
        err = byok_rdk_handle_init(rdk, &rdk->handles[i], (enum byok_rdk_role)i, fault);
    if (err)
        return err;
    /* two open when they are needed; their settings are tried now */
    for (enum byok_rdk_role role = BYOK_RDK_RESTORER; role <= BYOK_RDK_STREAMER; role++) {
        rd_kafka_conf_t *conf = byok_rdk_conf(&rdk->options, role, fault);
        if (!conf)
            return BYOK_E_CONFIG;
        rd_kafka_conf_destroy(conf);
    }
    if (byok_rdk_exactly_once(rdk))
        err = byok_rdk_txn_init(rdk, fault);
    if (err)
        return err;
    err = byok_rdk_handle_open(&rdk->handles[BYOK_RDK_PRODUCER], fault);
    return err ? err : open_consumer(rdk, fault);
}

enum byok_err byok_broker_rdkafka_new(uv_loop_t *loop, const struct byok_kafka_options *options,
                                      struct byok_env *env, struct byok_broker **out,
                                      struct byok_fault *fault)
{
    *out = NULL;
    struct byok_rdk *rdk = byok_new(1, sizeof *rdk);
    if (!rdk || uv_timer_init(loop, &rdk->tick) != 0) {
        byok_delete(rdk);
        return byok_fault_set(fault, BYOK_E_NOMEM, "No memory for the Kafka client");
    }
    /* a producer has one transaction at a time: what is done meanwhile goes into the next */
    rdk->broker = (struct byok_broker){&ops, options->transactional_id ? 1 : options->commits_max};
    rdk->loop = loop;
    rdk->env = env;
    rdk->options = *options;
    rdk->tick.data = rdk;
    byok_rdk_notes_init(rdk);
    rdk->open_uv = 1;
    enum byok_err err = open_all(rdk, fault);
    if (!err && uv_timer_start(&rdk->tick, on_tick, 0, TICK_MS) != 0)
        err = byok_fault_set(fault, BYOK_E_NOMEM, "The loop does not take a timer");
    if (err) {
        byok_broker_rdkafka_close(&rdk->broker); /* the caller runs the loop to its end */
        return err;
    }
    *out = &rdk->broker;
    return BYOK_E_OK;
}

bool byok_broker_rdkafka_ready(const struct byok_broker *broker)
{
    const struct byok_rdk *rdk = (const struct byok_rdk *)broker;
    return atomic_load_explicit(&rdk->up, memory_order_relaxed) &&
           atomic_load_explicit(&rdk->partition_count, memory_order_relaxed) > 0;
}
