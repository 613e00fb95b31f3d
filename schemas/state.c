/* SPDX-License-Identifier: MIT */
/* schemas/state.c - the user's record but its keys (state_keys.c), the DONE record and all keys of the
 * table; the claim is in claim.c. */
#include "schemas/state_parts.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "schemas/codec.h"
#include "schemas/prices.h"

#define STATE_VERSION 1
#define WALL_MS_MAX ((int64_t)253402300799999) /* the end of the year 9999 */
#define MS_PER_DAY ((int64_t)86400000)
#define SMALLEST_COUNTER_ROOM ((size_t)4)
#define DONE_ARENA_BYTES ((size_t)8192) /* a DONE record has two members */

struct number {
    const char *name;
    size_t offset;
};

/* Members of the record that are whole numbers. */
static const struct number numbers[] = {
    {"saved_ms", offsetof(struct byok_user_record, saved_wall_ms)},
    {"requests_debt_us", offsetof(struct byok_user_record, requests_debt_us)},
    {"tokens_debt_us", offsetof(struct byok_user_record, tokens_debt_us)},
    {"requests_per_minute", offsetof(struct byok_user_record, requests_per_minute)},
    {"tokens_per_minute", offsetof(struct byok_user_record, tokens_per_minute)},
    {"concurrency", offsetof(struct byok_user_record, concurrency)},
    {"budget", offsetof(struct byok_user_record, budget)},
    {"budget_period", offsetof(struct byok_user_record, budget_period)},
    {"day_since_ms", offsetof(struct byok_user_record, spent[BYOK_BUDGET_DAY].since_wall_ms)},
    {"day_spent", offsetof(struct byok_user_record, spent[BYOK_BUDGET_DAY].amount)},
    {"month_since_ms", offsetof(struct byok_user_record, spent[BYOK_BUDGET_MONTH].since_wall_ms)},
    {"month_spent", offsetof(struct byok_user_record, spent[BYOK_BUDGET_MONTH].amount)},
    {"keys_floor_ms", offsetof(struct byok_user_record, keys_floor_wall_ms)},
};

/* A counter is an array on the wire: day, provider, model, then these. A later version appends. */
#define COUNTER_NAMES 3
static const size_t counter_numbers[] = {
    offsetof(struct byok_counter, calls),        offsetof(struct byok_counter, errors),
    offsetof(struct byok_counter, input_tokens), offsetof(struct byok_counter, output_tokens),
    offsetof(struct byok_counter, characters),   offsetof(struct byok_counter, milliseconds),
    offsetof(struct byok_counter, images),
};

#define COUNT(table) (sizeof(table) / sizeof(table)[0])

static int64_t get_number(const void *base, size_t offset)
{
    int64_t number;
    memcpy(&number, (const char *)base + offset, sizeof number);
    return number;
}

static void set_number(void *base, size_t offset, int64_t number)
{
    memcpy((char *)base + offset, &number, sizeof number);
}

void byok_user_record_init(struct byok_user_record *record)
{
    *record = (struct byok_user_record){
        .requests_per_minute = -1, .tokens_per_minute = -1, .concurrency = -1, .budget = -1};
}

void byok_user_record_done(struct byok_user_record *record)
{
    byok_delete(record->counters);
    byok_delete(record->keys);
    byok_user_record_init(record);
}

/* ---- counters ---- */

static int compare(const struct byok_counter *a, const struct byok_counter *b)
{
    int by_day = strcmp(a->day, b->day);
    if (by_day != 0)
        return by_day;
    int by_provider = strcmp(a->provider, b->provider);
    return by_provider != 0 ? by_provider : strcmp(a->model, b->model);
}

static int compare_for_sort(const void *a, const void *b)
{
    return compare(a, b);
}

