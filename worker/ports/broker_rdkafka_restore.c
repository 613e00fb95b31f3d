/* SPDX-License-Identifier: MIT */
/* worker/ports/broker_rdkafka_restore.c - reading changelogs from a position to their end.
 *
 * A consumer of its own, assigned by hand and member of nothing, lives while something is
 * restored.  The end is asked for first (ListOffsets, answered through the queue, so nothing
 * blocks) and the partition is read until the next offset passes it; the end-of-partition event
 * covers ends that are holes (transaction markers, compaction).
 *
 * The end is the one that uncommitted records have reached, and committed records are read up to
 * it.  The last owner may have a transaction open still, whose positions the group will give us
 * when it ends (the consumer's offset fetch waits for it, KIP-447): its changes of state must not
 * be missing then.  They are below this end, because the last owner's positions are only accepted
 * by the group while the partition is its own, and it sends them when all records are written.
 *
 * A `from` below the log's beginning reads from there on; one above the end means that the
 * changelog was made anew: its first chunk says `reset`, and it is read from its beginning.
 */
#include <assert.h>

#include "worker/ports/broker_rdkafka_inner.h"

#define CHUNK_RECORDS 500
#define CHUNK_BYTES ((size_t)1024 * 1024)

/* Tries to learn the end before the restore is given back as failed. */
#define ASKS_MAX 5
#define ASK_TIMEOUT_MS 10000

/* Before the end is asked for again, when an open transaction hides what is before it. */
#define OPEN_TXN_US ((int64_t)250000)

/* Before a new restorer, whose predecessor knew old leaders. */
#define STALE_US ((int64_t)500000)

/* The restorer's connections and threads are given back after this. */
#define IDLE_US ((int64_t)30000000)

static const enum byok_topic topic_of[BYOK_RDK_CHANGELOGS] = {
    [BYOK_RDK_VAULT] = BYOK_TOPIC_VAULT, [BYOK_RDK_STATE] = BYOK_TOPIC_STATE};

static struct byok_rdk_handle *restorer(struct byok_rdk *rdk)
{
    return &rdk->handles[BYOK_RDK_RESTORER];
}

/* The changelog of a topic's name, or BYOK_RDK_CHANGELOGS. */
static int changelog_of(const struct byok_rdk *rdk, const char *name)
{
    int which = 0;
    while (which < BYOK_RDK_CHANGELOGS && strcmp(rdk->topics[topic_of[which]], name) != 0)
        which++;
    return which;
}

static struct byok_rdk_restore *restore_of(const struct byok_rdk *rdk, const char *topic,
                                           int32_t partition)
{
    struct byok_rdk_part *part = byok_rdk_part(rdk, partition);
    int which = changelog_of(rdk, topic);
    return part && which < BYOK_RDK_CHANGELOGS ? &part->restores[which] : NULL;
}

static void unassign(struct byok_rdk *rdk, int which, int32_t partition)
{
    if (restorer(rdk)->state != BYOK_RDK_OPEN)
        return;
    rd_kafka_topic_partition_list_t *list = rd_kafka_topic_partition_list_new(1);
    rd_kafka_topic_partition_list_add(list, rdk->topics[topic_of[which]], partition);
    rd_kafka_error_t *error = rd_kafka_incremental_unassign(restorer(rdk)->rk, list);
    if (error)
        rd_kafka_error_destroy(error);
    rd_kafka_topic_partition_list_destroy(list);
}

static void free_chunk(struct byok_rdk_restore *restore)
{
    if (restore->chunk)
        byok_records_free(restore->chunk->records);
    byok_delete(restore->chunk);
    restore->chunk = NULL;
    restore->last = NULL;
    restore->count = restore->bytes = 0;
}

static bool have_chunk(struct byok_rdk_restore *restore)
{
    if (!restore->chunk)
        restore->chunk = byok_new(1, sizeof *restore->chunk);
    return restore->chunk != NULL;
}

