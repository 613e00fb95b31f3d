/* SPDX-License-Identifier: MIT */
/* schemas/payload.c - see schemas/payload.h. */
#include "schemas/payload.h"

#include <assert.h>
#include <string.h>

#include <sodium.h>

static_assert(crypto_hash_sha256_BYTES == BYOK_PAYLOAD_HASH_BYTES, "SHA-256");

static void hash(struct byok_str bytes, uint8_t out[static BYOK_PAYLOAD_HASH_BYTES])
{
    crypto_hash_sha256(out, (const uint8_t *)bytes.ptr, bytes.len);
}

static void put_hex(char *at, const uint8_t bytes[static BYOK_PAYLOAD_HASH_BYTES])
{
    char hex[2 * BYOK_PAYLOAD_HASH_BYTES + 1];
    sodium_bin2hex(hex, sizeof hex, bytes, BYOK_PAYLOAD_HASH_BYTES);
    memcpy(at, hex, sizeof hex - 1);
}

static void set_name(struct byok_str user, struct byok_payload_ref *ref)
{
    uint8_t owner[BYOK_PAYLOAD_HASH_BYTES];
    hash(user, owner);
    put_hex(ref->name, owner);
    ref->name[BYOK_PAYLOAD_OWNER_CHARS] = '/';
    put_hex(ref->name + BYOK_PAYLOAD_OWNER_CHARS + 1, ref->hash);
    ref->name[BYOK_PAYLOAD_NAME_CHARS] = '\0';
}

void byok_payload_identify(struct byok_str user, struct byok_str content,
                           struct byok_payload_ref *out)
{
    hash(content, out->hash);
    out->size = content.len;
    set_name(user, out);
}

bool byok_payload_is(const struct byok_payload_ref *ref, struct byok_str content)
{
    uint8_t found[BYOK_PAYLOAD_HASH_BYTES];
    if (content.len != ref->size)
        return false;
    hash(content, found);
    return memcmp(found, ref->hash, sizeof found) == 0;
}

/* ---- on the wire ---- */

bool byok_payload_is_ref(const struct byok_value *value)
{
    return byok_value_is(value, BYOK_VALUE_MAP) && byok_value_find(value, "ref");
}

/* 64 lower-case digits: one spelling, so that one object has one name. */
static bool read_hash(struct byok_str hex, uint8_t out[static BYOK_PAYLOAD_HASH_BYTES])
{
    size_t len = 0;
    for (size_t i = 0; i < hex.len; i++) {
        if (!(hex.ptr[i] >= '0' && hex.ptr[i] <= '9') && !(hex.ptr[i] >= 'a' && hex.ptr[i] <= 'f'))
            return false;
    }
    return hex.len == 2 * (size_t)BYOK_PAYLOAD_HASH_BYTES &&
           sodium_hex2bin(out, BYOK_PAYLOAD_HASH_BYTES, hex.ptr, hex.len, NULL, &len, NULL) == 0 &&
           len == BYOK_PAYLOAD_HASH_BYTES;
}

static bool is_printable(struct byok_str text)
{
    for (size_t i = 0; i < text.len; i++) {
        if (text.ptr[i] < ' ' || text.ptr[i] > '~')
            return false;
    }
    return true;
}

static enum byok_err refuse(struct byok_fault *fault, const char *why)
{
    return byok_fault_set(fault, BYOK_E_BAD_REQUEST, "payload reference: %s", why);
}

enum byok_err byok_payload_read(const struct byok_value *value, struct byok_str user,
                                struct byok_payload_ref *out, struct byok_fault *fault)
{
    int64_t size = -1;
    const struct byok_value *type = byok_value_find(value, "type");
    *out = (struct byok_payload_ref){.type = byok_value_as_str(type)};
    if (!read_hash(byok_value_as_str(byok_value_find(value, "sha256")), out->hash))
        return refuse(fault, "\"sha256\" must be 64 digits of lower-case hex");
    if (!byok_value_as_int(byok_value_find(value, "size"), &size) || size < 1)
        return refuse(fault, "\"size\" must be a whole number from 1");
    if ((type && type->type != BYOK_VALUE_STRING && type->type != BYOK_VALUE_NULL) ||
        out->type.len > BYOK_PAYLOAD_TYPE_MAX || !is_printable(out->type))
        return refuse(fault, "\"type\" must be a media type such as audio/wav");
    out->size = (uint64_t)size;
    set_name(user, out);
    if (!byok_str_is(byok_value_as_str(byok_value_find(value, "ref")), out->name))
        return refuse(fault, "\"ref\" must be hex(SHA-256(user)) \"/\" sha256, of this user");
    return BYOK_E_OK;
}

struct byok_value byok_payload_value(struct byok_arena *arena, const struct byok_payload_ref *ref)
{
    struct byok_value map = byok_value_map();
    struct byok_str name = byok_arena_copy(arena, byok_str_of(ref->name));
    struct byok_str hex = {NULL, 0};
    if (name.ptr)
        hex = (struct byok_str){name.ptr + BYOK_PAYLOAD_OWNER_CHARS + 1, BYOK_PAYLOAD_OWNER_CHARS};
    byok_value_set(arena, &map, "ref", byok_value_string(name));
    byok_value_set(arena, &map, "size", byok_value_int((int64_t)ref->size));
    byok_value_set(arena, &map, "sha256", byok_value_string(hex));
    byok_value_set_str(arena, &map, "type", ref->type);
    return map;
}

/* ---- places ---- */

static struct byok_value *member(struct byok_value *map, const char *name)
{
    for (uint32_t i = 0; map && map->type == BYOK_VALUE_MAP && i < map->count; i++) {
        if (byok_str_is(map->as.members[i].name, name))
            return &map->as.members[i].value;
    }
    return NULL;
}

static void visit_member(struct byok_value *map, const char *name, byok_payload_visit visit,
                         void *arg)
{
    struct byok_value *place = member(map, name);
    if (place)
        visit(arg, map, place);
}

static uint32_t count_items(const struct byok_value *list)
{
    return byok_value_is(list, BYOK_VALUE_ARRAY) ? list->count : 0;
}

/* Of a message, or of a part that has parts itself. */
static void visit_parts(struct byok_value *of, bool inner, byok_payload_visit visit, void *arg)
{
    struct byok_value *parts = member(of, "content");
    for (uint32_t i = 0; i < count_items(parts); i++) {
        visit_member(&parts->as.items[i], "data", visit, arg);
        if (!inner)
            visit_parts(&parts->as.items[i], true, visit, arg);
    }
}

void byok_payload_each_input(struct byok_value *job, byok_payload_visit visit, void *arg)
{
    struct byok_value *messages = member(job, "messages");
    visit_member(job, "audio", visit, arg);
    for (uint32_t i = 0; i < count_items(messages); i++)
        visit_parts(&messages->as.items[i], false, visit, arg);
}

void byok_payload_each_output(struct byok_value *result, byok_payload_visit visit, void *arg)
{
    struct byok_value *images = member(result, "images");
    visit_member(result, "audio", visit, arg);
    for (uint32_t i = 0; i < count_items(images); i++)
        visit_member(&images->as.items[i], "data", visit, arg);
    visit_member(result, "embeddings", visit, arg);
}
