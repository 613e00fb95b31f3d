/* SPDX-License-Identifier: MIT */
/* tests/unit/actors/test_ledger.c - claims: durable before a call, met by the next owner. */
#include <string.h>

#include "schemas/state.h"
#include "tests/unit/actors/kit.h"

TestSuite(ledger, .init = setup, .fini = teardown);

static void hang(struct sim_world *w, const struct sim_entry *entry, struct sim_answer *answer)
{
    (void)w;
    if (strcmp(entry->path, "/models") != 0)
        answer->how = SIM_HANG;
}

static void hang_once(struct sim_world *w, const struct sim_entry *entry, struct sim_answer *answer)
{
    if (entry->attempt == 1)
        hang(w, entry, answer);
}

static void send_retry(const char *id)
{
    sim_send(world, "alice",
             "{\"id\":\"%s\",\"user\":\"alice\",\"capability\":\"chat\",\"provider\":\"openai\","
             "\"prompt\":\"x\",\"on_unknown\":\"retry\"}",
             id);
}

static struct byok_str state_key(char kind, const char *id)
{
    struct byok_str user = byok_str_of("alice"), text = byok_str_of(id);
    return kind == 'c'   ? byok_claim_key(&world->arena, user, text)
           : kind == 'w' ? byok_withdrawal_key(&world->arena, user, text)
                         : byok_done_key(&world->arena, user, text);
}

/* The last record of the key in the changelog; NULL: none, or a tombstone. */
static const struct byok_record *in_changelog(char kind, const char *id)
{
    const struct sim_topic *log = &world->cluster.topics[BYOK_TOPIC_STATE][partition_of("alice")];
    struct byok_str key = state_key(kind, id);
    for (size_t i = log->count; i-- > 0;) {
        if (byok_str_eq(log->records[i]->key, key))
            return log->records[i]->value.ptr ? log->records[i] : NULL;
    }
    return NULL;
}

static bool in_table(struct sim_worker *w, char kind, const char *id)
{
    struct byok_str found;
    struct byok_store *state = &w->state->store;
    cr_assert_eq(state->ops->get(state, partition_of("alice"), state_key(kind, id), &world->arena,
                                 &found, NULL),
                 BYOK_E_OK);
    return found.ptr != NULL;
}

static void check_claim(const char *id)
{
    struct byok_claim_record claim;
    const struct byok_record *record = in_changelog('c', id);
    cr_assert_not_null(record);
    cr_assert_eq(byok_claim_record_decode(record->value, &claim), BYOK_E_OK);
    cr_assert_str_eq(claim.provider, "openai");
    cr_assert_str_eq(claim.owner, "sim");
    cr_assert_eq(claim.attempt, 1);
    cr_assert_eq(claim.deadline_wall_ms - claim.claimed_wall_ms, 32000); /* window and timeout */
}

Test(ledger, a_claim_stands_in_changelog_and_table_before_the_call_and_goes_with_the_result)
{
    world->answer = hang;
    start();
    sim_chat(world, "alice", "j");
    sim_run_for(world, SIM_S);
    cr_assert_eq(sim_calls(world, "j"), 1);
    check_claim("j");
    cr_assert(in_table(worker, 'c', "j"));
    assert_done(60);
    sim_run_for(world, SIM_S); /* to the table, too */
    cr_assert_null(in_changelog('c', "j"));
    cr_assert_not(in_table(worker, 'c', "j"));
    cr_assert(in_table(worker, 'd', "j"));
    assert_code("j", "timeout");
    cr_assert_str_eq(sim_result_text(world, "j", "status"), "unknown");
    cr_assert_eq(sim_metric(worker, BYOK_METRIC_UNSURE), 1, "the unclear call is counted");
}

Test(ledger, without_an_acknowledgement_nothing_is_sent)
{
    start();
    world->cluster.down = true;
    sim_chat(world, "alice", "j");
    world->cluster.down = false;
    sim_run_for(world, 20000);
    world->note_delay_us = 5 * SIM_S;
    sim_chat(world, "alice", "k");
    sim_run_for(world, 2 * SIM_S);
    cr_assert_eq(sim_calls(world, "k"), 0);
    world->note_delay_us = 2000;
    assert_done(60);
    cr_assert_eq(sim_calls(world, "k"), 1);
}

