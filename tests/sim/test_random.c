/* SPDX-License-Identifier: MIT */
/* tests/sim/test_random.c - random traffic, faults and rebalances; what must hold after each run.
 *
 * One seed is one run.  BYOK_SIM_RUNS says how many, BYOK_SIM_SEED the first; BYOK_SIM_LOG=1 shows
 * the log.  Every third seed is calm: no crash, no loss, no failing answer and drains that may last,
 * so that no call is given up whose cost would be known to nobody; memory and slots are plenty, so
 * that a call is sent at the moment it is allowed.  There limits must hold to the call.
 */
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "schemas/codec.h"
#include "tests/sim/world.h"

#define USERS 5
#define JOBS_MAX 400
#define PER_MINUTE 12

struct run {
    uint64_t seed;
    bool calm;
    struct sim_world *world;
    struct sim_worker *workers[2];
    char ids[JOBS_MAX][24];
    size_t count;
    bool limited[USERS]; /* to PER_MINUTE */
    unsigned rough;      /* chance of a bad answer, in permille */
    unsigned failed;
};

static void fail(struct run *run, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    fprintf(stderr, "seed %" PRIu64 ": ", run->seed);
    vfprintf(stderr, format, args);
    fprintf(stderr, "\n");
    va_end(args);
    run->failed++;
}

static uint64_t below(struct run *run, uint64_t n)
{
    return sim_below(&run->world->clock, n);
}

/* ---- the provider ---- */

static void answer(struct sim_world *world, const struct sim_entry *entry, struct sim_answer *out)
{
    const struct run *run = world->answer_arg;
    (void)entry;
    out->latency_us = 1000 + (int64_t)sim_below(&world->clock, 300000);
    if (sim_chance(&world->clock, 30))
        out->latency_us = (int64_t)sim_below(&world->clock, 40 * (uint64_t)SIM_S);
    if (run->calm && out->latency_us > 25 * SIM_S)
        out->latency_us = 25 * SIM_S;
    if (!sim_chance(&world->clock, run->rough))
        return;
    static const int statuses[] = {429, 500, 503, 200, 400, 404};
    out->how = (enum sim_how)sim_below(&world->clock, 5);
    out->status = statuses[sim_below(&world->clock, 6)];
    out->retry_after_s = sim_chance(&world->clock, 300) ? (int)sim_below(&world->clock, 20) : 0;
    snprintf(out->body, sizeof out->body, "%s",
             sim_chance(&world->clock, 500) ? "<html>oops</html>"
                                            : "{\"error\":{\"message\":\"no\",\"code\":\"x\"}}");
}

/* ---- what happens ---- */

static void name_user(uint64_t i, char *out, size_t room)
{
    snprintf(out, room, "u%" PRIu64, i);
}

static void send_request(struct run *run)
{
    char user[16];
    uint64_t who = below(run, 3) ? below(run, USERS) : 0;
    name_user(who, user, sizeof user);
    if (run->count == JOBS_MAX)
        return;
    if (run->count > 0 && below(run, 10) == 0) { /* an id again */
        const char *id = run->ids[below(run, run->count)];
        snprintf(user, sizeof user, "%.*s", (int)strcspn(id, "."), id);
        sim_chat(run->world, user, id);
        return;
    }
    char *id = run->ids[run->count];
    snprintf(id, sizeof run->ids[0], "%s.%zu", user, run->count);
    run->count++;
    switch (below(run, 20)) {
    case 0:
        sim_send(run->world, user,
                 "{\"type\":\"key.check\",\"id\":\"%s\",\"user\":\"%s\",\"provider\":\"openai\"}",
                 id, user);
        break;
    case 1:
        sim_send(run->world, user,
                 "{\"id\":\"%s\",\"user\":\"%s\",\"capability\":\"embeddings\",\"provider\":"
                 "\"openai\",\"input\":[\"a\",\"b\"]}",
                 id, user);
        break;
    case 2:
        sim_send(run->world, user,
                 "{\"id\":\"%s\",\"user\":\"%s\",\"capability\":\"chat\",\"provider\":\"openai\","
                 "\"prompt\":\"x\",\"on_unknown\":\"retry\",\"timeout_ms\":%d}",
                 id, user, 1000 + (int)below(run, 100000));
        break;
    default:
        if (below(run, 20) == 0 && run->world->key_count < SIM_KEYS_MAX)
            sim_register(run->world, user, "openai", id);
        else
            sim_chat(run->world, user, id);
    }
}

static struct sim_worker *any_alive(struct run *run)
{
    struct sim_worker *worker = run->workers[below(run, 2)];
    return worker->alive ? worker : run->workers[0]->alive ? run->workers[0] : run->workers[1];
}

