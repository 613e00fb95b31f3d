/* SPDX-License-Identifier: MIT */
/* tests/unit/actors/test_rewrap.c - rotation of the master key while jobs run and workers die. */
#include <sodium.h>
#include <string.h>

#include "tests/unit/actors/kit.h"

#define OLD "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f"
#define NEW "f0f1f2f3f4f5f6f7f8f9fafbfcfdfeff000102030405060708090a0b0c0d0e0f"
#define SEALED 6000
#define KILLS 100

static struct byok_keyring *first, *both, *fresh;

static struct byok_keyring *ring_of(const char *newer, const char *older)
{
    struct byok_keyring *ring = NULL;
    cr_assert_eq(byok_keyring_new(&ring, NULL), BYOK_E_OK);
    cr_assert_eq(byok_keyring_add(ring, 2, byok_str_of(newer), NULL), BYOK_E_OK);
    if (older)
        cr_assert_eq(byok_keyring_add(ring, 1, byok_str_of(older), NULL), BYOK_E_OK);
    return ring;
}

static void begin(void)
{
    setup();
    first = world->ring;
    both = ring_of(NEW, OLD);
    fresh = ring_of(NEW, NULL);
}

static void end(void)
{
    teardown(); /* frees the one the world has */
    struct byok_keyring *rings[] = {first, both, fresh};
    for (size_t i = 0; i < 3; i++) {
        if (rings[i])
            byok_keyring_free(rings[i]);
    }
}

/* The worker gets another key ring, as by a restart with another configuration. */
static void use_ring(struct byok_keyring **ring, bool empty_stores)
{
    sim_worker_crash(worker);
    struct byok_keyring **all[] = {&first, &both, &fresh};
    for (size_t i = 0; i < 3; i++) { /* what the world has it frees */
        if (!*all[i])
            *all[i] = world->ring;
    }
    world->ring = *ring;
    *ring = NULL;
    sim_worker_restart(worker, empty_stores);
    sim_assign(worker, 0);
    sim_assign(worker, 1);
}

TestSuite(rewrap, .init = begin, .fini = end);

static void seal_for(const char *user)
{
    BYOK_AUTO(byok_arena) arena = {0};
    byok_arena_init(&arena, 0);
    struct byok_slot slot = {0};
    const struct byok_owner owner = {byok_str_of(user), byok_str_of("openai"),
                                     byok_str_of("default")};
    const struct byok_key_info info = {
        .issued_wall_ms = 1, .created_wall_ms = 2, .origin = byok_str_of("https://openai.test")};
    struct byok_str record;
    cr_assert_eq(byok_slot_set(&slot, byok_str_of("sk-rewrap-0123456789")), BYOK_E_OK);
    cr_assert_eq(byok_seal(world->ring, &owner, &info, 0, &slot, &arena, &record), BYOK_E_OK);
    sim_append(world, BYOK_TOPIC_VAULT, partition_of(user), byok_vault_record_key(&arena, &owner),
               record, NULL, 0, 0);
}

struct tally {
    const struct byok_keyring *ring;
    size_t all, open;
};

static bool open_one(void *arg, struct byok_str key, struct byok_str record)
{
    struct tally *tally = arg;
    struct byok_owner owner;
    struct byok_slot slot;
    tally->all++;
    tally->open += byok_vault_record_owner(key, &owner) &&
                   byok_seal_open(tally->ring, &owner, record, &slot, NULL, NULL) == BYOK_E_OK;
    return true;
}

static struct tally count_open(const struct byok_keyring *ring)
{
    struct tally tally = {.ring = ring};
    struct byok_store *store = &worker->vault_store->store;
    for (int32_t p = 0; p < 2; p++)
        cr_assert_eq(
            store->ops->scan_after(store, p, (struct byok_str){NULL, 0}, open_one, &tally, NULL),
            BYOK_E_OK);
    return tally;
}

static bool all_walked(struct sim_world *of)
{
    (void)of;
    for (int32_t p = 0; p < 2; p++) {
        if (!sim_is_running(worker, p) || !sim_partition(worker, p)->rewrapped)
            return false;
    }
    return true;
}

/* One life of the worker: some jobs, now and then a new key, an end at any moment. */
static void live_and_die(int i)
{
    char id[32];
    snprintf(id, sizeof id, "job-%d", i);
    sim_chat(world, "alice", id);
    snprintf(id, sizeof id, "key-%d", i);
    if (i % 4 == 0 && i / 4 < 20)
        sim_register(world, "bob", "openai", id);
    if (i % 7 == 0)
        sim_send(world, "carol",
                 "{\"type\":\"key.delete\",\"id\":\"%s\",\"user\":\"carol\",\"provider\":"
                 "\"openai\"}",
                 id);
    sim_run_for(world, 950000 + (int64_t)sim_below(&world->clock, 150000));
    sim_worker_restart(worker, sim_below(&world->clock, 4) == 0);
    sim_assign(worker, 0);
    sim_assign(worker, 1);
}

