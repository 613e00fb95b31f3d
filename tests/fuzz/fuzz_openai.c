/* SPDX-License-Identifier: MIT */
/* tests/fuzz/fuzz_openai.c - any answer of a provider is read, or is a fault of a known code; any
 * audio becomes a form.
 *
 * The first byte chooses the status and whether headers are there (their values are the input's
 * first bytes), the rest is the body.
 */
#include <assert.h>
#include <stdint.h>
#include <string.h>

#include "adapters/adapter.h"
#include "schemas/codec.h"
#include "schemas/utf8.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define WALL_MS 1792567680000
#define HEADER_BYTES 32

struct input {
    int status;
    struct byok_str body;
    struct byok_http_header headers[5];
};

static struct input read_input(const uint8_t *data, size_t size)
{
    static const int statuses[] = {200, 400, 401, 403, 404, 429, 500, 503};
    static const char *const names[] = {"retry-after", "retry-after-ms", "x-request-id",
                                        "x-ratelimit-remaining-tokens", "x-ratelimit-reset-tokens"};
    struct input in = {.status = size > 0 ? statuses[data[0] % 8] : 200};
    in.body = (struct byok_str){(const char *)data + (size > 0), size - (size > 0)};
    const size_t len = in.body.len < HEADER_BYTES ? in.body.len : HEADER_BYTES;
    for (size_t i = 0; i < 5; i++)
        in.headers[i] = (struct byok_http_header){byok_str_of(names[i]), {in.body.ptr, len}};
    if (size > 0 && (data[0] & 8))
        in.headers[3].value = byok_str_of("0");
    return in;
}

static void check_fault(const struct byok_fault *fault)
{
    assert(fault->code > BYOK_E_OK && fault->code < BYOK_ERR_COUNT);
    assert(fault->code != BYOK_E_INTERNAL);
    assert(fault->retry_after_ms >= -1);
    assert(byok_utf8_valid(byok_str_of(fault->text)) == strlen(fault->text));
}

/* Whatever was read can be published. */
static void check_answer(const struct byok_answer *answer)
{
    for (int format = BYOK_JSON; format <= BYOK_MSGPACK; format++) {
        BYOK_AUTO(byok_buf) buf = {.cap_bytes = (size_t)64 << 20};
        enum byok_err err = byok_encode((enum byok_format)format, &answer->output, &buf);
        assert(err == BYOK_E_OK);
    }
    assert(answer->usage.input_tokens >= -1 && answer->usage.output_tokens >= -1);
}

static void read_as(enum byok_capability capability, const struct input *in)
{
    BYOK_AUTO(byok_arena) arena = {.cap_bytes = (size_t)16 << 20};
    struct byok_fault fault = {.code = BYOK_E_OK};
    struct byok_provider provider = {.name = "fuzz"};
    struct byok_request request = {.type = BYOK_REQUEST_JOB, .capability = capability, .raw = true};
    struct byok_answer answer;
    request.root = byok_value_map();
    byok_value_set(&arena, &request.root, "input", byok_value_text("Hi"));
    byok_value_set(&arena, &request.root, "text", byok_value_text("Hi"));
    enum byok_err err = byok_provider_complete(&arena, &provider, "openai", &fault);
    assert(err == BYOK_E_OK);
    const struct byok_adapter_call call = {
        .arena = &arena, .provider = &provider, .request = &request, .wall_ms = WALL_MS};
    const struct byok_http_response response = {
        .status = in->status, .headers = in->headers, .header_count = 5, .body = in->body};
    err = provider.adapter->ops[capability].parse(&call, &response, &answer, &fault);
    if (err == BYOK_E_OK)
        check_answer(&answer);
    else
        check_fault(&fault);
    memset(&fault, 0x5a, sizeof fault);
    provider.adapter->classify(&call, &response, &fault);
    check_fault(&fault);
}

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
    BYOK_AUTO(byok_arena) arena = {.cap_bytes = (size_t)16 << 20};
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
        .arena = &arena, .provider = &provider, .request = &request, .wall_ms = WALL_MS};
    err = provider.adapter->ops[BYOK_SPEECH_TO_TEXT].build(&call, &out, &fault);
    if (err == BYOK_E_OK)
        assert(is_piece_of(&out, audio));
    else
        check_fault(&fault);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const struct input in = read_input(data, size);
    read_as(BYOK_CHAT, &in);
    read_as(BYOK_EMBEDDINGS, &in);
    read_as(BYOK_TEXT_TO_SPEECH, &in);
    read_as(BYOK_SPEECH_TO_TEXT, &in);
    read_as(BYOK_IMAGE_GENERATION, &in);
    build_form(data, size);
    return 0;
}
