/* SPDX-License-Identifier: MIT */
/* tests/unit/vault_rocks/test_envelope.c - sealing for the vault and opening again. */
#include "kit.h"

static uint8_t public_key[BYOK_VAULT_PUBLIC_KEY_BYTES], secret_key[32];
static struct byok_slots *slots;
static struct byok_slot *slot;
static struct byok_arena arena;

static void set_up(void)
{
    uint8_t seed[crypto_box_SEEDBYTES] = {42};
    cr_assert_geq(sodium_init(), 0);
    crypto_box_seed_keypair(public_key, secret_key, seed);
    slots = kit_slots(1);
    slot = byok_slots_lease(slots);
    byok_arena_init(&arena, 0);
}

static void tear_down(void)
{
    byok_slots_release(slots, &slot);
    byok_slots_free(slots);
    byok_arena_done(&arena);
}

TestSuite(envelope, .init = set_up, .fini = tear_down);

static struct byok_str sealed(void)
{
    struct byok_envelope what = {
        .owner = kit_owner("user-1", "openai", "work"),
        .origin = kit_str(KIT_ORIGIN),
        .issued_wall_ms = KIT_NOW,
    };
    struct byok_str out;
    struct byok_fault fault;
    cr_assert_eq(byok_envelope_seal(public_key, &what, kit_str(KIT_KEY), &arena, &out, &fault),
                 BYOK_E_OK, "%s", fault.text);
    return out;
}

static enum byok_err open_it(struct byok_str wire, struct byok_envelope *out,
                             struct byok_fault *fault)
{
    return byok_envelope_open(public_key, secret_key, wire, &arena, out, slot, fault);
}

Test(envelope, what_is_sealed_opens_again)
{
    struct byok_envelope out;
    struct byok_fault fault = {.text = ""};
    cr_assert_eq(open_it(sealed(), &out, &fault), BYOK_E_OK, "%s", fault.text);
    cr_assert(byok_str_is(out.owner.user, "user-1"));
    cr_assert(byok_str_is(out.owner.provider, "openai"));
    cr_assert(byok_str_is(out.owner.label, "work"));
    cr_assert(byok_str_is(out.origin, KIT_ORIGIN));
    cr_assert_eq(out.issued_wall_ms, KIT_NOW);
    cr_assert_eq(sodium_is_zero(out.nonce, sizeof out.nonce), 0);
    cr_assert(kit_slot_holds(slot, KIT_KEY));
}

Test(envelope, sealing_twice_gives_other_bytes)
{
    struct byok_str one = sealed(), two = sealed();
    cr_assert_eq(one.len, two.len);
    cr_assert_not(byok_str_eq(one, two));
    cr_assert_eq(memcmp(one.ptr, two.ptr, 9), 0, "version and key id are in the clear");
    uint8_t id[BYOK_VAULT_KEY_ID_BYTES];
    byok_vault_key_id(public_key, id);
    cr_assert_arr_eq(one.ptr + 1, id, sizeof id);
}

Test(envelope, the_longest_names_and_key_pass_and_one_byte_more_does_not)
{
    static char x[600];
    memset(x, 'x', sizeof x);
    const struct {
        size_t user, provider, label, origin, key;
        enum byok_err want;
    } cases[] = {
        {BYOK_USER_MAX, BYOK_PROVIDER_MAX, BYOK_LABEL_MAX, BYOK_ORIGIN_MAX, BYOK_KEY_MAX,
         BYOK_E_OK},
        {1, 1, 0, 0, BYOK_KEY_MIN, BYOK_E_OK},
        {BYOK_USER_MAX + 1, 1, 1, 1, 20, BYOK_E_BAD_REQUEST},
        {1, BYOK_PROVIDER_MAX + 1, 1, 1, 20, BYOK_E_BAD_REQUEST},
        {1, 1, BYOK_LABEL_MAX + 1, 1, 20, BYOK_E_BAD_REQUEST},
        {1, 1, 1, BYOK_ORIGIN_MAX + 1, 20, BYOK_E_BAD_REQUEST},
        {0, 1, 1, 1, 20, BYOK_E_BAD_REQUEST},
        {1, 0, 1, 1, 20, BYOK_E_BAD_REQUEST},
        {1, 1, 1, 1, BYOK_KEY_MAX + 1, BYOK_E_KEY_INVALID},
        {1, 1, 1, 1, BYOK_KEY_MIN - 1, BYOK_E_KEY_INVALID},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct byok_envelope what = {
            .owner = {{x, cases[i].user}, {x, cases[i].provider}, {x, cases[i].label}},
            .origin = {x, cases[i].origin},
            .issued_wall_ms = 1};
        struct byok_envelope out;
        struct byok_str wire = {NULL, 0};
        cr_expect_eq(byok_envelope_seal(public_key, &what, (struct byok_str){x, cases[i].key},
                                        &arena, &wire, NULL),
                     cases[i].want, "%zu", i);
        if (cases[i].want)
            continue;
        cr_expect_eq(open_it(wire, &out, NULL), BYOK_E_OK, "%zu", i);
        cr_expect_eq(out.owner.user.len, cases[i].user);
        cr_expect_eq(slot->len, cases[i].key);
    }
}

