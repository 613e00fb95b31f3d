/* SPDX-License-Identifier: MIT */
/* client/kafka_parts.h - what kafka.c and reader.c share; private to this folder. */
#ifndef BYOK_CLIENT_KAFKA_PARTS_H
#define BYOK_CLIENT_KAFKA_PARTS_H

#include "client/kafka.h"

/** librdkafka's error as a fault: what happened to `what` (a topic) and what to do.
 *  Always BYOK_E_BROKER. */
enum byok_err byok_kafka_fault(struct byok_cli *cli, rd_kafka_resp_err_t why, const char *what,
                               struct byok_fault *fault) BYOK_NONNULL(1, 3, 4);

/** The handle of a reader, for questions. */
rd_kafka_t *byok_reader_handle(struct byok_reader *reader) BYOK_NONNULL(1);

#endif
