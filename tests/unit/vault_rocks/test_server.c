/* SPDX-License-Identifier: MIT */
/* tests/unit/vault_rocks/test_server.c - outages, and what a batch comes to. */
#include "kit.h"

#include "base/mem.h"
#include "vault_rocks/server.h"

Test(server, an_outage_is_told_at_once_until_it_ends)
{
    struct byok_outage outage;
    struct byok_fault fault = {0};
    byok_outage_init(&outage);
    cr_assert_eq(byok_outage_check(&outage, &fault), BYOK_E_OK);
    cr_assert_eq(byok_outage_begin(&outage, "it is away\nand a second line", &fault), BYOK_E_STORE);
    cr_assert_str_eq(fault.text, "it is away");
    outage.until_us = INT64_MAX; /* so that no time that passes here matters */
    cr_assert_eq(byok_outage_check(&outage, &fault), BYOK_E_STORE);
    cr_assert_str_eq(fault.text, "it is away");
    byok_outage_end(&outage);
    cr_assert_eq(byok_outage_check(&outage, &fault), BYOK_E_OK);
    byok_outage_done(&outage);
}

Test(server, the_pauses_of_an_outage_grow_up_to_five_seconds)
{
    static const int64_t want_ms[] = {100, 200, 400, 800, 1600, 3200, 5000, 5000};
    struct byok_outage outage;
    byok_outage_init(&outage);
    for (size_t i = 0; i < sizeof want_ms / sizeof want_ms[0]; i++) {
        outage.until_us = 1; /* over */
        (void)byok_outage_begin(&outage, "away", NULL);
        cr_assert_eq(outage.wait_us, want_ms[i] * 1000);
        (void)byok_outage_begin(&outage, "away", NULL);
        cr_assert_eq(outage.wait_us, want_ms[i] * 1000, "a call beside it");
    }
    byok_outage_end(&outage);
    (void)byok_outage_begin(&outage, "away", NULL);
    cr_assert_eq(outage.wait_us, 100000);
    byok_outage_done(&outage);
}

Test(server, of_each_key_the_last_write_is_left)
{
    const struct byok_write writes[] = {
        {.key = byok_str_of("a"), .value = byok_str_of("1")},
        {.key = byok_str_of("b"), .value = byok_str_of("2")},
        {.key = byok_str_of("a"), .erase = true},
        {.key = {NULL, 0}, .value = byok_str_of("3")},
        {.key = byok_str_of(""), .value = byok_str_of("4")},
    };
    const struct byok_write **last = NULL;
    cr_assert_eq(byok_server_last_writes(writes, 5, &last), 3u);
    for (size_t i = 0; i < 3; i++)
        cr_assert(last[i] == &writes[1] || last[i] == &writes[2] || last[i] == &writes[4]);
    byok_delete(last);
    cr_assert_eq(byok_server_last_writes(NULL, 0, &last), 0u);
    byok_delete(last);
}

Test(server, a_key_may_have_so_many_bytes)
{
    static char bytes[BYOK_STORE_KEY_MAX + 1];
    struct byok_fault fault = {0};
    cr_assert_eq(byok_server_check_key((struct byok_str){bytes, BYOK_STORE_KEY_MAX}, &fault),
                 BYOK_E_OK);
    cr_assert_eq(byok_server_check_key((struct byok_str){bytes, sizeof bytes}, &fault),
                 BYOK_E_STORE);
}
