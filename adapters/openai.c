/* SPDX-License-Identifier: MIT */
/* adapters/openai.c - OpenAI, and every service that speaks its language (the base_url says which).
 *
 * Source: OpenAI's API reference (https://platform.openai.com/docs/api-reference) and recorded
 * answers (tests/golden/openai).  The parts: openai_chat, openai_messages, openai_chat_answer,
 * openai_chat_stream, openai_responses, openai_responses_stream, openai_embeddings, openai_speech, openai_transcription, openai_images,
 * openai_errors; and openai_mistral, a dialect.  This file: what they share, and the table.
 */
#include <string.h>

#include "adapters/openai_parts.h"

void byok_openai_begin(const struct byok_adapter_call *call, const char *method, const char *path,
                       const char *accept, struct byok_http_request *out)
{
    byok_kit_begin_accept(call, method, path, "X-Client-Request-Id", accept, out);
}

bool byok_openai_is_own(const struct byok_adapter_call *call)
{
    return strcmp(call->provider->origin, BYOK_OPENAI_ORIGIN) == 0 ||
           strcmp(call->provider->adapter->name, "azure") == 0;
}

/* Options are given to the provider as they are, but for those whose answer byokd would lose. */
enum byok_err byok_openai_check_options(const struct byok_adapter_call *call,
                                        struct byok_fault *fault)
{
    const struct byok_value *options = call->request->provider_options;
    int64_t answers = 1;
    enum byok_err err = byok_kit_check_whole(call, fault);
    if (err != BYOK_E_OK)
        return err;
    if (byok_str_is(byok_value_as_str(byok_value_find(options, "stream_format")), "sse"))
        return byok_fault_set(fault, BYOK_E_UNSUPPORTED,
                              "provider_options \"stream_format\": answers come whole; leave it "
                              "out");
    if (call->request->capability == BYOK_SPEECH_TO_TEXT && byok_value_find(options, "file"))
        return byok_fault_set(fault, BYOK_E_UNSUPPORTED,
                              "provider_options \"file\": the audio is the member \"audio\"");
    if (call->request->capability == BYOK_CHAT &&
        byok_value_as_int(byok_value_find(options, "n"), &answers) && answers > 1 &&
        !call->request->raw)
        return byok_fault_set(fault, BYOK_E_UNSUPPORTED,
                              "provider_options \"n\": only the first answer is read; set raw to "
                              "true to be given all of them");
    return BYOK_E_OK;
}

enum byok_err byok_openai_post(const struct byok_adapter_call *call, const char *path,
                               struct byok_value *body, struct byok_http_request *out,
                               struct byok_fault *fault)
{
    enum byok_err err = byok_openai_check_options(call, fault);
    if (err == BYOK_E_OK && byok_openai_is_mistral(call))
        err = byok_openai_to_mistral(call, body, fault);
    if (err != BYOK_E_OK)
        return err;
    byok_kit_put_options(call, body);
    byok_openai_begin(call, "POST", path, "application/json", out);
    return byok_kit_end_json(call, body, out, fault);
}

static int64_t first_said(int64_t a, int64_t b)
{
    return a >= 0 ? a : b;
}

static int64_t first_of(const struct byok_value *usage, const char *const *paths)
{
    int64_t said = -1;
    for (; *paths && said < 0; paths++)
        said = byok_kit_count(usage, *paths);
    return said;
}

/* Images and transcriptions count in input_tokens and output_tokens.  Compatible services: DeepSeek
 * counts its cache in prompt_cache_hit_tokens, Moonshot in cached_tokens, Voyage gives an embeddings
 * call's total alone. */
