/* SPDX-License-Identifier: MIT */
/* adapters/gemini_errors.c - what an answer that is not 2xx means.
 *
 * The body is a google.rpc.Status: {"error": {"code", "message", "status", "details": […]}}.  The
 * reason in its ErrorInfo goes before the message, that before the status' word, and that before
 * HTTP's: a wrong key is a 400.  The wait stands in its RetryInfo, which limit was hit in its
 * QuotaFailure; a limit by day comes with a short wait that helps nothing.
 * Source: https://ai.google.dev/gemini-api/docs/troubleshooting, google/rpc/error_details.proto,
 * and recorded answers.
 */
#include "adapters/gemini_parts.h"
#include "adapters/kit_fault.h"
#include "adapters/retry_after.h"

#define COUNT(table) (sizeof(table) / sizeof(table)[0])

struct rule {
    int status; /* 0: any */
    const char *word;
    enum byok_err code;
};

/* google/api/error_reason.proto */
static const struct rule reasons[] = {
    {0, "API_KEY_INVALID", BYOK_E_KEY_INVALID},
    {0, "API_KEY_EXPIRED", BYOK_E_KEY_INVALID},
    {0, "API_KEY_NOT_FOUND", BYOK_E_KEY_INVALID},
    {0, "CREDENTIALS_MISSING", BYOK_E_KEY_INVALID},
    {0, "ACCESS_TOKEN_EXPIRED", BYOK_E_KEY_INVALID},
    {0, "API_KEY_SERVICE_BLOCKED", BYOK_E_PERMISSION},
    {0, "API_KEY_HTTP_REFERRER_BLOCKED", BYOK_E_PERMISSION},
    {0, "API_KEY_IP_ADDRESS_BLOCKED", BYOK_E_PERMISSION},
    {0, "SERVICE_DISABLED", BYOK_E_PERMISSION},
    {0, "CONSUMER_INVALID", BYOK_E_PERMISSION},
    {0, "CONSUMER_SUSPENDED", BYOK_E_PERMISSION},
    {0, "BILLING_DISABLED", BYOK_E_OUT_OF_MONEY},
};

/* Parts of the message, where there is no word for it. */
static const struct rule phrases[] = {
    {400, "api key not valid", BYOK_E_KEY_INVALID},
    {400, "api key expired", BYOK_E_KEY_INVALID},
    {400, "api key not found", BYOK_E_KEY_INVALID},
    {403, "reported as leaked", BYOK_E_KEY_INVALID},
    {403, "unregistered callers", BYOK_E_KEY_INVALID}, /* no key came */
    {400, "maximum number of tokens", BYOK_E_CONTEXT_TOO_LONG},
    {400, "location is not supported", BYOK_E_PERMISSION},
    {400, "enable billing", BYOK_E_OUT_OF_MONEY}, /* no free tier in that country */
    {400, "billed users", BYOK_E_OUT_OF_MONEY},   /* "Imagen API is only accessible to …" */
    {429, "prepayment credits", BYOK_E_OUT_OF_MONEY},
    {429, "spending cap", BYOK_E_OUT_OF_MONEY},
    {429, "limit: 0,", BYOK_E_OUT_OF_MONEY}, /* a model that the plan does not have */
    {429, "limit: 0\n", BYOK_E_OUT_OF_MONEY},
};

/* google/rpc/code.proto */
static const struct rule words[] = {
    {0, "UNAUTHENTICATED", BYOK_E_KEY_INVALID},
    {0, "PERMISSION_DENIED", BYOK_E_PERMISSION},
    {0, "NOT_FOUND", BYOK_E_NOT_FOUND},
    {402, "RESOURCE_EXHAUSTED", BYOK_E_OUT_OF_MONEY}, /* prepaid credits, a 429 until 2026 */
    {0, "RESOURCE_EXHAUSTED", BYOK_E_RATE_LIMITED},
    {0, "UNAVAILABLE", BYOK_E_OVERLOADED},
    {0, "DEADLINE_EXCEEDED", BYOK_E_TIMEOUT},
    {499, "CANCELLED", BYOK_E_SERVER_ERROR},
};

/* ---- what the body says ---- */

struct said {
    struct byok_str word, message;
    const struct byok_value *details; /* an array, or NULL */
};

static struct byok_str text_of(const struct byok_value *map, const char *path)
{
    return byok_value_as_str(byok_value_path(map, path));
}

/* An error that ends a stream asked for as JSON is the last item of an array. */
static const struct byok_value *error_of(const struct byok_value *root)
{
    if (byok_value_is(root, BYOK_VALUE_ARRAY) && root->count > 0)
        root = &root->as.items[root->count - 1];
    return byok_value_find(root, "error");
}

