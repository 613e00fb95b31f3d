/* SPDX-License-Identifier: MIT */
/* tests/unit/vault_rocks/test_rewrap.c - records go from an old master key to the primary, whole. */
#include "tests/unit/vault_rocks/kit.h"

#include "vault_rocks/rewrap.h"

#define MANY 1500

static struct byok_keyring *old_ring, *both, *fresh_only;
static struct byok_slots *slots;
static struct byok_store *store;
static struct byok_vault *vault;

static void put(const struct byok_owner *owner, struct byok_keyring *ring)
{
    BYOK_AUTO(byok_arena) arena = {0};
    byok_arena_init(&arena, 0);
    const struct byok_write write = {
        .key = byok_vault_record_key(&arena, owner),
        .value = kit_seal(ring, owner, 0, slots, &arena),
    };
    cr_assert_eq(store->ops->apply(store, 3, &write, 1, -1, NULL), BYOK_E_OK);
}

static void begin(void)
{
    cr_assert_geq(sodium_init(), 0);
    old_ring = kit_ring(1, 'a');
    both = kit_ring(2, 'b');
    kit_add(both, 1, 'a');
    fresh_only = kit_ring(2, 'b');
    slots = kit_slots(2);
    store = byok_store_memory_new();
    cr_assert_eq(byok_vault_new(both, store, slots, &vault, NULL), BYOK_E_OK);
}

static void end(void)
{
    byok_vault_free(vault);
    store->ops->free(store);
    byok_slots_free(slots);
    byok_keyring_free(fresh_only);
    byok_keyring_free(both);
    byok_keyring_free(old_ring);
}

TestSuite(rewrap, .init = begin, .fini = end);

/* Walks the partition to its end, writing what each step gives; returns how many were changed. */
static size_t walk(size_t *steps, size_t *stuck)
{
    char after[1024];
    size_t len = 0, changed = 0;
    static struct byok_rewrap_step step;
    *steps = *stuck = 0;
    step = (struct byok_rewrap_step){0};
    do {
        BYOK_AUTO(byok_arena) arena = {0};
        byok_arena_init(&arena, 0);
        step.after = len > 0 ? (struct byok_str){after, len} : (struct byok_str){NULL, 0};
        cr_assert_eq(byok_vault_rewrap(vault, 3, &step, &arena, NULL), BYOK_E_OK);
        cr_assert_leq(step.looked, BYOK_REWRAP_LOOK_MAX);
        cr_assert_eq(store->ops->apply(store, 3, step.writes, step.count, -1, NULL), BYOK_E_OK);
        changed += step.count;
        *stuck += step.stuck_count;
        ++*steps;
        len = step.last.len;
        cr_assert_lt(len, sizeof after);
        if (len > 0)
            memcpy(after, step.last.ptr, len);
    } while (!step.end);
    return changed;
}

struct tally {
    struct byok_slot *slot;
    size_t open, all;
};

static bool open_one(void *arg, struct byok_str key, struct byok_str record)
{
    struct tally *tally = arg;
    struct byok_owner owner;
    struct byok_key_info info;
    tally->all++;
    if (byok_vault_record_owner(key, &owner) &&
        byok_seal_open(fresh_only, &owner, record, tally->slot, &info, NULL) == BYOK_E_OK &&
        kit_slot_holds(tally->slot, KIT_KEY) && info.issued_wall_ms == KIT_NOW &&
        info.created_wall_ms == KIT_NOW + 5 && byok_str_is(info.origin, KIT_ORIGIN))
        tally->open++;
    return true;
}

static void all_open_with_the_new_key(size_t want)
{
    struct tally tally = {.slot = byok_slots_lease(slots)};
    cr_assert_eq(
        store->ops->scan_after(store, 3, (struct byok_str){NULL, 0}, open_one, &tally, NULL),
        BYOK_E_OK);
    byok_slots_release(slots, &tally.slot);
    cr_assert_eq(tally.all, want);
    cr_assert_eq(tally.open, want);
}

