/* SPDX-License-Identifier: MIT */
/* tests/unit/vault_rocks/test_store_memory.c - what is particular to the store in memory; all
 * that a store must do is in tests/conformance. */
#include "kit.h"

Test(store_memory, two_stores_share_nothing)
{
    struct byok_store *one = byok_store_memory_new(), *two = byok_store_memory_new();
    struct byok_write write = {.key = kit_str("k"), .value = kit_str("v")};
    BYOK_AUTO(byok_arena) arena = {0};
    struct byok_str found = {NULL, 0};
    cr_assert_eq(one->ops->apply(one, 0, &write, 1, 5, NULL), BYOK_E_OK);
    cr_assert_eq(two->ops->get(two, 0, write.key, &arena, &found, NULL), BYOK_E_OK);
    cr_assert_null(found.ptr);
    one->ops->free(one);
    two->ops->free(two);
}

struct twice {
    struct byok_store *store;
    size_t inner;
};

static bool count(void *arg, struct byok_str key, struct byok_str value)
{
    (void)key;
    (void)value;
    ++*(size_t *)arg;
    return true;
}

static bool scan_again(void *arg, struct byok_str key, struct byok_str value)
{
    struct twice *self = arg;
    (void)key;
    (void)value;
    return self->store->ops->scan(self->store, 0, kit_str(""), count, &self->inner, NULL) ==
           BYOK_E_OK;
}

Test(store_memory, no_lock_is_held_while_a_scan_shows_an_entry)
{
    struct byok_store *store = byok_store_memory_new();
    const struct byok_write writes[] = {{.key = kit_str("a"), .value = kit_str("1")},
                                        {.key = kit_str("b"), .value = kit_str("2")},
                                        {.key = kit_str("c"), .value = kit_str("3")}};
    struct twice arg = {store, 0};
    cr_assert_eq(store->ops->apply(store, 0, writes, 3, -1, NULL), BYOK_E_OK);
    cr_assert_eq(store->ops->scan(store, 0, kit_str(""), scan_again, &arg, NULL), BYOK_E_OK);
    cr_assert_eq(arg.inner, 9u);
    store->ops->free(store);
}
