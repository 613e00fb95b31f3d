/* SPDX-License-Identifier: MIT */
/* vault_rocks/store_rocks.c - a table of the one RocksDB as a store.
 *
 * All partitions share a column family, told apart by the prefix of store_key.h.  Writes and
 * position go in one WriteBatch: RocksDB makes it one record of its log.
 */
#include "vault_rocks/store.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "vault_rocks/purge.h"
#include "vault_rocks/rocks_inner.h"
#include "vault_rocks/store_key.h"
#include "vault_rocks/store_kinds.h"

/* Longest ordinary key: user NUL provider NUL label, or user and request id. */
#define INLINE_KEY_BYTES ((size_t)512)

struct store {
    struct byok_store base;
    struct byok_rocks *rocks;
    struct byok_rocks *own; /* the same when it was opened here, else NULL */
    struct byok_rocks_table table;
};

/* A prefix and a key in one piece, which only reading needs. */
struct full_key {
    char here[INLINE_KEY_BYTES];
    char *bytes; /* `here`, or the heap */
    size_t len;
};

static struct store *self_of(struct byok_store *store)
{
    return (struct store *)store;
}

static void full_key_done(struct full_key *key)
{
    if (key->bytes != key->here)
        byok_delete(key->bytes);
}

static bool full_key_init(struct full_key *key, int32_t partition, struct byok_str rest)
{
    struct byok_store_prefix prefix = byok_store_prefix(partition, BYOK_STORE_ENTRY);
    key->len = sizeof prefix.bytes + rest.len;
    key->bytes = key->len <= sizeof key->here ? key->here : byok_new(key->len, 1);
    if (!key->bytes)
        return false;
    memcpy(key->bytes, prefix.bytes, sizeof prefix.bytes);
    if (rest.len > 0)
        memcpy(key->bytes + sizeof prefix.bytes, rest.ptr, rest.len);
    return true;
}

static enum byok_err no_memory(struct byok_fault *fault)
{
    return byok_fault_set(fault, BYOK_E_NOMEM, "no memory for an entry of the local state");
}

static enum byok_err get(struct byok_store *store, int32_t partition, struct byok_str key,
                         struct byok_arena *arena, struct byok_str *out, struct byok_fault *fault)
{
    struct store *self = self_of(store);
    struct full_key full;
    if (!full_key_init(&full, partition, key))
        return no_memory(fault);
    char *error = NULL;
    rocksdb_pinnableslice_t *found = rocksdb_get_pinned_cf(
        self->table.db, self->table.read, self->table.family, full.bytes, full.len, &error);
    full_key_done(&full);
    if (error)
        return byok_rocks_fault(self->rocks, "cannot read", error, fault);
    struct byok_str value = {NULL, 0};
    bool copied = true;
    if (found) {
        value.ptr = rocksdb_pinnableslice_value(found, &value.len);
        value = byok_arena_copy(arena, value);
        copied = value.ptr != NULL;
        rocksdb_pinnableslice_destroy(found);
    }
    if (!copied)
        return no_memory(fault);
    *out = value;
    return BYOK_E_OK;
}

static void add_write(struct store *self, rocksdb_writebatch_t *batch,
                      const struct byok_store_prefix *prefix, const struct byok_write *write)
{
    const char *key[] = {prefix->bytes, write->key.len ? write->key.ptr : ""};
    const size_t key_len[] = {sizeof prefix->bytes, write->key.len};
    const char *value[] = {write->value.len ? write->value.ptr : ""};
    const size_t value_len[] = {write->value.len};
    if (write->erase)
        rocksdb_writebatch_deletev_cf(batch, self->table.family, 2, key, key_len);
    else
        rocksdb_writebatch_putv_cf(batch, self->table.family, 2, key, key_len, 1, value, value_len);
}

