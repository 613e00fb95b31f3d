/* SPDX-License-Identifier: MIT */
/* tests/unit/schemas/trees.c - see trees.h. */
#include "trees.h"

#include <criterion/criterion.h>

#define COUNT(table) (sizeof(table) / sizeof(table)[0])

uint64_t next_random(uint64_t *state)
{
    *state ^= *state >> 12;
    *state ^= *state << 25;
    *state ^= *state >> 27;
    return *state * 0x2545F4914F6CDD1Du;
}

static struct byok_value random_number(uint64_t *state)
{
    static const double doubles[] = {0.1, -0.0, 1.0,           1e300, -1e-300,
                                     0.5, 1e15, 123456789.125, 5e-324};
    static const int64_t wholes[] = {0,         -1,        127,         128,  -32,   -33,
                                     255,       256,       -128,        -129, 65535, 65536,
                                     INT64_MAX, INT64_MIN, -2147483649, 23};
    switch (next_random(state) % 4) {
    case 0:
        return byok_value_float(doubles[next_random(state) % COUNT(doubles)]);
    case 1:
        return byok_value_int(wholes[next_random(state) % COUNT(wholes)]);
    case 2:
        return (struct byok_value){.type = BYOK_VALUE_UINT, .as.u = next_random(state)};
    default:
        return byok_value_float((double)(float)(int32_t)next_random(state) / 8.0);
    }
}

static struct byok_str random_text(struct byok_arena *arena, uint64_t *state)
{
    static const char *const pieces[] = {"a",    "\"", "\\", "\n",   "\x01", "é",
                                         "日本", "👋", "/",  "\x7f", " "};
    struct byok_str text = {"", 0};
    for (uint64_t n = next_random(state) % 12; n > 0; n--)
        text = byok_arena_printf(arena, "%.*s%s", BYOK_STR_ARG(text),
                                 pieces[next_random(state) % COUNT(pieces)]);
    if (next_random(state) % 16 == 0) { /* past the borders of fixstr, str 8 and str 16 */
        static const size_t lengths[] = {31, 32, 255, 256, 65535, 65536};
        size_t len = lengths[next_random(state) % COUNT(lengths)];
        char *long_text = byok_arena_alloc(arena, len);
        memset(long_text, 'x', len);
        text = (struct byok_str){long_text, len};
    }
    return text;
}

struct byok_value random_tree(struct byok_arena *arena, uint64_t *state, int depth)
{
    uint64_t kind = next_random(state) % (depth > 0 ? 8 : 5);
    if (kind == 0)
        return byok_value_null();
    if (kind == 1)
        return byok_value_bool(next_random(state) % 2);
    if (kind == 2)
        return byok_value_string(random_text(arena, state));
    if (kind < 5)
        return random_number(state);
    uint64_t count = next_random(state) % 20 == 0 ? 300 : next_random(state) % 6;
    struct byok_value container = kind == 5 ? byok_value_array() : byok_value_map();
    for (uint64_t i = 0; i < count; i++) {
        struct byok_value child = random_tree(arena, state, count > 20 ? 0 : depth - 1);
        if (kind == 5)
            byok_value_push(arena, &container, child);
        else
            byok_value_set(arena, &container, byok_arena_printf(arena, "n%d", (int)i).ptr, child);
    }
    return container;
}

struct byok_value from_json(struct byok_arena *arena, const char *text)
{
    struct byok_value value;
    struct byok_fault fault;
    enum byok_err err = byok_decode(arena, BYOK_JSON, byok_str_of(text), &value, &fault);
    cr_assert_eq(err, BYOK_E_OK, "%s: %s", text, fault.text);
    return value;
}
