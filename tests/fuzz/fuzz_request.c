/* SPDX-License-Identifier: MIT */
/* tests/fuzz/fuzz_request.c - any record of the requests topic is a sound request or a dead letter.
 *
 * The record key is always "alice", the user of the corpus.
 */
#include <assert.h>
#include <stdint.h>
#include <string.h>

#include "base/arena.h"
#include "base/limits.h"
#include "schemas/request.h"
#include "schemas/utf8.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* What everything above may rely on. */
static void check(const struct byok_request *request)
{
    assert(request->type < BYOK_REQUEST_TYPE_COUNT);
    assert(request->capability < BYOK_CAPABILITY_COUNT);
    assert(request->id.len >= 1 && request->id.len <= BYOK_ID_MAX);
    assert(!byok_has_controls(request->id) && !byok_has_controls(request->provider));
    assert(byok_str_is(request->user, "alice"));
    assert(request->provider.len <= BYOK_PROVIDER_MAX && request->model.len <= BYOK_MODEL_MAX);
    assert(request->label.len >= 1 && request->label.len <= BYOK_LABEL_MAX);
    assert(request->deadline_wall_ms >= 0);
    assert(request->root.type == BYOK_VALUE_MAP);
    assert(!request->metadata || request->metadata->type == BYOK_VALUE_MAP);
    assert(request->settings.concurrency >= BYOK_SETTING_DEFAULT);
    assert(request->expires_wall_ms >= 0 && request->signature.at_wall_ms >= 0);
    if (byok_request_stores_key(request->type))
        assert(request->envelope.len > 0 && request->provider.len > 0);
}

static void decode(struct byok_str content_type, struct byok_str bytes)
{
    BYOK_AUTO(byok_arena) arena = {.cap_bytes = (size_t)16 << 20};
    struct byok_request request;
    struct byok_fault fault = {.code = BYOK_E_OK};
    enum byok_err err = byok_request_decode(&arena, content_type, byok_str_of("alice"), bytes,
                                            1796000000000, &request, &fault);
    assert(err == fault.code);
    if (err == BYOK_E_OK) {
        check(&request);
        return;
    }
    assert(err == BYOK_E_BAD_MESSAGE || err == BYOK_E_WRONG_KEY || err == BYOK_E_RAW_KEY ||
           err == BYOK_E_NOMEM);
    assert(byok_utf8_valid(byok_str_of(fault.text)) == strlen(fault.text));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct byok_str bytes = {(const char *)data, size};
    decode(byok_str_of("application/json"), bytes);
    decode(byok_str_of("application/msgpack"), bytes);
    decode((struct byok_str){NULL, 0}, bytes);
    return 0;
}
