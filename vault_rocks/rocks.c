/* SPDX-License-Identifier: MIT */
/* vault_rocks/rocks.c - see vault_rocks/rocks.h; options, format version, error texts. */
#include "vault_rocks/rocks.h"

#include <errno.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>

#include <sys/stat.h>

#include <rocksdb/c.h>

#include "base/mem.h"
#include "vault_rocks/purge.h"
#include "vault_rocks/rocks_inner.h"

/* Bounds of memory: the state of a worker's active users is small, and the vault's records are a
 * few hundred bytes each.  At most about CACHE + WRITE_ALL in all, whatever the store's size. */
#define CACHE_BYTES ((size_t)64 << 20)
#define WRITE_BUFFER_BYTES ((size_t)16 << 20)
#define WRITE_ALL_BYTES ((size_t)48 << 20)
#define WAL_BYTES_MAX ((uint64_t)64 << 20)
#define BLOOM_BITS 10.0 /* for each key: 1 % needless reads */
#define FILTER_PART_BYTES ((uint64_t)4096)
#define FRESH_BLOOM 0.02 /* of a write buffer: some 20 bits for each key */
#define RECOVER_TO_POINT_IN_TIME 2 /* rocksdb_point_in_time_recovery, an anonymous enum of c.h */
#define LOG_HEADER_ONLY 5 /* InfoLogLevel::HEADER_LEVEL of rocksdb/env.h */
#define PATH_BYTES_MAX ((size_t)4096)

#define FORMAT "1"
static const char format_key[] = "byok format";

enum { FAMILY_META, FAMILY_STATE, FAMILY_VAULT, FAMILY_COUNT };
static const char *const family_names[FAMILY_COUNT] = {"default", "state", "vault"};

struct byok_rocks {
    char *path;
    rocksdb_t *db;
    rocksdb_column_family_handle_t *families[FAMILY_COUNT];
    rocksdb_cache_t *cache;
    rocksdb_options_t *options;
    rocksdb_readoptions_t *read;
    rocksdb_writeoptions_t *write;
    struct byok_purge *purge; /* NULL: none */
    atomic_bool failed; /* a write did not reach the disk; relaxed: it guards no other data */
};

static const char *advice(const char *error)
{
    static const struct {
        const char *seen, *say;
    } known[] = {
        {"lock hold by current process", "the folder is already open in this process"},
        {"LOCK: Resource temporarily unavailable",
         "another process has it open: two processes on one data folder; stop the other or give "
         "each its own"},
        {"No space left", "the disk is full: free space, then restart"},
        {"quota", "the disk quota is used up: free space, then restart"},
        {"Column families not opened", "it was made by a newer version of this program"},
        {"Corruption", "it is damaged: the next start sets it aside and fills an empty one from "
                       "the changelog topics"},
        {"Permission denied", "give this user the right to write there"},
        {"Read-only file system", "give it a folder that can be written"},
        {"Too many open files", "raise the limit of open files (ulimit -n)"},
    };
    for (size_t i = 0; i < sizeof known / sizeof known[0]; i++) {
        if (strstr(error, known[i].seen))
            return known[i].say;
    }
    return "the cause is in brackets";
}

static bool is_damage(const char *error)
{
    return strstr(error, "Corruption") != NULL;
}

enum byok_err byok_rocks_fault(const struct byok_rocks *rocks, const char *doing, char *error,
                               struct byok_fault *fault)
{
    if (is_damage(error))
        byok_rocks_mark_damaged(rocks->path);
    enum byok_err err = byok_fault_set(fault, BYOK_E_STORE, "%s, data folder %s: %s (%s)", doing,
                                       rocks->path, advice(error), error);
    rocksdb_free(error);
    return err;
}

enum byok_err byok_rocks_write_fault(struct byok_rocks *rocks, const char *doing, char *error,
                                     struct byok_fault *fault)
{
    atomic_store_explicit(&rocks->failed, true, memory_order_relaxed);
    return byok_rocks_fault(rocks, doing, error, fault);
}

