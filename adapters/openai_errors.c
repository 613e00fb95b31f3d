/* SPDX-License-Identifier: MIT */
/* adapters/openai_errors.c - what an answer that is not 2xx means.
 *
 * OpenAI's word (error.code, else error.type) goes before what the message says, and that before
 * the status: a 429 is a limit or an empty account, a 400 is a wrong request or a too long one.
 * Source: https://platform.openai.com/docs/guides/error-codes, and recorded answers of OpenAI and
 * of compatible services, whose error may be {"detail"}, {"message"}, or text.
 */
#include <string.h>

#include "adapters/kit_fault.h"
#include "adapters/openai_parts.h"
#include "adapters/retry_after.h"
#include "schemas/codec.h"

/* What a message says it says at its beginning; the rest is not searched. */
#define MESSAGE_BYTES_MAX ((size_t)4096)

#define COUNT(table) (sizeof(table) / sizeof(table)[0])

struct rule {
    int status; /* 0: any */
    const char *word;
    enum byok_err code;
};

/* Whole words, in error.code or error.type. */
static const struct rule words[] = {
    {0, "insufficient_quota", BYOK_E_OUT_OF_MONEY},
    {0, "billing_hard_limit_reached", BYOK_E_OUT_OF_MONEY},
    {0, "billing_not_active", BYOK_E_OUT_OF_MONEY},
    {0, "insufficient_balance", BYOK_E_OUT_OF_MONEY},
    {0, "exceeded_current_quota_error", BYOK_E_OUT_OF_MONEY}, /* Moonshot */
    {0, "context_length_exceeded", BYOK_E_CONTEXT_TOO_LONG},
    {0, "max_tokens_per_request", BYOK_E_CONTEXT_TOO_LONG}, /* embeddings: 300,000 in sum */
    {0, "content_policy_violation", BYOK_E_CONTENT_REFUSED},
    {0, "content_filter", BYOK_E_CONTENT_REFUSED}, /* Azure */
    {0, "moderation_blocked", BYOK_E_CONTENT_REFUSED},
    {400, "invalid_prompt", BYOK_E_CONTENT_REFUSED}, /* "flagged as potentially violating …" */
    {0, "invalid_api_key", BYOK_E_KEY_INVALID},
    {401, "ip_not_authorized", BYOK_E_PERMISSION},
    {403, "model_not_found", BYOK_E_PERMISSION}, /* "Project … does not have access to model" */
    {0, "model_not_found", BYOK_E_NOT_FOUND},
    {0, "engine_overloaded_error", BYOK_E_OVERLOADED}, /* Moonshot, as 429 */
    {200, "rate_limit_exceeded", BYOK_E_RATE_LIMITED},
    {200, "server_error", BYOK_E_SERVER_ERROR},
};

/* Parts of the message, where a service has no word for it. */
static const struct rule phrases[] = {
    {400, "maximum context length", BYOK_E_CONTEXT_TOO_LONG},
    {400, "context window", BYOK_E_CONTEXT_TOO_LONG},
    {400, "context length", BYOK_E_CONTEXT_TOO_LONG},
    {422, "context length", BYOK_E_CONTEXT_TOO_LONG},
    {401, "insufficient permissions", BYOK_E_PERMISSION}, /* a key with restricted rights */
    {401, "missing scopes", BYOK_E_PERMISSION},
    {401, "member of an organization", BYOK_E_PERMISSION},
    {403, "was flagged", BYOK_E_CONTENT_REFUSED}, /* OpenRouter's moderation */
    {403, "any credits", BYOK_E_OUT_OF_MONEY},    /* xAI */
    {429, "used all available credits", BYOK_E_OUT_OF_MONEY},
    {400, "incorrect api key", BYOK_E_KEY_INVALID}, /* xAI */
    {400, "invalid api key", BYOK_E_KEY_INVALID},
    {400, "content management policy", BYOK_E_CONTENT_REFUSED},
    {429, "exceeded your current quota", BYOK_E_OUT_OF_MONEY},
    {429, "insufficient balance", BYOK_E_OUT_OF_MONEY},
    {429, "concurren", BYOK_E_CONCURRENCY_LIMITED},
};

/* ---- what the body says ---- */

struct said {
    struct byok_str code, type, message; /* each may be empty */
    int64_t number;                      /* error.code when it is a number (OpenRouter); else 0 */
};

