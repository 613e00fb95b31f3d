/* SPDX-License-Identifier: MIT */
/* client/topics.h - how the topics are on the broker, for `byok doctor`. */
#ifndef BYOK_CLIENT_TOPICS_H
#define BYOK_CLIENT_TOPICS_H

#include "client/kafka.h"

struct byok_topic_state {
    int32_t partitions; /* 0: there is no such topic */
    char policy[32];    /* cleanup.policy; empty: the broker does not say */
};

/** Whether it must be compacted. */
bool byok_topic_is_changelog(enum byok_topic topic);

/** Whether it must have as many partitions as the requests. */
bool byok_topic_is_copartitioned(enum byok_topic topic);

/** Look at all topics.  BYOK_E_BROKER: no broker answers; BYOK_E_CONFIG. */
BYOK_MUST_USE BYOK_NONNULL(1, 3, 4)
enum byok_err byok_topics_look(struct byok_cli *cli,
                               struct byok_topic_state out[static BYOK_TOPIC_COUNT],
                               int *broker_count, struct byok_fault *fault);

#endif
