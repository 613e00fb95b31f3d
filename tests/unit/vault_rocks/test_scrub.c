/* SPDX-License-Identifier: MIT */
/* tests/unit/vault_rocks/test_scrub.c - a key echoed by a provider is overwritten. */
#include "kit.h"

#include "vault_rocks/scrub.h"

#define KEY "sk-AbC0123456789xyz_-END"

static struct byok_slots *slots;
static struct byok_slot *slot;

static void lease(void)
{
    slots = kit_slots(1);
    slot = byok_slots_lease(slots);
    cr_assert_eq(byok_slot_set(slot, kit_str(KEY)), BYOK_E_OK);
}

static void give_back(void)
{
    byok_slots_release(slots, &slot);
    byok_slots_free(slots);
}

TestSuite(scrub, .init = lease, .fini = give_back);

Test(scrub, keys_and_runs_of_8_are_starred_out)
{
    static const struct {
        const char *in, *out;
        size_t places;
    } cases[] = {
        {"", "", 0},
        {"short", "short", 0},
        {"nothing to see in here at all", "nothing to see in here at all", 0},
        {KEY, "************************", 1},
        {"x" KEY "y", "x************************y", 1},
        {KEY KEY, "************************************************", 2},
        {"0123456", "0123456", 0},
        {"01234567", "********", 1},
        {"a01234567b", "a********b", 1},
        {"sk-AbC01", "********", 1},
        {"z_-END", "z_-END", 0},
        {"yz_-END sk-AbC0", "yz_-END sk-AbC0", 0},
        {"9xyz_-END", "*********", 1},
        {"sk-AbC01...x9xyz_-END", "********...x*********", 2},
        {"you sent \"sk-AbC01**********yz_-END\"", "you sent \"******************yz_-END\"", 1},
        {"01234567 01234567,01234567", "******** ********,********", 3},
        {"0123456701234567", "****************", 2},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        size_t len = strlen(cases[i].in);
        struct byok_str text = kit_exact(kit_str(cases[i].in), len);
        char *bytes = (char *)(uintptr_t)text.ptr;
        cr_expect_eq(byok_slot_scrub(slot, bytes, len), cases[i].places, "%s", cases[i].in);
        cr_expect(byok_str_is(text, cases[i].out), "%s: %.*s", cases[i].in, BYOK_STR_ARG(text));
        free(bytes);
    }
}

Test(scrub, several_texts_are_scrubbed_at_once_and_a_run_reaches_from_none_into_the_next)
{
    char first[] = "x01234567x", second[] = "sk-AbC0", third[] = "1...9xyz_-END";
    const struct byok_span texts[] = {{first, sizeof first - 1},
                                      {second, sizeof second - 1},
                                      {NULL, 0},
                                      {third, sizeof third - 1}};
    cr_expect_eq(byok_slot_scrub_all(slot, texts, 4), 2u);
    cr_expect_str_eq(first, "x********x");
    cr_expect_str_eq(second, "sk-AbC0");
    cr_expect_str_eq(third, "1...*********");
}

/* Every run of every length at every place of a text, against the rule said in one line. */
Test(scrub, every_run_at_every_place_is_found)
{
    enum { TEXT = 40 };
    const size_t key_len = strlen(KEY);
    for (size_t from = 0; from < key_len; from++) {
        for (size_t len = 1; from + len <= key_len; len++) {
            for (size_t at = 0; at + len <= TEXT; at++) {
                char text[TEXT], want[TEXT];
                memset(text, '.', sizeof text);
                memcpy(text + at, KEY + from, len);
                memcpy(want, text, sizeof want);
                if (len >= 8)
                    memset(want + at, '*', len);
                cr_assert_eq(byok_slot_scrub(slot, text, sizeof text), len >= 8 ? 1u : 0u);
                cr_assert_arr_eq(text, want, sizeof want);
            }
        }
    }
}

Test(scrub, two_runs_that_share_bytes_are_both_starred_out)
{
    cr_assert_eq(byok_slot_set(slot, kit_str("abcdefgh12345678abXXefgh1234YY")), BYOK_E_OK);
    /* "abcdefgh1234" goes on as "efgh1234YY" */
    char text[] = "<abcdefgh1234YY>";
    cr_assert_eq(byok_slot_scrub(slot, text, strlen(text)), 1u);
    cr_assert_str_eq(text, "<**************>");
}

Test(scrub, the_base64_forms_are_found)
{
    static const char *const before[] = {"", ":", "u:", "us:", "user:", "api_key:"};
    for (size_t i = 0; i < sizeof before / sizeof before[0]; i++) {
        char plain[128], text[256];
        snprintf(plain, sizeof plain, "%s" KEY, before[i]);
        snprintf(text, sizeof text, "Basic ");
        sodium_bin2base64(text + 6, sizeof text - 6, (const unsigned char *)plain, strlen(plain),
                          sodium_base64_VARIANT_ORIGINAL);
        cr_expect_eq(byok_slot_scrub(slot, text, strlen(text)), 1u, "%s", before[i]);
        size_t stars = 0;
        for (const char *c = text; *c; c++)
            stars += *c == '*';
        /* all characters but those that hold bits of what is around the key */
        cr_expect_geq(stars, strlen(KEY) * 8 / 6 - 1, "%s", text);
    }
}

