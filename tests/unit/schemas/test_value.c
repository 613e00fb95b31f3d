/* SPDX-License-Identifier: MIT */
/* tests/unit/schemas/test_value.c - building, searching and comparing trees. */
#include "schemas/value.h"

#include <math.h>

#include <criterion/criterion.h>

#include "trees.h"

Test(value, whole_numbers_from_zero_are_uint)
{
    cr_assert_eq(byok_value_int(0).type, BYOK_VALUE_UINT);
    cr_assert_eq(byok_value_int(-1).type, BYOK_VALUE_INT);
    cr_assert_eq(byok_value_text(NULL).type, BYOK_VALUE_NULL);
}

Test(value, a_map_and_a_list_grow_past_any_first_room)
{
    BYOK_AUTO(byok_arena) arena = {0};
    struct byok_value map = byok_value_map(), list = byok_value_array();
    for (int i = 0; i < 1000; i++) {
        byok_value_set(&arena, &map, byok_arena_printf(&arena, "n%d", i).ptr, byok_value_int(i));
        byok_value_push(&arena, &list, byok_value_int(i));
    }
    cr_assert_not(byok_arena_failed(&arena));
    cr_assert_eq(map.count, 1000);
    int64_t number;
    cr_assert(byok_value_as_int(byok_value_find(&map, "n777"), &number));
    cr_assert_eq(number, 777);
    cr_assert(byok_value_as_int(&list.as.items[999], &number));
    cr_assert_eq(number, 999);
}

Test(value, building_without_memory_leaves_a_whole_tree)
{
    BYOK_AUTO(byok_arena) arena = {.cap_bytes = 4096};
    struct byok_value list = byok_value_array();
    for (int i = 0; i < 1000; i++)
        byok_value_push(&arena, &list, byok_value_int(i));
    cr_assert(byok_arena_failed(&arena));
    cr_assert_leq(list.count, list.room);
}

Test(value, an_empty_text_is_not_set)
{
    BYOK_AUTO(byok_arena) arena = {0};
    struct byok_value map = byok_value_map();
    byok_value_set_str(&arena, &map, "a", byok_str_of(""));
    byok_value_set_str(&arena, &map, "b", byok_str_of("x"));
    cr_assert_eq(map.count, 1);
}

Test(value, find_and_path_give_null_where_there_is_nothing)
{
    BYOK_AUTO(byok_arena) arena = {0};
    struct byok_value tree = from_json(&arena, "{\"a\":{\"b\":{\"c\":1}},\"l\":[1],\"a.b\":2}");
    cr_assert_not_null(byok_value_path(&tree, "a.b.c"));
    cr_assert_not_null(byok_value_path(&tree, "l"));
    cr_assert_null(byok_value_path(&tree, "a.b.d"));
    cr_assert_null(byok_value_path(&tree, "a.x.c"));
    cr_assert_null(byok_value_path(&tree, "l.0"));
    cr_assert_null(byok_value_path(NULL, "a.b"));
    cr_assert_null(byok_value_find(NULL, "a"));
    cr_assert_null(byok_value_find(byok_value_find(&tree, "l"), "a"));
    cr_assert_eq(byok_value_as_str(byok_value_find(&tree, "l")).len, 0);
    cr_assert_eq(byok_value_as_str(NULL).len, 0);
}