enum byok_err byok_rocks_may_write(struct byok_rocks *rocks, struct byok_fault *fault)
{
    if (!atomic_load_explicit(&rocks->failed, memory_order_relaxed))
        return BYOK_E_OK;
    return byok_fault_set(fault, BYOK_E_STORE,
                          "an earlier write to the data folder %s failed: nothing more is written "
                          "until its cause is gone and the program is started again",
                          rocks->path);
}

enum byok_err byok_rocks_make_folder(const char *path, struct byok_fault *fault)
{
    char part[PATH_BYTES_MAX];
    size_t len = strlen(path);
    if (len == 0 || len >= sizeof part)
        return byok_fault_set(fault, BYOK_E_STORE, "the data folder's name has %zu bytes", len);
    for (size_t i = 1; i <= len; i++) {
        if (path[i] != '/' && path[i] != '\0')
            continue;
        memcpy(part, path, i);
        part[i] = '\0';
        struct stat info;
        if (mkdir(part, 0700) == 0)
            continue;
        int error = errno; /* what mkdir said, before stat says something else */
        if (stat(part, &info) != 0 || !S_ISDIR(info.st_mode))
            return byok_fault_set(fault, BYOK_E_STORE, "cannot make the data folder %s: %s: %s",
                                  path, part, strerror(error == EEXIST ? ENOTDIR : error));
    }
    return BYOK_E_OK;
}

static void set_options(struct byok_rocks *rocks)
{
    rocks->cache = rocksdb_cache_create_lru(CACHE_BYTES);
    rocksdb_block_based_table_options_t *table = rocksdb_block_based_options_create();
    rocksdb_block_based_options_set_block_cache(table, rocks->cache);
    rocksdb_filterpolicy_t *bloom = rocksdb_filterpolicy_create_bloom_full(BLOOM_BITS);
    rocksdb_block_based_options_set_filter_policy(table, bloom); /* owned by the table's options */
    /* or indexes and filters would be outside the cache's bound */
    rocksdb_block_based_options_set_cache_index_and_filter_blocks(table, 1);
    rocksdb_block_based_options_set_pin_l0_filter_and_index_blocks_in_cache(table, 1);
    /* in small parts, of which a read takes one: the filter of a file with a million keys is larger
     * than a shard of the cache, and would be read from the file for every key that is not there */
    rocksdb_block_based_options_set_index_type(
        table, rocksdb_block_based_table_index_type_two_level_index_search);
    rocksdb_block_based_options_set_partition_filters(table, 1);
    rocksdb_block_based_options_set_metadata_block_size(table, FILTER_PART_BYTES);
    rocksdb_block_based_options_set_pin_top_level_index_and_filter(table, 1);

    rocksdb_options_t *options = rocksdb_options_create();
    rocksdb_options_set_create_if_missing(options, 1);
    rocksdb_options_set_create_missing_column_families(options, 1);
    rocksdb_options_set_block_based_table_factory(options, table);
    rocksdb_block_based_options_destroy(table);
    rocksdb_options_set_write_buffer_size(options, WRITE_BUFFER_BYTES);
    rocksdb_options_set_db_write_buffer_size(options, WRITE_ALL_BYTES);
    /* most look-ups (is it done, is it claimed) are for what is not there */
    rocksdb_options_set_memtable_whole_key_filtering(options, 1);
    rocksdb_options_set_memtable_prefix_bloom_size_ratio(options, FRESH_BLOOM);
    rocksdb_options_set_max_total_wal_size(options, WAL_BYTES_MAX);
    rocksdb_options_set_max_open_files(options, 256);
    rocksdb_options_set_max_background_jobs(options, 2);
    /* RocksDB's own log cannot be turned off from C, but stays empty with this: on a full disk it
     * is what could end the process, by an assert that is on in Debian's build.  What RocksDB has
     * to say comes as error texts, and figures by byok_rocks_property. */
    rocksdb_options_set_info_log_level(options, LOG_HEADER_ONLY);
    rocksdb_options_set_keep_log_file_num(options, 1);
    rocksdb_options_set_stats_dump_period_sec(options, 0);
    rocksdb_options_set_skip_stats_update_on_db_open(options, 1);
    rocksdb_options_set_paranoid_checks(options, 1);
    /* A log whose end is torn gives the writes before it: a prefix of the changelog, as promised
     * by store.h; the rest comes again from the topic. */
    rocksdb_options_set_wal_recovery_mode(options, RECOVER_TO_POINT_IN_TIME);
    rocks->options = options;
    rocks->read = rocksdb_readoptions_create();
    rocks->write = rocksdb_writeoptions_create(); /* WAL on, no fsync per write: see sync */
}

