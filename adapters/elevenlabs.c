/* SPDX-License-Identifier: MIT */
/* adapters/elevenlabs.c - ElevenLabs: text to speech, speech to text.
 *
 * Source: https://elevenlabs.io/docs/api-reference and its pages on errors.
 * The parts: elevenlabs_speech, elevenlabs_transcript.  This file: errors, and the table.
 */
#include "adapters/elevenlabs_parts.h"

#include "adapters/audio.h"
#include "adapters/error_table.h"

/* The list of models says nothing of the account and is free.  A key without the right to it is
 * refused it (missing_permissions) and is good. */
static enum byok_err build_key_check(const struct byok_adapter_call *call,
                                     struct byok_http_request *out, struct byok_fault *fault)
{
    byok_kit_begin(call, "GET", "/models", NULL, out);
    return byok_kit_check_memory(call, fault);
}

/* Every answer says how many calls of the account are at work and how many may be. */
static bool is_at_its_concurrency(const struct byok_http_response *response)
{
    const int64_t now = byok_audio_header_count(response, "current-concurrent-requests");
    const int64_t most = byok_audio_header_count(response, "maximum-concurrent-requests");
    return now >= 0 && most > 0 && now >= most;
}

static const struct byok_error_rule words[] = {
    {0, "invalid_api_key", BYOK_E_KEY_INVALID},
    {0, "needs_authorization", BYOK_E_KEY_INVALID},
    {0, "missing_permissions", BYOK_E_PERMISSION},
    {0, "only_for_creator+", BYOK_E_PERMISSION},
    {0, "can_not_use_instant_voice_cloning", BYOK_E_PERMISSION},
    {0, "detected_unusual_activity", BYOK_E_PERMISSION},
    {0, "subscription_required", BYOK_E_PERMISSION},
    {0, "output_format_not_allowed", BYOK_E_PERMISSION},
    {0, "model_access_denied", BYOK_E_PERMISSION},
    {0, "quota_exceeded", BYOK_E_OUT_OF_MONEY}, /* as 401: the key is good */
    {0, "insufficient_credits", BYOK_E_OUT_OF_MONEY},
    {0, "payment_required", BYOK_E_OUT_OF_MONEY},
    {0, "payment_issue", BYOK_E_OUT_OF_MONEY},
    {0, "too_many_concurrent_requests", BYOK_E_CONCURRENCY_LIMITED},
    {0, "concurrent_limit_exceeded", BYOK_E_CONCURRENCY_LIMITED},
    {0, "rate_limit_exceeded", BYOK_E_RATE_LIMITED},
    {429, "system_busy", BYOK_E_OVERLOADED},
    {0, "max_character_limit_exceeded", BYOK_E_CONTEXT_TOO_LONG},
    {0, "text_too_long", BYOK_E_CONTEXT_TOO_LONG},
    {0, "voice_not_found", BYOK_E_NOT_FOUND}, /* as 400 too */
    {0, "model_not_found", BYOK_E_NOT_FOUND},
    {0, "content_against_policy", BYOK_E_CONTENT_REFUSED},
    {0, NULL, BYOK_E_OK},
};

static const struct byok_error_rule phrases[] = {
    {401, "exceeds your quota", BYOK_E_OUT_OF_MONEY},
    {401, "missing the permission", BYOK_E_PERMISSION},
    {429, "concurren", BYOK_E_CONCURRENCY_LIMITED},
    {0, NULL, BYOK_E_OK},
};

/* {"detail": {"status", "message"}}; "code" beside "status" in the newer form; a list of
 * {"loc", "msg"} when the request did not fit. */
static void classify(const struct byok_adapter_call *call,
                     const struct byok_http_response *response, struct byok_fault *out)
{
    static const char *const codes[] = {"detail.status", "detail.code", "status", NULL};
    static const char *const messages[] = {"detail.message", "detail", "message", "error", NULL};
    static const struct byok_error_table table = {codes, messages, words, phrases};
    byok_error_classify(call, response, &table, out);
    if (out->code == BYOK_E_RATE_LIMITED && is_at_its_concurrency(response))
        out->code = BYOK_E_CONCURRENCY_LIMITED;
}

extern const struct byok_adapter byok_adapter_elevenlabs;

const struct byok_adapter byok_adapter_elevenlabs = {
    .name = "elevenlabs",
    .base_url = "https://api.elevenlabs.io/v1",
    .auth_header = "xi-api-key",
    .auth_prefix = "",
    .ops =
        {
            [BYOK_TEXT_TO_SPEECH] = {.build = byok_elevenlabs_build_speech,
                                     .parse = byok_elevenlabs_parse_speech,
                                     .text_max = byok_elevenlabs_speech_max,
                                     .streams_audio = true},
            [BYOK_SPEECH_TO_TEXT] = {.build = byok_elevenlabs_build_transcript,
                                     .parse = byok_elevenlabs_parse_transcript,
                                     .sends_file = true},
        },
    .build_key_check = build_key_check,
    .classify = classify,
};
