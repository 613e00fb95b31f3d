/* SPDX-License-Identifier: MIT */
/* tests/fuzz/fuzz_stream.c - any bytes as an event stream of every adapter that reads one: the same
 * wherever they are cut, and what is read can be published.
 *
 * The first byte is where the second reading cuts them, over and over.
 */
#include <assert.h>
#include <stdint.h>
#include <string.h>

#include "adapters/stream.h"
#include "schemas/codec.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define CAP_BYTES ((size_t)1 << 20)

static enum byok_err read_by(const struct byok_adapter_call *call, struct byok_str body,
                             size_t step, struct byok_buf *out)
{
    const struct byok_http_response response = {.status = 200};
    struct byok_fault fault = {.code = BYOK_E_OK};
    BYOK_AUTO(byok_stream) stream;
    enum byok_err err = BYOK_E_OK;
    byok_stream_init(&stream, CAP_BYTES, &response);
    byok_buf_init(out, (size_t)64 << 20);
    for (size_t at = 0; at < body.len && err == BYOK_E_OK; at += step) {
        size_t len = body.len - at < step ? body.len - at : step;
        err = byok_stream_feed(call, &stream, (struct byok_str){body.ptr + at, len}, &fault);
    }
    assert(err < BYOK_ERR_COUNT && err != BYOK_E_INTERNAL);
    for (const struct byok_delta *d = stream.first; d; d = d->next) {
        byok_buf_printf(out, "%d %u ", (int)d->kind, d->tool);
        byok_buf_add_str(out, byok_buf_str(&d->bytes));
    }
    return err;
}

static void read_whole(const struct byok_adapter_call *call, struct byok_str body)
{
    const struct byok_http_response response = {.status = 200, .body = body};
    struct byok_fault fault = {.code = BYOK_E_OK};
    struct byok_answer answer;
    BYOK_AUTO(byok_buf) buf = {.cap_bytes = (size_t)64 << 20};
    (void)byok_stream_is(&response);
    enum byok_err err = byok_stream_read(call, &response, CAP_BYTES, &answer, &fault);
    if (err != BYOK_E_OK)
        return;
    err = byok_encode(BYOK_JSON, &answer.output, &buf);
    assert(err == BYOK_E_OK);
}

static void read_as(const struct byok_adapter *adapter, enum byok_capability capability,
                    struct byok_str body, size_t step)
{
    BYOK_AUTO(byok_arena) arena = {.cap_bytes = (size_t)64 << 20};
    BYOK_AUTO(byok_buf) whole = {0};
    BYOK_AUTO(byok_buf) cut = {0};
    struct byok_fault fault = {.code = BYOK_E_OK};
    struct byok_provider provider = {.name = "fuzz"};
    struct byok_request request = {
        .type = BYOK_REQUEST_JOB, .capability = capability, .stream = true, .raw = true};
    request.root = byok_value_map();
    enum byok_err err = byok_provider_complete(&arena, &provider, adapter->name, &fault);
    assert(err == BYOK_E_OK);
    const struct byok_adapter_call call = {
        .arena = &arena, .provider = &provider, .request = &request};
    err = read_by(&call, body, body.len + 1, &whole);
    const enum byok_err other = read_by(&call, body, step, &cut);
    assert(err == other && byok_str_eq(byok_buf_str(&whole), byok_buf_str(&cut)));
    read_whole(&call, body);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const struct byok_adapter *adapter;
    if (size == 0)
        return 0;
    const struct byok_str body = {(const char *)data + 1, size - 1};
    for (size_t i = 0; (adapter = byok_adapter_at(i)); i++) {
        for (int capability = 0; capability < BYOK_CAPABILITY_COUNT; capability++) {
            if (adapter->ops[capability].event)
                read_as(adapter, (enum byok_capability)capability, body, (size_t)data[0] + 1);
        }
    }
    return 0;
}
