/* SPDX-License-Identifier: MIT */
/* tests/unit/vault_rocks/test_keyring.c - the master keys: forms, files, environment. */
#include "kit.h"

#include <fcntl.h>
#include <sys/stat.h>

#define HEX "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f"
#define BASE64 "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8="
#define RAW                                                                                        \
    "\x00\x01\x02\x03\x04\x05\x06\x07\x08\x09\x0a\x0b\x0c\x0d\x0e\x0f\x10\x11\x12\x13\x14\x15\x16" \
    "\x17\x18\x19\x1a\x1b\x1c\x1d\x1e\x1f"

extern char **environ;

static bool holds_the_key(const struct byok_keyring *ring, uint32_t id)
{
    const uint8_t *key = byok_keyring_find(ring, id);
    return key && memcmp(key, RAW, BYOK_MASTER_KEY_BYTES) == 0;
}

Test(keyring, a_key_is_taken_in_each_of_its_forms)
{
    static const struct byok_str forms[] = {
        BYOK_STR(RAW),
        BYOK_STR(RAW "\n"),
        BYOK_STR(RAW "\r\n"),
        BYOK_STR(HEX),
        BYOK_STR(HEX "\n"),
        BYOK_STR(HEX "\r\n"),
        BYOK_STR(BASE64),
        BYOK_STR(BASE64 "\n"),
        BYOK_STR("000102030405060708090A0B0C0D0E0F101112131415161718191A1B1C1D1E1F"),
    };
    struct byok_keyring *ring = kit_ring(0, 0);
    cr_assert_eq(byok_keyring_primary(ring), 0u, "empty");
    cr_assert_null(byok_keyring_find(ring, 0));
    for (uint32_t i = 0; i < sizeof forms / sizeof forms[0]; i++) {
        struct byok_fault fault;
        cr_assert_eq(byok_keyring_add(ring, i + 1, forms[i], &fault), BYOK_E_OK, "%u: %s", i,
                     fault.text);
        cr_assert(holds_the_key(ring, i + 1), "%u", i);
        cr_assert_eq(byok_keyring_id(ring, i), i + 1);
    }
    cr_assert_eq(byok_keyring_primary(ring), 1u, "the first stays the primary");
    cr_assert_eq(byok_keyring_id(ring, 9), 0u);
    cr_assert_null(byok_keyring_find(ring, 99));
    byok_keyring_free(ring);
    byok_keyring_free(NULL);
}

Test(keyring, a_raw_key_may_end_in_a_newline)
{
    char raw[BYOK_MASTER_KEY_BYTES];
    memset(raw, 7, sizeof raw);
    raw[sizeof raw - 1] = '\n';
    struct byok_keyring *ring = kit_ring(0, 0);
    cr_assert_eq(byok_keyring_add(ring, 1, (struct byok_str){raw, sizeof raw}, NULL), BYOK_E_OK);
    cr_assert_arr_eq(byok_keyring_find(ring, 1), raw, sizeof raw);
    byok_keyring_free(ring);
}

Test(keyring, wrong_forms_are_refused_without_showing_a_byte)
{
    static const struct {
        struct byok_str text;
        const char *say;
    } cases[] = {
        {BYOK_STR(""), "0 bytes found"},
        {BYOK_STR("\n"), "0 bytes found"},
        {BYOK_STR("secretsecret"), "12 bytes found"},
        {BYOK_STR("secretsecretsecretsecretsecretx"), "31 bytes found"},
        {BYOK_STR("secretsecretsecretsecretsecretxyzw"), "34 bytes found"},
        {BYOK_STR(HEX "\n\n"), "65 bytes found"},
        {BYOK_STR("secret0000000000000000000000000000000000000000000000000000000000"),
         "not all hex digits"},
        {BYOK_STR("secret+++++++++++++++++++++++++++++++++++++!"), "not all base64"},
        {BYOK_STR("secretAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"), "not all base64"},
        {BYOK_STR(" " HEX), "65 bytes found"},
    };
    struct byok_keyring *ring = kit_ring(0, 0);
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct byok_fault fault;
        cr_expect_eq(byok_keyring_add(ring, 5, cases[i].text, &fault), BYOK_E_CONFIG, "%zu", i);
        cr_expect_not_null(strstr(fault.text, cases[i].say), "%zu: %s", i, fault.text);
        cr_expect_not_null(strstr(fault.text, "32 raw bytes, 64 hex digits or 44 base64"));
        cr_expect_null(strstr(fault.text, "secret"), "%s", fault.text);
    }
    cr_assert_eq(byok_keyring_primary(ring), 0u, "nothing was added");
    byok_keyring_free(ring);
}

