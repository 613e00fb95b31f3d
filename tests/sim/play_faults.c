/* SPDX-License-Identifier: MIT */
/* tests/sim/play_faults.c - what goes wrong in a random run. */
#include "tests/sim/play_parts.h"

#define SESSION_US (10 * SIM_S) /* after which the group gives a silent member up */

static uint64_t below(struct sim_play *play, uint64_t n)
{
    return sim_below(&play->world->clock, n);
}

static bool is_up(const struct sim_worker *worker)
{
    return worker->alive && !worker->env.partitions->stopping &&
           worker->frozen_until_us <= worker->world->clock.now_us;
}

static struct sim_worker *any_up(struct sim_play *play)
{
    size_t first = (size_t)below(play, PLAY_WORKERS);
    for (size_t i = 0; i < PLAY_WORKERS; i++) {
        struct sim_worker *worker = play->workers[(first + i) % PLAY_WORKERS];
        if (is_up(worker))
            return worker;
    }
    return NULL;
}

/* ---- tending ---- */

static void start_again(struct sim_play *play, struct sim_worker *worker)
{
    /* another boot, another beginning of the monotonic clock */
    worker->clock.ahead_us = (int64_t)below(play, 1000 * (uint64_t)SIM_S);
    sim_worker_restart(worker, false);
}

void play_tend(struct sim_play *play)
{
    struct sim_world *world = play->world;
    for (size_t i = 0; i < PLAY_WORKERS; i++) {
        if (!play->workers[i]->alive || play->workers[i]->stopped)
            start_again(play, play->workers[i]);
    }
    for (int32_t p = 0; p < world->cluster.partitions; p++) {
        struct sim_worker *worker = any_up(play);
        if (worker && !world->cluster.owners[p].worker && !sim_partition(worker, p) &&
            !worker->broker.shares[p].assigned)
            sim_assign(worker, p);
    }
}

/* ---- the group ---- */

static void on_told(void *arg)
{
    struct sim_worker *worker = arg;
    if (worker->alive)
        sim_tell_lost(worker);
}

static void tell_in(struct sim_worker *worker, int64_t us)
{
    sim_clock_in(&worker->world->clock, us, worker, on_told, NULL, worker);
}

static void rebalance(struct sim_play *play, struct sim_worker *worker, int32_t p)
{
    struct sim_owner *owner = &play->world->cluster.owners[p];
    if (owner->worker == worker || (owner->worker && !is_up(owner->worker)))
        return;
    sim_note(play->world, SIM_FAULT_REBALANCE);
    sim_revoke(play->world, p, worker);
}

static void lose(struct sim_play *play, struct sim_worker *worker, int32_t p)
{
    struct sim_owner *owner = &play->world->cluster.owners[p];
    if (owner->worker && !is_up(owner->worker))
        return;
    sim_note(play->world, SIM_FAULT_LOST);
    sim_lose(play->world, p, owner->worker == worker ? NULL : worker);
}

static void make_zombie(struct sim_play *play, struct sim_worker *worker)
{
    sim_note(play->world, play->world->static_members ? SIM_FAULT_REPLACED : SIM_FAULT_ZOMBIE);
    for (int32_t p = 0; p < play->world->cluster.partitions; p++) {
        if (play->world->cluster.owners[p].worker == worker)
            sim_expel(play->world, p, any_up(play));
    }
    tell_in(worker, (int64_t)below(play, 60 * (uint64_t)SIM_S));
}

static void on_session_end(void *arg)
{
    struct sim_worker *worker = arg;
    struct sim_world *world = worker->world;
    if (worker->frozen_until_us <= world->clock.now_us)
        return;
    for (int32_t p = 0; p < world->cluster.partitions; p++) {
        if (world->cluster.owners[p].worker == worker)
            sim_expel(world, p, NULL);
    }
}

static void freeze(struct sim_play *play, struct sim_worker *worker)
{
    int64_t us = (int64_t)below(play, 90 * (uint64_t)SIM_S);
    sim_note(play->world, SIM_FAULT_FROZEN);
    sim_worker_freeze(worker, us);
    sim_clock_in(&play->world->clock, SESSION_US, worker, on_session_end, NULL, worker);
    tell_in(worker, us + (int64_t)below(play, 5 * (uint64_t)SIM_S));
}

/* ---- the process and its disk ---- */

static void power_cut(struct sim_play *play, struct sim_worker *worker)
{
    sim_worker_crash(worker);
    if (below(play, 4) == 0) {
        sim_note(play->world, SIM_FAULT_DISK_LOST);
        worker->clock.ahead_us = (int64_t)below(play, 1000 * (uint64_t)SIM_S);
        sim_worker_restart(worker, true);
        return;
    }
    sim_note(play->world, SIM_FAULT_POWER_CUT);
    sim_store_tear(worker->state, 30);
    sim_store_tear(worker->vault_store, 5);
}