Test(rewrap, every_record_opens_with_the_new_key_alone_afterwards)
{
    size_t steps, stuck;
    for (int i = 0; i < MANY; i++) {
        char user[32];
        snprintf(user, sizeof user, "user-%d", i);
        const struct byok_owner owner = kit_owner(user, "openai", "default");
        put(&owner, i % 3 ? old_ring : both);
    }
    cr_assert_eq(walk(&steps, &stuck), (size_t)MANY - MANY / 3);
    cr_assert_geq(steps, (size_t)MANY * 2 / 3 / BYOK_REWRAP_CHANGE_MAX);
    cr_assert_eq(stuck, 0u);
    all_open_with_the_new_key(MANY);
    cr_assert_eq(walk(&steps, &stuck), 0u, "a second walk finds nothing to do");
}

Test(rewrap, a_fingerprint_stays_the_same)
{
    BYOK_AUTO(byok_arena) arena = {0};
    byok_arena_init(&arena, 0);
    const struct byok_owner owner = kit_owner("u", "openai", "work");
    struct byok_key_info before, after;
    struct byok_str record;
    size_t steps, stuck;
    put(&owner, old_ring);
    struct byok_str key = byok_vault_record_key(&arena, &owner);
    cr_assert_eq(store->ops->get(store, 3, key, &arena, &record, NULL), BYOK_E_OK);
    cr_assert_eq(byok_seal_inspect(record, &before), BYOK_E_OK);
    cr_assert_eq(walk(&steps, &stuck), 1u);
    cr_assert_eq(store->ops->get(store, 3, key, &arena, &record, NULL), BYOK_E_OK);
    cr_assert_eq(byok_seal_inspect(record, &after), BYOK_E_OK);
    cr_assert_str_eq(before.fingerprint, after.fingerprint);
    cr_assert_eq(before.master_key_id, 1u);
    cr_assert_eq(after.master_key_id, 2u);
}

Test(rewrap, what_needs_a_master_key_that_is_gone_or_is_damaged_is_named_and_left)
{
    BYOK_AUTO(byok_arena) arena = {0};
    byok_arena_init(&arena, 0);
    struct byok_keyring *gone = kit_ring(7, 'g');
    const struct byok_owner lost = kit_owner("lost", "openai", "default");
    const struct byok_owner moved = kit_owner("moved", "openai", "default");
    const struct byok_owner fine = kit_owner("fine", "openai", "default");
    static struct byok_rewrap_step step;
    put(&lost, gone);
    put(&fine, old_ring);
    struct byok_write write = {
        .key = byok_vault_record_key(&arena, &moved),
        .value = kit_seal(old_ring, &fine, 0, slots, &arena), /* another owner's */
    };
    cr_assert_eq(store->ops->apply(store, 3, &write, 1, -1, NULL), BYOK_E_OK);
    write = (struct byok_write){.key = kit_str("garbage"), .value = kit_str("garbage")};
    cr_assert_eq(store->ops->apply(store, 3, &write, 1, -1, NULL), BYOK_E_OK);
    cr_assert_eq(byok_vault_rewrap(vault, 3, &step, &arena, NULL), BYOK_E_OK);
    cr_assert_eq(step.count, 1u);
    cr_assert_eq(step.stuck_count, 3u);
    cr_assert(step.stuck[0].user.len == 0 && step.stuck[0].master_key_id == 0);
    cr_assert(byok_str_is(step.stuck[1].user, "lost") && step.stuck[1].master_key_id == 7 &&
              step.stuck[1].missing);
    cr_assert(byok_str_is(step.stuck[2].user, "moved") && step.stuck[2].master_key_id == 1 &&
              !step.stuck[2].missing);
    byok_keyring_free(gone);
}

Test(rewrap, every_place_without_memory_is_an_error_and_the_step_can_be_made_again)
{
    const struct byok_owner owner = kit_owner("u", "openai", "default");
    static struct byok_rewrap_step step;
    put(&owner, old_ring);
    for (size_t cap = 16; cap < 1024; cap += 16) {
        BYOK_AUTO(byok_arena) arena = {0};
        byok_arena_init(&arena, cap);
        enum byok_err err = byok_vault_rewrap(vault, 3, &step, &arena, NULL);
        cr_assert(err == BYOK_E_NOMEM || (err == BYOK_E_OK && step.count == 1));
    }
    size_t steps, stuck;
    cr_assert_eq(walk(&steps, &stuck), 1u);
    all_open_with_the_new_key(1);
}
