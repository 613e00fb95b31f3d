/* SPDX-License-Identifier: MIT */
/* vault_rocks/rocks_aside.c - a database that is damaged, or a copy of other changelogs, is kept
 * in a folder "set-aside-<Unix time>" within its own, and not trusted any more. */
#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/mem.h"
#include "vault_rocks/rocks_inner.h"
#include "vault_rocks/store.h"
#include "vault_rocks/store_key.h"

#define ASIDE "set-aside-"
#define MARK "damaged"
#define LOCK "LOCK" /* RocksDB's, locked as RocksDB does it */
#define PATH_BYTES_MAX ((size_t)4096)
static const char identity_key[] = "byok identity";

static void name_it(char aside[static BYOK_ASIDE_BYTES])
{
    struct timespec now;
    (void)clock_gettime(CLOCK_REALTIME, &now);
    (void)snprintf(aside, BYOK_ASIDE_BYTES, ASIDE "%lld%03ld", (long long)now.tv_sec,
                   now.tv_nsec / 1000000);
}

static bool join(char out[static PATH_BYTES_MAX], const char *folder, const char *name)
{
    int len = snprintf(out, PATH_BYTES_MAX, "%s/%s", folder, name);
    return len > 0 && (size_t)len < PATH_BYTES_MAX;
}

