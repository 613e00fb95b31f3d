/* SPDX-License-Identifier: MIT */
/* adapters/gemini.c - Google's Gemini API (generativelanguage.googleapis.com), with a key.
 *
 * Source: https://ai.google.dev/api, the published protos (google/ai/generativelanguage/v1beta) and
 * recorded answers (tests/golden/gemini).  The parts: gemini_chat, gemini_messages, gemini_content,
 * gemini_answer, gemini_stream, gemini_embeddings, gemini_speech, gemini_image, gemini_errors.  This file: what
 * they share, and the table.
 */
#include "adapters/gemini_parts.h"

struct byok_str byok_gemini_model(const struct byok_adapter_call *call)
{
    const struct byok_str prefix = BYOK_STR("models/");
    struct byok_str model = call->model;
    if (byok_str_starts(model, prefix))
        model = (struct byok_str){model.ptr + prefix.len, model.len - prefix.len};
    return model;
}

enum byok_err byok_gemini_post(const struct byok_adapter_call *call, const char *method,
                               const struct byok_value *body, struct byok_http_request *out,
                               struct byok_fault *fault)
{
    struct byok_str segment = byok_kit_segment(call->arena, byok_gemini_model(call));
    struct byok_str path =
        byok_arena_printf(call->arena, "/models/%.*s:%s", BYOK_STR_ARG(segment), method);
    byok_kit_begin(call, "POST", path.ptr ? path.ptr : "", NULL, out);
    return byok_kit_end_json(call, body, out, fault);
}

/* Answers after the first would be lost. */
static enum byok_err check_options(const struct byok_adapter_call *call, struct byok_fault *fault)
{
    int64_t count = 1;
    const struct byok_value *said =
        byok_value_path(call->request->provider_options, "generationConfig.candidateCount");
    if (byok_value_as_int(said, &count) && count > 1 && !call->request->raw)
        return byok_fault_set(fault, BYOK_E_UNSUPPORTED,
                              "provider_options \"candidateCount\": only the first answer is read; "
                              "set raw to true to be given all of them");
    return BYOK_E_OK;
}

enum byok_err byok_gemini_generate(const struct byok_adapter_call *call, struct byok_value *body,
                                   struct byok_http_request *out, struct byok_fault *fault)
{
    enum byok_err err = check_options(call, fault);
    if (err != BYOK_E_OK)
        return err;
    byok_kit_merge_options(call, body);
    return byok_gemini_post(
        call, call->request->stream ? "streamGenerateContent?alt=sse" : "generateContent", body,
        out, fault);
}

struct byok_value byok_gemini_prompt(const struct byok_adapter_call *call, struct byok_str text)
{
    struct byok_value body = byok_value_map(), contents = byok_value_array();
    struct byok_value content = byok_value_map(), parts = byok_value_array();
    byok_gemini_put_text(call, text, &parts);
    byok_value_set(call->arena, &content, "role", byok_value_text("user"));
    byok_value_set(call->arena, &content, "parts", parts);
    byok_value_push(call->arena, &contents, content);
    byok_value_set(call->arena, &body, "contents", contents);
    return body;
}

/* ---- answers ---- */

/* promptTokenCount has what came from a cache in it; thoughts are on top of candidates.  A count of
 * 0 is left out, as protobuf's JSON does. */
struct byok_usage byok_gemini_usage(const struct byok_value *usage)
{
    struct byok_usage out = BYOK_USAGE_UNSAID;
    if (!byok_value_is(usage, BYOK_VALUE_MAP))
        return out;
    out.input_tokens = byok_kit_sum(byok_kit_count(usage, "promptTokenCount"),
                                    byok_kit_count(usage, "toolUsePromptTokenCount"));
    out.cached_tokens = byok_kit_count(usage, "cachedContentTokenCount");
    out.reasoning_tokens = byok_kit_count(usage, "thoughtsTokenCount");
    out.output_tokens =
        byok_kit_sum(byok_kit_count(usage, "candidatesTokenCount"), out.reasoning_tokens);
    if (out.output_tokens < 0 && out.input_tokens >= 0)
        out.output_tokens = 0;
    return out;
}

enum byok_err byok_gemini_read(const struct byok_adapter_call *call,
                               const struct byok_http_response *response, struct byok_value *root,
                               struct byok_answer *out, struct byok_fault *fault)
{
    *out = (struct byok_answer){.output = byok_value_map(), .usage = BYOK_USAGE_UNSAID};
    enum byok_err err = byok_kit_read(call, response, root, fault);
    if (err != BYOK_E_OK)
        return err;
    out->usage = byok_gemini_usage(byok_value_find(root, "usageMetadata"));
    out->model = byok_value_as_str(byok_value_find(root, "modelVersion"));
    out->provider_request_id = byok_value_as_str(byok_value_find(root, "responseId"));
    if (call->request->raw)
        out->raw = *root;
    if (!byok_value_is(byok_value_find(root, "error"), BYOK_VALUE_MAP))
        return BYOK_E_OK;
    struct byok_fault said;
    byok_gemini_classify_body(call, response, root, &said);
    if (fault)
        *fault = said;
    return said.code;
}

/* Listing the models is free. */
static enum byok_err build_key_check(const struct byok_adapter_call *call,
                                     struct byok_http_request *out, struct byok_fault *fault)
{
    byok_kit_begin(call, "GET", "/models?pageSize=1", NULL, out);
    return byok_kit_check_memory(call, fault);
}

extern const struct byok_adapter byok_adapter_gemini;

/* The key goes into a header, never into the address, where logs would have it. */
const struct byok_adapter byok_adapter_gemini = {
    .name = "gemini",
    .base_url = "https://generativelanguage.googleapis.com/v1beta",
    .auth_header = "x-goog-api-key",
    .auth_prefix = "",
    .ops =
        {
            [BYOK_CHAT] = {.build = byok_gemini_build_chat,
                           .parse = byok_gemini_parse_chat,
                           .event = byok_gemini_event},
            [BYOK_EMBEDDINGS] = {.build = byok_gemini_build_embeddings,
                                 .parse = byok_gemini_parse_embeddings,
                                 .bulk = {.texts = BYOK_GEMINI_INPUTS_MAX}},
            [BYOK_TEXT_TO_SPEECH] = {.build = byok_gemini_build_speech,
                                     .parse = byok_gemini_parse_speech,
                                     .event = byok_gemini_speech_event,
                                     .text_max = byok_gemini_speech_max},
            [BYOK_IMAGE_GENERATION] = {.build = byok_gemini_build_image,
                                       .parse = byok_gemini_parse_image},
        },
    .build_key_check = build_key_check,
    .classify = byok_gemini_classify,
};
