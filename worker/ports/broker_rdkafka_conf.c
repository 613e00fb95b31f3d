/* SPDX-License-Identifier: MIT */
/* worker/ports/broker_rdkafka_conf.c - the settings of the three librdkafka handles.
 *
 * First what byokd wants, then what the operator wrote, which may replace it; but what delivery
 * depends on is refused from the operator.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "worker/ports/broker_rdkafka_inner.h"

#define MIB ((size_t)1024 * 1024)
/* What a reader asks (where the coordinator is, where a log ends) is answered at once or never, as by
 * a broker that went down with the question; librdkafka's minute is longer than a session. */
#define READER_ANSWER_MS "10000"
#define MESSAGE_BYTES_MAX ((size_t)1000000000) /* librdkafka's own upper limit */
/* What claims rest on (broker_rdkafka_notes.c).  The session: Kafka's own least one, by its
 * group.min.session.timeout.ms.  The time to join a rebalance (max.poll.interval.ms): a member that
 * lets its partitions drain does not join, and when the group expels it for that, it may have
 * committed a moment before. */
#define SESSION_MS_MIN 6000
#define JOIN_MS_MIN 30000 /* besides the drain: for its last position, and the join */
#define JOIN_MS 300000

/* A setting that the promises rest on, and what to do instead. */
static const struct {
    const char *name, *instead;
} refused[] = {
    {"bootstrap.servers", "set the brokers in kafka.brokers"},
    {"metadata.broker.list", "set the brokers in kafka.brokers"},
    {"group.id", "set the group in kafka.group"},
    {"group.instance.id", "it is made from kafka.instance_id and the shard"},
    {"client.id", "set it in kafka.client_id"},
    {"group.protocol", "byokd needs the classic protocol's incremental rebalances"},
    {"partition.assignment.strategy", "byokd needs cooperative-sticky"},
    {"enable.auto.commit", "byokd commits what is done"},
    {"auto.commit.enable", "byokd commits what is done"},
    {"enable.auto.offset.store", "byokd commits what is done"},
    {"auto.offset.reset", "byokd takes a new group's requests from the beginning"},
    {"isolation.level", "byokd reads committed records only"},
    {"enable.partition.eof", "byokd sets it for restores"},
    {"enable.idempotence", "byokd's producer is always idempotent"},
    {"acks", "byokd waits for all in-sync replicas"},
    {"request.required.acks", "byokd waits for all in-sync replicas"},
    {"partitioner", "users have a canonical partition"},
    {"message.timeout.ms", "byokd publishes until it succeeds"},
    {"delivery.timeout.ms", "byokd publishes until it succeeds"},
    {"transactional.id", "it is made from kafka.instance_id and the shard"},
    {"transaction.timeout.ms", "set it in kafka.transaction_timeout_ms"},
    {"log.queue", "librdkafka's log goes to byokd's"},
};

static const char *refusal(struct byok_str name)
{
    for (size_t i = 0; i < sizeof refused / sizeof refused[0]; i++) {
        if (byok_str_is(name, refused[i].name))
            return refused[i].instead;
    }
    return NULL;
}

static bool set(rd_kafka_conf_t *conf, const char *name, const char *value,
                struct byok_fault *fault)
{
    char text[256];
    if (rd_kafka_conf_set(conf, name, value, text, sizeof text) == RD_KAFKA_CONF_OK)
        return true;
    /* librdkafka's text names the setting and may show its value, but never a password's */
    (void)byok_fault_set(fault, BYOK_E_CONFIG, "librdkafka refuses the setting %s: %s", name, text);
    return false;
}

static bool set_size(rd_kafka_conf_t *conf, const char *name, size_t value,
                     struct byok_fault *fault)
{
    char text[24];
    (void)snprintf(text, sizeof text, "%zu", value < MESSAGE_BYTES_MAX ? value : MESSAGE_BYTES_MAX);
    return set(conf, name, text, fault);
}

/* One "name=value" of the operator. */
static bool set_item(rd_kafka_conf_t *conf, const char *item, struct byok_fault *fault)
{
    const char *equals = strchr(item, '=');
    char name[128];
    if (!equals || equals == item || (size_t)(equals - item) >= sizeof name) {
        (void)byok_fault_set(fault, BYOK_E_CONFIG,
                             "A librdkafka setting must have the form name=value");
        return false;
    }
    struct byok_str slice = byok_str_trim((struct byok_str){item, (size_t)(equals - item)});
    (void)snprintf(name, sizeof name, "%.*s", BYOK_STR_ARG(slice));
    const char *instead = refusal(slice);
    if (instead) {
        (void)byok_fault_set(fault, BYOK_E_CONFIG,
                             "The librdkafka setting %s may not be changed: %s; remove it", name,
                             instead);
        return false;
    }
    return set(conf, name, equals + 1 + strspn(equals + 1, " \t"), fault);
}