Test(value, as_int_takes_only_whole_numbers_that_fit)
{
    static const struct {
        struct byok_value value;
        bool taken;
        int64_t number;
    } cases[] = {
        {{.type = BYOK_VALUE_UINT, .as.u = INT64_MAX}, true, INT64_MAX},
        {{.type = BYOK_VALUE_UINT, .as.u = (uint64_t)INT64_MAX + 1}, false, 0},
        {{.type = BYOK_VALUE_INT, .as.i = INT64_MIN}, true, INT64_MIN},
        {{.type = BYOK_VALUE_FLOAT, .as.d = 3.0}, true, 3},
        {{.type = BYOK_VALUE_FLOAT, .as.d = -3.0}, true, -3},
        {{.type = BYOK_VALUE_FLOAT, .as.d = 3.5}, false, 0},
        {{.type = BYOK_VALUE_FLOAT, .as.d = 9223372036854775808.0}, false, 0},
        {{.type = BYOK_VALUE_FLOAT, .as.d = -9223372036854775808.0}, true, INT64_MIN},
        {{.type = BYOK_VALUE_FLOAT, .as.d = INFINITY}, false, 0},
        {{.type = BYOK_VALUE_FLOAT, .as.d = NAN}, false, 0},
        {{.type = BYOK_VALUE_BOOL, .as.boolean = true}, false, 0},
        {{.type = BYOK_VALUE_NULL}, false, 0},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        int64_t number = 42;
        cr_assert_eq(byok_value_as_int(&cases[i].value, &number), cases[i].taken, "case %zu", i);
        cr_assert_eq(number, cases[i].taken ? cases[i].number : 42, "case %zu", i);
    }
    int64_t number;
    cr_assert_not(byok_value_as_int(NULL, &number));
}

Test(value, as_double_takes_any_number)
{
    double d = 0;
    struct byok_value value = byok_value_int(-2);
    cr_assert(byok_value_as_double(&value, &d));
    cr_assert_eq(d, -2.0);
    value = byok_value_int(2);
    cr_assert(byok_value_as_double(&value, &d));
    cr_assert_eq(d, 2.0);
    value = byok_value_text("2");
    cr_assert_not(byok_value_as_double(&value, &d));
    cr_assert_eq(d, 2.0);
}

Test(value, equality_is_deep_and_blind_to_the_order_of_members)
{
    static const struct {
        const char *a, *b;
        bool equal;
    } cases[] = {
        {"{\"a\":1,\"b\":[1,2]}", "{\"b\":[1,2],\"a\":1}", true},
        {"{\"a\":1}", "{\"a\":1,\"b\":null}", false},
        {"{\"a\":1}", "{\"b\":1}", false},
        {"[1,2]", "[2,1]", false},
        {"[1]", "[1.0]", false},
        {"\"1\"", "1", false},
        {"null", "false", false},
        {"-1", "18446744073709551615", false},
        {"[[],{}]", "[[],{}]", true},
        {"[[]]", "[{}]", false},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        BYOK_AUTO(byok_arena) arena = {0};
        struct byok_value a = from_json(&arena, cases[i].a), b = from_json(&arena, cases[i].b);
        cr_assert_eq(byok_value_equal(&a, &b), cases[i].equal, "%s and %s", cases[i].a, cases[i].b);
        cr_assert_eq(byok_value_equal(&b, &a), cases[i].equal, "%s and %s", cases[i].b, cases[i].a);
    }
    /* a number from 0 may come as INT from a hand-built tree */
    struct byok_value by_int = {.type = BYOK_VALUE_INT, .as.i = 5}, by_uint = byok_value_int(5);
    cr_assert(byok_value_equal(&by_int, &by_uint));
}

Test(value, vectors_and_bytes_compare_by_their_contents)
{
    static const float a[] = {1, 2, NAN}, b[] = {1, 2, NAN}, c[] = {1, 2, 3};
    struct byok_value x = byok_value_floats(a, 3), y = byok_value_floats(b, 3);
    struct byok_value z = byok_value_floats(c, 3), shorter = byok_value_floats(a, 2);
    cr_assert(byok_value_equal(&x, &y));
    cr_assert_not(byok_value_equal(&x, &z));
    cr_assert_not(byok_value_equal(&x, &shorter));
    struct byok_value text = byok_value_text("ab"), bytes = byok_value_bytes(byok_str_of("ab"));
    cr_assert_not(byok_value_equal(&text, &bytes));
}
