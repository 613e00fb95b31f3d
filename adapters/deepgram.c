/* SPDX-License-Identifier: MIT */
/* adapters/deepgram.c - Deepgram: speech to text, text to speech.
 *
 * All settings are members of the query, provider_options too.
 * Source: https://developers.deepgram.com/reference (version 1), …/docs/errors.
 * The parts: deepgram_listen, deepgram_speak.
 */
#include "adapters/deepgram_parts.h"

#include "adapters/error_table.h"

enum byok_err byok_deepgram_put_options(const struct byok_adapter_call *call,
                                        struct byok_value *query, struct byok_fault *fault)
{
    const struct byok_value *options = call->request->provider_options;
    if (byok_value_find(options, "callback"))
        return byok_fault_set(fault, BYOK_E_UNSUPPORTED,
                              "provider_options \"callback\": the answer must come back here; "
                              "leave it out");
    byok_kit_put_options(call, query);
    return BYOK_E_OK;
}

/* Free and read-only.  A key without the right to see its project may be refused it (403) and be
 * good. */
static enum byok_err build_key_check(const struct byok_adapter_call *call,
                                     struct byok_http_request *out, struct byok_fault *fault)
{
    byok_kit_begin(call, "GET", "/projects", NULL, out);
    return byok_kit_check_memory(call, fault);
}

/* Deepgram has two forms: {"err_code", "err_msg"} and {"category", "message", "details"}. */
static void classify(const struct byok_adapter_call *call,
                     const struct byok_http_response *response, struct byok_fault *out)
{
    static const char *const codes[] = {"err_code", "category", NULL};
    static const char *const messages[] = {"err_msg", "message", "details", NULL};
    static const struct byok_error_rule words[] = {
        {0, "INVALID_AUTH", BYOK_E_KEY_INVALID},
        {0, "INSUFFICIENT_PERMISSIONS", BYOK_E_PERMISSION},
        {401, "FORBIDDEN", BYOK_E_PERMISSION},
        {0, "ASR_PAYMENT_REQUIRED", BYOK_E_OUT_OF_MONEY},
        {0, "PROJECT_NOT_FOUND", BYOK_E_NOT_FOUND},
        {0, "PAYLOAD_TOO_LARGE", BYOK_E_TOO_LARGE},
        {0, "UTF8_ERROR", BYOK_E_BAD_REQUEST},
        /* its limits count the requests at work at the same time */
        {429, "TOO_MANY_REQUESTS", BYOK_E_CONCURRENCY_LIMITED},
        {429, "Too Many Requests", BYOK_E_CONCURRENCY_LIMITED},
        {0, NULL, BYOK_E_OK},
    };
    static const struct byok_error_rule phrases[] = {
        {400, "no such model", BYOK_E_NOT_FOUND},
        {413, "character limit", BYOK_E_CONTEXT_TOO_LONG},
        {400, "character limit", BYOK_E_CONTEXT_TOO_LONG},
        {429, "concurren", BYOK_E_CONCURRENCY_LIMITED},
        {0, NULL, BYOK_E_OK},
    };
    static const struct byok_error_table table = {codes, messages, words, phrases};
    byok_error_classify(call, response, &table, out);
}

extern const struct byok_adapter byok_adapter_deepgram;

const struct byok_adapter byok_adapter_deepgram = {
    .name = "deepgram",
    .base_url = "https://api.deepgram.com/v1",
    .auth_header = "Authorization",
    .auth_prefix = "Token ",
    .ops =
        {
            [BYOK_TEXT_TO_SPEECH] = {.build = byok_deepgram_build_speak,
                                     .parse = byok_deepgram_parse_speak,
                                     .text_max = byok_deepgram_speak_max,
                                     .streams_audio = true},
            [BYOK_SPEECH_TO_TEXT] = {.build = byok_deepgram_build_listen,
                                     .parse = byok_deepgram_parse_listen,
                                     .sends_file = true},
        },
    .build_key_check = build_key_check,
    .classify = classify,
};
