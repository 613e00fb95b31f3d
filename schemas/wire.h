/* SPDX-License-Identifier: MIT */
/* schemas/wire.h - names on the wire: topics, record headers, and the partition of a user. */
#ifndef BYOK_SCHEMAS_WIRE_H
#define BYOK_SCHEMAS_WIRE_H

#include <stdint.h>

#include "base/str.h"

/* Topics; the name on the broker is the configured prefix (default "byok.") and this. */
enum byok_topic {
    BYOK_TOPIC_REQUESTS,
    BYOK_TOPIC_RESULTS,
    BYOK_TOPIC_STREAMS,
    BYOK_TOPIC_USAGE,
    BYOK_TOPIC_VAULT,
    BYOK_TOPIC_STATE,
    BYOK_TOPIC_DLQ,
    BYOK_TOPIC_AUDIT,
    BYOK_TOPIC_COUNT
};

/** "requests", "results", …; static. */
const char *byok_topic_suffix(enum byok_topic topic);

/* Record headers. */
#define BYOK_HEADER_CONTENT_TYPE "content-type"
#define BYOK_HEADER_REQUEST_ID "byok-request-id"
#define BYOK_HEADER_TRACEPARENT "traceparent"
/* A dead letter that was put onto the requests again: its PARTITION:OFFSET in the dlq. */
#define BYOK_HEADER_REPLAYED_FROM "byok-replayed-from"
/* Dead letters: why and from where, after the convention of Kafka Connect's
 * __connect.errors.* headers, in our own name space. */
#define BYOK_ERROR_HEADERS "__byok.errors."
#define BYOK_HEADER_ERROR_CODE "__byok.errors.code"
#define BYOK_HEADER_ERROR_MESSAGE "__byok.errors.message"
#define BYOK_HEADER_ERROR_TOPIC "__byok.errors.topic"
#define BYOK_HEADER_ERROR_PARTITION "__byok.errors.partition"
#define BYOK_HEADER_ERROR_OFFSET "__byok.errors.offset"
#define BYOK_HEADER_ERROR_TIMESTAMP "__byok.errors.timestamp"
#define BYOK_HEADER_ERROR_STAGE "__byok.errors.stage"

/** murmur2 as Kafka's Java client computes it (seed 0x9747b28c).
 *  Source: org.apache.kafka.common.utils.Utils.murmur2. */
uint32_t byok_murmur2(struct byok_str bytes);

/** The canonical partition of a user: (murmur2 & 0x7fffffff) % partitions, as the Java client's
 *  default partitioner and librdkafka's "murmur2" do. `partitions` > 0. */
int32_t byok_partition_of(struct byok_str user, int32_t partitions);

#endif
