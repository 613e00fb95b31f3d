/* SPDX-License-Identifier: MIT */
/* schemas/value.c - building, searching and comparing trees. */
#include "schemas/value.h"

#include <string.h>

#define FIRST_ROOM 8u

struct byok_value byok_value_null(void)
{
    return (struct byok_value){.type = BYOK_VALUE_NULL};
}

struct byok_value byok_value_bool(bool b)
{
    return (struct byok_value){.type = BYOK_VALUE_BOOL, .as.boolean = b};
}

struct byok_value byok_value_int(int64_t i)
{
    if (i >= 0)
        return (struct byok_value){.type = BYOK_VALUE_UINT, .as.u = (uint64_t)i};
    return (struct byok_value){.type = BYOK_VALUE_INT, .as.i = i};
}

struct byok_value byok_value_float(double d)
{
    return (struct byok_value){.type = BYOK_VALUE_FLOAT, .as.d = d};
}

struct byok_value byok_value_string(struct byok_str text)
{
    return (struct byok_value){.type = BYOK_VALUE_STRING, .as.str = text};
}

struct byok_value byok_value_text(const char *text)
{
    return text ? byok_value_string(byok_str_of(text)) : byok_value_null();
}

struct byok_value byok_value_bytes(struct byok_str bytes)
{
    return (struct byok_value){.type = BYOK_VALUE_BYTES, .as.str = bytes};
}

struct byok_value byok_value_floats(const float *floats, uint32_t count)
{
    return (struct byok_value){.type = BYOK_VALUE_FLOATS, .count = count, .as.floats = floats};
}

struct byok_value byok_value_map(void)
{
    return (struct byok_value){.type = BYOK_VALUE_MAP};
}

struct byok_value byok_value_array(void)
{
    return (struct byok_value){.type = BYOK_VALUE_ARRAY};
}

/* Room for one more entry of `size` bytes: the entries, moved when they had to grow; NULL when the
 * arena failed, and then the container is left as it was. */
static void *one_more(struct byok_arena *arena, struct byok_value *container, void *entries,
                      size_t size)
{
    if (container->count < container->room)
        return entries;
    if (container->count > UINT32_MAX / 2) {
        arena->failed = true;
        return NULL;
    }
    uint32_t room = container->count < FIRST_ROOM ? FIRST_ROOM : container->count * 2;
    void *moved = byok_arena_alloc(arena, room * size);
    if (!moved)
        return NULL;
    if (container->count > 0)
        memcpy(moved, entries, container->count * size);
    container->room = room;
    return moved;
}

void byok_value_set(struct byok_arena *arena, struct byok_value *map, const char *name,
                    struct byok_value value)
{
    struct byok_member *members = one_more(arena, map, map->as.members, sizeof(struct byok_member));
    if (!members)
        return;
    map->as.members = members;
    members[map->count++] = (struct byok_member){byok_str_of(name), value};
}

void byok_value_set_str(struct byok_arena *arena, struct byok_value *map, const char *name,
                        struct byok_str text)
{
    if (text.len > 0)
        byok_value_set(arena, map, name, byok_value_string(text));
}

void byok_value_push(struct byok_arena *arena, struct byok_value *array, struct byok_value item)
{
    struct byok_value *items = one_more(arena, array, array->as.items, sizeof item);
    if (!items)
        return;
    array->as.items = items;
    items[array->count++] = item;
}

static const struct byok_value *find(const struct byok_value *map, struct byok_str name)
{
    if (!byok_value_is(map, BYOK_VALUE_MAP))
        return NULL;
    for (uint32_t i = 0; i < map->count; i++) {
        if (byok_str_eq(map->as.members[i].name, name))
            return &map->as.members[i].value;
    }
    return NULL;
}

const struct byok_value *byok_value_find(const struct byok_value *map, const char *name)
{
    return find(map, byok_str_of(name));
}

const struct byok_value *byok_value_path(const struct byok_value *map, const char *path)
{
    const char *dot;
    while (map && (dot = strchr(path, '.'))) {
        map = find(map, (struct byok_str){path, (size_t)(dot - path)});
        path = dot + 1;
    }
    return byok_value_find(map, path);
}