Test(keyring, id_0_a_second_key_of_an_id_and_a_full_ring_are_refused)
{
    struct byok_keyring *ring = kit_ring(0, 0);
    struct byok_str text = BYOK_STR(HEX);
    struct byok_fault fault;
    cr_assert_eq(byok_keyring_add(ring, 0, text, &fault), BYOK_E_CONFIG);
    for (uint32_t id = 1; id <= BYOK_KEYRING_MAX; id++)
        cr_assert_eq(byok_keyring_add(ring, id, text, &fault), BYOK_E_OK);
    cr_assert_eq(byok_keyring_add(ring, 3, text, &fault), BYOK_E_CONFIG);
    cr_assert_not_null(strstr(fault.text, "id 3"), "%s", fault.text);
    cr_assert_eq(byok_keyring_add(ring, 99, text, &fault), BYOK_E_CONFIG);
    cr_assert_not_null(strstr(fault.text, "more than 16"), "%s", fault.text);
    byok_keyring_free(ring);
}

static void write_file(const char *path, struct byok_str text, mode_t mode)
{
    int fd = open(path, O_CREAT | O_WRONLY | O_TRUNC, 0600);
    cr_assert_geq(fd, 0);
    cr_assert_eq(write(fd, text.ptr, text.len), (ssize_t)text.len);
    cr_assert_eq(fchmod(fd, mode), 0);
    close(fd);
}

Test(keyring, a_file_is_taken_when_only_its_owner_may_use_it)
{
    static const struct {
        mode_t mode;
        struct byok_str text;
        enum byok_err want;
        const char *say;
    } cases[] = {
        {0600, BYOK_STR(HEX "\n"), BYOK_E_OK, ""},
        {0400, BYOK_STR(RAW), BYOK_E_OK, ""},
        {0640, BYOK_STR(HEX), BYOK_E_CONFIG, "mode 0640"},
        {0604, BYOK_STR(HEX), BYOK_E_CONFIG, "mode 0604"},
        {0620, BYOK_STR(HEX), BYOK_E_CONFIG, "mode 0620"},
        {0600, BYOK_STR("short"), BYOK_E_CONFIG, "5 bytes found"},
        {0600, BYOK_STR(HEX HEX), BYOK_E_CONFIG, "(or more)"},
    };
    char folder[256], path[300];
    folder_make(folder, sizeof folder);
    snprintf(path, sizeof path, "%s/master.key", folder);
    for (uint32_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct byok_keyring *ring = kit_ring(0, 0);
        struct byok_fault fault = {.text = ""};
        unlink(path);
        write_file(path, cases[i].text, cases[i].mode);
        cr_expect_eq(byok_keyring_add_file(ring, 7, path, &fault), cases[i].want, "%u: %s", i,
                     fault.text);
        cr_expect_not_null(strstr(fault.text, cases[i].say), "%u: %s", i, fault.text);
        if (cases[i].want)
            cr_expect_not_null(strstr(fault.text, path), "names the file");
        else
            cr_expect(holds_the_key(ring, 7));
        byok_keyring_free(ring);
    }
    (void)folder_remove(folder);
}

Test(keyring, a_missing_file_and_a_folder_are_refused_by_name)
{
    char folder[256], path[300];
    folder_make(folder, sizeof folder);
    snprintf(path, sizeof path, "%s/none", folder);
    struct byok_keyring *ring = kit_ring(0, 0);
    struct byok_fault fault;
    cr_assert_eq(byok_keyring_add_file(ring, 1, path, &fault), BYOK_E_CONFIG);
    cr_assert_not_null(strstr(fault.text, path), "%s", fault.text);
    cr_assert_not_null(strstr(fault.text, "No such file"), "%s", fault.text);
    cr_assert_eq(byok_keyring_add_file(ring, 1, folder, &fault), BYOK_E_CONFIG);
    cr_assert_not_null(strstr(fault.text, "is a folder"), "%s", fault.text);
    byok_keyring_free(ring);
    (void)folder_remove(folder);
}

Test(keyring, a_systemd_credential_may_show_group_bits_but_not_others)
{
    char folder[256], path[300], sly[600];
    folder_make(folder, sizeof folder);
    snprintf(path, sizeof path, "%s/master.key", folder);
    write_file(path, (struct byok_str)BYOK_STR(HEX), 0440);
    struct byok_keyring *ring = kit_ring(0, 0);
    cr_assert_eq(byok_keyring_add_file(ring, 1, path, NULL), BYOK_E_CONFIG, "not a credential");
    setenv("CREDENTIALS_DIRECTORY", folder, 1);
    cr_assert_eq(byok_keyring_add_file(ring, 1, path, NULL), BYOK_E_OK);
    snprintf(sly, sizeof sly, "%s/../%s/master.key", folder, strrchr(folder, '/') + 1);
    cr_assert_eq(byok_keyring_add_file(ring, 2, sly, NULL), BYOK_E_CONFIG);
    write_file(path, (struct byok_str)BYOK_STR(HEX), 0444);
    cr_assert_eq(byok_keyring_add_file(ring, 3, path, NULL), BYOK_E_CONFIG);
    byok_keyring_free(ring);
    (void)folder_remove(folder);
}

