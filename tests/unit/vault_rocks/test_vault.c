/* SPDX-License-Identifier: MIT */
/* tests/unit/vault_rocks/test_vault.c - registration, unsealing, master keys at start. */
#include "kit.h"

#define DAY_MS ((int64_t)24 * 3600 * 1000)
#define MAX_AGE_MS ((int64_t)600 * 1000)

static struct byok_keyring *ring;
static struct byok_store *store;
static struct byok_slots *slots;
static struct byok_slot *slot;
static struct byok_arena arena;
static struct byok_vault *vault;
static struct byok_fault fault;

static void set_up(void)
{
    ring = kit_ring(1, 0x11);
    store = byok_store_memory_new();
    slots = kit_slots(2);
    slot = byok_slots_lease(slots);
    byok_arena_init(&arena, 0);
    cr_assert_eq(byok_vault_new(ring, store, slots, &vault, &fault), BYOK_E_OK, "%s", fault.text);
}

static void tear_down(void)
{
    byok_vault_free(vault);
    byok_slots_release(slots, &slot);
    byok_slots_free(slots);
    byok_arena_done(&arena);
    store->ops->free(store);
    byok_keyring_free(ring);
}

TestSuite(vault, .init = set_up, .fini = tear_down);

/* A vault on the same store, as after a restart with another ring. */
static enum byok_err restart_with(struct byok_keyring *other)
{
    struct byok_vault *again = NULL;
    enum byok_err err = byok_vault_new(other, store, slots, &again, &fault);
    if (err) {
        cr_assert_null(again);
        return err;
    }
    byok_vault_free(vault);
    byok_keyring_free(ring);
    vault = again;
    ring = other;
    return BYOK_E_OK;
}

static struct byok_envelope ordinary(void)
{
    return (struct byok_envelope){
        .owner = kit_owner("user-1", "openai", "work"),
        .origin = kit_str(KIT_ORIGIN),
        .issued_wall_ms = KIT_NOW,
    };
}

static struct byok_str sealed(struct byok_envelope what)
{
    uint8_t public_key[BYOK_VAULT_PUBLIC_KEY_BYTES];
    struct byok_str out;
    byok_vault_public_key(vault, public_key);
    cr_assert_eq(byok_envelope_seal(public_key, &what, kit_str(KIT_KEY), &arena, &out, &fault),
                 BYOK_E_OK, "%s", fault.text);
    return out;
}

static struct byok_registration registration_of(struct byok_str envelope)
{
    return (struct byok_registration){
        .owner = kit_owner("user-1", "openai", "work"),
        .origin = kit_str(KIT_ORIGIN),
        .envelope = envelope,
        .now_wall_ms = KIT_NOW + 1000,
        .max_age_ms = MAX_AGE_MS,
    };
}

static enum byok_err register_it(struct byok_registration *registration)
{
    enum byok_err err = byok_vault_register(vault, 3, registration, &arena, slot, &fault);
    if (err)
        cr_assert(kit_is_wiped(slot));
    return err;
}

static void put(int32_t partition, const struct byok_owner *owner, struct byok_str record)
{
    struct byok_write write = {.key = byok_vault_record_key(&arena, owner), .value = record};
    cr_assert_not_null(write.key.ptr);
    cr_assert_eq(store->ops->apply(store, partition, &write, 1, -1, &fault), BYOK_E_OK);
}

static struct byok_registration register_and_store(void)
{
    struct byok_registration registration = registration_of(sealed(ordinary()));
    cr_assert_eq(register_it(&registration), BYOK_E_OK, "%s", fault.text);
    put(3, &registration.owner, registration.record);
    sodium_memzero(slot, sizeof *slot);
    return registration;
}

static int64_t floor_wall_ms; /* what the user's record says */

static enum byok_err unseal(int32_t partition, const struct byok_owner *owner, const char *origin,
                            struct byok_key_info *info)
{
    const struct byok_wanted_key wanted = {*owner, kit_str(origin), floor_wall_ms};
    return byok_vault_unseal(vault, partition, &wanted, slot, info, &fault);
}