static bool set_items(rd_kafka_conf_t *conf, const struct byok_kafka_properties *properties,
                      struct byok_fault *fault)
{
    for (size_t i = 0; i < properties->count; i++) {
        if (!set_item(conf, properties->items[i], fault))
            return false;
    }
    return true;
}

static bool set_common(rd_kafka_conf_t *conf, const struct byok_kafka_options *options,
                       enum byok_rdk_role role, struct byok_fault *fault)
{
    char client_id[256];
    (void)snprintf(client_id, sizeof client_id, "%s%s",
                   options->client_id ? options->client_id : "byokd",
                   role == BYOK_RDK_RESTORER   ? "-restore"
                   : role == BYOK_RDK_NOTER    ? "-notes"
                   : role == BYOK_RDK_STREAMER ? "-stream"
                                               : "");
    return set(conf, "bootstrap.servers", options->brokers, fault) &&
           set(conf, "client.id", client_id, fault) && set(conf, "log.queue", "true", fault) &&
           set(conf, "log.connection.close", "false", fault) &&
           set(conf, "socket.keepalive.enable", "true", fault) &&
           /* a broker that is back is found within two seconds */
           set(conf, "reconnect.backoff.max.ms", "2000", fault);
}

/* Of the two consumers.  A fetch answers with its first record whatever its size, so the receive
 * limit leaves room for one of the largest besides the limit of a fetch. */
static bool set_reader(rd_kafka_conf_t *conf, const struct byok_kafka_options *options,
                       size_t fetch_bytes, struct byok_fault *fault)
{
    return set(conf, "group.id", options->group, fault) &&
           set(conf, "enable.auto.commit", "false", fault) &&
           set(conf, "enable.auto.offset.store", "false", fault) &&
           set(conf, "isolation.level", "read_committed", fault) &&
           set(conf, "auto.offset.reset", "earliest", fault) &&
           set(conf, "socket.timeout.ms", READER_ANSWER_MS, fault) &&
           set_size(conf, "fetch.max.bytes", fetch_bytes, fault) &&
           set_size(conf, "receive.message.max.bytes",
                    fetch_bytes + 64 * MIB + 4 * options->request_max_bytes, fault);
}

static bool set_consumer(rd_kafka_conf_t *conf, const struct byok_kafka_options *options,
                         struct byok_fault *fault)
{
    return set_reader(conf, options, 8 * MIB + options->request_max_bytes, fault) &&
           set_size(conf, "max.poll.interval.ms", JOIN_MS + (size_t)options->drain_ms, fault) &&
           set(conf, "partition.assignment.strategy", "cooperative-sticky", fault) &&
           /* what a pause throws away, and what waits outside the memory budget */
           set(conf, "queued.max.messages.kbytes", "8192", fault) &&
           set(conf, "queued.min.messages", "2000", fault) &&
           set(conf, "fetch.queue.backoff.ms", "20", fault) &&
           (!options->instance_id || set(conf, "group.instance.id", options->instance_id, fault));
}

static bool set_restorer(rd_kafka_conf_t *conf, const struct byok_kafka_options *options,
                         struct byok_fault *fault)
{
    return set_reader(conf, options, 32 * MIB, fault) &&
           set(conf, "enable.partition.eof", "true", fault) &&
           set(conf, "fetch.message.max.bytes", "4194304", fault) &&
           set(conf, "fetch.wait.max.ms", "50", fault) &&
           set(conf, "fetch.queue.backoff.ms", "20", fault) &&
           set(conf, "queued.max.messages.kbytes", "32768", fault);
}

/* What it is after the operator's settings. */
static bool is_at_least(const rd_kafka_conf_t *conf, const char *name, int64_t least,
                        struct byok_fault *fault)
{
    char text[24] = "";
    size_t size = sizeof text;
    if (rd_kafka_conf_get(conf, name, text, &size) == RD_KAFKA_CONF_OK &&
        strtoll(text, NULL, 10) >= least)
        return true;
    (void)byok_fault_set(fault, BYOK_E_CONFIG,
                         "The librdkafka setting %s is %s, but must be %lld at least", name, text,
                         (long long)least);
    return false;
}

