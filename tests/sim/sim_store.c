/* SPDX-License-Identifier: MIT */
/* tests/sim/sim_store.c - see tests/sim/sim_store.h. */
#include "tests/sim/sim_store.h"

#include <stdlib.h>

#include "base/mem.h"
#include "tests/sim/world.h"

/* A write, kept so that the table can be made again without the last ones. */
struct sim_write {
    struct sim_write *next;
    int32_t partition;
    bool drops; /* forgets the partition */
    int64_t position;
    size_t count;
    struct byok_write *writes;
    struct byok_arena arena;
};

static struct sim_store *self_of(struct byok_store *store)
{
    return (struct sim_store *)store;
}

static enum byok_err broken(struct byok_store *store, struct byok_fault *fault)
{
    self_of(store)->failed++;
    return byok_fault_set(fault, BYOK_E_STORE, "No space left on device");
}

static bool slips(struct byok_store *store)
{
    struct sim_store *self = self_of(store);
    bool now = sim_chance(&self->world->clock, self->error_chance);
    if (now)
        sim_note(self->world, SIM_FAULT_DISK_ERROR);
    return now;
}

static struct byok_str copy_of(struct byok_arena *arena, struct byok_str bytes)
{
    return bytes.ptr ? byok_arena_copy(arena, bytes) : bytes;
}

static void remember(struct sim_store *self, int32_t partition, const struct byok_write *writes,
                     size_t count, int64_t position)
{
    sim_fault_hold();
    struct sim_write *write = sim_new(1, sizeof *write);
    write->partition = partition;
    write->drops = !writes;
    write->position = position;
    write->count = count;
    write->writes = sim_new(count + 1, sizeof *writes);
    for (size_t i = 0; i < count; i++)
        write->writes[i] =
            (struct byok_write){copy_of(&write->arena, writes[i].key),
                                copy_of(&write->arena, writes[i].value), writes[i].erase};
    if (self->last)
        self->last->next = write;
    else
        self->first = write;
    self->last = write;
    self->writes++;
    sim_fault_release();
}

static void free_writes(struct sim_write *write)
{
    while (write) {
        struct sim_write *gone = write;
        write = gone->next;
        byok_arena_done(&gone->arena);
        byok_delete(gone->writes);
        byok_delete(gone);
    }
}

static enum byok_err get(struct byok_store *store, int32_t partition, struct byok_str key,
                         struct byok_arena *arena, struct byok_str *out, struct byok_fault *fault)
{
    struct byok_store *inner = self_of(store)->inner;
    return self_of(store)->reads_fail || slips(store)
               ? broken(store, fault)
               : inner->ops->get(inner, partition, key, arena, out, fault);
}

static enum byok_err apply(struct byok_store *store, int32_t partition,
                           const struct byok_write *writes, size_t count, int64_t position,
                           struct byok_fault *fault)
{
    struct sim_store *self = self_of(store);
    bool fails = slips(store);
    if (self->writes_fail || (fails && sim_chance(&self->world->clock, 500)))
        return broken(store, fault);
    enum byok_err err =
        self->inner->ops->apply(self->inner, partition, writes, count, position, fault);
    if (err != BYOK_E_OK)
        return err;
    remember(self, partition, writes, count, position);
    if (!fails)
        return BYOK_E_OK;
    sim_note(self->world, SIM_FAULT_DISK_UNSURE);
    return broken(store, fault);
}

static enum byok_err position(struct byok_store *store, int32_t partition, int64_t *out,
                              struct byok_fault *fault)
{
    struct byok_store *inner = self_of(store)->inner;
    return self_of(store)->reads_fail ? broken(store, fault)
                                      : inner->ops->position(inner, partition, out, fault);
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
    return self_of(store)->reads_fail
               ? broken(store, fault)
               : inner->ops->scan_after(inner, partition, after, each, arg, fault);
}

static enum byok_err drop(struct byok_store *store, int32_t partition, struct byok_fault *fault)
{
    struct sim_store *self = self_of(store);
    if (self->writes_fail || slips(store))
        return broken(store, fault);
    enum byok_err err = self->inner->ops->drop(self->inner, partition, fault);
    if (err == BYOK_E_OK)
        remember(self, partition, NULL, 0, -1);
    return err;
}

static enum byok_err sync_all(struct byok_store *store, struct byok_fault *fault)
{
    struct sim_store *self = self_of(store);
    if (self->writes_fail || slips(store))
        return broken(store, fault);
    self->synced = self->writes;
    return self->inner->ops->sync(self->inner, fault);
}

static void free_store(struct byok_store *store)
{
    sim_store_free(self_of(store));
}

static const struct byok_store_ops ops = {
    .name = "sim",
    .get = get,
    .apply = apply,
    .position = position,
    .scan = scan,
    .scan_after = scan_after,
    .drop = drop,
    .sync = sync_all,
    .free = free_store,
};

struct sim_store *sim_store_new(struct sim_world *world)
{
    struct sim_store *store = sim_new(1, sizeof *store);
    store->world = world;
    store->store.ops = &ops;
    store->inner = byok_store_memory_new();
    if (!store->inner)
        abort();
    return store;
}

void sim_store_free(struct sim_store *store)
{
    if (!store)
        return;
    store->inner->ops->free(store->inner);
    free_writes(store->first);
    byok_delete(store);
}

/* The first `count` writes into an empty table. */
static void replay(struct sim_store *store, size_t count)
{
    struct byok_store *inner = byok_store_memory_new();
    struct sim_write *write = store->first, *last = NULL;
    if (!inner)
        abort();
    for (size_t i = 0; i < count; i++, last = write, write = write->next) {
        enum byok_err err = write->drops ? inner->ops->drop(inner, write->partition, NULL)
                                         : inner->ops->apply(inner, write->partition, write->writes,
                                                             write->count, write->position, NULL);
        if (err != BYOK_E_OK)
            abort();
    }
    free_writes(write);
    if (last)
        last->next = NULL;
    else
        store->first = NULL;
    store->last = last;
    store->writes = count;
    store->inner->ops->free(store->inner);
    store->inner = inner;
}

void sim_store_tear(struct sim_store *store, size_t most)
{
    size_t loose = store->writes - store->synced;
    size_t gone = (size_t)sim_below(&store->world->clock, most + 1);
    if (gone > loose)
        gone = loose;
    if (gone > 0)
        replay(store, store->writes - gone);
}
