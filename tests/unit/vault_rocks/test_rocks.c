/* SPDX-License-Identifier: MIT */
/* tests/unit/vault_rocks/test_rocks.c - opening, locking and a full disk. */
#include "kit.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include <rocksdb/c.h>

static char folder[256], path[400];
static struct byok_fault fault;

static void set_up(void)
{
    folder_make(folder, sizeof folder);
    snprintf(path, sizeof path, "%s/a/b/data", folder);
}

static void tear_down(void)
{
    (void)folder_remove(folder);
}

TestSuite(rocks, .init = set_up, .fini = tear_down);

static struct byok_rocks *open_it(void)
{
    struct byok_rocks *rocks = NULL;
    cr_assert_eq(byok_rocks_open(path, &rocks, &fault), BYOK_E_OK, "%s", fault.text);
    return rocks;
}

static void refused(const char *say)
{
    struct byok_rocks *rocks = NULL;
    cr_assert_eq(byok_rocks_open(path, &rocks, &fault), BYOK_E_STORE);
    cr_assert_null(rocks);
    cr_assert_not_null(strstr(fault.text, say), "%s", fault.text);
}

static void put(struct byok_rocks *rocks, const char *table, const char *key, const char *value)
{
    struct byok_store *store = byok_store_rocks_new(rocks, table);
    struct byok_write write = {.key = kit_str(key), .value = kit_str(value)};
    cr_assert_eq(store->ops->apply(store, 1, &write, 1, 77, &fault), BYOK_E_OK, "%s", fault.text);
    store->ops->free(store);
}

static bool holds(struct byok_rocks *rocks, const char *table, const char *key, const char *value)
{
    struct byok_store *store = byok_store_rocks_new(rocks, table);
    struct byok_arena arena;
    struct byok_str found;
    int64_t position = 0;
    byok_arena_init(&arena, 0);
    cr_assert_eq(store->ops->get(store, 1, kit_str(key), &arena, &found, &fault), BYOK_E_OK);
    cr_assert_eq(store->ops->position(store, 1, &position, &fault), BYOK_E_OK);
    bool yes = found.ptr && byok_str_is(found, value) && position == 77;
    byok_arena_done(&arena);
    store->ops->free(store);
    return yes;
}

Test(rocks, a_folder_is_made_for_its_owner_only_and_opens_again)
{
    struct byok_rocks *rocks = open_it();
    struct stat info;
    cr_assert_eq(stat(path, &info), 0);
    cr_assert_eq(info.st_mode & 0777, 0700u);
    put(rocks, "state", "k", "in state");
    put(rocks, "vault", "k", "in vault");
    byok_rocks_close(rocks);
    byok_rocks_close(NULL);
    rocks = open_it();
    cr_assert(holds(rocks, "state", "k", "in state"));
    cr_assert(holds(rocks, "vault", "k", "in vault"));
    byok_rocks_close(rocks);
}

