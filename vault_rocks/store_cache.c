/* SPDX-License-Identifier: MIT */
/* vault_rocks/store_cache.c - see vault_rocks/store_cache.h.
 *
 * One hash table in the order of use: the first is the one that was not used for the longest time.
 */
#include "vault_rocks/store_cache.h"

#include <string.h>

#include <uthash.h>

#include "base/mem.h"
#include "vault_rocks/server.h"

struct entry {
    UT_hash_handle hh;
    int64_t until_us;
    struct place *place;
    uint64_t epoch; /* of the place when it was read */
    size_t key_len, value_len;
    char bytes[]; /* partition, key; then the value */
};

/* A partition: an entry of another epoch is void. */
struct place {
    UT_hash_handle hh;
    int32_t partition;
    uint64_t epoch;
    int64_t position; /* where this cache last saw it; -1 */
};

struct store {
    struct byok_store base;
    struct byok_store *inner;
    struct byok_cache_bounds bounds;
    pthread_mutex_t lock; /* guards all below; never held during a call of `inner` */
    struct entry *entries;
    struct place *places;
    uint64_t hits, misses;
};

/* Partition and key in one piece, with a bound on the stack. */
struct full_key {
    size_t len;
    char bytes[sizeof(int32_t) + BYOK_STORE_KEY_MAX];
};

static struct store *self_of(struct byok_store *store)
{
    return (struct store *)store;
}

static bool join(struct full_key *out, int32_t partition, struct byok_str key)
{
    if (key.len > BYOK_STORE_KEY_MAX)
        return false;
    memcpy(out->bytes, &partition, sizeof partition);
    if (key.len > 0)
        memcpy(out->bytes + sizeof partition, key.ptr, key.len);
    out->len = sizeof partition + key.len;
    return true;
}

static void remove_entry(struct store *self, struct entry *entry)
{
    HASH_DEL(self->entries, entry);
    byok_delete(entry);
}

/* Locked.  NULL: no memory, then nothing of the partition is kept. */
static struct place *place_of(struct store *self, int32_t partition)
{
    struct place *place;
    HASH_FIND(hh, self->places, &partition, sizeof partition, place);
    if (place)
        return place;
    place = byok_new(1, sizeof *place);
    if (!place)
        return NULL;
    place->partition = partition;
    place->position = -1;
    HASH_ADD(hh, self->places, partition, sizeof place->partition, place);
    return place;
}

/* Locked.  The entry, now the one that was used last; NULL: there is none that is good. */
static struct entry *find(struct store *self, const struct full_key *key)
{
    struct entry *entry;
    HASH_FIND(hh, self->entries, key->bytes, key->len, entry);
    if (!entry)
        return NULL;
    if (entry->epoch != entry->place->epoch || entry->until_us <= byok_server_now_us()) {
        remove_entry(self, entry);
        return NULL;
    }
    HASH_DEL(self->entries, entry);
    HASH_ADD_KEYPTR(hh, self->entries, entry->bytes, entry->key_len, entry);
    return entry;
}

static void keep(struct store *self, const struct full_key *key, uint64_t epoch,
                 struct place *place, struct byok_str value)
{
    struct entry *entry = byok_new(1, sizeof *entry + key->len + value.len), *old;
    if (!entry)
        return;
    entry->until_us = byok_server_now_us() + self->bounds.age_us;
    entry->place = place;
    entry->epoch = epoch;
    entry->key_len = key->len;
    entry->value_len = value.len;
    memcpy(entry->bytes, key->bytes, key->len);
    if (value.len > 0)
        memcpy(entry->bytes + key->len, value.ptr, value.len);
    pthread_mutex_lock(&self->lock);
    HASH_FIND(hh, self->entries, key->bytes, key->len, old);
    if (old)
        remove_entry(self, old);
    HASH_ADD_KEYPTR(hh, self->entries, entry->bytes, entry->key_len, entry);
    while (HASH_COUNT(self->entries) > self->bounds.records)
        remove_entry(self, self->entries);
    pthread_mutex_unlock(&self->lock);
}

static enum byok_err get(struct byok_store *store, int32_t partition, struct byok_str key,
                         struct byok_arena *arena, struct byok_str *out, struct byok_fault *fault)
{
    struct store *self = self_of(store);
    struct full_key full;
    if (!join(&full, partition, key))
        return self->inner->ops->get(self->inner, partition, key, arena, out, fault);
    pthread_mutex_lock(&self->lock);
    struct place *place = place_of(self, partition);
    uint64_t epoch = place ? place->epoch : 0; /* what is written meanwhile voids what is read */
    struct entry *entry = find(self, &full);
    struct byok_str value = {NULL, 0};
    if (entry)
        value = byok_arena_copy(arena,
                                (struct byok_str){entry->bytes + entry->key_len, entry->value_len});
    *(entry ? &self->hits : &self->misses) += 1;
    pthread_mutex_unlock(&self->lock);
    if (entry && !value.ptr)
        return byok_fault_set(fault, BYOK_E_NOMEM, "no memory for a sealed key");
    if (entry) {
        *out = value;
        return BYOK_E_OK;
    }
    enum byok_err err = self->inner->ops->get(self->inner, partition, key, arena, out, fault);
    if (err == BYOK_E_OK && out->ptr && place)
        keep(self, &full, epoch, place, *out);
    return err;
}

