/* SPDX-License-Identifier: MIT */
/* adapters/cohere.c - Cohere: chat and embeddings of its API's version 2.
 *
 * Source: https://docs.cohere.com/reference/about, …/reference/errors, and recorded answers
 * (tests/golden/cohere).  The parts: cohere_chat, cohere_embeddings.
 */
#include "adapters/cohere_parts.h"

#include "adapters/error_table.h"

enum byok_err byok_cohere_read(const struct byok_adapter_call *call,
                               const struct byok_http_response *response, struct byok_value *root,
                               struct byok_answer *out, struct byok_fault *fault)
{
    *out = (struct byok_answer){.output = byok_value_map(), .usage = BYOK_USAGE_UNSAID};
    enum byok_err err = byok_kit_read(call, response, root, fault);
    if (err != BYOK_E_OK)
        return err;
    out->provider_request_id = byok_value_as_str(byok_value_find(root, "id"));
    out->model = byok_value_as_str(byok_value_find(root, "model"));
    if (call->request->raw)
        out->raw = *root;
    return BYOK_E_OK;
}

/* Listing the models is free. */
static enum byok_err build_key_check(const struct byok_adapter_call *call,
                                     struct byok_http_request *out, struct byok_fault *fault)
{
    byok_kit_begin(call, "GET", "/v1/models?page_size=1", NULL, out);
    return byok_kit_check_memory(call, fault);
}

static void classify(const struct byok_adapter_call *call,
                     const struct byok_http_response *response, struct byok_fault *out)
{
    static const char *const codes[] = {"error_type", NULL};
    static const char *const messages[] = {"message", "detail", "error", NULL};
    static const struct byok_error_rule words[] = {{0, NULL, BYOK_E_OK}};
    static const struct byok_error_rule phrases[] = {
        {400, "too many tokens", BYOK_E_CONTEXT_TOO_LONG},
        {400, "invalid api token", BYOK_E_KEY_INVALID},
        {422, "too many tokens", BYOK_E_CONTEXT_TOO_LONG},
        {400, "model not found", BYOK_E_NOT_FOUND},
        {429, "billing limit", BYOK_E_OUT_OF_MONEY},
        {498, "token", BYOK_E_KEY_INVALID}, /* the SDK's InvalidTokenError */
        {400, "blocked", BYOK_E_CONTENT_REFUSED},
        {0, NULL, BYOK_E_OK},
    };
    static const struct byok_error_table table = {codes, messages, words, phrases};
    byok_error_classify(call, response, &table, out);
}

extern const struct byok_adapter byok_adapter_cohere;

const struct byok_adapter byok_adapter_cohere = {
    .name = "cohere",
    .base_url = "https://api.cohere.com",
    .auth_header = "Authorization",
    .auth_prefix = "Bearer ",
    .ops =
        {
            [BYOK_CHAT] = {.build = byok_cohere_build_chat, .parse = byok_cohere_parse_chat},
            [BYOK_EMBEDDINGS] = {.build = byok_cohere_build_embeddings,
                                 .parse = byok_cohere_parse_embeddings,
                                 .bulk = {.texts = BYOK_COHERE_INPUTS_MAX}},
        },
    .build_key_check = build_key_check,
    .classify = classify,
};
