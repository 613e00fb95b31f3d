/* SPDX-License-Identifier: MIT */
/* schemas/wire.c - topic names and Kafka's murmur2. */
#include "schemas/wire.h"

#include <assert.h>
#include <stddef.h>

static const char *const suffixes[BYOK_TOPIC_COUNT] = {
    [BYOK_TOPIC_REQUESTS] = "requests", [BYOK_TOPIC_RESULTS] = "results",
    [BYOK_TOPIC_STREAMS] = "streams",   [BYOK_TOPIC_USAGE] = "usage",
    [BYOK_TOPIC_VAULT] = "vault",       [BYOK_TOPIC_STATE] = "state",
    [BYOK_TOPIC_DLQ] = "dlq",           [BYOK_TOPIC_AUDIT] = "audit",
};

const char *byok_topic_suffix(enum byok_topic topic)
{
    assert(topic < BYOK_TOPIC_COUNT);
    return suffixes[topic];
}

static uint32_t byte_at(struct byok_str bytes, size_t i)
{
    return (uint32_t)(unsigned char)bytes.ptr[i];
}

uint32_t byok_murmur2(struct byok_str bytes)
{
    const uint32_t m = 0x5bd1e995u;
    uint32_t h = 0x9747b28cu ^ (uint32_t)bytes.len;
    size_t i = 0;
    for (; i + 4 <= bytes.len; i += 4) {
        uint32_t k = byte_at(bytes, i) | byte_at(bytes, i + 1) << 8 | byte_at(bytes, i + 2) << 16 |
                     byte_at(bytes, i + 3) << 24;
        k *= m;
        k ^= k >> 24;
        k *= m;
        h *= m;
        h ^= k;
    }
    if (i < bytes.len) {
        for (size_t tail = bytes.len; tail > i; tail--)
            h ^= byte_at(bytes, tail - 1) << (8 * (tail - 1 - i));
        h *= m;
    }
    h ^= h >> 13;
    h *= m;
    h ^= h >> 15;
    return h;
}

int32_t byok_partition_of(struct byok_str user, int32_t partitions)
{
    assert(partitions > 0);
    /* the mask, not abs(): abs(INT_MIN) is negative, which is why the Java client masks too */
    return (int32_t)((byok_murmur2(user) & 0x7fffffffu) % (uint32_t)partitions);
}