static enum byok_err open_database(struct byok_rocks *rocks, struct byok_fault *fault)
{
    const rocksdb_options_t *each[FAMILY_COUNT];
    for (size_t i = 0; i < FAMILY_COUNT; i++)
        each[i] = rocks->options;
    char *error = NULL;
    rocks->db = rocksdb_open_column_families(rocks->options, rocks->path, FAMILY_COUNT,
                                             family_names, each, rocks->families, &error);
    return error ? byok_rocks_fault(rocks, "cannot open the database", error, fault) : BYOK_E_OK;
}

static bool is_empty(struct byok_rocks *rocks)
{
    bool empty = true;
    for (size_t i = 0; i < FAMILY_COUNT && empty; i++) {
        rocksdb_iterator_t *at =
            rocksdb_create_iterator_cf(rocks->db, rocks->read, rocks->families[i]);
        rocksdb_iter_seek_to_first(at);
        char *error = NULL;
        rocksdb_iter_get_error(at, &error);
        empty = !rocksdb_iter_valid(at) && !error; /* what cannot be read is not called empty */
        if (error)
            rocksdb_free(error);
        rocksdb_iter_destroy(at);
    }
    return empty;
}

/* The format version stands in the database before anything else does. */
static enum byok_err check_format(struct byok_rocks *rocks, struct byok_fault *fault)
{
    char *error = NULL;
    rocksdb_column_family_handle_t *meta = rocks->families[FAMILY_META];
    size_t len = 0;
    char *found = rocksdb_get_cf(rocks->db, rocks->read, meta, format_key, sizeof format_key - 1,
                                 &len, &error);
    if (error)
        return byok_rocks_fault(rocks, "cannot read the format version", error, fault);
    if (found) {
        bool known = len == sizeof FORMAT - 1 && memcmp(found, FORMAT, len) == 0;
        if (!known)
            byok_fault_set(fault, BYOK_E_STORE,
                           "the data folder %s has format \"%.*s\", this version knows only "
                           "\"" FORMAT "\": it was used by a newer version of this program",
                           rocks->path, (int)(len > 16 ? 16 : len), found);
        rocksdb_free(found);
        return known ? BYOK_E_OK : BYOK_E_STORE;
    }
    if (!is_empty(rocks))
        return byok_fault_set(fault, BYOK_E_STORE,
                              "the folder %s holds a database of another program: give this one "
                              "a folder of its own",
                              rocks->path);
    rocksdb_writeoptions_t *synced = rocksdb_writeoptions_create();
    rocksdb_writeoptions_set_sync(synced, 1);
    rocksdb_put_cf(rocks->db, synced, meta, format_key, sizeof format_key - 1, FORMAT,
                   sizeof FORMAT - 1, &error);
    rocksdb_writeoptions_destroy(synced);
    return error ? byok_rocks_fault(rocks, "cannot write the format version", error, fault)
                 : BYOK_E_OK;
}