Test(rocks, what_was_applied_survives_a_killed_process)
{
    pid_t child = fork();
    if (child == 0) {
        struct byok_rocks *rocks = NULL;
        if (byok_rocks_open(path, &rocks, &fault))
            _exit(1);
        put(rocks, "state", "k", "v");
        raise(SIGKILL);
    }
    int status;
    cr_assert_eq(waitpid(child, &status, 0), child);
    cr_assert(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
    struct byok_rocks *rocks = open_it();
    cr_assert(holds(rocks, "state", "k", "v"));
    byok_rocks_close(rocks);
}

Test(rocks, a_second_process_on_the_folder_is_told_so)
{
    int ready[2], done[2];
    cr_assert_eq(pipe(ready), 0);
    cr_assert_eq(pipe(done), 0);
    pid_t child = fork();
    if (child == 0) {
        struct byok_rocks *rocks = NULL;
        close(done[1]); /* or it would wait for itself when the test fails */
        char byte = (char)byok_rocks_open(path, &rocks, &fault);
        if (write(ready[1], &byte, 1) != 1 || read(done[0], &byte, 1) != 1)
            _exit(1);
        byok_rocks_close(rocks);
        _exit(0);
    }
    char byte;
    cr_assert_eq(read(ready[0], &byte, 1), 1);
    cr_assert_eq(byte, 0);
    refused("two processes on one data folder");
    cr_assert_not_null(strstr(fault.text, path), "%s", fault.text);
    cr_assert_eq(write(done[1], &byte, 1), 1);
    cr_assert_eq(waitpid(child, NULL, 0), child);
    byok_rocks_close(open_it());
}

Test(rocks, opening_twice_in_one_process_is_told_so)
{
    struct byok_rocks *rocks = open_it();
    refused("already open in this process");
    byok_rocks_close(rocks);
}

Test(rocks, a_folder_that_cannot_be_made_is_refused_by_name)
{
    int fd = open(folder, O_RDONLY);
    cr_assert_geq(fd, 0);
    close(fd);
    char file[300];
    snprintf(file, sizeof file, "%s/a", folder);
    fd = open(file, O_CREAT | O_WRONLY, 0600);
    cr_assert_geq(fd, 0);
    close(fd);
    refused("cannot make the data folder");
    cr_assert_not_null(strstr(fault.text, file), "%s", fault.text);
    snprintf(path, sizeof path, "%s", "");
    refused("0 bytes");
}

/* The format key of another version, written behind the program's back. */
static void write_meta(const char *key, const char *value)
{
    static const char *const names[] = {"default", "state", "vault"};
    rocksdb_options_t *options = rocksdb_options_create();
    rocksdb_options_set_create_if_missing(options, 1);
    rocksdb_options_set_create_missing_column_families(options, 1);
    const rocksdb_options_t *each[] = {options, options, options};
    rocksdb_column_family_handle_t *families[3];
    char *error = NULL;
    rocksdb_t *db = rocksdb_open_column_families(options, path, 3, names, each, families, &error);
    cr_assert_null(error, "%s", error);
    rocksdb_writeoptions_t *write = rocksdb_writeoptions_create();
    rocksdb_put_cf(db, write, families[0], key, strlen(key), value, strlen(value), &error);
    cr_assert_null(error, "%s", error);
    rocksdb_writeoptions_destroy(write);
    for (size_t i = 0; i < 3; i++)
        rocksdb_column_family_handle_destroy(families[i]);
    rocksdb_close(db);
    rocksdb_options_destroy(options);
}

Test(rocks, a_folder_of_a_future_format_is_refused)
{
    byok_rocks_close(open_it());
    write_meta("byok format", "2");
    refused("has format \"2\"");
    refused("newer version");
    write_meta("byok format", "1");
    byok_rocks_close(open_it());
}

Test(rocks, the_database_of_another_program_is_refused)
{
    byok_rocks_close(open_it());
    (void)folder_remove(path);
    write_meta("something", "else");
    refused("database of another program");
}

Test(rocks, a_table_this_version_does_not_know_is_refused)
{
    byok_rocks_close(open_it());
    static const char *const names[] = {"default", "state", "vault"};
    rocksdb_options_t *options = rocksdb_options_create();
    const rocksdb_options_t *each[] = {options, options, options};
    rocksdb_column_family_handle_t *families[4];
    char *error = NULL;
    rocksdb_t *db = rocksdb_open_column_families(options, path, 3, names, each, families, &error);
    cr_assert_null(error, "%s", error);
    families[3] = rocksdb_create_column_family(db, options, "future", &error);
    cr_assert_null(error, "%s", error);
    for (size_t i = 0; i < 4; i++)
        rocksdb_column_family_handle_destroy(families[i]);
    rocksdb_close(db);
    rocksdb_options_destroy(options);
    refused("newer version");
}

static int damage_manifest(const char *name, const struct stat *info, int kind, struct FTW *where)
{
    if (kind != FTW_F || strncmp(name + where->base, "MANIFEST", 8) != 0 || info->st_size < 50)
        return 0;
    int fd = open(name, O_WRONLY);
    cr_assert_geq(fd, 0);
    cr_assert_eq(pwrite(fd, "XXXXXXXXXXXXXXXXXXXX", 20, info->st_size / 2), 20);
    close(fd);
    return 0;
}

Test(rocks, a_damaged_database_is_refused_and_left_as_it_is)
{
    struct byok_rocks *rocks = open_it();
    put(rocks, "state", "k", "v");
    byok_rocks_close(rocks);
    nftw(path, damage_manifest, 8, FTW_PHYS);
    refused("it is damaged: the next start sets it aside");
    refused("from the changelog topics"); /* still there to be looked at */
}

static void is_set_aside(char aside[static BYOK_ASIDE_BYTES])
{
    struct byok_rocks *rocks = NULL;
    char kept[600];
    struct stat info;
    cr_assert_eq(byok_rocks_open_sound(path, &rocks, aside, &fault), BYOK_E_OK, "%s", fault.text);
    cr_assert_neq(aside[0], '\0');
    snprintf(kept, sizeof kept, "%s/%s/CURRENT", path, aside);
    cr_assert_eq(stat(kept, &info), 0, "it is kept in %s", kept);
    cr_assert_not(holds(rocks, "state", "k", "v"));
    byok_rocks_close(rocks);
}

Test(rocks, a_damaged_database_is_set_aside_and_an_empty_one_made)
{
    char aside[BYOK_ASIDE_BYTES];
    struct byok_rocks *rocks = open_it();
    put(rocks, "state", "k", "v");
    byok_rocks_close(rocks);
    nftw(path, damage_manifest, 8, FTW_PHYS);
    is_set_aside(aside);
    cr_assert_eq(byok_rocks_open_sound(path, &rocks, aside, &fault), BYOK_E_OK, "%s", fault.text);
    cr_assert_eq(aside[0], '\0', "once");
    byok_rocks_close(rocks);
}

static int damage_table(const char *name, const struct stat *info, int kind, struct FTW *where)
{
    const char *dot = strrchr(name + where->base, '.');
    if (kind != FTW_F || !dot || strcmp(dot, ".sst") != 0 || info->st_size < 8000)
        return 0;
    int fd = open(name, O_WRONLY);
    cr_assert_geq(fd, 0);
    cr_assert_eq(pwrite(fd, "XXXX", 4, 20), 4); /* in the first block of data */
    close(fd);
    return 0;
}

Test(rocks, damage_found_by_a_read_is_an_error_and_sets_it_aside_at_the_next_start)
{
    char aside[BYOK_ASIDE_BYTES], large[10000];
    struct byok_rocks *rocks = open_it();
    uint32_t random = 1;
    for (size_t i = 0; i < sizeof large - 1; i++) { /* its table is told by its size */
        random = random * 1664525u + 1013904223u;
        large[i] = (char)(1 + (random >> 24) % 127);
    }
    large[sizeof large - 1] = '\0';
    put(rocks, "state", "k", large);
    byok_rocks_close(rocks);
    nftw(path, damage_table, 8, FTW_PHYS);
    cr_assert_eq(byok_rocks_open_sound(path, &rocks, aside, &fault), BYOK_E_OK, "%s", fault.text);
    struct byok_store *store = byok_store_rocks_new(rocks, "state");
    struct byok_arena arena;
    struct byok_str found;
    byok_arena_init(&arena, 0);
    cr_assert_eq(store->ops->get(store, 1, kit_str("k"), &arena, &found, &fault), BYOK_E_STORE);
    store->ops->free(store);
    byok_rocks_close(rocks);
    is_set_aside(aside);
}

/* In the vault's table, of no partition. */
static void put_none(struct byok_rocks *rocks, const char *key, const char *value)
{
    struct byok_store *store = byok_store_rocks_new(rocks, "vault");
    const struct byok_write write = {.key = kit_str(key), .value = kit_str(value)};
    cr_assert_eq(store->ops->apply(store, BYOK_PARTITION_NONE, &write, 1, -1, &fault), BYOK_E_OK);
    store->ops->free(store);
}

static bool has_none(struct byok_rocks *rocks, const char *key)
{
    struct byok_store *store = byok_store_rocks_new(rocks, "vault");
    struct byok_str out;
    BYOK_AUTO(byok_arena) arena = {0};
    cr_assert_eq(store->ops->get(store, BYOK_PARTITION_NONE, kit_str(key), &arena, &out, &fault),
                 BYOK_E_OK);
    store->ops->free(store);
    return out.ptr != NULL;
}

Test(rocks, a_copy_of_other_changelogs_is_set_aside)
{
    char aside[BYOK_ASIDE_BYTES];
    struct byok_rocks *rocks = open_it();
    cr_assert_eq(byok_rocks_identify(rocks, "one", aside, &fault), BYOK_E_OK, "%s", fault.text);
    put(rocks, "state", "k", "v");
    put_none(rocks, BYOK_STORE_CHANGELOGS, "one");
    put_none(rocks, "master-check/1", "sealed");
    cr_assert_eq(byok_rocks_identify(rocks, "one", aside, &fault), BYOK_E_OK, "%s", fault.text);
    cr_assert_eq(aside[0], '\0');
    cr_assert(holds(rocks, "state", "k", "v") && has_none(rocks, BYOK_STORE_CHANGELOGS));
    cr_assert_eq(byok_rocks_identify(rocks, "two", aside, &fault), BYOK_E_OK, "%s", fault.text);
    cr_assert_neq(aside[0], '\0');
    cr_assert_not(holds(rocks, "state", "k", "v"));
    cr_assert(!has_none(rocks, BYOK_STORE_CHANGELOGS) && has_none(rocks, "master-check/1"));
    byok_rocks_close(rocks);
    snprintf(path, sizeof path, "%s/a/b/data/%s", folder, aside);
    rocks = open_it();
    cr_assert(holds(rocks, "state", "k", "v"), "the copy is whole");
    byok_rocks_close(rocks);
}

Test(rocks, a_write_that_does_not_reach_the_disk_is_an_error_with_its_reason)
{
    struct byok_rocks *rocks = open_it();
    struct byok_store *store = byok_store_rocks_new(rocks, "state");
    put(rocks, "state", "small", "fits");
    /* a file may not grow any more: as a full disk, and needs no disk of its own */
    signal(SIGXFSZ, SIG_IGN);
    struct rlimit limit = {.rlim_cur = 20000, .rlim_max = RLIM_INFINITY};
    cr_assert_eq(setrlimit(RLIMIT_FSIZE, &limit), 0);
    static char big[100000];
    memset(big, 'b', sizeof big);
    struct byok_write write = {.key = kit_str("big"), .value = {big, sizeof big}};
    enum byok_err err = store->ops->apply(store, 1, &write, 1, 78, &fault);
    limit.rlim_cur = RLIM_INFINITY;
    cr_assert_eq(setrlimit(RLIMIT_FSIZE, &limit), 0);
    cr_assert_eq(err, BYOK_E_STORE);
    cr_assert_not_null(strstr(fault.text, path), "%s", fault.text);
    cr_assert_not_null(strstr(fault.text, "File too large"), "%s", fault.text);
    cr_assert(holds(rocks, "state", "small", "fits"), "value and position are the old ones");
    write.value.len = 1;
    cr_assert_eq(store->ops->apply(store, 1, &write, 1, 79, &fault), BYOK_E_STORE);
    cr_assert_not_null(strstr(fault.text, "an earlier write"), "%s", fault.text);
    cr_assert_eq(store->ops->sync(store, &fault), BYOK_E_STORE);
    cr_assert_eq(store->ops->drop(store, 1, &fault), BYOK_E_STORE);
    store->ops->free(store);
    byok_rocks_close(rocks);
    rocks = open_it();
    cr_assert(holds(rocks, "state", "small", "fits"), "and after a restart");
    byok_rocks_close(rocks);
}

/* Numbers alike in two entries and in the position, batch after batch, until it is killed. */
static void write_until_killed(int progress)
{
    struct byok_rocks *rocks = NULL;
    if (byok_rocks_open(path, &rocks, NULL))
        _exit(1);
    struct byok_store *store = byok_store_rocks_new(rocks, "vault");
    for (int64_t i = 0;; i++) {
        char text[24];
        snprintf(text, sizeof text, "%d", (int)i);
        const struct byok_write writes[] = {{.key = kit_str("a"), .value = kit_str(text)},
                                            {.key = kit_str("b"), .value = kit_str(text)}};
        if (store->ops->apply(store, 0, writes, 2, i, NULL) || write(progress, "", 1) != 1)
            _exit(1);
    }
}

Test(rocks, a_killed_writer_leaves_whole_batches_only)
{
    static const int after[] = {1, 50, 777};
    for (size_t round = 0; round < sizeof after / sizeof after[0]; round++) {
        int progress[2];
        char byte;
        cr_assert_eq(pipe(progress), 0);
        pid_t child = fork();
        if (child == 0)
            write_until_killed(progress[1]);
        for (int i = 0; i < after[round]; i++)
            cr_assert_eq(read(progress[0], &byte, 1), 1);
        kill(child, SIGKILL);
        cr_assert_eq(waitpid(child, NULL, 0), child);
        close(progress[0]);
        close(progress[1]);

        struct byok_rocks *rocks = open_it();
        struct byok_store *store = byok_store_rocks_new(rocks, "vault");
        BYOK_AUTO(byok_arena) arena = {0};
        struct byok_str a, b;
        char want[24];
        int64_t position = -2;
        cr_assert_eq(store->ops->position(store, 0, &position, &fault), BYOK_E_OK);
        cr_assert_eq(store->ops->get(store, 0, kit_str("a"), &arena, &a, &fault), BYOK_E_OK);
        cr_assert_eq(store->ops->get(store, 0, kit_str("b"), &arena, &b, &fault), BYOK_E_OK);
        snprintf(want, sizeof want, "%d", (int)position);
        cr_assert_geq(position, after[round] - 1, "what was answered for is there");
        cr_assert(byok_str_is(a, want) && byok_str_is(b, want), "%s", want);
        store->ops->free(store);
        byok_rocks_close(rocks);
    }
}

Test(rocks, a_dropped_partition_stays_dropped)
{
    struct byok_rocks *rocks = open_it();
    put(rocks, "state", "k", "v");
    put(rocks, "vault", "k", "of another table");
    struct byok_store *store = byok_store_rocks_new(rocks, "state");
    cr_assert_eq(store->ops->drop(store, 1, &fault), BYOK_E_OK);
    store->ops->free(store);
    byok_rocks_close(rocks);
    rocks = open_it();
    cr_assert_not(holds(rocks, "state", "k", "v"));
    cr_assert(holds(rocks, "vault", "k", "of another table"));
    byok_rocks_close(rocks);
}

Test(rocks, opening_on_a_full_disk_is_an_error_and_works_when_there_is_room_again)
{
    signal(SIGXFSZ, SIG_IGN);
    struct rlimit limit = {.rlim_cur = 100, .rlim_max = RLIM_INFINITY};
    cr_assert_eq(setrlimit(RLIMIT_FSIZE, &limit), 0);
    struct byok_rocks *rocks = NULL;
    enum byok_err err = byok_rocks_open(path, &rocks, &fault);
    limit.rlim_cur = RLIM_INFINITY;
    cr_assert_eq(setrlimit(RLIMIT_FSIZE, &limit), 0);
    cr_assert_eq(err, BYOK_E_STORE);
    cr_assert_null(rocks);
    cr_assert_not_null(strstr(fault.text, "File too large"), "%s", fault.text);
    byok_rocks_close(open_it());
}

Test(rocks, a_folder_one_may_not_write_to_is_refused_with_that_reason)
{
    if (geteuid() == 0) {
        cr_assert_eq(chmod(folder, 0755), 0);
        cr_assert_eq(seteuid(65534), 0);
    } else {
        cr_assert_eq(chmod(folder, 0555), 0);
    }
    refused("Permission denied");
    if (getuid() == 0)
        cr_assert_eq(seteuid(0), 0);
    chmod(folder, 0700);
}

Test(rocks, figures_of_a_table_can_be_asked_for)
{
    struct byok_rocks *rocks = open_it();
    put(rocks, "vault", "k", "v");
    cr_assert_geq(byok_rocks_property(rocks, "vault", "rocksdb.estimate-num-keys"), 1);
    cr_assert_eq(byok_rocks_property(rocks, "state", "rocksdb.estimate-num-keys"), 0);
    cr_assert_eq(byok_rocks_property(rocks, "state", "rocksdb.no-such-thing"), -1);
    cr_assert_eq(byok_rocks_property(rocks, "no table", "rocksdb.estimate-num-keys"), -1);
    byok_rocks_close(rocks);
}