Test(vault, a_registered_key_is_unsealed)
{
    struct byok_registration registration = registration_of(sealed(ordinary()));
    struct byok_owner owner = kit_owner("user-1", "openai", "work");
    cr_assert_eq(register_it(&registration), BYOK_E_OK, "%s", fault.text);
    cr_assert(kit_slot_holds(slot, KIT_KEY), "for the check with the provider");
    cr_assert_eq(registration.info.issued_wall_ms, KIT_NOW);
    cr_assert_eq(registration.info.created_wall_ms, KIT_NOW + 1000);
    cr_assert_eq(unseal(3, &owner, KIT_ORIGIN, NULL), BYOK_E_NO_KEY,
                 "the vault itself stores nothing");
    put(3, &owner, registration.record);
    struct byok_key_info info;
    cr_assert_eq(unseal(3, &owner, KIT_ORIGIN, &info), BYOK_E_OK, "%s", fault.text);
    cr_assert(kit_slot_holds(slot, KIT_KEY));
    cr_assert_str_eq(info.fingerprint, registration.info.fingerprint);
    cr_assert(byok_str_is(info.origin, KIT_ORIGIN));
    cr_assert_eq(byok_vault_verify(vault, byok_vault_record_key(&arena, &owner),
                                   registration.record, &fault),
                 BYOK_E_OK);
}

Test(vault, only_the_owner_at_the_registered_origin_gets_the_key)
{
    register_and_store();
    static const struct {
        int32_t partition;
        const char *user, *provider, *label, *origin;
        enum byok_err want;
    } cases[] = {
        {3, "user-1", "openai", "work", KIT_ORIGIN, BYOK_E_OK},
        {4, "user-1", "openai", "work", KIT_ORIGIN, BYOK_E_NO_KEY},
        {3, "user-2", "openai", "work", KIT_ORIGIN, BYOK_E_NO_KEY},
        {3, "user-1", "gemini", "work", KIT_ORIGIN, BYOK_E_NO_KEY},
        {3, "user-1", "openai", "home", KIT_ORIGIN, BYOK_E_NO_KEY},
        {3, "", "openai", "work", KIT_ORIGIN, BYOK_E_NO_KEY},
        {3, "user-1", "openai", "work", "https://evil.example", BYOK_E_KEY_UNREADABLE},
        {3, "user-1", "openai", "work", KIT_ORIGIN ":8443", BYOK_E_KEY_UNREADABLE},
        {3, "user-1", "openai", "work", "", BYOK_E_KEY_UNREADABLE},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct byok_owner owner = kit_owner(cases[i].user, cases[i].provider, cases[i].label);
        cr_expect_eq(unseal(cases[i].partition, &owner, cases[i].origin, NULL), cases[i].want,
                     "%zu", i);
        cr_expect_eq(kit_is_wiped(slot), cases[i].want != BYOK_E_OK, "%zu", i);
    }
}

Test(vault, a_record_moved_to_another_owner_does_not_open)
{
    struct byok_registration registration = register_and_store();
    static const struct {
        const char *user, *provider, *label;
    } others[] = {
        {"user-2", "openai", "work"}, {"user-1", "gemini", "work"}, {"user-1", "openai", "home"}};
    for (size_t i = 0; i < 3; i++) {
        struct byok_owner thief = kit_owner(others[i].user, others[i].provider, others[i].label);
        put(3, &thief, registration.record);
        cr_expect_eq(unseal(3, &thief, KIT_ORIGIN, NULL), BYOK_E_KEY_UNREADABLE);
        cr_expect_eq(byok_vault_verify(vault, byok_vault_record_key(&arena, &thief),
                                       registration.record, &fault),
                     BYOK_E_KEY_UNREADABLE);
    }
}

