/* SPDX-License-Identifier: MIT */
/* client/tally.c - see client/tally.h. */
#include "client/tally.h"

#include <inttypes.h>
#include <string.h>

#include "base/mem.h"
#include "client/cli.h"
#include "client/pending.h"

#define HASH_NONFATAL_OOM 1
#define uthash_malloc(size) byok_new(1, size)
#define uthash_free(memory, size) byok_delete(memory)
#include <uthash.h>

#define DAY_BYTES 10
#define NAME_SHOWN 28

/* The whole numbers of a row; seconds are apart because they are not whole. */
enum unit {
    CALLS,
    ERRORS,
    INPUT,
    CACHED,
    CACHE_WRITE,
    CACHE_WRITE_1H,
    OUTPUT,
    REASONING,
    CHARACTERS,
    IMAGES,
    UNITS
};

static const char *const unit_names[UNITS] = {
    [CALLS] = "calls",
    [ERRORS] = "errors",
    [INPUT] = "input_tokens",
    [CACHED] = "cached_tokens",
    [CACHE_WRITE] = "cache_write_tokens",
    [CACHE_WRITE_1H] = "cache_write_1h_tokens",
    [OUTPUT] = "output_tokens",
    [REASONING] = "reasoning_tokens",
    [CHARACTERS] = "characters",
    [IMAGES] = "images",
};

struct sums {
    int64_t units[UNITS];
    double seconds;
};

struct row {
    UT_hash_handle hh;
    struct sums sums;
    struct byok_str day, provider, model; /* in `key` */
    size_t key_len;
    char key[]; /* day NUL provider NUL model */
};

struct byok_tally {
    struct row *rows;
    struct sums total;
    struct byok_pending *seen; /* events by id and attempt */
};

struct byok_tally *byok_tally_new(void)
{
    struct byok_tally *tally = byok_new(1, sizeof *tally);
    if (!tally)
        return NULL;
    tally->seen = byok_pending_new();
    if (!tally->seen) {
        byok_tally_free(tally);
        return NULL;
    }
    return tally;
}

void byok_tally_free(struct byok_tally *tally)
{
    if (!tally)
        return;
    struct row *row = tally->rows;
    HASH_CLEAR(hh, tally->rows);
    while (row) {
        struct row *next = row->hh.next; /* HASH_CLEAR leaves the items' links */
        byok_delete(row);
        row = next;
    }
    byok_pending_free(tally->seen);
    byok_delete(tally);
}

static struct byok_str put(struct row *row, struct byok_str text)
{
    struct byok_str at = {row->key + row->key_len, text.len};
    if (text.len > 0)
        memcpy(row->key + row->key_len, text.ptr, text.len);
    row->key_len += text.len + 1;
    return at;
}

/* The row of an event, made when it is the first one of its kind; NULL: no memory. */
static struct row *row_of(struct byok_tally *tally, struct byok_str day, struct byok_str provider,
                          struct byok_str model)
{
    struct row *row = byok_new(1, sizeof *row + day.len + provider.len + model.len + 3);
    if (!row)
        return NULL;
    row->day = put(row, day);
    row->provider = put(row, provider);
    row->model = put(row, model);
    struct row *found = NULL;
    HASH_FIND(hh, tally->rows, row->key, row->key_len, found);
    if (found) {
        byok_delete(row);
        return found;
    }
    HASH_ADD_KEYPTR(hh, tally->rows, row->key, row->key_len, row);
    if (row->hh.tbl)
        return row;
    byok_delete(row);
    return NULL;
}

static enum byok_noted note(struct byok_tally *tally, const struct byok_value *event)
{
    char text[24];
    int64_t attempt = 0;
    (void)byok_value_as_int(byok_value_find(event, "attempt"), &attempt);
    snprintf(text, sizeof text, "%" PRId64, attempt);
    return byok_pending_add(tally->seen, byok_str_of(text),
                            byok_value_as_str(byok_value_find(event, "id")));
}

