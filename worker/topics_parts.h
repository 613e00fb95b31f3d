/* SPDX-License-Identifier: MIT */
/* worker/topics_parts.h - what the files of worker/topics share. */
#ifndef BYOK_WORKER_TOPICS_PARTS_H
#define BYOK_WORKER_TOPICS_PARTS_H

#include <librdkafka/rdkafka.h>

#include "worker/topics.h"

#define BYOK_TOPICS_IDENTITY_MS 10000

/** The ids of these topics, "" when the broker gives none (the embedded one) or none in time.
 *  Blocks for at most BYOK_TOPICS_IDENTITY_MS. */
void byok_topics_identity(rd_kafka_t *rk, const char **names, size_t count,
                          char out[static BYOK_TOPICS_IDENTITY_BYTES]) BYOK_NONNULL(1, 2);

#endif
