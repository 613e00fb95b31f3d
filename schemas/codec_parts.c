/* SPDX-License-Identifier: MIT */
/* schemas/codec_parts.c - what both formats refuse: a member that is there twice. */
#include "schemas/codec_parts.h"

#include <stdlib.h>
#include <string.h>

/* Up to here comparing all pairs is quicker than sorting. */
#define PAIRWISE_MAX 16

static int by_name(const void *a, const void *b)
{
    const struct byok_str *x = *(const struct byok_str *const *)a;
    const struct byok_str *y = *(const struct byok_str *const *)b;
    if (x->len != y->len)
        return x->len < y->len ? -1 : 1;
    return x->len == 0 ? 0 : memcmp(x->ptr, y->ptr, x->len);
}

static const struct byok_str *
duplicate_by_sorting(struct byok_arena *arena, const struct byok_member *members, uint32_t count)
{
    const struct byok_str **names = byok_arena_alloc(arena, count * sizeof *names);
    if (!names)
        return NULL;
    for (uint32_t i = 0; i < count; i++)
        names[i] = &members[i].name;
    qsort(names, count, sizeof *names, by_name);
    for (uint32_t i = 1; i < count; i++) {
        if (byok_str_eq(*names[i - 1], *names[i]))
            return names[i];
    }
    return NULL;
}

const struct byok_str *byok_duplicate_name(struct byok_arena *arena,
                                           const struct byok_member *members, uint32_t count)
{
    if (count > PAIRWISE_MAX)
        return duplicate_by_sorting(arena, members, count);
    for (uint32_t i = 1; i < count; i++) {
        for (uint32_t j = 0; j < i; j++) {
            if (byok_str_eq(members[i].name, members[j].name))
                return &members[i].name;
        }
    }
    return NULL;
}