/* librdkafka itself bounds message.timeout.ms by the transaction's. */
static bool set_transactional(rd_kafka_conf_t *conf, const struct byok_kafka_options *options,
                              struct byok_fault *fault)
{
    return set(conf, "transactional.id", options->transactional_id, fault) &&
           set_size(conf, "transaction.timeout.ms", (size_t)options->transaction_timeout_ms, fault);
}

/* message.max.bytes is only librdkafka's own guard; the topics' max.message.bytes decides. */
static bool set_producer(rd_kafka_conf_t *conf, const struct byok_kafka_options *options,
                         struct byok_fault *fault)
{
    return set(conf, "enable.idempotence", "true", fault) && set(conf, "acks", "all", fault) &&
           set(conf, "partitioner", "murmur2_random", fault) &&
           set(conf, "linger.ms", "2", fault) &&
           (options->transactional_id ? set_transactional(conf, options, fault)
                                      : set(conf, "message.timeout.ms", "0", fault)) &&
           set_size(conf, "message.max.bytes", 64 * MIB + 4 * options->request_max_bytes, fault);
}

/* The time-out: see broker_rdkafka_notes.c; what an expired one leaves is no gap that matters. */
static bool set_noter(rd_kafka_conf_t *conf, struct byok_fault *fault)
{
    return set(conf, "enable.idempotence", "true", fault) && set(conf, "acks", "all", fault) &&
           set(conf, "linger.ms", "1", fault) && set(conf, "message.timeout.ms", "5000", fault);
}

/* A delta that waits longer is of no use; what waits is bounded in memory. */
static bool set_streamer(rd_kafka_conf_t *conf, struct byok_fault *fault)
{
    return set(conf, "enable.idempotence", "true", fault) &&
           set(conf, "partitioner", "murmur2_random", fault) &&
           set(conf, "linger.ms", "1", fault) && set(conf, "message.timeout.ms", "10000", fault) &&
           set(conf, "queue.buffering.max.kbytes", "32768", fault);
}

static bool set_role(rd_kafka_conf_t *conf, const struct byok_kafka_options *options,
                     enum byok_rdk_role role, struct byok_fault *fault)
{
    switch (role) {
    case BYOK_RDK_CONSUMER:
        return set_consumer(conf, options, fault) && set_items(conf, &options->properties, fault) &&
               set_items(conf, &options->consumer_properties, fault) &&
               is_at_least(conf, "session.timeout.ms", SESSION_MS_MIN, fault) &&
               is_at_least(conf, "max.poll.interval.ms", options->drain_ms + JOIN_MS_MIN, fault);
    case BYOK_RDK_RESTORER:
        return set_restorer(conf, options, fault) && set_items(conf, &options->properties, fault);
    case BYOK_RDK_PRODUCER:
        return set_producer(conf, options, fault) && set_items(conf, &options->properties, fault) &&
               set_items(conf, &options->producer_properties, fault);
    case BYOK_RDK_NOTER:
        return set_noter(conf, fault) && set_items(conf, &options->properties, fault) &&
               set_items(conf, &options->producer_properties, fault);
    case BYOK_RDK_STREAMER:
        return set_streamer(conf, fault) && set_items(conf, &options->properties, fault);
    case BYOK_RDK_ROLES:
        break;
    }
    return false;
}

rd_kafka_conf_t *byok_rdk_conf(const struct byok_kafka_options *options, enum byok_rdk_role role,
                               struct byok_fault *fault)
{
    rd_kafka_conf_t *conf = rd_kafka_conf_new();
    if (!set_common(conf, options, role, fault) || !set_role(conf, options, role, fault)) {
        rd_kafka_conf_destroy(conf);
        return NULL;
    }
    rd_kafka_conf_set_events(conf, RD_KAFKA_EVENT_REBALANCE | RD_KAFKA_EVENT_FETCH |
                                       RD_KAFKA_EVENT_OFFSET_COMMIT | RD_KAFKA_EVENT_DR |
                                       RD_KAFKA_EVENT_ERROR | RD_KAFKA_EVENT_LOG);
    return conf;
}

enum byok_err byok_broker_rdkafka_check(const struct byok_kafka_options *options,
                                        struct byok_fault *fault)
{
    for (enum byok_rdk_role role = 0; role < BYOK_RDK_ROLES; role++) {
        rd_kafka_conf_t *conf = byok_rdk_conf(options, role, fault);
        if (!conf)
            return BYOK_E_CONFIG;
        rd_kafka_conf_destroy(conf);
    }
    return BYOK_E_OK;
}
