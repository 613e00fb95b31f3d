/* SPDX-License-Identifier: MIT */
/* tests/unit/vault_rocks/test_store_mongodb.c - without a server; all that a store must do on one is in
 * tests/conformance. */
#include "kit.h"

#include "vault_rocks/store.h"

static struct byok_store *store;
static struct byok_fault fault;

Test(store_mongodb, a_url_that_is_none_is_refused_without_its_words)
{
    static const char *const urls[] = {"mongodb://me:pass%zzword@host/db", "http://pass%zzword",
                                       "mongodb://me:pass@zzword@nohost.invalid/db",
                                       "mongodb://me:zz/word@nohost.invalid/db", NULL};
    for (size_t i = 0; i < sizeof urls / sizeof urls[0]; i++) {
        const struct byok_store_place place = {.url = urls[i], .timeout_ms = 100};
        cr_assert_eq(byok_store_open("mongodb", &place, &store, &fault), BYOK_E_CONFIG);
        cr_assert_null(strstr(fault.text, "pass%"));
        cr_assert_null(strstr(fault.text, "zz"));
    }
}

Test(store_mongodb, a_server_that_is_not_there_is_an_error_without_the_password)
{
    const struct byok_store_place place = {
        .url = "mongodb://me:secret-pw@%2Fnonexistent%2Fa.sock/db", .timeout_ms = 100};
    const struct byok_write write = {.key = byok_str_of("k"), .value = byok_str_of("v")};
    int64_t number;
    struct byok_str out;
    BYOK_AUTO(byok_arena) arena = {0};
    byok_arena_init(&arena, 0);
    cr_assert_eq(byok_store_open("mongodb", &place, &store, &fault), BYOK_E_OK, "%s", fault.text);
    for (int i = 0; i < 3; i++) {
        cr_assert_eq(store->ops->get(store, 0, byok_str_of("k"), &arena, &out, &fault),
                     BYOK_E_STORE);
        cr_assert_not_null(strstr(fault.text, "MongoDB cannot be reached"), "%s", fault.text);
        cr_assert_null(strstr(fault.text, "secret-pw"));
    }
    cr_assert_eq(store->ops->apply(store, 0, &write, 1, 1, &fault), BYOK_E_STORE);
    cr_assert_eq(store->ops->position(store, 0, &number, &fault), BYOK_E_STORE);
    cr_assert_eq(store->ops->next(store, 0, &number, &fault), BYOK_E_STORE);
    cr_assert_eq(store->ops->drop(store, 0, &fault), BYOK_E_STORE);
    store->ops->free(store);
}