Test(ledger, key_commands_cost_nothing_and_are_not_claimed)
{
    start();
    sim_send(world, "alice",
             "{\"type\":\"key.check\",\"id\":\"c\",\"user\":\"alice\",\"provider\":\"openai\"}");
    assert_done(10);
    assert_code("c", "ok");
    cr_assert_eq(sim_metric(worker, BYOK_METRIC_CLAIMS), 0);
}

static void one_crash(bool empty_stores)
{
    world->answer = hang_once;
    start();
    sim_chat(world, "alice", "j");
    send_retry("r");
    sim_run_for(world, SIM_S);
    restart(empty_stores);
    sim_run_for(world, 20 * SIM_S); /* the claims' deadline is not there yet */
    assert_code("j", "none");
    assert_code("r", "none");
    cr_assert_eq(sim_calls(world, "r"), 1);
    assert_done(60);
    assert_code("j", "outcome_lost");
    cr_assert_str_eq(sim_result_text(world, "j", "status"), "unknown");
    cr_assert_eq(sim_calls(world, "j"), 1);
    assert_code("r", "ok");
    assert_results("r", 1);
    cr_assert_eq(sim_calls(world, "r"), 2);
    cr_assert_eq(sim_metric(worker, BYOK_METRIC_ORPHANS), 2);
    cr_assert_eq(sim_metric(worker, BYOK_METRIC_UNSURE), 2, "an orphan's call is unclear");
    cr_assert_eq(sim_metric(worker, BYOK_METRIC_REPEATED), 1);
    cr_assert_null(in_changelog('c', "j"));
    cr_assert_null(in_changelog('c', "r"));
}

Test(ledger, after_a_crash_report_ends_unknown_and_retry_calls_again)
{
    one_crash(false);
}

Test(ledger, so_it_is_when_the_next_owner_has_only_the_changelog)
{
    one_crash(true);
}

Test(ledger, on_the_host_a_crash_that_leaves_the_disk_leaves_the_claims)
{
    world->host_ledger = true;
    world->answer = hang_once;
    start();
    sim_chat(world, "alice", "j");
    sim_run_for(world, SIM_S);
    cr_assert_eq(sim_calls(world, "j"), 1);
    cr_assert_null(in_changelog('c', "j"));
    cr_assert(in_table(worker, 'c', "j"));
    sim_store_tear(worker->state, 1000); /* what was not synced goes with the power */
    restart(false);
    assert_done(60);
    assert_code("j", "outcome_lost");
    cr_assert_eq(sim_calls(world, "j"), 1);
}

Test(ledger, on_the_host_another_disk_knows_of_no_claims)
{
    world->host_ledger = true;
    world->answer = hang_once;
    start();
    sim_chat(world, "alice", "j");
    sim_run_for(world, SIM_S);
    restart_empty();
    assert_done(60);
    assert_code("j", "ok");
    cr_assert_eq(sim_calls(world, "j"), 2);
}

Test(ledger, a_job_that_kills_its_worker_each_time_is_given_up)
{
    world->answer = hang;
    world->settings.attempts_max = 3;
    start();
    send_retry("r");
    for (int i = 0; i < 5; i++) {
        sim_run_for(world, 60 * SIM_S);
        if (sim_results(world, "r", NULL, NULL) == 0)
            restart(i % 2);
    }
    sim_run_for(world, 200 * SIM_S);
    assert_results("r", 1);
    cr_assert_leq(sim_calls(world, "r"), 3);
    cr_assert_str_eq(sim_result_text(world, "r", "status"), "unknown");
}

Test(ledger, a_call_that_is_claimed_while_others_commit_is_not_skipped_by_the_tables_position)
{
    world->answer = hang_once;
    start();
    for (int round = 0; round < 20; round++) {
        char id[16], other[16];
        snprintf(id, sizeof id, "j%d", round);
        snprintf(other, sizeof other, "k%d", round);
        world->note_delay_us = 1000 + 700 * round;
        sim_chat(world, "alice", id); /* its claim is on its way … */
        sim_send(world, "alice",      /* … while this is committed */
                 "{\"type\":\"key.check\",\"id\":\"%s\",\"user\":\"alice\",\"provider\":\"other\"}",
                 other);
        sim_run_for(world, 50000 + 7000 * round);
        bool sent = sim_calls(world, id) == 1;
        restart(false); /* with its table: from its position */
        sim_run_for(world, 120 * SIM_S);
        assert_results(id, 1);
        if (sent)
            cr_assert_eq(sim_calls(world, id), 1, "%s was sent again", id);
    }
}

