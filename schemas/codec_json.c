/* SPDX-License-Identifier: MIT */
/* schemas/codec_json.c - JSON to a tree and back, by yyjson.
 *
 * A message is read in place in one copy of it that the arena holds, so that no text is copied a
 * second time and every text of the tree tells, by its address, where in the message it stood.
 */
#include <limits.h>
#include <string.h>

#include <sodium.h>
#include <yyjson.h>

#include "base/limits.h"
#include "base/mem.h"
#include "schemas/codec.h"
#include "schemas/codec_parts.h"
#include "schemas/utf8.h"

/* yyjson's memory comes through base/mem: wiped when given back, and no block of a reader is
 * larger than the arena's cap (ctx), so that the cap bounds the reader too. */
static bool is_too_much(struct byok_arena *arena, size_t size)
{
    bool too_much = arena->cap_bytes != 0 && size > arena->cap_bytes;
    if (too_much)
        byok_arena_refuse(arena);
    return too_much;
}

static void *take(void *ctx, size_t size)
{
    return is_too_much(ctx, size) ? NULL : byok_new(1, size);
}

static void *retake(void *ctx, void *memory, size_t old_size, size_t size)
{
    (void)old_size;
    return is_too_much(ctx, size) ? NULL : byok_renew(memory, size, 1);
}

static void give_back(void *ctx, void *memory)
{
    (void)ctx;
    byok_delete(memory);
}

/* ---- reading ---- */

struct reader {
    struct byok_arena *arena;
    struct byok_str bytes; /* the message as it came */
    const char *copy;      /* in the arena; texts point into it */
    struct byok_fault *fault;
};

static enum byok_err refuse(const struct reader *reader, const char *at, const char *why)
{
    return byok_fault_set(reader->fault, BYOK_E_BAD_MESSAGE, "at byte %zu: %s",
                          (size_t)(at - reader->copy), why);
}

static enum byok_err read_value(const struct reader *reader, yyjson_val *from, int depth,
                                struct byok_value *out);

static enum byok_err read_items(const struct reader *reader, yyjson_val *from, int depth,
                                struct byok_value *out)
{
    size_t count = yyjson_arr_size(from);
    struct byok_value *items = byok_arena_alloc(reader->arena, count * sizeof *items);
    if (!items)
        return BYOK_E_NOMEM;
    *out = byok_value_array();
    out->as.items = items;
    out->count = out->room = (uint32_t)count;
    size_t i, max;
    yyjson_val *item;
    yyjson_arr_foreach(from, i, max, item)
    {
        enum byok_err err = read_value(reader, item, depth + 1, &items[i]);
        if (err != BYOK_E_OK)
            return err;
    }
    return BYOK_E_OK;
}

static struct byok_str text_of(yyjson_val *val)
{
    return (struct byok_str){yyjson_get_str(val), yyjson_get_len(val)};
}

static enum byok_err read_members(const struct reader *reader, yyjson_val *from, int depth,
                                  struct byok_value *out)
{
    size_t count = yyjson_obj_size(from);
    struct byok_member *members = byok_arena_alloc(reader->arena, count * sizeof *members);
    if (!members)
        return BYOK_E_NOMEM;
    *out = byok_value_map();
    out->as.members = members;
    out->count = out->room = (uint32_t)count;
    size_t i, max;
    yyjson_val *name, *value;
    yyjson_obj_foreach(from, i, max, name, value)
    {
        members[i].name = text_of(name);
        enum byok_err err = read_value(reader, value, depth + 1, &members[i].value);
        if (err != BYOK_E_OK)
            return err;
    }
    const struct byok_str *twice = byok_duplicate_name(reader->arena, members, (uint32_t)count);
    return twice ? refuse(reader, twice->ptr, "a member name occurs twice in one object")
                 : BYOK_E_OK;
}

/* Where the first array or object deeper than allowed begins. yyjson does not keep the positions
 * of containers, so it is looked up when it is needed. */
static size_t too_deep_at(struct byok_str bytes)
{
    int depth = 0;
    bool quoted = false;
    for (size_t i = 0; i < bytes.len; i++) {
        char c = bytes.ptr[i];
        if (quoted && c == '\\')
            i++;
        else if (c == '"')
            quoted = !quoted;
        else if (!quoted && (c == '{' || c == '[') && ++depth > BYOK_NEST_MAX)
            return i;
        else if (!quoted && (c == '}' || c == ']'))
            depth--;
    }
    return bytes.len;
}

static enum byok_err read_container(const struct reader *reader, yyjson_val *from, int depth,
                                    struct byok_value *out)
{
    if (depth >= BYOK_NEST_MAX)
        return byok_fault_set(reader->fault, BYOK_E_BAD_MESSAGE,
                              "at byte %zu: nested deeper than %d levels",
                              too_deep_at(reader->bytes), BYOK_NEST_MAX);
    return yyjson_is_arr(from) ? read_items(reader, from, depth, out)
                               : read_members(reader, from, depth, out);
}

