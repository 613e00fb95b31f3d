/* SPDX-License-Identifier: MIT */
/* tests/fuzz/fuzz_payload.c - references: any bytes as a job, any user; what is taken is one name. */
#include <assert.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <sodium.h>

#include "schemas/codec.h"
#include "schemas/payload.h"

struct seen {
    struct byok_str user;
    struct byok_arena *arena;
};

static void look(void *arg, const struct byok_value *owner, struct byok_value *place)
{
    const struct seen *seen = arg;
    struct byok_payload_ref ref, again;
    struct byok_fault fault = {.code = BYOK_E_OK};
    assert(owner->type == BYOK_VALUE_MAP);
    if (!byok_payload_is_ref(place))
        return;
    if (byok_payload_read(place, seen->user, &ref, &fault) != BYOK_E_OK) {
        assert(fault.code == BYOK_E_BAD_REQUEST && fault.text[0] != '\0');
        return;
    }
    assert(ref.size > 0 && strlen(ref.name) == BYOK_PAYLOAD_NAME_CHARS);
    assert(strspn(ref.name, "0123456789abcdef") == BYOK_PAYLOAD_OWNER_CHARS);
    assert(strspn(ref.name + BYOK_PAYLOAD_OWNER_CHARS + 1, "0123456789abcdef") ==
           BYOK_PAYLOAD_OWNER_CHARS);
    struct byok_value value = byok_payload_value(seen->arena, &ref);
    if (byok_arena_failed(seen->arena))
        return;
    enum byok_err err = byok_payload_read(&value, seen->user, &again, &fault);
    assert(err == BYOK_E_OK && strcmp(ref.name, again.name) == 0 && again.size == ref.size);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    BYOK_AUTO(byok_arena) arena = {.cap_bytes = (size_t)1 << 22};
    struct byok_value root;
    if (sodium_init() < 0)
        abort();
    const struct byok_str bytes = {(const char *)data, size};
    struct seen seen = {byok_str_of("alice"), &arena};
    for (int format = BYOK_JSON; format <= BYOK_MSGPACK; format++) {
        if (byok_decode(&arena, (enum byok_format)format, bytes, &root, NULL) != BYOK_E_OK)
            continue;
        byok_payload_each_input(&root, look, &seen);
        byok_payload_each_output(&root, look, &seen);
        look(&seen, &(struct byok_value){.type = BYOK_VALUE_MAP}, &root);
    }
    return 0;
}
