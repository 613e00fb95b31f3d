/* SPDX-License-Identifier: MIT */
/* client/kafka.h - the client's side of Kafka: one producer, and readers of partitions.
 *
 * A reader belongs to no group and commits nothing: it reads the partitions it was opened for from
 * where it was told, committed records only.  Thread: the caller's; librdkafka has its own.
 */
#ifndef BYOK_CLIENT_KAFKA_H
#define BYOK_CLIENT_KAFKA_H

#include <stdint.h>

#include <librdkafka/rdkafka.h>

#include "base/err.h"
#include "base/str.h"
#include "client/cli.h"
#include "schemas/codec.h"
#include "schemas/wire.h"

/** The topic's name with the configured prefix, in the command's arena. */
const char *byok_topic_name(struct byok_cli *cli, enum byok_topic topic) BYOK_NONNULL(1);

/** A consumer's handle with the command's settings; for readers, questions and administration.
 *  BYOK_E_CONFIG: librdkafka refuses a setting; the text names it, not its value.  BYOK_E_NOMEM. */
BYOK_MUST_USE BYOK_NONNULL(1, 2, 3)
enum byok_err byok_kafka_open(struct byok_cli *cli, rd_kafka_t **out, struct byok_fault *fault);

/** How many partitions a topic has.  Does not create it.
 *  BYOK_E_BROKER: no answer (the text says why and what to do), or no such topic. */
BYOK_MUST_USE BYOK_NONNULL(1, 2, 3, 4, 5)
enum byok_err byok_kafka_partitions(struct byok_cli *cli, rd_kafka_t *handle, const char *topic,
                                    int32_t *out, struct byok_fault *fault);

/** How long one question to a broker may take: the timeout, at most 10 s. */
int byok_broker_timeout_ms(const struct byok_cli *cli) BYOK_NONNULL(1);

/* ---- sending ---- */

struct byok_producer;
struct byok_reader;
struct byok_record;

/** A producer of the requests topic.  `asker`: a reader whose connection is used for the question
 *  how many partitions there are, which saves a connection; may be NULL.  `many`: more than one
 *  record will be sent, so they are kept in order and unrepeated (an idempotent producer, whose
 *  start takes half a second longer).  Errors as above. */
BYOK_MUST_USE BYOK_NONNULL(1, 4, 5)
enum byok_err byok_producer_new(struct byok_cli *cli, struct byok_reader *asker, bool many,
                                struct byok_producer **out, struct byok_fault *fault);

/** Wait for nothing, release. NULL is fine. */
void byok_producer_free(struct byok_producer *producer);

/** Put a request of `user` (the record key) on its canonical partition.  The bytes are copied.
 *  While the queue is full it waits for room, at most the command's timeout.
 *  BYOK_E_BROKER; BYOK_E_TOO_LARGE. */
BYOK_MUST_USE BYOK_NONNULL(1, 5)
enum byok_err byok_producer_send(struct byok_producer *producer, struct byok_str user,
                                 enum byok_format format, struct byok_str bytes,
                                 struct byok_fault *fault);

/** Put a dead letter onto the requests again: key, value and headers as they are, but for our own
 *  on errors and replays, and with its place in the dlq (BYOK_HEADER_REPLAYED_FROM).  Waits and
 *  fails as byok_producer_send. */
BYOK_MUST_USE BYOK_NONNULL(1, 2, 3)
enum byok_err byok_producer_replay(struct byok_producer *producer, const struct byok_record *record,
                                   struct byok_fault *fault);

/** Handle what has been acknowledged, without waiting. */
void byok_producer_poll(struct byok_producer *producer) BYOK_NONNULL(1);

/** Wait until all is acknowledged.  BYOK_E_BROKER: `fault` says how many records failed and the
 *  first reason. */
BYOK_MUST_USE BYOK_NONNULL(1, 2)
enum byok_err byok_producer_flush(struct byok_producer *producer, struct byok_fault *fault);

/* ---- reading ---- */

enum byok_from { BYOK_FROM_END, BYOK_FROM_BEGINNING, BYOK_FROM_TIME, BYOK_FROM_OFFSET };

struct byok_start {
    enum byok_from from;
    int64_t wall_ms; /* FROM_TIME */
    int32_t partition; /* FROM_OFFSET: the only one that is read */
    int64_t offset;
};

/* One record, borrowed from the reader until the next byok_reader_next. */
struct byok_record {
    struct byok_str key, value;
    int32_t partition;
    int64_t offset;
    int64_t timestamp_wall_ms; /* -1: none */
    const rd_kafka_message_t *message;
};

enum byok_read {
    BYOK_READ_RECORD,
    BYOK_READ_NOTHING, /* the wait is over */
    BYOK_READ_END,     /* every partition was read to its end; new records may still come */
    BYOK_READ_FAILED   /* see the fault; another try may succeed */
};

/** Open one partition of a topic, that of `user` or of the start, or all when `user` is empty.  When
 *  this returns the start is fixed: nothing written later is missed.  Errors as of
 *  byok_kafka_partitions; BYOK_E_BAD_REQUEST: there is no such partition.  From an offset that is
 *  gone or not yet there it reads from the first record on. */
BYOK_MUST_USE BYOK_NONNULL(1, 5, 6)
enum byok_err byok_reader_new(struct byok_cli *cli, enum byok_topic topic, struct byok_str user,
                              struct byok_start start, struct byok_reader **out,
                              struct byok_fault *fault);

/** NULL is fine. */
void byok_reader_free(struct byok_reader *reader);

/** The next record; waits at most that long. */
BYOK_MUST_USE BYOK_NONNULL(1, 3, 4)
enum byok_read byok_reader_next(struct byok_reader *reader, int wait_ms, struct byok_record *out,
                                struct byok_fault *fault);

/** The value of a record's header, the last of that name; empty: none. */
struct byok_str byok_record_header(const struct byok_record *record, const char *name)
    BYOK_NONNULL(1, 2);

/** A record's headers one by one, from index 0 on; false: there are no more. */
bool byok_record_header_at(const struct byok_record *record, size_t index, const char **name,
                           struct byok_str *value) BYOK_NONNULL(1, 3, 4);

#endif