static struct byok_value read_number(yyjson_val *from)
{
    if (yyjson_is_real(from))
        return byok_value_float(yyjson_get_real(from));
    if (yyjson_is_sint(from))
        return byok_value_int(yyjson_get_sint(from));
    return (struct byok_value){.type = BYOK_VALUE_UINT, .as.u = yyjson_get_uint(from)};
}

static enum byok_err read_value(const struct reader *reader, yyjson_val *from, int depth,
                                struct byok_value *out)
{
    switch (yyjson_get_type(from)) {
    case YYJSON_TYPE_NULL:
        *out = byok_value_null();
        return BYOK_E_OK;
    case YYJSON_TYPE_BOOL:
        *out = byok_value_bool(yyjson_get_bool(from));
        return BYOK_E_OK;
    case YYJSON_TYPE_NUM:
        *out = read_number(from);
        return BYOK_E_OK;
    case YYJSON_TYPE_STR:
        *out = byok_value_string(text_of(from));
        return BYOK_E_OK;
    case YYJSON_TYPE_RAW: /* a number kept as text: rounding it would not echo it unchanged */
        return refuse(reader, yyjson_get_raw(from), "a number that 64 bits cannot hold");
    default:
        return read_container(reader, from, depth, out);
    }
}

enum byok_err byok_json_decode(struct byok_arena *arena, struct byok_str bytes,
                               struct byok_value *out, struct byok_fault *fault)
{
    char *copy = byok_arena_alloc(arena, bytes.len + YYJSON_PADDING_SIZE);
    if (!copy)
        return BYOK_E_NOMEM;
    if (bytes.len > 0)
        memcpy(copy, bytes.ptr, bytes.len);
    yyjson_alc alc = {take, retake, give_back, arena};
    yyjson_read_err error;
    yyjson_doc *doc = yyjson_read_opts(
        copy, bytes.len, YYJSON_READ_INSITU | YYJSON_READ_BIGNUM_AS_RAW, &alc, &error);
    if (!doc && error.code == YYJSON_READ_ERROR_MEMORY_ALLOCATION)
        return BYOK_E_NOMEM;
    if (!doc) /* yyjson's texts are fixed sentences, they quote nothing */
        return byok_fault_set(fault, BYOK_E_BAD_MESSAGE, "at byte %zu: not JSON: %s", error.pos,
                              error.msg);
    const struct reader reader = {arena, bytes, copy, fault};
    enum byok_err err = read_value(&reader, yyjson_doc_get_root(doc), 0, out);
    yyjson_doc_free(doc);
    return err;
}

/* ---- writing ---- */

struct writer {
    yyjson_mut_doc *doc;
    struct byok_arena texts; /* base64 and repaired texts, until the document is written */
    bool too_deep;
};

/* The double whose shortest text is the shortest one that gives the float32 back.
 *
 * yyjson writes doubles; (double)0.1f would become 0.10000000149011612, twice the bytes an
 * embedding needs.  So the decimals of 6 to 9 digits nearest to it are tried (9 are always enough
 * for a float32); division of two exact doubles rounds to the double nearest to that decimal.
 * Outside the range of common numbers the double itself is right, only longer.
 */
static double shorten(float f)
{
    static const double ten_to[] = {1e0, 1e1, 1e2,  1e3,  1e4,  1e5,  1e6, 1e7,
                                    1e8, 1e9, 1e10, 1e11, 1e12, 1e13, 1e14};
    const double exact = (double)f, x = exact < 0 ? -exact : exact;
    if (!(x >= 1e-5 && x < 1e9))
        return exact;
    int magnitude = 0; /* 10^magnitude <= x */
    while (x >= ten_to[magnitude + 1])
        magnitude++;
    while (magnitude <= 0 && x * ten_to[-magnitude] < 1)
        magnitude--;
    for (int digits = 6; digits <= 9; digits++) {
        int decimals = digits - 1 - magnitude;
        if (decimals < 0)
            continue;
        double near = (double)(int64_t)(x * ten_to[decimals] + 0.5) / ten_to[decimals];
        if ((double)(float)near == x)
            return f < 0 ? -near : near;
    }
    return exact;
}

static yyjson_mut_val *write_floats(struct writer *writer, const struct byok_value *value)
{
    yyjson_mut_val *array = yyjson_mut_arr(writer->doc);
    for (uint32_t i = 0; i < value->count; i++) {
        if (!yyjson_mut_arr_add_real(writer->doc, array, shorten(value->as.floats[i])))
            return NULL;
    }
    return array;
}