Test(keyring, an_environment_variable_is_wiped_in_place_and_removed)
{
    static const struct {
        const char *value;
        enum byok_err want;
    } cases[] = {{HEX, BYOK_E_OK}, {"not-a-key-but-nearly-one", BYOK_E_CONFIG}};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        char entry[128];
        snprintf(entry, sizeof entry, "BYOK_TEST_MASTER=%s", cases[i].value);
        size_t name_len = strlen("BYOK_TEST_MASTER=");
        size_t value_len = strlen(cases[i].value);
        cr_assert_eq(putenv(entry), 0); /* environ now holds `entry` itself */
        struct byok_keyring *ring = kit_ring(0, 0);
        struct byok_fault fault;
        cr_assert_eq(byok_keyring_add_env(ring, 1, "BYOK_TEST_MASTER", &fault), cases[i].want);
        cr_assert_eq(sodium_is_zero((unsigned char *)entry + name_len, value_len), 1);
        cr_assert_null(getenv("BYOK_TEST_MASTER"));
        for (char **at = environ; *at; at++)
            cr_assert_null(strstr(*at, "BYOK_TEST_MASTER"));
        cr_assert_eq(byok_keyring_add_env(ring, 2, "BYOK_TEST_MASTER", &fault), BYOK_E_CONFIG);
        cr_assert_not_null(strstr(fault.text, "BYOK_TEST_MASTER is not set"), "%s", fault.text);
        byok_keyring_free(ring);
    }
}

Test(keyring, a_new_key_file_has_mode_0600_works_and_is_never_overwritten)
{
    char folder[256], path[300];
    folder_make(folder, sizeof folder);
    snprintf(path, sizeof path, "%s/new.key", folder);
    umask(0);
    struct byok_fault fault;
    cr_assert_eq(byok_keyring_make_file(path, &fault), BYOK_E_OK);
    struct stat info;
    cr_assert_eq(stat(path, &info), 0);
    cr_assert_eq(info.st_mode & 07777, 0600u);
    cr_assert_eq(info.st_size, 65);
    struct byok_keyring *ring = kit_ring(0, 0);
    cr_assert_eq(byok_keyring_add_file(ring, 1, path, &fault), BYOK_E_OK);
    uint8_t before[BYOK_MASTER_KEY_BYTES];
    memcpy(before, byok_keyring_find(ring, 1), sizeof before);
    cr_assert_eq(sodium_is_zero(before, sizeof before), 0);
    cr_assert_eq(byok_keyring_make_file(path, &fault), BYOK_E_CONFIG);
    cr_assert_not_null(strstr(fault.text, "never be overwritten"), "%s", fault.text);
    cr_assert_eq(byok_keyring_add_file(ring, 2, path, &fault), BYOK_E_OK);
    cr_assert_arr_eq(byok_keyring_find(ring, 2), before, sizeof before);
    byok_keyring_free(ring);
    (void)folder_remove(folder);
}

Test(keyring, a_key_file_that_cannot_be_made_leaves_nothing)
{
    struct byok_fault fault;
    cr_assert_eq(byok_keyring_make_file("/no/such/folder/new.key", &fault), BYOK_E_CONFIG);
    cr_assert_not_null(strstr(fault.text, "/no/such/folder/new.key"), "%s", fault.text);
}

Test(keyring, is_bound_to_a_realm_of_a_bounded_length)
{
    char name[BYOK_REALM_MAX + 2];
    struct byok_keyring *ring = kit_ring(1, 0x11);
    struct byok_fault fault = {.text = ""};
    memset(name, 'r', sizeof name);
    cr_assert_eq(byok_keyring_realm(ring).len, 0);
    cr_assert_eq(byok_keyring_bind(ring, (struct byok_str){name, BYOK_REALM_MAX}, &fault),
                 BYOK_E_OK);
    cr_assert_eq(byok_keyring_realm(ring).len, BYOK_REALM_MAX);
    cr_assert_eq(byok_keyring_bind(ring, (struct byok_str){name, sizeof name}, &fault),
                 BYOK_E_CONFIG);
    cr_assert_eq(byok_keyring_bind(ring, kit_str("b"), &fault), BYOK_E_OK);
    cr_assert(byok_str_is(byok_keyring_realm(ring), "b"));
    byok_keyring_free(ring);
}
