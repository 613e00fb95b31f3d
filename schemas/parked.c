/* SPDX-License-Identifier: MIT */
/* schemas/parked.c - see schemas/parked.h. */
#include "schemas/parked.h"

#include <stdio.h>
#include <string.h>

#include "schemas/codec.h"
#include "schemas/value.h"

#define PARKED_VERSION 1
#define DIGITS ((size_t)16)
#define MARKER_ARENA_BYTES ((size_t)8192)
#define ATTEMPT_COLUMNS 5 /* that there are always */
#define JOINED_COLUMN 5
#define LEG_COLUMN 6

/* ---- the record ---- */

/* An attempt is an array on the wire: when, how long, HTTP status, code, whether it was sent; then
 * whether it joined another's call, and where it went, as far as that says something. */
static struct byok_value attempt_value(struct byok_arena *arena, const struct byok_attempt *attempt)
{
    struct byok_value row = byok_value_array();
    byok_value_push(arena, &row, byok_value_int(attempt->started_wall_ms));
    byok_value_push(arena, &row, byok_value_int(attempt->duration_ms));
    byok_value_push(arena, &row, byok_value_int(attempt->http_status));
    byok_value_push(arena, &row, byok_value_text(byok_err_name(attempt->code)));
    byok_value_push(arena, &row, byok_value_bool(attempt->sent));
    if (attempt->joined || attempt->leg > 0)
        byok_value_push(arena, &row, byok_value_bool(attempt->joined));
    if (attempt->leg > 0)
        byok_value_push(arena, &row, byok_value_int(attempt->leg));
    return row;
}

static uint32_t noted(uint32_t attempts)
{
    return attempts < BYOK_ATTEMPTS_MAX ? attempts : BYOK_ATTEMPTS_MAX;
}

enum byok_err byok_parked_encode(const struct byok_parked *parked, struct byok_arena *scratch,
                                 struct byok_buf *out)
{
    const struct byok_parked_past *past = &parked->past;
    struct byok_value map = byok_value_map();
    byok_value_set(scratch, &map, "version", byok_value_int(PARKED_VERSION));
    byok_value_set_str(scratch, &map, "content_type", parked->content_type);
    if (parked->traceparent.len > 0) /* bytes: a header need not be UTF-8 */
        byok_value_set(scratch, &map, "traceparent", byok_value_bytes(parked->traceparent));
    byok_value_set(scratch, &map, "timestamp_ms", byok_value_int(parked->timestamp_wall_ms));
    if (past->deadline_wall_ms != 0)
        byok_value_set(scratch, &map, "deadline_ms", byok_value_int(past->deadline_wall_ms));
    if (past->leg > 0)
        byok_value_set(scratch, &map, "leg", byok_value_int(past->leg));
    if (past->attempt_count > 0) {
        struct byok_value attempts = byok_value_array();
        for (uint32_t i = 0; i < noted(past->attempt_count); i++)
            byok_value_push(scratch, &attempts, attempt_value(scratch, &past->attempts[i]));
        byok_value_set(scratch, &map, "attempt_count", byok_value_int(past->attempt_count));
        byok_value_set(scratch, &map, "limited", byok_value_int(past->limited));
        byok_value_set(scratch, &map, "attempts", attempts);
    }
    byok_value_set(scratch, &map, "request", byok_value_bytes(parked->request));
    if (byok_arena_failed(scratch))
        return BYOK_E_NOMEM;
    return byok_encode(BYOK_MSGPACK, &map, out);
}

/* A whole number of 0..max; absent: 0. */
static bool read_number(const struct byok_value *value, int64_t max, int64_t *out)
{
    *out = 0;
    return !value || (byok_value_as_int(value, out) && *out >= 0 && *out <= max);
}

static const struct byok_value *optional(const struct byok_value *row, uint32_t column)
{
    return row->count > column ? &row->as.items[column] : NULL;
}

