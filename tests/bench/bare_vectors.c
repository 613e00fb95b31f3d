/* SPDX-License-Identifier: MIT */
/* tests/bench/bare_vectors.c - see tests/bench/bare_vectors.h. */
#include "tests/bench/bare_vectors.h"

#include <inttypes.h>

#include "schemas/codec.h"

bool bare_vectors_open(struct byok_str answer, size_t count, struct bare_vectors *vectors)
{
    *vectors = (struct bare_vectors){.doc = yyjson_read(answer.ptr, answer.len, 0)};
    yyjson_val *root = yyjson_doc_get_root(vectors->doc), *data = yyjson_obj_get(root, "data");
    if (count == 0 || yyjson_arr_size(data) != count ||
        !yyjson_arr_iter_init(data, &vectors->rows)) {
        yyjson_doc_free(vectors->doc);
        return false;
    }
    byok_arena_init(&vectors->arena, 0);
    vectors->tokens =
        yyjson_get_sint(yyjson_obj_get(yyjson_obj_get(root, "usage"), "prompt_tokens")) /
        (int64_t)count;
    return true;
}

bool bare_vectors_write(struct bare_vectors *vectors, const struct bare_job *job,
                        struct byok_buf *result)
{
    yyjson_val *text = yyjson_obj_get(yyjson_arr_iter_next(&vectors->rows), "embedding");
    struct byok_str base64 = {yyjson_get_str(text), yyjson_get_len(text)}, bytes;
    byok_arena_done(&vectors->arena); /* of the vector before */
    if (!base64.ptr || !byok_base64_decode(&vectors->arena, base64, &bytes))
        return false;
    /* aligned: the arena's; and the machine's own order of bytes, as byokd's hosts have it */
    struct byok_value floats = {.type = BYOK_VALUE_FLOATS,
                                .count = (uint32_t)(bytes.len / sizeof(float)),
                                .as.floats = (const float *)(const void *)bytes.ptr};
    bare_add_head(job, "embeddings", "ok", result);
    byok_buf_printf(result, ",\"output\":{\"embeddings\":[");
    if (byok_encode(BYOK_JSON, &floats, result) != BYOK_E_OK)
        return false;
    byok_buf_printf(result, "]},\"usage\":{\"input_tokens\":%" PRId64 "}", vectors->tokens);
    bare_add_tail(job, 200, result);
    return !byok_buf_failed(result);
}

void bare_vectors_done(struct bare_vectors *vectors)
{
    byok_arena_done(&vectors->arena);
    yyjson_doc_free(vectors->doc);
}