static void send_chunk(struct byok_rdk *rdk, int which, int32_t partition,
                       struct byok_rdk_restore *restore, bool end)
{
    struct byok_chunk *chunk = restore->chunk;
    chunk->topic = topic_of[which];
    chunk->partition = partition;
    chunk->position = restore->position;
    chunk->until = restore->end > 0 ? restore->end : 0;
    chunk->end = end;
    chunk->reset = restore->reset;
    restore->reset = false;
    restore->chunk = NULL;
    restore->last = NULL;
    restore->count = restore->bytes = 0;
    struct byok_msg *msg = &chunk->msg;
    byok_post(rdk->env->intake, BYOK_MSG_RESTORE_CHUNK, &msg);
}

/* The end is reached. False: no memory for the last chunk. */
static bool finish(struct byok_rdk *rdk, int which, int32_t partition,
                   struct byok_rdk_restore *restore)
{
    if (!have_chunk(restore))
        return false;
    if (restore->state == BYOK_RDK_RESTORE_READING)
        unassign(rdk, which, partition);
    restore->state = BYOK_RDK_RESTORE_NONE;
    send_chunk(rdk, which, partition, restore, true);
    return true;
}

static void fail(struct byok_rdk *rdk, int which, int32_t partition,
                 struct byok_rdk_restore *restore, const char *why)
{
    if (restore->state == BYOK_RDK_RESTORE_READING)
        unassign(rdk, which, partition);
    free_chunk(restore);
    (void)byok_fault_set(&restore->fault, BYOK_E_BROKER,
                         "Partition %d of the topic %s cannot be read: %s", (int)partition,
                         rdk->topics[topic_of[which]], why);
    restore->state = BYOK_RDK_RESTORE_FAILED;
    byok_rdk_handle_wake(restorer(rdk));
}

static void give_back_failed(struct byok_rdk *rdk, int which, int32_t partition,
                             struct byok_rdk_restore *restore)
{
    if (!have_chunk(restore))
        return;
    restore->chunk->fault = restore->fault;
    restore->position = -1;
    restore->state = BYOK_RDK_RESTORE_NONE;
    send_chunk(rdk, which, partition, restore, false);
}

static void drop(struct byok_rdk *rdk, int which, int32_t partition,
                 struct byok_rdk_restore *restore)
{
    if (restore->state == BYOK_RDK_RESTORE_READING)
        unassign(rdk, which, partition);
    free_chunk(restore);
    restore->state = BYOK_RDK_RESTORE_NONE;
}

void byok_rdk_restore(struct byok_broker *broker, enum byok_topic topic, int32_t partition,
                      int64_t from)
{
    struct byok_rdk *rdk = byok_rdk_of(broker);
    assert(topic == BYOK_TOPIC_VAULT || topic == BYOK_TOPIC_STATE);
    struct byok_rdk_part *part = byok_rdk_part(rdk, partition);
    if (!part || part->revoked)
        return; /* not ours any more: the intake is told so already */
    part->released = false;
    int which = topic == BYOK_TOPIC_VAULT ? BYOK_RDK_VAULT : BYOK_RDK_STATE;
    struct byok_rdk_restore *restore = &part->restores[which];
    drop(rdk, which, partition, restore); /* one asked for by an assignment that is void */
    *restore = (struct byok_rdk_restore){
        .state = BYOK_RDK_RESTORE_WANTED, .from = from, .position = from, .end = -1};
    byok_rdk_handle_wake(restorer(rdk));
}

void byok_rdk_restore_drop(struct byok_rdk *rdk, struct byok_rdk_part *part)
{
    for (int which = 0; which < BYOK_RDK_CHANGELOGS; which++)
        drop(rdk, which, part->id, &part->restores[which]);
}

