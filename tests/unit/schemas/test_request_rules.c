/* SPDX-License-Identifier: MIT */
/* tests/unit/schemas/test_request_rules.c - the rules themselves; the vectors have the messages. */
#include "schemas/request_parts.h"

#include <criterion/criterion.h>

#include "trees.h"

Test(request_rules, accept_what_they_name_and_nothing_else)
{
    static const char *const values[] = {"\"\"", "\"aGk=\"", "[]", "{}", "1.5", "-1", "1", "true"};
    static const struct {
        unsigned accept;
        bool good[8];
    } cases[] = {
        {BYOK_ACCEPT_TEXT, {1, 1, 0, 0, 0, 0, 0, 0}},
        {BYOK_ACCEPT_FILLED, {0, 1, 0, 0, 0, 0, 0, 0}},
        {BYOK_ACCEPT_LIST, {0, 0, 1, 0, 0, 0, 0, 0}},
        {BYOK_ACCEPT_MAP, {0, 0, 0, 1, 0, 0, 0, 0}},
        {BYOK_ACCEPT_NUMBER, {0, 0, 0, 0, 1, 1, 1, 0}},
        {BYOK_ACCEPT_WHOLE, {0, 0, 0, 0, 0, 1, 1, 0}},
        {BYOK_ACCEPT_POSITIVE, {0, 0, 0, 0, 0, 0, 1, 0}},
        {BYOK_ACCEPT_BOOL, {0, 0, 0, 0, 0, 0, 0, 1}},
        {BYOK_ACCEPT_BINARY, {0, 1, 0, 0, 0, 0, 0, 0}},
        {BYOK_ACCEPT_TEXT | BYOK_ACCEPT_LIST, {1, 1, 1, 0, 0, 0, 0, 0}},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        for (size_t j = 0; j < sizeof values / sizeof values[0]; j++) {
            BYOK_AUTO(byok_arena) arena = {0};
            struct byok_value map = byok_value_map();
            byok_value_set(&arena, &map, "m", from_json(&arena, values[j]));
            const struct byok_rule rule = {"m", cases[i].accept, false};
            struct byok_fault fault;
            enum byok_err err = byok_check_rules(&arena, &map, &rule, 1, &fault);
            cr_assert_eq(err == BYOK_E_OK, cases[i].good[j], "rule %zu, %s", i, values[j]);
        }
    }
}

Test(request_rules, binary_text_becomes_bytes)
{
    BYOK_AUTO(byok_arena) arena = {0};
    struct byok_value map = from_json(&arena, "{\"m\":\"aGk=\"}");
    const struct byok_rule rule = {"m", BYOK_ACCEPT_BINARY, true};
    struct byok_fault fault;
    cr_assert_eq(byok_check_rules(&arena, &map, &rule, 1, &fault), BYOK_E_OK);
    const struct byok_value *value = byok_value_find(&map, "m");
    cr_assert_eq(value->type, BYOK_VALUE_BYTES);
    cr_assert(byok_str_is(value->as.str, "hi"));
}

Test(request_rules, the_text_of_a_refusal_names_all_that_would_be_right)
{
    BYOK_AUTO(byok_arena) arena = {0};
    struct byok_value map = from_json(&arena, "{\"m\":1}");
    const struct byok_rule rule = {"m", BYOK_ACCEPT_TEXT | BYOK_ACCEPT_MAP | BYOK_ACCEPT_BOOL,
                                   true};
    struct byok_fault fault;
    cr_assert_eq(byok_check_rules(&arena, &map, &rule, 1, &fault), BYOK_E_BAD_MESSAGE);
    cr_assert_str_eq(fault.text, "member \"m\": must be a text or an object or true or false");
}
