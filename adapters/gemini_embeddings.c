/* SPDX-License-Identifier: MIT */
/* adapters/gemini_embeddings.c - :batchEmbedContents: texts out, vectors back in their order.
 *
 * The job's provider_options go over each of the batch's requests, which is where the API has its
 * options (title, taskType).
 */
#include "adapters/gemini_parts.h"
#include "adapters/kit_embeddings.h"

static const char *const known[] = {"input", "dimensions", "input_type", NULL};

/* What the vectors are for; Gemini's own words are taken too. */
static const char *task_of(struct byok_str input_type)
{
    static const struct {
        const char *word, *task;
    } tasks[] = {
        {"document", "RETRIEVAL_DOCUMENT"},    {"query", "RETRIEVAL_QUERY"},
        {"similarity", "SEMANTIC_SIMILARITY"}, {"classification", "CLASSIFICATION"},
        {"clustering", "CLUSTERING"},          {"question", "QUESTION_ANSWERING"},
        {"fact_check", "FACT_VERIFICATION"},   {"code_query", "CODE_RETRIEVAL_QUERY"},
    };
    for (size_t i = 0; i < sizeof tasks / sizeof tasks[0]; i++) {
        if (byok_str_is(input_type, tasks[i].word) ||
            byok_str_eq_nocase(input_type, byok_str_of(tasks[i].task)))
            return tasks[i].task;
    }
    return NULL;
}

/* Models from gemini-embedding-2 on take no task, and say nothing when given one. */
static enum byok_err check_task(const struct byok_adapter_call *call, const char **task,
                                struct byok_fault *fault)
{
    const struct byok_value *input_type = byok_kit_member(call, "input_type");
    *task = NULL;
    if (!input_type)
        return BYOK_E_OK;
    if (byok_str_starts(byok_gemini_model(call), (struct byok_str)BYOK_STR("gemini-embedding-2")))
        return byok_fault_set(fault, BYOK_E_UNSUPPORTED,
                              "member \"input_type\": the model takes none: say it in the text");
    *task = task_of(byok_value_as_str(input_type));
    if (*task)
        return BYOK_E_OK;
    return byok_fault_set(
        fault, BYOK_E_UNSUPPORTED,
        "member \"input_type\": provider \"%s\" takes document, query, similarity, "
        "classification, clustering, question, fact_check or code_query",
        call->provider->name);
}

static struct byok_value request_of(const struct byok_adapter_call *call, struct byok_str text,
                                    const char *task)
{
    struct byok_str model = byok_gemini_model(call);
    const struct byok_value *dimensions = byok_kit_member(call, "dimensions");
    struct byok_value request = byok_value_map(), content = byok_value_map();
    struct byok_value parts = byok_value_array(), part = byok_value_map();
    byok_value_set(call->arena, &part, "text", byok_value_string(text));
    byok_value_push(call->arena, &parts, part);
    byok_value_set(call->arena, &content, "parts", parts);
    byok_value_set(
        call->arena, &request, "model",
        byok_value_string(byok_arena_printf(call->arena, "models/%.*s", BYOK_STR_ARG(model))));
    byok_value_set(call->arena, &request, "content", content);
    if (task)
        byok_value_set(call->arena, &request, "taskType", byok_value_text(task));
    if (dimensions)
        byok_value_set(call->arena, &request, "outputDimensionality", *dimensions);
    byok_kit_merge_options(call, &request);
    return request;
}

enum byok_err byok_gemini_build_embeddings(const struct byok_adapter_call *call,
                                           struct byok_http_request *out, struct byok_fault *fault)
{
    const struct byok_value *input = byok_kit_member(call, "input");
    struct byok_value body = byok_value_map(), list = byok_value_array();
    const char *task;
    enum byok_err err = byok_kit_check_members(call, known, fault);
    if (err == BYOK_E_OK)
        err = check_task(call, &task, fault);
    if (err == BYOK_E_OK)
        err = byok_embeddings_check_inputs(call, BYOK_GEMINI_INPUTS_MAX, fault);
    if (err != BYOK_E_OK)
        return err;
    for (uint32_t i = 0; i < byok_embeddings_inputs(call); i++) {
        const struct byok_value *text =
            input->type == BYOK_VALUE_ARRAY ? &input->as.items[i] : input;
        byok_value_push(call->arena, &list, request_of(call, byok_value_as_str(text), task));
    }
    byok_value_set(call->arena, &body, "requests", list);
    return byok_gemini_post(call, "batchEmbedContents", &body, out, fault);
}

/* ---- the answer ---- */

enum byok_err byok_gemini_parse_embeddings(const struct byok_adapter_call *call,
                                           const struct byok_http_response *response,
                                           struct byok_answer *out, struct byok_fault *fault)
{
    struct byok_value root, list = byok_value_array();
    enum byok_err err = byok_gemini_read(call, response, &root, out, fault);
    if (err != BYOK_E_OK)
        return err;
    out->usage.output_tokens = -1; /* nothing is generated */
    const struct byok_value *rows = byok_value_find(&root, "embeddings");
    const int64_t wanted = byok_embeddings_wanted(call, "outputDimensionality");
    if (!byok_value_is(rows, BYOK_VALUE_ARRAY) || rows->count != byok_embeddings_inputs(call))
        return byok_embeddings_refuse(call, fault, "not as many embeddings as there were inputs");
    for (uint32_t i = 0; i < rows->count; i++) {
        struct byok_value vector;
        if (!byok_kit_read_vector(call, byok_value_find(&rows->as.items[i], "values"), &vector))
            return byok_embeddings_refuse(call, fault, "an embedding that is no vector");
        if (i > 0 && list.count > 0 && vector.count != list.as.items[0].count)
            return byok_embeddings_refuse(call, fault, "embeddings of different length");
        if (wanted > 0 && vector.count != wanted)
            return byok_embeddings_refuse(
                call, fault, "embeddings of another length than \"dimensions\" asked for");
        byok_value_push(call->arena, &list, vector);
    }
    byok_value_set(call->arena, &out->output, "embeddings", list);
    return byok_kit_check_memory(call, fault);
}
