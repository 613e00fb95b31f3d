/* SPDX-License-Identifier: MIT */
/* tests/unit/client/test_vault_copy.c - `byok vault copy` between two data folders. */
#include "tests/support/folder.h"

#include <string.h>

#include <criterion/criterion.h>

#include "client/vault_copy.h"
#include "kit.h"
#include "vault_rocks/store.h"

static char folder[128];
static struct kit_run run;

static void begin(void)
{
    folder_make(folder, sizeof folder);
}

static void end(void)
{
    kit_run_done(&run);
    (void)folder_remove(folder);
}

TestSuite(vault_copy, .init = begin, .fini = end, .timeout = 600);

static struct byok_store *open_folder(const char *name)
{
    char url[200];
    struct byok_store *store = NULL;
    snprintf(url, sizeof url, "rocks:%s/%s", folder, name);
    const struct byok_store_place place = {.table = "vault", .url = url};
    cr_assert_eq(byok_store_open("rocks", &place, &store, NULL), BYOK_E_OK);
    return store;
}

static void fill(const char *name, const char *value)
{
    struct byok_store *store = open_folder(name);
    const struct byok_write write = {byok_str_of("alice"), byok_str_of(value), false};
    cr_assert_eq(store->ops->apply(store, 2, &write, 1, 7, NULL), BYOK_E_OK);
    store->ops->free(store);
}

static bool holds(const char *name, const char *value)
{
    struct byok_store *store = open_folder(name);
    struct byok_str out;
    BYOK_AUTO(byok_arena) arena = {0};
    cr_assert_eq(store->ops->get(store, 2, byok_str_of("alice"), &arena, &out, NULL), BYOK_E_OK);
    bool same = out.ptr && byok_str_is(out, value);
    store->ops->free(store);
    return same;
}

static void byok_copy(const char *options)
{
    char line[512];
    kit_run_done(&run);
    snprintf(line, sizeof line, "vault copy rocks:%s/a rocks:%s/b %s", folder, folder, options);
    run = kit_byok(line, NULL);
}

Test(vault_copy, what_was_copied_is_counted)
{
    fill("a", "sealed");
    byok_copy("--json");
    cr_assert_eq(run.code, BYOK_EXIT_OK, "%s", run.err);
    cr_assert_str_eq(run.out, "{\"whole\":true,\"partitions\":1,\"newer\":0,\"records\":1,"
                              "\"written\":1,\"erased\":0}\n");
    cr_assert(holds("b", "sealed"));
}

Test(vault_copy, a_target_that_is_in_use_needs_merge)
{
    fill("a", "sealed");
    fill("b", "another");
    byok_copy("");
    cr_assert_eq(run.code, BYOK_EXIT_USAGE);
    cr_assert_str_eq(run.out, "");
    cr_assert_not_null(strstr(run.err, "--merge"), "%s", run.err);
    cr_assert(holds("b", "another"));
    byok_copy("--merge");
    cr_assert_eq(run.code, BYOK_EXIT_OK, "%s", run.err);
    cr_assert_not_null(strstr(run.out, "1 records in 1 partitions are the same in both (1 written"),
                       "%s", run.out);
    cr_assert(holds("b", "sealed"));
}

Test(vault_copy, a_folder_that_is_no_store_is_no_source_and_stays_away)
{
    byok_copy("");
    cr_assert_eq(run.code, BYOK_EXIT_USAGE);
    char path[200];
    snprintf(path, sizeof path, "%s/a", folder);
    cr_assert_neq(access(path, F_OK), 0, "nothing was made");
}

Test(vault_copy, a_folder_in_use_is_an_error)
{
    fill("a", "sealed");
    struct byok_store *worker = open_folder("a");
    byok_copy("");
    cr_assert_eq(run.code, BYOK_EXIT_FAILED, "%s", run.err);
    worker->ops->free(worker);
}

Test(vault_copy, a_password_is_taken_from_a_file_of_mode_600_only)
{
    static const char *const urls[] = {"postgresql://u:secret@host/db",
                                       "mongodb://u:secret@host/db",
                                       "postgresql://host/db?password=secret"};
    for (size_t i = 0; i < sizeof urls / sizeof urls[0]; i++) {
        char line[512];
        fill("a", "sealed");
        kit_run_done(&run);
        snprintf(line, sizeof line, "vault copy rocks:%s/a %s", folder, urls[i]);
        run = kit_byok(line, NULL);
        cr_assert_eq(run.code, BYOK_EXIT_USAGE);
        cr_assert_null(strstr(run.err, "secret"), "%s", run.err);
    }
    char path[200], line[512];
    snprintf(path, sizeof path, "%s/url", folder);
    FILE *file = fopen(path, "w");
    cr_assert_not_null(file);
    fputs("postgresql://u:secret@host/db\n", file);
    fclose(file);
    cr_assert_eq(chmod(path, 0644), 0);
    kit_run_done(&run);
    snprintf(line, sizeof line, "vault copy rocks:%s/a @%s", folder, path);
    run = kit_byok(line, NULL);
    cr_assert_eq(run.code, BYOK_EXIT_USAGE);
    cr_assert_not_null(strstr(run.err, "chmod 600"), "%s", run.err);
}

Test(vault_copy, only_stores_that_stay_are_stores)
{
    static const char *const wrong[] = {"memory:x", "nowhere:x", "rocks", "rocks:", "/tmp/x"};
    fill("a", "sealed");
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        char line[512];
        kit_run_done(&run);
        snprintf(line, sizeof line, "vault copy rocks:%s/a %s", folder, wrong[i]);
        run = kit_byok(line, NULL);
        cr_assert_eq(run.code, BYOK_EXIT_USAGE, "%s: %s", wrong[i], run.err);
    }
}

Test(vault_copy, the_name_of_a_store_has_no_user_password_or_options)
{
    static const char *const names[][2] = {
        {"rocks:/var/lib/byokd", "rocks:/var/lib/byokd"},
        {"postgresql://u:p%40@host:1/db?sslmode=require&password=p", "postgresql://host:1/db"},
        {"mongodb://u:p@a@b@host1,host2/db", "mongodb://host1,host2/db"},
        {"mongodb://host", "mongodb://host"},
        {"postgresql://u:pa?ss@host/db", "postgresql://"}, /* libpq takes it for a password */
        {"postgresql://host/db?password=p@ss", "postgresql://"},
    };
    BYOK_AUTO(byok_arena) arena = {0};
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
        cr_assert(byok_str_is(byok_vault_copy_name(&arena, names[i][0]), names[i][1]), "%s",
                  names[i][0]);
}