struct byok_str byok_value_as_str(const struct byok_value *value)
{
    return byok_value_is(value, BYOK_VALUE_STRING) ? value->as.str : (struct byok_str){NULL, 0};
}

bool byok_value_as_int(const struct byok_value *value, int64_t *out)
{
    if (byok_value_is(value, BYOK_VALUE_INT)) {
        *out = value->as.i;
        return true;
    }
    if (byok_value_is(value, BYOK_VALUE_UINT) && value->as.u <= INT64_MAX) {
        *out = (int64_t)value->as.u;
        return true;
    }
    /* 2^63 as a double is exact; at and past it the conversion would be undefined */
    if (byok_value_is(value, BYOK_VALUE_FLOAT) && value->as.d >= -0x1p63 && value->as.d < 0x1p63 &&
        (double)(int64_t)value->as.d == value->as.d) {
        *out = (int64_t)value->as.d;
        return true;
    }
    return false;
}

bool byok_value_as_double(const struct byok_value *value, double *out)
{
    if (byok_value_is(value, BYOK_VALUE_FLOAT))
        *out = value->as.d;
    else if (byok_value_is(value, BYOK_VALUE_INT))
        *out = (double)value->as.i;
    else if (byok_value_is(value, BYOK_VALUE_UINT))
        *out = (double)value->as.u;
    else
        return false;
    return true;
}

static bool same_double(double a, double b)
{
    return a == b || (a != a && b != b); /* NaN is itself here */
}

static bool same_number(const struct byok_value *a, const struct byok_value *b)
{
    if (a->type == BYOK_VALUE_FLOAT || b->type == BYOK_VALUE_FLOAT)
        return a->type == b->type && same_double(a->as.d, b->as.d);
    bool a_negative = a->type == BYOK_VALUE_INT && a->as.i < 0;
    bool b_negative = b->type == BYOK_VALUE_INT && b->as.i < 0;
    return a_negative == b_negative && a->as.u == b->as.u;
}

static bool is_number(const struct byok_value *value)
{
    return value->type == BYOK_VALUE_INT || value->type == BYOK_VALUE_UINT ||
           value->type == BYOK_VALUE_FLOAT;
}

static bool same_floats(const struct byok_value *a, const struct byok_value *b)
{
    for (uint32_t i = 0; i < a->count; i++) {
        if (!same_double((double)a->as.floats[i], (double)b->as.floats[i]))
            return false;
    }
    return true;
}

static bool same_items(const struct byok_value *a, const struct byok_value *b)
{
    for (uint32_t i = 0; i < a->count; i++) {
        if (!byok_value_equal(&a->as.items[i], &b->as.items[i]))
            return false;
    }
    return true;
}

static bool same_members(const struct byok_value *a, const struct byok_value *b)
{
    for (uint32_t i = 0; i < a->count; i++) {
        const struct byok_value *other = find(b, a->as.members[i].name);
        if (!other || !byok_value_equal(&a->as.members[i].value, other))
            return false;
    }
    return true;
}

bool byok_value_equal(const struct byok_value *a, const struct byok_value *b)
{
    if (is_number(a) && is_number(b))
        return same_number(a, b);
    if (a->type != b->type || a->count != b->count)
        return false;
    switch (a->type) {
    case BYOK_VALUE_NULL:
        return true;
    case BYOK_VALUE_BOOL:
        return a->as.boolean == b->as.boolean;
    case BYOK_VALUE_INT:
    case BYOK_VALUE_UINT:
    case BYOK_VALUE_FLOAT:
        return same_number(a, b);
    case BYOK_VALUE_STRING:
    case BYOK_VALUE_BYTES:
        return byok_str_eq(a->as.str, b->as.str);
    case BYOK_VALUE_FLOATS:
        return same_floats(a, b);
    case BYOK_VALUE_ARRAY:
        return same_items(a, b);
    case BYOK_VALUE_MAP:
        return same_members(a, b);
    }
    return false;
}
