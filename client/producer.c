/* SPDX-License-Identifier: MIT */
/* client/producer.c - puts requests on their users' partitions. */
#include <inttypes.h>
#include <string.h>

#include "base/mem.h"
#include "client/kafka_parts.h"

struct byok_producer {
    struct byok_cli *cli; /* borrowed */
    rd_kafka_t *handle;
    const char *topic;
    int32_t partitions;
    uint64_t failed;             /* records that will never arrive */
    rd_kafka_resp_err_t failure; /* the first one's */
};

/* Called by rd_kafka_poll and rd_kafka_flush. */
static void on_delivery(rd_kafka_t *handle, const rd_kafka_message_t *message, void *opaque)
{
    struct byok_producer *producer = opaque;
    (void)handle;
    if (message->err == RD_KAFKA_RESP_ERR_NO_ERROR)
        return;
    if (producer->failed++ == 0)
        producer->failure = message->err;
}

/* A producer's question would create the topic; a consumer's does not. */
static enum byok_err count_partitions(struct byok_cli *cli, struct byok_reader *reader,
                                      const char *topic, int32_t *out, struct byok_fault *fault)
{
    rd_kafka_t *asker;
    if (reader)
        return byok_kafka_partitions(cli, byok_reader_handle(reader), topic, out, fault);
    enum byok_err err = byok_kafka_open(cli, &asker, fault);
    if (err != BYOK_E_OK)
        return err;
    err = byok_kafka_partitions(cli, asker, topic, out, fault);
    rd_kafka_destroy(asker);
    return err;
}

enum byok_err byok_producer_new(struct byok_cli *cli, struct byok_reader *asker, bool many,
                                struct byok_producer **out, struct byok_fault *fault)
{
    struct byok_producer *producer = byok_new(1, sizeof *producer);
    if (!producer)
        return byok_fault_set(fault, BYOK_E_NOMEM, "no memory for the producer");
    const struct byok_kafka_sending sending = {
        .many = many, .on_delivery = on_delivery, .opaque = producer};
    producer->cli = cli;
    producer->topic = byok_topic_name(cli, BYOK_TOPIC_REQUESTS);
    enum byok_err err = count_partitions(cli, asker, producer->topic, &producer->partitions, fault);
    if (err == BYOK_E_OK)
        err = byok_kafka_open_producer(cli, &sending, &producer->handle, fault);
    if (err != BYOK_E_OK) {
        byok_producer_free(producer);
        return err;
    }
    *out = producer;
    return BYOK_E_OK;
}

void byok_producer_free(struct byok_producer *producer)
{
    if (!producer)
        return;
    if (producer->handle) {
        rd_kafka_purge(producer->handle, RD_KAFKA_PURGE_F_QUEUE | RD_KAFKA_PURGE_F_INFLIGHT);
        rd_kafka_destroy(producer->handle);
    }
    byok_delete(producer);
}

/* librdkafka's structs are not const, but it does not write to a value that it copies. */
static void *not_const(const void *bytes)
{
    union {
        const void *in;
        void *out;
    } same = {bytes};
    return same.out;
}

/* librdkafka takes the headers when it takes the record, and only then. */
static rd_kafka_error_t *produce(struct byok_producer *producer, struct byok_str user,
                                 struct byok_str bytes, rd_kafka_headers_t *headers)
{
    rd_kafka_vu_t parts[] = {
        {.vtype = RD_KAFKA_VTYPE_TOPIC, .u.cstr = producer->topic},
        {.vtype = RD_KAFKA_VTYPE_PARTITION, .u.i32 = byok_partition_of(user, producer->partitions)},
        {.vtype = RD_KAFKA_VTYPE_KEY, .u.mem = {not_const(user.ptr), user.len}},
        {.vtype = RD_KAFKA_VTYPE_VALUE, .u.mem = {not_const(bytes.ptr), bytes.len}},
        {.vtype = RD_KAFKA_VTYPE_MSGFLAGS, .u.i = RD_KAFKA_MSG_F_COPY},
        {.vtype = RD_KAFKA_VTYPE_HEADERS, .u.headers = headers},
    };
    return rd_kafka_produceva(producer->handle, parts, sizeof parts / sizeof parts[0]);
}

