/* SPDX-License-Identifier: MIT */
/* worker/ports/broker_rdkafka_assign.c - the consumer: rebalances, records, pausing.
 *
 * A partition that is not restored yet, or whose records have no room, is paused when a record of
 * it comes, and not before: librdkafka numbers what it is told of a partition, drops what comes to
 * its thread after a higher number, and takes numbers for pausing on our thread and for the
 * beginning of fetching on its own.  So one of the two can be dropped when both are told at once,
 * and the partition stands still for good, silently (its issue 5591; test_broker_start.c shows it).
 * After the first record there is no beginning left to be lost.  A pause that is lost all the same
 * shows by a record, a resumption is told again from time to time.
 *
 * A revocation is answered only when the intake has released its partitions.  Until then librdkafka
 * itself pauses all partitions: what the others have taken goes on, new records wait.
 * A lost partition is somebody else's already and is let go at once.
 */
#include <assert.h>

#include <utlist.h>

#include "worker/ports/broker_rdkafka_inner.h"

/* How long a released partition's last position may take to be committed before the revocation is
 * answered all the same: its records would come again and be recognised by their DONE records. */
#define LAST_POSITION_US ((int64_t)5000000)

/* A partition id above this is no broker's (Kafka clusters hold some 200,000 in all). */
#define PARTITION_ID_MAX 1000000

static rd_kafka_t *consumer(const struct byok_rdk *rdk)
{
    return rdk->handles[BYOK_RDK_CONSUMER].rk;
}

enum byok_err byok_rdk_subscribe(struct byok_rdk *rdk, struct byok_fault *fault)
{
    rd_kafka_topic_partition_list_t *topics = rd_kafka_topic_partition_list_new(1);
    rd_kafka_topic_partition_list_add(topics, rdk->topics[BYOK_TOPIC_REQUESTS],
                                      RD_KAFKA_PARTITION_UA);
    rd_kafka_resp_err_t err = rd_kafka_subscribe(consumer(rdk), topics);
    rd_kafka_topic_partition_list_destroy(topics);
    if (err)
        return byok_fault_set(fault, BYOK_E_CONFIG, "Cannot subscribe to the topic %s: %s",
                              rdk->topics[BYOK_TOPIC_REQUESTS], rd_kafka_err2str(err));
    return BYOK_E_OK;
}

struct byok_rdk_part *byok_rdk_part(const struct byok_rdk *rdk, int32_t id)
{
    return id >= 0 && (size_t)id < rdk->part_room ? rdk->parts[id] : NULL;
}

static void free_part(struct byok_rdk_part *part)
{
    if (!part)
        return;
    byok_delete(part->revoked_msg);
    byok_delete(part->lost_msg);
    byok_records_free(part->early);
    byok_delete(part);
}

void byok_rdk_forget(struct byok_rdk *rdk, struct byok_rdk_part *part)
{
    byok_rdk_restore_drop(rdk, part);
    rdk->parts[part->id] = NULL;
    free_part(part);
}

static bool make_room(struct byok_rdk *rdk, int32_t id)
{
    size_t room = (size_t)id + 1;
    if (room <= rdk->part_room)
        return true;
    struct byok_rdk_part **parts = byok_renew(rdk->parts, room, sizeof *parts);
    if (!parts)
        return false;
    for (size_t i = rdk->part_room; i < room; i++)
        parts[i] = NULL;
    rdk->parts = parts;
    rdk->part_room = room;
    return true;
}

static struct byok_partition_msg *new_msg(int32_t partition)
{
    struct byok_partition_msg *msg = byok_new(1, sizeof *msg);
    if (msg)
        msg->partition = partition;
    return msg;
}

static void tell(struct byok_rdk *rdk, enum byok_msg_kind kind, struct byok_partition_msg **msg)
{
    if (!*msg)
        return;
    struct byok_msg *moved = &(*msg)->msg;
    *msg = NULL;
    byok_post(rdk->env->intake, kind, &moved);
}

