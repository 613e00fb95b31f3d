/* SPDX-License-Identifier: MIT */
/* tests/unit/vault_rocks/test_store_cache.c - what is kept, for how long, and what takes it out. */
#include "kit.h"

#include "vault_rocks/store_cache.h"

#define MINUTE_US ((int64_t)60 * 1000000)

static struct byok_store *inner, *store; /* the cache's from the beginning */
static struct byok_arena arena;

static void open_with(size_t records, int64_t age_us)
{
    byok_arena_init(&arena, 0);
    inner = byok_store_memory_new();
    store = byok_store_cache_new(inner, (struct byok_cache_bounds){records, age_us});
    cr_assert_not_null(store);
}

static void close_all(void)
{
    store->ops->free(store);
    byok_arena_done(&arena);
}

static void put(struct byok_store *where, const char *key, const char *value, int64_t position)
{
    const struct byok_write write = {
        .key = byok_str_of(key), .value = byok_str_of(value ? value : ""), .erase = !value};
    cr_assert_eq(where->ops->apply(where, 1, &write, 1, position, NULL), BYOK_E_OK);
}

static bool has(const char *key, const char *value)
{
    struct byok_str out;
    cr_assert_eq(store->ops->get(store, 1, byok_str_of(key), &arena, &out, NULL), BYOK_E_OK);
    return value ? out.ptr && byok_str_is(out, value) : !out.ptr;
}

static void uses_are(uint64_t hits, uint64_t misses)
{
    uint64_t have_hits, have_misses;
    store->ops->uses(store, &have_hits, &have_misses);
    cr_assert(have_hits == hits && have_misses == misses, "%llu and %llu",
              (unsigned long long)have_hits, (unsigned long long)have_misses);
}

Test(store_cache, a_record_is_asked_for_once)
{
    open_with(10, MINUTE_US);
    put(inner, "a", "1", -1);
    for (int i = 0; i < 5; i++)
        cr_assert(has("a", "1"));
    uses_are(4, 1);
    for (int i = 0; i < 2; i++)
        cr_assert(has("absent", NULL));
    uses_are(4, 3);
    close_all();
}

Test(store_cache, what_is_written_through_it_is_seen_at_once)
{
    open_with(10, MINUTE_US);
    put(store, "a", "1", 1);
    put(store, "b", "1", 2);
    cr_assert(has("a", "1") && has("b", "1"));
    put(store, "a", "2", 3);
    cr_assert(has("a", "2") && has("b", "1"));
    uses_are(1, 3);
    put(store, "a", NULL, 4);
    cr_assert(has("a", NULL));
    put(store, "b", "3", -1);
    cr_assert(has("b", "3"));
    close_all();
}

Test(store_cache, a_partition_that_another_worker_had_meanwhile_is_read_anew)
{
    int64_t position;
    open_with(10, MINUTE_US);
    put(store, "a", "1", 1);
    cr_assert(has("a", "1"));
    cr_assert_eq(store->ops->position(store, 1, &position, NULL), BYOK_E_OK);
    cr_assert(has("a", "1"));
    uses_are(1, 1); /* nobody else was there */
    put(inner, "a", "of another", 2);
    cr_assert_eq(store->ops->position(store, 1, &position, NULL), BYOK_E_OK);
    cr_assert_eq(position, 2);
    cr_assert(has("a", "of another"));
    cr_assert_eq(store->ops->drop(store, 1, NULL), BYOK_E_OK);
    cr_assert(has("a", NULL));
    close_all();
}

static enum byok_err fail(struct byok_store *self, int32_t partition,
                          const struct byok_write *writes, size_t count, int64_t position,
                          struct byok_fault *fault)
{
    (void)self, (void)partition, (void)writes, (void)count, (void)position, (void)fault;
    return BYOK_E_STORE;
}

static enum byok_err fail_get(struct byok_store *self, int32_t partition, struct byok_str key,
                              struct byok_arena *to, struct byok_str *out, struct byok_fault *fault)
{
    (void)self, (void)partition, (void)key, (void)to, (void)out, (void)fault;
    return BYOK_E_STORE;
}

