/* SPDX-License-Identifier: MIT */
/* tests/unit/client/test_vault_key.c - where the vault's public key comes from. */
#include "client/vault_key.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <unistd.h>

#include <criterion/criterion.h>

#define KEY "AQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQE="

static struct byok_arena arena;
static struct byok_vault_key key;
static struct byok_fault fault;

static void begin(void)
{
    unsetenv(BYOK_VAULT_KEY_ENV);
    byok_arena_init(&arena, 0);
}

static void end(void)
{
    byok_arena_done(&arena);
}

TestSuite(vault_key, .init = begin, .fini = end);

Test(vault_key, comes_from_the_flag_a_file_or_the_environment)
{
    char path[] = "/tmp/byok-vault-key-XXXXXX";
    int fd = mkstemp(path);
    cr_assert_eq(write(fd, KEY "\n", sizeof KEY), (ssize_t)sizeof KEY);
    close(fd);
    char at_path[64];
    snprintf(at_path, sizeof at_path, "@%s", path);
    cr_assert_eq(byok_vault_key_find(&arena, KEY, &key, &fault), BYOK_E_OK);
    cr_assert_eq(key.bytes[31], 1);
    cr_assert_eq(strlen(key.id), 16);
    cr_assert_eq(byok_vault_key_find(&arena, at_path, &key, &fault), BYOK_E_OK);
    setenv(BYOK_VAULT_KEY_ENV, KEY, 1);
    cr_assert_eq(byok_vault_key_find(&arena, NULL, &key, &fault), BYOK_E_OK);
    unlink(path);
}

Test(vault_key, what_is_wrong_is_said)
{
    cr_assert_eq(byok_vault_key_find(&arena, NULL, &key, &fault), BYOK_E_CONFIG);
    cr_assert_not_null(strstr(fault.text, BYOK_VAULT_KEY_ENV));
    cr_assert_eq(byok_vault_key_find(&arena, "AQEB", &key, &fault), BYOK_E_CONFIG);
    cr_assert_not_null(strstr(fault.text, "4 characters were found"));
    cr_assert_eq(byok_vault_key_find(&arena, "@/nonexistent", &key, &fault), BYOK_E_CONFIG);
    cr_assert_not_null(strstr(fault.text, "/nonexistent"));
}
