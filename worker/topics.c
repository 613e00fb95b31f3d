/* SPDX-License-Identifier: MIT */
/* worker/topics.c - see worker/topics.h.
 *
 * One round: describe all topics, create the missing, describe again, check the counts and the
 * cleanup policy.  A round that the broker does not answer is tried again.
 */
#include "worker/topics.h"

#include <stdio.h>
#include <string.h>

#include <uv.h>

#include "worker/ports/broker_rdkafka_inner.h"
#include "worker/topics_parts.h"

#define PARTITIONS_DEFAULT 12
#define REQUEST_MS 10000
#define METADATA_MS 2000
#define CONTROLLER_MS 300 /* it came with the metadata, if there is one */
#define POLL_MS 100
#define CLUSTER_ID_MS 2000 /* it came with the metadata */
#define PAUSE_MS 1000
#define CREATED_MS 100 /* topics just made are soon in the metadata */

/* A cluster may be without a controller for a moment; the embedded broker always is. */
#define ROUNDS_WITHOUT_CONTROLLER 5

/* A record of a topic is at most a request with what byokd puts around it, or an answer. */
#define RECORD_BYTES_MIN ((size_t)40 * 1024 * 1024)

struct topics {
    const struct byok_topics_options *options;
    rd_kafka_t *rk;
    rd_kafka_queue_t *queue; /* of answers */
    rd_kafka_queue_t *main;  /* of errors and log lines */
    uint64_t until_ns;       /* 0: for ever */
    char names[BYOK_TOPIC_COUNT][256];
    int32_t counts[BYOK_TOPIC_COUNT]; /* 0: missing */
    char trouble[256];                /* the last connection error */
    bool has_controller;
    unsigned rounds_without;
    bool told;
};

/* What a round came to. */
enum outcome { DONE, AGAIN, FAILED };

static bool is_changelog(int topic)
{
    return topic == BYOK_TOPIC_VAULT || topic == BYOK_TOPIC_STATE;
}

static bool is_co_partitioned(int topic)
{
    return topic == BYOK_TOPIC_REQUESTS || topic == BYOK_TOPIC_AUDIT || is_changelog(topic);
}

static bool stopped(const struct topics *self)
{
    return self->options->stop && atomic_load_explicit(self->options->stop, memory_order_relaxed);
}

static bool too_late(const struct topics *self)
{
    return self->until_ns != 0 && uv_hrtime() >= self->until_ns;
}

static void note_trouble(struct topics *self, const char *text)
{
    (void)snprintf(self->trouble, sizeof self->trouble, "%s", text);
}

static void serve_main(struct topics *self)
{
    rd_kafka_event_t *event;
    while ((event = rd_kafka_queue_poll(self->main, 0)) != NULL) {
        if (rd_kafka_event_type(event) == RD_KAFKA_EVENT_ERROR)
            note_trouble(self, rd_kafka_event_error_string(event));
        rd_kafka_event_destroy(event);
    }
}

/* The answer to the request under way; NULL: stopped, or out of time. */
static rd_kafka_event_t *wait_for(struct topics *self)
{
    rd_kafka_event_t *event = NULL;
    while (!event && !stopped(self) && !too_late(self)) {
        event = rd_kafka_queue_poll(self->queue, POLL_MS);
        serve_main(self);
    }
    if (event && rd_kafka_event_error(event))
        note_trouble(self, rd_kafka_event_error_string(event));
    return event;
}

static rd_kafka_AdminOptions_t *admin_options(struct topics *self, rd_kafka_admin_op_t op)
{
    char text[256];
    rd_kafka_AdminOptions_t *options = rd_kafka_AdminOptions_new(self->rk, op);
    (void)rd_kafka_AdminOptions_set_request_timeout(options, REQUEST_MS, text, sizeof text);
    if (op == RD_KAFKA_ADMIN_OP_CREATETOPICS)
        (void)rd_kafka_AdminOptions_set_operation_timeout(options, REQUEST_MS, text, sizeof text);
    return options;
}

