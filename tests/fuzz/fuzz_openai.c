/* SPDX-License-Identifier: MIT */
/* tests/fuzz/fuzz_openai.c - answers of, and jobs for, the openai adapter (see answers.h); and any
 * audio becomes a form. */
#include "answers.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static bool is_piece_of(const struct byok_http_request *out, struct byok_str text)
{
    for (size_t i = 0; i < out->piece_count; i++) {
        if (byok_str_eq(out->pieces[i], text))
            return true;
    }
    return false;
}

/* Any audio under any options is a form that holds it, or is refused. */
static void build_form(const uint8_t *data, size_t size)
{
    BYOK_AUTO(byok_arena) arena = {.cap_bytes = ANSWERS_CAP_BYTES};
    struct byok_fault fault = {.code = BYOK_E_OK};
    struct byok_provider provider = {.name = "fuzz"};
    struct byok_request request = {.type = BYOK_REQUEST_JOB, .capability = BYOK_SPEECH_TO_TEXT};
    struct byok_value options;
    struct byok_http_request out;
    const struct byok_str audio = {(const char *)data, size};
    if (byok_decode(&arena, BYOK_JSON, audio, &options, NULL) == BYOK_E_OK)
        request.provider_options = &options;
    request.root = byok_value_map();
    byok_value_set(&arena, &request.root, "audio", byok_value_bytes(audio));
    byok_value_set(&arena, &request.root, "media_type",
                   byok_value_string(byok_utf8_repair(&arena, audio)));
    enum byok_err err = byok_provider_complete(&arena, &provider, "openai", &fault);
    assert(err == BYOK_E_OK);
    const struct byok_adapter_call call = {
        .arena = &arena, .provider = &provider, .request = &request, .wall_ms = ANSWERS_WALL_MS};
    err = provider.adapter->ops[BYOK_SPEECH_TO_TEXT].build(&call, &out, &fault);
    if (err == BYOK_E_OK)
        assert(is_piece_of(&out, audio));
    else
        answers_check_fault(&fault);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const char *const names[ANSWERS_HEADERS] = {"retry-after", "retry-after-ms",
                                                       "x-ratelimit-remaining-tokens",
                                                       "x-ratelimit-reset-tokens", "x-request-id"};
    const struct answers_input in = answers_read(data, size, names);
    if (in.is_job)
        answers_build("openai", in.body);
    answers_parse("openai", BYOK_CHAT, "m", &in);
    answers_parse("openai", BYOK_EMBEDDINGS, "m", &in);
    answers_parse("openai", BYOK_TEXT_TO_SPEECH, "m", &in);
    answers_parse("openai", BYOK_SPEECH_TO_TEXT, "m", &in);
    answers_parse("openai", BYOK_IMAGE_GENERATION, "m", &in);
    build_form(data, size);
    return 0;
}
