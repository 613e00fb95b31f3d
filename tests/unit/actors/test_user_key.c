/* SPDX-License-Identifier: MIT */
/* tests/unit/actors/test_user_key.c - keys that their provider refuses. */
#include <string.h>

#include "tests/unit/actors/kit.h"

TestSuite(user_key, .init = setup, .fini = teardown);

static void fail_one(const char *id)
{
    sim_chat(world, "alice", id);
    assert_done(10);
    assert_code(id, "key_invalid");
}

Test(user_key, is_marked_by_the_second_refusal_and_then_not_sent_but_now_and_then)
{
    start();
    world->keys[0].revoked = true;
    fail_one("first");
    fail_one("soon_after");
    cr_assert_eq(sim_metric(worker, BYOK_METRIC_KEYS_INVALID), 0, "may be one accident");
    cr_assert_eq(sim_calls(world, "soon_after"), 1);
    sim_run_for(world, 11 * SIM_S);
    fail_one("confirms");
    cr_assert_eq(sim_metric(worker, BYOK_METRIC_KEYS_INVALID), 1);
    cr_assert_eq(audited("key.invalid"), 1);
    fail_one("not_sent");
    cr_assert_eq(sim_calls(world, "not_sent"), 0);
    sim_run_for(world, 61 * SIM_S);
    fail_one("tried");
    cr_assert_eq(sim_calls(world, "tried"), 1);
    fail_one("not_sent_either");
    cr_assert_eq(sim_calls(world, "not_sent_either"), 0);
    cr_assert_eq(audited("key.invalid"), 1, "it is said once");
    sim_run_for(world, 61 * SIM_S);
    world->keys[0].revoked = false;
    sim_chat(world, "alice", "good_again");
    assert_done(10);
    assert_code("good_again", "ok");
    sim_chat(world, "alice", "next");
    assert_done(10);
    assert_code("next", "ok");
}

Test(user_key, one_good_call_between_two_refusals_makes_them_accidents)
{
    start();
    for (int i = 0; i < 4; i++) {
        char id[16];
        snprintf(id, sizeof id, "bad%d", i);
        world->keys[0].revoked = true;
        fail_one(id);
        world->keys[0].revoked = false;
        snprintf(id, sizeof id, "good%d", i);
        sim_chat(world, "alice", id);
        assert_done(10);
        assert_code(id, "ok");
        sim_run_for(world, 11 * SIM_S);
    }
    cr_assert_eq(sim_metric(worker, BYOK_METRIC_KEYS_INVALID), 0);
}

Test(user_key, the_mark_survives_a_restart_and_a_check_or_a_new_key_clears_it)
{
    start();
    world->keys[0].revoked = true;
    fail_one("a");
    sim_run_for(world, 11 * SIM_S);
    fail_one("b");
    restart_empty();
    fail_one("tried_at_once");
    cr_assert_eq(sim_calls(world, "tried_at_once"), 1);
    fail_one("not_sent");
    cr_assert_eq(sim_calls(world, "not_sent"), 0);
    world->keys[0].revoked = false;
    sim_send(world, "alice",
             "{\"type\":\"key.check\",\"id\":\"c\",\"user\":\"alice\",\"provider\":\"openai\"}");
    sim_chat(world, "alice", "checked");
    assert_done(10);
    assert_code("checked", "ok");
}

Test(user_key, jobs_that_wait_go_on_with_the_new_key_and_have_one_result_each)
{
    world->settings.on_invalid_waits = true;
    start();
    world->keys[0].revoked = true;
    for (int i = 0; i < 30; i++) {
        char id[16];
        snprintf(id, sizeof id, "j%d", i);
        sim_chat(world, "alice", id);
    }
    sim_run_for(world, 200 * SIM_S);
    cr_assert_eq(sim_metric(worker, BYOK_METRIC_KEYS_INVALID), 1);
    size_t calls = 0;
    for (int i = 0; i < 30; i++) {
        char id[16];
        snprintf(id, sizeof id, "j%d", i);
        cr_assert_eq(sim_results(world, id, NULL, NULL), 0);
        calls += sim_calls(world, id);
    }
    cr_assert_leq(calls, 30 + 25, "it is not tried again and again: %zu", calls);
    sim_register(world, "alice", "openai", "new");
    assert_done(60);
    assert_code("new", "ok");
    for (int i = 0; i < 30; i++) {
        char id[16];
        snprintf(id, sizeof id, "j%d", i);
        assert_code(id, "ok");
        assert_results(id, 1);
    }
    cr_assert_eq(audited("key.invalid"), 1);
}

