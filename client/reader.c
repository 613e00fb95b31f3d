/* SPDX-License-Identifier: MIT */
/* client/reader.c - reads partitions of one topic through one queue, without a group. */
#include <assert.h>
#include <string.h>

#include "base/mem.h"
#include "client/kafka_parts.h"

struct byok_reader {
    struct byok_cli *cli; /* borrowed */
    rd_kafka_t *handle;
    rd_kafka_topic_t *topic;
    rd_kafka_queue_t *queue;
    const char *name;
    rd_kafka_message_t *held; /* what the caller's last record borrows from */
    int32_t first, count;     /* partitions; consecutive */
    int32_t started;
    int32_t ended; /* how many are at their end */
    bool *at_end;  /* by partition - first */
};

void byok_reader_free(struct byok_reader *reader)
{
    if (!reader)
        return;
    if (reader->held)
        rd_kafka_message_destroy(reader->held);
    for (int32_t i = 0; i < reader->started; i++)
        rd_kafka_consume_stop(reader->topic, reader->first + i);
    if (reader->queue)
        rd_kafka_queue_destroy(reader->queue);
    if (reader->topic)
        rd_kafka_topic_destroy(reader->topic);
    if (reader->handle)
        rd_kafka_destroy(reader->handle);
    byok_delete(reader->at_end);
    byok_delete(reader);
}

rd_kafka_t *byok_reader_handle(struct byok_reader *reader)
{
    return reader->handle;
}

/* ---- where to begin ---- */

static rd_kafka_resp_err_t end_of(struct byok_reader *reader, int32_t partition, int64_t *offset)
{
    int64_t low, high;
    rd_kafka_resp_err_t why = rd_kafka_query_watermark_offsets(
        reader->handle, reader->name, partition, &low, &high, byok_broker_timeout_ms(reader->cli));
    if (!why)
        *offset = high;
    return why;
}

static rd_kafka_resp_err_t offset_at(struct byok_reader *reader, int32_t partition, int64_t wall_ms,
                                     int64_t *offset)
{
    rd_kafka_topic_partition_list_t *list = rd_kafka_topic_partition_list_new(1);
    rd_kafka_topic_partition_list_add(list, reader->name, partition)->offset = wall_ms;
    rd_kafka_resp_err_t why =
        rd_kafka_offsets_for_times(reader->handle, list, byok_broker_timeout_ms(reader->cli));
    if (!why)
        why = list->elems[0].err;
    int64_t found = list->elems[0].offset;
    rd_kafka_topic_partition_list_destroy(list);
    if (why)
        return why;
    *offset = found;
    return found >= 0 ? why : end_of(reader, partition, offset); /* all records are older */
}

static rd_kafka_resp_err_t start_partition(struct byok_reader *reader, int32_t partition,
                                           struct byok_start start)
{
    int64_t offset = RD_KAFKA_OFFSET_BEGINNING;
    rd_kafka_resp_err_t why = RD_KAFKA_RESP_ERR_NO_ERROR;
    switch (start.from) {
    case BYOK_FROM_END:
        why = end_of(reader, partition, &offset);
        break;
    case BYOK_FROM_TIME:
        why = offset_at(reader, partition, start.wall_ms, &offset);
        break;
    case BYOK_FROM_OFFSET:
        offset = start.offset;
        break;
    case BYOK_FROM_BEGINNING:
        break;
    }
    if (why)
        return why;
    return rd_kafka_consume_start_queue(reader->topic, partition, offset, reader->queue)
               ? rd_kafka_last_error()
               : RD_KAFKA_RESP_ERR_NO_ERROR;
}

/* A topic that was just made has a leader that the brokers do not all know of yet. */
static bool has_no_leader_yet(rd_kafka_resp_err_t why)
{
    return why == RD_KAFKA_RESP_ERR_NOT_LEADER_FOR_PARTITION ||
           why == RD_KAFKA_RESP_ERR_LEADER_NOT_AVAILABLE;
}

static rd_kafka_resp_err_t start_patiently(struct byok_reader *reader, int32_t partition,
                                           struct byok_start start)
{
    const int64_t give_up = byok_now_ms() + byok_broker_timeout_ms(reader->cli);
    rd_kafka_resp_err_t why = start_partition(reader, partition, start);
    while (has_no_leader_yet(why) && byok_now_ms() < give_up) {
        rd_kafka_poll(reader->handle, 100);
        why = start_partition(reader, partition, start);
    }
    return why;
}

static enum byok_err start_all(struct byok_reader *reader, struct byok_start start,
                               struct byok_fault *fault)
{
    for (int32_t i = 0; i < reader->count; i++) {
        rd_kafka_resp_err_t why = start_patiently(reader, reader->first + i, start);
        if (why)
            return byok_kafka_fault(reader->cli, why, reader->name, fault);
        reader->started++;
    }
    return BYOK_E_OK;
}

