/* SPDX-License-Identifier: MIT */
/* schemas/codec_msgpack.c - msgpack to a tree and back, by msgpack-c.
 *
 * msgpack-c allocates what an array's header claims before it has seen the items, and its errors
 * do not say where.  So a guard walks the bytes first: it checks every length against the bytes
 * that are there, the depth, UTF-8 and the types, and counts the values.  What passes it, msgpack-c
 * reads in proportionate memory.
 */
#include <float.h>
#include <string.h>

#include <msgpack.h>

#include "base/limits.h"
#include "schemas/codec.h"
#include "schemas/codec_parts.h"
#include "schemas/utf8.h"

/* ---- the guard ---- */

enum kind { FIXED, TEXT, BINARY, ARRAY, MAP, EXT, RESERVED };

/* What a first byte says: how many bytes of length follow it, and the length when it is inside.
 * FIXED: `length` bytes of content. */
struct head {
    enum kind kind;
    uint8_t length_bytes;
    uint32_t length;
};

/* msgpack specification, "Formats": the first bytes 0xc0 to 0xdf */
/* clang-format off */
static const struct head heads[0x20] = {
    {FIXED, 0, 0}, {RESERVED, 0, 0}, {FIXED, 0, 0}, {FIXED, 0, 0}, /* nil, -, false, true */
    {BINARY, 1, 0}, {BINARY, 2, 0}, {BINARY, 4, 0}, {EXT, 1, 0},   /* bin 8/16/32, ext 8 */
    {EXT, 2, 0}, {EXT, 4, 0}, {FIXED, 0, 4}, {FIXED, 0, 8},        /* ext 16/32, float 32/64 */
    {FIXED, 0, 1}, {FIXED, 0, 2}, {FIXED, 0, 4}, {FIXED, 0, 8},    /* uint 8/16/32/64 */
    {FIXED, 0, 1}, {FIXED, 0, 2}, {FIXED, 0, 4}, {FIXED, 0, 8},    /* int 8/16/32/64 */
    {EXT, 0, 1}, {EXT, 0, 2}, {EXT, 0, 4}, {EXT, 0, 8},            /* fixext 1/2/4/8 */
    {EXT, 0, 16}, {TEXT, 1, 0}, {TEXT, 2, 0}, {TEXT, 4, 0},        /* fixext 16, str 8/16/32 */
    {ARRAY, 2, 0}, {ARRAY, 4, 0}, {MAP, 2, 0}, {MAP, 4, 0},        /* array, map 16/32 */
};
/* clang-format on */

struct level {
    bool map;
    uint64_t left; /* values still to come; of a map, names and values */
};

struct guard {
    struct byok_str bytes;
    size_t at;
    size_t values;
    int depth;
    struct level levels[BYOK_NEST_MAX];
    const char *why; /* what is wrong at `at`; NULL: nothing */
};

static bool wrong(struct guard *guard, const char *why)
{
    guard->why = why;
    return false;
}

static struct head head_of(uint8_t first)
{
    if (first < 0x80 || first >= 0xE0)
        return (struct head){FIXED, 0, 0};
    if (first < 0x90)
        return (struct head){MAP, 0, first & 0x0Fu};
    if (first < 0xA0)
        return (struct head){ARRAY, 0, first & 0x0Fu};
    if (first < 0xC0)
        return (struct head){TEXT, 0, first & 0x1Fu};
    return heads[first - 0xC0];
}

static bool enter(struct guard *guard, struct head head, size_t left)
{
    uint64_t values = head.kind == MAP ? 2 * (uint64_t)head.length : head.length;
    if (values > left)
        return wrong(guard, "fewer bytes than its length claims");
    if (guard->depth == BYOK_NEST_MAX)
        return wrong(guard, "nested too deep");
    guard->levels[guard->depth++] = (struct level){head.kind == MAP, values};
    return true;
}

/* One value's own bytes; the position moves past them. */
static bool check_value(struct guard *guard, bool is_name)
{
    const char *p = guard->bytes.ptr + guard->at;
    size_t left = guard->bytes.len - guard->at;
    if (left == 0)
        return wrong(guard, "the message is cut off");
    struct head head = head_of((uint8_t)p[0]);
    if (head.kind == EXT)
        return wrong(guard, "an extension type (such as a timestamp); none is known here");
    if (head.kind == RESERVED)
        return wrong(guard, "0xc1, which msgpack never uses");
    if (is_name && head.kind != TEXT)
        return wrong(guard, "a map key that is not a string");
    size_t header = 1 + (size_t)head.length_bytes;
    if (left < header)
        return wrong(guard, "the message is cut off");
    for (size_t i = 1; i < header; i++)
        head.length = head.length << 8 | (uint8_t)p[i];
    left -= header;
    if (head.kind == ARRAY || head.kind == MAP) {
        if (!enter(guard, head, left))
            return false;
        head.length = 0;
    }
    if (left < head.length)
        return wrong(guard, "fewer bytes than its length claims");
    if (head.kind == TEXT &&
        byok_utf8_valid((struct byok_str){p + header, head.length}) < head.length)
        return wrong(guard, "a string that is not UTF-8");
    guard->at += header + head.length;
    guard->values++;
    return true;
}

