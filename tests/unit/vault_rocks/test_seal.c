/* SPDX-License-Identifier: MIT */
/* tests/unit/vault_rocks/test_seal.c - sealed records: known answers, swaps, damage. */
#include "kit.h"

static struct byok_keyring *ring;
static struct byok_slots *slots;
static struct byok_slot *slot;
static struct byok_arena arena;
static const enum byok_seal_algorithm algorithms[] = {BYOK_SEAL_AES256GCM,
                                                      BYOK_SEAL_XCHACHA20POLY1305};

#define EACH_ALGORITHM(a)                                                                          \
    for (size_t i_ = 0; i_ < 2; i_++)                                                              \
        for (enum byok_seal_algorithm a = algorithms[i_]; is_served(a); a = 0)

static bool is_served(enum byok_seal_algorithm algorithm)
{
    return (int)algorithm != 0 &&
           (algorithm != BYOK_SEAL_AES256GCM || crypto_aead_aes256gcm_is_available());
}

static void set_up(void)
{
    ring = kit_ring(1, 0x11);
    slots = kit_slots(2);
    slot = byok_slots_lease(slots);
    byok_arena_init(&arena, 0);
}

static void tear_down(void)
{
    byok_slots_release(slots, &slot);
    byok_slots_free(slots);
    byok_arena_done(&arena);
    byok_keyring_free(ring);
}

TestSuite(seal, .init = set_up, .fini = tear_down);

static struct byok_owner somebody(void)
{
    return kit_owner("user-1", "openai", "work");
}

static struct byok_str seal_with(enum byok_seal_algorithm algorithm)
{
    struct byok_owner owner = somebody();
    return kit_seal(ring, &owner, algorithm, slots, &arena);
}

static enum byok_err open_as(struct byok_owner owner, struct byok_str record)
{
    /* old contents must not survive a refusal */
    cr_assert_eq(byok_slot_set(slot, kit_str("the-key-of-somebody-else")), BYOK_E_OK);
    enum byok_err err = byok_seal_open(ring, &owner, record, slot, NULL, NULL);
    if (err)
        cr_assert(kit_is_wiped(slot));
    return err;
}

Test(seal, a_sealed_key_opens_with_both_algorithms)
{
    EACH_ALGORITHM(algorithm)
    {
        struct byok_str record = seal_with(algorithm);
        struct byok_owner owner = somebody();
        struct byok_key_info info, inspected;
        struct byok_fault fault = {.text = ""};
        cr_assert_eq((unsigned char)record.ptr[0], 1);
        cr_assert_eq((unsigned char)record.ptr[1], algorithm);
        cr_assert_eq(byok_seal_open(ring, &owner, record, slot, &info, &fault), BYOK_E_OK, "%s",
                     fault.text);
        cr_assert(kit_slot_holds(slot, KIT_KEY));
        cr_assert_eq(info.master_key_id, 1u);
        cr_assert_eq(info.issued_wall_ms, KIT_NOW);
        cr_assert_eq(info.created_wall_ms, KIT_NOW + 5);
        cr_assert(byok_str_is(info.origin, KIT_ORIGIN));
        cr_assert_eq(strlen(info.fingerprint), 16u);
        cr_assert_eq(byok_seal_inspect(record, &inspected), BYOK_E_OK);
        cr_assert_str_eq(inspected.fingerprint, info.fingerprint);
        cr_assert(byok_str_eq(inspected.origin, info.origin));
        cr_assert_eq(byok_str_find(record, kit_str(KIT_KEY)), SIZE_MAX, "not in the clear");
    }
}

Test(seal, the_best_algorithm_of_this_cpu_is_chosen)
{
    struct byok_str record = seal_with(0);
    cr_assert_eq(record.ptr[1], crypto_aead_aes256gcm_is_available() ? BYOK_SEAL_AES256GCM
                                                                     : BYOK_SEAL_XCHACHA20POLY1305);
}

Test(seal, keys_of_every_length_and_the_longest_names_pass)
{
    static char x[600];
    memset(x, 'x', sizeof x);
    struct byok_owner owner = {{x, BYOK_USER_MAX}, {x, BYOK_PROVIDER_MAX}, {x, BYOK_LABEL_MAX}};
    struct byok_key_info info = {.origin = {x, BYOK_ORIGIN_MAX}};
    EACH_ALGORITHM(algorithm)
    {
        for (size_t len = BYOK_KEY_MIN; len <= BYOK_KEY_MAX; len++) {
            struct byok_str record;
            cr_assert_eq(byok_slot_set(slot, (struct byok_str){x, len}), BYOK_E_OK);
            cr_assert_eq(byok_seal(ring, &owner, &info, algorithm, slot, &arena, &record),
                         BYOK_E_OK);
            cr_assert_eq(open_as(owner, record), BYOK_E_OK);
            cr_assert_eq(slot->len, len);
        }
    }
}

