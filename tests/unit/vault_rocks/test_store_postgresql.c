/* SPDX-License-Identifier: MIT */
/* tests/unit/vault_rocks/test_store_postgresql.c - without a server; all that a store must do on one is in
 * tests/conformance. */
#include "server_kit.h"

Test(store_postgresql, a_url_that_is_none_is_refused_without_its_words)
{
    static const char *const urls[] = {"postgresql://me:pass%zzword@/db",
                                       "http://pass%zzword",
                                       "postgresql://me:pass@zzword@nohost.invalid/db",
                                       "postgresql://me:1/pass@zzword@nohost.invalid/db",
                                       "postgresql://me:zz/word@nohost.invalid/db",
                                       NULL};
    kit_refuses("postgresql", urls, sizeof urls / sizeof urls[0]);
}

Test(store_postgresql, a_server_that_is_not_there_is_an_error_without_the_password)
{
    kit_is_away("postgresql", "postgresql://me:secret-pw@/db?host=/nonexistent",
                "PostgreSQL cannot be reached");
}