static bool check_message(struct guard *guard)
{
    do {
        bool is_name = false;
        if (guard->depth > 0) {
            struct level *level = &guard->levels[guard->depth - 1];
            is_name = level->map && level->left % 2 == 0;
            level->left--;
        }
        if (!check_value(guard, is_name))
            return false;
        while (guard->depth > 0 && guard->levels[guard->depth - 1].left == 0)
            guard->depth--;
    } while (guard->depth > 0);
    if (guard->at < guard->bytes.len)
        return wrong(guard, "bytes after the end of the message");
    return true;
}

/* ---- reading ---- */

struct reader {
    struct byok_arena *arena;
    const char *copy; /* of the message, in the arena; texts point into it */
    struct byok_fault *fault;
};

static struct byok_str text_of(const msgpack_object *object)
{
    return (struct byok_str){object->via.str.ptr, object->via.str.size};
}

static enum byok_err read_value(const struct reader *reader, const msgpack_object *from,
                                struct byok_value *out);

static enum byok_err read_items(const struct reader *reader, const msgpack_object_array *from,
                                struct byok_value *out)
{
    struct byok_value *items = byok_arena_alloc(reader->arena, from->size * sizeof *items);
    if (!items)
        return BYOK_E_NOMEM;
    *out = byok_value_array();
    out->as.items = items;
    out->count = out->room = from->size;
    for (uint32_t i = 0; i < from->size; i++) {
        enum byok_err err = read_value(reader, &from->ptr[i], &items[i]);
        if (err != BYOK_E_OK)
            return err;
    }
    return BYOK_E_OK;
}

static enum byok_err read_members(const struct reader *reader, const msgpack_object_map *from,
                                  struct byok_value *out)
{
    struct byok_member *members = byok_arena_alloc(reader->arena, from->size * sizeof *members);
    if (!members)
        return BYOK_E_NOMEM;
    *out = byok_value_map();
    out->as.members = members;
    out->count = out->room = from->size;
    for (uint32_t i = 0; i < from->size; i++) {
        members[i].name = text_of(&from->ptr[i].key);
        enum byok_err err = read_value(reader, &from->ptr[i].val, &members[i].value);
        if (err != BYOK_E_OK)
            return err;
    }
    const struct byok_str *twice = byok_duplicate_name(reader->arena, members, from->size);
    if (!twice)
        return BYOK_E_OK;
    return byok_fault_set(reader->fault, BYOK_E_BAD_MESSAGE,
                          "at byte %zu: a member name occurs twice in one map",
                          (size_t)(twice->ptr - reader->copy));
}

/* Recursive, as deep as the guard allowed: BYOK_NEST_MAX. */
static enum byok_err read_value(const struct reader *reader, const msgpack_object *from,
                                struct byok_value *out)
{
    switch (from->type) {
    case MSGPACK_OBJECT_NIL:
        *out = byok_value_null();
        return BYOK_E_OK;
    case MSGPACK_OBJECT_BOOLEAN:
        *out = byok_value_bool(from->via.boolean);
        return BYOK_E_OK;
    case MSGPACK_OBJECT_POSITIVE_INTEGER:
        *out = (struct byok_value){.type = BYOK_VALUE_UINT, .as.u = from->via.u64};
        return BYOK_E_OK;
    case MSGPACK_OBJECT_NEGATIVE_INTEGER:
        *out = byok_value_int(from->via.i64);
        return BYOK_E_OK;
    case MSGPACK_OBJECT_FLOAT32:
    case MSGPACK_OBJECT_FLOAT64:
        *out = byok_value_float(from->via.f64);
        return BYOK_E_OK;
    case MSGPACK_OBJECT_STR:
        *out = byok_value_string(text_of(from));
        return BYOK_E_OK;
    case MSGPACK_OBJECT_BIN:
        *out = byok_value_bytes((struct byok_str){from->via.bin.ptr, from->via.bin.size});
        return BYOK_E_OK;
    case MSGPACK_OBJECT_ARRAY:
        return read_items(reader, &from->via.array, out);
    case MSGPACK_OBJECT_MAP:
        return read_members(reader, &from->via.map, out);
    case MSGPACK_OBJECT_EXT: /* stopped by the guard */
        break;
    }
    return byok_fault_set(reader->fault, BYOK_E_INTERNAL, "a msgpack type that the guard let pass");
}