/* Whoever lives gets what nobody has, but for a worker that has not heard yet that it lost it. */
static void give_away(struct run *run)
{
    for (int32_t p = 0; p < run->world->cluster.partitions; p++) {
        struct sim_worker *worker = any_alive(run);
        if (!run->world->cluster.owners[p].worker && !sim_partition(worker, p))
            sim_assign(worker, p);
    }
}

static void disturb(struct run *run)
{
    struct sim_world *world = run->world;
    struct sim_worker *worker = any_alive(run);
    int32_t p = (int32_t)below(run, (uint64_t)world->cluster.partitions);
    switch (below(run, run->calm ? 5 : 9)) {
    case 0:
    case 1:
        if (world->cluster.owners[p].worker != worker)
            sim_revoke(world, p, worker);
        break;
    case 2:
        worker->state->writes_fail = !worker->state->writes_fail;
        break;
    case 3:
        world->cluster.down = !world->cluster.down;
        break;
    case 4:
        worker->state->reads_fail = !worker->state->reads_fail;
        break;
    case 5: /* a vault that rests holds calls back that limits have let go, so not in calm runs */
        worker->vault_store->writes_fail = !worker->vault_store->writes_fail;
        break;
    case 6:
        sim_lose(world, p, sim_partition(worker, p) ? NULL : worker);
        break;
    default:
        worker->state->writes_fail = worker->state->reads_fail = false;
        worker->vault_store->writes_fail = false;
        sim_worker_restart(worker, below(run, 2));
        give_away(run);
    }
}

static void heal(struct run *run)
{
    for (size_t i = 0; i < 2; i++) {
        run->workers[i]->state->writes_fail = run->workers[i]->state->reads_fail = false;
        run->workers[i]->vault_store->writes_fail = false;
    }
    run->world->cluster.down = false;
    sim_fault_chance(0, 0);
    give_away(run);
}

static void set_up(struct run *run)
{
    struct sim_world *world = run->world = sim_world_new(run->seed, 3);
    run->calm = run->seed % 3 == 0;
    run->rough = run->calm ? 0 : (unsigned)below(run, 300);
    world->answer_arg = run;
    world->answer = answer;
    world->commits_max = 1 + (uint32_t)below(run, 4);
    world->commit_delay_us = 2000 + (int64_t)below(run, 100000);
    world->commit_fails = (unsigned)below(run, 150);
    world->chunk_fails = (unsigned)below(run, 100);
    world->record_repeats = (unsigned)below(run, 100);
    world->offset_holes = (unsigned)below(run, 300);
    world->slots = run->calm ? 64 : 2 + (uint32_t)below(run, 20);
    world->settings.window = 1 + (uint32_t)below(run, 64);
    world->settings.commit_tasks_max = 1 + (uint32_t)below(run, 30);
    world->settings.drain_us = (run->calm ? 36000 : (int64_t)below(run, 60)) * SIM_S;
    world->settings.deadline_us = 7200 * SIM_S;
    world->settings.user_idle_us = (int64_t)below(run, 60) * SIM_S;
    world->settings.user_concurrency = (int64_t)below(run, 5);
    world->settings.held_bytes_max = 3000 + below(run, 100000);
    run->workers[0] = sim_worker_start_all(world);
    run->workers[1] = sim_worker_start(world);
    for (uint64_t i = 0; i < USERS; i++) {
        char user[16];
        name_user(i, user, sizeof user);
        sim_register(world, user, "openai", "r");
        run->limited[i] = below(run, 2);
        if (run->limited[i])
            sim_send(world, user,
                     "{\"type\":\"user.configure\",\"id\":\"c\",\"user\":\"%s\",\"limits\":{"
                     "\"requests_per_minute\":%d}}",
                     user, PER_MINUTE);
    }
    if (!run->calm && below(run, 3) == 0)
        sim_fault_chance(run->seed, 20);
}

static void play(struct run *run)
{
    for (int step = 0; step < 40; step++) {
        for (uint64_t n = below(run, 12); n > 0; n--)
            send_request(run);
        if (below(run, 3) == 0)
            disturb(run);
        sim_run_for(run->world, (int64_t)below(run, below(run, 4) ? 500000 : 30 * (uint64_t)SIM_S));
        if (step % 10 == 9)
            give_away(run);
    }
    heal(run);
}

/* ---- what must hold ---- */

static size_t count_usage(const struct sim_world *world, const char *id)
{
    size_t found = 0;
    for (int32_t p = 0; p < world->cluster.partitions; p++) {
        const struct sim_topic *log = &world->cluster.topics[BYOK_TOPIC_USAGE][p];
        for (size_t i = 0; i < log->count; i++)
            found +=
                byok_str_is(byok_record_header_of(log->records[i], BYOK_HEADER_REQUEST_ID), id);
    }
    return found;
}