static void add(struct sums *sums, const struct byok_value *event)
{
    double seconds = 0;
    for (int u = 0; u < UNITS; u++) {
        int64_t number = 0;
        if (byok_value_as_int(byok_value_find(event, unit_names[u]), &number) && number >= 0 &&
            sums->units[u] <= INT64_MAX - number)
            sums->units[u] += number;
    }
    if (byok_value_as_double(byok_value_find(event, "seconds"), &seconds))
        sums->seconds += seconds;
}

enum byok_err byok_tally_add(struct byok_tally *tally, const struct byok_value *event)
{
    struct byok_str day = byok_value_as_str(byok_value_find(event, "day"));
    if (day.len != DAY_BYTES)
        return BYOK_E_BAD_MESSAGE;
    switch (note(tally, event)) {
    case BYOK_NOTED_TWICE:
        return BYOK_E_OK;
    case BYOK_NOTED_NOMEM:
        return BYOK_E_NOMEM;
    case BYOK_NOTED:
        break;
    }
    struct row *row = row_of(tally, day, byok_value_as_str(byok_value_find(event, "provider")),
                             byok_value_as_str(byok_value_find(event, "model")));
    if (!row)
        return BYOK_E_NOMEM;
    add(&row->sums, event);
    add(&tally->total, event);
    return BYOK_E_OK;
}

static int by_key(const struct row *a, const struct row *b)
{
    return byok_str_compare((struct byok_str){a->key, a->key_len},
                            (struct byok_str){b->key, b->key_len});
}

/* ---- output ---- */

static void print_name(FILE *to, struct byok_str name, int width)
{
    size_t shown = name.len < (size_t)width ? name.len : (size_t)width;
    byok_cli_print_text(to, (struct byok_str){name.ptr, shown}, false);
    fprintf(to, "%*s", width - (int)shown + 2, "");
}

static void print_sums(FILE *to, const struct sums *sums)
{
    fprintf(to,
            "%8" PRId64 "%8" PRId64 "%12" PRId64 "%12" PRId64 "%12" PRId64 "%10.1f%8" PRId64 "\n",
            sums->units[CALLS], sums->units[ERRORS], sums->units[INPUT], sums->units[OUTPUT],
            sums->units[CHARACTERS], sums->seconds, sums->units[IMAGES]);
}

void byok_tally_print(struct byok_tally *tally, FILE *to)
{
    fprintf(to, "%-10s  %-12s  %-28s  %8s%8s%12s%12s%12s%10s%8s\n", "DAY", "PROVIDER", "MODEL",
            "CALLS", "ERRORS", "TOKENS IN", "TOKENS OUT", "CHARACTERS", "SECONDS", "IMAGES");
    HASH_SORT(tally->rows, by_key);
    for (const struct row *row = tally->rows; row; row = row->hh.next) {
        print_name(to, row->day, DAY_BYTES);
        print_name(to, row->provider, 12);
        print_name(to, row->model, NAME_SHOWN);
        print_sums(to, &row->sums);
    }
    print_name(to, (struct byok_str)BYOK_STR("all"), DAY_BYTES);
    fprintf(to, "%-12s  %-28s  ", "", "");
    print_sums(to, &tally->total);
}

static void set_sums(struct byok_arena *arena, struct byok_value *map, const struct sums *sums)
{
    for (int u = 0; u < UNITS; u++)
        byok_value_set(arena, map, unit_names[u], byok_value_int(sums->units[u]));
    byok_value_set(arena, map, "seconds", byok_value_float(sums->seconds));
}

struct byok_value byok_tally_value(struct byok_tally *tally, struct byok_arena *arena)
{
    struct byok_value rows = byok_value_array(), total = byok_value_map(), all = byok_value_map();
    HASH_SORT(tally->rows, by_key);
    for (const struct row *row = tally->rows; row; row = row->hh.next) {
        struct byok_value map = byok_value_map();
        byok_value_set_str(arena, &map, "day", row->day);
        byok_value_set_str(arena, &map, "provider", row->provider);
        byok_value_set_str(arena, &map, "model", row->model);
        set_sums(arena, &map, &row->sums);
        byok_value_push(arena, &rows, map);
    }
    set_sums(arena, &total, &tally->total);
    byok_value_set(arena, &all, "rows", rows);
    byok_value_set(arena, &all, "total", total);
    return all;
}
