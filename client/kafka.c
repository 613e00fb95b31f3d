/* SPDX-License-Identifier: MIT */
/* client/kafka.c - settings, topics, and the producer; reader.c has the reader. */
#include "client/kafka.h"

#include <inttypes.h>
#include <string.h>

#include "base/limits.h"
#include "base/mem.h"
#include "client/kafka_parts.h"

#define QUESTION_MS_MAX 10000
#define ENVELOPE_ROOM 65536 /* of a record's head and headers, over its value's limit */

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
    if (message->err == RD_KAFKA_RESP_ERR_NO_ERROR || !producer)
        return;
    if (producer->failed++ == 0)
        producer->failure = message->err;
}

/* librdkafka would print every failed connection; what matters is in the faults. */
static void on_log(const rd_kafka_t *handle, int level, const char *facility, const char *text)
{
    (void)handle;
    (void)level;
    (void)facility;
    (void)text;
}

const char *byok_topic_name(struct byok_cli *cli, enum byok_topic topic)
{
    struct byok_str name =
        byok_arena_printf(&cli->arena, "%s%s", cli->set.topic_prefix, byok_topic_suffix(topic));
    return name.ptr ? name.ptr : "";
}

int byok_broker_timeout_ms(const struct byok_cli *cli)
{
    return cli->set.timeout_ms < QUESTION_MS_MAX ? (int)cli->set.timeout_ms : QUESTION_MS_MAX;
}

/* ---- settings ---- */

static enum byok_err set(rd_kafka_conf_t *conf, const char *name, const char *value,
                         struct byok_fault *fault)
{
    char why[256];
    rd_kafka_conf_res_t result = rd_kafka_conf_set(conf, name, value, why, sizeof why);
    if (result == RD_KAFKA_CONF_OK)
        return BYOK_E_OK;
    if (result == RD_KAFKA_CONF_UNKNOWN)
        return byok_fault_set(fault, BYOK_E_CONFIG,
                              "librdkafka has no setting '%s' (from -X or BYOK_KAFKA_PROPERTIES)",
                              name);
    /* librdkafka's text can quote the value, which may be a password */
    return byok_fault_set(fault, BYOK_E_CONFIG, "librdkafka refuses the value given for '%s'",
                          name);
}

static enum byok_err set_property(struct byok_cli *cli, rd_kafka_conf_t *conf, const char *line,
                                  struct byok_fault *fault)
{
    const char *equals = strchr(line, '=');
    if (!equals || equals == line)
        return byok_fault_set(fault, BYOK_E_CONFIG,
                              "a librdkafka setting is not of the form NAME=VALUE (from -X or "
                              "BYOK_KAFKA_PROPERTIES)");
    struct byok_str name =
        byok_arena_copy(&cli->arena, (struct byok_str){line, (size_t)(equals - line)});
    if (!name.ptr)
        return byok_fault_set(fault, BYOK_E_NOMEM, "no memory for the settings");
    return set(conf, name.ptr, equals + 1, fault);
}

static enum byok_err set_producer(struct byok_cli *cli, rd_kafka_conf_t *conf, bool many,
                                  struct byok_fault *fault)
{
    char bytes[24], ms[24];
    const int64_t ms_max = 900000;
    int64_t timeout_ms = cli->set.timeout_ms < ms_max ? cli->set.timeout_ms : ms_max;
    snprintf(bytes, sizeof bytes, "%u", BYOK_REQUEST_BYTES_MAX + ENVELOPE_ROOM);
    snprintf(ms, sizeof ms, "%d", (int)timeout_ms);
    enum byok_err err = set(conf, "message.max.bytes", bytes, fault);
    if (err == BYOK_E_OK)
        err = set(conf, "message.timeout.ms", ms, fault);
    if (err == BYOK_E_OK && many)
        err = set(conf, "enable.idempotence", "true", fault);
    return err;
}

static enum byok_err set_all(struct byok_cli *cli, rd_kafka_type_t type, bool many,
                             rd_kafka_conf_t *conf, struct byok_fault *fault)
{
    static const struct {
        const char *name, *value;
        bool producer, consumer;
    } ours[] = {
        {"client.id", "byok", true, true},
        {"log_level", "0", true, true},
        {"partitioner", "murmur2_random", true, false},
        {"acks", "all", true, false},
        {"linger.ms", "5", true, false},
        {"isolation.level", "read_committed", false, true},
        {"enable.partition.eof", "true", false, true},
        /* a closing reader waits for its last fetch, and the default of 500 ms is felt */
        {"fetch.wait.max.ms", "100", false, true},
        /* when retention overtakes a reader, the rest is read rather than skipped */
        {"auto.offset.reset", "earliest", false, true},
        {"enable.auto.commit", "false", false, true},
        {"allow.auto.create.topics", "false", false, true},
    };
    enum byok_err err = set(conf, "bootstrap.servers", cli->set.brokers, fault);
    for (size_t i = 0; i < sizeof ours / sizeof ours[0] && err == BYOK_E_OK; i++) {
        if (type == RD_KAFKA_PRODUCER ? ours[i].producer : ours[i].consumer)
            err = set(conf, ours[i].name, ours[i].value, fault);
    }
    if (type == RD_KAFKA_PRODUCER && err == BYOK_E_OK)
        err = set_producer(cli, conf, many, fault);
    for (size_t i = 0; i < cli->set.properties.count && err == BYOK_E_OK; i++)
        err = set_property(cli, conf, cli->set.properties.items[i], fault);
    return err;
}

