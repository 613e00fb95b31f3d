/* SPDX-License-Identifier: MIT */
/* tests/unit/actors/test_audit.c - what is noted of keys, in one whole chain per partition. */
#include <string.h>

#include "tests/unit/actors/kit.h"

TestSuite(audit, .init = setup, .fini = teardown);

static const struct sim_topic *log_of(int32_t partition)
{
    return &world->cluster.topics[BYOK_TOPIC_AUDIT][partition];
}

/* Records of that event, user and code. */
static size_t count(const char *event, const char *user, const char *code)
{
    size_t found = 0;
    for (int32_t p = 0; p < world->cluster.partitions; p++) {
        for (size_t i = 0; i < log_of(p)->count; i++) {
            BYOK_AUTO(byok_arena) arena = {0};
            struct byok_audit_record record;
            cr_assert_eq(byok_audit_decode(log_of(p)->records[i]->value, &arena, &record),
                         BYOK_E_OK);
            found += byok_str_is(record.event, event) && byok_str_is(record.user, user) &&
                     byok_str_is(record.code, code);
        }
    }
    return found;
}

Test(audit, every_command_and_use_of_a_key_is_noted_once)
{
    start();
    sim_chat(world, "alice", "1");
    sim_chat(world, "alice", "2");
    sim_chat(world, "alice", "2");
    sim_chat(world, "nobody", "3");
    sim_send(world, "alice",
             "{\"type\":\"key.check\",\"id\":\"c\",\"user\":\"alice\",\"provider\":\"openai\"}");
    sim_send(world, "alice",
             "{\"type\":\"key.register\",\"id\":\"bad\",\"user\":\"alice\",\"provider\":\"openai\","
             "\"envelope\":\"AAAA\"}");
    sim_send(world, "alice",
             "{\"type\":\"key.delete\",\"id\":\"d\",\"user\":\"alice\",\"provider\":\"openai\"}");
    sim_send(world, "alice",
             "{\"type\":\"user.configure\",\"id\":\"u\",\"user\":\"alice\",\"limits\":{}}");
    assert_done(60);
    cr_assert_eq(count("key.register", "alice", "ok"), 1u);
    cr_assert_eq(count("key.register", "alice", "bad_envelope"), 1u);
    cr_assert_eq(count("key.use", "alice", "ok"), 2u);
    cr_assert_eq(count("key.check", "alice", "ok"), 1u);
    cr_assert_eq(count("key.delete", "alice", "ok"), 1u);
    cr_assert_eq(count("key.use", "nobody", "no_key"), 0u, "no key was used");
    cr_assert_eq(sim_count(world, BYOK_TOPIC_AUDIT), 6u);
    cr_assert_eq(sim_audit_breaks(world), 0u);
}

Test(audit, the_chain_goes_on_after_a_crash_and_with_an_empty_folder)
{
    start();
    for (int i = 0; i < 12; i++) {
        char id[16];
        snprintf(id, sizeof id, "j%d", i);
        sim_chat(world, "alice", id);
        sim_run_for(world, 3000 * (i + 1));
        sim_worker_restart(worker, i % 2);
        sim_assign(worker, 0);
        sim_assign(worker, 1);
        sim_run_for(world, 50000);
    }
    assert_done(60);
    size_t good = 0; /* the others were under way when the worker died */
    for (int i = 0; i < 12; i++) {
        char id[16];
        snprintf(id, sizeof id, "j%d", i);
        assert_results(id, 1);
        good += strcmp(sim_result_code(world, id), "ok") == 0;
    }
    cr_assert_gt(good, 0u);
    cr_assert_eq(count("key.use", "alice", "ok"), good);
    cr_assert_eq(sim_audit_breaks(world), 0u);
}

Test(audit, a_batch_that_failed_is_chained_anew)
{
    world->commits_max = 4;
    start();
    world->cluster.fail_commits = 5;
    for (int i = 0; i < 40; i++) {
        char id[16];
        snprintf(id, sizeof id, "j%d", i);
        sim_chat(world, "alice", id);
        sim_run_for(world, 1000);
    }
    assert_done(60);
    cr_assert_eq(count("key.use", "alice", "ok"), 40u);
    cr_assert_eq(sim_audit_breaks(world), 0u);
}

Test(audit, changes_leaves_out_the_uses_and_off_writes_nothing)
{
    world->settings.audit = BYOK_AUDIT_CHANGES;
    start();
    sim_chat(world, "alice", "1");
    assert_done(60);
    cr_assert_eq(sim_count(world, BYOK_TOPIC_AUDIT), 1u);
    world->settings.audit = BYOK_AUDIT_OFF;
    sim_register_now(world, "bob");
    sim_chat(world, "alice", "2");
    assert_done(60);
    cr_assert_eq(sim_count(world, BYOK_TOPIC_AUDIT), 1u);
}
