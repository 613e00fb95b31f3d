/* SPDX-License-Identifier: MIT */
/* tests/sim/world.c - making a world, its workers' lives, and the passing of time. */
#include "tests/sim/world.h"

#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/mem.h"

static const char *const kind_names[SIM_FAULT_COUNT] = {
#define KIND(id, name) [SIM_FAULT_##id] = name,
#include "tests/sim/sim_kinds.def"
#undef KIND
};

#define ROUNDS_MAX 20000 /* of all systems without time passing: more is a livelock */

static void must(enum byok_err err, const struct byok_fault *fault, const char *what)
{
    if (err == BYOK_E_OK)
        return;
    fprintf(stderr, "%s: %s: %s\n", what, byok_err_name(err), fault->text);
    abort();
}

static void default_settings(struct byok_settings *settings)
{
    *settings = (struct byok_settings){
        .burst_percent = 10,
        .attempts_max = 4,
        .backoff_base_us = 200000,
        .backoff_max_us = 5000000,
        .deadline_us = 600 * SIM_S,
        .drain_us = 20 * SIM_S,
        .envelope_max_age_ms = 3600000,
        .commit_linger_us = 2000,
        .bulk_linger_us = 5000,
        .key_recheck_us = 60 * SIM_S,
        .stream_linger_us = 20000,
        .user_idle_us = 30 * SIM_S,
        .counters_keep_days = 400,
        .done_keep_ms = (int64_t)86400 * 1000,
        .at_least_once = true,
        .rewrap = true,
        .held_bytes_max = (size_t)64 << 20,
        .request_max_bytes = (size_t)256 << 10,
        .answer_max_bytes = (size_t)1 << 20,
        .payload_inline_max = (size_t)1 << 20,
        .payload_max_bytes = (size_t)64 << 10,
        .payload_timeout_us = 30 * SIM_S,
        .commit_tasks_max = 100,
        .window = 64,
        .queue = 1000,
        .park_after_us = 10 * SIM_S,
    };
}

static void make_providers(struct sim_world *world)
{
    static const char *const names[SIM_PROVIDERS] = {"openai", "other"};
    static const char *const urls[SIM_PROVIDERS] = {"https://openai.test/v1",
                                                    "https://other.test/v1"};
    for (size_t i = 0; i < SIM_PROVIDERS; i++) {
        struct byok_fault fault = {0};
        struct byok_provider *provider = &world->providers[i];
        *provider = (struct byok_provider){.name = names[i], .base_url = urls[i]};
        provider->default_model[BYOK_CHAT] = "gpt-sim";
        provider->default_model[BYOK_EMBEDDINGS] = "embed-sim";
        provider->default_model[BYOK_TEXT_TO_SPEECH] = "speak-sim";
        provider->default_model[BYOK_SPEECH_TO_TEXT] = "listen-sim";
        must(byok_provider_complete(&world->arena, provider, "openai", &fault), &fault, "provider");
        world->provider_settings[i] =
            (struct byok_provider_settings){.concurrency = 16,
                                            .concurrency_min = 4,
                                            .timeout_us = 30 * SIM_S,
                                            .connect_timeout_us = 5 * SIM_S,
                                            .breaker = {6, 50, 10 * SIM_S, SIM_S, 30 * SIM_S, 2}};
    }
}

struct sim_world *sim_world_new(uint64_t seed, int32_t partitions)
{
    if (sodium_init() < 0 || partitions > SIM_PARTITIONS_MAX)
        abort();
    struct sim_world *world = sim_new(1, sizeof *world);
    struct byok_fault fault = {0};
    sim_clock_init(&world->clock, seed);
    sim_log_init(&world->log);
    world->log.now_us = &world->clock.now_us;
    default_settings(&world->settings);
    make_providers(world);
    world->cluster.partitions = partitions;
    world->slots = 32;
    world->commits_max = 1;
    world->idle_poll_us = 20000;
    world->commit_delay_us = 4000;
    world->restore_delay_us = 1000;
    world->note_delay_us = 2000;
    world->payload_delay_us = 20000;
    must(byok_keyring_new(&world->ring, &fault), &fault, "key ring");
    const struct byok_str master =
        BYOK_STR("000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f");
    must(byok_keyring_add(world->ring, 1, master, &fault), &fault, "master key");
    return world;
}

