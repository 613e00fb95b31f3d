/* SPDX-License-Identifier: MIT */
/* tests/unit/actors/test_vault.c - registrations, and a table that follows its changelog. */
#include <string.h>

#include "tests/unit/actors/kit.h"

TestSuite(vault, .init = setup, .fini = teardown);

static void send_envelope(const char *user, const char *id, struct byok_str envelope)
{
    sim_send(world, user,
             "{\"type\":\"key.register\",\"id\":\"%s\",\"user\":\"%s\",\"provider\":\"openai\","
             "\"envelope\":\"%.*s\"}",
             id, user, BYOK_STR_ARG(envelope));
}

Test(vault, an_envelope_of_another_user_or_twice_or_too_old_is_refused)
{
    BYOK_AUTO(byok_arena) arena = {0};
    struct byok_str envelope, old;
    start();
    sim_seal(world, "bob", "openai", "default", &arena, &old);
    sim_run_for(world, 2 * 3600 * SIM_S);
    sim_seal(world, "bob", "openai", "default", &arena, &envelope);
    send_envelope("alice", "stolen", envelope);
    send_envelope("bob", "first", envelope);
    send_envelope("bob", "replayed", envelope);
    send_envelope("bob", "old", old);
    assert_done(60);
    assert_code("stolen", "bad_envelope");
    assert_code("first", "ok");
    assert_code("replayed", "bad_envelope");
    assert_code("old", "bad_envelope");
}

Test(vault, a_record_copied_onto_another_user_does_not_open)
{
    BYOK_AUTO(byok_arena) arena = {0};
    start();
    struct byok_store *store = &worker->vault_store->store;
    struct byok_str sealed;
    const struct byok_owner alice = {byok_str_of("alice"), byok_str_of("openai"),
                                     byok_str_of("default")};
    struct byok_owner mallory = alice;
    mallory.user = byok_str_of("mallory");
    cr_assert_eq(store->ops->get(store, partition_of("alice"),
                                 byok_vault_record_key(&arena, &alice), &arena, &sealed, NULL),
                 BYOK_E_OK);
    const struct byok_write write = {byok_vault_record_key(&arena, &mallory), sealed, false};
    cr_assert_eq(store->ops->apply(store, partition_of("mallory"), &write, 1, -1, NULL), BYOK_E_OK);
    sim_chat(world, "mallory", "m");
    assert_done(10);
    assert_code("m", "key_unreadable");
    cr_assert_eq(sim_calls(world, "m"), 0);
}

Test(vault, keys_come_back_from_the_changelog)
{
    start();
    sim_register_now(world, "bob");
    sim_send(world, "bob",
             "{\"type\":\"key.delete\",\"id\":\"d\",\"user\":\"bob\",\"provider\":\"openai\"}");
    assert_done(10);
    restart_empty();
    sim_chat(world, "alice", "a");
    sim_chat(world, "bob", "b");
    assert_done(60);
    assert_code("a", "ok");
    assert_code("b", "no_key");
}

Test(vault, an_unreadable_record_of_the_changelog_is_said_and_harms_nobody)
{
    start();
    sim_append(world, BYOK_TOPIC_VAULT, partition_of("alice"), byok_str_of("x"),
               byok_str_of("garbage"), NULL, 0, 0);
    restart_empty();
    sim_chat(world, "alice", "a");
    assert_done(60);
    assert_code("a", "ok");
    cr_assert_gt(sim_log_count(&world->log, "sealed_keys_unreadable"), 0);
}

/* A store on a server refuses it, and so nothing of the vault would go on. */
Test(vault, a_record_whose_key_no_store_need_take_is_said_and_left_out)
{
    static char name[BYOK_STORE_KEY_MAX + 1];
    const struct byok_str key = {name, sizeof name};
    BYOK_AUTO(byok_arena) arena = {0};
    struct byok_str found;
    memset(name, 'x', sizeof name);
    start();
    sim_append(world, BYOK_TOPIC_VAULT, partition_of("alice"), key, byok_str_of("garbage"), NULL, 0,
               0);
    restart_empty();
    sim_chat(world, "alice", "a");
    assert_done(60);
    assert_code("a", "ok");
    cr_assert_gt(sim_log_count(&world->log, "sealed_keys_unreadable"), 0);
    struct byok_store *store = &worker->vault_store->store;
    cr_assert_eq(store->ops->get(store, partition_of("alice"), key, &arena, &found, NULL),
                 BYOK_E_OK);
    cr_assert_null(found.ptr);
}

/* ---- a store that fails ---- */

/* More of them than a user's window holds, so that what was answered must have been let go of. */
static void chats(const char *user, const char *prefix, int count)
{
    char id[32];
    for (int i = 0; i < count; i++) {
        snprintf(id, sizeof id, "%s%d", prefix, i);
        sim_chat(world, user, id);
    }
}

