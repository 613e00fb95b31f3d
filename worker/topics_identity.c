/* SPDX-License-Identifier: MIT */
/* worker/topics_identity.c - which changelogs these are: a topic that was made anew, or one of the
 * same name in another cluster, has another id (KIP-516). */
#include <stdio.h>
#include <string.h>

#include "worker/topics_parts.h"

/* The ids of all topics of the answer, in its order, which is the names'. */
static bool read_ids(rd_kafka_event_t *event, char out[static BYOK_TOPICS_IDENTITY_BYTES])
{
    size_t count = 0;
    int used = 0;
    const rd_kafka_TopicDescription_t **topics =
        rd_kafka_DescribeTopics_result_topics(rd_kafka_event_DescribeTopics_result(event), &count);
    for (size_t i = 0; i < count; i++) {
        const rd_kafka_Uuid_t *id = rd_kafka_TopicDescription_topic_id(topics[i]);
        bool failed = rd_kafka_error_code(rd_kafka_TopicDescription_error(topics[i])) != 0;
        if (failed || !id ||
            (rd_kafka_Uuid_most_significant_bits(id) == 0 &&
             rd_kafka_Uuid_least_significant_bits(id) == 0))
            return false;
        used += snprintf(out + used, BYOK_TOPICS_IDENTITY_BYTES - (size_t)used, "%s%s",
                         i > 0 ? " " : "", rd_kafka_Uuid_base64str(id));
        if ((size_t)used >= BYOK_TOPICS_IDENTITY_BYTES)
            return false;
    }
    return count > 0;
}

void byok_topics_identity(rd_kafka_t *rk, const char **names, size_t count,
                          char out[static BYOK_TOPICS_IDENTITY_BYTES])
{
    char text[256];
    rd_kafka_queue_t *queue = rd_kafka_queue_new(rk);
    rd_kafka_AdminOptions_t *options =
        rd_kafka_AdminOptions_new(rk, RD_KAFKA_ADMIN_OP_DESCRIBETOPICS);
    (void)rd_kafka_AdminOptions_set_request_timeout(options, BYOK_TOPICS_IDENTITY_MS, text,
                                                    sizeof text);
    rd_kafka_TopicCollection_t *topics = rd_kafka_TopicCollection_of_topic_names(names, count);
    rd_kafka_DescribeTopics(rk, topics, options, queue);
    rd_kafka_event_t *event = rd_kafka_queue_poll(queue, BYOK_TOPICS_IDENTITY_MS);
    if (!event || rd_kafka_event_error(event) || !read_ids(event, out))
        out[0] = '\0';
    if (event)
        rd_kafka_event_destroy(event);
    rd_kafka_TopicCollection_destroy(topics);
    rd_kafka_AdminOptions_destroy(options);
    rd_kafka_queue_destroy(queue);
}
