/* SPDX-License-Identifier: MIT */
/* schemas/audit.c - see schemas/audit.h. */
#include "schemas/audit.h"

#include <assert.h>
#include <stddef.h>
#include <string.h>

#include <sodium.h>

#include "schemas/codec.h"

#define VERSION 1
#define RECORD_MAX ((size_t)16384) /* names at their limits, each byte written as \u00xx */
#define HEAD_ARENA_BYTES 4096

static_assert(crypto_hash_sha256_BYTES == BYOK_AUDIT_HASH_BYTES, "SHA-256");

/* The members that are texts. */
static const struct {
    const char *name;
    size_t offset;
} texts[] = {
    {"event", offsetof(struct byok_audit_record, event)},
    {"user", offsetof(struct byok_audit_record, user)},
    {"provider", offsetof(struct byok_audit_record, provider)},
    {"label", offsetof(struct byok_audit_record, label)},
    {"fingerprint", offsetof(struct byok_audit_record, fingerprint)},
    {"request_id", offsetof(struct byok_audit_record, request_id)},
    {"signer", offsetof(struct byok_audit_record, signer)},
    {"code", offsetof(struct byok_audit_record, code)},
};

#define TEXTS (sizeof texts / sizeof texts[0])

static void hash_of(struct byok_str bytes, uint8_t out[static BYOK_AUDIT_HASH_BYTES])
{
    crypto_hash_sha256(out, (const uint8_t *)bytes.ptr, bytes.len);
}

static struct byok_value value_of(const struct byok_audit_head *head,
                                  const struct byok_audit_record *record, struct byok_arena *arena)
{
    char prev[2 * BYOK_AUDIT_HASH_BYTES + 1];
    struct byok_value map = byok_value_map();
    sodium_bin2hex(prev, sizeof prev, head->hash, sizeof head->hash);
    byok_value_set(arena, &map, "version", byok_value_int(VERSION));
    byok_value_set(arena, &map, "number", byok_value_int((int64_t)head->number + 1));
    byok_value_set_str(arena, &map, "prev", byok_arena_copy(arena, byok_str_of(prev)));
    byok_value_set(arena, &map, "at_ms", byok_value_int(record->at_wall_ms));
    for (size_t i = 0; i < TEXTS; i++) {
        struct byok_str text;
        memcpy(&text, (const char *)record + texts[i].offset, sizeof text);
        byok_value_set_str(arena, &map, texts[i].name, text);
    }
    if (record->calls > 0)
        byok_value_set(arena, &map, "calls", byok_value_int(record->calls));
    return map;
}

enum byok_err byok_audit_append(struct byok_audit_head *head,
                                const struct byok_audit_record *record, struct byok_arena *arena,
                                struct byok_str *out)
{
    BYOK_AUTO(byok_buf) buf = {.cap_bytes = RECORD_MAX};
    struct byok_value map = value_of(head, record, arena);
    if (byok_arena_failed(arena) || byok_encode(BYOK_JSON, &map, &buf) != BYOK_E_OK)
        return BYOK_E_NOMEM;
    *out = byok_arena_copy(arena, byok_buf_str(&buf));
    if (!out->ptr)
        return BYOK_E_NOMEM;
    head->number++;
    hash_of(*out, head->hash);
    return BYOK_E_OK;
}

static bool read_hash(struct byok_str hex, uint8_t out[static BYOK_AUDIT_HASH_BYTES])
{
    size_t len = 0;
    const char *end = NULL;
    return hex.len == (size_t)2 * BYOK_AUDIT_HASH_BYTES &&
           sodium_hex2bin(out, BYOK_AUDIT_HASH_BYTES, hex.ptr, hex.len, NULL, &len, &end) == 0 &&
           len == BYOK_AUDIT_HASH_BYTES;
}

enum byok_err byok_audit_decode(struct byok_str bytes, struct byok_arena *arena,
                                struct byok_audit_record *out)
{
    struct byok_value map;
    int64_t version, number;
    *out = (struct byok_audit_record){0};
    enum byok_err err = byok_decode(arena, BYOK_JSON, bytes, &map, NULL);
    if (err != BYOK_E_OK)
        return err == BYOK_E_NOMEM ? err : BYOK_E_BAD_MESSAGE;
    if (!byok_value_as_int(byok_value_find(&map, "version"), &version) || version < 1 ||
        !byok_value_as_int(byok_value_find(&map, "number"), &number) || number < 1 ||
        !byok_value_as_int(byok_value_find(&map, "at_ms"), &out->at_wall_ms) ||
        !read_hash(byok_value_as_str(byok_value_find(&map, "prev")), out->prev))
        return BYOK_E_BAD_MESSAGE;
    out->number = (uint64_t)number;
    for (size_t i = 0; i < TEXTS; i++) {
        struct byok_str text = byok_value_as_str(byok_value_find(&map, texts[i].name));
        memcpy((char *)out + texts[i].offset, &text, sizeof text);
    }
    if (!byok_value_as_int(byok_value_find(&map, "calls"), &out->calls))
        out->calls = 0;
    return out->event.len > 0 ? BYOK_E_OK : BYOK_E_BAD_MESSAGE;
}

bool byok_audit_follows(struct byok_audit_head *head, const struct byok_audit_record *record,
                        struct byok_str bytes)
{
    bool follows = record->number == head->number + 1 &&
                   memcmp(record->prev, head->hash, sizeof head->hash) == 0;
    head->number = record->number;
    hash_of(bytes, head->hash);
    return follows;
}

enum byok_err byok_audit_head_encode(const struct byok_audit_head *head, struct byok_buf *out)
{
    struct byok_member members[] = {
        {BYOK_STR("number"), byok_value_int((int64_t)head->number)},
        {BYOK_STR("hash"),
         byok_value_bytes((struct byok_str){(const char *)head->hash, sizeof head->hash})},
    };
    struct byok_value map = byok_value_map();
    map.as.members = members;
    map.count = sizeof members / sizeof members[0];
    return byok_encode(BYOK_MSGPACK, &map, out);
}

enum byok_err byok_audit_head_decode(struct byok_str bytes, struct byok_audit_head *out)
{
    BYOK_AUTO(byok_arena) arena = {.cap_bytes = HEAD_ARENA_BYTES};
    struct byok_value map;
    int64_t number;
    enum byok_err err = byok_decode(&arena, BYOK_MSGPACK, bytes, &map, NULL);
    if (err != BYOK_E_OK)
        return err;
    const struct byok_value *hash = byok_value_find(&map, "hash");
    if (!byok_value_as_int(byok_value_find(&map, "number"), &number) || number < 0 ||
        !byok_value_is(hash, BYOK_VALUE_BYTES) || hash->as.str.len != sizeof out->hash)
        return BYOK_E_BAD_MESSAGE;
    out->number = (uint64_t)number;
    memcpy(out->hash, hash->as.str.ptr, sizeof out->hash);
    return BYOK_E_OK;
}

struct byok_str byok_audit_key(void)
{
    return byok_str_of("a");
}
