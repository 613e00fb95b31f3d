/* SPDX-License-Identifier: MIT */
/* tests/unit/vault_rocks/server_kit.h - what holds of every store on a server, without the server. */
#ifndef BYOK_TESTS_UNIT_VAULT_ROCKS_SERVER_KIT_H
#define BYOK_TESTS_UNIT_VAULT_ROCKS_SERVER_KIT_H

#include "kit.h"

#include "vault_rocks/store.h"

/* URLs that are none are refused, and "zz" and "pass%" of their passwords are not told. */
static inline void kit_refuses(const char *kind, const char *const *urls, size_t count)
{
    struct byok_store *store;
    struct byok_fault fault;
    for (size_t i = 0; i < count; i++) {
        const struct byok_store_place place = {.url = urls[i], .timeout_ms = 100};
        cr_assert_eq(byok_store_open(kind, &place, &store, &fault), BYOK_E_CONFIG);
        cr_assert_null(strstr(fault.text, "pass%"));
        cr_assert_null(strstr(fault.text, "zz"));
    }
}

/* At a URL where nobody answers, with the password "secret-pw", every call ends with that text. */
static inline void kit_is_away(const char *kind, const char *url, const char *text)
{
    const struct byok_store_place place = {.url = url, .timeout_ms = 100};
    const struct byok_write write = {.key = byok_str_of("k"), .value = byok_str_of("v")};
    struct byok_store *store;
    struct byok_fault fault;
    int64_t number;
    struct byok_str out;
    BYOK_AUTO(byok_arena) arena = {0};
    byok_arena_init(&arena, 0);
    cr_assert_eq(byok_store_open(kind, &place, &store, &fault), BYOK_E_OK, "%s", fault.text);
    for (int i = 0; i < 3; i++) {
        cr_assert_eq(store->ops->get(store, 0, byok_str_of("k"), &arena, &out, &fault),
                     BYOK_E_STORE);
        cr_assert_not_null(strstr(fault.text, text), "%s", fault.text);
        cr_assert_null(strstr(fault.text, "secret-pw"));
    }
    cr_assert_eq(store->ops->apply(store, 0, &write, 1, 1, &fault), BYOK_E_STORE);
    cr_assert_eq(store->ops->position(store, 0, &number, &fault), BYOK_E_STORE);
    cr_assert_eq(store->ops->next(store, 0, &number, &fault), BYOK_E_STORE);
    cr_assert_eq(store->ops->drop(store, 0, &fault), BYOK_E_STORE);
    store->ops->free(store);
}

#endif