Test(seal, every_bit_flip_is_refused)
{
    EACH_ALGORITHM(algorithm)
    {
        struct byok_str record = seal_with(algorithm);
        char *bytes = (char *)(uintptr_t)record.ptr;
        for (size_t bit = 0; bit < record.len * 8; bit++) {
            bytes[bit / 8] = (char)(bytes[bit / 8] ^ (1 << (bit % 8)));
            cr_assert_eq(open_as(somebody(), record), BYOK_E_KEY_UNREADABLE, "bit %zu", bit);
            bytes[bit / 8] = (char)(bytes[bit / 8] ^ (1 << (bit % 8)));
        }
        cr_assert_eq(open_as(somebody(), record), BYOK_E_OK);
    }
}

Test(seal, every_truncation_and_a_longer_one_are_refused)
{
    EACH_ALGORITHM(algorithm)
    {
        struct byok_str record = seal_with(algorithm);
        for (size_t len = 0; len < record.len; len++) {
            struct byok_str cut = kit_exact(record, len);
            struct byok_key_info info;
            cr_assert_eq(open_as(somebody(), cut), BYOK_E_KEY_UNREADABLE, "%zu bytes", len);
            enum byok_err ignored = byok_seal_inspect(cut, &info); /* must only not over-read */
            (void)ignored;
            free((char *)(uintptr_t)cut.ptr);
        }
        char longer[1024] = {0};
        memcpy(longer, record.ptr, record.len);
        cr_assert_eq(open_as(somebody(), (struct byok_str){longer, record.len + 1}),
                     BYOK_E_KEY_UNREADABLE);
        cr_assert_eq(open_as(somebody(), (struct byok_str){longer, sizeof longer}),
                     BYOK_E_KEY_UNREADABLE);
    }
    cr_assert_eq(open_as(somebody(), (struct byok_str){NULL, 0}), BYOK_E_KEY_UNREADABLE);
}

Test(seal, a_record_opens_for_its_owner_only)
{
    static const struct {
        const char *user, *provider, *label;
    } others[] = {
        {"user-2", "openai", "work"},  {"user-1", "anthropic", "work"},
        {"user-1", "openai", "home"},  {"user-1", "openai", ""},
        {"user-1open", "ai", "work"},  {"user-1", "openaiwork", ""},
        {"user-", "1openai", "work"},  {"USER-1", "openai", "work"},
        {"user-1", "openai", "work "}, {"", "openai", "work"},
    };
    EACH_ALGORITHM(algorithm)
    {
        struct byok_str record = seal_with(algorithm);
        for (size_t i = 0; i < sizeof others / sizeof others[0]; i++)
            cr_expect_eq(
                open_as(kit_owner(others[i].user, others[i].provider, others[i].label), record),
                BYOK_E_KEY_UNREADABLE, "%zu", i);
        cr_expect_eq(open_as(somebody(), record), BYOK_E_OK);
    }
}

Test(seal, names_are_told_apart_by_length_and_not_by_a_separator)
{
    static const struct {
        struct byok_owner one, two;
    } pairs[] = {
        {{BYOK_STR("u"), BYOK_STR("a|b"), BYOK_STR("c")},
         {BYOK_STR("u"), BYOK_STR("a"), BYOK_STR("b|c")}},
        {{BYOK_STR("a|b"), BYOK_STR("c"), BYOK_STR("")},
         {BYOK_STR("a"), BYOK_STR("b|c"), BYOK_STR("")}},
        {{BYOK_STR("u"), BYOK_STR("ab"), BYOK_STR("c")},
         {BYOK_STR("u"), BYOK_STR("a"), BYOK_STR("bc")}},
    };
    for (size_t i = 0; i < sizeof pairs / sizeof pairs[0]; i++) {
        struct byok_str record = kit_seal(ring, &pairs[i].one, 0, slots, &arena);
        cr_expect_eq(open_as(pairs[i].two, record), BYOK_E_KEY_UNREADABLE, "%zu", i);
        cr_expect_eq(open_as(pairs[i].one, record), BYOK_E_OK, "%zu", i);
    }
}