void sim_note(struct sim_world *world, enum sim_kind kind)
{
    world->faults[kind]++;
}

const char *sim_kind_name(enum sim_kind kind)
{
    return kind_names[kind];
}

/* ---- a host's clocks ---- */

static int64_t host_now_us(struct byok_clock *clock)
{
    const struct sim_host_clock *host = (const struct sim_host_clock *)clock;
    return sim_clock_look(&host->world->clock) + host->ahead_us;
}

static int64_t host_wall_ms(struct byok_clock *clock)
{
    const struct sim_host_clock *host = (const struct sim_host_clock *)clock;
    return host->world->clock.wall_ms + host->world->clock.now_us / 1000 + host->wall_ahead_ms;
}

static uint64_t host_random(struct byok_clock *clock)
{
    return sim_random(&((struct sim_host_clock *)clock)->world->clock);
}

static const struct byok_clock_ops host_ops = {host_now_us, host_wall_ms, host_random};

/* ---- workers ---- */

static void wake(void *arg)
{
    ((struct sim_worker *)arg)->awake = true;
}

static void on_stopped(void *arg)
{
    ((struct sim_worker *)arg)->stopped = true;
}

static void fill_env(struct sim_worker *worker)
{
    struct sim_world *world = worker->world;
    worker->env = (struct byok_env){
        .settings = &world->settings,
        .providers = world->providers,
        .provider_settings = world->provider_settings,
        .provider_count = SIM_PROVIDERS,
        .broker = &worker->broker.broker,
        .notes = world->no_ledger ? NULL : &worker->notes.notes,
        .payload_port = &worker->payloads.port,
        .owner = "sim",
        .http = &worker->http.http,
        .clock = &worker->clock.clock,
        .log = &world->log.log,
        .metrics = &worker->metrics,
        .state = &worker->state->store,
        .slots = worker->slots,
        .stopped = on_stopped,
        .stopped_arg = worker,
    };
    worker->vault_env = worker->env;
}

/* A process that cannot read its disk does not start; it is started until it does. */
static void open_vault(struct sim_worker *worker)
{
    struct sim_store *store = worker->vault_store;
    const struct sim_store before = *store;
    struct byok_fault fault = {0};
    store->writes_fail = store->reads_fail = false;
    store->error_chance = 0;
    must(byok_vault_new(worker->world->ring, &store->store, worker->slots, &worker->vault, &fault),
         &fault, "vault");
    byok_vault_public_key(worker->vault, worker->world->public_key);
    store->writes_fail = before.writes_fail;
    store->reads_fail = before.reads_fail;
    store->error_chance = before.error_chance;
}

static void start_up(struct sim_worker *worker)
{
    struct sim_world *world = worker->world;
    struct byok_fault fault = {0};
    if (worker->broker.txn.id != 0) /* its own of an earlier life: InitProducerId ends it */
        sim_txn_end(worker, worker->broker.txn.asked);
    worker->life++;
    worker->metrics = (struct byok_metrics){0};
    worker->crash_in = 0;
    worker->frozen_until_us = 0;
    worker->clock.clock.ops = &host_ops;
    worker->clock.world = world;
    sim_broker_init(&worker->broker, worker);
    sim_http_init(&worker->http, worker);
    sim_notes_init(&worker->notes, worker);
    sim_payloads_init(&worker->payloads, worker);
    must(byok_slots_new(world->slots, &worker->slots, &fault), &fault, "slots");
    open_vault(worker);
    fill_env(worker);
    worker->env.partitions = byok_partitions_new();
    struct byok_clock *clock = &worker->clock.clock;
    worker->vault_system = byok_system_new(&worker->vault_env, clock, wake, worker);
    worker->system = byok_system_new(&worker->env, clock, wake, worker);
    if (!worker->env.partitions || !worker->vault_system || !worker->system)
        abort();
    worker->env.vault = byok_vault_actor(worker->vault_system, worker->vault);
    if (!worker->env.vault || byok_shard_actors(worker->system, &worker->env) != BYOK_E_OK)
        abort();
    worker->alive = worker->awake = true;
    worker->stopped = worker->stopping = false;
}

