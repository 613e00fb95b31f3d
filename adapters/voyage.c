/* SPDX-License-Identifier: MIT */
/* adapters/voyage.c - Voyage AI: embeddings.
 *
 * Answers are OpenAI's in form and are read by its functions; the request has names of its own.
 * Source: https://docs.voyageai.com/reference/embeddings-api, …/docs/error-codes, and a recorded
 * answer (tests/golden/voyage).
 */
#include "adapters/error_table.h"
#include "adapters/kit_embeddings.h"
#include "adapters/openai_parts.h"

#define INPUTS_MAX 1000u /* Voyage's API reference: at most 1,000 texts in a call */
/* The same: at most 120,000 tokens in a call for the large models and those of a domain, more for
 * the others; the least holds for all. */
#define TOKENS_MAX 120000

static const char *const known[] = {"input", "dimensions", "input_type", NULL};

static enum byok_err put_input_type(const struct byok_adapter_call *call, struct byok_value *body,
                                    struct byok_fault *fault)
{
    const struct byok_value *type = byok_kit_member(call, "input_type");
    if (!type)
        return BYOK_E_OK;
    if (!byok_str_is(type->as.str, "query") && !byok_str_is(type->as.str, "document"))
        return byok_fault_set(fault, BYOK_E_UNSUPPORTED,
                              "member \"input_type\": Voyage knows \"query\" and \"document\"");
    byok_value_set(call->arena, body, "input_type", *type);
    return BYOK_E_OK;
}

static enum byok_err build_embeddings(const struct byok_adapter_call *call,
                                      struct byok_http_request *out, struct byok_fault *fault)
{
    struct byok_value body = byok_value_map();
    const struct byok_value *input = byok_kit_member(call, "input");
    const struct byok_value *dimensions = byok_kit_member(call, "dimensions");
    enum byok_err err = byok_kit_check_members(call, known, fault);
    if (err == BYOK_E_OK)
        err = byok_embeddings_check_option(call, "output_dimension", fault);
    if (err == BYOK_E_OK)
        err = byok_embeddings_check_inputs(call, INPUTS_MAX, fault);
    if (err != BYOK_E_OK)
        return err;
    byok_value_set_str(call->arena, &body, "model", call->model);
    byok_value_set(call->arena, &body, "input", *input);
    if (byok_embeddings_are_floats(call)) /* little-endian float32, a quarter of its size */
        byok_value_set(call->arena, &body, "encoding_format", byok_value_text("base64"));
    if (dimensions)
        byok_value_set(call->arena, &body, "output_dimension", *dimensions);
    err = put_input_type(call, &body, fault);
    if (err != BYOK_E_OK)
        return err;
    byok_kit_put_options(call, &body);
    byok_kit_begin(call, "POST", "/embeddings", NULL, out);
    return byok_kit_end_json(call, &body, out, fault);
}

/* Voyage's published interface lists neither models nor accounts: the cheapest call that shows that
 * a key is good is an embedding of one token, of the 200 million that every account has free. */
static enum byok_err build_key_check(const struct byok_adapter_call *call,
                                     struct byok_http_request *out, struct byok_fault *fault)
{
    struct byok_value body = byok_value_map();
    byok_value_set(call->arena, &body, "model", byok_value_text("voyage-3.5-lite"));
    byok_value_set(call->arena, &body, "input", byok_value_text("a"));
    byok_kit_begin(call, "POST", "/embeddings", NULL, out);
    return byok_kit_end_json(call, &body, out, fault);
}

static void classify(const struct byok_adapter_call *call,
                     const struct byok_http_response *response, struct byok_fault *out)
{
    static const char *const codes[] = {"code", "error.code", NULL};
    static const char *const messages[] = {"detail", "message", "error.message", NULL};
    static const struct byok_error_rule words[] = {{0, NULL, BYOK_E_OK}};
    static const struct byok_error_rule phrases[] = {
        {400, "max allowed tokens", BYOK_E_CONTEXT_TOO_LONG},
        {400, "context length", BYOK_E_CONTEXT_TOO_LONG},
        {400, "number of tokens", BYOK_E_CONTEXT_TOO_LONG},
        {400, "model is not supported", BYOK_E_NOT_FOUND},
        {0, NULL, BYOK_E_OK},
    };
    static const struct byok_error_table table = {codes, messages, words, phrases};
    byok_error_classify(call, response, &table, out);
}

extern const struct byok_adapter byok_adapter_voyage;

const struct byok_adapter byok_adapter_voyage = {
    .name = "voyage",
    .base_url = "https://api.voyageai.com/v1",
    .auth_header = "Authorization",
    .auth_prefix = "Bearer ",
    .ops = {[BYOK_EMBEDDINGS] = {.build = build_embeddings,
                                 .parse = byok_openai_parse_embeddings,
                                 .bulk = {.texts = INPUTS_MAX, .tokens = TOKENS_MAX}}},
    .build_key_check = build_key_check,
    .key_check_is_billed = true,
    .classify = classify,
};