static size_t count_sent(const struct byok_value *result)
{
    const struct byok_value *attempts = byok_value_find(result, "attempts");
    size_t sent = 0;
    for (uint32_t i = 0; byok_value_is(attempts, BYOK_VALUE_ARRAY) && i < attempts->count; i++) {
        const struct byok_value *one = byok_value_find(&attempts->as.items[i], "sent");
        sent += byok_value_is(one, BYOK_VALUE_BOOL) && one->as.boolean;
    }
    return sent;
}

static void check_request(struct run *run, const char *id)
{
    struct byok_arena arena;
    struct byok_value result;
    byok_arena_init(&arena, 0);
    size_t results = sim_results(run->world, id, &arena, &result);
    if (results != 1)
        fail(run, "%s has %zu results", id, results);
    if (results > 0) {
        size_t sent = count_sent(&result), calls = sim_calls(run->world, id);
        bool job = byok_str_is(byok_value_as_str(byok_value_find(&result, "type")), "job");
        if (calls < sent)
            fail(run, "%s: %zu calls, but %zu attempts were sent", id, calls, sent);
        if (job && sent < 16 && count_usage(run->world, id) != sent)
            fail(run, "%s: %zu usage events for %zu attempts", id, count_usage(run->world, id),
                 sent);
    }
    byok_arena_done(&arena);
}

static void check_ledger(struct run *run)
{
    const struct sim_ledger *ledger = &run->world->ledger;
    for (size_t i = 0; i < ledger->count; i++) {
        const struct sim_entry *entry = &ledger->entries[i];
        size_t len = strcspn(entry->id, ".");
        if (entry->id[len] && (strlen(entry->user) != len || memcmp(entry->id, entry->user, len)))
            fail(run, "%s was sent with the key of \"%s\"", entry->id, entry->user);
    }
    for (uint64_t i = 0; i < USERS && run->calm; i++) {
        char user[16];
        name_user(i, user, sizeof user);
        size_t most = sim_busiest_minute(run->world, user);
        if (run->limited[i] && most > PER_MINUTE)
            fail(run, "%zu calls of %s in a minute", most, user);
    }
}

static void check_rest(struct run *run)
{
    struct sim_world *world = run->world;
    if (sim_leaked(world))
        fail(run, "a raw key was published or logged");
    for (size_t i = 0; i < 2; i++) {
        struct sim_worker *worker = run->workers[i];
        if (worker->env.partitions->held_bytes != 0)
            fail(run, "worker %zu holds %zu bytes", i, worker->env.partitions->held_bytes);
        if (byok_slots_leased(worker->slots) != 0)
            fail(run, "worker %zu leases %u slots", i, byok_slots_leased(worker->slots));
        if (worker->env.partitions->paused)
            fail(run, "worker %zu is paused", i);
    }
    if (sim_count(world, BYOK_TOPIC_DLQ) != 0)
        fail(run, "%zu dead letters", sim_count(world, BYOK_TOPIC_DLQ));
}

static bool play_seed(uint64_t seed)
{
    static struct run run;
    run = (struct run){.seed = seed};
    set_up(&run);
    play(&run);
    bool done = false;
    for (int i = 0; i < 200 && !done; i++) { /* what is released late goes to somebody too */
        give_away(&run);
        done = sim_run_until_done(run.world, 100 * SIM_S);
    }
    if (!done)
        fail(&run, "not done after hours%s", run.world->stuck ? ": the actors go round" : "");
    sim_run_for(run.world, 100 * SIM_S);
    for (size_t i = 0; i < run.count; i++)
        check_request(&run, run.ids[i]);
    check_ledger(&run);
    check_rest(&run);
    sim_world_free(run.world);
    return run.failed == 0;
}

static uint64_t number_of(const char *name, uint64_t otherwise)
{
    const char *text = getenv(name);
    return text ? strtoull(text, NULL, 10) : otherwise;
}

int main(int argc, char **argv)
{
    uint64_t first = number_of("BYOK_SIM_SEED", 1), runs = number_of("BYOK_SIM_RUNS", 200);
    for (uint64_t seed = first; seed < first + runs; seed++) {
        if (play_seed(seed))
            continue;
        fprintf(stderr, "again: BYOK_SIM_SEED=%" PRIu64 " BYOK_SIM_RUNS=1 %s\n", seed,
                argc > 0 ? argv[0] : "test_sim_random");
        return 1;
    }
    printf("%" PRIu64 " runs\n", runs);
    return 0;
}
