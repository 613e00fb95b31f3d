/* SPDX-License-Identifier: MIT */
/* tests/sim/sim_vectors.c - the simulated provider's embeddings; see tests/sim/sim_http.h. */
#include <stdio.h>

#include "schemas/codec.h"
#include "tests/sim/sim_fault.h"
#include "tests/sim/sim_http.h"
#include "tests/sim/world.h"

struct byok_value sim_texts_of(struct byok_arena *arena, struct byok_str body)
{
    struct byok_value root, list = byok_value_array();
    if (body.len == 0 || byok_decode(arena, BYOK_JSON, body, &root, NULL) != BYOK_E_OK)
        return list;
    const struct byok_value *input = byok_value_find(&root, "input");
    if (byok_value_is(input, BYOK_VALUE_ARRAY))
        return *input;
    if (input)
        byok_value_push(arena, &list, *input);
    return list;
}

struct byok_str sim_text_owner(const struct byok_value *text)
{
    struct byok_str all = byok_value_as_str(text);
    size_t len = byok_str_find(all, byok_str_of("#"));
    return (struct byok_str){all.ptr, len == SIZE_MAX ? 0 : len};
}

void sim_vector_of(struct byok_str text, int64_t vector[static 2])
{
    vector[0] = (int64_t)text.len;
    vector[1] = 0;
    for (size_t i = 0; i < text.len; i++)
        vector[1] = (vector[1] * 31 + (unsigned char)text.ptr[i]) % 100000;
}

int64_t sim_vectors_body(const struct sim_entry *entry, const struct byok_value *texts, char **out)
{
    const size_t room = 200 + (size_t)texts->count * 100;
    char *body = sim_new(room, 1);
    size_t len = (size_t)snprintf(body, room, "{\"model\":\"embed-sim\",\"data\":[");
    for (uint32_t i = 0; i < texts->count; i++) {
        int64_t vector[2];
        sim_vector_of(byok_value_as_str(&texts->as.items[i]), vector);
        len += (size_t)snprintf(body + len, room - len, "%s{\"index\":%u,\"embedding\":[%d,%d]}",
                                i ? "," : "", i, (int)vector[0], (int)vector[1]);
    }
    int tokens = entry->texts > 0 ? SIM_TEXT_TOKENS * (int)texts->count : 3;
    snprintf(
        body + len, room - len,
        "],\"usage\":{\"prompt_tokens\":%d,\"prompt_tokens_details\":{\"cache_write_tokens\":%d},"
        "\"total_tokens\":%d}}",
        tokens, tokens, tokens);
    *out = body;
    return tokens;
}
