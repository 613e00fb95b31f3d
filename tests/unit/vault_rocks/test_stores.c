/* SPDX-License-Identifier: MIT */
/* tests/unit/vault_rocks/test_stores.c - finding a store by its name. */
#include "kit.h"

#include "vault_rocks/store.h"

Test(stores, a_store_is_found_by_its_name_and_by_its_second_one)
{
    const struct byok_store_kind *kind;
    for (size_t i = 0; (kind = byok_store_kind_at(i)) != NULL; i++) {
        cr_assert_eq(byok_store_kind_find(byok_str_of(kind->ops->name)), kind);
        if (kind->also)
            cr_assert_eq(byok_store_kind_find(byok_str_of(kind->also)), kind);
    }
    cr_assert_null(byok_store_kind_find(byok_str_of("rock")));
    cr_assert_null(byok_store_kind_find(byok_str_of("")));
}

Test(stores, one_that_there_is_not_is_refused_with_those_that_there_are)
{
    const struct byok_store_place place = {.url = "x"};
    struct byok_store *store = NULL;
    struct byok_fault fault = {0};
    cr_assert_eq(byok_store_open("oracle", &place, &store, &fault), BYOK_E_CONFIG);
    cr_assert_not_null(strstr(fault.text, "oracle"));
    cr_assert_not_null(strstr(fault.text, "memory, rocks"));
}

Test(stores, rocks_by_a_url_needs_a_folder)
{
    const struct byok_store_place place = {.table = "vault", .url = "rocks:"};
    struct byok_store *store = NULL;
    struct byok_fault fault = {0};
    cr_assert_eq(byok_store_open("rocks", &place, &store, &fault), BYOK_E_CONFIG);
    cr_assert_not_null(strstr(fault.text, "folder"));
}