static enum byok_err open_with(struct byok_cli *cli, rd_kafka_type_t type, bool many, void *opaque,
                               rd_kafka_t **out, struct byok_fault *fault)
{
    char why[256];
    rd_kafka_conf_t *conf = rd_kafka_conf_new();
    enum byok_err err = set_all(cli, type, many, conf, fault);
    if (err != BYOK_E_OK) {
        rd_kafka_conf_destroy(conf);
        return err;
    }
    rd_kafka_conf_set_log_cb(conf, on_log);
    rd_kafka_conf_set_opaque(conf, opaque);
    if (type == RD_KAFKA_PRODUCER)
        rd_kafka_conf_set_dr_msg_cb(conf, on_delivery);
    rd_kafka_t *handle = rd_kafka_new(type, conf, why, sizeof why);
    if (!handle) {
        rd_kafka_conf_destroy(conf);
        return byok_fault_set(fault, BYOK_E_CONFIG, "librdkafka does not start: %s", why);
    }
    *out = handle;
    return BYOK_E_OK;
}

enum byok_err byok_kafka_open(struct byok_cli *cli, rd_kafka_type_t type, rd_kafka_t **out,
                              struct byok_fault *fault)
{
    return open_with(cli, type, false, NULL, out, fault);
}

/* ---- topics ---- */

enum byok_err byok_kafka_fault(struct byok_cli *cli, rd_kafka_resp_err_t why, const char *what,
                               struct byok_fault *fault)
{
    switch (why) {
    case RD_KAFKA_RESP_ERR__TRANSPORT:
    case RD_KAFKA_RESP_ERR__TIMED_OUT:
    case RD_KAFKA_RESP_ERR__ALL_BROKERS_DOWN:
    case RD_KAFKA_RESP_ERR__RESOLVE:
    case RD_KAFKA_RESP_ERR__MSG_TIMED_OUT:
        return byok_fault_set(fault, BYOK_E_BROKER,
                              "no answer from the Kafka broker at %.200s: check --brokers (or "
                              "BYOK_BROKERS), that it runs, and the TLS and SASL settings of -X",
                              cli->set.brokers);
    case RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART:
    case RD_KAFKA_RESP_ERR__UNKNOWN_TOPIC:
    case RD_KAFKA_RESP_ERR__UNKNOWN_PARTITION:
        return byok_fault_set(fault, BYOK_E_BROKER,
                              "there is no topic %.200s on %.100s: create it or let byokd do so, "
                              "or set --topic-prefix; `byok doctor` looks at all of them",
                              what, cli->set.brokers);
    default:
        return byok_fault_set(fault, BYOK_E_BROKER, "%.200s: %s (%s)", what, rd_kafka_err2str(why),
                              rd_kafka_err2name(why));
    }
}

enum byok_err byok_kafka_partitions(struct byok_cli *cli, rd_kafka_t *handle, const char *topic,
                                    int32_t *out, struct byok_fault *fault)
{
    rd_kafka_topic_t *named = rd_kafka_topic_new(handle, topic, NULL);
    if (!named)
        return byok_fault_set(fault, BYOK_E_CONFIG, "'%.200s' cannot be a topic's name", topic);
    const struct rd_kafka_metadata *all = NULL;
    rd_kafka_resp_err_t why =
        rd_kafka_metadata(handle, 0, named, &all, byok_broker_timeout_ms(cli));
    rd_kafka_topic_destroy(named);
    if (why == RD_KAFKA_RESP_ERR_NO_ERROR) {
        if (all->topic_cnt != 1)
            why = RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART;
        else if (all->topics[0].err || all->topics[0].partition_cnt < 1)
            why = all->topics[0].err ? all->topics[0].err : RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART;
        else
            *out = all->topics[0].partition_cnt;
        rd_kafka_metadata_destroy(all);
    }
    return why ? byok_kafka_fault(cli, why, topic, fault) : BYOK_E_OK;
}

/* A producer's question would create the topic; a consumer's does not. */
static enum byok_err count_partitions(struct byok_cli *cli, struct byok_reader *reader,
                                      const char *topic, int32_t *out, struct byok_fault *fault)
{
    rd_kafka_t *asker;
    if (reader)
        return byok_kafka_partitions(cli, byok_reader_handle(reader), topic, out, fault);
    enum byok_err err = byok_kafka_open(cli, RD_KAFKA_CONSUMER, &asker, fault);
    if (err != BYOK_E_OK)
        return err;
    err = byok_kafka_partitions(cli, asker, topic, out, fault);
    rd_kafka_destroy(asker);
    return err;
}

/* ---- the producer ---- */

enum byok_err byok_producer_new(struct byok_cli *cli, struct byok_reader *asker, bool many,
                                struct byok_producer **out, struct byok_fault *fault)
{
    struct byok_producer *producer = byok_new(1, sizeof *producer);
    if (!producer)
        return byok_fault_set(fault, BYOK_E_NOMEM, "no memory for the producer");
    producer->cli = cli;
    producer->topic = byok_topic_name(cli, BYOK_TOPIC_REQUESTS);
    enum byok_err err = count_partitions(cli, asker, producer->topic, &producer->partitions, fault);
    if (err == BYOK_E_OK)
        err = open_with(cli, RD_KAFKA_PRODUCER, many, producer, &producer->handle, fault);
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