static int answered(const char *prefix, int count)
{
    char id[32];
    int good = 0;
    for (int i = 0; i < count; i++) {
        snprintf(id, sizeof id, "%s%d", prefix, i);
        good += sim_results(world, id, NULL, NULL) == 1 &&
                strcmp(sim_result_code(world, id), "ok") == 0;
    }
    return good;
}

Test(vault, a_store_that_takes_no_write_holds_up_a_changed_keys_user_alone)
{
    BYOK_AUTO(byok_arena) arena = {0};
    struct byok_str envelope;
    start();
    sim_register_now(world, "bob");
    sim_run_for(world, SIM_S);
    sim_seal(world, "bob", "openai", "default", &arena, &envelope);
    worker->vault_store->writes_fail = true;
    send_envelope("bob", "new", envelope);
    sim_run_for(world, SIM_S);
    sim_chat(world, "bob", "b");
    chats("alice", "a", 200);
    sim_run_for(world, 60 * SIM_S);
    cr_assert_eq(answered("a", 200), 200);
    cr_assert_leq(sim_metric(worker, BYOK_METRIC_OPEN), 3, "his two, and what the audit notes");
    cr_assert_eq(sim_calls(world, "b"), 0, "with which key?");
    cr_assert_eq(sim_metric(worker, BYOK_METRIC_UNSEALS), 200);
    worker->vault_store->writes_fail = false;
    assert_done(60);
    assert_code("new", "ok");
    assert_code("b", "ok");
}

Test(vault, a_partition_that_cannot_be_restored_holds_up_no_other)
{
    const char *away = partition_of("bob") == partition_of("alice") ? "carol" : "bob";
    start();
    cr_assert_neq(partition_of(away), partition_of("alice"));
    sim_register_now(world, away);
    sim_worker_restart(worker, true);
    sim_assign(worker, partition_of("alice"));
    sim_chat(world, "alice", "first");
    assert_done(10);
    worker->vault_store->writes_fail = true;
    sim_assign(worker, partition_of(away));
    sim_chat(world, away, "b");
    chats("alice", "a", 50);
    sim_run_for(world, 60 * SIM_S);
    cr_assert_eq(answered("a", 50), 50);
    cr_assert_eq(sim_results(world, "b", NULL, NULL), 0);
    worker->vault_store->writes_fail = false;
    assert_done(60);
    assert_code("b", "ok");
}

/* ---- an older record put back ---- */

static struct byok_str stored(const char *user, struct byok_str *key, struct byok_arena *arena)
{
    struct byok_str record = {NULL, 0};
    const struct byok_owner owner = {byok_str_of(user), byok_str_of("openai"),
                                     byok_str_of("default")};
    struct byok_store *store = &worker->vault_store->store;
    *key = byok_vault_record_key(arena, &owner);
    cr_assert_eq(store->ops->get(store, partition_of(user), *key, arena, &record, NULL), BYOK_E_OK);
    return record;
}

/* Into the topic, behind what stands there; a worker that has nothing reads it all. */
static void put_back(const char *user, struct byok_str key, struct byok_str record)
{
    sim_append(world, BYOK_TOPIC_VAULT, partition_of(user), key, record, NULL, 0, 0);
    restart_empty();
}

Test(vault, a_replaced_key_that_is_put_back_is_refused_and_noted)
{
    BYOK_AUTO(byok_arena) arena = {0};
    struct byok_str key;
    start();
    struct byok_str old = stored("alice", &key, &arena);
    sim_run_for(world, SIM_S);
    sim_register_now(world, "alice");
    put_back("alice", key, old);
    sim_chat(world, "alice", "a");
    sim_send(world, "alice",
             "{\"type\":\"key.check\",\"id\":\"c\",\"user\":\"alice\",\"provider\":\"openai\"}");
    assert_done(60);
    assert_code("a", "key_outdated");
    assert_code("c", "key_outdated");
    cr_assert_eq(sim_calls(world, "a"), 0);
    cr_assert_eq(audited("key.outdated"), 2);
    sim_register_now(world, "alice"); /* is all there is to do */
    sim_chat(world, "alice", "again");
    assert_done(60);
    assert_code("again", "ok");
}

static void answer_overloaded(struct sim_world *of, const struct sim_entry *entry,
                              struct sim_answer *answer)
{
    (void)of;
    (void)entry;
    answer->status = 503;
    answer->retry_after_s = 10;
    snprintf(answer->body, sizeof answer->body, "{}");
}

