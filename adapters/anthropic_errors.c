/* SPDX-License-Identifier: MIT */
/* adapters/anthropic_errors.c - what an answer that is not 2xx means.
 *
 * A word in error.details goes before the message, that before error.type, and that before the
 * status: a 400 may be an empty account, a 429 a spent limit that no waiting helps.
 * Source: https://docs.anthropic.com/en/api/errors and /rate-limits, and recorded answers.
 */
#include "adapters/anthropic_parts.h"
#include "adapters/kit_fault.h"

#define COUNT(table) (sizeof(table) / sizeof(table)[0])

struct rule {
    int status; /* 0: any */
    const char *word;
    enum byok_err code;
};

static const struct rule types[] = {
    {0, "authentication_error", BYOK_E_KEY_INVALID},
    {0, "billing_error", BYOK_E_OUT_OF_MONEY},
    {0, "permission_error", BYOK_E_PERMISSION},
    {0, "not_found_error", BYOK_E_NOT_FOUND},
    {0, "request_too_large", BYOK_E_TOO_LARGE},
    {0, "rate_limit_error", BYOK_E_RATE_LIMITED},
    {0, "overloaded_error", BYOK_E_OVERLOADED},
    {200, "api_error", BYOK_E_SERVER_ERROR},
    {200, "timeout_error", BYOK_E_TIMEOUT},
    {200, "invalid_request_error", BYOK_E_BAD_REQUEST},
};

/* Only the message tells these from any other of their status. */
static const struct rule phrases[] = {
    {400, "prompt is too long", BYOK_E_CONTEXT_TOO_LONG},
    {400, "exceed context limit", BYOK_E_CONTEXT_TOO_LONG}, /* input and max_tokens together */
    {413, "prompt is too long", BYOK_E_CONTEXT_TOO_LONG},
    {400, "credit balance is too low", BYOK_E_OUT_OF_MONEY},
    {400, "api usage limits", BYOK_E_OUT_OF_MONEY}, /* "You have reached your specified …" */
    {429, "api usage limits", BYOK_E_OUT_OF_MONEY},
    {400, "organization has been disabled", BYOK_E_PERMISSION},
    {400, "content filtering policy", BYOK_E_CONTENT_REFUSED},
    {429, "concurrent", BYOK_E_CONCURRENCY_LIMITED}, /* "Number of concurrent connections …" */
};

static struct byok_str text_of(const struct byok_value *root, const char *path)
{
    return byok_value_as_str(byok_value_path(root, path));
}

/* The beginning of the message; a proxy in front may have a form of its own. */
static struct byok_str message_of(const struct byok_value *root)
{
    static const char *const places[] = {"error.message", "error", "message", "detail"};
    struct byok_str message = {NULL, 0};
    for (size_t i = 0; i < COUNT(places) && message.len == 0; i++)
        message = text_of(root, places[i]);
    if (message.len > BYOK_KIT_MESSAGE_MAX)
        message.len = BYOK_KIT_MESSAGE_MAX;
    return message;
}

static enum byok_err code_of(const struct byok_value *root, int status, struct byok_str message)
{
    if (byok_str_is(text_of(root, "error.details.error_code"), "enforced_spend_limit_reached"))
        return BYOK_E_OUT_OF_MONEY;
    for (size_t i = 0; i < COUNT(phrases); i++) {
        if (phrases[i].status == status && byok_kit_mentions(message, phrases[i].word))
            return phrases[i].code;
    }
    for (size_t i = 0; i < COUNT(types); i++) {
        if ((types[i].status == 0 || types[i].status == status) &&
            byok_str_is(text_of(root, "error.type"), types[i].word))
            return types[i].code;
    }
    return byok_kit_code_of_status(status);
}

void byok_anthropic_classify(const struct byok_adapter_call *call,
                             const struct byok_http_response *response, struct byok_fault *out)
{
    struct byok_value root = byok_value_null();
    struct byok_str message;
    if (byok_kit_error_tree(call, response, &root))
        message = message_of(&root);
    else
        message = byok_kit_plain_message(response);
    byok_kit_fault(call, response, code_of(&root, response->status, message), message, out);
}

void byok_anthropic_classify_body(const struct byok_adapter_call *call,
                                  const struct byok_http_response *response,
                                  const struct byok_value *root, struct byok_fault *out)
{
    struct byok_str message = message_of(root);
    byok_kit_fault(call, response, code_of(root, 200, message), message, out);
}
