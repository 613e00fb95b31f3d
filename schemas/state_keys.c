/* SPDX-License-Identifier: MIT */
/* schemas/state_keys.c - the keys in a user's record.
 *
 * Sealed records stand in a topic of their own, and whoever may write there can put an older one
 * back, which opens.  So the record of the user says from when on a key must be: of a listed one
 * the time of issue that was stored last, of all others that of what was deleted last.
 */
#include "schemas/state_parts.h"

#include <stddef.h>
#include <string.h>

#include "base/mem.h"

/* A key is an array on the wire: provider, label, then these. A later version appends. */
#define KEY_NAMES 2
static const size_t key_numbers[] = {
    offsetof(struct byok_user_key, issued_wall_ms),
    offsetof(struct byok_user_key, used_wall_ms),
    offsetof(struct byok_user_key, invalid_wall_ms),
    offsetof(struct byok_user_key, is_default),
    offsetof(struct byok_user_key, checked_wall_ms),
    offsetof(struct byok_user_key, refused_wall_ms),
};

#define COUNT(table) (sizeof(table) / sizeof(table)[0])

struct byok_user_key *byok_user_key_find(const struct byok_user_record *record,
                                         struct byok_str provider, struct byok_str label)
{
    for (size_t i = 0; i < record->key_count; i++) {
        struct byok_user_key *key = &record->keys[i];
        if (byok_str_is(provider, key->provider) && byok_str_is(label, key->label))
            return key;
    }
    return NULL;
}

static enum byok_err add(struct byok_user_record *record, struct byok_str provider,
                         struct byok_str label, struct byok_user_key **out)
{
    if (record->key_count >= BYOK_USER_KEYS_MAX)
        return BYOK_E_TOO_LARGE;
    struct byok_user_key *keys = byok_renew(record->keys, record->key_count + 1, sizeof *keys);
    if (!keys)
        return BYOK_E_NOMEM;
    record->keys = keys;
    *out = &keys[record->key_count++];
    **out = (struct byok_user_key){0};
    byok_str_to_field((*out)->provider, sizeof(*out)->provider, provider);
    byok_str_to_field((*out)->label, sizeof(*out)->label, label);
    return BYOK_E_OK;
}

enum byok_err byok_user_key_add(struct byok_user_record *record, struct byok_str provider,
                                struct byok_str label, struct byok_user_key **out)
{
    *out = byok_user_key_find(record, provider, label);
    return *out ? BYOK_E_OK : add(record, provider, label, out);
}

void byok_user_key_remove(struct byok_user_record *record, struct byok_str provider,
                          struct byok_str label, int64_t wall_ms)
{
    struct byok_user_key *key = byok_user_key_find(record, provider, label);
    if (key && key->issued_wall_ms > wall_ms) /* its client's clock was ahead */
        wall_ms = key->issued_wall_ms;
    if (key)
        *key = record->keys[--record->key_count];
    if (wall_ms > record->keys_floor_wall_ms)
        record->keys_floor_wall_ms = wall_ms;
}

int64_t byok_user_key_floor(const struct byok_user_record *record, struct byok_str provider,
                            struct byok_str label)
{
    const struct byok_user_key *key = byok_user_key_find(record, provider, label);
    return key ? key->issued_wall_ms : record->keys_floor_wall_ms + 1;
}

bool byok_user_key_is_gone(const struct byok_user_record *record, struct byok_str provider,
                           struct byok_str label, int64_t issued_wall_ms)
{
    return !byok_user_key_find(record, provider, label) &&
           issued_wall_ms <= record->keys_floor_wall_ms;
}

void byok_user_key_prefer(struct byok_user_record *record, struct byok_str provider,
                          struct byok_str label)
{
    for (size_t i = 0; i < record->key_count; i++) {
        struct byok_user_key *key = &record->keys[i];
        if (byok_str_is(provider, key->provider))
            key->is_default = byok_str_is(label, key->label);
    }
}

