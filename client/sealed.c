/* SPDX-License-Identifier: MIT */
/* client/sealed.c - see client/sealed.h. */
#include "client/sealed.h"

#include <string.h>

#include "base/mem.h"
#include "client/since.h"

static void drop(struct byok_sealed_table *table, struct byok_sealed *entry)
{
    if (!entry)
        return;
    HASH_DEL(table->entries, entry);
    byok_delete(entry);
}

static void read_record(struct byok_sealed *entry, struct byok_str record)
{
    if (!byok_vault_record_owner((struct byok_str){entry->key, entry->key_len}, &entry->owner))
        entry->owner = (struct byok_owner){0};
    entry->readable = byok_seal_inspect(record, &entry->info) == BYOK_E_OK;
    if (!entry->readable) {
        entry->info = (struct byok_key_info){0};
        return;
    }
    struct byok_str origin = entry->info.origin; /* of the record, which ends here */
    if (origin.len > 0)
        memcpy(entry->origin, origin.ptr, origin.len);
    entry->info.origin = (struct byok_str){entry->origin, origin.len};
}

bool byok_sealed_put(struct byok_sealed_table *table, struct byok_str key, struct byok_str value)
{
    struct byok_sealed *entry = NULL;
    HASH_FIND(hh, table->entries, key.ptr, key.len, entry);
    if (!value.ptr) {
        drop(table, entry);
        return true;
    }
    if (!entry) {
        entry = byok_new(1, sizeof *entry + key.len + 1);
        if (!entry)
            return false;
        entry->key_len = key.len;
        if (key.len > 0)
            memcpy(entry->key, key.ptr, key.len);
        HASH_ADD_KEYPTR(hh, table->entries, entry->key, entry->key_len, entry);
    }
    read_record(entry, value);
    return true;
}

/* Of record keys: NULs part the names, so their order is that of the names. */
static int compare(const struct byok_sealed *a, const struct byok_sealed *b)
{
    return byok_str_compare((struct byok_str){a->key, a->key_len},
                            (struct byok_str){b->key, b->key_len});
}

void byok_sealed_sort(struct byok_sealed_table *table)
{
    HASH_SORT(table->entries, compare);
}

void byok_sealed_done(struct byok_sealed_table *table)
{
    struct byok_sealed *entry, *next;
    HASH_ITER(hh, table->entries, entry, next)
        drop(table, entry);
}

struct reading {
    struct byok_sealed_table *table;
    struct byok_str user; /* empty: all */
    bool full;
};

/* Keys of the vault's topic begin with the user and a NUL. */
static bool is_of(const struct byok_record *record, struct byok_str user)
{
    return user.len == 0 || (record->key.len > user.len && byok_str_starts(record->key, user) &&
                             record->key.ptr[user.len] == '\0');
}

static bool take(void *context, const struct byok_record *record)
{
    struct reading *reading = context;
    if (is_of(record, reading->user))
        reading->full = !byok_sealed_put(reading->table, record->key, record->value);
    return !reading->full;
}

enum byok_err byok_sealed_read(struct byok_cli *cli, struct byok_str user,
                               struct byok_sealed_table *out, struct byok_fault *fault)
{
    const struct byok_start beginning = {.from = BYOK_FROM_BEGINNING};
    struct byok_reader *reader = NULL;
    struct reading reading = {.table = out, .user = user};
    *out = (struct byok_sealed_table){0};
    enum byok_err err = byok_reader_new(cli, BYOK_TOPIC_VAULT, user, beginning, &reader, fault);
    if (err == BYOK_E_OK)
        err = byok_read_records(cli, reader, false, take, &reading, fault);
    if (err == BYOK_E_OK && reading.full)
        err = byok_fault_set(fault, BYOK_E_NOMEM, "no memory for so many keys");
    byok_reader_free(reader);
    if (err == BYOK_E_OK)
        byok_sealed_sort(out);
    else
        byok_sealed_done(out);
    return err;
}