Test(vault, an_envelope_for_something_else_is_refused)
{
    const struct {
        const char *what, *user, *provider, *label, *origin;
        enum byok_err want;
    } cases[] = {
        {"right", "user-1", "openai", "work", KIT_ORIGIN, BYOK_E_OK},
        {"no origin", "user-1", "openai", "work", "", BYOK_E_OK},
        {"user", "user-2", "openai", "work", KIT_ORIGIN, BYOK_E_BAD_ENVELOPE},
        {"provider", "user-1", "gemini", "work", KIT_ORIGIN, BYOK_E_BAD_ENVELOPE},
        {"label", "user-1", "openai", "home", KIT_ORIGIN, BYOK_E_BAD_ENVELOPE},
        {"no label", "user-1", "openai", "", KIT_ORIGIN, BYOK_E_BAD_ENVELOPE},
        {"origin", "user-1", "openai", "work", "https://evil.example", BYOK_E_BAD_ENVELOPE},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct byok_envelope what = ordinary();
        what.owner = kit_owner(cases[i].user, cases[i].provider, cases[i].label);
        what.origin = kit_str(cases[i].origin);
        struct byok_registration registration = registration_of(sealed(what));
        cr_expect_eq(register_it(&registration), cases[i].want, "%s: %s", cases[i].what,
                     fault.text);
        if (cases[i].want)
            cr_expect_null(registration.record.ptr);
        else
            cr_expect(byok_str_is(registration.info.origin, KIT_ORIGIN), "the worker's own");
        cr_expect_null(strstr(fault.text, "user-2"), "names no other user");
    }
}

Test(vault, an_envelope_too_old_or_from_the_future_is_refused)
{
    static const struct {
        int64_t issued;
        enum byok_err want;
    } cases[] = {
        {KIT_NOW, BYOK_E_OK},
        {KIT_NOW - MAX_AGE_MS, BYOK_E_OK},
        {KIT_NOW - MAX_AGE_MS - 1, BYOK_E_BAD_ENVELOPE},
        {KIT_NOW - DAY_MS, BYOK_E_BAD_ENVELOPE},
        {0, BYOK_E_BAD_ENVELOPE},
        {INT64_MIN, BYOK_E_BAD_ENVELOPE},
        {KIT_NOW + 300000, BYOK_E_OK},
        {KIT_NOW + 300001, BYOK_E_BAD_ENVELOPE},
        {INT64_MAX, BYOK_E_BAD_ENVELOPE},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct byok_envelope what = ordinary();
        what.issued_wall_ms = cases[i].issued;
        struct byok_registration registration = registration_of(sealed(what));
        registration.now_wall_ms = KIT_NOW;
        cr_expect_eq(register_it(&registration), cases[i].want, "%zu: %s", i, fault.text);
    }
}

Test(vault, a_replayed_envelope_undoes_nothing)
{
    struct byok_str first = sealed(ordinary());
    struct byok_envelope what = ordinary();
    what.issued_wall_ms = KIT_NOW + 1;
    struct byok_str second = sealed(what);

    struct byok_registration registration = registration_of(second);
    cr_assert_eq(register_it(&registration), BYOK_E_OK, "%s", fault.text);
    put(3, &registration.owner, registration.record);

    struct byok_registration replay = registration_of(first);
    cr_assert_eq(register_it(&replay), BYOK_E_BAD_ENVELOPE, "older");
    replay = registration_of(second);
    cr_assert_eq(register_it(&replay), BYOK_E_BAD_ENVELOPE, "the same again");
    what.issued_wall_ms++;
    replay = registration_of(sealed(what));
    cr_assert_eq(register_it(&replay), BYOK_E_OK, "newer");
}

Test(vault, a_damaged_record_does_not_stand_in_the_way_of_a_new_key)
{
    struct byok_owner owner = kit_owner("user-1", "openai", "work");
    put(3, &owner, kit_str("no record at all"));
    struct byok_registration registration = registration_of(sealed(ordinary()));
    cr_assert_eq(unseal(3, &owner, KIT_ORIGIN, NULL), BYOK_E_KEY_UNREADABLE);
    cr_assert_eq(register_it(&registration), BYOK_E_OK, "%s", fault.text);
}