void byok_rdk_restore_again(struct byok_rdk *rdk)
{
    for (size_t i = 0; i < rdk->part_room; i++) {
        for (int which = 0; rdk->parts[i] && which < BYOK_RDK_CHANGELOGS; which++) {
            struct byok_rdk_restore *restore = &rdk->parts[i]->restores[which];
            if (restore->state != BYOK_RDK_RESTORE_ASKED &&
                restore->state != BYOK_RDK_RESTORE_READING)
                continue;
            restore->from = restore->position;
            restore->state = BYOK_RDK_RESTORE_WANTED;
        }
    }
}

/* Begin to read, now that the end is known. */
static void begin(struct byok_rdk *rdk, int which, int32_t partition,
                  struct byok_rdk_restore *restore)
{
    if (restore->from > restore->end) {
        byok_log_event(rdk->env->log, BYOK_LOG_WARN, "changelog_shorter_than_state",
                       BYOK_F_TEXT("topic", rdk->topics[topic_of[which]]),
                       BYOK_F_INT("partition", partition), BYOK_F_INT("from", restore->from),
                       BYOK_F_INT("end", restore->end));
        free_chunk(restore);
        restore->from = restore->position = -1;
        restore->reset = true;
    }
    if (restore->end == 0 || restore->from == restore->end) {
        if (!finish(rdk, which, partition, restore))
            fail(rdk, which, partition, restore, "no memory");
        return;
    }
    rd_kafka_topic_partition_list_t *list = rd_kafka_topic_partition_list_new(1);
    rd_kafka_topic_partition_list_add(list, rdk->topics[topic_of[which]], partition)->offset =
        restore->from < 0 ? RD_KAFKA_OFFSET_BEGINNING : restore->from;
    rd_kafka_error_t *error = rd_kafka_incremental_assign(restorer(rdk)->rk, list);
    rd_kafka_topic_partition_list_destroy(list);
    if (!error) {
        restore->state = BYOK_RDK_RESTORE_READING;
        return;
    }
    fail(rdk, which, partition, restore, rd_kafka_error_string(error));
    rd_kafka_error_destroy(error);
}

/* One more try to learn the end, or the end of trying. */
static void ask_again(struct byok_rdk *rdk, int which, int32_t partition,
                      struct byok_rdk_restore *restore, const char *why)
{
    restore->failures++;
    if (restore->failures >= ASKS_MAX)
        fail(rdk, which, partition, restore, why);
    else
        restore->state = BYOK_RDK_RESTORE_WANTED; /* at the next tick */
}

/* A whole request failed: all that it asked for. */
static void on_no_ends(struct byok_rdk *rdk, uint64_t number, const char *why)
{
    for (size_t i = 0; i < rdk->part_room; i++) {
        for (int which = 0; rdk->parts[i] && which < BYOK_RDK_CHANGELOGS; which++) {
            struct byok_rdk_restore *restore = &rdk->parts[i]->restores[which];
            if (restore->state == BYOK_RDK_RESTORE_ASKED && restore->ask == number)
                ask_again(rdk, which, (int32_t)i, restore, why);
        }
    }
}

/* librdkafka asks with the leader epoch that it knows and does not look for a newer one when that
 * is refused (after a broker's restart); a new handle knows nothing old. */
static bool is_stale(rd_kafka_resp_err_t err)
{
    return err == RD_KAFKA_RESP_ERR_FENCED_LEADER_EPOCH ||
           err == RD_KAFKA_RESP_ERR_UNKNOWN_LEADER_EPOCH ||
           err == RD_KAFKA_RESP_ERR_NOT_LEADER_FOR_PARTITION;
}

static void replace(struct byok_rdk *rdk)
{
    restorer(rdk)->not_before_us = byok_rdk_now_us(rdk) + STALE_US;
    byok_rdk_handle_retire(restorer(rdk));
}