static struct said read_error(const struct byok_value *root)
{
    const struct byok_value *error = error_of(root);
    const struct byok_value *details = byok_value_find(error, "details");
    struct said said = {.word = text_of(error, "status"), .message = text_of(error, "message")};
    if (said.message.len == 0)
        said.message = byok_value_as_str(error); /* a proxy's own form */
    if (said.message.len == 0)
        said.message = text_of(root, "message");
    if (said.message.len > BYOK_KIT_MESSAGE_MAX)
        said.message.len = BYOK_KIT_MESSAGE_MAX;
    said.details = byok_value_is(details, BYOK_VALUE_ARRAY) ? details : NULL;
    return said;
}

static bool is_detail(const struct byok_value *detail, const char *type)
{
    return byok_kit_mentions(text_of(detail, "@type"), type);
}

static struct byok_str reason_of(const struct said *said)
{
    for (uint32_t i = 0; said->details && i < said->details->count; i++) {
        const struct byok_value *detail = &said->details->as.items[i];
        if (is_detail(detail, "google.rpc.ErrorInfo") && text_of(detail, "reason").len > 0)
            return text_of(detail, "reason");
    }
    return (struct byok_str){NULL, 0};
}

static int64_t retry_info_ms(const struct said *said)
{
    int64_t wait = -1;
    for (uint32_t i = 0; said->details && i < said->details->count; i++) {
        const struct byok_value *detail = &said->details->as.items[i];
        int64_t ms = is_detail(detail, "google.rpc.RetryInfo")
                         ? byok_retry_duration_ms(text_of(detail, "retryDelay"))
                         : -1;
        wait = ms > wait ? ms : wait;
    }
    return wait;
}

/* True when one of the limits that were hit has that in its quotaId, or (value) is that. */
static bool any_violation(const struct said *said, const char *member, const char *word, bool whole)
{
    for (uint32_t i = 0; said->details && i < said->details->count; i++) {
        const struct byok_value *list = byok_value_find(&said->details->as.items[i], "violations");
        for (uint32_t k = 0; byok_value_is(list, BYOK_VALUE_ARRAY) && k < list->count; k++) {
            struct byok_str text = text_of(&list->as.items[k], member);
            if (whole ? byok_str_is(text, word) : byok_kit_mentions(text, word))
                return true;
        }
    }
    return false;
}

/* ---- the fault ---- */

static enum byok_err code_of(int status, const struct said *said)
{
    struct byok_str reason = reason_of(said);
    for (size_t i = 0; i < COUNT(reasons); i++) {
        if (byok_str_is(reason, reasons[i].word))
            return reasons[i].code;
    }
    if (status == 429 && any_violation(said, "quotaValue", "0", true))
        return BYOK_E_OUT_OF_MONEY;
    for (size_t i = 0; i < COUNT(phrases); i++) {
        if (phrases[i].status == status && byok_kit_mentions(said->message, phrases[i].word))
            return phrases[i].code;
    }
    for (size_t i = 0; i < COUNT(words); i++) {
        if ((words[i].status == 0 || words[i].status == status) &&
            byok_str_is(said->word, words[i].word))
            return words[i].code;
    }
    return byok_kit_code_of_status(status);
}

static void fill(const struct byok_adapter_call *call, const struct byok_http_response *response,
                 int status, const struct said *said, struct byok_fault *out)
{
    const enum byok_err code = code_of(status, said);
    const enum byok_retry retry = byok_err_retry(code);
    byok_kit_fault(call, response, code, said->message, out);
    const int64_t info_ms = retry_info_ms(said); /* before what the text says of it */
    if (info_ms >= 0 && (retry == BYOK_RETRY_WAIT || retry == BYOK_RETRY_SOON) &&
        byok_retry_after_ms(response, call->wall_ms) < 0)
        out->retry_after_ms = info_ms;
    if (code == BYOK_E_RATE_LIMITED)
        out->day_limit = any_violation(said, "quotaId", "PerDay", false) ||
                         byok_kit_mentions(said->message, "per day");
}

void byok_gemini_classify(const struct byok_adapter_call *call,
                          const struct byok_http_response *response, struct byok_fault *out)
{
    struct byok_value root;
    struct said said = {.details = NULL};
    if (byok_kit_error_tree(call, response, &root))
        said = read_error(&root);
    else
        said.message = byok_kit_plain_message(response);
    fill(call, response, response->status, &said, out);
}

void byok_gemini_classify_body(const struct byok_adapter_call *call,
                               const struct byok_http_response *response,
                               const struct byok_value *root, struct byok_fault *out)
{
    struct said said = read_error(root);
    int64_t status = 200;
    (void)byok_value_as_int(byok_value_path(error_of(root), "code"), &status);
    fill(call, response, status >= 400 && status <= 599 ? (int)status : 200, &said, out);
}