Test(envelope, keys_and_names_with_forbidden_bytes_are_not_sealed)
{
    static const struct byok_str keys[] = {
        BYOK_STR("sk-12345678\r"),
        BYOK_STR("sk-1234\n5678"),
        BYOK_STR("sk-1234\0"
                 "5678"),
        BYOK_STR("sk-1234 5678"),
        BYOK_STR("sk-1234\x80"
                 "5678"),
    };
    struct byok_envelope what = {.owner = kit_owner("u", "p", "l")};
    struct byok_str out = {NULL, 0};
    struct byok_fault fault;
    for (size_t i = 0; i < sizeof keys / sizeof keys[0]; i++) {
        cr_expect_eq(byok_envelope_seal(public_key, &what, keys[i], &arena, &out, &fault),
                     BYOK_E_KEY_INVALID, "%zu", i);
        cr_expect_null(strstr(fault.text, "1234"), "%s", fault.text);
    }
    what.owner.user = (struct byok_str)BYOK_STR("a\0b");
    cr_expect_eq(byok_envelope_seal(public_key, &what, kit_str(KIT_KEY), &arena, &out, &fault),
                 BYOK_E_BAD_REQUEST);
    cr_expect_null(out.ptr);
}

Test(envelope, every_bit_flip_is_refused)
{
    struct byok_str wire = sealed();
    char *bytes = (char *)(uintptr_t)wire.ptr;
    for (size_t bit = 0; bit < wire.len * 8; bit++) {
        struct byok_envelope out;
        bytes[bit / 8] = (char)(bytes[bit / 8] ^ (1 << (bit % 8)));
        cr_assert_eq(open_it(wire, &out, NULL), BYOK_E_BAD_ENVELOPE, "bit %zu", bit);
        cr_assert(kit_is_wiped(slot), "bit %zu", bit);
        bytes[bit / 8] = (char)(bytes[bit / 8] ^ (1 << (bit % 8)));
    }
}

Test(envelope, every_truncation_and_a_longer_one_are_refused)
{
    struct byok_str wire = sealed();
    for (size_t len = 0; len < wire.len; len++) {
        struct byok_str cut = kit_exact(wire, len);
        struct byok_envelope out;
        cr_assert_eq(open_it(cut, &out, NULL), BYOK_E_BAD_ENVELOPE, "%zu bytes", len);
        free((char *)(uintptr_t)cut.ptr);
    }
    char longer[2048] = {0};
    memcpy(longer, wire.ptr, wire.len);
    struct byok_envelope out;
    cr_assert_eq(open_it((struct byok_str){longer, wire.len + 1}, &out, NULL), BYOK_E_BAD_ENVELOPE);
    cr_assert_eq(open_it((struct byok_str){longer, sizeof longer}, &out, NULL),
                 BYOK_E_BAD_ENVELOPE);
    cr_assert_eq(open_it((struct byok_str){NULL, 0}, &out, NULL), BYOK_E_BAD_ENVELOPE);
}

Test(envelope, one_for_another_vault_is_refused_naming_both_ids)
{
    struct byok_str wire = sealed();
    uint8_t other[BYOK_VAULT_PUBLIC_KEY_BYTES], id[8], seed[crypto_box_SEEDBYTES] = {43};
    char theirs[17], ours[17];
    byok_vault_key_id(public_key, id);
    sodium_bin2hex(theirs, sizeof theirs, id, sizeof id);
    crypto_box_seed_keypair(other, secret_key, seed);
    byok_vault_key_id(other, id);
    sodium_bin2hex(ours, sizeof ours, id, sizeof id);
    struct byok_envelope out;
    struct byok_fault fault;
    cr_assert_eq(byok_envelope_open(other, secret_key, wire, &arena, &out, slot, &fault),
                 BYOK_E_BAD_ENVELOPE);
    cr_assert_not_null(strstr(fault.text, theirs), "%s", fault.text);
    cr_assert_not_null(strstr(fault.text, ours), "%s", fault.text);
}