/* Locked: of this partition nothing is good any more. */
static void forget(struct place *place, int64_t position)
{
    place->epoch++;
    place->position = position;
}

/* When it failed it may have been carried out, or not: then nothing is known of what it wrote, and
 * the next one tells where the partition is.  The rest serves on through an outage. */
static enum byok_err apply(struct byok_store *store, int32_t partition,
                           const struct byok_write *writes, size_t count, int64_t position,
                           struct byok_fault *fault)
{
    struct store *self = self_of(store);
    enum byok_err err =
        self->inner->ops->apply(self->inner, partition, writes, count, position, fault);
    pthread_mutex_lock(&self->lock);
    struct place *place = place_of(self, partition);
    /* nobody else has written since it was seen */
    bool alone = err != BYOK_E_OK || (place && place->position >= 0);
    for (size_t i = 0; i < count && alone; i++) {
        struct full_key full;
        struct entry *entry = NULL;
        if (join(&full, partition, writes[i].key))
            HASH_FIND(hh, self->entries, full.bytes, full.len, entry);
        if (entry)
            remove_entry(self, entry);
    }
    if (place && !alone)
        forget(place, position);
    else if (place && err != BYOK_E_OK)
        place->position = -1;
    else if (place && position > place->position)
        place->position = position;
    pthread_mutex_unlock(&self->lock);
    return err;
}

static enum byok_err position(struct byok_store *store, int32_t partition, int64_t *out,
                              struct byok_fault *fault)
{
    struct store *self = self_of(store);
    enum byok_err err = self->inner->ops->position(self->inner, partition, out, fault);
    pthread_mutex_lock(&self->lock);
    struct place *place = place_of(self, partition);
    if (place && (err != BYOK_E_OK || *out != place->position))
        forget(place, err == BYOK_E_OK ? *out : -1);
    pthread_mutex_unlock(&self->lock);
    return err;
}

static enum byok_err scan(struct byok_store *store, int32_t partition, struct byok_str prefix,
                          byok_store_each each, void *arg, struct byok_fault *fault)
{
    struct byok_store *inner = self_of(store)->inner;
    return inner->ops->scan(inner, partition, prefix, each, arg, fault);
}

static enum byok_err scan_after(struct byok_store *store, int32_t partition, struct byok_str after,
                                byok_store_each each, void *arg, struct byok_fault *fault)
{
    struct byok_store *inner = self_of(store)->inner;
    return inner->ops->scan_after(inner, partition, after, each, arg, fault);
}

static enum byok_err drop(struct byok_store *store, int32_t partition, struct byok_fault *fault)
{
    struct store *self = self_of(store);
    enum byok_err err = self->inner->ops->drop(self->inner, partition, fault);
    pthread_mutex_lock(&self->lock);
    struct place *place = place_of(self, partition);
    if (place)
        forget(place, -1);
    pthread_mutex_unlock(&self->lock);
    return err;
}

static enum byok_err sync_inner(struct byok_store *store, struct byok_fault *fault)
{
    struct byok_store *inner = self_of(store)->inner;
    return inner->ops->sync(inner, fault);
}

static enum byok_err next_partition(struct byok_store *store, int64_t from, int64_t *out,
                                    struct byok_fault *fault)
{
    struct byok_store *inner = self_of(store)->inner;
    return inner->ops->next(inner, from, out, fault);
}

static void uses(struct byok_store *store, uint64_t *hits, uint64_t *misses)
{
    struct store *self = self_of(store);
    pthread_mutex_lock(&self->lock);
    *hits = self->hits;
    *misses = self->misses;
    pthread_mutex_unlock(&self->lock);
}

static void free_store(struct byok_store *store)
{
    struct store *self = self_of(store);
    while (self->entries)
        remove_entry(self, self->entries);
    struct place *place, *next;
    HASH_ITER(hh, self->places, place, next) {
        HASH_DEL(self->places, place);
        byok_delete(place);
    }
    self->inner->ops->free(self->inner);
    pthread_mutex_destroy(&self->lock);
    byok_delete(self);
}

static const struct byok_store_ops ops = {
    .name = "cache",
    .shared = true,
    .get = get,
    .apply = apply,
    .position = position,
    .scan = scan,
    .scan_after = scan_after,
    .drop = drop,
    .sync = sync_inner,
    .next = next_partition,
    .uses = uses,
    .free = free_store,
};

struct byok_store *byok_store_cache_new(struct byok_store *inner, struct byok_cache_bounds bounds)
{
    struct store *self = byok_new(1, sizeof *self);
    if (!self) {
        inner->ops->free(inner);
        return NULL;
    }
    self->base.ops = &ops;
    self->inner = inner;
    self->bounds = bounds;
    pthread_mutex_init(&self->lock, NULL);
    return &self->base;
}