enum byok_err byok_rocks_open(const char *path, struct byok_rocks **out, struct byok_fault *fault)
{
    enum byok_err err = byok_rocks_make_folder(path, fault);
    if (err)
        return err;
    struct byok_rocks *rocks = byok_new(1, sizeof *rocks);
    size_t path_bytes = strlen(path) + 1;
    char *copy = byok_new(path_bytes, 1);
    if (!rocks || !copy) {
        byok_delete(rocks);
        byok_delete(copy);
        return byok_fault_set(fault, BYOK_E_NOMEM, "no memory to open %s", path);
    }
    memcpy(copy, path, path_bytes);
    rocks->path = copy;
    set_options(rocks);
    byok_rocks_cut_logs(path);
    err = open_database(rocks, fault);
    if (!err)
        err = check_format(rocks, fault);
    if (err) {
        byok_rocks_close(rocks);
        return err;
    }
    *out = rocks;
    return BYOK_E_OK;
}

/* Written-out tables make the next start fast; an error leaves the log, so nothing is lost. */
static void flush(struct byok_rocks *rocks)
{
    char *error = NULL;
    rocksdb_flushoptions_t *options = rocksdb_flushoptions_create();
    for (size_t i = 0; i < FAMILY_COUNT && !error; i++)
        rocksdb_flush_cf(rocks->db, options, rocks->families[i], &error);
    rocksdb_flushoptions_destroy(options);
    if (!error)
        rocksdb_flush_wal(rocks->db, 1, &error);
    if (error)
        rocksdb_free(error);
}

enum byok_err byok_rocks_purge(struct byok_rocks *rocks, int64_t wait_ms, struct byok_fault *fault)
{
    const struct byok_purge_base base = {rocks->db, rocks->families, FAMILY_COUNT,
                                         rocks->families[FAMILY_VAULT], &rocks->failed};
    enum byok_err err = byok_purge_start(&base, wait_ms, &rocks->purge, fault);
    if (err == BYOK_E_OK) { /* all of it: an earlier process may have ended before its purge */
        byok_purge_note(rocks->purge, "", 0);
        byok_purge_note(rocks->purge, "\xff\xff\xff\xff\xff", 5);
    }
    return err;
}

void byok_rocks_close(struct byok_rocks *rocks)
{
    if (!rocks)
        return;
    byok_purge_stop(rocks->purge);
    if (rocks->db) {
        if (byok_rocks_may_write(rocks, NULL) == BYOK_E_OK)
            flush(rocks);
        for (size_t i = 0; i < FAMILY_COUNT; i++)
            rocksdb_column_family_handle_destroy(rocks->families[i]);
        rocksdb_close(rocks->db);
    }
    rocksdb_readoptions_destroy(rocks->read);
    rocksdb_writeoptions_destroy(rocks->write);
    rocksdb_options_destroy(rocks->options);
    rocksdb_cache_destroy(rocks->cache);
    byok_delete(rocks->path);
    byok_delete(rocks);
}

static rocksdb_column_family_handle_t *find_family(struct byok_rocks *rocks, const char *table)
{
    for (size_t i = FAMILY_STATE; i < FAMILY_COUNT; i++) {
        if (strcmp(family_names[i], table) == 0)
            return rocks->families[i];
    }
    return NULL;
}

bool byok_rocks_table(struct byok_rocks *rocks, const char *table, struct byok_rocks_table *out)
{
    rocksdb_column_family_handle_t *family = find_family(rocks, table);
    struct byok_purge **purge = family == rocks->families[FAMILY_VAULT] ? &rocks->purge : NULL;
    *out = (struct byok_rocks_table){rocks->db, family, rocks->read, rocks->write, purge};
    return out->family != NULL;
}

struct byok_rocks_table byok_rocks_meta(struct byok_rocks *rocks)
{
    return (struct byok_rocks_table){rocks->db, rocks->families[FAMILY_META], rocks->read,
                                     rocks->write, NULL};
}

const char *byok_rocks_path(const struct byok_rocks *rocks)
{
    return rocks->path;
}

int64_t byok_rocks_property(struct byok_rocks *rocks, const char *table, const char *property)
{
    uint64_t value = 0;
    rocksdb_column_family_handle_t *family = find_family(rocks, table);
    if (!family || rocksdb_property_int_cf(rocks->db, family, property, &value) != 0)
        return -1;
    return value > INT64_MAX ? INT64_MAX : (int64_t)value;
}