static void busy_once(struct sim_world *w, const struct sim_entry *entry, struct sim_answer *answer)
{
    (void)w;
    if (entry->attempt > 1 || strcmp(entry->path, "/models") == 0)
        return;
    answer->status = 503;
    answer->retry_after_s = 10;
    snprintf(answer->body, sizeof answer->body, "{\"error\":{\"message\":\"overloaded\"}}");
}

Test(ledger, a_known_failure_takes_its_claim_back_while_it_waits_to_be_tried_again)
{
    world->answer = busy_once;
    start();
    sim_chat(world, "alice", "j");
    sim_run_for(world, SIM_S);
    cr_assert_eq(sim_calls(world, "j"), 1);
    check_claim("j");
    cr_assert(byok_str_eq(in_changelog('w', "j")->value, in_changelog('c', "j")->value));
    cr_assert(in_table(worker, 'w', "j"));
    restart_empty();
    assert_done(60);
    sim_run_for(world, SIM_S);
    assert_code("j", "ok");
    cr_assert_null(in_changelog('c', "j"));
    cr_assert_null(in_changelog('w', "j"));
    cr_assert_not(in_table(worker, 'w', "j"));
}

/* The first fails and is to be tried again, the second hangs. */
static void busy_then_hang(struct sim_world *w, const struct sim_entry *entry,
                           struct sim_answer *answer)
{
    busy_once(w, entry, answer);
    if (entry->attempt == 2)
        hang(w, entry, answer);
}

Test(ledger, a_withdrawal_that_comes_late_leaves_the_next_owners_claim_alone)
{
    struct sim_worker *other = sim_worker_start(world);
    int32_t p = partition_of("alice");
    world->answer = busy_then_hang;
    start();
    sim_chat(world, "alice", "j");
    while (sim_calls(world, "j") == 0)
        sim_run_for(world, 100);
    world->note_repeats = 1000; /* it is there, but its writer does not know */
    world->notes_late = 1000;
    size_t before = sim_count(world, BYOK_TOPIC_STATE);
    while (sim_count(world, BYOK_TOPIC_STATE) == before)
        sim_run_for(world, 100);
    world->note_repeats = 0;
    sim_expel(world, p, other);
    sim_run_for(world, 90000); /* the other has called … */
    cr_assert_eq(sim_calls(world, "j"), 2);
    cr_assert_eq(world->faults[SIM_FAULT_NOTE_LATE], 0);
    sim_run_for(world, SIM_S); /* … before it is written again */
    cr_assert_eq(world->faults[SIM_FAULT_NOTE_LATE], 1);
    sim_tell_lost(worker);
    sim_worker_restart(other, true);
    sim_assign(other, p);
    assert_done(120);
    assert_code("j", "outcome_lost");
    cr_assert_eq(sim_calls(world, "j"), 2);
}

Test(ledger, a_member_that_was_replaced_does_not_call_by_a_claim_that_came_too_late)
{
    struct sim_worker *other = sim_worker_start(world);
    world->static_members = true;
    world->answer = hang;
    start();
    world->note_delay_us = 200000;
    sim_chat(world, "alice", "j");
    sim_run_for(world, 50000); /* its claim is on its way */
    sim_expel(world, partition_of("alice"), other);
    sim_run_for(world, SIM_S);
    cr_assert_eq(world->faults[SIM_FAULT_NOTE_LATE], 1);
    cr_assert_eq(sim_calls(world, "j"), 1); /* the other's */
    sim_tell_lost(worker);
    assert_done(60);
    cr_assert_eq(sim_calls(world, "j"), 1);
}

static void no_connect(struct sim_world *w, const struct sim_entry *entry,
                       struct sim_answer *answer)
{
    (void)w;
    if (entry->attempt == 1 && strcmp(entry->path, "/models") != 0)
        answer->how = SIM_NO_CONNECT;
}

