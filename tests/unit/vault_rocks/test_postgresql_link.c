/* SPDX-License-Identifier: MIT */
/* tests/unit/vault_rocks/test_postgresql_link.c - connections without a server; what they do with one
 * is tested through the store (tests/conformance). */
#include "kit.h"

#include "vault_rocks/postgresql_link.h"

Test(postgresql_link, a_statement_without_a_server_fails_and_the_next_one_at_once)
{
    struct byok_pg *pg = NULL;
    struct byok_fault fault = {0};
    const struct byok_pg_statement statement = {.sql = "SELECT 1"};
    PGresult *rows = NULL;
    cr_assert_eq(byok_pg_new("postgresql://a:secret-pw@/b?host=/nonexistent", &pg, &fault),
                 BYOK_E_OK);
    for (int i = 0; i < 2; i++) {
        cr_assert_eq(byok_pg_run(pg, &statement, 1, 1000000, &rows, &fault), BYOK_E_STORE);
        cr_assert_not_null(strstr(fault.text, "/nonexistent"), "%s", fault.text);
        cr_assert_null(strstr(fault.text, "secret-pw"));
        cr_assert_null(rows);
    }
    byok_pg_free(pg);
    byok_pg_free(NULL);
}
