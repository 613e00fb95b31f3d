/* SPDX-License-Identifier: MIT */
/* tests/unit/vault_rocks/test_store_mongodb.c - without a server; all that a store must do on one is in
 * tests/conformance. */
#include "server_kit.h"

Test(store_mongodb, a_url_that_is_none_is_refused_without_its_words)
{
    static const char *const urls[] = {"mongodb://me:pass%zzword@host/db", "http://pass%zzword",
                                       "mongodb://me:pass@zzword@nohost.invalid/db",
                                       "mongodb://me:zz/word@nohost.invalid/db", NULL};
    kit_refuses("mongodb", urls, sizeof urls / sizeof urls[0]);
}

Test(store_mongodb, a_server_that_is_not_there_is_an_error_without_the_password)
{
    kit_is_away("mongodb", "mongodb://me:secret-pw@%2Fnonexistent%2Fa.sock/db",
                "MongoDB cannot be reached");
}