static struct byok_str changed(struct byok_str record, size_t at, char to)
{
    struct byok_str copy = byok_arena_copy(&arena, record);
    ((char *)(uintptr_t)copy.ptr)[at] = to;
    return copy;
}

Test(seal, another_version_algorithm_or_master_key_id_is_refused)
{
    kit_add(ring, 2, 0x22);
    struct byok_fault fault;
    struct byok_owner owner = somebody();
    EACH_ALGORITHM(algorithm)
    {
        struct byok_str record = seal_with(algorithm);
        const struct {
            struct byok_str record;
            const char *say;
        } cases[] = {
            {changed(record, 0, 0), "version"},
            {changed(record, 0, 2), "version"},
            {changed(record, 1, 0), "version"},
            {changed(record, 1, 3), "version"},
            {changed(record, 1, (char)(3 - (int)algorithm)), ""},
            {changed(record, 5, 2), "does not open"},      /* a key of the ring, but another */
            {changed(record, 5, 9), "master key 9, which is not in the key ring"},
        };
        for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
            cr_expect_eq(byok_seal_open(ring, &owner, cases[i].record, slot, NULL, &fault),
                         BYOK_E_KEY_UNREADABLE, "%zu", i);
            cr_expect_not_null(strstr(fault.text, cases[i].say), "%zu: %s", i, fault.text);
        }
    }
}

Test(seal, another_master_key_under_the_same_id_does_not_open_it)
{
    struct byok_str record = seal_with(0);
    byok_keyring_free(ring);
    ring = kit_ring(1, 0x12);
    cr_assert_eq(open_as(somebody(), record), BYOK_E_KEY_UNREADABLE);
}

/* A record made by hand for the owner `somebody`, with a right tag; `flip` is added to the first
 * byte of the commitment, which is authenticated as it stands. */
static struct byok_str with_commitment(uint8_t flip)
{
    enum { HEAD = 1 + 1 + 4 + 8 + 8 + 8 + 2, SALT = 16, COMMITMENT = 32, NONCE = 24 };
    static const char names[] = "\0\x06user-1\0\x06openai\0\x04work";
    uint8_t master[BYOK_MASTER_KEY_BYTES], derived[64], ad[256];
    uint8_t *record = byok_arena_alloc(&arena, 256);
    size_t head = HEAD + SALT + COMMITMENT + NONCE;
    unsigned long long len;
    memset(master, 0x11, sizeof master);
    record[0] = 1;
    record[1] = BYOK_SEAL_XCHACHA20POLY1305;
    record[5] = 1;
    crypto_generichash_state state; /* of a salt of zeros and the user */
    crypto_generichash_init(&state, master, sizeof master, sizeof derived);
    crypto_generichash_update(&state, record + HEAD, SALT);
    crypto_generichash_update(&state, (const uint8_t *)"user-1", 6);
    crypto_generichash_final(&state, derived, sizeof derived);
    memcpy(record + HEAD + SALT, derived + 32, COMMITMENT);
    record[HEAD + SALT] = (uint8_t)(record[HEAD + SALT] + flip);
    memcpy(ad, record, head);
    memcpy(ad + head, names, sizeof names - 1);
    crypto_aead_xchacha20poly1305_ietf_encrypt(record + head, &len, (const uint8_t *)KIT_KEY,
                                               strlen(KIT_KEY), ad, head + sizeof names - 1, NULL,
                                               record + head - NONCE, derived);
    return (struct byok_str){(const char *)record, head + (size_t)len};
}

Test(seal, a_record_with_a_right_tag_but_not_the_keys_commitment_is_refused)
{
    cr_assert_eq(open_as(somebody(), with_commitment(0)), BYOK_E_OK, "made by hand as it should");
    cr_assert_eq(open_as(somebody(), with_commitment(1)), BYOK_E_KEY_UNREADABLE);
}

Test(seal, a_right_record_of_what_cannot_be_a_key_is_refused)
{
    /* sealing takes what is in the slot; opening asks again, as a header depends on it */
    struct byok_owner owner = somebody();
    struct byok_key_info info = {0};
    struct byok_str record;
    memcpy(slot->key, "sk-12345\r\nX: y", 14);
    slot->len = 14;
    cr_assert_eq(byok_seal(ring, &owner, &info, 0, slot, &arena, &record), BYOK_E_OK);
    cr_assert_eq(open_as(owner, record), BYOK_E_KEY_UNREADABLE);
}

