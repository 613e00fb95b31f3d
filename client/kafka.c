/* SPDX-License-Identifier: MIT */
/* client/kafka.c - handles and topics; producer.c and reader.c have what is done with them. */
#include "client/kafka.h"

#include <string.h>

#include "base/limits.h"
#include "client/kafka_parts.h"

#define QUESTION_MS_MAX 10000
#define ENVELOPE_ROOM 65536 /* of a record's head and headers, over its value's limit */

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

static enum byok_err set_all(struct byok_cli *cli, const struct byok_kafka_sending *sending,
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
        if (sending ? ours[i].producer : ours[i].consumer)
            err = set(conf, ours[i].name, ours[i].value, fault);
    }
    if (sending && err == BYOK_E_OK)
        err = set_producer(cli, conf, sending->many, fault);
    for (size_t i = 0; i < cli->set.properties.count && err == BYOK_E_OK; i++)
        err = set_property(cli, conf, cli->set.properties.items[i], fault);
    return err;
}

/* `sending`: NULL for a consumer. */
static enum byok_err open_handle(struct byok_cli *cli, const struct byok_kafka_sending *sending,
                                 rd_kafka_t **out, struct byok_fault *fault)
{
    char why[256];
    const rd_kafka_type_t type = sending ? RD_KAFKA_PRODUCER : RD_KAFKA_CONSUMER;
    rd_kafka_conf_t *conf = rd_kafka_conf_new();
    enum byok_err err = set_all(cli, sending, conf, fault);
    if (err != BYOK_E_OK) {
        rd_kafka_conf_destroy(conf);
        return err;
    }
    rd_kafka_conf_set_log_cb(conf, on_log);
    if (sending) {
        rd_kafka_conf_set_opaque(conf, sending->opaque);
        rd_kafka_conf_set_dr_msg_cb(conf, sending->on_delivery);
    }
    rd_kafka_t *handle = rd_kafka_new(type, conf, why, sizeof why);
    if (!handle) {
        rd_kafka_conf_destroy(conf);
        return byok_fault_set(fault, BYOK_E_CONFIG, "librdkafka does not start: %s", why);
    }
    *out = handle;
    return BYOK_E_OK;
}

enum byok_err byok_kafka_open(struct byok_cli *cli, rd_kafka_t **out, struct byok_fault *fault)
{
    return open_handle(cli, NULL, out, fault);
}

enum byok_err byok_kafka_open_producer(struct byok_cli *cli,
                                       const struct byok_kafka_sending *sending, rd_kafka_t **out,
                                       struct byok_fault *fault)
{
    return open_handle(cli, sending, out, fault);
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
