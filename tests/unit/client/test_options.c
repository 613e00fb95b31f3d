/* SPDX-License-Identifier: MIT */
/* tests/unit/client/test_options.c - the command line by its table. */
#include "client/options.h"

#include <stddef.h>
#include <string.h>

#include <criterion/criterion.h>

struct values {
    const char *user;
    bool wait;
    int64_t count, time_ms;
    struct byok_list inputs;
};

static const struct byok_option options[] = {
    {"user", 'u', BYOK_OPTION_TEXT, "USER", "", offsetof(struct values, user)},
    {"wait", 'w', BYOK_OPTION_ON, NULL, "", offsetof(struct values, wait)},
    {"no-wait", 0, BYOK_OPTION_OFF, NULL, "", offsetof(struct values, wait)},
    {"count", 0, BYOK_OPTION_COUNT, "N", "", offsetof(struct values, count)},
    {"time", 0, BYOK_OPTION_DURATION, "TIME", "", offsetof(struct values, time_ms)},
    {"input", 'i', BYOK_OPTION_LIST, "TEXT", "", offsetof(struct values, inputs)},
};

static struct byok_arena arena;
static struct values values;
static struct byok_list words;
static struct byok_fault fault;

static void begin(void)
{
    byok_arena_init(&arena, 0);
}

static void end(void)
{
    byok_arena_done(&arena);
}

TestSuite(options, .init = begin, .fini = end);

static enum byok_err read_words(int count, const char *const *given)
{
    char *argv[64];
    const struct byok_option_table table = {options, sizeof options / sizeof options[0], &values};
    memset(&values, 0, sizeof values);
    memset(&words, 0, sizeof words);
    for (int i = 0; i < count; i++)
        argv[i] = (char *)(uintptr_t)given[i];
    return byok_options_read(&arena, &table, 1, count, argv, &words, &fault);
}

#define READ(...)                                                                                  \
    read_words((int)(sizeof((const char *[]){__VA_ARGS__}) / sizeof(char *)),                      \
               (const char *[]){__VA_ARGS__})

Test(options, values_stand_behind_a_space_or_an_equals_sign_or_a_letter)
{
    cr_assert_eq(READ("--user", "alice", "--count=7"), BYOK_E_OK);
    cr_assert_str_eq(values.user, "alice");
    cr_assert_eq(values.count, 7);
    cr_assert_eq(READ("-ualice", "-w", "-i", "a", "-ib"), BYOK_E_OK);
    cr_assert_str_eq(values.user, "alice");
    cr_assert(values.wait);
    cr_assert_eq(values.inputs.count, 2);
    cr_assert_str_eq(values.inputs.items[1], "b");
}

Test(options, the_last_of_on_and_off_counts)
{
    cr_assert_eq(READ("--wait", "--no-wait"), BYOK_E_OK);
    cr_assert_not(values.wait);
}

Test(options, words_and_what_follows_two_dashes_are_no_options)
{
    cr_assert_eq(READ("add", "-", "--", "--user"), BYOK_E_OK);
    cr_assert_eq(words.count, 3);
    cr_assert_str_eq(words.items[2], "--user");
    cr_assert_null(values.user);
}

Test(options, a_list_grows)
{
    const char *given[60];
    for (int i = 0; i < 60; i += 2) {
        given[i] = "-i";
        given[i + 1] = i == 58 ? "last" : "x";
    }
    cr_assert_eq(read_words(60, given), BYOK_E_OK);
    cr_assert_eq(values.inputs.count, 30);
    cr_assert_str_eq(values.inputs.items[29], "last");
    cr_assert_str_eq(values.inputs.items[0], "x");
}

Test(options, what_is_wrong_is_said)
{
    static const struct {
        const char *words[2];
        int count;
        const char *says;
    } cases[] = {
        {{"--nothing"}, 1, "no option --nothing"},
        {{"-z"}, 1, "no option -z"},
        {{"--user"}, 1, "--user needs a value: USER"},
        {{"--wait=1"}, 1, "--wait takes no value"},
        {{"--count", "-1"}, 2, "whole number"},
        {{"--count", "9223372036854775808"}, 2, "whole number"},
        {{"--time", "30"}, 2, "with its unit"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        cr_assert_eq(read_words(cases[i].count, cases[i].words), BYOK_E_BAD_REQUEST);
        cr_assert_not_null(strstr(fault.text, cases[i].says), "%s", fault.text);
    }
}

Test(options, a_key_as_a_word_or_an_option_is_refused_and_not_repeated)
{
    static const char *const keys[] = {"sk-proj-abcdefghijklmnop", "AIzaSyA1234567890abcdefgh",
                                       "0123456789abcdef0123456789abcdef"};
    for (size_t i = 0; i < sizeof keys / sizeof keys[0]; i++) {
        cr_assert_eq(READ("add", keys[i]), BYOK_E_BAD_REQUEST);
        cr_assert_not_null(strstr(fault.text, "standard input"));
        cr_assert_null(strstr(fault.text, keys[i]));
    }
    cr_assert_eq(READ("--api-key=sk-abc"), BYOK_E_BAD_REQUEST);
    cr_assert_null(strstr(fault.text, "sk-abc"));
    cr_assert_eq(READ("--key", "x"), BYOK_E_BAD_REQUEST);
    cr_assert_not_null(strstr(fault.text, "standard input"));
}

Test(options, durations_have_a_unit)
{
    int64_t ms;
    cr_assert(byok_duration_read("500ms", &ms) && ms == 500);
    cr_assert(byok_duration_read("30s", &ms) && ms == 30000);
    cr_assert(byok_duration_read("10m", &ms) && ms == 600000);
    cr_assert(byok_duration_read("2h", &ms) && ms == 7200000);
    cr_assert(byok_duration_read("1d", &ms) && ms == 86400000);
    static const char *const wrong[] = {"",
                                        "s",
                                        "30",
                                        "-1s",
                                        "1.5s",
                                        "1 s",
                                        "30x",
                                        "1sm",
                                        "99999999999999999999s",
                                        "9223372036854775807s"};
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++)
        cr_assert_not(byok_duration_read(wrong[i], &ms), "%s", wrong[i]);
}