Test(vault, a_value_larger_than_any_record_is_damage_and_no_lack_of_memory)
{
    static char big[100000];
    memset(big, 1, sizeof big);
    struct byok_owner owner = kit_owner("user-1", "openai", "work");
    put(3, &owner, (struct byok_str){big, sizeof big});
    cr_assert_eq(unseal(3, &owner, KIT_ORIGIN, NULL), BYOK_E_KEY_UNREADABLE, "%s", fault.text);
    struct byok_registration registration = registration_of(sealed(ordinary()));
    cr_assert_eq(register_it(&registration), BYOK_E_OK, "it can be replaced: %s", fault.text);

    struct byok_write write = {.key = kit_str("master-check/1"), .value = {big, sizeof big}};
    cr_assert_eq(store->ops->apply(store, BYOK_PARTITION_NONE, &write, 1, -1, &fault), BYOK_E_OK);
    struct byok_keyring *same = kit_ring(1, 0x11);
    cr_assert_eq(restart_with(same), BYOK_E_CONFIG, "a damaged check value is not passed over");
    byok_keyring_free(same);
}

Test(vault, the_longest_names_and_key_go_all_the_way)
{
    static char x[BYOK_KEY_MAX];
    memset(x, 'x', sizeof x);
    uint8_t public_key[BYOK_VAULT_PUBLIC_KEY_BYTES];
    struct byok_registration registration = registration_of((struct byok_str){NULL, 0});
    registration.owner =
        (struct byok_owner){{x, BYOK_USER_MAX}, {x, BYOK_PROVIDER_MAX}, {x, BYOK_LABEL_MAX}};
    registration.origin = (struct byok_str){x, BYOK_ORIGIN_MAX};
    struct byok_envelope what = {registration.owner, registration.origin, KIT_NOW, {0}};
    byok_vault_public_key(vault, public_key);
    cr_assert_eq(byok_envelope_seal(public_key, &what, (struct byok_str){x, sizeof x}, &arena,
                                    &registration.envelope, &fault),
                 BYOK_E_OK);
    cr_assert_eq(register_it(&registration), BYOK_E_OK, "%s", fault.text);
    put(3, &registration.owner, registration.record);
    const struct byok_wanted_key wanted = {registration.owner, registration.origin, 0};
    cr_assert_eq(byok_vault_unseal(vault, 3, &wanted, slot, NULL, &fault), BYOK_E_OK, "%s",
                 fault.text);
    cr_assert_eq(slot->len, sizeof x);
    cr_assert_arr_eq(slot->key, x, sizeof x);
}

Test(vault, every_bit_flip_and_truncation_of_an_envelope_is_refused)
{
    struct byok_str wire = sealed(ordinary());
    char *bytes = (char *)(uintptr_t)wire.ptr;
    for (size_t bit = 0; bit < wire.len * 8; bit++) {
        bytes[bit / 8] = (char)(bytes[bit / 8] ^ (1 << (bit % 8)));
        struct byok_registration registration = registration_of(wire);
        cr_assert_eq(register_it(&registration), BYOK_E_BAD_ENVELOPE, "bit %zu", bit);
        bytes[bit / 8] = (char)(bytes[bit / 8] ^ (1 << (bit % 8)));
    }
    for (size_t len = 0; len < wire.len; len++) {
        struct byok_str cut = kit_exact(wire, len);
        struct byok_registration registration = registration_of(cut);
        cr_assert_eq(register_it(&registration), BYOK_E_BAD_ENVELOPE, "%zu bytes", len);
        free((char *)(uintptr_t)cut.ptr);
    }
}

Test(vault, envelopes_for_every_key_of_the_ring_open_and_others_name_both_ids)
{
    struct byok_str old = sealed(ordinary());
    struct byok_keyring *rotated = kit_ring(2, 0x22);
    kit_add(rotated, 1, 0x11);
    cr_assert_eq(restart_with(rotated), BYOK_E_OK, "%s", fault.text);
    struct byok_registration registration = registration_of(old);
    cr_assert_eq(register_it(&registration), BYOK_E_OK, "%s", fault.text);
    cr_assert_eq(registration.info.master_key_id, 2u, "sealed with the new one");

    cr_assert_eq(restart_with(kit_ring(2, 0x22)), BYOK_E_OK, "%s", fault.text);
    registration = registration_of(old);
    cr_assert_eq(register_it(&registration), BYOK_E_BAD_ENVELOPE);
    cr_assert_not_null(strstr(fault.text, "sealed for the vault key"), "%s", fault.text);
}