struct sim_worker *sim_worker_start(struct sim_world *world)
{
    struct sim_worker *worker = &world->workers[world->worker_count++];
    worker->world = world;
    worker->state = sim_store_new(world);
    worker->vault_store = sim_store_new(world);
    start_up(worker);
    return worker;
}

void sim_worker_crash(struct sim_worker *worker)
{
    if (!worker->alive)
        return;
    worker->alive = false;
    sim_clock_drop(&worker->world->clock, &worker->http);
    sim_clock_drop(&worker->world->clock, &worker->notes);
    sim_clock_drop(&worker->world->clock, &worker->payloads);
    sim_clock_drop(&worker->world->clock, &worker->broker);
    byok_system_free(worker->system);
    byok_system_free(worker->vault_system);
    sim_broker_crash(&worker->broker);
    byok_partitions_free(worker->env.partitions);
    byok_delete(worker->env.provider_actors);
    byok_vault_free(worker->vault);
    if (byok_slots_leased(worker->slots) != 0) {
        fprintf(stderr, "%u slots were left leased\n", byok_slots_leased(worker->slots));
        abort();
    }
    byok_slots_free(worker->slots);
    worker->system = worker->vault_system = NULL;
}

void sim_worker_restart(struct sim_worker *worker, bool empty_stores)
{
    sim_worker_crash(worker);
    if (empty_stores) {
        worker->disk++;
        sim_store_free(worker->state);
        sim_store_free(worker->vault_store);
        worker->state = sim_store_new(worker->world);
        worker->vault_store = sim_store_new(worker->world);
    }
    start_up(worker);
}

void sim_worker_stop(struct sim_worker *worker)
{
    struct byok_msg *msg = &worker->stop_msg;
    if (worker->stopping)
        return;
    worker->stopping = true;
    byok_post(worker->env.intake, BYOK_MSG_STOP, &msg);
}

void sim_worker_freeze(struct sim_worker *worker, int64_t us)
{
    worker->frozen_until_us = worker->world->clock.now_us + us;
}

void sim_world_free(struct sim_world *world)
{
    if (!world)
        return;
    for (size_t i = 0; i < world->worker_count; i++) {
        sim_worker_crash(&world->workers[i]);
        sim_store_free(world->workers[i].state);
        sim_store_free(world->workers[i].vault_store);
    }
    sim_clock_done(&world->clock);
    sim_cluster_done(&world->cluster);
    sim_watch_done(&world->watch);
    sim_objects_done(world);
    byok_keyring_free(world->ring);
    byok_arena_done(&world->arena);
    byok_delete(world->ledger.entries);
    byok_delete(world);
}

/* ---- time ---- */

static int64_t next_timer_us(const struct sim_worker *worker)
{
    int64_t a = byok_system_next_timer_us(worker->system);
    int64_t b = byok_system_next_timer_us(worker->vault_system);
    int64_t first = a < b ? a : b;
    if (first == INT64_MAX)
        return first;
    first -= worker->clock.ahead_us;
    return first > worker->frozen_until_us ? first : worker->frozen_until_us;
}

/* Killed between two messages, wherever they are. */
static void run_to_crash(struct sim_worker *worker)
{
    bool more = true;
    while (more && worker->crash_in > 0) {
        more = byok_system_run(worker->vault_system, 1);
        more |= byok_system_run(worker->system, 1);
        worker->crash_in--;
    }
    worker->awake = worker->awake || more;
    if (worker->crash_in > 0)
        return;
    sim_note(worker->world, SIM_FAULT_CRASH);
    sim_worker_crash(worker);
}

static bool run_worker(struct sim_worker *worker)
{
    if (!worker->alive || worker->frozen_until_us > worker->world->clock.now_us)
        return false;
    if (!worker->awake && next_timer_us(worker) > worker->world->clock.now_us)
        return false;
    worker->awake = false;
    if (worker->crash_in > 0) {
        run_to_crash(worker);
        return true;
    }
    sim_fault_enter();
    bool more = byok_system_run(worker->vault_system, 1000);
    more |= byok_system_run(worker->system, 1000);
    sim_fault_leave();
    worker->awake = worker->awake || more;
    return true;
}

static void run_till_quiet(struct sim_world *world)
{
    bool any = true;
    for (int round = 0; any; round++) {
        if (round > ROUNDS_MAX) {
            world->stuck = true;
            return;
        }
        any = false;
        for (size_t i = 0; i < world->worker_count; i++)
            any |= run_worker(&world->workers[i]);
    }
}