/* False: no memory, and nothing has changed. */
static bool add_part(struct byok_rdk *rdk, int32_t id)
{
    if (byok_rdk_part(rdk, id))
        return true;
    if (!make_room(rdk, id))
        return false;
    struct byok_rdk_part *part = byok_new(1, sizeof *part);
    struct byok_partition_msg *assigned = new_msg(id);
    if (part) {
        part->revoked_msg = new_msg(id);
        part->lost_msg = new_msg(id);
    }
    if (!part || !assigned || !part->revoked_msg || !part->lost_msg) {
        byok_delete(assigned);
        free_part(part);
        return false;
    }
    part->id = id;
    part->serial = ++rdk->serial;
    part->position = part->committed = -1;
    rdk->parts[id] = part;
    tell(rdk, BYOK_MSG_ASSIGNED, &assigned);
    return true;
}

static void report(struct byok_rdk *rdk, const char *event, rd_kafka_error_t *error)
{
    if (!error)
        return;
    byok_log_event(rdk->env->log, BYOK_LOG_WARN, event,
                   BYOK_F_TEXT("error", rd_kafka_error_string(error)));
    rd_kafka_error_destroy(error);
}

static enum byok_rdk_served on_assign(struct byok_rdk *rdk, rd_kafka_topic_partition_list_t *list)
{
    if (rdk->env->intake == NULL || rdk->closing)
        return BYOK_RDK_AGAIN;
    for (int i = 0; i < list->cnt; i++) {
        assert(list->elems[i].partition >= 0 && list->elems[i].partition <= PARTITION_ID_MAX);
        if (!add_part(rdk, list->elems[i].partition))
            return BYOK_RDK_AGAIN;
    }
    /* paused when it went the last time, which librdkafka remembers */
    (void)rd_kafka_resume_partitions(consumer(rdk), list);
    report(rdk, "assign_failed", rd_kafka_incremental_assign(consumer(rdk), list));
    return BYOK_RDK_SERVED;
}

static void lose(struct byok_rdk *rdk, int32_t id)
{
    struct byok_rdk_part *part = byok_rdk_part(rdk, id);
    if (!part)
        return;
    tell(rdk, BYOK_MSG_LOST, &part->lost_msg);
    byok_rdk_forget(rdk, part);
}

void byok_rdk_lose_all(struct byok_rdk *rdk)
{
    for (size_t i = 0; i < rdk->part_room; i++)
        lose(rdk, (int32_t)i);
}

static void tell_paused(struct byok_rdk *rdk, struct byok_rdk_part *part, bool paused)
{
    rd_kafka_topic_partition_list_t *list = rd_kafka_topic_partition_list_new(1);
    rd_kafka_topic_partition_list_add(list, rdk->topics[BYOK_TOPIC_REQUESTS], part->id);
    part->paused = paused;
    if (paused)
        (void)rd_kafka_pause_partitions(consumer(rdk), list);
    else
        (void)rd_kafka_resume_partitions(consumer(rdk), list);
    rd_kafka_topic_partition_list_destroy(list);
}

/* Let its records come, or not. */
static void settle(struct byok_rdk *rdk, struct byok_rdk_part *part)
{
    const bool paused = rdk->paused || !part->started;
    if (part->fetched && part->paused != paused &&
        rdk->handles[BYOK_RDK_CONSUMER].state == BYOK_RDK_OPEN)
        tell_paused(rdk, part, paused);
}

void byok_rdk_resume_again(struct byok_rdk *rdk)
{
    for (size_t i = 0; i < rdk->part_room; i++) {
        struct byok_rdk_part *part = rdk->parts[i];
        if (part && part->fetched && !part->paused && part->started &&
            rdk->handles[BYOK_RDK_CONSUMER].state == BYOK_RDK_OPEN)
            tell_paused(rdk, part, false);
    }
}