Test(vault, workers_with_the_same_ring_have_the_same_public_key)
{
    uint8_t one[BYOK_VAULT_PUBLIC_KEY_BYTES], two[BYOK_VAULT_PUBLIC_KEY_BYTES];
    byok_vault_public_key(vault, one);
    struct byok_store *elsewhere = byok_store_memory_new();
    struct byok_keyring *same = kit_ring(1, 0x11), *other = kit_ring(1, 0x12);
    struct byok_vault *second;
    cr_assert_eq(byok_vault_new(same, elsewhere, slots, &second, &fault), BYOK_E_OK);
    byok_vault_public_key(second, two);
    cr_assert_arr_eq(one, two, sizeof one);
    byok_vault_free(second);
    elsewhere->ops->free(elsewhere);
    elsewhere = byok_store_memory_new();
    cr_assert_eq(byok_vault_new(other, elsewhere, slots, &second, &fault), BYOK_E_OK);
    byok_vault_public_key(second, two);
    cr_assert_neq(memcmp(one, two, sizeof one), 0);
    byok_vault_free(second);
    elsewhere->ops->free(elsewhere);
    byok_keyring_free(same);
    byok_keyring_free(other);
}

/* Everything of a partition, one after the other. */
static bool collect(void *arg, struct byok_str key, struct byok_str value)
{
    struct byok_buf *all = arg;
    byok_buf_printf(all, "%zu:%zu:", key.len, value.len);
    byok_buf_add_str(all, key);
    byok_buf_add_str(all, value);
    return true;
}

static struct byok_buf contents(void)
{
    struct byok_buf all;
    byok_buf_init(&all, 1 << 20);
    for (int32_t partition = -1; partition < 5; partition++)
        cr_assert_eq(store->ops->scan(store, partition, kit_str(""), collect, &all, &fault),
                     BYOK_E_OK);
    cr_assert_not(byok_buf_failed(&all));
    return all;
}