void byok_rdk_on_ends(struct byok_rdk *rdk, rd_kafka_event_t *event)
{
    bool stale = false;
    uint64_t number = (uint64_t)(uintptr_t)rd_kafka_event_opaque(event);
    if (rd_kafka_event_error(event)) {
        on_no_ends(rdk, number, rd_kafka_event_error_string(event));
        /* a handle that has seen its leaders' broker die may find "No leaders" for ever */
        replace(rdk);
        return;
    }
    size_t count = 0;
    const rd_kafka_ListOffsetsResultInfo_t **infos =
        rd_kafka_ListOffsets_result_infos(rd_kafka_event_ListOffsets_result(event), &count);
    for (size_t i = 0; i < count; i++) {
        const rd_kafka_topic_partition_t *one =
            rd_kafka_ListOffsetsResultInfo_topic_partition(infos[i]);
        struct byok_rdk_restore *restore = restore_of(rdk, one->topic, one->partition);
        if (!restore || restore->state != BYOK_RDK_RESTORE_ASKED || restore->ask != number)
            continue;
        int which = changelog_of(rdk, one->topic);
        if (one->err) {
            stale = stale || is_stale(one->err);
            ask_again(rdk, which, one->partition, restore, rd_kafka_err2str(one->err));
            continue;
        }
        if (one->offset < 0) { /* no error, yet no offset either: nobody has answered in time */
            ask_again(rdk, which, one->partition, restore, "its end is not known");
            continue;
        }
        byok_rdk_seen(rdk);
        restore->end = one->offset;
        begin(rdk, which, one->partition, restore);
    }
    on_no_ends(rdk, number, "the broker left the partition out of its answer");
    if (stale)
        replace(rdk);
}

static void add(struct byok_rdk_restore *restore, struct byok_record *record)
{
    record->msg.next = NULL;
    if (restore->last)
        restore->last->msg.next = &record->msg;
    else
        restore->chunk->records = record;
    restore->last = record;
    restore->count++;
    restore->bytes += record->bytes;
    restore->position = record->offset + 1;
}

enum byok_rdk_served byok_rdk_on_changelog(struct byok_rdk *rdk, rd_kafka_event_t *event)
{
    const rd_kafka_message_t *message = byok_rdk_message(restorer(rdk), event);
    if (!message || message->err)
        return BYOK_RDK_SERVED;
    const char *topic = rd_kafka_topic_name(message->rkt);
    struct byok_rdk_restore *restore = restore_of(rdk, topic, message->partition);
    if (!restore || restore->state != BYOK_RDK_RESTORE_READING ||
        message->offset < restore->position)
        return BYOK_RDK_SERVED;
    struct byok_record *record = have_chunk(restore) ? byok_rdk_record(message) : NULL;
    if (!record) {
        restorer(rdk)->message = message;
        return BYOK_RDK_AGAIN;
    }
    add(restore, record);
    int which = changelog_of(rdk, topic);
    if (restore->position >= restore->end)
        (void)finish(rdk, which, message->partition, restore); /* its chunk is there */
    else if (restore->count >= CHUNK_RECORDS || restore->bytes >= CHUNK_BYTES)
        send_chunk(rdk, which, message->partition, restore, false);
    return BYOK_RDK_SERVED;
}

/* The log has nothing more for now. */
static void on_eof(struct byok_rdk *rdk, int which, const rd_kafka_topic_partition_t *at,
                   struct byok_rdk_restore *restore)
{
    if (at->offset > restore->position)
        restore->position = at->offset; /* what is between was compacted away, or markers */
    if (restore->position >= restore->end) {
        if (!finish(rdk, which, at->partition, restore))
            fail(rdk, which, at->partition, restore, "no memory");
        return;
    }
    /* a transaction is open before the end, or the log was cut after an unclean election */
    unassign(rdk, which, at->partition);
    restore->from = restore->position;
    restore->not_before_us = byok_rdk_now_us(rdk) + OPEN_TXN_US;
    restore->state = BYOK_RDK_RESTORE_WANTED;
}