/* Waits for room. Takes the headers. */
static enum byok_err send_record(struct byok_producer *producer, struct byok_str user,
                                 struct byok_str bytes, rd_kafka_headers_t *headers,
                                 struct byok_fault *fault)
{
    const int64_t give_up = byok_now_ms() + producer->cli->set.timeout_ms;
    for (;;) {
        rd_kafka_error_t *error = produce(producer, user, bytes, headers);
        rd_kafka_resp_err_t why = error ? rd_kafka_error_code(error) : RD_KAFKA_RESP_ERR_NO_ERROR;
        rd_kafka_error_destroy(error);
        if (why == RD_KAFKA_RESP_ERR_NO_ERROR)
            return BYOK_E_OK;
        if (why == RD_KAFKA_RESP_ERR__QUEUE_FULL && byok_now_ms() < give_up) {
            rd_kafka_poll(producer->handle, 100);
            continue;
        }
        rd_kafka_headers_destroy(headers);
        if (why == RD_KAFKA_RESP_ERR_MSG_SIZE_TOO_LARGE)
            return byok_fault_set(fault, BYOK_E_TOO_LARGE,
                                  "the request has %zu bytes, more than message.max.bytes allows",
                                  bytes.len);
        return byok_kafka_fault(producer->cli,
                                why == RD_KAFKA_RESP_ERR__QUEUE_FULL ? RD_KAFKA_RESP_ERR__TIMED_OUT
                                                                     : why,
                                producer->topic, fault);
    }
}

enum byok_err byok_producer_send(struct byok_producer *producer, struct byok_str user,
                                 enum byok_format format, struct byok_str bytes,
                                 struct byok_fault *fault)
{
    rd_kafka_headers_t *headers = rd_kafka_headers_new(1);
    rd_kafka_header_add(headers, BYOK_HEADER_CONTENT_TYPE, -1, byok_format_content_type(format),
                        -1);
    return send_record(producer, user, bytes, headers, fault);
}

enum byok_err byok_producer_replay(struct byok_producer *producer, const struct byok_record *record,
                                   struct byok_fault *fault)
{
    const char *name = NULL;
    struct byok_str value;
    char from[40];
    rd_kafka_headers_t *headers = rd_kafka_headers_new(4);
    for (size_t i = 0; byok_record_header_at(record, i, &name, &value); i++) {
        if (!byok_str_starts(byok_str_of(name), byok_str_of(BYOK_ERROR_HEADERS)) &&
            strcmp(name, BYOK_HEADER_REPLAYED_FROM) != 0)
            rd_kafka_header_add(headers, name, -1, value.ptr, (ssize_t)value.len);
    }
    snprintf(from, sizeof from, "%" PRId32 ":%" PRId64, record->partition, record->offset);
    rd_kafka_header_add(headers, BYOK_HEADER_REPLAYED_FROM, -1, from, -1);
    return send_record(producer, record->key, record->value, headers, fault);
}

void byok_producer_poll(struct byok_producer *producer)
{
    rd_kafka_poll(producer->handle, 0);
}

enum byok_err byok_producer_flush(struct byok_producer *producer, struct byok_fault *fault)
{
    int64_t ms = producer->cli->set.timeout_ms;
    if (rd_kafka_flush(producer->handle, ms < INT32_MAX ? (int)ms : INT32_MAX))
        return byok_kafka_fault(producer->cli, RD_KAFKA_RESP_ERR__TIMED_OUT, producer->topic,
                                fault);
    if (producer->failed == 0)
        return BYOK_E_OK;
    enum byok_err err = byok_kafka_fault(producer->cli, producer->failure, producer->topic, fault);
    if (producer->failed > 1) {
        struct byok_fault first = *fault;
        return byok_fault_set(fault, err, "%llu requests were not taken, the first one: %.250s",
                              (unsigned long long)producer->failed, first.text);
    }
    return err;
}
