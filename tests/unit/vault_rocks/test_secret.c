/* SPDX-License-Identifier: MIT */
/* tests/unit/vault_rocks/test_secret.c - a text from a file or the environment. */
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <sodium.h>

#include "vault_rocks/secret.h"

static char path[64];

static void begin(void)
{
    cr_assert_geq(sodium_init(), 0);
    snprintf(path, sizeof path, "/tmp/byok-secret-XXXXXX");
    int fd = mkstemp(path);
    cr_assert_geq(fd, 0);
    cr_assert_eq(close(fd), 0);
}

static void end(void)
{
    cr_assert_eq(unlink(path), 0);
}

TestSuite(secret, .init = begin, .fini = end);

static void fill(const char *text, size_t len)
{
    FILE *file = fopen(path, "w");
    cr_assert_not_null(file);
    cr_assert_eq(fwrite(text, 1, len, file), len);
    cr_assert_eq(fclose(file), 0);
}

Test(secret, is_read_from_a_file_without_its_line_end)
{
    static const char *const texts[] = {"ID:SECRET", "ID:SECRET\n", "ID:SECRET\r\n"};
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        struct byok_fault fault;
        char *secret;
        fill(texts[i], strlen(texts[i]));
        cr_assert_eq(byok_secret_file(path, &secret, &fault), BYOK_E_OK, "%s", fault.text);
        cr_assert_str_eq(secret, "ID:SECRET");
        byok_secret_free(secret);
    }
    byok_secret_free(NULL);
}

Test(secret, refuses_what_is_no_text_of_its_length_and_files_of_others)
{
    static char large[BYOK_SECRET_BYTES];
    struct byok_fault fault;
    char *secret;
    memset(large, 'x', sizeof large);
    fill("", 0);
    cr_expect_eq(byok_secret_file(path, &secret, &fault), BYOK_E_CONFIG);
    fill(large, sizeof large);
    cr_expect_eq(byok_secret_file(path, &secret, &fault), BYOK_E_CONFIG);
    cr_expect(!strstr(fault.text, "xxx"), "%s", fault.text);
    fill("ID\0SECRET", 9);
    cr_expect_eq(byok_secret_file(path, &secret, &fault), BYOK_E_CONFIG);
    fill("ID:SECRET", 9);
    cr_assert_eq(chmod(path, 0640), 0);
    cr_expect_eq(byok_secret_file(path, &secret, &fault), BYOK_E_CONFIG);
    cr_expect(strstr(fault.text, "chmod 600"), "%s", fault.text);
    cr_expect_null(secret);
    cr_expect_eq(byok_secret_file("/no/such/file", &secret, &fault), BYOK_E_CONFIG);
}

Test(secret, is_wiped_from_the_environment)
{
    struct byok_fault fault;
    char *secret;
    cr_assert_eq(setenv("BYOK_TEST_SECRET", "ID:SECRET", 1), 0);
    const char *there = getenv("BYOK_TEST_SECRET");
    cr_assert_eq(byok_secret_env("BYOK_TEST_SECRET", &secret, &fault), BYOK_E_OK, "%s", fault.text);
    cr_assert_str_eq(secret, "ID:SECRET");
    cr_assert_str_eq(there, "", "the variable's bytes are there still");
    cr_assert_null(getenv("BYOK_TEST_SECRET"));
    byok_secret_free(secret);
    cr_assert_eq(byok_secret_env("BYOK_TEST_SECRET", &secret, &fault), BYOK_E_CONFIG);
}
