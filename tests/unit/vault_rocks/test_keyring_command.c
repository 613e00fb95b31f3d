/* SPDX-License-Identifier: MIT */
/* tests/unit/vault_rocks/test_keyring_command.c - master keys from commands and credentials. */
#include "tests/unit/vault_rocks/kit.h"

#include <sys/stat.h>

static const char *const none[] = {NULL};

#define HEX "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f"

Test(keyring_command, the_output_is_the_key)
{
    static const char *const commands[] = {
        "echo " HEX, "printf %s " HEX,
        "printf '%s\\n' AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=",
        "echo told on standard error >&2; cat; echo " HEX, /* standard input is empty */
    };
    for (size_t i = 0; i < sizeof commands / sizeof commands[0]; i++) {
        struct byok_keyring *ring = kit_ring(0, 0);
        struct byok_fault fault = {0};
        cr_assert_eq(byok_keyring_add_command(ring, 3, commands[i], none, &fault), BYOK_E_OK, "%s",
                     fault.text);
        for (uint8_t j = 0; j < BYOK_MASTER_KEY_BYTES; j++)
            cr_assert_eq(byok_keyring_find(ring, 3)[j], j);
        byok_keyring_free(ring);
    }
}

/* Among byokd's own settings stand other master keys and passwords. */
Test(keyring_command, a_command_does_not_see_the_workers_settings)
{
    struct byok_keyring *ring = kit_ring(0, 0);
    struct byok_fault fault = {0};
    static const char *const secrets[] = {"LATER_KEY", "", "KEY_SERVIC", NULL};
    setenv("BYOKD_OTHER_KEY", HEX, 1);
    setenv("LATER_KEY", HEX, 1);
    setenv("KEY_SERVICE", "told", 1);
    cr_assert_eq(byok_keyring_add_command(ring, 1,
                                          "env | grep -Eq 'BYOKD_|LATER_KEY' || "
                                          "test \"$KEY_SERVICE\" != told || echo " HEX,
                                          secrets, &fault),
                 BYOK_E_OK, "%s", fault.text);
    unsetenv("BYOKD_OTHER_KEY");
    unsetenv("LATER_KEY");
    unsetenv("KEY_SERVICE");
    byok_keyring_free(ring);
}

Test(keyring_command, a_command_that_fails_or_says_something_else_is_refused_without_its_output)
{
    static const struct {
        const char *command, *want;
    } cases[] = {
        {"echo " HEX "; exit 3", "exit status 3"},   {"echo " HEX "; kill -9 $$", "signal 9"},
        {"/no/such/program", "exit status 127"},     {"true", "0 bytes found"},
        {"echo secret-but-short", "16 bytes found"}, {"yes secret", "(or more)"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct byok_keyring *ring = kit_ring(0, 0);
        struct byok_fault fault = {0};
        cr_assert_eq(byok_keyring_add_command(ring, 1, cases[i].command, none, &fault),
                     BYOK_E_CONFIG);
        cr_assert_not_null(strstr(fault.text, cases[i].want), "%s", fault.text);
        cr_assert_null(strstr(fault.text, "secret"), "%s", fault.text);
        cr_assert_null(strstr(fault.text, HEX));
        cr_assert_null(byok_keyring_find(ring, 1));
        byok_keyring_free(ring);
    }
}

Test(keyring_command, a_credential_is_found_by_its_name_only)
{
    char folder[256], path[300];
    struct byok_keyring *ring = kit_ring(0, 0);
    struct byok_fault fault = {0};
    unsetenv("CREDENTIALS_DIRECTORY");
    cr_assert_eq(byok_keyring_add_credential(ring, 1, "master", &fault), BYOK_E_CONFIG);
    cr_assert_not_null(strstr(fault.text, "LoadCredentialEncrypted=master:"), "%s", fault.text);
    folder_make(folder, sizeof folder);
    snprintf(path, sizeof path, "%s/master", folder);
    FILE *file = fopen(path, "w");
    fputs(HEX "\n", file);
    fclose(file);
    cr_assert_eq(chmod(path, 0440), 0); /* systemd's access list shows so */
    setenv("CREDENTIALS_DIRECTORY", folder, 1);
    cr_assert_eq(byok_keyring_add_credential(ring, 1, "master", &fault), BYOK_E_OK, "%s",
                 fault.text);
    cr_assert_eq(byok_keyring_add_credential(ring, 2, "../master", &fault), BYOK_E_CONFIG);
    cr_assert_eq(byok_keyring_add_credential(ring, 2, "none", &fault), BYOK_E_CONFIG);
    byok_keyring_free(ring);
    (void)folder_remove(folder);
}