static enum outcome note_topic(struct topics *self, int which,
                               const struct rd_kafka_metadata_topic *topic,
                               struct byok_fault *fault)
{
    switch (topic->err) {
    case RD_KAFKA_RESP_ERR_NO_ERROR:
        self->counts[which] = topic->partition_cnt;
        return DONE;
    case RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART:
    case RD_KAFKA_RESP_ERR__UNKNOWN_TOPIC:
        self->counts[which] = 0;
        return DONE;
    case RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED:
    case RD_KAFKA_RESP_ERR_TOPIC_EXCEPTION:
        (void)byok_fault_set(fault, BYOK_E_CONFIG, "The topic %s cannot be used: %s",
                             self->names[which], rd_kafka_err2str(topic->err));
        return FAILED;
    default:
        note_trouble(self, rd_kafka_err2str(topic->err));
        return AGAIN;
    }
}

/* librdkafka's mock cluster (the embedded broker) names a controller that is none of its brokers;
 * what needs one would wait in vain. */
static bool has_controller(const struct topics *self, const struct rd_kafka_metadata *found)
{
    int32_t id = rd_kafka_controllerid(self->rk, CONTROLLER_MS);
    for (int i = 0; i < found->broker_cnt; i++) {
        if (found->brokers[i].id == id)
            return true;
    }
    return false;
}

static enum outcome describe_one(struct topics *self, int which, struct byok_fault *fault)
{
    rd_kafka_topic_t *topic = rd_kafka_topic_new(self->rk, self->names[which], NULL);
    if (!topic) {
        (void)byok_fault_set(fault, BYOK_E_CONFIG, "The topic %s cannot be used: %s",
                             self->names[which], rd_kafka_err2str(rd_kafka_last_error()));
        return FAILED;
    }
    const struct rd_kafka_metadata *found = NULL;
    rd_kafka_resp_err_t err = rd_kafka_metadata(self->rk, 0, topic, &found, METADATA_MS);
    rd_kafka_topic_destroy(topic);
    serve_main(self);
    if (err) {
        if (!self->trouble[0])
            note_trouble(self, rd_kafka_err2str(err));
        return AGAIN;
    }
    enum outcome outcome =
        found->topic_cnt == 1 ? note_topic(self, which, &found->topics[0], fault) : AGAIN;
    self->has_controller = has_controller(self, found);
    rd_kafka_metadata_destroy(found);
    return outcome;
}

/* By metadata, not by the admin API, which would ask the controller. */
static enum outcome describe(struct topics *self, struct byok_fault *fault)
{
    enum outcome outcome = DONE;
    for (int i = 0; i < BYOK_TOPIC_COUNT && outcome == DONE; i++)
        outcome = stopped(self) || too_late(self) ? AGAIN : describe_one(self, i, fault);
    return outcome;
}

static int32_t count_for_new(const struct topics *self)
{
    if (self->options->partitions > 0)
        return self->options->partitions;
    for (int i = 0; i < BYOK_TOPIC_COUNT; i++) {
        if (is_co_partitioned(i) && self->counts[i] > 0)
            return self->counts[i];
    }
    return PARTITIONS_DEFAULT;
}

/* Compaction: the tombstones of deleted keys and expired ids are kept for a week, longer than a
 * worker's data folder may rest; the state turns over fast, so its segments are small. */
static void set_configs(const struct topics *self, int topic, rd_kafka_NewTopic_t *made)
{
    char bytes[24];
    size_t record_bytes = 2 * self->options->kafka->request_max_bytes;
    if (record_bytes < RECORD_BYTES_MIN)
        record_bytes = RECORD_BYTES_MIN;
    (void)snprintf(bytes, sizeof bytes, "%zu", record_bytes);
    (void)rd_kafka_NewTopic_set_config(made, "max.message.bytes", bytes);
    /* The broker unpacks what producers send and measures it: a few kilobytes that unpack to
     * hundreds of megabytes would stop the partition in librdkafka, which refuses them for ever. */
    if (topic == BYOK_TOPIC_REQUESTS)
        (void)rd_kafka_NewTopic_set_config(made, "compression.type", "uncompressed");
    if (topic == BYOK_TOPIC_AUDIT) /* kept until the operator says otherwise */
        (void)rd_kafka_NewTopic_set_config(made, "retention.ms", "-1");
    if (!is_changelog(topic))
        return;
    (void)rd_kafka_NewTopic_set_config(made, "cleanup.policy", "compact");
    (void)rd_kafka_NewTopic_set_config(made, "delete.retention.ms", "604800000");
    if (topic == BYOK_TOPIC_VAULT) /* a deleted key's record is gone then; KIP-354 */
        (void)rd_kafka_NewTopic_set_config(made, "max.compaction.lag.ms", "3600000");
    if (topic == BYOK_TOPIC_STATE) {
        (void)rd_kafka_NewTopic_set_config(made, "min.cleanable.dirty.ratio", "0.2");
        (void)rd_kafka_NewTopic_set_config(made, "segment.ms", "3600000");
        (void)rd_kafka_NewTopic_set_config(made, "segment.bytes", "67108864");
    }
}