/* A box with any inside, as an attacker makes it. */
static struct byok_str box_of(const uint8_t *plain, size_t len)
{
    uint8_t *wire = byok_arena_alloc(&arena, 9 + crypto_box_SEALBYTES + len);
    wire[0] = 1;
    byok_vault_key_id(public_key, wire + 1);
    cr_assert_eq(crypto_box_seal(wire + 9, plain, len, public_key), 0);
    return (struct byok_str){(const char *)wire, 9 + crypto_box_SEALBYTES + len};
}

static size_t plain_of(uint8_t version, struct byok_str user, struct byok_str origin,
                       struct byok_str key, uint8_t out[static 1024])
{
    const struct byok_str texts[] = {user, BYOK_STR("p"), BYOK_STR("l"), origin, key};
    size_t len = 25;
    memset(out, 0, 1024);
    out[0] = version;
    for (size_t i = 0; i < 5; i++) {
        out[len++] = (uint8_t)(texts[i].len >> 8);
        out[len++] = (uint8_t)texts[i].len;
        memcpy(out + len, texts[i].ptr, texts[i].len);
        len += texts[i].len;
    }
    return len;
}

Test(envelope, a_box_with_a_malformed_inside_is_refused)
{
    static char longest[BYOK_USER_MAX + 2];
    memset(longest, 'u', BYOK_USER_MAX + 1);
    const struct {
        const char *what;
        uint8_t version;
        struct byok_str user, key;
        int more; /* bytes added or cut */
        enum byok_err want;
    } cases[] = {
        {"right", 1, BYOK_STR("u"), BYOK_STR("12345678"), 0, BYOK_E_OK},
        {"version", 2, BYOK_STR("u"), BYOK_STR("12345678"), 0, BYOK_E_BAD_ENVELOPE},
        {"bytes behind", 1, BYOK_STR("u"), BYOK_STR("12345678"), 1, BYOK_E_BAD_ENVELOPE},
        {"too short", 1, BYOK_STR("u"), BYOK_STR("12345678"), -1, BYOK_E_BAD_ENVELOPE},
        {"no user", 1, BYOK_STR(""), BYOK_STR("12345678"), 0, BYOK_E_BAD_ENVELOPE},
        {"user's NUL", 1, BYOK_STR("u\0v"), BYOK_STR("12345678"), 0, BYOK_E_BAD_ENVELOPE},
        {"user too long",
         1,
         {longest, BYOK_USER_MAX + 1},
         BYOK_STR("12345678"),
         0,
         BYOK_E_BAD_ENVELOPE},
        {"key's CR", 1, BYOK_STR("u"), BYOK_STR("1234567\r"), 0, BYOK_E_KEY_INVALID},
        {"key's LF", 1, BYOK_STR("u"), BYOK_STR("1234\n678"), 0, BYOK_E_KEY_INVALID},
        {"key's NUL", 1, BYOK_STR("u"),
         BYOK_STR("1234\0"
                  "678"),
         0, BYOK_E_KEY_INVALID},
        {"key's space", 1, BYOK_STR("u"), BYOK_STR(" 2345678"), 0, BYOK_E_KEY_INVALID},
        {"8-bit key", 1, BYOK_STR("u"), BYOK_STR("123456\xc3\xa9"), 0, BYOK_E_KEY_INVALID},
        {"short key", 1, BYOK_STR("u"), BYOK_STR("1234567"), 0, BYOK_E_KEY_INVALID},
        {"no key", 1, BYOK_STR("u"), BYOK_STR(""), 0, BYOK_E_KEY_INVALID},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        uint8_t plain[1024];
        size_t len = plain_of(cases[i].version, cases[i].user, (struct byok_str){"", 0},
                              cases[i].key, plain);
        struct byok_str wire = box_of(plain, (size_t)((ptrdiff_t)len + cases[i].more));
        struct byok_envelope out;
        cr_expect_eq(open_it(wire, &out, NULL), cases[i].want, "%s", cases[i].what);
        cr_expect_eq(kit_is_wiped(slot), cases[i].want != BYOK_E_OK, "%s", cases[i].what);
    }
}

Test(envelope, a_key_of_more_than_512_bytes_is_refused)
{
    static char key[BYOK_KEY_MAX + 2];
    uint8_t plain[1024];
    memset(key, 'k', BYOK_KEY_MAX + 1);
    struct byok_envelope out;
    size_t len = plain_of(1, (struct byok_str)BYOK_STR("u"), (struct byok_str){"", 0},
                          (struct byok_str){key, BYOK_KEY_MAX + 1}, plain);
    cr_assert_eq(open_it(box_of(plain, len), &out, NULL), BYOK_E_KEY_INVALID);
}