struct byok_usage byok_openai_usage(const struct byok_value *usage)
{
    static const char *const cached[] = {"prompt_tokens_details.cached_tokens",
                                         "prompt_cache_hit_tokens",
                                         "input_tokens_details.cached_tokens",
                                         "cached_tokens",
                                         "num_cached_tokens",
                                         NULL};
    static const char *const written[] = {"prompt_tokens_details.cache_write_tokens",
                                          "input_tokens_details.cache_write_tokens", NULL};
    static const char *const reasoning[] = {"completion_tokens_details.reasoning_tokens",
                                            "output_tokens_details.reasoning_tokens",
                                            "reasoning_tokens", NULL};
    struct byok_usage out = BYOK_USAGE_UNSAID;
    out.input_tokens =
        first_said(byok_kit_count(usage, "prompt_tokens"), byok_kit_count(usage, "input_tokens"));
    out.output_tokens = first_said(byok_kit_count(usage, "completion_tokens"),
                                   byok_kit_count(usage, "output_tokens"));
    out.cached_tokens = first_of(usage, cached);
    out.cache_write_tokens = first_of(usage, written);
    out.reasoning_tokens = first_of(usage, reasoning);
    const int64_t total = byok_kit_count(usage, "total_tokens");
    if (out.reasoning_tokens > 0 && out.input_tokens >= 0 && out.output_tokens >= 0 &&
        total == out.input_tokens + out.output_tokens + out.reasoning_tokens)
        out.output_tokens += out.reasoning_tokens; /* xAI counts them apart */
    if (out.input_tokens < 0 && out.output_tokens < 0)
        out.input_tokens = byok_kit_count(usage, "total_tokens");
    return out;
}

enum byok_err byok_openai_read(const struct byok_adapter_call *call,
                               const struct byok_http_response *response, struct byok_value *root,
                               struct byok_answer *out, struct byok_fault *fault)
{
    *out = (struct byok_answer){.output = byok_value_map(), .usage = BYOK_USAGE_UNSAID};
    out->provider_request_id = byok_kit_header(call, response, "x-request-id");
    enum byok_err err = byok_kit_read(call, response, root, fault);
    if (err != BYOK_E_OK)
        return err;
    out->usage = byok_openai_usage(byok_value_find(root, "usage"));
    out->model = byok_value_as_str(byok_value_find(root, "model"));
    if (out->provider_request_id.len == 0)
        out->provider_request_id = byok_value_as_str(byok_value_find(root, "id"));
    if (call->request->raw)
        out->raw = *root;
    const struct byok_value *error = byok_value_find(root, "error");
    if (!byok_value_is(error, BYOK_VALUE_MAP) && byok_value_as_str(error).len == 0)
        return BYOK_E_OK;
    struct byok_fault said;
    byok_openai_classify_body(call, response, root, &said);
    if (fault)
        *fault = said;
    return said.code;
}

/* Listing the models is free.  A key with restricted rights may be refused it (403) and be good. */
static enum byok_err build_key_check(const struct byok_adapter_call *call,
                                     struct byok_http_request *out, struct byok_fault *fault)
{
    byok_openai_begin(call, "GET", "/models", "application/json", out);
    return byok_kit_check_memory(call, fault);
}

extern const struct byok_adapter byok_adapter_openai;

const struct byok_adapter byok_adapter_openai = {
    .name = "openai",
    .base_url = BYOK_OPENAI_ORIGIN "/v1",
    .auth_header = "Authorization",
    .auth_prefix = "Bearer ",
    .ops =
        {
            [BYOK_CHAT] = {.build = byok_openai_build_chat,
                           .parse = byok_openai_parse_chat,
                           .event = byok_openai_chat_event},
            [BYOK_EMBEDDINGS] = {.build = byok_openai_build_embeddings,
                                 .parse = byok_openai_parse_embeddings,
                                 .bulk = BYOK_OPENAI_BULK},
            [BYOK_TEXT_TO_SPEECH] = {.build = byok_openai_build_speech,
                                     .parse = byok_openai_parse_speech,
                                     .text_max = byok_openai_speech_max,
                                     .streams_audio = true},
            [BYOK_SPEECH_TO_TEXT] = {.build = byok_openai_build_transcription,
                                     .parse = byok_openai_parse_transcription,
                                     .event = byok_openai_transcription_event,
                                     .sends_file = true},
            [BYOK_IMAGE_GENERATION] = {.build = byok_openai_build_images,
                                       .parse = byok_openai_parse_images},
        },
    .build_key_check = build_key_check,
    .classify = byok_openai_classify,
};