Test(rewrap, killed_a_hundred_times_on_the_way_no_record_is_lost)
{
    for (int i = 0; i < SEALED; i++) {
        char user[32];
        snprintf(user, sizeof user, "user-%d", i);
        seal_for(user);
    }
    start();
    sim_register_now(world, "bob");
    sim_register_now(world, "carol");
    world->commit_delay_us = 40000;
    world->restore_delay_us = 10;
    use_ring(&both, false);
    size_t half_way = 0;
    for (int i = 0; i < KILLS; i++) {
        live_and_die(i);
        struct tally now = count_open(fresh);
        half_way += now.open > 100 && now.open < SEALED;
    }
    cr_assert_gt(half_way, 20u, "the kills came before or after it all");
    cr_assert(sim_run_until(world, all_walked, 600 * SIM_S));
    assert_done(60);
    struct tally after = count_open(fresh);
    cr_assert_eq(after.all, (size_t)SEALED + 2, "%zu records", after.all);
    cr_assert_eq(after.open, after.all, "%zu of %zu open with the new key", after.open, after.all);
    use_ring(&fresh, true); /* the old one is gone, and all comes back from the changelog */
    sim_chat(world, "alice", "last");
    sim_chat(world, "bob", "last-bob");
    sim_chat(world, "carol", "last-carol");
    assert_done(60);
    assert_code("last", "ok");
    assert_code("last-bob", "ok");
    assert_code("last-carol", "no_key");
    for (int i = 0; i < KILLS; i++) {
        char id[32];
        snprintf(id, sizeof id, "job-%d", i);
        assert_results(id, 1);
        assert_code(id, "ok");
    }
    cr_assert_eq(sim_log_count(&world->log, "key_needs_master_key"), 0u);
}

Test(rewrap, a_registration_on_the_way_is_not_overwritten)
{
    start();
    sim_register_now(world, "bob");
    use_ring(&both, false);
    world->commit_delay_us = 900000; /* so that both meet at the publisher */
    for (int i = 0; i < 30 && !all_walked(world); i++) {
        char id[32];
        snprintf(id, sizeof id, "r%d", i);
        world->keys[world->key_count - 1].revoked = true; /* only the newest is good */
        sim_register(world, "bob", "openai", id);
        sim_run_for(world, 300000);
    }
    cr_assert(sim_run_until(world, all_walked, 600 * SIM_S));
    assert_done(60);
    sim_chat(world, "bob", "b");
    assert_done(60);
    assert_code("b", "ok");
    cr_assert_eq(count_open(fresh).open, 2u);
}

Test(rewrap, a_key_that_needs_a_dropped_master_key_is_named)
{
    start();
    use_ring(&fresh, true);
    cr_assert(sim_run_until(world, all_walked, 600 * SIM_S));
    cr_assert_eq(sim_log_count(&world->log, "key_needs_master_key"), 1u);
    cr_assert_eq(sim_metric(worker, BYOK_METRIC_KEYS_STUCK), 1);
    sim_chat(world, "alice", "a");
    assert_done(60);
    assert_code("a", "key_unreadable");
}

Test(rewrap, nothing_is_done_when_it_is_switched_off)
{
    world->settings.rewrap = false;
    start();
    use_ring(&both, false);
    sim_run_for(world, 60 * SIM_S);
    cr_assert_eq(count_open(fresh).open, 0u);
    sim_chat(world, "alice", "a");
    assert_done(60);
    assert_code("a", "ok");
}

Test(rewrap, a_drain_waits_for_a_step_under_way)
{
    for (int i = 0; i < 500; i++) {
        char user[32];
        snprintf(user, sizeof user, "user-%d", i);
        seal_for(user);
    }
    start();
    use_ring(&both, false);
    world->commit_delay_us = 300000;
    for (int i = 0; i < 100 && sim_metric(worker, BYOK_METRIC_REWRAPPED) == 0; i++)
        sim_run_for(world, 50000);
    sim_worker_stop(worker);
    sim_run_for(world, 10 * SIM_S);
    cr_assert(worker->stopped);
    struct tally tally = count_open(fresh);
    cr_assert(tally.open > 0 && tally.open < tally.all);
    use_ring(&both, true); /* what was written is in the changelog too */
    cr_assert(sim_run_until(world, all_walked, 600 * SIM_S));
    cr_assert_eq(count_open(fresh).open, tally.all);
}