static enum byok_rdk_served on_revoke(struct byok_rdk *rdk, rd_kafka_event_t *event,
                                      rd_kafka_topic_partition_list_t *list)
{
    if (rd_kafka_assignment_lost(consumer(rdk))) {
        for (int i = 0; i < list->cnt; i++)
            lose(rdk, list->elems[i].partition);
        report(rdk, "unassign_failed", rd_kafka_incremental_unassign(consumer(rdk), list));
        return BYOK_RDK_SERVED;
    }
    assert(!rdk->revocation); /* librdkafka waits for the answer before it asks again */
    for (int i = 0; i < list->cnt; i++) {
        struct byok_rdk_part *part = byok_rdk_part(rdk, list->elems[i].partition);
        if (!part)
            continue;
        part->started = part->start_wanted = false;
        part->revoked = true;
        settle(rdk, part);
        if (!part->released)
            tell(rdk, BYOK_MSG_REVOKED, &part->revoked_msg);
    }
    rdk->revocation = event;
    rdk->revocation_until_us = 0;
    byok_rdk_try_unassign(rdk);
    return BYOK_RDK_TAKEN;
}

enum byok_rdk_served byok_rdk_on_rebalance(struct byok_rdk *rdk, rd_kafka_event_t *event)
{
    rd_kafka_topic_partition_list_t *list = rd_kafka_event_topic_partition_list(event);
    switch (rd_kafka_event_error(event)) {
    case RD_KAFKA_RESP_ERR__ASSIGN_PARTITIONS:
        byok_rdk_seen(rdk); /* a revocation may come from librdkafka's own clock */
        return on_assign(rdk, list);
    case RD_KAFKA_RESP_ERR__REVOKE_PARTITIONS:
        return on_revoke(rdk, event, list);
    default:
        byok_log_event(rdk->env->log, BYOK_LOG_WARN, "rebalance_failed",
                       BYOK_F_TEXT("error", rd_kafka_err2str(rd_kafka_event_error(event))));
        (void)rd_kafka_assign(consumer(rdk), NULL);
        byok_rdk_lose_all(rdk);
        return BYOK_RDK_SERVED;
    }
}

/* Whether all partitions of the revocation are released, and their positions committed. */
static void look_at(const struct byok_rdk *rdk, const rd_kafka_topic_partition_list_t *list,
                    bool *released, bool *committed)
{
    *released = *committed = true;
    for (int i = 0; i < list->cnt; i++) {
        const struct byok_rdk_part *part = byok_rdk_part(rdk, list->elems[i].partition);
        if (part && !part->released)
            *released = false;
        if (part && part->position > part->committed)
            *committed = false;
    }
}

void byok_rdk_try_unassign(struct byok_rdk *rdk)
{
    if (!rdk->revocation || rdk->handles[BYOK_RDK_CONSUMER].state != BYOK_RDK_OPEN)
        return;
    rd_kafka_topic_partition_list_t *list = rd_kafka_event_topic_partition_list(rdk->revocation);
    bool lost = rd_kafka_assignment_lost(consumer(rdk)) != 0;
    bool released, committed;
    look_at(rdk, list, &released, &committed);
    if (!lost && !released)
        return;
    if (!lost && !committed) {
        if (rdk->revocation_until_us == 0)
            rdk->revocation_until_us = byok_rdk_now_us(rdk) + LAST_POSITION_US;
        if (byok_rdk_now_us(rdk) < rdk->revocation_until_us)
            return;
    }
    for (int i = 0; i < list->cnt; i++) {
        struct byok_rdk_part *part = byok_rdk_part(rdk, list->elems[i].partition);
        if (part && part->released)
            byok_rdk_forget(rdk, part);
        else if (part)
            lose(rdk, part->id);
    }
    rd_kafka_event_t *event = rdk->revocation;
    rdk->revocation = NULL;
    report(rdk, "unassign_failed", rd_kafka_incremental_unassign(consumer(rdk), list));
    rd_kafka_event_destroy(event);
}

struct byok_record *byok_rdk_record(const rd_kafka_message_t *message)
{
    struct byok_record_header headers[64]; /* more are dropped: none of ours come so late */
    size_t count = 0;
    rd_kafka_headers_t *all = NULL;
    if (rd_kafka_message_headers(message, &all) == RD_KAFKA_RESP_ERR_NO_ERROR) {
        const char *name;
        const void *value;
        size_t size;
        while (count < sizeof headers / sizeof headers[0] &&
               rd_kafka_header_get_all(all, count, &name, &value, &size) ==
                   RD_KAFKA_RESP_ERR_NO_ERROR)
            headers[count++] =
                (struct byok_record_header){byok_str_of(name), {(const char *)value, size}};
    }
    struct byok_record *record = byok_record_new(
        (struct byok_str){(const char *)message->key, message->key_len},
        (struct byok_str){(const char *)message->payload, message->len}, headers, count);
    if (!record)
        return NULL;
    record->partition = message->partition;
    record->offset = message->offset;
    rd_kafka_timestamp_type_t type;
    record->timestamp_wall_ms = rd_kafka_message_timestamp(message, &type);
    return record;
}

