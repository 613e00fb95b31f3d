/* SPDX-License-Identifier: MIT */
/* schemas/codec.c - which format a record is in, the way to either, and base64. */
#include "schemas/codec.h"

#include <sodium.h>

#include "schemas/codec_parts.h"

struct content_type {
    const char *name;
    enum byok_format format;
};

static const struct content_type content_types[] = {
    {"application/json", BYOK_JSON},
    {"application/msgpack", BYOK_MSGPACK},
    {"application/vnd.msgpack", BYOK_MSGPACK}, /* as registered with IANA */
    {"application/x-msgpack", BYOK_MSGPACK},
};

static bool format_of_first_byte(struct byok_str bytes, enum byok_format *out)
{
    if (bytes.len == 0)
        return false;
    unsigned char first = (unsigned char)bytes.ptr[0];
    if (first == '{' || first == '[' || first == ' ' || (first >= '\t' && first <= '\r')) {
        *out = BYOK_JSON;
        return true;
    }
    /* messages are maps: fixmap, map 16, map 32 */
    if ((first & 0xF0) == 0x80 || first == 0xDE || first == 0xDF) {
        *out = BYOK_MSGPACK;
        return true;
    }
    return false;
}

bool byok_format_of(struct byok_str content_type, struct byok_str bytes, enum byok_format *out)
{
    size_t semicolon = byok_str_find(content_type, byok_str_of(";"));
    if (semicolon < content_type.len)
        content_type.len = semicolon;
    struct byok_str name = byok_str_trim(content_type);
    if (name.len == 0)
        return format_of_first_byte(bytes, out);
    for (size_t i = 0; i < sizeof content_types / sizeof content_types[0]; i++) {
        if (byok_str_eq_nocase(name, byok_str_of(content_types[i].name))) {
            *out = content_types[i].format;
            return true;
        }
    }
    return false;
}

const char *byok_format_content_type(enum byok_format format)
{
    return format == BYOK_JSON ? "application/json" : "application/msgpack";
}

enum byok_err byok_decode(struct byok_arena *arena, enum byok_format format, struct byok_str bytes,
                          struct byok_value *out, struct byok_fault *fault)
{
    if (bytes.len > UINT32_MAX / 2)
        return byok_fault_set(fault, BYOK_E_BAD_MESSAGE, "the message is larger than 2 GiB");
    struct byok_value tree;
    enum byok_err err = format == BYOK_JSON ? byok_json_decode(arena, bytes, &tree, fault)
                                            : byok_msgpack_decode(arena, bytes, &tree, fault);
    if (byok_arena_failed(arena) || err == BYOK_E_NOMEM)
        return byok_fault_set(fault, BYOK_E_NOMEM,
                              "the message needs more memory than it may take");
    if (err == BYOK_E_OK)
        *out = tree;
    return err;
}

enum byok_err byok_encode(enum byok_format format, const struct byok_value *value,
                          struct byok_buf *out)
{
    enum byok_err err =
        format == BYOK_JSON ? byok_json_encode(value, out) : byok_msgpack_encode(value, out);
    if (byok_buf_failed(out))
        return out->overflow ? BYOK_E_TOO_LARGE : BYOK_E_NOMEM;
    return err;
}

/* sodium_base642bin (1.0.18) passes letters on as signed char and takes "\xff\xff\xff\xff" for
 * base64; bytes that are not ASCII never get there. */
static bool is_ascii(struct byok_str text)
{
    unsigned char all = 0;
    for (size_t i = 0; i < text.len; i++)
        all |= (unsigned char)text.ptr[i];
    return all < 0x80;
}

bool byok_base64_decode(struct byok_arena *arena, struct byok_str text, struct byok_str *out)
{
    if (!is_ascii(text))
        return false;
    if (text.len == 0) {
        *out = (struct byok_str){NULL, 0};
        return true;
    }
    size_t room = text.len / 4 * 3 + 3, len = 0;
    unsigned char *bytes = byok_arena_alloc(arena, room);
    if (!bytes)
        return false;
    int variant = text.ptr[text.len - 1] == '=' ? sodium_base64_VARIANT_ORIGINAL
                                                : sodium_base64_VARIANT_ORIGINAL_NO_PADDING;
    if (sodium_base642bin(bytes, room, text.ptr, text.len, NULL, &len, NULL, variant) != 0)
        return false;
    *out = (struct byok_str){(const char *)bytes, len};
    return true;
}

struct byok_str byok_base64_encode(struct byok_arena *arena, struct byok_str bytes)
{
    size_t room = sodium_base64_encoded_len(bytes.len, sodium_base64_VARIANT_ORIGINAL);
    char *text = byok_arena_alloc(arena, room);
    if (!text)
        return (struct byok_str){NULL, 0};
    sodium_bin2base64(text, room, (const unsigned char *)bytes.ptr, bytes.len,
                      sodium_base64_VARIANT_ORIGINAL);
    return (struct byok_str){text, room - 1};
}