enum byok_err byok_msgpack_decode(struct byok_arena *arena, struct byok_str bytes,
                                  struct byok_value *out, struct byok_fault *fault)
{
    struct guard guard = {.bytes = bytes};
    if (!check_message(&guard))
        return byok_fault_set(fault, BYOK_E_BAD_MESSAGE, "at byte %zu: not msgpack for us: %s",
                              guard.at, guard.why);
    /* msgpack-c's own memory is not in the arena; keep it under the same cap */
    if (arena->cap_bytes != 0 && guard.values > arena->cap_bytes / sizeof(msgpack_object)) {
        byok_arena_refuse(arena);
        return BYOK_E_NOMEM;
    }
    struct byok_str copy = byok_arena_copy(arena, bytes);
    if (!copy.ptr)
        return BYOK_E_NOMEM;
    msgpack_unpacked unpacked;
    msgpack_unpacked_init(&unpacked);
    size_t end = 0;
    msgpack_unpack_return got = msgpack_unpack_next(&unpacked, copy.ptr, copy.len, &end);
    const struct reader reader = {arena, copy.ptr, fault};
    enum byok_err err;
    if (got == MSGPACK_UNPACK_SUCCESS)
        err = read_value(&reader, &unpacked.data, out);
    else if (got == MSGPACK_UNPACK_NOMEM_ERROR)
        err = BYOK_E_NOMEM;
    else
        err = byok_fault_set(fault, BYOK_E_BAD_MESSAGE, "at byte %zu: not msgpack", end);
    msgpack_unpacked_destroy(&unpacked);
    return err;
}

/* ---- writing ---- */

static int append(void *buf, const char *bytes, size_t len)
{
    return byok_buf_add(buf, bytes, len) ? 0 : -1;
}

/* A float32 when it says the same. */
static int write_double(msgpack_packer *packer, double d)
{
    if (d >= -(double)FLT_MAX && d <= (double)FLT_MAX && (double)(float)d == d)
        return msgpack_pack_float(packer, (float)d);
    return msgpack_pack_double(packer, d);
}

static int write_text(msgpack_packer *packer, struct byok_str text)
{
    if (byok_utf8_valid(text) == text.len)
        return msgpack_pack_str_with_body(packer, text.ptr, text.len);
    BYOK_AUTO(byok_arena) arena = {0};
    struct byok_str good = byok_utf8_repair(&arena, text);
    return good.ptr ? msgpack_pack_str_with_body(packer, good.ptr, good.len) : -1;
}

static int write_floats(msgpack_packer *packer, const struct byok_value *value)
{
    int bad = msgpack_pack_array(packer, value->count);
    for (uint32_t i = 0; i < value->count && bad == 0; i++)
        bad = msgpack_pack_float(packer, value->as.floats[i]);
    return bad;
}

static enum byok_err write_value(msgpack_packer *packer, const struct byok_value *value, int depth);

static enum byok_err write_container(msgpack_packer *packer, const struct byok_value *value,
                                     int depth)
{
    if (depth >= BYOK_ENCODE_NEST_MAX)
        return BYOK_E_TOO_LARGE;
    bool map = value->type == BYOK_VALUE_MAP;
    int bad =
        map ? msgpack_pack_map(packer, value->count) : msgpack_pack_array(packer, value->count);
    enum byok_err err = bad ? BYOK_E_NOMEM : BYOK_E_OK;
    for (uint32_t i = 0; i < value->count && err == BYOK_E_OK; i++) {
        if (map && write_text(packer, value->as.members[i].name) != 0)
            return BYOK_E_NOMEM;
        const struct byok_value *item = map ? &value->as.members[i].value : &value->as.items[i];
        err = write_value(packer, item, depth + 1);
    }
    return err;
}

static enum byok_err write_value(msgpack_packer *packer, const struct byok_value *value, int depth)
{
    int bad = 0;
    switch (value->type) {
    case BYOK_VALUE_NULL:
        bad = msgpack_pack_nil(packer);
        break;
    case BYOK_VALUE_BOOL:
        bad = value->as.boolean ? msgpack_pack_true(packer) : msgpack_pack_false(packer);
        break;
    case BYOK_VALUE_INT:
        bad = msgpack_pack_int64(packer, value->as.i);
        break;
    case BYOK_VALUE_UINT:
        bad = msgpack_pack_uint64(packer, value->as.u);
        break;
    case BYOK_VALUE_FLOAT:
        bad = write_double(packer, value->as.d);
        break;
    case BYOK_VALUE_STRING:
        bad = write_text(packer, value->as.str);
        break;
    case BYOK_VALUE_BYTES:
        bad = msgpack_pack_bin_with_body(packer, value->as.str.ptr, value->as.str.len);
        break;
    case BYOK_VALUE_FLOATS:
        bad = write_floats(packer, value);
        break;
    case BYOK_VALUE_ARRAY:
    case BYOK_VALUE_MAP:
        return write_container(packer, value, depth);
    }
    return bad ? BYOK_E_NOMEM : BYOK_E_OK;
}

enum byok_err byok_msgpack_encode(const struct byok_value *value, struct byok_buf *out)
{
    msgpack_packer packer;
    msgpack_packer_init(&packer, out, append);
    return write_value(&packer, value, 0);
}
