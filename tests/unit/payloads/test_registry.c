/* SPDX-License-Identifier: MIT */
/* tests/unit/payloads/test_registry.c - stores by name, and what their answers mean. */
#include <criterion/criterion.h>
#include <sodium.h>

#include "payloads/store.h"

Test(registry, names_the_stores_there_are_when_there_is_no_such_one)
{
    struct byok_payload_store *store;
    struct byok_fault fault;
    const struct byok_payload_options options = {.store = "floppy"};
    cr_assert_eq(byok_payload_store_open(&options, &store, &fault), BYOK_E_CONFIG);
    cr_assert_str_eq(fault.text, "there is no payload store \"floppy\" (folder, s3)");
    cr_assert_null(store);
    byok_payload_store_close(NULL);
}

Test(registry, a_status_says_whether_to_try_again)
{
    static const struct {
        int status;
        enum byok_err code;
    } cases[] = {{200, BYOK_E_OK},     {204, BYOK_E_OK},     {404, BYOK_E_BAD_REQUEST},
                 {403, BYOK_E_CONFIG}, {401, BYOK_E_CONFIG}, {400, BYOK_E_CONFIG},
                 {301, BYOK_E_CONFIG}, {503, BYOK_E_STORE},  {500, BYOK_E_STORE},
                 {429, BYOK_E_STORE},  {408, BYOK_E_STORE}};
    struct byok_fault fault;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
        cr_expect_eq(byok_payload_status(cases[i].status, &fault), cases[i].code, "%d",
                     cases[i].status);
}

Test(registry, what_was_got_must_be_what_was_named)
{
    struct byok_payload_ref ref = {0};
    struct byok_fault fault;
    cr_assert_geq(sodium_init(), 0);
    byok_payload_identify(byok_str_of("alice"), byok_str_of("content"), &ref);
    cr_expect_eq(byok_payload_verify(&ref, byok_str_of("content"), &fault), BYOK_E_OK);
    cr_expect_eq(byok_payload_verify(&ref, byok_str_of("conten"), &fault), BYOK_E_BAD_REQUEST);
    cr_expect(strstr(fault.text, "6 bytes"), "%s", fault.text);
    cr_expect_eq(byok_payload_verify(&ref, byok_str_of("contents"), &fault), BYOK_E_BAD_REQUEST);
    cr_expect_eq(byok_payload_verify(&ref, byok_str_of("c0ntent"), &fault), BYOK_E_BAD_REQUEST);
    cr_expect(strstr(fault.text, "sha256"), "%s", fault.text);
}