Test(scrub, an_empty_slot_changes_nothing)
{
    sodium_memzero(slot, sizeof *slot);
    char zeros[64] = {0}, want[64] = {0};
    cr_assert_eq(byok_slot_scrub(slot, zeros, sizeof zeros), 0u);
    cr_assert_arr_eq(zeros, want, sizeof want);
}

Test(scrub, the_longest_and_the_most_repetitive_key_are_found)
{
    static char key[BYOK_KEY_MAX + 1], text[100000];
    memset(key, 'a', BYOK_KEY_MAX);
    cr_assert_eq(byok_slot_set(slot, kit_str(key)), BYOK_E_OK);
    memset(text, 'a', sizeof text);
    cr_assert_eq(byok_slot_scrub(slot, text, sizeof text), 1u);
    for (size_t i = 0; i < sizeof text; i++)
        cr_assert_eq(text[i], '*');
    for (size_t i = 0; i < BYOK_KEY_MAX; i++)
        key[i] = (char)('!' + randombytes_uniform('~' - '!' + 1));
    cr_assert_eq(byok_slot_set(slot, kit_str(key)), BYOK_E_OK);
    memset(text, '.', sizeof text);
    memcpy(text + 50001, key, BYOK_KEY_MAX);
    cr_assert_eq(byok_slot_scrub(slot, text, sizeof text), 1u);
    for (size_t i = 0; i < sizeof text; i++)
        cr_assert_eq(text[i], i >= 50001 && i < 50001 + BYOK_KEY_MAX ? '*' : '.');
}

/* ---- decoded texts ---- */

static void star_out(void *arg, struct byok_needles *needles)
{
    char *text = arg;
    (void)byok_needles_scrub(needles, kit_str(text), text);
}

Test(scrub, what_escapes_stand_for_is_found_too)
{
    static const struct {
        const char *in, *out;
    } cases[] = {
        {"sk\\u002dAbC01", "*************"},
        {"<\\u0073\\u006B\\u002d\\u0041\\u0062\\u0043\\u0030\\u0031>",
         "<************************************************>"},
        {"%73%6b%2dAbC01 %20", "************** %20"},
        {"\\x73k-AbC0123 and", "************* and"},
        {"sk\\/AbC01", "sk\\/AbC01"},
        {"sk-AbC0\\", "sk-AbC0\\"},
        {"%7%zz\\u00\\u007", "%7%zz\\u00\\u007"},
        {"yz_-END\\u0073k-AbC0", "yz_-END\\u0073k-AbC0"},
        {"sk-AbC01 \\n sk-AbC01", "******** \\n ********"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        char text[128];
        snprintf(text, sizeof text, "%s", cases[i].in);
        byok_slot_look(slot, star_out, text);
        cr_expect_str_eq(text, cases[i].out);
    }
    cr_assert_eq(byok_slot_set(slot, kit_str("abc/def/ghi/jkl")), BYOK_E_OK);
    char text[] = "\"abc\\/def\\/ghi\"";
    byok_slot_look(slot, star_out, text);
    cr_assert_str_eq(text, "\"*************\"");
}

static void only_look(void *arg, struct byok_needles *needles)
{
    *(size_t *)arg = byok_needles_scrub(needles, kit_str("so " KEY), NULL);
}

Test(scrub, looking_changes_nothing)
{
    size_t places = 0;
    byok_slot_look(slot, only_look, &places);
    cr_assert_eq(places, 1);
    sodium_memzero(slot, sizeof *slot);
    byok_slot_look(slot, only_look, &places);
    cr_assert_eq(places, 0, "of no key");
}

static void tails(void *arg, struct byok_needles *needles)
{
    static const struct {
        const char *text;
        size_t tail;
    } cases[] = {
        {"", 0},         {"Hello", 0},          {"Hello s", 1},          {"Hello sk", 2},
        {"AbC0", 4},     {"sk-AbC0", 7},        {"x0123456", 7},         {"sk-AbC0 ", 0},
        {"sk-AbC0!", 0}, {"a\\u0073k-AbC", 12}, {"say \\u0073k-Ab", 10}, {"50%", 3},
    };
    (void)arg;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
        cr_expect_eq(byok_needles_tail(needles, kit_str(cases[i].text)), cases[i].tail, "%s",
                     cases[i].text);
    char all[200];
    memset(all, '\\', sizeof all);
    cr_expect_eq(byok_needles_tail(needles, (struct byok_str){all, sizeof all}),
                 BYOK_SCRUB_TAIL_MAX);
}

Test(scrub, the_tail_is_what_may_go_on_as_the_key)
{
    byok_slot_look(slot, tails, NULL);
}
