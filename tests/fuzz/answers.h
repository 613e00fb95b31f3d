/* SPDX-License-Identifier: MIT */
/* tests/fuzz/answers.h - what the targets of adapters share: any answer is read or is a fault of a
 * known code, and any job is built or refused.
 *
 * The first byte of an input chooses the status, its bit 3 a used up limit in the headers, its bit
 * 4 that the rest is a job and not an answer; the rest is the body, whose first bytes are the
 * headers' values too.
 */
#ifndef BYOK_TESTS_FUZZ_ANSWERS_H
#define BYOK_TESTS_FUZZ_ANSWERS_H

#include <assert.h>
#include <stdint.h>
#include <string.h>

#include "adapters/adapter.h"
#include "schemas/codec.h"
#include "schemas/utf8.h"

#define ANSWERS_WALL_MS 1792567680000
#define ANSWERS_HEADERS 5
#define ANSWERS_CAP_BYTES ((size_t)16 << 20)

struct answers_input {
    int status;
    bool is_job;
    struct byok_str body;
    struct byok_http_header headers[ANSWERS_HEADERS];
};

/* The third header is the count that bit 3 sets to 0. */
static inline struct answers_input answers_read(const uint8_t *data, size_t size,
                                                const char *const names[static ANSWERS_HEADERS])
{
    static const int statuses[] = {200, 400, 401, 403, 404, 429, 500, 503};
    struct answers_input in = {.status = size > 0 ? statuses[data[0] % 8] : 200};
    in.is_job = size > 0 && (data[0] & 16);
    in.body = (struct byok_str){(const char *)data + (size > 0), size - (size > 0)};
    const size_t len = in.body.len < 32 ? in.body.len : 32;
    for (size_t i = 0; i < ANSWERS_HEADERS; i++)
        in.headers[i] = (struct byok_http_header){byok_str_of(names[i]), {in.body.ptr, len}};
    if (size > 0 && (data[0] & 8))
        in.headers[2].value = byok_str_of("0");
    return in;
}

static inline void answers_check_fault(const struct byok_fault *fault)
{
    assert(fault->code > BYOK_E_OK && fault->code < BYOK_ERR_COUNT);
    assert(fault->code != BYOK_E_INTERNAL);
    assert(fault->retry_after_ms >= -1);
    assert(byok_utf8_valid(byok_str_of(fault->text)) == strlen(fault->text));
}

/* Whatever was read can be published. */
static inline void answers_check(const struct byok_answer *answer)
{
    for (int format = BYOK_JSON; format <= BYOK_MSGPACK; format++) {
        BYOK_AUTO(byok_buf) buf = {.cap_bytes = (size_t)64 << 20};
        enum byok_err err = byok_encode((enum byok_format)format, &answer->output, &buf);
        assert(err == BYOK_E_OK);
    }
    assert(answer->usage.input_tokens >= -1 && answer->usage.output_tokens >= -1);
    assert(answer->usage.cached_tokens >= -1 && answer->usage.cache_write_tokens >= -1 &&
           answer->usage.cache_write_1h_tokens >= -1);
    assert(answer->usage.milliseconds >= -1 && answer->usage.images >= -1);
}

static inline void answers_parse(const char *adapter, enum byok_capability capability,
                                 const char *model, const struct answers_input *in)
{
    BYOK_AUTO(byok_arena) arena = {.cap_bytes = ANSWERS_CAP_BYTES};
    struct byok_fault fault = {.code = BYOK_E_OK};
    struct byok_provider provider = {.name = "fuzz"};
    struct byok_request request = {.type = BYOK_REQUEST_JOB, .capability = capability, .raw = true};
    struct byok_answer answer;
    request.root = byok_value_map();
    byok_value_set(&arena, &request.root, "input", byok_value_text("Hi"));
    byok_value_set(&arena, &request.root, "text", byok_value_text("Hi"));
    enum byok_err err = byok_provider_complete(&arena, &provider, adapter, &fault);
    assert(err == BYOK_E_OK);
    const struct byok_adapter_call call = {.arena = &arena,
                                           .provider = &provider,
                                           .request = &request,
                                           .model = byok_str_of(model),
                                           .wall_ms = ANSWERS_WALL_MS};
    const struct byok_http_response response = {.status = in->status,
                                                .headers = in->headers,
                                                .header_count = ANSWERS_HEADERS,
                                                .body = in->body};
    err = provider.adapter->ops[capability].parse(&call, &response, &answer, &fault);
    if (err == BYOK_E_OK)
        answers_check(&answer);
    else
        answers_check_fault(&fault);
    memset(&fault, 0x5a, sizeof fault);
    provider.adapter->classify(&call, &response, &fault);
    answers_check_fault(&fault);
}

/* A job of user alice: built under the base_url, or refused. */
static inline void answers_build(const char *adapter, struct byok_str job)
{
    BYOK_AUTO(byok_arena) arena = {.cap_bytes = ANSWERS_CAP_BYTES};
    struct byok_fault fault = {.code = BYOK_E_OK};
    struct byok_provider provider = {.name = "fuzz"};
    struct byok_request request;
    struct byok_http_request built;
    if (byok_request_decode(&arena, byok_str_of("application/json"), byok_str_of("alice"), job,
                            ANSWERS_WALL_MS, &request, &fault) != BYOK_E_OK ||
        request.type != BYOK_REQUEST_JOB)
        return;
    enum byok_err err = byok_provider_complete(&arena, &provider, adapter, &fault);
    assert(err == BYOK_E_OK);
    if (!provider.adapter->ops[request.capability].build)
        return;
    const struct byok_adapter_call call = {.arena = &arena,
                                           .provider = &provider,
                                           .request = &request,
                                           .model = request.model.len > 0 ? request.model
                                                                          : byok_str_of("m"),
                                           .attempt_id = request.id,
                                           .wall_ms = ANSWERS_WALL_MS};
    err = provider.adapter->ops[request.capability].build(&call, &built, &fault);
    if (err == BYOK_E_OK)
        assert(byok_str_starts(built.url, byok_str_of(provider.base_url)) &&
               byok_http_body_bytes(&built) > 0);
    else
        answers_check_fault(&fault);
}

#endif