static enum byok_err write_batch(struct store *self, rocksdb_writebatch_t *batch,
                                 struct byok_fault *fault)
{
    char *error = NULL;
    enum byok_err err = byok_rocks_may_write(self->rocks, fault);
    if (!err)
        rocksdb_write(self->table.db, self->table.write, batch, &error);
    rocksdb_writebatch_destroy(batch);
    return error ? byok_rocks_write_fault(self->rocks, "cannot write", error, fault) : err;
}

/* Sealing is random, so that the value is the same means that it was applied before.  What cannot
 * be asked is taken for replaced. */
static bool replaces(struct store *self, int32_t partition, const struct byok_write *write)
{
    struct full_key full;
    if (!full_key_init(&full, partition, write->key))
        return true;
    char *error = NULL;
    rocksdb_pinnableslice_t *found = rocksdb_get_pinned_cf(
        self->table.db, self->table.read, self->table.family, full.bytes, full.len, &error);
    full_key_done(&full);
    size_t len = 0;
    const char *old = found ? rocksdb_pinnableslice_value(found, &len) : NULL;
    bool same = found && !write->erase && len == write->value.len &&
                (len == 0 || memcmp(old, write->value.ptr, len) == 0);
    bool stays = !error && (!found || same);
    if (found)
        rocksdb_pinnableslice_destroy(found);
    if (error)
        rocksdb_free(error);
    return !stays;
}

/* To be asked before the writes are made: whether they leave something to purge. */
static bool leaves_remains(struct store *self, int32_t partition, const struct byok_write *writes,
                           size_t count)
{
    bool any = false;
    for (size_t i = 0; i < count && !any && self->table.purge && *self->table.purge; i++)
        any = replaces(self, partition, &writes[i]);
    return any;
}

static void note_purge(struct store *self, int32_t partition, const struct byok_write *writes,
                       size_t count)
{
    for (size_t i = 0; i < count; i++) {
        struct full_key full;
        if (!full_key_init(&full, partition, writes[i].key))
            continue; /* purged when the table is opened again */
        byok_purge_note(*self->table.purge, full.bytes, full.len);
        full_key_done(&full);
    }
}

/* Of two writes of one key the later comes later, as they stand in one array. */
static int by_key(const void *a, const void *b)
{
    const struct byok_write *one = *(const struct byok_write *const *)a;
    const struct byok_write *other = *(const struct byok_write *const *)b;
    int order = byok_str_compare(one->key, other->key);
    return order != 0 ? order : (one > other) - (one < other);
}

/* In the order of their keys: RocksDB looks for the place of each from that of the one before it. */
static bool add_writes(struct store *self, rocksdb_writebatch_t *batch, int32_t partition,
                       const struct byok_write *writes, size_t count)
{
    const struct byok_store_prefix prefix = byok_store_prefix(partition, BYOK_STORE_ENTRY);
    const struct byok_write **sorted = byok_new(count > 0 ? count : 1, sizeof *sorted);
    if (!sorted)
        return false;
    for (size_t i = 0; i < count; i++)
        sorted[i] = &writes[i];
    qsort(sorted, count, sizeof *sorted, by_key);
    for (size_t i = 0; i < count; i++)
        add_write(self, batch, &prefix, sorted[i]);
    byok_delete(sorted);
    return true;
}

static enum byok_err apply(struct byok_store *store, int32_t partition,
                           const struct byok_write *writes, size_t count, int64_t position,
                           struct byok_fault *fault)
{
    struct store *self = self_of(store);
    if (count == 0 && position < 0)
        return BYOK_E_OK;
    rocksdb_writebatch_t *batch = rocksdb_writebatch_create();
    bool remains = leaves_remains(self, partition, writes, count);
    if (!add_writes(self, batch, partition, writes, count)) {
        rocksdb_writebatch_destroy(batch);
        return no_memory(fault);
    }
    if (position >= 0) {
        char value[8];
        struct byok_store_prefix prefix = byok_store_prefix(partition, BYOK_STORE_POSITION);
        byok_store_put_position(position, value);
        rocksdb_writebatch_put_cf(batch, self->table.family, prefix.bytes, sizeof prefix.bytes,
                                  value, sizeof value);
    }
    enum byok_err err = write_batch(self, batch, fault);
    if (err == BYOK_E_OK && remains)
        note_purge(self, partition, writes, count);
    return err;
}