/* The wait until the next try doubles by the try, not by the jobs that share its call. */
Test(user_key, a_try_by_a_shared_call_is_one)
{
    char id[16];
    world->settings.on_invalid_waits = true;
    start();
    world->keys[0].revoked = true;
    for (int i = 0; i < 8; i++) {
        snprintf(id, sizeof id, "e%d", i);
        sim_send(world, "alice",
                 "{\"id\":\"%s\",\"user\":\"alice\",\"capability\":\"embeddings\","
                 "\"provider\":\"openai\",\"input\":\"%s#0\"}",
                 id, id);
    }
    sim_run_for(world, 90 * SIM_S);
    cr_assert_eq(sim_metric(worker, BYOK_METRIC_KEYS_INVALID), 1);
    cr_assert_gt(sim_metric(worker, BYOK_METRIC_JOINED), 0);
    world->keys[0].revoked = false;
    sim_run_for(world, 120 * SIM_S);
    for (int i = 0; i < 8; i++) {
        snprintf(id, sizeof id, "e%d", i);
        assert_code(id, "ok");
    }
}

/* Revoked at the provider while its successor is on its way: no job fails in between. */
Test(user_key, a_job_that_is_under_way_while_the_key_is_replaced_goes_again_with_the_new_one)
{
    BYOK_AUTO(byok_arena) arena = {0};
    struct byok_str envelope;
    start();
    sim_run_for(world, SIM_S);
    sim_chat(world, "alice", "j");
    while (sim_calls(world, "j") == 0)
        sim_run_for(world, SIM_S / 1000);
    world->keys[0].revoked = true;
    sim_chat(world, "alice", "k");
    sim_seal(world, "alice", "openai", "default", &arena, &envelope);
    sim_send(world, "alice",
             "{\"type\":\"key.rotate\",\"id\":\"r\",\"user\":\"alice\",\"provider\":\"openai\","
             "\"envelope\":\"%.*s\"}",
             BYOK_STR_ARG(envelope));
    assert_done(60);
    assert_code("r", "ok");
    assert_code("j", "ok");
    assert_code("k", "ok");
}

static void register_as(const char *id, const char *label)
{
    sim_register_as(world, "alice", "openai", label, id);
    assert_done(10);
    assert_code(id, "ok");
}

static void prefer(const char *id, const char *label)
{
    sim_send(world, "alice",
             "{\"type\":\"user.configure\",\"id\":\"%s\",\"user\":\"alice\",\"default_keys\":"
             "{\"openai\":\"%s\"}}",
             id, label);
    assert_done(10);
}

static void assert_used(const char *id, const char *label)
{
    sim_chat(world, "alice", id);
    assert_done(10);
    assert_code(id, "ok");
    cr_assert_str_eq(sim_result_text(world, id, "key.label"), label);
}

Test(user_key, jobs_use_the_default_key_also_after_a_restart_until_it_is_deleted)
{
    start();
    prefer("too_early", "work");
    assert_code("too_early", "no_key");
    register_as("r", "work");
    assert_used("before", "default");
    prefer("c", "work");
    assert_code("c", "ok");
    assert_used("after", "work");
    restart_empty();
    assert_used("restarted", "work");
    register_as("replaced", "work");
    assert_used("with_the_new_one", "work");
    sim_send(world, "alice",
             "{\"type\":\"key.delete\",\"id\":\"d\",\"user\":\"alice\",\"provider\":\"openai\","
             "\"key_label\":\"work\"}");
    assert_done(10);
    assert_used("deleted", "default");
}

static int64_t told(const char *id, const char *member)
{
    BYOK_AUTO(byok_arena) arena = {0};
    struct byok_value root;
    int64_t number = 0;
    char path[32];
    snprintf(path, sizeof path, "key.%s", member);
    cr_assert_eq(sim_results(world, id, &arena, &root), 1);
    const struct byok_value *value = byok_value_path(&root, path);
    if (value)
        (void)byok_value_as_int(value, &number);
    return number;
}

static void check(const char *id)
{
    sim_send(world, "alice",
             "{\"type\":\"key.check\",\"id\":\"%s\",\"user\":\"alice\",\"provider\":\"openai\"}",
             id);
    assert_done(10);
}

Test(user_key, a_check_tells_state_and_times)
{
    start();
    check("new");
    cr_assert_str_eq(sim_result_text(world, "new", "key.state"), "valid");
    cr_assert_gt(told("new", "checked_ms"), 0);
    cr_assert_eq(told("new", "used_ms"), 0);
    cr_assert_eq(told("new", "refused_ms"), 0);
    sim_run_for(world, 2 * SIM_S);
    assert_used("j", "default");
    check("used");
    cr_assert_gt(told("used", "used_ms"), told("new", "checked_ms"));
    world->keys[0].revoked = true;
    sim_run_for(world, 2 * SIM_S);
    check("revoked");
    cr_assert_str_eq(sim_result_text(world, "revoked", "key.state"), "refused");
    cr_assert_gt(told("revoked", "refused_ms"), told("used", "used_ms"));
    fail_one("a");
    sim_run_for(world, 11 * SIM_S);
    fail_one("b");
    check("marked");
    cr_assert_str_eq(sim_result_text(world, "marked", "key.state"), "invalid");
    cr_assert_gt(told("marked", "invalid_ms"), told("revoked", "refused_ms"));
    world->keys[0].revoked = false;
    check("good_again");
    cr_assert_str_eq(sim_result_text(world, "good_again", "key.state"), "valid");
    cr_assert_eq(told("good_again", "invalid_ms") + told("good_again", "refused_ms"), 0);
}