static struct byok_str first_text(const struct byok_value *root, const char *const *paths,
                                  size_t count)
{
    for (size_t i = 0; i < count; i++) {
        struct byok_str text = byok_value_as_str(byok_value_path(root, paths[i]));
        if (text.len > 0)
            return text;
    }
    return (struct byok_str){NULL, 0};
}

static struct byok_str head_of(struct byok_str text)
{
    return (struct byok_str){text.ptr, text.len < MESSAGE_BYTES_MAX ? text.len : MESSAGE_BYTES_MAX};
}

static struct said read_error(const struct byok_value *root)
{
    static const char *const messages[] = {"error.message", "error",          "message",
                                           "detail",        "detail.message", "msg"};
    static const char *const codes[] = {"error.code", "code", "error.innererror.code"};
    static const char *const types[] = {"error.type", "type"};
    struct said said = {
        .code = first_text(root, codes, COUNT(codes)),
        .type = first_text(root, types, COUNT(types)),
        .message = head_of(first_text(root, messages, COUNT(messages))),
    };
    const struct byok_value *detail = byok_value_find(root, "detail");
    if (said.message.len == 0 && byok_value_is(detail, BYOK_VALUE_ARRAY) && detail->count > 0)
        said.message = head_of(byok_value_as_str(byok_value_find(&detail->as.items[0], "msg")));
    (void)byok_value_as_int(byok_value_path(root, "error.code"), &said.number);
    return said;
}

/* A body that is not JSON: its first line, if it is for people. */
static struct said read_plain(const struct byok_http_response *response)
{
    struct byok_str line = byok_str_trim(response->body);
    if (byok_kit_is_html(response) || (line.len > 0 && (line.ptr[0] == '{' || line.ptr[0] == '[')))
        return (struct said){.number = 0};
    const char *end = line.len > 0 ? memchr(line.ptr, '\n', line.len) : NULL;
    if (end)
        line.len = (size_t)(end - line.ptr);
    return (struct said){.message = head_of(line)};
}

static enum byok_err code_of(int status, const struct said *said)
{
    for (size_t i = 0; i < COUNT(words); i++) {
        if ((words[i].status == 0 || words[i].status == status) &&
            (byok_str_is(said->code, words[i].word) || byok_str_is(said->type, words[i].word)))
            return words[i].code;
    }
    for (size_t i = 0; i < COUNT(phrases); i++) {
        if (phrases[i].status == status && byok_kit_mentions(said->message, phrases[i].word))
            return phrases[i].code;
    }
    return byok_kit_code_of_status(status);
}

/* ---- the fault ---- */

/* OpenAI: "Rate limit reached for … on requests per day (RPD): Limit 200, Used 200, …". */
static bool is_day_limit(const struct byok_http_response *response, struct byok_str message)
{
    return byok_kit_mentions(message, "per day") || byok_kit_mentions(message, "per-day") ||
           byok_kit_mentions(message, "(rpd)") || byok_kit_mentions(message, "(tpd)") ||
           byok_kit_mentions(message, "per month") || byok_kit_mentions(message, "daily limit") ||
           byok_retry_day_limit(response);
}

static void fill(const struct byok_adapter_call *call, const struct byok_http_response *response,
                 int status, const struct said *said, struct byok_fault *out)
{
    const enum byok_err code = code_of(status, said);
    struct byok_http_response told = *response; /* with the status that the body names */
    told.status = status;
    byok_kit_fault(call, &told, code, said->message, out);
    out->http_status = response->status;
    if (code == BYOK_E_RATE_LIMITED)
        out->day_limit = is_day_limit(response, said->message);
}

void byok_openai_classify(const struct byok_adapter_call *call,
                          const struct byok_http_response *response, struct byok_fault *out)
{
    struct byok_value root;
    struct said said;
    if (!byok_kit_is_html(response) &&
        byok_decode(call->arena, BYOK_JSON, response->body, &root, NULL) == BYOK_E_OK)
        said = read_error(&root);
    else
        said = read_plain(response);
    fill(call, response, response->status, &said, out);
}

void byok_openai_classify_body(const struct byok_adapter_call *call,
                               const struct byok_http_response *response,
                               const struct byok_value *root, struct byok_fault *out)
{
    struct said said = read_error(root);
    const bool is_status = said.number >= 400 && said.number <= 599;
    fill(call, response, is_status ? (int)said.number : 200, &said, out);
}
