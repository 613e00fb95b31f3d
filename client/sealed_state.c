/* SPDX-License-Identifier: MIT */
/* client/sealed_state.c - what the users' records say of the stored keys; see client/sealed.h. */
#include "base/mem.h"
#include "client/sealed.h"
#include "client/since.h"

/* The keys of one user: they stand beside each other in the sorted table. */
struct owner {
    UT_hash_handle hh;
    struct byok_sealed *first;
};

struct reading {
    struct owner *owners; /* a uthash table by user */
    bool full;
};

static bool index_owners(struct reading *reading, const struct byok_sealed_table *table)
{
    struct byok_str last = {NULL, 0};
    for (struct byok_sealed *one = table->entries; one; one = one->hh.next) {
        if (one->owner.user.len == 0 || byok_str_eq(one->owner.user, last))
            continue;
        last = one->owner.user;
        struct owner *owner = byok_new(1, sizeof *owner);
        if (!owner)
            return false;
        owner->first = one;
        HASH_ADD_KEYPTR(hh, reading->owners, last.ptr, last.len, owner);
    }
    return true;
}

static void forget_owners(struct reading *reading)
{
    struct owner *owner, *next;
    HASH_ITER(hh, reading->owners, owner, next) {
        HASH_DEL(reading->owners, owner);
        byok_delete(owner);
    }
}

static void describe(struct byok_sealed *one, const struct byok_user_record *record)
{
    const struct byok_owner *owner = &one->owner;
    const struct byok_user_key *key = byok_user_key_find(record, owner->provider, owner->label);
    one->known = true;
    one->state = key ? *key : (struct byok_user_key){0};
    one->preferred = byok_str_eq(owner->label, byok_user_key_preferred(record, owner->provider));
    one->outdated =
        one->info.issued_wall_ms < byok_user_key_floor(record, owner->provider, owner->label);
}

/* Of a user's record, one after the other: the last one stands. */
static bool take(void *context, const struct byok_record *record)
{
    struct reading *reading = context;
    struct byok_str user = record->key;
    struct owner *owner = NULL;
    if (user.len < 3 || user.ptr[0] != 'u' || user.ptr[1] != '\0' || !record->value.ptr)
        return true;
    user = (struct byok_str){user.ptr + 2, user.len - 2};
    HASH_FIND(hh, reading->owners, user.ptr, user.len, owner);
    if (!owner)
        return true;
    BYOK_AUTO(byok_arena) scratch = {0};
    BYOK_AUTO(byok_user_record) known = {0};
    enum byok_err err = byok_user_record_decode(record->value, &scratch, &known);
    reading->full = err == BYOK_E_NOMEM;
    for (struct byok_sealed *one = owner->first;
         err == BYOK_E_OK && one && byok_str_eq(one->owner.user, user); one = one->hh.next)
        describe(one, &known);
    return !reading->full;
}

enum byok_err byok_sealed_describe(struct byok_cli *cli, struct byok_str user,
                                   struct byok_sealed_table *table, struct byok_fault *fault)
{
    const struct byok_start beginning = {.from = BYOK_FROM_BEGINNING};
    struct byok_reader *reader = NULL;
    struct reading reading = {0};
    enum byok_err err = BYOK_E_OK;
    reading.full = !index_owners(&reading, table);
    if (!reading.full)
        err = byok_reader_new(cli, BYOK_TOPIC_STATE, user, beginning, &reader, fault);
    if (err == BYOK_E_OK && !reading.full)
        err = byok_read_records(cli, reader, false, take, &reading, fault);
    if (err == BYOK_E_OK && reading.full)
        err = byok_fault_set(fault, BYOK_E_NOMEM, "no memory for so many users");
    byok_reader_free(reader);
    forget_owners(&reading);
    return err;
}
