/* SPDX-License-Identifier: MIT */
/* tests/sim/sim_store.c - see tests/sim/sim_store.h. */
#include "tests/sim/sim_store.h"

#include <stdlib.h>

#include "base/mem.h"
#include "tests/sim/sim_fault.h"

static struct sim_store *self_of(struct byok_store *store)
{
    return (struct sim_store *)store;
}

static enum byok_err broken(struct byok_store *store, struct byok_fault *fault)
{
    self_of(store)->failed++;
    return byok_fault_set(fault, BYOK_E_STORE, "No space left on device");
}

static enum byok_err get(struct byok_store *store, int32_t partition, struct byok_str key,
                         struct byok_arena *arena, struct byok_str *out, struct byok_fault *fault)
{
    struct byok_store *inner = self_of(store)->inner;
    return self_of(store)->reads_fail ? broken(store, fault)
                                      : inner->ops->get(inner, partition, key, arena, out, fault);
}

static enum byok_err apply(struct byok_store *store, int32_t partition,
                           const struct byok_write *writes, size_t count, int64_t position,
                           struct byok_fault *fault)
{
    struct byok_store *inner = self_of(store)->inner;
    return self_of(store)->writes_fail
               ? broken(store, fault)
               : inner->ops->apply(inner, partition, writes, count, position, fault);
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
    struct byok_store *inner = self_of(store)->inner;
    return self_of(store)->writes_fail ? broken(store, fault)
                                       : inner->ops->drop(inner, partition, fault);
}

static enum byok_err sync_all(struct byok_store *store, struct byok_fault *fault)
{
    struct byok_store *inner = self_of(store)->inner;
    return inner->ops->sync(inner, fault);
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

struct sim_store *sim_store_new(void)
{
    struct sim_store *store = sim_new(1, sizeof *store);
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
    byok_delete(store);
}