/* Base64 is written as raw JSON: yyjson would keep six bytes of room for each letter of a text. */
static yyjson_mut_val *write_bytes(struct writer *writer, struct byok_str bytes)
{
    size_t len = sodium_base64_encoded_len(bytes.len, sodium_base64_VARIANT_ORIGINAL) - 1;
    char *text = byok_arena_alloc(&writer->texts, len + 2);
    if (!text)
        return NULL;
    text[0] = '"';
    sodium_bin2base64(text + 1, len + 1, (const unsigned char *)bytes.ptr, bytes.len,
                      sodium_base64_VARIANT_ORIGINAL);
    text[len + 1] = '"'; /* over the NUL */
    return yyjson_mut_rawn(writer->doc, text, len + 2);
}

static yyjson_mut_val *write_text(struct writer *writer, struct byok_str text)
{
    struct byok_str good = byok_utf8_repair(&writer->texts, text);
    return yyjson_mut_strn(writer->doc, good.ptr ? good.ptr : "", good.len);
}

static yyjson_mut_val *write_value(struct writer *writer, const struct byok_value *value,
                                   int depth);

static yyjson_mut_val *write_items(struct writer *writer, const struct byok_value *value, int depth)
{
    yyjson_mut_val *array = yyjson_mut_arr(writer->doc);
    for (uint32_t i = 0; i < value->count; i++) {
        yyjson_mut_val *item = write_value(writer, &value->as.items[i], depth + 1);
        if (!yyjson_mut_arr_append(array, item))
            return NULL;
    }
    return array;
}

static yyjson_mut_val *write_members(struct writer *writer, const struct byok_value *value,
                                     int depth)
{
    yyjson_mut_val *object = yyjson_mut_obj(writer->doc);
    for (uint32_t i = 0; i < value->count; i++) {
        const struct byok_member *member = &value->as.members[i];
        yyjson_mut_val *name = write_text(writer, member->name);
        yyjson_mut_val *content = write_value(writer, &member->value, depth + 1);
        if (!yyjson_mut_obj_add(object, name, content))
            return NULL;
    }
    return object;
}

static yyjson_mut_val *write_value(struct writer *writer, const struct byok_value *value, int depth)
{
    switch (value->type) {
    case BYOK_VALUE_NULL:
        return yyjson_mut_null(writer->doc);
    case BYOK_VALUE_BOOL:
        return yyjson_mut_bool(writer->doc, value->as.boolean);
    case BYOK_VALUE_INT:
        return yyjson_mut_sint(writer->doc, value->as.i);
    case BYOK_VALUE_UINT:
        return yyjson_mut_uint(writer->doc, value->as.u);
    case BYOK_VALUE_FLOAT:
        return yyjson_mut_real(writer->doc, value->as.d);
    case BYOK_VALUE_STRING:
        return write_text(writer, value->as.str);
    case BYOK_VALUE_BYTES:
        return write_bytes(writer, value->as.str);
    case BYOK_VALUE_FLOATS:
        return write_floats(writer, value);
    case BYOK_VALUE_ARRAY:
    case BYOK_VALUE_MAP:
        break;
    }
    if (depth >= BYOK_ENCODE_NEST_MAX) {
        writer->too_deep = true;
        return NULL;
    }
    return value->type == BYOK_VALUE_ARRAY ? write_items(writer, value, depth)
                                           : write_members(writer, value, depth);
}

static enum byok_err write_document(struct writer *writer, const yyjson_alc *alc,
                                    const struct byok_value *value, struct byok_buf *out)
{
    yyjson_mut_val *root = write_value(writer, value, 0);
    if (!root || byok_arena_failed(&writer->texts))
        return writer->too_deep ? BYOK_E_TOO_LARGE : BYOK_E_NOMEM;
    yyjson_mut_doc_set_root(writer->doc, root);
    size_t len = 0;
    char *text =
        yyjson_mut_write_opts(writer->doc, YYJSON_WRITE_INF_AND_NAN_AS_NULL, alc, &len, NULL);
    if (!text)
        return BYOK_E_NOMEM;
    byok_buf_add(out, text, len);
    byok_delete(text);
    return BYOK_E_OK;
}

enum byok_err byok_json_encode(const struct byok_value *value, struct byok_buf *out)
{
    struct byok_arena no_cap = {0};
    const yyjson_alc alc = {take, retake, give_back, &no_cap};
    struct writer writer = {.doc = yyjson_mut_doc_new(&alc)};
    if (!writer.doc)
        return BYOK_E_NOMEM;
    byok_arena_init(&writer.texts, 0);
    enum byok_err err = write_document(&writer, &alc, value, out);
    yyjson_mut_doc_free(writer.doc);
    byok_arena_done(&writer.texts);
    return err;
}
