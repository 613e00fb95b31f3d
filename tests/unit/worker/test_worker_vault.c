/* SPDX-License-Identifier: MIT */
/* tests/unit/worker/test_worker_vault.c - which store of sealed keys a worker starts on. */
#include "tests/support/folder.h"

#include "worker/worker_vault.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <criterion/criterion.h>

static char folder[64];
static struct byok_config config;
static struct byok_worker_vault vault;
static struct byok_fault fault;

static void write_file(const char *name, const char *text, mode_t mode)
{
    char path[128];
    snprintf(path, sizeof path, "%s/%s", folder, name);
    FILE *file = fopen(path, "w");
    cr_assert_not_null(file);
    fputs(text, file);
    fclose(file);
    cr_assert_eq(chmod(path, mode), 0);
}

/* Of a folder of its own, with a master key in it. */
static void configure(const char *more)
{
    char text[1024], path[128];
    snprintf(text, sizeof text, "data_dir: %s/data\nvault:\n  master_key_file: %s/master.key\n%s",
             folder, folder, more);
    write_file("config.yaml", text, 0600);
    snprintf(path, sizeof path, "%s/config.yaml", folder);
    cr_assert_eq(byok_config_load(path, NULL, &config, &fault), BYOK_E_OK, "%s", fault.text);
}

static void begin(void)
{
    char path[128];
    folder_make(folder, sizeof folder);
    snprintf(path, sizeof path, "%s/master.key", folder);
    cr_assert_eq(byok_keyring_make_file(path, &fault), BYOK_E_OK, "%s", fault.text);
    configure("");
}

static void end(void)
{
    byok_config_done(&config);
    (void)folder_remove(folder);
}

TestSuite(worker_vault, .init = begin, .fini = end);

static enum byok_err start(void)
{
    enum byok_err err = byok_worker_vault_begin(&config, &vault, &fault);
    if (err == BYOK_E_OK)
        err = byok_worker_vault_open(&config, &vault, &fault);
    return err == BYOK_E_OK ? byok_worker_vault_unlock(&vault, &fault) : err;
}

static void note(const char *key, const char *value)
{
    const struct byok_write write = {byok_str_of(key), byok_str_of(value), false};
    cr_assert_eq(
        vault.records->ops->apply(vault.records, BYOK_PARTITION_NONE, &write, 1, -1, &fault),
        BYOK_E_OK);
}

Test(worker_vault, half_a_copy_is_no_store)
{
    cr_assert_eq(start(), BYOK_E_OK, "%s", fault.text);
    cr_assert_not(byok_worker_vault_is_shared(&vault));
    note(BYOK_STORE_COPYING, "rocks:/elsewhere");
    byok_worker_vault_done(&vault);
    cr_assert_eq(start(), BYOK_E_CONFIG);
    cr_assert_not_null(strstr(fault.text, "byok vault copy"), "%s", fault.text);
    byok_worker_vault_done(&vault);
}

Test(worker_vault, a_store_of_other_topics_is_refused_and_stays_theirs)
{
    cr_assert_eq(start(), BYOK_E_OK, "%s", fault.text);
    for (int i = 0; i < 2; i++)
        cr_assert_eq(byok_worker_vault_identify(&vault, "one", &fault), BYOK_E_OK);
    cr_assert_eq(byok_worker_vault_identify(&vault, "", &fault), BYOK_E_OK, "it is not known");
    cr_assert_eq(byok_worker_vault_identify(&vault, "two", &fault), BYOK_E_CONFIG);
    cr_assert_eq(byok_worker_vault_identify(&vault, "one", &fault), BYOK_E_OK);
    byok_worker_vault_done(&vault);
}

/* What `byokd --check` says: no server is asked, and no folder is made. */
Test(worker_vault, settings_are_checked_without_the_store)
{
    char path[128];
    cr_assert_eq(byok_worker_vault_check(&config, &fault), BYOK_E_OK, "%s", fault.text);
    byok_config_done(&config);
    configure("  store: postgresql\n  store_url: postgresql://user@host/place\n");
    cr_assert_eq(byok_worker_vault_check(&config, &fault), BYOK_E_OK, "%s", fault.text);
    byok_config_done(&config);
    configure("  store: postgresql\n  store_url: mongodb://host/place\n");
    cr_assert_eq(byok_worker_vault_check(&config, &fault), BYOK_E_CONFIG);
    byok_config_done(&config);
    configure("  store: postgresql\n");
    cr_assert_eq(byok_worker_vault_check(&config, &fault), BYOK_E_CONFIG);
    snprintf(path, sizeof path, "%s/data", folder);
    cr_assert_neq(access(path, F_OK), 0);
}

/* Whatever their order in the ring. */
Test(worker_vault, a_master_keys_command_sees_no_other_secret)
{
    static const char hex[] = "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f";
    struct byok_keyring *ring = NULL;
    byok_config_done(&config);
    configure("  master_keys:\n"
              "    - {id: 1, command: 'printenv LATER BUCKET; echo \"$PLAIN\"'}\n"
              "    - {id: 2, env: LATER}\n"
              "payloads: {credentials_env: BUCKET}\n");
    setenv("PLAIN", hex, 1);
    setenv("LATER", hex, 1);
    setenv("BUCKET", "id:secret", 1);
    cr_assert_eq(byok_worker_keyring(&config, &ring, &fault), BYOK_E_OK, "%s", fault.text);
    cr_assert_null(getenv("LATER"));
    byok_keyring_free(ring);
    unsetenv("PLAIN");
    unsetenv("BUCKET");
}

Test(worker_vault, a_url_is_read_from_a_file_that_is_the_owners_alone)
{
    char more[256];
    byok_config_done(&config);
    snprintf(more, sizeof more, "  store: postgresql\n  store_url_file: %s/url\n", folder);
    configure(more);
    cr_assert_eq(byok_worker_vault_begin(&config, &vault, &fault), BYOK_E_CONFIG);
    write_file("url", "postgresql://user:secret@host/place\n", 0644);
    cr_assert_eq(byok_worker_vault_begin(&config, &vault, &fault), BYOK_E_CONFIG);
    cr_assert_null(strstr(fault.text, "secret"), "%s", fault.text);
    write_file("url", "postgresql://user:secret@host/place\n", 0600);
    cr_assert_eq(byok_worker_vault_begin(&config, &vault, &fault), BYOK_E_OK, "%s", fault.text);
    cr_assert_str_eq(vault.url, "postgresql://user:secret@host/place");
    byok_worker_vault_done(&vault);
    cr_assert_null(vault.url);
}
