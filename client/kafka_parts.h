/* SPDX-License-Identifier: MIT */
/* client/kafka_parts.h - what kafka.c, producer.c and reader.c share; private to this folder. */
#ifndef BYOK_CLIENT_KAFKA_PARTS_H
#define BYOK_CLIENT_KAFKA_PARTS_H

#include "client/kafka.h"

/** librdkafka's error as a fault: what happened to `what` (a topic) and what to do.
 *  Always BYOK_E_BROKER. */
enum byok_err byok_kafka_fault(struct byok_cli *cli, rd_kafka_resp_err_t why, const char *what,
                               struct byok_fault *fault) BYOK_NONNULL(1, 3, 4);

struct byok_kafka_sending {
    bool many; /* more than one record: idempotent */
    /* Called by rd_kafka_poll and rd_kafka_flush for each record, with `opaque`. */
    void (*on_delivery)(rd_kafka_t *handle, const rd_kafka_message_t *message, void *opaque);
    void *opaque;
};

/** A producer's handle with the command's settings.  Errors as of byok_kafka_open. */
BYOK_MUST_USE BYOK_NONNULL(1, 2, 3, 4)
enum byok_err byok_kafka_open_producer(struct byok_cli *cli,
                                       const struct byok_kafka_sending *sending, rd_kafka_t **out,
                                       struct byok_fault *fault);

/** The handle of a reader, for questions. */
rd_kafka_t *byok_reader_handle(struct byok_reader *reader) BYOK_NONNULL(1);

#endif
