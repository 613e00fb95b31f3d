/* SPDX-License-Identifier: MIT */
/* tests/bench/bare_vectors.h - the answer to a call of many texts, as a result for each.
 *
 * Vectors come as base64 of little-endian float32, in the order of the texts.
 */
#ifndef BYOK_TESTS_BENCH_BARE_VECTORS_H
#define BYOK_TESTS_BENCH_BARE_VECTORS_H

#include <yyjson.h>

#include "base/arena.h"
#include "tests/bench/bare_record.h"

struct bare_vectors {
    yyjson_doc *doc;
    yyjson_arr_iter rows;
    struct byok_arena arena;
    int64_t tokens; /* of one text, when all share alike */
};

/** Read an answer that must hold `count` vectors; false: it does not, and there is nothing to
 *  release. */
bool bare_vectors_open(struct byok_str answer, size_t count, struct bare_vectors *vectors)
    BYOK_NONNULL(3) BYOK_MUST_USE;

/** Append the next vector's result record; false when it is none. */
bool bare_vectors_write(struct bare_vectors *vectors, const struct bare_job *job,
                        struct byok_buf *result) BYOK_NONNULL(1, 2, 3) BYOK_MUST_USE;

void bare_vectors_done(struct bare_vectors *vectors) BYOK_NONNULL(1);

#endif
