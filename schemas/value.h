/* SPDX-License-Identifier: MIT */
/* schemas/value.h - a message as a tree, whatever its wire format was.
 *
 * JSON and msgpack are read into the same tree and written from it, so that nothing above the
 * codec knows which one a job came in.  A tree borrows everything from an arena; it is released
 * with it and never by itself.  Building cannot fail one by one: ask byok_arena_failed() at the end.
 */
#ifndef BYOK_SCHEMAS_VALUE_H
#define BYOK_SCHEMAS_VALUE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/str.h"

enum byok_value_type {
    BYOK_VALUE_NULL,
    BYOK_VALUE_BOOL,
    BYOK_VALUE_INT,    /* negative whole numbers */
    BYOK_VALUE_UINT,   /* whole numbers from 0 */
    BYOK_VALUE_FLOAT,  /* everything else */
    BYOK_VALUE_STRING, /* UTF-8 */
    BYOK_VALUE_BYTES,  /* msgpack bin; base64 text in JSON */
    BYOK_VALUE_FLOATS, /* a vector: array of float32 in msgpack, of numbers in JSON */
    BYOK_VALUE_ARRAY,
    BYOK_VALUE_MAP
};

struct byok_value {
    enum byok_value_type type;
    uint32_t count; /* items of an array, members of a map, elements of floats */
    uint32_t room;  /* of items or members; builders only */
    union {
        bool boolean;
        int64_t i;
        uint64_t u;
        double d;
        struct byok_str str; /* STRING and BYTES */
        const float *floats;
        struct byok_value *items;
        struct byok_member *members;
    } as;
};

struct byok_member {
    struct byok_str name;
    struct byok_value value;
};

/* Scalars; the text or bytes are borrowed. */
struct byok_value byok_value_null(void);
struct byok_value byok_value_bool(bool b);
struct byok_value byok_value_int(int64_t i); /* UINT when i >= 0 */
struct byok_value byok_value_float(double d);
struct byok_value byok_value_string(struct byok_str text);
struct byok_value byok_value_text(const char *text); /* NUL-terminated; NULL gives null */
struct byok_value byok_value_bytes(struct byok_str bytes);
struct byok_value byok_value_floats(const float *floats, uint32_t count);
struct byok_value byok_value_map(void);
struct byok_value byok_value_array(void);

/** Add a member (the name is borrowed); the caller does not add the same name twice. */
void byok_value_set(struct byok_arena *arena, struct byok_value *map, const char *name,
                    struct byok_value value) BYOK_NONNULL(1, 2, 3);

/** Add a member only when the text is not empty. */
void byok_value_set_str(struct byok_arena *arena, struct byok_value *map, const char *name,
                        struct byok_str text) BYOK_NONNULL(1, 2, 3);

/** Add an item. */
void byok_value_push(struct byok_arena *arena, struct byok_value *array, struct byok_value item)
    BYOK_NONNULL(1, 2);

/** The member of that name, or NULL when `map` is NULL, no map, or has none. */
const struct byok_value *byok_value_find(const struct byok_value *map, const char *name);

/** The same along a dotted path, e.g. "error.code". */
const struct byok_value *byok_value_path(const struct byok_value *map, const char *path);

/** The text of a string value; the empty slice for NULL and for any other type. */
struct byok_str byok_value_as_str(const struct byok_value *value);

/** Whole number: true and `*out` set for INT, UINT that fits, and FLOAT without a fraction. */
bool byok_value_as_int(const struct byok_value *value, int64_t *out) BYOK_NONNULL(2);

/** Any number as double; false (out untouched) for other types. */
bool byok_value_as_double(const struct byok_value *value, double *out) BYOK_NONNULL(2);

static inline bool byok_value_is(const struct byok_value *value, enum byok_value_type type)
{
    return value && value->type == type;
}

/** Deep equality (order of members does not matter; INT and UINT compare by number). */
bool byok_value_equal(const struct byok_value *a, const struct byok_value *b) BYOK_NONNULL(1, 2);

#endif