static enum outcome note_created(struct topics *self, rd_kafka_event_t *event,
                                 struct byok_fault *fault)
{
    size_t count = 0;
    if (rd_kafka_event_error(event))
        return AGAIN;
    const rd_kafka_topic_result_t **results =
        rd_kafka_CreateTopics_result_topics(rd_kafka_event_CreateTopics_result(event), &count);
    enum outcome outcome = DONE;
    for (size_t i = 0; i < count; i++) {
        const char *name = rd_kafka_topic_result_name(results[i]);
        const char *why = rd_kafka_topic_result_error_string(results[i]);
        switch (rd_kafka_topic_result_error(results[i])) {
        case RD_KAFKA_RESP_ERR_NO_ERROR:
            byok_log_event(self->options->log, BYOK_LOG_INFO, "topic_created",
                           BYOK_F_TEXT("topic", name));
            break;
        case RD_KAFKA_RESP_ERR_TOPIC_ALREADY_EXISTS: /* another worker was first */
            break;
        case RD_KAFKA_RESP_ERR_REQUEST_TIMED_OUT:
        case RD_KAFKA_RESP_ERR_NOT_CONTROLLER:
        case RD_KAFKA_RESP_ERR__TIMED_OUT:
            note_trouble(self, why ? why : "timed out");
            outcome = outcome == FAILED ? FAILED : AGAIN;
            break;
        default:
            (void)byok_fault_set(fault, BYOK_E_CONFIG,
                                 "The topic %s cannot be created: %s (create it by hand, or "
                                 "correct kafka.partitions and kafka.replication)",
                                 name, why ? why : "no reason given");
            outcome = FAILED;
            break;
        }
    }
    return outcome;
}

static enum outcome create(struct topics *self, struct byok_fault *fault)
{
    rd_kafka_NewTopic_t *made[BYOK_TOPIC_COUNT];
    size_t count = 0;
    char text[256] = "";
    for (int i = 0; i < BYOK_TOPIC_COUNT; i++) {
        if (self->counts[i] > 0)
            continue;
        int replication = self->options->replication > 0 ? self->options->replication : -1;
        rd_kafka_NewTopic_t *topic = rd_kafka_NewTopic_new(self->names[i], count_for_new(self),
                                                           replication, text, sizeof text);
        if (!topic) {
            rd_kafka_NewTopic_destroy_array(made, count);
            (void)byok_fault_set(fault, BYOK_E_CONFIG, "The topic %s cannot be created: %s",
                                 self->names[i], text);
            return FAILED;
        }
        set_configs(self, i, topic);
        made[count++] = topic;
    }
    rd_kafka_AdminOptions_t *options = admin_options(self, RD_KAFKA_ADMIN_OP_CREATETOPICS);
    rd_kafka_CreateTopics(self->rk, made, count, options, self->queue);
    rd_kafka_AdminOptions_destroy(options);
    rd_kafka_NewTopic_destroy_array(made, count);
    rd_kafka_event_t *event = wait_for(self);
    if (!event)
        return AGAIN;
    enum outcome outcome = note_created(self, event, fault);
    rd_kafka_event_destroy(event);
    return outcome == DONE ? AGAIN : outcome; /* look at what there is now */
}

static enum outcome check_counts(const struct topics *self, struct byok_fault *fault)
{
    int32_t count = self->counts[BYOK_TOPIC_REQUESTS];
    for (int i = 0; i < BYOK_TOPIC_COUNT; i++) {
        if (!is_co_partitioned(i) || self->counts[i] == count)
            continue;
        (void)byok_fault_set(
            fault, BYOK_E_CONFIG,
            "The topic %s has %d partitions and %s has %d: a user's requests, "
            "keys and state must be in partitions of the same number. Recreate the one "
            "that is wrong with as many partitions as the other",
            self->names[BYOK_TOPIC_REQUESTS], (int)count, self->names[i], (int)self->counts[i]);
        return FAILED;
    }
    return DONE;
}

