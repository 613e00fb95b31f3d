/* SPDX-License-Identifier: MIT */
/* adapters/cohere_embeddings.c - POST /v2/embed: texts out, vectors back.
 *
 * Vectors are asked for as numbers: Cohere documents its base64 form without saying which floats it
 * holds, and a vector that is read wrongly is worse than a long answer.
 */
#include "adapters/cohere_parts.h"
#include "adapters/kit_embeddings.h"

static const char *const known[] = {"input", "dimensions", "input_type", NULL};

/* Models from version 3 on must be told; what is stored is the usual case. */
static enum byok_err put_input_type(const struct byok_adapter_call *call, struct byok_value *body,
                                    struct byok_fault *fault)
{
    static const struct {
        const char *word, *cohere;
    } types[] = {
        {"", "search_document"},
        {"document", "search_document"},
        {"search_document", "search_document"},
        {"query", "search_query"},
        {"search_query", "search_query"},
        {"classification", "classification"},
        {"clustering", "clustering"},
    };
    struct byok_str word = byok_value_as_str(byok_kit_member(call, "input_type"));
    for (size_t i = 0; i < sizeof types / sizeof types[0]; i++) {
        if (byok_str_is(word, types[i].word)) {
            byok_value_set(call->arena, body, "input_type", byok_value_text(types[i].cohere));
            return BYOK_E_OK;
        }
    }
    return byok_fault_set(fault, BYOK_E_UNSUPPORTED,
                          "member \"input_type\": Cohere knows \"document\", \"query\", "
                          "\"classification\" and \"clustering\"");
}

static struct byok_value list_of(const struct byok_adapter_call *call,
                                 const struct byok_value *input)
{
    struct byok_value list = byok_value_array();
    if (input->type == BYOK_VALUE_ARRAY)
        return *input;
    byok_value_push(call->arena, &list, *input);
    return list;
}

enum byok_err byok_cohere_build_embeddings(const struct byok_adapter_call *call,
                                           struct byok_http_request *out, struct byok_fault *fault)
{
    struct byok_value body = byok_value_map(), types = byok_value_array();
    const struct byok_value *input = byok_kit_member(call, "input");
    const struct byok_value *dimensions = byok_kit_member(call, "dimensions");
    enum byok_err err = byok_kit_check_members(call, known, fault);
    if (err == BYOK_E_OK)
        err = byok_embeddings_check_option(call, "output_dimension", fault);
    if (err == BYOK_E_OK)
        err = put_input_type(call, &body, fault);
    if (err == BYOK_E_OK)
        err = byok_embeddings_check_inputs(call, BYOK_COHERE_INPUTS_MAX, fault);
    if (err != BYOK_E_OK)
        return err;
    byok_value_set_str(call->arena, &body, "model", call->model);
    byok_value_set(call->arena, &body, "texts", list_of(call, input));
    byok_value_push(call->arena, &types, byok_value_text("float"));
    byok_value_set(call->arena, &body, "embedding_types", types);
    if (dimensions)
        byok_value_set(call->arena, &body, "output_dimension", *dimensions);
    byok_kit_put_options(call, &body);
    byok_kit_begin(call, "POST", "/v2/embed", NULL, out);
    return byok_kit_end_json(call, &body, out, fault);
}

/* ---- the answer ---- */

/* Of the types that were asked for the first: a job gives one vector for each text.  Version 1 of the
 * interface has the list itself. */
static const struct byok_value *vectors_of(const struct byok_value *root)
{
    static const char *const types[] = {"float", "int8", "uint8", "binary", "ubinary"};
    const struct byok_value *embeddings = byok_value_find(root, "embeddings");
    if (byok_value_is(embeddings, BYOK_VALUE_ARRAY))
        return embeddings;
    for (size_t i = 0; i < sizeof types / sizeof types[0]; i++) {
        const struct byok_value *list = byok_value_find(embeddings, types[i]);
        if (byok_value_is(list, BYOK_VALUE_ARRAY))
            return list;
    }
    return NULL;
}

/* What is wrong, or NULL. */
static const char *read_vectors(const struct byok_adapter_call *call,
                                const struct byok_value *floats, struct byok_value *list)
{
    for (uint32_t i = 0; i < floats->count; i++) {
        struct byok_value vector;
        if (!byok_kit_read_vector(call, &floats->as.items[i], &vector))
            return "an embedding that is no vector";
        if (i > 0 && vector.count != list->as.items[0].count)
            return "embeddings of different length";
        byok_value_push(call->arena, list, vector);
        if (byok_arena_failed(call->arena))
            return "more than there is memory for";
    }
    return NULL;
}

enum byok_err byok_cohere_parse_embeddings(const struct byok_adapter_call *call,
                                           const struct byok_http_response *response,
                                           struct byok_answer *out, struct byok_fault *fault)
{
    struct byok_value root, list = byok_value_array();
    enum byok_err err = byok_cohere_read(call, response, &root, out, fault);
    if (err != BYOK_E_OK)
        return err;
    out->usage.input_tokens = byok_kit_count(&root, "meta.billed_units.input_tokens");
    const struct byok_value *floats = vectors_of(&root);
    if (!byok_value_is(floats, BYOK_VALUE_ARRAY) || floats->count != byok_embeddings_inputs(call))
        return byok_embeddings_refuse(call, fault, "not as many embeddings as there were inputs");
    const char *wrong = read_vectors(call, floats, &list);
    if (wrong)
        return byok_embeddings_refuse(call, fault, wrong);
    const int64_t wanted = byok_value_find(call->request->provider_options, "embedding_types")
                               ? 0 /* eight of a binary vector are one number */
                               : byok_embeddings_wanted(call, "output_dimension");
    if (wanted > 0 && list.as.items[0].count != wanted)
        return byok_embeddings_refuse(call, fault,
                                      "embeddings of another length than \"dimensions\" asked for");
    byok_value_set(call->arena, &out->output, "embeddings", list);
    return byok_kit_check_memory(call, fault);
}
