/* SPDX-License-Identifier: MIT */
/* vault_rocks/store_memory.c - a store in memory: one skip list over all partitions.
 *
 * Ordered by the same keys as RocksDB (store_key.h), so both give the same scans.  A lock guards
 * all; it is never held while a caller's function runs.
 */
#include "vault_rocks/store.h"

#include <assert.h>
#include <string.h>

#include <pthread.h>

#include "base/mem.h"
#include "vault_rocks/store_key.h"
#include "vault_rocks/store_kinds.h"

#define LEVELS 16 /* of a node in four the next: good for 4^16 entries */

struct node {
    size_t key_len, value_len;
    unsigned levels;
    char *bytes; /* key, then value; behind the links, in the same block */
    struct node *next[];
};

struct store {
    struct byok_store base;
    pthread_mutex_t lock; /* guards all below */
    struct node *head[LEVELS];
    uint64_t dice; /* for the nodes' levels; nothing depends on its quality */
};

/* Where a key is or would be: the link to it on each level. */
struct place {
    struct node **links[LEVELS];
};

static struct store *self_of(struct byok_store *store)
{
    return (struct store *)store;
}

static enum byok_err no_memory(struct byok_fault *fault)
{
    return byok_fault_set(fault, BYOK_E_NOMEM, "no memory for an entry of the state in memory");
}

static unsigned roll(struct store *self)
{
    self->dice ^= self->dice << 13;
    self->dice ^= self->dice >> 7;
    self->dice ^= self->dice << 17;
    unsigned levels = 1;
    for (uint64_t bits = self->dice; levels < LEVELS && (bits & 3) == 0; bits >>= 2)
        levels++;
    return levels;
}

static struct node *new_node(struct store *self, const struct byok_store_prefix *prefix,
                             struct byok_str key, struct byok_str value)
{
    unsigned levels = roll(self);
    size_t links = levels * sizeof(struct node *);
    size_t key_len = sizeof prefix->bytes + key.len;
    struct node *node = byok_new(1, sizeof *node + links + key_len + value.len);
    if (!node)
        return NULL;
    node->levels = levels;
    node->bytes = (char *)node->next + links;
    node->key_len = key_len;
    node->value_len = value.len;
    memcpy(node->bytes, prefix->bytes, sizeof prefix->bytes);
    if (key.len > 0)
        memcpy(node->bytes + sizeof prefix->bytes, key.ptr, key.len);
    if (value.len > 0)
        memcpy(node->bytes + key_len, value.ptr, value.len);
    return node;
}

static struct byok_str key_of(const struct node *node)
{
    return (struct byok_str){node->bytes, node->key_len};
}

/* A key in two pieces, `prefix` then `rest`, against a node's. */
static int compare(const struct node *node, const struct byok_store_prefix *prefix,
                   struct byok_str rest)
{
    int order = memcmp(node->bytes, prefix->bytes, sizeof prefix->bytes);
    if (order != 0)
        return order;
    return byok_str_compare(
        (struct byok_str){node->bytes + sizeof prefix->bytes, node->key_len - sizeof prefix->bytes},
        rest);
}

/* The first node that is not before the key, and the links that lead there. */
static struct node *seek(struct store *self, const struct byok_store_prefix *prefix,
                         struct byok_str rest, struct place *place)
{
    struct node **links = self->head;
    for (unsigned level = LEVELS; level-- > 0;) {
        while (links[level] && compare(links[level], prefix, rest) < 0)
            links = links[level]->next;
        if (place)
            place->links[level] = &links[level];
        if (level == 0)
            return links[0];
    }
    return NULL;
}

static void unlink_at(struct place *place, struct node *node)
{
    for (unsigned level = 0; level < node->levels; level++)
        *place->links[level] = node->next[level];
    byok_delete(node);
}

static void erase(struct store *self, const struct byok_store_prefix *prefix, struct byok_str key)
{
    struct place place;
    struct node *node = seek(self, prefix, key, &place);
    if (node && compare(node, prefix, key) == 0)
        unlink_at(&place, node);
}

static void insert(struct store *self, struct node *fresh)
{
    struct byok_store_prefix prefix;
    memcpy(prefix.bytes, fresh->bytes, sizeof prefix.bytes);
    struct byok_str rest = {fresh->bytes + sizeof prefix.bytes,
                            fresh->key_len - sizeof prefix.bytes};
    erase(self, &prefix, rest);
    struct place place;
    seek(self, &prefix, rest, &place);
    for (unsigned level = 0; level < fresh->levels; level++) {
        fresh->next[level] = *place.links[level];
        *place.links[level] = fresh;
    }
}

