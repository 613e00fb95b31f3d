/* SPDX-License-Identifier: MIT */
/* tests/unit/vault_rocks/test_store_rocks.c - what is particular to RocksDB's tables; all that
 * a store must do is in tests/conformance. */
#include "kit.h"

#include <signal.h>

#include <rocksdb/c.h>

#include "vault_rocks/rocks_inner.h"
#include "vault_rocks/store_key.h"

static char folder[256];
static struct byok_rocks *rocks;
static struct byok_fault fault;

static void set_up(void)
{
    folder_make(folder, sizeof folder);
    cr_assert_eq(byok_rocks_open(folder, &rocks, &fault), BYOK_E_OK, "%s", fault.text);
}

static void tear_down(void)
{
    byok_rocks_close(rocks);
    (void)folder_remove(folder);
}

TestSuite(store_rocks, .init = set_up, .fini = tear_down);

Test(store_rocks, a_table_that_there_is_not_stops_the_program, .signal = SIGABRT)
{
    (void)folder_remove(folder); /* tear_down is not reached */
    struct byok_store *store = byok_store_rocks_new(rocks, "no such table");
    cr_assert_fail("%p", (void *)store);
}

Test(store_rocks, two_tables_share_no_entry_and_no_position)
{
    struct byok_store *state = byok_store_rocks_new(rocks, "state");
    struct byok_store *vault = byok_store_rocks_new(rocks, "vault");
    struct byok_write write = {.key = kit_str("k"), .value = kit_str("v")};
    BYOK_AUTO(byok_arena) arena = {0};
    struct byok_str found = {NULL, 0};
    int64_t position = 0;
    cr_assert_eq(state->ops->apply(state, 0, &write, 1, 5, &fault), BYOK_E_OK);
    cr_assert_eq(vault->ops->get(vault, 0, write.key, &arena, &found, &fault), BYOK_E_OK);
    cr_assert_null(found.ptr);
    cr_assert_eq(vault->ops->position(vault, 0, &position, &fault), BYOK_E_OK);
    cr_assert_eq(position, -1);
    state->ops->free(state);
    vault->ops->free(vault);
}

Test(store_rocks, a_position_of_another_length_is_damage)
{
    struct byok_store *store = byok_store_rocks_new(rocks, "state");
    struct byok_rocks_table table;
    cr_assert(byok_rocks_table(rocks, "state", &table));
    struct byok_store_prefix key = byok_store_prefix(3, BYOK_STORE_POSITION);
    char *error = NULL;
    rocksdb_put_cf(table.db, table.write, table.family, key.bytes, sizeof key.bytes, "1234567", 7,
                   &error);
    cr_assert_null(error);
    int64_t position = 0;
    cr_assert_eq(store->ops->position(store, 3, &position, &fault), BYOK_E_STORE);
    cr_assert_not_null(strstr(fault.text, "partition 3"), "%s", fault.text);
    cr_assert_not_null(strstr(fault.text, "7 bytes"), "%s", fault.text);
    store->ops->free(store);
}
