/* SPDX-License-Identifier: MIT */
/* tests/fuzz/fuzz_codec.c - any bytes, as JSON and as msgpack: they decode or they do not; and what
 * decodes is the same after it was written and read again.
 */
#include <assert.h>
#include <stdint.h>
#include <stdlib.h>

#include "base/arena.h"
#include "base/buf.h"
#include "schemas/codec.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define CAP ((size_t)16 << 20)

static void decode_and_write(enum byok_format format, struct byok_str bytes)
{
    BYOK_AUTO(byok_arena) arena = {.cap_bytes = CAP};
    BYOK_AUTO(byok_buf) buf = {.cap_bytes = CAP};
    struct byok_value value, again;
    struct byok_fault fault = {.code = BYOK_E_OK};
    enum byok_err err = byok_decode(&arena, format, bytes, &value, &fault);
    assert(err == fault.code);
    if (err != BYOK_E_OK)
        return;
    err = byok_encode(format, &value, &buf);
    assert(err == BYOK_E_OK);
    err = byok_decode(&arena, format, byok_buf_str(&buf), &again, NULL);
    assert(err == BYOK_E_NOMEM || (err == BYOK_E_OK && byok_value_equal(&value, &again)));
}

static void decode_base64(struct byok_str text)
{
    BYOK_AUTO(byok_arena) arena = {0};
    struct byok_str bytes, again;
    if (!byok_base64_decode(&arena, text, &bytes))
        return;
    struct byok_str encoded = byok_base64_encode(&arena, bytes);
    bool same = byok_base64_decode(&arena, encoded, &again) && byok_str_eq(bytes, again);
    assert(same);
    (void)same;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct byok_str bytes = {(const char *)data, size};
    decode_and_write(BYOK_JSON, bytes);
    decode_and_write(BYOK_MSGPACK, bytes);
    decode_base64(bytes);
    return 0;
}