void byok_rocks_mark_damaged(const char *path)
{
    char mark[PATH_BYTES_MAX];
    if (!join(mark, path, MARK))
        return;
    int fd = open(mark, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
    if (fd >= 0)
        (void)close(fd);
}

static bool is_marked(const char *path)
{
    char mark[PATH_BYTES_MAX];
    struct stat info;
    return join(mark, path, MARK) && stat(mark, &info) == 0;
}

static bool stays(const char *name)
{
    return strcmp(name, ".") == 0 || strcmp(name, "..") == 0 || strcmp(name, LOCK) == 0 ||
           strncmp(name, ASIDE, sizeof ASIDE - 1) == 0;
}

/* 0, or an error number. */
static int move_all(const char *path, const char *target)
{
    char from[PATH_BYTES_MAX], to[PATH_BYTES_MAX];
    DIR *folder = opendir(path);
    if (!folder)
        return errno;
    int error = 0;
    const struct dirent *entry;
    while (error == 0 && (entry = readdir(folder)) != NULL) {
        if (stays(entry->d_name))
            continue;
        if (!join(from, path, entry->d_name) || !join(to, target, entry->d_name))
            error = ENAMETOOLONG;
        else if (rename(from, to) != 0)
            error = errno;
    }
    (void)closedir(folder);
    return error;
}

/* With the lock that a process on the same folder would have. */
static int move_locked(const char *path, const char *aside)
{
    char name[PATH_BYTES_MAX];
    struct flock all = {.l_type = F_WRLCK, .l_whence = SEEK_SET};
    int lock = join(name, path, LOCK) ? open(name, O_RDWR | O_CREAT | O_CLOEXEC, 0644) : -1;
    if (lock < 0)
        return errno;
    int error = 0;
    if (fcntl(lock, F_SETLK, &all) != 0)
        error = errno;
    else if (!join(name, path, aside) || mkdir(name, 0700) != 0)
        error = errno;
    else
        error = move_all(path, name);
    (void)close(lock);
    return error;
}

enum byok_err byok_rocks_open_sound(const char *path, struct byok_rocks **out,
                                    char aside[static BYOK_ASIDE_BYTES], struct byok_fault *fault)
{
    aside[0] = '\0';
    if (!is_marked(path)) {
        enum byok_err err = byok_rocks_open(path, out, fault);
        if (err == BYOK_E_OK || !is_marked(path))
            return err;
    }
    name_it(aside);
    int error = move_locked(path, aside);
    if (error != 0)
        return byok_fault_set(fault, BYOK_E_STORE,
                              "the database in %s is damaged and cannot be set aside: %s", path,
                              strerror(error));
    return byok_rocks_open(path, out, fault);
}

/* ---- whose copy it is ---- */

static void keep_copy(struct byok_rocks *rocks, const char *aside, char **error)
{
    char target[PATH_BYTES_MAX];
    rocksdb_t *db = byok_rocks_meta(rocks).db;
    if (!join(target, byok_rocks_path(rocks), aside))
        return;
    rocksdb_checkpoint_t *checkpoint = rocksdb_checkpoint_object_create(db, error);
    if (*error)
        return;
    rocksdb_checkpoint_create(checkpoint, target, 0, error); /* by hard links */
    rocksdb_checkpoint_object_destroy(checkpoint);
}

/* What the store's user noted of them (see store.h). */
static void erase_changelogs(rocksdb_writebatch_t *batch, rocksdb_column_family_handle_t *family)
{
    const struct byok_store_prefix prefix =
        byok_store_prefix(BYOK_PARTITION_NONE, BYOK_STORE_ENTRY);
    const char *key[] = {prefix.bytes, BYOK_STORE_CHANGELOGS};
    const size_t key_len[] = {sizeof prefix.bytes, sizeof BYOK_STORE_CHANGELOGS - 1};
    rocksdb_writebatch_deletev_cf(batch, family, 2, key, key_len);
}

/* The tables' partitions are emptied and the identity is changed in one write. */
static void empty(struct byok_rocks *rocks, const char *identity, char **error)
{
    static const char *const tables[] = {"state", "vault"};
    const struct byok_store_prefix from = byok_store_prefix(0, BYOK_STORE_POSITION);
    const struct byok_store_prefix to = byok_store_prefix(INT32_MAX, BYOK_STORE_END);
    struct byok_rocks_table meta = byok_rocks_meta(rocks), table;
    rocksdb_writebatch_t *batch = rocksdb_writebatch_create();
    for (size_t i = 0; i < sizeof tables / sizeof tables[0]; i++) {
        if (byok_rocks_table(rocks, tables[i], &table))
            rocksdb_writebatch_delete_range_cf(batch, table.family, from.bytes, sizeof from.bytes,
                                               to.bytes, sizeof to.bytes);
        erase_changelogs(batch, table.family);
    }
    rocksdb_writebatch_put_cf(batch, meta.family, identity_key, sizeof identity_key - 1, identity,
                              strlen(identity));
    rocksdb_write(meta.db, meta.write, batch, error);
    rocksdb_writebatch_destroy(batch);
}

static void remember(struct byok_rocks *rocks, const char *identity, char **error)
{
    struct byok_rocks_table meta = byok_rocks_meta(rocks);
    rocksdb_put_cf(meta.db, meta.write, meta.family, identity_key, sizeof identity_key - 1,
                   identity, strlen(identity), error);
}

enum byok_err byok_rocks_identify(struct byok_rocks *rocks, const char *identity,
                                  char aside[static BYOK_ASIDE_BYTES], struct byok_fault *fault)
{
    struct byok_rocks_table meta = byok_rocks_meta(rocks);
    char *error = NULL;
    size_t len = 0;
    aside[0] = '\0';
    char *found = rocksdb_get_cf(meta.db, meta.read, meta.family, identity_key,
                                 sizeof identity_key - 1, &len, &error);
    if (error)
        return byok_rocks_fault(rocks, "cannot read whose copy it is", error, fault);
    bool same = found && len == strlen(identity) && memcmp(found, identity, len) == 0;
    if (!found) {
        remember(rocks, identity, &error);
    } else if (!same) {
        name_it(aside);
        keep_copy(rocks, aside, &error);
        if (!error)
            empty(rocks, identity, &error);
    }
    rocksdb_free(found);
    if (error)
        return byok_rocks_fault(rocks, "cannot write whose copy it is", error, fault);
    return BYOK_E_OK;
}