static enum byok_err position(struct byok_store *store, int32_t partition, int64_t *out,
                              struct byok_fault *fault)
{
    struct store *self = self_of(store);
    struct byok_store_prefix key = byok_store_prefix(partition, BYOK_STORE_POSITION);
    char *error = NULL;
    size_t len = 0;
    char *value = rocksdb_get_cf(self->table.db, self->table.read, self->table.family, key.bytes,
                                 sizeof key.bytes, &len, &error);
    if (error)
        return byok_rocks_fault(self->rocks, "cannot read", error, fault);
    if (value && len != 8) {
        rocksdb_free(value);
        return byok_fault_set(fault, BYOK_E_STORE,
                              "the changelog position of partition %d is "
                              "damaged: %zu bytes",
                              partition, len);
    }
    *out = value ? byok_store_get_position(value) : -1;
    rocksdb_free(value);
    return BYOK_E_OK;
}

/* From where the iterator stands, as long as the keys begin with `prefix`. */
static enum byok_err walk(struct store *self, rocksdb_iterator_t *at, struct byok_str prefix,
                          byok_store_each each, void *arg, struct byok_fault *fault)
{
    for (bool more = true; more && rocksdb_iter_valid(at); rocksdb_iter_next(at)) {
        struct byok_str key, value;
        key.ptr = rocksdb_iter_key(at, &key.len);
        if (!byok_str_starts(key, prefix))
            break;
        key.ptr += BYOK_STORE_PREFIX_BYTES;
        key.len -= BYOK_STORE_PREFIX_BYTES;
        value.ptr = rocksdb_iter_value(at, &value.len);
        more = each(arg, key, value);
    }
    char *error = NULL;
    rocksdb_iter_get_error(at, &error);
    return error ? byok_rocks_fault(self->rocks, "cannot read", error, fault) : BYOK_E_OK;
}

static enum byok_err scan(struct byok_store *store, int32_t partition, struct byok_str prefix,
                          byok_store_each each, void *arg, struct byok_fault *fault)
{
    struct store *self = self_of(store);
    struct full_key from;
    if (!full_key_init(&from, partition, prefix))
        return no_memory(fault);
    rocksdb_iterator_t *at =
        rocksdb_create_iterator_cf(self->table.db, self->table.read, self->table.family);
    rocksdb_iter_seek(at, from.bytes, from.len);
    enum byok_err err = walk(self, at, (struct byok_str){from.bytes, from.len}, each, arg, fault);
    rocksdb_iter_destroy(at);
    full_key_done(&from);
    return err;
}

static enum byok_err scan_after(struct byok_store *store, int32_t partition, struct byok_str after,
                                byok_store_each each, void *arg, struct byok_fault *fault)
{
    struct store *self = self_of(store);
    struct byok_store_prefix prefix = byok_store_prefix(partition, BYOK_STORE_ENTRY);
    struct full_key from;
    if (!full_key_init(&from, partition, after))
        return no_memory(fault);
    rocksdb_iterator_t *at =
        rocksdb_create_iterator_cf(self->table.db, self->table.read, self->table.family);
    rocksdb_iter_seek(at, from.bytes, from.len);
    size_t len = 0;
    const char *first = rocksdb_iter_valid(at) ? rocksdb_iter_key(at, &len) : NULL;
    if (after.ptr && first && len == from.len && memcmp(first, from.bytes, len) == 0)
        rocksdb_iter_next(at);
    enum byok_err err =
        walk(self, at, (struct byok_str){prefix.bytes, sizeof prefix.bytes}, each, arg, fault);
    rocksdb_iter_destroy(at);
    full_key_done(&from);
    return err;
}