Test(store_cache, what_is_kept_serves_on_through_an_outage_but_what_was_written_in_it)
{
    struct byok_str out;
    open_with(10, MINUTE_US);
    put(store, "a", "1", 1);
    put(store, "b", "1", 2);
    cr_assert(has("a", "1") && has("b", "1"));
    const struct byok_store_ops *all = inner->ops;
    struct byok_store_ops failing = *all;
    failing.apply = fail;
    failing.get = fail_get;
    inner->ops = &failing;
    const struct byok_write write = {.key = byok_str_of("a"), .value = byok_str_of("2")};
    cr_assert_eq(store->ops->apply(store, 1, &write, 1, 3, NULL), BYOK_E_STORE);
    cr_assert(has("b", "1"));
    cr_assert_eq(store->ops->get(store, 1, write.key, &arena, &out, NULL), BYOK_E_STORE);
    inner->ops = all;
    put(inner, "b", "of another", 3);
    cr_assert_eq(store->ops->apply(store, 1, &write, 1, 4, NULL), BYOK_E_OK);
    cr_assert(has("a", "2") && has("b", "of another"));
    close_all();
}

Test(store_cache, after_a_write_that_failed_another_workers_is_seen)
{
    int64_t position;
    open_with(10, MINUTE_US);
    put(store, "a", "1", 1);
    const struct byok_store_ops *all = inner->ops;
    struct byok_store_ops failing = *all;
    failing.apply = fail;
    inner->ops = &failing;
    const struct byok_write write = {.key = byok_str_of("a"), .value = byok_str_of("2")};
    cr_assert_eq(store->ops->apply(store, 1, &write, 1, 2, NULL), BYOK_E_STORE);
    inner->ops = all;
    cr_assert(has("a", "1"));
    put(inner, "a", "2", 2); /* the same, by the partition's next owner */
    cr_assert_eq(store->ops->position(store, 1, &position, NULL), BYOK_E_OK);
    cr_assert_eq(position, 2);
    cr_assert(has("a", "2"));
    close_all();
}

Test(store_cache, it_holds_so_many_and_those_used_last)
{
    open_with(2, MINUTE_US);
    put(inner, "a", "1", -1);
    put(inner, "b", "2", -1);
    put(inner, "c", "3", -1);
    cr_assert(has("a", "1") && has("b", "2") && has("a", "1"));
    cr_assert(has("c", "3")); /* in b's place */
    uses_are(1, 3);
    cr_assert(has("a", "1"));
    uses_are(2, 3);
    cr_assert(has("b", "2"));
    uses_are(2, 4);
    close_all();
}

Test(store_cache, what_is_too_old_is_asked_for_again)
{
    open_with(10, 0);
    put(inner, "a", "1", -1);
    cr_assert(has("a", "1"));
    put(inner, "a", "2", -1);
    cr_assert(has("a", "2"));
    uses_are(0, 2);
    close_all();
}

static bool count_one(void *arg, struct byok_str key, struct byok_str value)
{
    (void)key;
    (void)value;
    ++*(size_t *)arg;
    return true;
}

Test(store_cache, all_else_is_the_stores)
{
    int64_t next = 0;
    size_t seen = 0;
    open_with(10, MINUTE_US);
    put(store, "a", "1", 1);
    cr_assert_eq(store->ops->scan(store, 1, byok_str_of(""), count_one, &seen, NULL), BYOK_E_OK);
    cr_assert_eq(store->ops->scan_after(store, 1, byok_str_of("a"), count_one, &seen, NULL),
                 BYOK_E_OK);
    cr_assert_eq(seen, 1u);
    cr_assert_eq(store->ops->next(store, 0, &next, NULL), BYOK_E_OK);
    cr_assert_eq(next, 1);
    cr_assert_eq(store->ops->sync(store, NULL), BYOK_E_OK);
    close_all();
}