/* The index of the first counter that is not before `wanted`. */
static size_t lower_bound(const struct byok_user_record *record, const struct byok_counter *wanted)
{
    size_t low = 0, high = record->counter_count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (compare(&record->counters[middle], wanted) < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

/* How many counters fit is not stored: it is the next power of two, so that growing by one is
 * cheap on average. */
static bool make_room(struct byok_user_record *record)
{
    size_t room = SMALLEST_COUNTER_ROOM;
    while (room < record->counter_count)
        room *= 2;
    if (record->counters && record->counter_count < room)
        return true;
    if (record->counters)
        room *= 2;
    struct byok_counter *counters = byok_renew(record->counters, room, sizeof *counters);
    if (!counters)
        return false;
    record->counters = counters;
    return true;
}

/* Days since 1970-01-01 of "2026-11-24"; Hinnant's days_from_civil. False: not such a text. */
static bool day_number(const char *day, int64_t *out)
{
    unsigned number[8];
    static const unsigned char places[] = {0, 1, 2, 3, 5, 6, 8, 9};
    if (strlen(day) != 10)
        return false;
    for (size_t i = 0; i < COUNT(places); i++) {
        number[i] = (unsigned)day[places[i]] - '0';
        if (number[i] > 9)
            return false;
    }
    int64_t year = number[0] * 1000 + number[1] * 100 + number[2] * 10 + number[3];
    int64_t month = number[4] * 10 + number[5], of_month = number[6] * 10 + number[7];
    if (year < 1970 || month < 1 || month > 12)
        return false;
    year -= month <= 2;
    int64_t of_year = (153 * (month > 2 ? month - 3 : month + 9) + 2) / 5 + of_month - 1;
    int64_t era = year / 400, of_era = year % 400;
    *out = era * 146097 + of_era * 365 + of_era / 4 - of_era / 100 + of_year - 719468;
    return true;
}

static void drop_old(struct byok_user_record *record, const char *day, int keep_days)
{
    struct byok_counter first_kept = {.day = ""};
    int64_t number;
    if (keep_days < 0 || !day_number(day, &number))
        return;
    byok_day_of((number - keep_days) * MS_PER_DAY, first_kept.day);
    size_t dropped = lower_bound(record, &first_kept);
    if (dropped == 0)
        return;
    record->counter_count -= dropped;
    memmove(record->counters, record->counters + dropped,
            record->counter_count * sizeof *record->counters);
}

static struct byok_counter *find_or_add(struct byok_user_record *record,
                                        const struct byok_counter *wanted, bool add)
{
    size_t i = lower_bound(record, wanted);
    if (i < record->counter_count && compare(&record->counters[i], wanted) == 0)
        return &record->counters[i];
    if (!add || !make_room(record))
        return NULL;
    struct byok_counter *place = record->counters + i;
    memmove(place + 1, place, (record->counter_count - i) * sizeof *place);
    *place = *wanted;
    record->counter_count++;
    return place;
}

struct byok_counter *byok_user_record_counter(struct byok_user_record *record, const char *day,
                                              struct byok_str provider, struct byok_str model,
                                              int keep_days)
{
    struct byok_counter wanted = {0};
    byok_str_to_field(wanted.day, sizeof wanted.day, byok_str_of(day));
    byok_str_to_field(wanted.provider, sizeof wanted.provider, provider);
    byok_str_to_field(wanted.model, sizeof wanted.model, model);
    struct byok_counter *found = find_or_add(record, &wanted, false);
    if (found)
        return found;
    drop_old(record, day, keep_days);
    if (record->counter_count >= BYOK_COUNTERS_MAX)
        byok_str_to_field(wanted.model, sizeof wanted.model, byok_str_of(BYOK_OTHER_MODEL));
    return find_or_add(record, &wanted, true);
}

/* ---- writing ---- */

static void push_text(struct byok_arena *arena, struct byok_value *array, const char *text)
{
    byok_value_push(arena, array, byok_value_text(text));
}

static struct byok_value counters_value(struct byok_arena *arena,
                                        const struct byok_user_record *record)
{
    struct byok_value list = byok_value_array();
    for (size_t i = 0; i < record->counter_count; i++) {
        const struct byok_counter *counter = &record->counters[i];
        struct byok_value row = byok_value_array();
        push_text(arena, &row, counter->day);
        push_text(arena, &row, counter->provider);
        push_text(arena, &row, counter->model);
        for (size_t j = 0; j < COUNT(counter_numbers); j++)
            byok_value_push(arena, &row, byok_value_int(get_number(counter, counter_numbers[j])));
        byok_value_push(arena, &list, row);
    }
    return list;
}

static struct byok_value choices_value(struct byok_arena *arena,
                                       const struct byok_user_record *record)
{
    struct byok_value map = byok_value_map();
    for (size_t i = 0; i < BYOK_CAPABILITY_COUNT; i++) {
        struct byok_value choice = byok_value_map();
        byok_value_set_str(arena, &choice, "provider", byok_str_of(record->choice[i].provider));
        byok_value_set_str(arena, &choice, "model", byok_str_of(record->choice[i].model));
        if (choice.count > 0)
            byok_value_set(arena, &map, byok_capability_name((enum byok_capability)i), choice);
    }
    return map;
}

enum byok_err byok_user_record_encode(const struct byok_user_record *record,
                                      struct byok_arena *scratch, struct byok_buf *out)
{
    struct byok_value map = byok_value_map();
    byok_value_set(scratch, &map, "version", byok_value_int(STATE_VERSION));
    for (size_t i = 0; i < COUNT(numbers); i++)
        byok_value_set(scratch, &map, numbers[i].name,
                       byok_value_int(get_number(record, numbers[i].offset)));
    byok_value_set(scratch, &map, "choices", choices_value(scratch, record));
    byok_value_set(scratch, &map, "counters", counters_value(scratch, record));
    byok_value_set(scratch, &map, "keys", byok_user_keys_value(scratch, record));
    if (byok_arena_failed(scratch))
        return BYOK_E_NOMEM;
    return byok_encode(BYOK_MSGPACK, &map, out);
}

enum byok_err byok_done_record_encode(const struct byok_done_record *record, struct byok_buf *out)
{
    /* one for each request of a day: no arena */
    struct byok_member members[] = {
        {BYOK_STR("finished_ms"), byok_value_int(record->finished_wall_ms)},
        {BYOK_STR("status"), byok_value_text(byok_status_name(record->status))},
    };
    struct byok_value map = byok_value_map();
    map.as.members = members;
    map.count = COUNT(members);
    return byok_encode(BYOK_MSGPACK, &map, out);
}

/* ---- reading ---- */

static bool read_counter(const struct byok_value *row, struct byok_counter *out)
{
    if (row->type != BYOK_VALUE_ARRAY || row->count < COUNTER_NAMES)
        return false;
    const struct byok_value *items = row->as.items;
    for (size_t i = 0; i < COUNTER_NAMES; i++) {
        if (items[i].type != BYOK_VALUE_STRING)
            return false;
    }
    *out = (struct byok_counter){0};
    byok_str_to_field(out->day, sizeof out->day, items[0].as.str);
    byok_str_to_field(out->provider, sizeof out->provider, items[1].as.str);
    byok_str_to_field(out->model, sizeof out->model, items[2].as.str);
    for (size_t i = 0; i < COUNT(counter_numbers) && COUNTER_NAMES + i < row->count; i++) {
        int64_t number;
        if (!byok_value_as_int(&items[COUNTER_NAMES + i], &number))
            return false;
        set_number(out, counter_numbers[i], number);
    }
    return true;
}

static enum byok_err read_counters(const struct byok_value *list, struct byok_user_record *out)
{
    if (!list)
        return BYOK_E_OK;
    if (list->type != BYOK_VALUE_ARRAY)
        return BYOK_E_BAD_MESSAGE;
    bool sorted = true;
    for (uint32_t i = 0; i < list->count; i++) {
        if (!make_room(out))
            return BYOK_E_NOMEM;
        struct byok_counter *counter = &out->counters[out->counter_count];
        if (!read_counter(&list->as.items[i], counter))
            return BYOK_E_BAD_MESSAGE;
        sorted = sorted && (i == 0 || compare(counter - 1, counter) < 0);
        out->counter_count++;
    }
    if (!sorted)
        qsort(out->counters, out->counter_count, sizeof *out->counters, compare_for_sort);
    return BYOK_E_OK;
}

static void read_choices(const struct byok_value *map, struct byok_user_record *out)
{
    for (size_t i = 0; i < BYOK_CAPABILITY_COUNT; i++) {
        const struct byok_value *choice =
            byok_value_find(map, byok_capability_name((enum byok_capability)i));
        byok_str_to_field(out->choice[i].provider, sizeof out->choice[i].provider,
                          byok_value_as_str(byok_value_find(choice, "provider")));
        byok_str_to_field(out->choice[i].model, sizeof out->choice[i].model,
                          byok_value_as_str(byok_value_find(choice, "model")));
    }
}

/* Whether its sums are such as byok_budget_* (actors/limits/budget.h) may add to. */
static bool is_budget(const struct byok_user_record *record)
{
    bool good = record->budget >= -1 && record->budget <= BYOK_MONEY_MAX &&
                record->budget_period >= 0 && record->budget_period < BYOK_BUDGET_PERIOD_COUNT;
    for (size_t i = 0; i < BYOK_BUDGET_PERIOD_COUNT; i++)
        good = good && record->spent[i].amount >= 0 && record->spent[i].amount <= INT64_MAX / 2 &&
               record->spent[i].since_wall_ms >= 0 && record->spent[i].since_wall_ms <= WALL_MS_MAX;
    return good;
}

static enum byok_err read_record(const struct byok_value *map, struct byok_user_record *out)
{
    int64_t version;
    /* a newer version only adds members; one that does more must change the key */
    if (!byok_value_as_int(byok_value_find(map, "version"), &version) || version < 1)
        return BYOK_E_BAD_MESSAGE;
    for (size_t i = 0; i < COUNT(numbers); i++) {
        const struct byok_value *value = byok_value_find(map, numbers[i].name);
        int64_t number;
        if (value && !byok_value_as_int(value, &number))
            return BYOK_E_BAD_MESSAGE;
        if (value)
            set_number(out, numbers[i].offset, number);
    }
    if (!is_budget(out))
        return BYOK_E_BAD_MESSAGE;
    read_choices(byok_value_find(map, "choices"), out);
    enum byok_err err = read_counters(byok_value_find(map, "counters"), out);
    return err ? err : byok_user_keys_read(byok_value_find(map, "keys"), out);
}

enum byok_err byok_user_record_decode(struct byok_str bytes, struct byok_arena *scratch,
                                      struct byok_user_record *out)
{
    byok_user_record_init(out);
    struct byok_value map;
    enum byok_err err = byok_decode(scratch, BYOK_MSGPACK, bytes, &map, NULL);
    if (err == BYOK_E_OK)
        err = read_record(&map, out);
    if (err != BYOK_E_OK)
        byok_user_record_done(out);
    return err;
}

enum byok_err byok_done_record_decode(struct byok_str bytes, struct byok_done_record *out)
{
    BYOK_AUTO(byok_arena) arena = {.cap_bytes = DONE_ARENA_BYTES};
    struct byok_value map;
    struct byok_done_record record;
    enum byok_err err = byok_decode(&arena, BYOK_MSGPACK, bytes, &map, NULL);
    if (err != BYOK_E_OK)
        return err;
    if (!byok_value_as_int(byok_value_find(&map, "finished_ms"), &record.finished_wall_ms) ||
        !byok_status_of(byok_value_as_str(byok_value_find(&map, "status")), &record.status))
        return BYOK_E_BAD_MESSAGE;
    *out = record;
    return BYOK_E_OK;
}

/* ---- keys ---- */

/* Neither user nor id can hold the separator: they have no control characters. */
static struct byok_str key_of(struct byok_arena *arena, char kind, const struct byok_str *parts,
                              size_t count)
{
    size_t len = 1;
    for (size_t i = 0; i < count; i++)
        len += 1 + parts[i].len;
    char *key = byok_arena_alloc(arena, len);
    if (!key)
        return (struct byok_str){NULL, 0};
    key[0] = kind;
    size_t at = 1;
    for (size_t i = 0; i < count; i++) {
        key[at++] = '\0';
        if (parts[i].len > 0)
            memcpy(key + at, parts[i].ptr, parts[i].len);
        at += parts[i].len;
    }
    return (struct byok_str){key, len};
}

struct byok_str byok_user_key(struct byok_arena *arena, struct byok_str user)
{
    return key_of(arena, 'u', &user, 1);
}

struct byok_str byok_claim_key(struct byok_arena *arena, struct byok_str user, struct byok_str id)
{
    const struct byok_str parts[] = {user, id};
    return key_of(arena, 'c', parts, COUNT(parts));
}

struct byok_str byok_withdrawal_key(struct byok_arena *arena, struct byok_str user,
                                    struct byok_str id)
{
    const struct byok_str parts[] = {user, id, {NULL, 0}};
    return key_of(arena, 'c', parts, COUNT(parts));
}

struct byok_str byok_done_key(struct byok_arena *arena, struct byok_str user, struct byok_str id)
{
    const struct byok_str parts[] = {user, id};
    return key_of(arena, 'd', parts, COUNT(parts));
}
