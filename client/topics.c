/* SPDX-License-Identifier: MIT */
/* client/topics.c - see client/topics.h. */
#include "client/topics.h"

#include <string.h>

#include "client/kafka_parts.h"

/* Apache Kafka answers at once; the embedded broker cannot answer and is not waited for long. */
#define POLICY_MS_MAX 3000

static int policy_ms(const struct byok_cli *cli)
{
    int ms = byok_broker_timeout_ms(cli);
    return ms < POLICY_MS_MAX ? ms : POLICY_MS_MAX;
}

bool byok_topic_is_changelog(enum byok_topic topic)
{
    return topic == BYOK_TOPIC_VAULT || topic == BYOK_TOPIC_STATE;
}

bool byok_topic_is_copartitioned(enum byok_topic topic)
{
    return topic == BYOK_TOPIC_REQUESTS || topic == BYOK_TOPIC_AUDIT ||
           byok_topic_is_changelog(topic);
}

/* Of all topics at once, because a question for one by name could create it. */
static enum byok_err look_at_partitions(struct byok_cli *cli, rd_kafka_t *handle,
                                        struct byok_topic_state *out, int *broker_count,
                                        struct byok_fault *fault)
{
    const struct rd_kafka_metadata *all = NULL;
    rd_kafka_resp_err_t why = rd_kafka_metadata(handle, 1, NULL, &all, byok_broker_timeout_ms(cli));
    if (why)
        return byok_kafka_fault(cli, why, "the list of topics", fault);
    *broker_count = all->broker_cnt;
    for (int i = 0; i < all->topic_cnt; i++) {
        for (int t = 0; t < BYOK_TOPIC_COUNT; t++) {
            const char *name = byok_topic_name(cli, (enum byok_topic)t);
            if (!all->topics[i].err && strcmp(all->topics[i].topic, name) == 0)
                out[t].partitions = all->topics[i].partition_cnt;
        }
    }
    rd_kafka_metadata_destroy(all);
    return BYOK_E_OK;
}

static void note_policy(struct byok_cli *cli, const rd_kafka_ConfigResource_t *resource,
                        struct byok_topic_state *out)
{
    size_t count = 0;
    const rd_kafka_ConfigEntry_t **entries = rd_kafka_ConfigResource_configs(resource, &count);
    for (size_t i = 0; i < count; i++) {
        const char *value = rd_kafka_ConfigEntry_value(entries[i]);
        if (!value || strcmp(rd_kafka_ConfigEntry_name(entries[i]), "cleanup.policy") != 0)
            continue;
        for (int t = 0; t < BYOK_TOPIC_COUNT; t++) {
            if (strcmp(rd_kafka_ConfigResource_name(resource),
                       byok_topic_name(cli, (enum byok_topic)t)) == 0)
                snprintf(out[t].policy, sizeof out[t].policy, "%s", value);
        }
    }
}

static void take_policies(struct byok_cli *cli, rd_kafka_queue_t *queue,
                          struct byok_topic_state *out)
{
    rd_kafka_event_t *event = rd_kafka_queue_poll(queue, policy_ms(cli) + 200);
    if (!event)
        return;
    const rd_kafka_DescribeConfigs_result_t *result = rd_kafka_event_DescribeConfigs_result(event);
    size_t count = 0;
    const rd_kafka_ConfigResource_t **resources =
        result && !rd_kafka_event_error(event)
            ? rd_kafka_DescribeConfigs_result_resources(result, &count)
            : NULL;
    for (size_t i = 0; i < count; i++)
        note_policy(cli, resources[i], out);
    rd_kafka_event_destroy(event);
}

/* What cannot be learnt (no right to, or a broker without it) stays empty. */
static void look_at_policies(struct byok_cli *cli, rd_kafka_t *handle, struct byok_topic_state *out)
{
    rd_kafka_ConfigResource_t *asked[BYOK_TOPIC_COUNT];
    size_t count = 0;
    for (int t = 0; t < BYOK_TOPIC_COUNT; t++) {
        if (out[t].partitions > 0)
            asked[count++] = rd_kafka_ConfigResource_new(RD_KAFKA_RESOURCE_TOPIC,
                                                         byok_topic_name(cli, (enum byok_topic)t));
    }
    if (count == 0)
        return;
    rd_kafka_queue_t *queue = rd_kafka_queue_new(handle);
    rd_kafka_AdminOptions_t *options =
        rd_kafka_AdminOptions_new(handle, RD_KAFKA_ADMIN_OP_DESCRIBECONFIGS);
    char why[128];
    rd_kafka_AdminOptions_set_request_timeout(options, policy_ms(cli), why, sizeof why);
    rd_kafka_DescribeConfigs(handle, asked, count, options, queue);
    take_policies(cli, queue, out);
    rd_kafka_AdminOptions_destroy(options);
    rd_kafka_queue_destroy(queue);
    rd_kafka_ConfigResource_destroy_array(asked, count);
}

enum byok_err byok_topics_look(struct byok_cli *cli,
                               struct byok_topic_state out[static BYOK_TOPIC_COUNT],
                               int *broker_count, struct byok_fault *fault)
{
    rd_kafka_t *handle;
    memset(out, 0, BYOK_TOPIC_COUNT * sizeof *out);
    enum byok_err err = byok_kafka_open(cli, &handle, fault);
    if (err != BYOK_E_OK)
        return err;
    err = look_at_partitions(cli, handle, out, broker_count, fault);
    if (err == BYOK_E_OK)
        look_at_policies(cli, handle, out);
    rd_kafka_destroy(handle);
    return err;
}