static enum byok_err get(struct byok_store *store, int32_t partition, struct byok_str key,
                         struct byok_arena *arena, struct byok_str *out, struct byok_fault *fault)
{
    struct store *self = self_of(store);
    struct byok_store_prefix prefix = byok_store_prefix(partition, BYOK_STORE_ENTRY);
    struct byok_str value = {NULL, 0};
    pthread_mutex_lock(&self->lock);
    const struct node *node = seek(self, &prefix, key, NULL);
    bool found = node && compare(node, &prefix, key) == 0;
    if (found)
        value =
            byok_arena_copy(arena, (struct byok_str){node->bytes + node->key_len, node->value_len});
    pthread_mutex_unlock(&self->lock);
    if (found && !value.ptr)
        return no_memory(fault);
    *out = value;
    return BYOK_E_OK;
}

/* All that needs memory is made before the first change, so that the changes cannot fail. */
struct batch {
    struct node **nodes; /* NULL where a write erases; the position's is the last */
    size_t count;
};

static void batch_done(struct batch *batch)
{
    for (size_t i = 0; batch->nodes && i < batch->count; i++)
        byok_delete(batch->nodes[i]);
    byok_delete(batch->nodes);
}

static bool prepare(struct store *self, struct batch *batch, int32_t partition,
                    const struct byok_write *writes, int64_t position)
{
    size_t count = batch->count - 1;
    struct byok_store_prefix prefix = byok_store_prefix(partition, BYOK_STORE_ENTRY);
    for (size_t i = 0; i < count; i++) {
        if (writes[i].erase)
            continue;
        batch->nodes[i] = new_node(self, &prefix, writes[i].key, writes[i].value);
        if (!batch->nodes[i])
            return false;
    }
    if (position < 0)
        return true;
    char value[8];
    byok_store_put_position(position, value);
    prefix = byok_store_prefix(partition, BYOK_STORE_POSITION);
    batch->nodes[count] =
        new_node(self, &prefix, (struct byok_str){NULL, 0}, (struct byok_str){value, sizeof value});
    return batch->nodes[count] != NULL;
}

static enum byok_err apply(struct byok_store *store, int32_t partition,
                           const struct byok_write *writes, size_t count, int64_t position,
                           struct byok_fault *fault)
{
    struct store *self = self_of(store);
    struct byok_store_prefix prefix = byok_store_prefix(partition, BYOK_STORE_ENTRY);
    BYOK_AUTO(batch) batch = {byok_new(count + 1, sizeof(struct node *)), count + 1};
    if (!batch.nodes)
        return no_memory(fault);
    pthread_mutex_lock(&self->lock);
    bool ok = prepare(self, &batch, partition, writes, position);
    for (size_t i = 0; ok && i < batch.count; i++) {
        if (batch.nodes[i])
            insert(self, batch.nodes[i]);
        else if (i < count)
            erase(self, &prefix, writes[i].key);
        batch.nodes[i] = NULL; /* the list's now */
    }
    pthread_mutex_unlock(&self->lock);
    return ok ? BYOK_E_OK : no_memory(fault);
}

static enum byok_err position(struct byok_store *store, int32_t partition, int64_t *out,
                              struct byok_fault *fault)
{
    (void)fault;
    struct store *self = self_of(store);
    struct byok_store_prefix prefix = byok_store_prefix(partition, BYOK_STORE_POSITION);
    struct byok_str none = {"", 0};
    pthread_mutex_lock(&self->lock);
    const struct node *node = seek(self, &prefix, none, NULL);
    bool found = node && compare(node, &prefix, none) == 0;
    *out = found ? byok_store_get_position(node->bytes + node->key_len) : -1;
    pthread_mutex_unlock(&self->lock);
    return BYOK_E_OK;
}

/* A copy of the first entry at or after `from` that begins with `prefix`; NULL: there is none, or
 * no memory for it (`*failed`). */
static struct node *copy_next(struct store *self, const struct byok_store_prefix *partition,
                              struct byok_str from, struct byok_str prefix, bool *failed)
{
    pthread_mutex_lock(&self->lock);
    const struct node *node = seek(self, partition, from, NULL);
    struct node *copy = NULL;
    if (node && memcmp(node->bytes, partition->bytes, sizeof partition->bytes) == 0) {
        struct byok_str key = key_of(node);
        key.ptr += sizeof partition->bytes;
        key.len -= sizeof partition->bytes;
        if (byok_str_starts(key, prefix)) {
            /* the key is followed by a NUL in the copy: that is the next key to seek from */
            size_t bytes = node->key_len + 1 + node->value_len;
            copy = byok_new(1, sizeof *copy + bytes);
            *failed = !copy;
        }
        if (copy) {
            copy->key_len = node->key_len;
            copy->value_len = node->value_len;
            copy->bytes = (char *)copy->next;
            memcpy(copy->bytes, node->bytes, node->key_len);
            memcpy(copy->bytes + node->key_len + 1, node->bytes + node->key_len, node->value_len);
        }
    }
    pthread_mutex_unlock(&self->lock);
    return copy;
}

/* What a walk calls. */
struct visit {
    byok_store_each each;
    void *arg;
};