Test(seal, a_rotated_ring_opens_old_records_and_seals_with_the_new_key)
{
    struct byok_str old = seal_with(0);
    byok_keyring_free(ring);
    ring = kit_ring(2, 0x22);
    kit_add(ring, 1, 0x11);
    cr_assert_eq(open_as(somebody(), old), BYOK_E_OK);
    struct byok_key_info info;
    cr_assert_eq(byok_seal_inspect(seal_with(0), &info), BYOK_E_OK);
    cr_assert_eq(info.master_key_id, 2u);
}

Test(seal, no_two_records_share_a_salt_or_a_nonce)
{
    enum { COUNT = 2000, SALT_AT = 32 + sizeof KIT_ORIGIN - 1 };
    static char seen[COUNT][16 + 32 + 12];
    for (size_t i = 0; i < COUNT; i++) {
        memcpy(seen[i], seal_with(0).ptr + SALT_AT, sizeof seen[i]);
        for (size_t j = 0; j < i; j++) {
            cr_assert_neq(memcmp(seen[i], seen[j], 16), 0, "salt");
            cr_assert_neq(memcmp(seen[i] + 48, seen[j] + 48, 12), 0, "nonce");
        }
    }
}

static void fingerprint_of(const char *provider, const char *user, const char *key, char out[17])
{
    struct byok_owner owner = kit_owner(user, provider, "l");
    struct byok_key_info info = {0};
    struct byok_str record;
    cr_assert_eq(byok_slot_set(slot, kit_str(key)), BYOK_E_OK);
    cr_assert_eq(byok_seal(ring, &owner, &info, 0, slot, &arena, &record), BYOK_E_OK);
    cr_assert_eq(byok_seal_inspect(record, &info), BYOK_E_OK);
    memcpy(out, info.fingerprint, 17);
}

Test(seal, a_fingerprint_is_of_the_key_and_provider_under_one_master_key)
{
    char first[17], other[17];
    fingerprint_of("openai", "user-1", KIT_KEY, first);
    fingerprint_of("openai", "user-2", KIT_KEY, other);
    cr_assert_str_eq(first, other, "the same key of another user can be recognised");
    fingerprint_of("openai", "user-1", KIT_KEY "x", other);
    cr_assert_str_neq(first, other);
    fingerprint_of("anthropic", "user-1", KIT_KEY, other);
    cr_assert_str_neq(first, other);
    byok_keyring_free(ring);
    ring = kit_ring(1, 0x12);
    fingerprint_of("openai", "user-1", KIT_KEY, other);
    cr_assert_str_neq(first, other, "cannot be recomputed without the master key");
}

Test(seal, what_cannot_be_sealed_is_refused)
{
    struct byok_owner good = somebody(), bad = kit_owner("", "openai", "work");
    struct byok_key_info info = {0};
    struct byok_str out = {NULL, 0};
    cr_assert_eq(byok_seal(ring, &good, &info, 0, slot, &arena, &out), BYOK_E_KEY_INVALID, "empty");
    cr_assert_eq(byok_slot_set(slot, kit_str(KIT_KEY)), BYOK_E_OK);
    cr_assert_eq(byok_seal(ring, &bad, &info, 0, slot, &arena, &out), BYOK_E_BAD_REQUEST);
    cr_assert_eq(byok_seal(ring, &good, &info, 3, slot, &arena, &out), BYOK_E_CONFIG);
    struct byok_keyring *empty = kit_ring(0, 0);
    cr_assert_eq(byok_seal(empty, &good, &info, 0, slot, &arena, &out), BYOK_E_CONFIG);
    byok_keyring_free(empty);
    struct byok_arena small;
    byok_arena_init(&small, 64);
    cr_assert_eq(byok_seal(ring, &good, &info, 0, slot, &small, &out), BYOK_E_NOMEM);
    byok_arena_done(&small);
    cr_assert_null(out.ptr);
}

/* Made by another implementation: see vectors.def. */
struct known {
    const char *name, *master;
    enum byok_seal_algorithm algorithm;
    uint32_t id;
    struct byok_owner owner;
    const char *origin;
    int64_t issued, created;
    const char *key, *fingerprint, *hex;
};

