/* SPDX-License-Identifier: MIT */
/* tests/bench/bare_record.h - the bytes of the bare loop: request record, HTTP body, result record.
 *
 * Only what the measurement needs of the schema: id, user, model and the text of a chat or of an
 * embedding job.
 */
#ifndef BYOK_TESTS_BENCH_BARE_RECORD_H
#define BYOK_TESTS_BENCH_BARE_RECORD_H

#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/str.h"

#define BARE_ID_BYTES 129
#define BARE_USER_BYTES 257
#define BARE_MODEL_BYTES 65

/** What the result needs of its request. */
struct bare_job {
    char id[BARE_ID_BYTES];
    char user[BARE_USER_BYTES];
    char model[BARE_MODEL_BYTES];
    int64_t started_wall_ms;
    int32_t partition; /* of its request; the caller's to set */
};

/** Read a JSON or msgpack record (told apart by its first byte) into `job`, and append the chat
 *  request's body to `body`. False when the record holds no text to ask with. */
bool bare_read_record(struct byok_str record, struct bare_job *job, struct byok_buf *body)
    BYOK_NONNULL(2, 3) BYOK_MUST_USE;

/** Append the text of an embedding job to the body of a call for several: an empty one is begun.
 *  False when the record holds no text, or there was no memory. */
bool bare_add_text(struct byok_str record, struct bare_job *job, struct byok_buf *body)
    BYOK_NONNULL(2, 3) BYOK_MUST_USE;

/** End a body that bare_add_text began. */
void bare_end_texts(struct byok_buf *body) BYOK_NONNULL(1);

/** Append a result record's first members, and its last with the end. */
void bare_add_head(const struct bare_job *job, const char *capability, const char *status,
                   struct byok_buf *result) BYOK_NONNULL(1, 2, 3, 4);
void bare_add_tail(const struct bare_job *job, unsigned http_status, struct byok_buf *result)
    BYOK_NONNULL(1, 3);

/** Append the result record; false when the answer could not be read (a result that says so was
 *  appended). */
bool bare_write_result(const struct bare_job *job, unsigned http_status, struct byok_str answer,
                       struct byok_buf *result) BYOK_NONNULL(1, 4);

#endif
