/* SPDX-License-Identifier: MIT */
/* tests/unit/vault_rocks/test_mongodb_link.c - clients without a server; what they do with one is tested
 * through the store (tests/conformance). */
#include "kit.h"

#include "vault_rocks/mongodb_link.h"

Test(mongodb_link, a_url_names_a_database_that_mongodb_can_have)
{
    static const char long_name[] =
        "mongodb://h/a234567890a234567890a234567890a234567890a234567890a234567890a234";
    static const char *const refused[] = {"mongodb://h", "mongodb://h/", long_name};
    struct byok_mongo *mongo = NULL;
    struct byok_fault fault = {0};
    for (size_t i = 0; i < sizeof refused / sizeof refused[0]; i++)
        cr_assert_eq(byok_mongo_new(refused[i], 100, &mongo, &fault), BYOK_E_CONFIG, "%zu", i);
}

Test(mongodb_link, without_a_server_no_session_begins_and_the_next_one_fails_at_once)
{
    struct byok_mongo *mongo = NULL;
    struct byok_mongo_session session;
    struct byok_fault fault = {0};
    cr_assert_eq(
        byok_mongo_new("mongodb://u:secret-pw@%2Fnonexistent%2Fa.sock/db", 300, &mongo, &fault),
        BYOK_E_OK);
    for (int i = 0; i < 2; i++) {
        cr_assert_eq(byok_mongo_begin(mongo, &session, &fault), BYOK_E_STORE);
        cr_assert_null(strstr(fault.text, "secret-pw"));
    }
    byok_mongo_free(mongo);
}
