/* SPDX-License-Identifier: MIT */
/* adapters/openai_embeddings.c - POST /embeddings: texts out, vectors back.
 *
 * Vectors are asked for as base64 of little-endian float32, a quarter of their size as decimals;
 * a service that does not know that answers with arrays of numbers, which are taken too.
 */
#include <math.h>
#include <string.h>

#include "adapters/kit_embeddings.h"
#include "adapters/openai_parts.h"
#include "schemas/codec.h"

static const char *const known[] = {"input", "dimensions", NULL};

enum byok_err byok_openai_build_embeddings(const struct byok_adapter_call *call,
                                           struct byok_http_request *out, struct byok_fault *fault)
{
    struct byok_value body = byok_value_map();
    const struct byok_value *input = byok_kit_member(call, "input");
    const struct byok_value *dimensions = byok_kit_member(call, "dimensions");
    enum byok_err err = byok_kit_check_members(call, known, fault);
    if (err == BYOK_E_OK)
        err = byok_embeddings_check_inputs(call, BYOK_OPENAI_INPUTS_MAX, fault);
    if (err != BYOK_E_OK)
        return err;
    byok_value_set_str(call->arena, &body, "model", call->model);
    byok_value_set(call->arena, &body, "input", *input);
    if (byok_embeddings_are_floats(call))
        byok_value_set(call->arena, &body, "encoding_format", byok_value_text("base64"));
    if (dimensions)
        byok_value_set(call->arena, &body, "dimensions", *dimensions);
    return byok_openai_post(call, "/embeddings", &body, out, fault);
}

/* ---- the answer ---- */

static float float_of(const char *bytes)
{
    const unsigned char *b = (const unsigned char *)bytes;
    uint32_t bits =
        (uint32_t)b[0] | (uint32_t)b[1] << 8 | (uint32_t)b[2] << 16 | (uint32_t)b[3] << 24;
    float f;
    memcpy(&f, &bits, sizeof f);
    return f;
}

static bool read_base64(const struct byok_adapter_call *call, struct byok_str text,
                        struct byok_value *out)
{
    struct byok_str bytes;
    if (!byok_base64_decode(call->arena, text, &bytes) || bytes.len % sizeof(float) != 0)
        return false;
    const size_t count = bytes.len / sizeof(float);
    float *floats = byok_arena_alloc(call->arena, count * sizeof *floats);
    if (!floats || count > UINT32_MAX)
        return false;
    for (size_t i = 0; i < count; i++) {
        floats[i] = float_of(bytes.ptr + i * sizeof *floats);
        if (!isfinite(floats[i]))
            return false;
    }
    *out = byok_value_floats(floats, (uint32_t)count);
    return true;
}

static bool read_vector(const struct byok_adapter_call *call, const struct byok_value *from,
                        struct byok_value *out)
{
    if (byok_value_is(from, BYOK_VALUE_STRING))
        return read_base64(call, from->as.str, out) && out->count > 0;
    return byok_kit_read_vector(call, from, out);
}

/* The vectors by their index into `items`, which holds one slot for each input.  What is wrong, or
 * NULL. */
static const char *read_data(const struct byok_adapter_call *call, const struct byok_value *data,
                             struct byok_value *items)
{
    for (uint32_t i = 0; i < data->count; i++) {
        const struct byok_value *row = &data->as.items[i];
        int64_t index = i; /* where it stands, when the service gives no index */
        (void)byok_value_as_int(byok_value_find(row, "index"), &index);
        if (index < 0 || index >= data->count || items[index].type != BYOK_VALUE_NULL)
            return "an index that is none or occurs twice";
        if (!read_vector(call, byok_value_find(row, "embedding"), &items[index]))
            return "an embedding that is no vector";
    }
    for (uint32_t i = 1; i < data->count; i++) {
        if (items[i].count != items[0].count)
            return "embeddings of different length";
    }
    return NULL;
}

enum byok_err byok_openai_parse_embeddings(const struct byok_adapter_call *call,
                                           const struct byok_http_response *response,
                                           struct byok_answer *out, struct byok_fault *fault)
{
    struct byok_value root;
    enum byok_err err = byok_openai_read(call, response, &root, out, fault);
    if (err != BYOK_E_OK)
        return err;
    const struct byok_value *data = byok_value_find(&root, "data");
    if (!byok_value_is(data, BYOK_VALUE_ARRAY) || data->count != byok_embeddings_inputs(call))
        return byok_embeddings_refuse(call, fault, "not as many embeddings as there were inputs");
    struct byok_value list = byok_value_array();
    list.as.items = byok_arena_alloc(call->arena, data->count * sizeof(struct byok_value));
    list.count = list.room = data->count;
    const char *wrong = list.as.items ? read_data(call, data, list.as.items) : "no room";
    if (wrong)
        return byok_embeddings_refuse(call, fault, wrong);
    const int64_t wanted =
        byok_embeddings_are_floats(call) ? byok_embeddings_wanted(call, "dimensions") : 0;
    if (wanted > 0 && list.as.items[0].count != wanted)
        return byok_embeddings_refuse(call, fault,
                                      "embeddings of another length than \"dimensions\" asked for");
    byok_value_set(call->arena, &out->output, "embeddings", list);
    return byok_kit_check_memory(call, fault);
}