Test(vault, a_call_before_the_key_was_put_back_stays_a_use)
{
    BYOK_AUTO(byok_arena) arena = {0};
    struct byok_str key;
    start();
    struct byok_store *store = &worker->vault_store->store;
    struct byok_str old = stored("alice", &key, &arena);
    const struct byok_write write = {key, old, false};
    sim_run_for(world, SIM_S);
    sim_register_now(world, "alice");
    world->answer = answer_overloaded;
    sim_chat(world, "alice", "a");
    sim_run_for(world, 5 * SIM_S);
    cr_assert_eq(sim_calls(world, "a"), 1);
    cr_assert_eq(store->ops->apply(store, partition_of("alice"), &write, 1, -1, NULL), BYOK_E_OK);
    assert_done(60);
    assert_code("a", "key_outdated");
    cr_assert_eq(audited("key.use"), 1);
    cr_assert_eq(audited("key.outdated"), 1);
}

/* A refused key's jobs are sent one by one, up to an hour apart: each would wait to be told so. */
Test(vault, jobs_that_wait_for_a_refused_key_do_not_wait_when_an_older_one_is_put_back)
{
    BYOK_AUTO(byok_arena) arena = {0};
    struct byok_str key;
    char id[16];
    world->settings.on_invalid_waits = true;
    start();
    struct byok_store *store = &worker->vault_store->store;
    struct byok_str old = stored("alice", &key, &arena);
    const struct byok_write write = {key, old, false};
    sim_run_for(world, SIM_S);
    sim_register_now(world, "alice");
    for (size_t i = 0; i < world->key_count; i++)
        world->keys[i].revoked = true;
    for (int i = 0; i < 20; i++) {
        snprintf(id, sizeof id, "j%d", i);
        sim_chat(world, "alice", id);
    }
    sim_run_for(world, 200 * SIM_S);
    cr_assert_eq(sim_metric(worker, BYOK_METRIC_KEYS_INVALID), 1);
    cr_assert_eq(store->ops->apply(store, partition_of("alice"), &write, 1, -1, NULL), BYOK_E_OK);
    assert_done(600);
    for (int i = 0; i < 20; i++) {
        snprintf(id, sizeof id, "j%d", i);
        assert_code(id, "key_outdated");
        assert_results(id, 1);
    }
}

Test(vault, a_deleted_key_that_is_put_back_is_refused)
{
    BYOK_AUTO(byok_arena) arena = {0};
    struct byok_str key;
    start();
    struct byok_str old = stored("alice", &key, &arena);
    sim_send(world, "alice",
             "{\"type\":\"key.delete\",\"id\":\"d\",\"user\":\"alice\",\"provider\":\"openai\"}");
    assert_done(10);
    put_back("alice", key, old);
    sim_chat(world, "alice", "a");
    assert_done(60);
    assert_code("a", "key_outdated");
    cr_assert_eq(sim_calls(world, "a"), 0);
}

static int answer_status;

static void answer_slowly(struct sim_world *of, const struct sim_entry *entry,
                          struct sim_answer *answer)
{
    (void)of;
    answer->latency_us = 5 * SIM_S;
    if (answer_status == 200 || strcmp(entry->path, "/models") == 0)
        return;
    answer->status = answer_status;
    snprintf(answer->body, sizeof answer->body, "{}");
}

/* What is under way as its key is deleted says nothing of what may open from then on. */
static void delete_under_way(int status, const char *code)
{
    BYOK_AUTO(byok_arena) arena = {0};
    struct byok_str key;
    start();
    struct byok_str old = stored("alice", &key, &arena);
    answer_status = status;
    world->answer = answer_slowly;
    sim_chat(world, "alice", "under_way");
    sim_run_for(world, SIM_S);
    cr_assert_eq(sim_calls(world, "under_way"), 1);
    sim_send(world, "alice",
             "{\"type\":\"key.delete\",\"id\":\"d\",\"user\":\"alice\",\"provider\":\"openai\"}");
    sim_run_for(world, SIM_S);
    assert_code("d", "ok");
    assert_done(60);
    assert_code("under_way", code);
    world->answer = NULL;
    put_back("alice", key, old);
    sim_chat(world, "alice", "a");
    assert_done(60);
    assert_code("a", "key_outdated");
    cr_assert_eq(sim_calls(world, "a"), 0);
}

Test(vault, a_call_under_way_does_not_list_its_deleted_key_again)
{
    delete_under_way(200, "ok");
}

Test(vault, a_refusal_under_way_does_not_list_its_deleted_key_again)
{
    delete_under_way(401, "no_key");
}

Test(vault, a_record_of_another_cluster_is_refused)
{
    BYOK_AUTO(byok_arena) arena = {0};
    struct byok_str key, record;
    start();
    record = stored("alice", &key, &arena);
    cr_assert_eq(byok_keyring_bind(world->ring, byok_str_of("another"), NULL), BYOK_E_OK);
    put_back("alice", key, record);
    sim_chat(world, "alice", "a");
    assert_done(60);
    assert_code("a", "key_unreadable");
    cr_assert_eq(sim_calls(world, "a"), 0);
}