static bool read_attempt(const struct byok_value *row, struct byok_attempt *out)
{
    int64_t started, duration, status, leg;
    if (row->type != BYOK_VALUE_ARRAY || row->count < ATTEMPT_COLUMNS)
        return false;
    const struct byok_value *items = row->as.items;
    const struct byok_value *joined = optional(row, JOINED_COLUMN);
    struct byok_str code = byok_value_as_str(&items[3]);
    char name[64];
    if (!read_number(&items[0], INT64_MAX, &started) ||
        !read_number(&items[1], INT32_MAX, &duration) ||
        !read_number(&items[2], INT32_MAX, &status) || code.len >= sizeof name ||
        items[4].type != BYOK_VALUE_BOOL ||
        !read_number(optional(row, LEG_COLUMN), BYOK_FALLBACKS_MAX, &leg))
        return false;
    snprintf(name, sizeof name, "%.*s", BYOK_STR_ARG(code));
    *out = (struct byok_attempt){started,
                                 (int32_t)duration,
                                 (int32_t)status,
                                 byok_err_from_name(name),
                                 items[4].as.boolean,
                                 byok_value_is(joined, BYOK_VALUE_BOOL) && joined->as.boolean,
                                 (uint8_t)leg};
    return true;
}

static bool read_past(const struct byok_value *map, struct byok_parked_past *out)
{
    int64_t count, leg, limited;
    const struct byok_value *attempts = byok_value_find(map, "attempts");
    if (!read_number(byok_value_find(map, "deadline_ms"), INT64_MAX, &out->deadline_wall_ms) ||
        !read_number(byok_value_find(map, "leg"), BYOK_FALLBACKS_MAX, &leg) ||
        !read_number(byok_value_find(map, "attempt_count"), UINT32_MAX, &count) ||
        !read_number(byok_value_find(map, "limited"), count, &limited))
        return false;
    out->leg = (uint8_t)leg;
    out->attempt_count = (uint32_t)count;
    out->limited = (uint32_t)limited;
    uint32_t listed = byok_value_is(attempts, BYOK_VALUE_ARRAY) ? attempts->count : 0;
    if (listed != noted(out->attempt_count))
        return false;
    for (uint32_t i = 0; i < listed; i++) {
        if (!read_attempt(&attempts->as.items[i], &out->attempts[i]))
            return false;
    }
    return true;
}

enum byok_err byok_parked_decode(struct byok_str bytes, struct byok_arena *arena,
                                 struct byok_parked *out)
{
    struct byok_value map;
    int64_t version;
    *out = (struct byok_parked){0};
    enum byok_err err = byok_decode(arena, BYOK_MSGPACK, bytes, &map, NULL);
    if (err != BYOK_E_OK)
        return err;
    const struct byok_value *request = byok_value_find(&map, "request");
    if (!byok_value_as_int(byok_value_find(&map, "version"), &version) || version < 1 ||
        !byok_value_is(request, BYOK_VALUE_BYTES) ||
        !read_number(byok_value_find(&map, "timestamp_ms"), INT64_MAX, &out->timestamp_wall_ms) ||
        !read_past(&map, &out->past))
        return BYOK_E_BAD_MESSAGE;
    out->content_type = byok_value_as_str(byok_value_find(&map, "content_type"));
    const struct byok_value *trace = byok_value_find(&map, "traceparent");
    if (byok_value_is(trace, BYOK_VALUE_BYTES))
        out->traceparent = trace->as.str;
    out->request = request->as.str;
    return BYOK_E_OK;
}

/* ---- keys ---- */

struct byok_str byok_parked_key(struct byok_arena *arena, struct byok_str user,
                                const struct byok_parked_place *place)
{
    size_t len = 2 + user.len + 1 + DIGITS + (place->due_wall_ms ? DIGITS + 1 : 0);
    char *key = byok_arena_alloc(arena, len + 1);
    if (!key)
        return (struct byok_str){NULL, 0};
    if (place->due_wall_ms) {
        snprintf(key, len + 1, "%s%c%016llx%c%016llx%c", BYOK_PARKED_TIME_TAG, 0,
                 (unsigned long long)place->due_wall_ms, 0, (unsigned long long)place->order, 0);
        memcpy(key + len - user.len, user.ptr, user.len);
    } else {
        key[0] = BYOK_PARKED_QUEUE_TAG[0];
        memcpy(key + 2, user.ptr, user.len);
        snprintf(key + 2 + user.len + 1, DIGITS + 1, "%016llx", (unsigned long long)place->order);
    }
    return (struct byok_str){key, len};
}