Test(vault, a_wrong_master_key_stops_the_start_and_changes_nothing)
{
    register_and_store();
    struct byok_buf before = contents();
    const struct {
        uint32_t first_id, second_id;
        int first_fill, second_fill;
        const char *say;
    } cases[] = {
        {1, 0, 0x12, 0, "master key 1 is not the one this data folder was made with"},
        {2, 0, 0x11, 0, "was made with master key 1, which is not in the key ring"},
        {2, 1, 0x22, 0x12, "master key 1 is not the one"},
        {0, 0, 0, 0, "no master key"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct byok_keyring *wrong = kit_ring(cases[i].first_id, cases[i].first_fill);
        if (cases[i].second_id)
            kit_add(wrong, cases[i].second_id, cases[i].second_fill);
        cr_expect_eq(restart_with(wrong), BYOK_E_CONFIG, "%zu", i);
        cr_expect_not_null(strstr(fault.text, cases[i].say), "%zu: %s", i, fault.text);
        struct byok_buf after = contents();
        cr_expect(byok_str_eq(byok_buf_str(&before), byok_buf_str(&after)), "%zu", i);
        byok_buf_done(&after);
        byok_keyring_free(wrong);
    }
    cr_assert_eq(restart_with(kit_ring(1, 0x11)), BYOK_E_OK, "the right one still opens");
    struct byok_buf after = contents();
    cr_assert(byok_str_eq(byok_buf_str(&before), byok_buf_str(&after)), "and writes nothing");
    byok_buf_done(&after);
    byok_buf_done(&before);
}

Test(vault, an_old_master_key_may_leave_the_ring_after_a_rotation)
{
    struct byok_keyring *both = kit_ring(2, 0x22);
    kit_add(both, 1, 0x11);
    cr_assert_eq(restart_with(both), BYOK_E_OK, "%s", fault.text);
    cr_assert_eq(restart_with(kit_ring(2, 0x22)), BYOK_E_OK, "%s", fault.text);
    struct byok_keyring *wrong = kit_ring(2, 0x33);
    cr_assert_eq(restart_with(wrong), BYOK_E_CONFIG);
    byok_keyring_free(wrong);
}

Test(vault, verifying_works_while_every_slot_is_leased)
{
    struct byok_registration registration = register_and_store();
    struct byok_slot *second = byok_slots_lease(slots);
    cr_assert_null(byok_slots_lease(slots));
    struct byok_str key = byok_vault_record_key(&arena, &registration.owner);
    cr_assert_eq(byok_vault_verify(vault, key, registration.record, &fault), BYOK_E_OK);
    byok_slots_release(slots, &second);
    cr_assert_eq(byok_vault_slots(vault), slots);
    cr_assert_eq(byok_vault_store(vault), store);
}

Test(vault, a_record_under_a_name_of_no_owner_is_not_verified)
{
    struct byok_registration registration = register_and_store();
    static const struct byok_str names[] = {
        {NULL, 0},
        BYOK_STR(""),
        BYOK_STR("user-1"),
        BYOK_STR("user-1\0openai"),
        BYOK_STR("\0openai\0work"),
        BYOK_STR("user-1\0\0work"),
        BYOK_STR("user-1\0openai\0work\0"),
        BYOK_STR("user-1\0openai\0wor"),
    };
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
        cr_expect_eq(byok_vault_verify(vault, names[i], registration.record, &fault),
                     BYOK_E_KEY_UNREADABLE, "%zu", i);
}

Test(vault, a_name_with_a_nul_makes_no_record_key)
{
    struct byok_owner owner = {BYOK_STR("a\0b"), BYOK_STR("c"), BYOK_STR("d")};
    cr_assert_null(byok_vault_record_key(&arena, &owner).ptr);
    owner = kit_owner("a", "b", "");
    struct byok_str key = byok_vault_record_key(&arena, &owner);
    cr_assert_eq(key.len, 4u);
    cr_assert_arr_eq(key.ptr, "a\0b\0", 4);
}

/* A store of which every call fails, for the errors' way up. */
static enum byok_err fail_get(struct byok_store *s, int32_t partition, struct byok_str key,
                              struct byok_arena *a, struct byok_str *out, struct byok_fault *f)
{
    (void)s, (void)partition, (void)key, (void)a, (void)out;
    return byok_fault_set(f, BYOK_E_STORE, "the disk is gone");
}

Test(vault, a_failing_store_is_an_error_and_not_an_absent_key)
{
    register_and_store();
    static struct byok_store_ops failing;
    failing = *store->ops;
    failing.get = fail_get;
    const struct byok_store_ops *healthy = store->ops;
    store->ops = &failing;
    struct byok_owner owner = kit_owner("user-1", "openai", "work");
    struct byok_registration registration = registration_of(sealed(ordinary()));
    struct byok_vault *again = NULL;
    cr_expect_eq(unseal(3, &owner, KIT_ORIGIN, NULL), BYOK_E_STORE);
    cr_expect_eq(register_it(&registration), BYOK_E_STORE);
    cr_expect_eq(byok_vault_new(ring, store, slots, &again, &fault), BYOK_E_STORE);
    cr_expect_str_eq(fault.text, "the disk is gone");
    store->ops = healthy;
}

Test(vault, a_record_older_than_its_user_s_says_is_not_opened)
{
    struct byok_owner owner = kit_owner("user-1", "openai", "work");
    struct byok_registration registration = registration_of(sealed(ordinary()));
    cr_assert_eq(register_it(&registration), BYOK_E_OK, "%s", fault.text);
    put(3, &owner, registration.record);
    floor_wall_ms = KIT_NOW;
    cr_expect_eq(unseal(3, &owner, KIT_ORIGIN, NULL), BYOK_E_OK, "%s", fault.text);
    floor_wall_ms = KIT_NOW + 1;
    cr_expect_eq(unseal(3, &owner, KIT_ORIGIN, NULL), BYOK_E_KEY_OUTDATED);
    cr_expect(kit_is_wiped(slot));
}

/* An older record in the store does not let an older envelope in either. */
Test(vault, an_envelope_older_than_the_user_s_record_says_is_refused)
{
    struct byok_registration registration = registration_of(sealed(ordinary()));
    registration.floor_wall_ms = KIT_NOW + 1;
    cr_expect_eq(register_it(&registration), BYOK_E_BAD_ENVELOPE);
    registration.floor_wall_ms = KIT_NOW;
    cr_expect_eq(register_it(&registration), BYOK_E_OK, "%s", fault.text);
}