Test(ledger, a_call_that_never_left_is_made_again_under_report)
{
    world->answer = no_connect;
    start();
    sim_chat(world, "alice", "j");
    assert_done(60);
    assert_code("j", "ok");
    cr_assert_eq(sim_metric(worker, BYOK_METRIC_UNSURE), 0);
}

Test(ledger, a_lost_partition_sends_nothing_more)
{
    start();
    world->note_delay_us = SIM_S;
    for (int i = 0; i < 10; i++) {
        char id[16];
        snprintf(id, sizeof id, "j%d", i);
        sim_chat(world, "alice", id);
    }
    sim_run_for(world, SIM_S / 4);
    cr_assert(world->workers[0].env.partitions->claiming != NULL);
    sim_lose(world, partition_of("alice"), NULL);
    sim_run_for(world, 60 * SIM_S);
    for (int i = 0; i < 10; i++) {
        char id[16];
        snprintf(id, sizeof id, "j%d", i);
        cr_assert_eq(sim_calls(world, id), 0);
    }
    cr_assert_eq(worker->env.partitions->held_bytes, 0);
    cr_assert_null(worker->env.partitions->claiming);
}

Test(ledger, slow_claims_delay_a_limited_user_and_cost_it_nothing)
{
    start();
    world->note_delay_us = 800000; /* above the limits' slack */
    sim_send(world, "alice",
             "{\"type\":\"user.configure\",\"id\":\"c\",\"user\":\"alice\",\"limits\":{"
             "\"requests_per_minute\":2}}");
    for (int i = 0; i < 4; i++) {
        char id[16];
        snprintf(id, sizeof id, "j%d", i);
        sim_chat(world, "alice", id);
    }
    assert_done(150);
    for (int i = 0; i < 4; i++) {
        char id[16];
        snprintf(id, sizeof id, "j%d", i);
        assert_code(id, "ok");
        cr_assert_eq(sim_calls(world, id), 1);
    }
    cr_assert_leq(sim_busiest_minute(world, "alice"), 2);
}

Test(ledger, a_claim_older_than_its_window_lets_nothing_go)
{
    start();
    world->note_delay_us = 5 * SIM_S;
    sim_chat(world, "alice", "j");
    sim_run_for(world, 20 * SIM_S);
    cr_assert_eq(sim_calls(world, "j"), 0);
    world->note_delay_us = 2000;
    assert_done(30);
    assert_code("j", "ok");
    cr_assert_eq(sim_calls(world, "j"), 1);
}

Test(ledger, a_disk_that_is_full_delays_calls)
{
    start();
    worker->state->writes_fail = true;
    sim_chat(world, "alice", "j");
    sim_run_for(world, 5 * SIM_S);
    cr_assert_eq(sim_calls(world, "j"), 0);
    worker->state->writes_fail = false;
    assert_done(60);
    assert_code("j", "ok");
}

Test(ledger, notes_whose_answers_are_lost_are_written_again)
{
    start();
    world->note_repeats = 300;
    for (int i = 0; i < 50; i++) {
        char id[16];
        snprintf(id, sizeof id, "j%d", i);
        sim_chat(world, "alice", id);
    }
    assert_done(120);
    for (int i = 0; i < 50; i++) {
        char id[16];
        snprintf(id, sizeof id, "j%d", i);
        assert_code(id, "ok");
        assert_results(id, 1);
        cr_assert_eq(sim_calls(world, id), 1);
    }
}

Test(ledger, a_claim_that_waits_for_the_disk_is_void_when_its_partition_has_gone)
{
    struct sim_worker *other = sim_worker_start(world);
    start();
    sim_run_for(world, SIM_S); /* what was registered is in the tables */
    worker->state->writes_fail = true;
    sim_chat(world, "alice", "j");
    sim_run_for(world, 2 * SIM_S);
    cr_assert_not_null(in_changelog('c', "j")); /* but not in the table yet */
    sim_lose(world, partition_of("alice"), other);
    assert_done(60);
    assert_code("j", "outcome_lost");
    worker->state->writes_fail = false;
    sim_lose(world, partition_of("alice"), worker); /* back again */
    sim_run_for(world, 10 * SIM_S);
    cr_assert(sim_is_running(worker, partition_of("alice")));
    cr_assert_not(in_table(worker, 'c', "j"));
    cr_assert(in_table(worker, 'd', "j"));
    cr_assert_eq(sim_calls(world, "j"), 0);
}