/* Sixteen digits at the beginning of `*rest`, which is moved behind them. */
static bool read_digits(struct byok_str *rest, int64_t *out)
{
    uint64_t number = 0;
    if (rest->len < DIGITS)
        return false;
    for (size_t i = 0; i < DIGITS; i++) {
        char c = rest->ptr[i];
        bool digit = c >= '0' && c <= '9', letter = c >= 'a' && c <= 'f';
        if (!digit && !letter)
            return false;
        number = number << 4 | (uint64_t)(digit ? c - '0' : c - 'a' + 10);
    }
    rest->ptr += DIGITS;
    rest->len -= DIGITS;
    *out = (int64_t)number;
    return number <= INT64_MAX;
}

static bool read_nul(struct byok_str *rest)
{
    if (rest->len == 0 || rest->ptr[0] != '\0')
        return false;
    rest->ptr++;
    rest->len--;
    return true;
}

bool byok_parked_key_read(struct byok_str key, struct byok_str *user,
                          struct byok_parked_place *place)
{
    const struct byok_str queue = {BYOK_PARKED_QUEUE_TAG, 2}, time = {BYOK_PARKED_TIME_TAG, 2};
    *place = (struct byok_parked_place){0};
    if (key.len < 2)
        return false;
    struct byok_str rest = {key.ptr + 2, key.len - 2};
    if (byok_str_starts(key, time)) {
        if (!read_digits(&rest, &place->due_wall_ms) || !read_nul(&rest) ||
            !read_digits(&rest, &place->order) || !read_nul(&rest))
            return false;
        *user = rest;
        return rest.len > 0 && place->due_wall_ms > 0;
    }
    if (!byok_str_starts(key, queue) || rest.len < DIGITS + 2)
        return false;
    *user = (struct byok_str){rest.ptr, rest.len - DIGITS - 1};
    rest.ptr += user->len;
    rest.len -= user->len;
    return read_nul(&rest) && read_digits(&rest, &place->order);
}

/* ---- the marker ---- */

enum byok_err byok_parked_marker_encode(const struct byok_parked_place *place, struct byok_buf *out)
{
    struct byok_member members[] = {
        {BYOK_STR("parked"), byok_value_bool(true)},
        {BYOK_STR("due_ms"), byok_value_int(place->due_wall_ms)},
        {BYOK_STR("order"), byok_value_int(place->order)},
    };
    struct byok_value map = byok_value_map();
    map.as.members = members;
    map.count = sizeof members / sizeof members[0];
    return byok_encode(BYOK_MSGPACK, &map, out);
}

enum byok_err byok_parked_marker_decode(struct byok_str bytes, struct byok_parked_place *place)
{
    BYOK_AUTO(byok_arena) arena = {.cap_bytes = MARKER_ARENA_BYTES};
    struct byok_value map;
    enum byok_err err = byok_decode(&arena, BYOK_MSGPACK, bytes, &map, NULL);
    if (err != BYOK_E_OK)
        return arena.overflow ? BYOK_E_BAD_MESSAGE : err;
    const struct byok_value *parked = byok_value_find(&map, "parked");
    bool is_one = byok_value_is(parked, BYOK_VALUE_BOOL) && parked->as.boolean &&
                  read_number(byok_value_find(&map, "due_ms"), INT64_MAX, &place->due_wall_ms) &&
                  read_number(byok_value_find(&map, "order"), INT64_MAX, &place->order);
    return is_one ? BYOK_E_OK : BYOK_E_BAD_MESSAGE;
}