static const char *policy_of(const rd_kafka_ConfigResource_t *resource)
{
    size_t count = 0;
    const rd_kafka_ConfigEntry_t **entries = rd_kafka_ConfigResource_configs(resource, &count);
    for (size_t i = 0; i < count; i++) {
        if (strcmp(rd_kafka_ConfigEntry_name(entries[i]), "cleanup.policy") == 0)
            return rd_kafka_ConfigEntry_value(entries[i]);
    }
    return NULL;
}

static enum outcome check_policy(const rd_kafka_ConfigResource_t *resource,
                                 struct byok_fault *fault)
{
    const char *policy = policy_of(resource);
    if (!policy || strcmp(policy, "compact") == 0)
        return DONE; /* without an answer (no right to ask) it is the operator's word */
    (void)byok_fault_set(fault, BYOK_E_CONFIG,
                         "The topic %s has cleanup.policy=%s: sealed keys and state would be "
                         "deleted by age. Set its cleanup.policy to compact",
                         rd_kafka_ConfigResource_name(resource), policy);
    return FAILED;
}

static enum outcome check_policies(struct topics *self, struct byok_fault *fault)
{
    if (!self->has_controller)
        return DONE;
    rd_kafka_ConfigResource_t *asked[] = {
        rd_kafka_ConfigResource_new(RD_KAFKA_RESOURCE_TOPIC, self->names[BYOK_TOPIC_VAULT]),
        rd_kafka_ConfigResource_new(RD_KAFKA_RESOURCE_TOPIC, self->names[BYOK_TOPIC_STATE])};
    size_t count = sizeof asked / sizeof asked[0];
    rd_kafka_AdminOptions_t *options = admin_options(self, RD_KAFKA_ADMIN_OP_DESCRIBECONFIGS);
    rd_kafka_DescribeConfigs(self->rk, asked, count, options, self->queue);
    rd_kafka_AdminOptions_destroy(options);
    rd_kafka_ConfigResource_destroy_array(asked, count);
    rd_kafka_event_t *event = wait_for(self);
    if (!event)
        return AGAIN;
    enum outcome outcome = DONE;
    rd_kafka_resp_err_t err = rd_kafka_event_error(event);
    if (err && err != RD_KAFKA_RESP_ERR__UNSUPPORTED_FEATURE)
        outcome = AGAIN;
    const rd_kafka_ConfigResource_t **found = NULL;
    count = 0;
    if (!err)
        found = rd_kafka_DescribeConfigs_result_resources(
            rd_kafka_event_DescribeConfigs_result(event), &count);
    for (size_t i = 0; i < count && outcome == DONE; i++)
        outcome = check_policy(found[i], fault);
    rd_kafka_event_destroy(event);
    return outcome;
}

static int first_missing(const struct topics *self)
{
    int which = 0;
    while (which < BYOK_TOPIC_COUNT && self->counts[which] > 0)
        which++;
    return which;
}

/* The embedded broker answers all requests of a transaction, but keeps no position committed in
 * one, so every start would do everything again. */
static enum outcome check_transactions(struct topics *self, struct byok_fault *fault)
{
    if (!self->options->transactions || self->has_controller)
        return DONE;
    note_trouble(self, "it has no controller");
    if (++self->rounds_without < ROUNDS_WITHOUT_CONTROLLER)
        return AGAIN;
    (void)byok_fault_set(fault, BYOK_E_CONFIG,
                         "The broker at %s has no controller, as the embedded broker, which has no "
                         "transactions: set delivery to at_least_once",
                         self->options->kafka->brokers);
    return FAILED;
}

static enum outcome round_of(struct topics *self, struct byok_fault *fault)
{
    enum outcome outcome = describe(self, fault);
    if (outcome == DONE)
        outcome = check_transactions(self, fault);
    if (outcome != DONE)
        return outcome;
    int missing = first_missing(self);
    if (missing < BYOK_TOPIC_COUNT && !self->options->create) {
        (void)byok_fault_set(fault, BYOK_E_CONFIG,
                             "The topic %s does not exist: create it, or set "
                             "kafka.create_topics to true",
                             self->names[missing]);
        return FAILED;
    }
    if (missing < BYOK_TOPIC_COUNT)
        return create(self, fault);
    outcome = check_counts(self, fault);
    return outcome == DONE ? check_policies(self, fault) : outcome;
}