static enum byok_err drop(struct byok_store *store, int32_t partition, struct byok_fault *fault)
{
    struct store *self = self_of(store);
    struct byok_store_prefix from = byok_store_prefix(partition, BYOK_STORE_POSITION);
    struct byok_store_prefix to = byok_store_prefix(partition, BYOK_STORE_END);
    rocksdb_writebatch_t *batch = rocksdb_writebatch_create();
    rocksdb_writebatch_delete_range_cf(batch, self->table.family, from.bytes, sizeof from.bytes,
                                       to.bytes, sizeof to.bytes);
    return write_batch(self, batch, fault);
}

static enum byok_err sync_log(struct byok_store *store, struct byok_fault *fault)
{
    struct store *self = self_of(store);
    char *error = NULL;
    enum byok_err err = byok_rocks_may_write(self->rocks, fault);
    if (!err)
        rocksdb_flush_wal(self->table.db, 1, &error);
    return error ? byok_rocks_write_fault(self->rocks, "cannot sync", error, fault) : err;
}

static enum byok_err next_partition(struct byok_store *store, int64_t from, int64_t *out,
                                    struct byok_fault *fault)
{
    struct store *self = self_of(store);
    *out = BYOK_STORE_NO_PARTITION;
    if (from > INT32_MAX)
        return BYOK_E_OK;
    struct byok_store_prefix prefix =
        byok_store_prefix((int32_t)(from < INT32_MIN ? INT32_MIN : from), BYOK_STORE_POSITION);
    rocksdb_iterator_t *at =
        rocksdb_create_iterator_cf(self->table.db, self->table.read, self->table.family);
    rocksdb_iter_seek(at, prefix.bytes, sizeof prefix.bytes);
    size_t len = 0;
    const char *key = rocksdb_iter_valid(at) ? rocksdb_iter_key(at, &len) : NULL;
    if (key && len >= BYOK_STORE_PREFIX_BYTES)
        *out = byok_store_partition(key);
    char *error = NULL;
    rocksdb_iter_get_error(at, &error);
    rocksdb_iter_destroy(at);
    return error ? byok_rocks_fault(self->rocks, "cannot read", error, fault) : BYOK_E_OK;
}

static void free_store(struct byok_store *store)
{
    struct store *self = self_of(store);
    byok_rocks_close(self->own);
    byok_delete(self);
}

static const struct byok_store_ops ops = {
    .name = "rocks",
    .get = get,
    .apply = apply,
    .position = position,
    .scan = scan,
    .scan_after = scan_after,
    .drop = drop,
    .sync = sync_log,
    .next = next_partition,
    .free = free_store,
};

struct byok_store *byok_store_rocks_new(struct byok_rocks *rocks, const char *table)
{
    struct store *self = byok_new(1, sizeof *self);
    if (!self)
        return NULL;
    self->base.ops = &ops;
    self->rocks = rocks;
    bool known = byok_rocks_table(rocks, table, &self->table);
    assert(known); /* a table's name is a literal of this program */
    return &self->base;
}

/* The part of a URL behind "rocks:". */
static const char *folder_of(const char *url)
{
    struct byok_str text = byok_str_of(url);
    return byok_str_starts(text, byok_str_of("rocks:")) ? url + strlen("rocks:") : url;
}

static enum byok_err open_store(const struct byok_store_place *place, struct byok_store **out,
                                struct byok_fault *fault)
{
    struct byok_rocks *own = NULL;
    if (!place->rocks) {
        if (!place->url || folder_of(place->url)[0] == '\0')
            return byok_fault_set(fault, BYOK_E_CONFIG, "rocks needs a folder: rocks:/folder");
        enum byok_err err = byok_rocks_open(folder_of(place->url), &own, fault);
        if (err != BYOK_E_OK)
            return err;
    }
    *out = byok_store_rocks_new(own ? own : place->rocks, place->table);
    if (*out) {
        self_of(*out)->own = own;
        return BYOK_E_OK;
    }
    byok_rocks_close(own);
    return no_memory(fault);
}

const struct byok_store_kind byok_store_kind_rocks = {.ops = &ops, .open = open_store};
