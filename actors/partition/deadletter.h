/* SPDX-License-Identifier: MIT */
/* actors/partition/deadletter.h - what could not be taken, on its way to the dlq topic.
 *
 * The dead letter is the record as it came (key, value, its content type, traceparent, and which
 * dead letter it is a replay of) with headers that say why and from where, named after the
 * convention of Kafka Connect.  Two kinds come without their value: one that is over the size
 * limit, and one that holds a raw key or may hold one, which must not be written to a second log.
 * The headers say where the original stands.
 */
#ifndef BYOK_ACTORS_PARTITION_DEADLETTER_H
#define BYOK_ACTORS_PARTITION_DEADLETTER_H

#include "actors/actor.h"

/** Send the record (as a task of no user) to the publisher as a dead letter.  `stage` is a literal
 *  such as "decode".  Takes *record; BYOK_E_NOMEM: it is still the caller's. */
BYOK_MUST_USE BYOK_NONNULL(1, 2, 3, 4)
enum byok_err byok_dead_letter(struct byok_ctx *ctx, struct byok_record **record, const char *stage,
                               const struct byok_fault *fault);

#endif