Test(envelope, an_origin_with_bytes_that_do_not_belong_there_is_refused_at_both_ends)
{
    static const struct byok_str origins[] = {BYOK_STR("https://a\nb"), BYOK_STR("https://a b"),
                                              BYOK_STR("https://a\0b"), BYOK_STR("https://a\xff")};
    for (size_t i = 0; i < sizeof origins / sizeof origins[0]; i++) {
        uint8_t plain[1024];
        struct byok_envelope out, what = {.owner = kit_owner("u", "p", "l"), .origin = origins[i]};
        struct byok_str wire = {NULL, 0};
        cr_expect_eq(byok_envelope_seal(public_key, &what, kit_str(KIT_KEY), &arena, &wire, NULL),
                     BYOK_E_BAD_REQUEST, "%zu", i);
        size_t len =
            plain_of(1, (struct byok_str)BYOK_STR("u"), origins[i], kit_str(KIT_KEY), plain);
        cr_expect_eq(open_it(box_of(plain, len), &out, NULL), BYOK_E_BAD_ENVELOPE, "%zu", i);
        cr_expect(kit_is_wiped(slot));
    }
}

Test(envelope, an_arena_without_room_is_an_error_that_leaves_no_key)
{
    struct byok_str wire = sealed(), none = {NULL, 0};
    struct byok_envelope out, what = {.owner = kit_owner("u", "p", "l")};
    struct byok_arena small;
    byok_arena_init(&small, 16);
    cr_expect_eq(byok_envelope_open(public_key, secret_key, wire, &small, &out, slot, NULL),
                 BYOK_E_NOMEM);
    cr_expect(kit_is_wiped(slot));
    cr_expect_eq(byok_envelope_seal(public_key, &what, kit_str(KIT_KEY), &small, &none, NULL),
                 BYOK_E_NOMEM);
    cr_expect_null(none.ptr);
    byok_arena_done(&small);
}

Test(envelope, a_public_key_that_is_none_is_refused)
{
    const uint8_t zeros[BYOK_VAULT_PUBLIC_KEY_BYTES] = {0};
    struct byok_envelope what = {.owner = kit_owner("u", "p", "l")};
    struct byok_str out = {NULL, 0};
    cr_expect_eq(byok_envelope_seal(zeros, &what, kit_str(KIT_KEY), &arena, &out, NULL),
                 BYOK_E_BAD_REQUEST);
    cr_expect_null(out.ptr);
}

/* Made by another implementation: see vectors.def. */
static void check_known(const char *name, const char *master_hex, struct byok_envelope want,
                        const char *key, const char *hex)
{
    static const char context[] = "byok envelope v1";
    uint8_t master[32], seed[32], wire[2048];
    size_t len;
    sodium_hex2bin(master, sizeof master, master_hex, strlen(master_hex), NULL, NULL, NULL);
    sodium_hex2bin(wire, sizeof wire, hex, strlen(hex), NULL, &len, NULL);
    crypto_generichash(seed, sizeof seed, (const uint8_t *)context, strlen(context), master,
                       sizeof master);
    crypto_box_seed_keypair(public_key, secret_key, seed);
    struct byok_envelope out;
    struct byok_fault fault = {.text = ""};
    cr_expect_eq(open_it((struct byok_str){(const char *)wire, len}, &out, &fault), BYOK_E_OK,
                 "%s: %s", name, fault.text);
    cr_expect(byok_str_eq(out.owner.user, want.owner.user), "%s", name);
    cr_expect(byok_str_eq(out.owner.provider, want.owner.provider), "%s", name);
    cr_expect(byok_str_eq(out.owner.label, want.owner.label), "%s", name);
    cr_expect(byok_str_eq(out.origin, want.origin), "%s", name);
    cr_expect_eq(out.issued_wall_ms, want.issued_wall_ms, "%s", name);
    cr_expect(kit_slot_holds(slot, key), "%s", name);
}

#define RECORD(...)
#define ENVELOPE(name, master, user, provider, label, origin_, issued, key, hex)                   \
    check_known(name, master,                                                                      \
                (struct byok_envelope){.owner = kit_owner(user, provider, label),                  \
                                       .origin = byok_str_of(origin_),                             \
                                       .issued_wall_ms = issued},                                  \
                key, hex);

Test(envelope, known_answers_of_another_implementation_open)
{
#include "vectors.def"
}
