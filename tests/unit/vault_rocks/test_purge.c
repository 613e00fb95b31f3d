/* SPDX-License-Identifier: MIT */
/* tests/unit/vault_rocks/test_purge.c - what is deleted or replaced leaves RocksDB's files. */
#include "kit.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <criterion/criterion.h>

#include "vault_rocks/rocks.h"
#include "vault_rocks/store.h"

/* Random enough not to be compressed away. */
#define OLD "old-5fQ2xVt9LmZ0pRk7WbYc"
#define NEW "new-8sHd3GjK1uNe6TaCoXiB"

static bool file_holds(const char *path, const char *text)
{
    static char bytes[1 << 20];
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    ssize_t len, all = 0;
    while (fd >= 0 && all < (ssize_t)sizeof bytes &&
           (len = read(fd, bytes + all, sizeof bytes - (size_t)all)) > 0)
        all += len;
    if (fd >= 0)
        close(fd);
    return byok_str_find((struct byok_str){bytes, (size_t)all}, byok_str_of(text)) != SIZE_MAX;
}

static bool folder_holds(const char *folder, const char *text)
{
    DIR *entries = opendir(folder);
    bool found = false;
    struct dirent *entry;
    while (entries && (entry = readdir(entries))) {
        char path[4096];
        snprintf(path, sizeof path, "%s/%s", folder, entry->d_name);
        found = found || file_holds(path, text);
    }
    cr_assert_not_null(entries);
    closedir(entries);
    return found;
}

static bool is_gone(const char *folder, const char *text)
{
    const struct timespec nap = {0, 20000000};
    for (int i = 0; i < 9000; i++) { /* 180 s: a bound, not a measurement */
        if (!folder_holds(folder, text))
            return true;
        nanosleep(&nap, NULL);
    }
    return false;
}

static struct byok_store *open_vault(const char *folder, int64_t wait_ms, struct byok_rocks **rocks)
{
    struct byok_fault fault = {0};
    cr_assert_eq(byok_rocks_open(folder, rocks, &fault), BYOK_E_OK, "%s", fault.text);
    if (wait_ms > 0)
        cr_assert_eq(byok_rocks_purge(*rocks, wait_ms, &fault), BYOK_E_OK, "%s", fault.text);
    return byok_store_rocks_new(*rocks, "vault");
}

static void put(struct byok_store *store, const char *key, const char *value)
{
    struct byok_fault fault = {0};
    const struct byok_write write = {byok_str_of(key), byok_str_of(value ? value : ""), !value};
    cr_assert_eq(store->ops->apply(store, 3, &write, 1, -1, &fault), BYOK_E_OK, "%s", fault.text);
}

static void replace_or_delete(const char *value, bool purged)
{
    char folder[256];
    struct byok_rocks *rocks;
    folder_make(folder, sizeof folder);
    struct byok_store *store = open_vault(folder, purged ? 10 : 0, &rocks);
    put(store, "alice", OLD);
    put(store, "bob", "bob's");
    cr_assert(folder_holds(folder, OLD), "the search finds what is there");
    put(store, "alice", value);
    if (purged) {
        cr_assert(is_gone(folder, OLD));
        cr_assert(!value || folder_holds(folder, value));
    } else {
        cr_assert(folder_holds(folder, OLD), "without a purge it stays");
        store->ops->free(store);
        byok_rocks_close(rocks);
        store = open_vault(folder, 10, &rocks);
        cr_assert(is_gone(folder, OLD), "one that was missed is made up for at the next start");
    }
    store->ops->free(store);
    byok_rocks_close(rocks);
    (void)folder_remove(folder);
}

Test(purge, a_deleted_record_leaves_the_files)
{
    replace_or_delete(NULL, true);
}

Test(purge, a_replaced_record_leaves_the_files)
{
    replace_or_delete(NEW, true);
}

Test(purge, what_an_earlier_process_left_is_purged_at_the_next_start)
{
    replace_or_delete(NULL, false);
}