static void trouble_disk(struct sim_play *play, struct sim_worker *worker)
{
    bool *const all[] = {&worker->state->writes_fail, &worker->state->reads_fail,
                         &worker->vault_store->writes_fail};
    bool *what = all[below(play, 3)];
    *what = !*what;
    if (*what)
        sim_note(play->world, SIM_FAULT_DISK_ERROR);
}

static void jump(struct sim_play *play, struct sim_worker *worker)
{
    int64_t ms = (int64_t)below(play, 7200000) - 3600000;
    sim_budget_jumped(play->world, worker); /* what it has shown up to now, and from now on */
    worker->clock.wall_ahead_ms += ms;
    sim_budget_jumped(play->world, worker);
    play->world->clock_jumped = true;
    sim_note(play->world, SIM_FAULT_CLOCK_JUMP);
}

/* Somebody who may write to the vault's topic appends an older record of a key.  The next owner of the
 * partition restores it; who has the partition does not read the topic, so here nobody has. */
static void put_back(struct sim_play *play, struct sim_worker *worker, int32_t p)
{
    struct sim_world *world = play->world;
    const struct sim_topic *log = &world->cluster.topics[BYOK_TOPIC_VAULT][p];
    size_t older = log->count > 0 ? (size_t)below(play, log->count) : 0, newer = log->count;
    if (world->cluster.owners[p].worker != worker)
        return;
    for (size_t i = older + 1; i < log->count && newer == log->count; i++) {
        if (sim_is_visible(log, older) && sim_is_visible(log, i) &&
            byok_str_eq(log->records[i]->key, log->records[older]->key))
            newer = i;
    }
    if (newer == log->count)
        return;
    sim_note(world, SIM_FAULT_KEY_PUT_BACK);
    sim_worker_crash(worker);
    const struct byok_record *record = log->records[older];
    sim_append(world, BYOK_TOPIC_VAULT, p, record->key, record->value, NULL, 0, 0);
}

static void disturb_worker(struct sim_play *play, uint32_t kind, struct sim_worker *worker)
{
    int32_t p = (int32_t)below(play, (uint64_t)play->world->cluster.partitions);
    if (kind == PLAY_REBALANCE)
        rebalance(play, worker, p);
    else if (kind == PLAY_LOSS)
        lose(play, worker, p);
    else if (kind == PLAY_ZOMBIE)
        make_zombie(play, worker);
    else if (kind == PLAY_FREEZE)
        freeze(play, worker);
    else if (kind == PLAY_CRASH)
        worker->crash_in = 1 + below(play, 300);
    else if (kind == PLAY_POWER)
        power_cut(play, worker);
    else if (kind == PLAY_DISK)
        trouble_disk(play, worker);
    else if (kind == PLAY_CLOCK)
        jump(play, worker);
    else if (kind == PLAY_ROLLBACK)
        put_back(play, worker, p);
}

void play_disturb(struct sim_play *play)
{
    struct sim_world *world = play->world;
    uint32_t kind = 1u << below(play, 12); /* those that are moments, not chances */
    struct sim_worker *worker = any_up(play);
    if (!(play->faults & kind) || !worker)
        return;
    if (kind == PLAY_BROKER) {
        world->cluster.down = !world->cluster.down;
        if (world->cluster.down)
            sim_note(world, SIM_FAULT_BROKER_DOWN);
    } else if (kind == PLAY_OUTAGE) {
        sim_note(world, SIM_FAULT_OUTAGE);
        play->away_until_us = world->clock.now_us + (int64_t)below(play, 120 * (uint64_t)SIM_S);
        play->all_away = below(play, 2);
    } else if (kind == PLAY_STOP) {
        sim_note(world, SIM_FAULT_RESTART);
        sim_worker_stop(worker);
    } else {
        disturb_worker(play, kind, worker);
    }
}

void play_heal(struct sim_play *play)
{
    struct sim_world *world = play->world;
    sim_fault_chance(0, 0);
    world->cluster.down = false;
    world->commit_fails = world->chunk_fails = world->torn_batches = 0;
    world->record_repeats = world->record_delays = 0;
    world->producer_late = world->producer_twice = 0;
    world->note_crashes = world->notes_late = world->note_repeats = 0;
    world->payload_fails = world->payload_changes = world->upload_fails = 0;
    play->rough = 0;
    for (size_t i = 0; i < world->key_count && play->renews; i++)
        world->keys[i].quota.limits.window_us = 0;
    play->away_until_us = 0;
    for (size_t i = 0; i < world->key_count; i++)
        world->keys[i].revoked = false; /* of those that nobody has replaced, a try finds it out */
    for (size_t i = 0; i < PLAY_WORKERS; i++) {
        struct sim_worker *worker = play->workers[i];
        worker->crash_in = 0;
        worker->frozen_until_us = 0;
        worker->state->writes_fail = worker->state->reads_fail = false;
        worker->vault_store->writes_fail = false;
        worker->state->error_chance = worker->vault_store->error_chance = 0;
        if (worker->alive)
            sim_tell_lost(worker);
    }
    play_tend(play);
}