/* Which partitions are read, of so many. */
static enum byok_err choose(struct byok_reader *reader, struct byok_str user,
                            struct byok_start start, int32_t partitions, struct byok_fault *fault)
{
    bool at_offset = start.from == BYOK_FROM_OFFSET;
    reader->first = at_offset      ? start.partition
                    : user.len > 0 ? byok_partition_of(user, partitions)
                                   : 0;
    reader->count = at_offset || user.len > 0 ? 1 : partitions;
    if (reader->first < partitions)
        return BYOK_E_OK;
    return byok_fault_set(fault, BYOK_E_BAD_REQUEST, "%.200s has no partition %d, but %d of them",
                          reader->name, (int)reader->first, (int)partitions);
}

static enum byok_err open_topic(struct byok_reader *reader, struct byok_str user,
                                struct byok_start start, struct byok_fault *fault)
{
    int32_t partitions = 0;
    enum byok_err err = byok_kafka_open(reader->cli, &reader->handle, fault);
    if (err == BYOK_E_OK)
        err = byok_kafka_partitions(reader->cli, reader->handle, reader->name, &partitions, fault);
    if (err == BYOK_E_OK)
        err = choose(reader, user, start, partitions, fault);
    if (err != BYOK_E_OK)
        return err;
    reader->at_end = byok_new((size_t)reader->count, sizeof *reader->at_end);
    reader->topic = rd_kafka_topic_new(reader->handle, reader->name, NULL);
    reader->queue = rd_kafka_queue_new(reader->handle);
    if (!reader->at_end || !reader->topic || !reader->queue)
        return byok_fault_set(fault, BYOK_E_NOMEM, "no memory for reading %.200s", reader->name);
    return BYOK_E_OK;
}

enum byok_err byok_reader_new(struct byok_cli *cli, enum byok_topic topic, struct byok_str user,
                              struct byok_start start, struct byok_reader **out,
                              struct byok_fault *fault)
{
    struct byok_reader *reader = byok_new(1, sizeof *reader);
    if (!reader)
        return byok_fault_set(fault, BYOK_E_NOMEM, "no memory for a reader");
    reader->cli = cli;
    reader->name = byok_topic_name(cli, topic);
    enum byok_err err = open_topic(reader, user, start, fault);
    if (err == BYOK_E_OK)
        err = start_all(reader, start, fault);
    if (err != BYOK_E_OK) {
        byok_reader_free(reader);
        return err;
    }
    *out = reader;
    return BYOK_E_OK;
}

/* ---- reading ---- */

static void set_at_end(struct byok_reader *reader, int32_t partition, bool at_end)
{
    int32_t i = partition - reader->first;
    assert(i >= 0 && i < reader->count);
    if (reader->at_end[i] != at_end)
        reader->ended += at_end ? 1 : -1;
    reader->at_end[i] = at_end;
}

static struct byok_record record_of(const rd_kafka_message_t *message)
{
    rd_kafka_timestamp_type_t type;
    struct byok_record record = {
        .key = {message->key, message->key_len},
        .value = {message->payload, message->len},
        .partition = message->partition,
        .offset = message->offset,
        .timestamp_wall_ms = rd_kafka_message_timestamp(message, &type),
        .message = message,
    };
    return record;
}

enum byok_read byok_reader_next(struct byok_reader *reader, int wait_ms, struct byok_record *out,
                                struct byok_fault *fault)
{
    if (reader->held)
        rd_kafka_message_destroy(reader->held);
    reader->held = NULL;
    rd_kafka_poll(reader->handle, 0);
    rd_kafka_message_t *message = rd_kafka_consume_queue(reader->queue, wait_ms);
    if (!message)
        return BYOK_READ_NOTHING;
    reader->held = message;
    if (message->err == RD_KAFKA_RESP_ERR__PARTITION_EOF) {
        set_at_end(reader, message->partition, true);
        return reader->ended == reader->count ? BYOK_READ_END : BYOK_READ_NOTHING;
    }
    if (message->err) {
        byok_kafka_fault(reader->cli, message->err, reader->name, fault);
        return BYOK_READ_FAILED;
    }
    set_at_end(reader, message->partition, false);
    *out = record_of(message);
    return BYOK_READ_RECORD;
}

struct byok_str byok_record_header(const struct byok_record *record, const char *name)
{
    rd_kafka_headers_t *headers = NULL;
    const void *value = NULL;
    size_t len = 0;
    if (rd_kafka_message_headers(record->message, &headers) ||
        rd_kafka_header_get_last(headers, name, &value, &len) || !value)
        return (struct byok_str){NULL, 0};
    return (struct byok_str){value, len};
}

bool byok_record_header_at(const struct byok_record *record, size_t index, const char **name,
                           struct byok_str *value)
{
    rd_kafka_headers_t *headers = NULL;
    const void *bytes = NULL;
    size_t len = 0;
    if (rd_kafka_message_headers(record->message, &headers) ||
        rd_kafka_header_get_all(headers, index, name, &bytes, &len))
        return false;
    *value = (struct byok_str){bytes, bytes ? len : 0};
    return true;
}