/* Between two rounds. */
static void rest(struct topics *self)
{
    if (self->trouble[0] && !self->told) {
        byok_log_event(self->options->log, BYOK_LOG_WARN, "waiting_for_broker",
                       BYOK_F_TEXT("brokers", self->options->kafka->brokers),
                       BYOK_F_TEXT("error", self->trouble));
        self->told = true;
    }
    for (int left = self->trouble[0] ? PAUSE_MS : CREATED_MS;
         left > 0 && !stopped(self) && !too_late(self); left -= POLL_MS) {
        rd_kafka_event_t *event = rd_kafka_queue_poll(self->main, POLL_MS);
        if (!event)
            continue;
        if (rd_kafka_event_type(event) == RD_KAFKA_EVENT_ERROR)
            note_trouble(self, rd_kafka_event_error_string(event));
        rd_kafka_event_destroy(event);
    }
}

static enum byok_err repeat(struct topics *self, struct byok_fault *fault)
{
    for (;;) {
        switch (round_of(self, fault)) {
        case DONE:
            return BYOK_E_OK;
        case FAILED:
            return fault ? fault->code : BYOK_E_CONFIG;
        case AGAIN:
            break;
        }
        if (first_missing(self) < BYOK_TOPIC_COUNT || self->trouble[0])
            rest(self);
        if (stopped(self))
            return byok_fault_set(fault, BYOK_E_SHUTDOWN, "Stopped while waiting for the broker");
        if (too_late(self))
            return byok_fault_set(fault, BYOK_E_BROKER, "No Kafka broker at %s: %s",
                                  self->options->kafka->brokers,
                                  self->trouble[0] ? self->trouble : "no answer in time");
    }
}

static void read_cluster(const struct topics *self)
{
    char *id = rd_kafka_clusterid(self->rk, CLUSTER_ID_MS);
    (void)snprintf(self->options->cluster, BYOK_REALM_MAX + 1, "%s", id ? id : "");
    if (id)
        rd_kafka_mem_free(self->rk, id);
}

/* A consumer, since a producer's questions create topics on brokers that allow it. */
static enum byok_err open_client(struct topics *self, struct byok_fault *fault)
{
    rd_kafka_conf_t *conf = byok_rdk_conf(self->options->kafka, BYOK_RDK_RESTORER, fault);
    if (!conf)
        return BYOK_E_CONFIG;
    char text[256];
    self->rk = rd_kafka_new(RD_KAFKA_CONSUMER, conf, text, sizeof text);
    if (!self->rk) {
        rd_kafka_conf_destroy(conf);
        return byok_fault_set(fault, BYOK_E_CONFIG, "librdkafka cannot start: %s", text);
    }
    (void)rd_kafka_set_log_queue(self->rk, NULL);
    self->queue = rd_kafka_queue_new(self->rk);
    self->main = rd_kafka_queue_get_main(self->rk);
    return BYOK_E_OK;
}

enum byok_err byok_topics_ensure(const struct byok_topics_options *options,
                                 struct byok_fault *fault)
{
    struct topics self = {.options = options};
    if (options->limit_us > 0)
        self.until_ns = uv_hrtime() + (uint64_t)options->limit_us * 1000;
    for (int i = 0; i < BYOK_TOPIC_COUNT; i++)
        (void)snprintf(self.names[i], sizeof self.names[i], "%s%s", options->kafka->topic_prefix,
                       byok_topic_suffix((enum byok_topic)i));
    enum byok_err err = open_client(&self, fault);
    if (err)
        return err;
    err = repeat(&self, fault);
    if (err == BYOK_E_OK && options->identity) {
        const char *changelogs[] = {self.names[BYOK_TOPIC_VAULT], self.names[BYOK_TOPIC_STATE]};
        byok_topics_identity(self.rk, changelogs, 2, options->identity);
    }
    if (err == BYOK_E_OK && options->cluster)
        read_cluster(&self);
    rd_kafka_queue_destroy(self.main);
    rd_kafka_queue_destroy(self.queue);
    rd_kafka_destroy_flags(self.rk, RD_KAFKA_DESTROY_F_NO_CONSUMER_CLOSE);
    return err;
}