/* One step: what is to be done now, then to the next moment at which something happens. */
static bool step(struct sim_world *world, int64_t until_us)
{
    run_till_quiet(world);
    int64_t next_us = sim_clock_next_us(&world->clock);
    for (size_t i = 0; i < world->worker_count; i++) {
        const struct sim_worker *worker = &world->workers[i];
        if (!worker->alive)
            continue;
        if (worker->awake && worker->frozen_until_us > world->clock.now_us &&
            worker->frozen_until_us < next_us)
            next_us = worker->frozen_until_us;
        int64_t timer_us = next_timer_us(&world->workers[i]);
        next_us = timer_us < next_us ? timer_us : next_us;
    }
    bool goes_on = next_us <= until_us && !world->stuck;
    sim_clock_advance(&world->clock, goes_on ? next_us : until_us);
    if (!goes_on)
        run_till_quiet(world);
    return goes_on;
}

void sim_run_for(struct sim_world *world, int64_t us)
{
    int64_t until_us = world->clock.now_us + us;
    while (step(world, until_us))
        ;
}

bool sim_run_until(struct sim_world *world, bool (*is_so)(struct sim_world *world), int64_t us)
{
    int64_t until_us = world->clock.now_us + us;
    while (!is_so(world)) {
        if (!step(world, until_us))
            return is_so(world);
    }
    return true;
}

bool sim_all_committed(struct sim_world *world)
{
    for (int32_t p = 0; p < world->cluster.partitions; p++) {
        const struct sim_topic *log = &world->cluster.topics[BYOK_TOPIC_REQUESTS][p];
        if (log->count > 0 &&
            world->cluster.owners[p].committed <= log->records[log->count - 1]->offset)
            return false;
    }
    return true;
}

size_t sim_parked(const struct sim_world *world)
{
    size_t count = 0;
    for (int32_t p = 0; p < world->cluster.partitions; p++)
        count += sim_parked_count(world->cluster.parked[p]);
    return count;
}

int64_t sim_metric(struct sim_worker *worker, enum byok_metric metric)
{
    return worker->metrics.values[metric];
}

static bool all_done(struct sim_world *world)
{
    bool all = world->producing == 0 && sim_all_committed(world);
    if (!world->settings.at_least_once)
        return all && sim_parked(world) == 0;
    /* a batch that was written in part may have left a place in the changelog, which the owner's
     * table does not have; the next owner finds it
     * and may have to wait for a claim */
    for (size_t i = 0; i < world->worker_count && all; i++)
        all = !world->workers[i].alive || world->workers[i].env.partitions->held_bytes == 0;
    for (const struct sim_request *r = world->watch.requests; r && all; r = r->hh.next)
        all = r->records == 0 || r->results > 0 || r->dead;
    /* of such a batch the result may be seen, and its claim too: a parked one then waits for long */
    for (size_t i = 0; all && i < world->worker_count; i++)
        all = !world->workers[i].alive || sim_metric(&world->workers[i], BYOK_METRIC_OPEN) == 0;
    return all;
}

bool sim_run_until_done(struct sim_world *world, int64_t us)
{
    return sim_run_until(world, all_done, us);
}

struct byok_partition *sim_partition(struct sim_worker *worker, int32_t partition)
{
    return worker->alive ? byok_partition_find(worker->env.partitions, partition) : NULL;
}

bool sim_is_running(struct sim_worker *worker, int32_t partition)
{
    const struct byok_partition *found = sim_partition(worker, partition);
    return found && found->phase == BYOK_PHASE_RUNNING;
}

static bool all_run(struct sim_world *world)
{
    for (int32_t p = 0; p < world->cluster.partitions; p++) {
        struct sim_worker *owner = world->cluster.owners[p].worker;
        if (!owner || !sim_is_running(owner, p))
            return false;
    }
    return true;
}

struct sim_worker *sim_worker_start_all(struct sim_world *world)
{
    struct sim_worker *worker = sim_worker_start(world);
    for (int32_t p = 0; p < world->cluster.partitions; p++)
        sim_assign(worker, p);
    if (!sim_run_until(world, all_run, 60 * SIM_S))
        abort();
    return worker;
}