static void check_known(const struct known *known)
{
    if (!is_served(known->algorithm))
        return;
    struct byok_keyring *theirs = kit_ring(0, 0);
    cr_assert_eq(byok_keyring_add(theirs, known->id, kit_str(known->master), NULL), BYOK_E_OK);
    uint8_t record[2048];
    size_t len;
    struct byok_key_info info;
    struct byok_fault fault = {.text = ""};
    sodium_hex2bin(record, sizeof record, known->hex, strlen(known->hex), NULL, &len, NULL);
    cr_expect_eq(byok_seal_open(theirs, &known->owner, (struct byok_str){(const char *)record, len},
                                slot, &info, &fault),
                 BYOK_E_OK, "%s: %s", known->name, fault.text);
    cr_expect_eq(record[1], known->algorithm);
    cr_expect(kit_slot_holds(slot, known->key), "%s", known->name);
    cr_expect_eq(info.master_key_id, known->id);
    cr_expect_eq(info.issued_wall_ms, known->issued);
    cr_expect_eq(info.created_wall_ms, known->created);
    cr_expect(byok_str_is(info.origin, known->origin));
    cr_expect_str_eq(info.fingerprint, known->fingerprint);
    /* the fingerprint is not checked by opening, so make it here, too */
    struct byok_str again;
    cr_assert_eq(byok_seal(theirs, &known->owner, &info, known->algorithm, slot, &arena, &again),
                 BYOK_E_OK);
    cr_assert_eq(byok_seal_inspect(again, &info), BYOK_E_OK);
    cr_expect_str_eq(info.fingerprint, known->fingerprint);
    byok_keyring_free(theirs);
}

#define ENVELOPE(...)
#define RECORD(name, algorithm, master, id, user, provider, label, origin, issued, created, key,   \
               fingerprint, hex)                                                                   \
    check_known(&(struct known){name, master, algorithm, id, kit_owner(user, provider, label),     \
                                origin, issued, created, key, fingerprint, hex});

Test(seal, known_answers_of_another_implementation_open)
{
#include "vectors.def"
}

Test(seal, an_expiry_is_sealed_in_and_no_bit_of_it_can_be_changed)
{
    BYOK_AUTO(byok_arena) own = {0};
    struct byok_keyring *masters = kit_ring(1, 'm');
    struct byok_slot sealed = {0}, opened;
    const struct byok_owner owner = kit_owner("user", "openai", "default");
    struct byok_key_info info = {.expires_wall_ms = KIT_NOW + 77, .origin = kit_str(KIT_ORIGIN)};
    struct byok_str record;
    cr_assert_eq(byok_slot_set(&sealed, kit_str(KIT_KEY)), BYOK_E_OK);
    cr_assert_eq(byok_seal(masters, &owner, &info, 0, &sealed, &own, &record), BYOK_E_OK);
    cr_assert_eq(record.ptr[0], 2);
    cr_assert_eq(byok_seal_open(masters, &owner, record, &opened, &info, NULL), BYOK_E_OK);
    cr_assert_eq(info.expires_wall_ms, KIT_NOW + 77);
    cr_assert(kit_slot_holds(&opened, KIT_KEY));
    for (size_t bit = 0; bit < record.len * 8; bit++) {
        char *byte = (char *)(uintptr_t)record.ptr + bit / 8;
        *byte = (char)(*byte ^ (1 << (bit % 8)));
        cr_assert_neq(byok_seal_open(masters, &owner, record, &opened, NULL, NULL), BYOK_E_OK,
                      "bit %zu", bit);
        *byte = (char)(*byte ^ (1 << (bit % 8)));
    }
    byok_keyring_free(masters);
}

Test(seal, a_record_of_another_cluster_does_not_open)
{
    EACH_ALGORITHM(algorithm)
    {
        cr_assert_eq(byok_keyring_bind(ring, kit_str("cluster-1"), NULL), BYOK_E_OK);
        struct byok_str record = seal_with(algorithm);
        cr_assert_eq(open_as(somebody(), record), BYOK_E_OK);
        cr_assert_eq(byok_keyring_bind(ring, kit_str("cluster-2"), NULL), BYOK_E_OK);
        cr_assert_eq(open_as(somebody(), record), BYOK_E_KEY_UNREADABLE);
        cr_assert_eq(byok_keyring_bind(ring, kit_str(""), NULL), BYOK_E_OK);
        cr_assert_eq(open_as(somebody(), record), BYOK_E_KEY_UNREADABLE);
    }
}