static void deliver(struct byok_rdk *rdk, struct byok_record *record)
{
    struct byok_msg *msg = &record->msg;
    byok_post(rdk->env->intake, BYOK_MSG_RECORD, &msg);
}

enum byok_rdk_served byok_rdk_on_record(struct byok_rdk *rdk, rd_kafka_event_t *event)
{
    struct byok_rdk_handle *handle = &rdk->handles[BYOK_RDK_CONSUMER];
    const rd_kafka_message_t *message = byok_rdk_message(handle, event);
    if (!message || message->err)
        return BYOK_RDK_SERVED;
    struct byok_rdk_part *part = byok_rdk_part(rdk, message->partition);
    if (!part || part->revoked || part->released)
        return BYOK_RDK_SERVED; /* its next owner takes it */
    struct byok_record *record = byok_rdk_record(message);
    if (!record) {
        handle->message = message;
        return BYOK_RDK_AGAIN;
    }
    byok_rdk_seen(rdk);
    part->fetched = true;
    part->paused = false; /* or it would not have come */
    settle(rdk, part);
    if (part->started) {
        deliver(rdk, record);
    } else { /* it would not come again */
        record->msg.next = NULL;
        if (part->early_last)
            part->early_last->msg.next = &record->msg;
        else
            part->early = record;
        part->early_last = record;
    }
    return BYOK_RDK_SERVED;
}

static void pause_all(struct byok_rdk *rdk, bool paused)
{
    rdk->paused = paused;
    for (size_t i = 0; i < rdk->part_room; i++) {
        if (rdk->parts[i])
            settle(rdk, rdk->parts[i]);
    }
}

void byok_rdk_start(struct byok_broker *broker, int32_t partition)
{
    struct byok_rdk *rdk = byok_rdk_of(broker);
    struct byok_rdk_part *part = byok_rdk_part(rdk, partition);
    if (!part || part->started || part->revoked ||
        rdk->handles[BYOK_RDK_CONSUMER].state != BYOK_RDK_OPEN)
        return;
    /* a release that came before was for an earlier assignment, lost meanwhile: the intake had
     * not heard of this one yet */
    part->released = false;
    part->start_wanted = atomic_load_explicit(&rdk->partition_count, memory_order_relaxed) == 0;
    if (part->start_wanted)
        return; /* a record's canonical partition cannot be told without the count */
    part->started = part->begun = true;
    while (part->early) {
        struct byok_record *record = part->early;
        part->early = (struct byok_record *)record->msg.next;
        deliver(rdk, record);
    }
    part->early_last = NULL;
    settle(rdk, part);
}

void byok_rdk_start_wanted(struct byok_rdk *rdk)
{
    for (size_t i = 0; i < rdk->part_room; i++) {
        if (rdk->parts[i] && rdk->parts[i]->start_wanted)
            byok_rdk_start(&rdk->broker, (int32_t)i);
    }
}

void byok_rdk_pause(struct byok_broker *broker)
{
    pause_all(byok_rdk_of(broker), true);
}

void byok_rdk_resume(struct byok_broker *broker)
{
    pause_all(byok_rdk_of(broker), false);
}

void byok_rdk_release(struct byok_broker *broker, int32_t partition)
{
    struct byok_rdk *rdk = byok_rdk_of(broker);
    struct byok_rdk_part *part = byok_rdk_part(rdk, partition);
    if (!part || part->released)
        return;
    part->released = true;
    part->started = part->start_wanted = false;
    byok_rdk_restore_drop(rdk, part);
    settle(rdk, part);
    byok_rdk_try_unassign(rdk);
}