struct byok_str byok_user_key_preferred(const struct byok_user_record *record,
                                        struct byok_str provider)
{
    for (size_t i = 0; i < record->key_count; i++) {
        const struct byok_user_key *key = &record->keys[i];
        if (key->is_default && byok_str_is(provider, key->provider))
            return byok_str_of(key->label);
    }
    return byok_str_of("default");
}

const char *byok_user_key_state(const struct byok_user_key *key, int64_t expires_wall_ms,
                                int64_t now_wall_ms)
{
    if (expires_wall_ms != 0 && expires_wall_ms <= now_wall_ms)
        return "expired";
    return key->invalid_wall_ms > 0 ? "invalid" : key->refused_wall_ms > 0 ? "refused" : "valid";
}

void byok_user_key_tell(struct byok_arena *arena, struct byok_value *map,
                        const struct byok_user_key *key, const char *state, bool preferred)
{
    const struct {
        const char *name;
        int64_t wall_ms;
    } times[] = {
        {"used_ms", key->used_wall_ms},
        {"checked_ms", key->checked_wall_ms},
        {"refused_ms", key->refused_wall_ms},
        {"invalid_ms", key->invalid_wall_ms},
    };
    byok_value_set(arena, map, "state", byok_value_text(state));
    byok_value_set(arena, map, "default", byok_value_bool(preferred));
    for (size_t i = 0; i < COUNT(times); i++) {
        if (times[i].wall_ms != 0)
            byok_value_set(arena, map, times[i].name, byok_value_int(times[i].wall_ms));
    }
}

struct byok_value byok_user_keys_value(struct byok_arena *arena,
                                       const struct byok_user_record *record)
{
    struct byok_value list = byok_value_array();
    for (size_t i = 0; i < record->key_count; i++) {
        const struct byok_user_key *key = &record->keys[i];
        struct byok_value row = byok_value_array();
        byok_value_push(arena, &row, byok_value_text(key->provider));
        byok_value_push(arena, &row, byok_value_text(key->label));
        for (size_t j = 0; j < COUNT(key_numbers); j++) {
            int64_t number;
            memcpy(&number, (const char *)key + key_numbers[j], sizeof number);
            byok_value_push(arena, &row, byok_value_int(number));
        }
        byok_value_push(arena, &list, row);
    }
    return list;
}

static enum byok_err read_key(const struct byok_value *row, struct byok_user_record *out)
{
    if (row->type != BYOK_VALUE_ARRAY || row->count < KEY_NAMES ||
        row->as.items[0].type != BYOK_VALUE_STRING || row->as.items[1].type != BYOK_VALUE_STRING)
        return BYOK_E_BAD_MESSAGE;
    struct byok_user_key *key;
    enum byok_err err = add(out, row->as.items[0].as.str, row->as.items[1].as.str, &key);
    if (err != BYOK_E_OK)
        return err == BYOK_E_TOO_LARGE ? BYOK_E_BAD_MESSAGE : err;
    for (size_t i = 0; i < COUNT(key_numbers) && KEY_NAMES + i < row->count; i++) {
        int64_t number;
        if (!byok_value_as_int(&row->as.items[KEY_NAMES + i], &number))
            return BYOK_E_BAD_MESSAGE;
        memcpy((char *)key + key_numbers[i], &number, sizeof number);
    }
    return BYOK_E_OK;
}

enum byok_err byok_user_keys_read(const struct byok_value *list, struct byok_user_record *out)
{
    if (!list)
        return BYOK_E_OK;
    if (list->type != BYOK_VALUE_ARRAY)
        return BYOK_E_BAD_MESSAGE;
    for (uint32_t i = 0; i < list->count; i++) {
        enum byok_err err = read_key(&list->as.items[i], out);
        if (err != BYOK_E_OK)
            return err;
    }
    return BYOK_E_OK;
}