bool byok_rdk_on_changelog_error(struct byok_rdk *rdk, rd_kafka_event_t *event)
{
    rd_kafka_topic_partition_t *at = rd_kafka_event_topic_partition(event);
    if (!at)
        return false;
    struct byok_rdk_restore *restore = restore_of(rdk, at->topic, at->partition);
    bool ours = restore && restore->state == BYOK_RDK_RESTORE_READING;
    if (ours) {
        int which = changelog_of(rdk, at->topic);
        if (rd_kafka_event_error(event) == RD_KAFKA_RESP_ERR__PARTITION_EOF)
            on_eof(rdk, which, at, restore);
        else
            fail(rdk, which, at->partition, restore, rd_kafka_event_error_string(event));
    }
    rd_kafka_topic_partition_destroy(at);
    return ours || rd_kafka_event_error(event) == RD_KAFKA_RESP_ERR__PARTITION_EOF;
}

static void ask(struct byok_rdk *rdk, rd_kafka_topic_partition_list_t *list, uint64_t number)
{
    rd_kafka_t *rk = restorer(rdk)->rk;
    char text[256];
    rd_kafka_AdminOptions_t *options = rd_kafka_AdminOptions_new(rk, RD_KAFKA_ADMIN_OP_LISTOFFSETS);
    (void)rd_kafka_AdminOptions_set_request_timeout(options, ASK_TIMEOUT_MS, text, sizeof text);
    rd_kafka_AdminOptions_set_opaque(options, (void *)(uintptr_t)number);
    rd_kafka_error_t *error = rd_kafka_AdminOptions_set_isolation_level(
        options, RD_KAFKA_ISOLATION_LEVEL_READ_UNCOMMITTED);
    if (error)
        rd_kafka_error_destroy(error);
    rd_kafka_ListOffsets(rk, list, options, restorer(rdk)->queue);
    rd_kafka_AdminOptions_destroy(options);
}

/* Ask for the ends of all that are wanted, at once; true: something is under way. */
static bool ask_wanted(struct byok_rdk *rdk)
{
    rd_kafka_topic_partition_list_t *list = NULL;
    bool busy = false;
    for (size_t i = 0; i < rdk->part_room; i++) {
        for (int which = 0; rdk->parts[i] && which < BYOK_RDK_CHANGELOGS; which++) {
            struct byok_rdk_restore *restore = &rdk->parts[i]->restores[which];
            if (restore->state == BYOK_RDK_RESTORE_FAILED)
                give_back_failed(rdk, which, (int32_t)i, restore);
            busy = busy || restore->state != BYOK_RDK_RESTORE_NONE;
            if (restore->state != BYOK_RDK_RESTORE_WANTED ||
                byok_rdk_now_us(rdk) < restore->not_before_us ||
                !byok_rdk_handle_ready(restorer(rdk)))
                continue;
            if (!list) {
                list = rd_kafka_topic_partition_list_new(8);
                rdk->asks++;
            }
            restore->state = BYOK_RDK_RESTORE_ASKED;
            restore->ask = rdk->asks;
            rd_kafka_topic_partition_list_add(list, rdk->topics[topic_of[which]], (int32_t)i)
                ->offset = RD_KAFKA_OFFSET_SPEC_LATEST;
        }
    }
    if (list) {
        ask(rdk, list, rdk->asks);
        rd_kafka_topic_partition_list_destroy(list);
    }
    return busy;
}

void byok_rdk_restore_tick(struct byok_rdk *rdk)
{
    if (rdk->closing)
        return;
    if (ask_wanted(rdk)) {
        rdk->restorer_idle_us = 0;
    } else if (rdk->restorer_idle_us == 0) {
        rdk->restorer_idle_us = byok_rdk_now_us(rdk);
    } else if (byok_rdk_now_us(rdk) - rdk->restorer_idle_us >= IDLE_US) {
        byok_rdk_handle_retire(restorer(rdk));
    }
}