/* The entries from `from` on that begin with `prefix`. */
static enum byok_err walk(struct store *self, const struct byok_store_prefix *place,
                          struct byok_str from, struct byok_str prefix, const struct visit *visit,
                          struct byok_fault *fault)
{
    struct node *last = NULL;
    bool more = true, failed = false;
    while (more) {
        struct node *entry = copy_next(self, place, from, prefix, &failed);
        byok_delete(last);
        last = entry;
        if (!entry)
            break;
        struct byok_str key = {entry->bytes + sizeof place->bytes,
                               entry->key_len - sizeof place->bytes};
        struct byok_str value = {entry->bytes + entry->key_len + 1, entry->value_len};
        more = visit->each(visit->arg, key, value);
        from = (struct byok_str){key.ptr, key.len + 1};
    }
    byok_delete(last);
    return failed ? no_memory(fault) : BYOK_E_OK;
}

static enum byok_err scan(struct byok_store *store, int32_t partition, struct byok_str prefix,
                          byok_store_each each, void *arg, struct byok_fault *fault)
{
    const struct byok_store_prefix place = byok_store_prefix(partition, BYOK_STORE_ENTRY);
    return walk(self_of(store), &place, prefix, prefix, &(struct visit){each, arg}, fault);
}

static enum byok_err scan_after(struct byok_store *store, int32_t partition, struct byok_str after,
                                byok_store_each each, void *arg, struct byok_fault *fault)
{
    const struct byok_store_prefix place = byok_store_prefix(partition, BYOK_STORE_ENTRY);
    const struct byok_str any = {"", 0};
    if (!after.ptr)
        return walk(self_of(store), &place, any, any, &(struct visit){each, arg}, fault);
    char *next = byok_new(1, after.len + 1); /* the key with a NUL behind it: the first after it */
    if (!next)
        return no_memory(fault);
    if (after.len > 0)
        memcpy(next, after.ptr, after.len);
    enum byok_err err = walk(self_of(store), &place, (struct byok_str){next, after.len + 1}, any,
                             &(struct visit){each, arg}, fault);
    byok_delete(next);
    return err;
}

static enum byok_err drop(struct byok_store *store, int32_t partition, struct byok_fault *fault)
{
    (void)fault;
    struct store *self = self_of(store);
    struct byok_store_prefix from = byok_store_prefix(partition, BYOK_STORE_POSITION);
    struct byok_str none = {"", 0};
    struct place place;
    struct node *node;
    pthread_mutex_lock(&self->lock);
    while ((node = seek(self, &from, none, &place)) != NULL &&
           memcmp(node->bytes, from.bytes, sizeof from.bytes - 1) == 0)
        unlink_at(&place, node);
    pthread_mutex_unlock(&self->lock);
    return BYOK_E_OK;
}

static enum byok_err sync_nothing(struct byok_store *store, struct byok_fault *fault)
{
    (void)store;
    (void)fault;
    return BYOK_E_OK; /* memory survives no power failure; the changelog does */
}

static enum byok_err next_partition(struct byok_store *store, int64_t from, int64_t *out,
                                    struct byok_fault *fault)
{
    (void)fault;
    struct store *self = self_of(store);
    *out = BYOK_STORE_NO_PARTITION;
    if (from > INT32_MAX)
        return BYOK_E_OK;
    struct byok_store_prefix prefix =
        byok_store_prefix((int32_t)(from < INT32_MIN ? INT32_MIN : from), BYOK_STORE_POSITION);
    pthread_mutex_lock(&self->lock);
    const struct node *node = seek(self, &prefix, (struct byok_str){"", 0}, NULL);
    if (node)
        *out = byok_store_partition(node->bytes);
    pthread_mutex_unlock(&self->lock);
    return BYOK_E_OK;
}

static void free_store(struct byok_store *store)
{
    struct store *self = self_of(store);
    struct node *node = self->head[0];
    while (node) {
        struct node *next = node->next[0];
        byok_delete(node);
        node = next;
    }
    pthread_mutex_destroy(&self->lock);
    byok_delete(self);
}

static const struct byok_store_ops ops = {
    .name = "memory",
    .get = get,
    .apply = apply,
    .position = position,
    .scan = scan,
    .scan_after = scan_after,
    .drop = drop,
    .sync = sync_nothing,
    .next = next_partition,
    .free = free_store,
};

struct byok_store *byok_store_memory_new(void)
{
    struct store *self = byok_new(1, sizeof *self);
    if (!self)
        return NULL;
    self->base.ops = &ops;
    self->dice = 0x9E3779B97F4A7C15u;
    pthread_mutex_init(&self->lock, NULL);
    return &self->base;
}

static enum byok_err open_store(const struct byok_store_place *place, struct byok_store **out,
                                struct byok_fault *fault)
{
    (void)place;
    *out = byok_store_memory_new();
    return *out ? BYOK_E_OK : no_memory(fault);
}

const struct byok_store_kind byok_store_kind_memory = {.ops = &ops, .open = open_store};
