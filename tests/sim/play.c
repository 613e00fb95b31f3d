/* SPDX-License-Identifier: MIT */
/* tests/sim/play.c - see tests/sim/play.h. */
#include "tests/sim/play.h"

#include "tests/sim/play_parts.h"

#define STEPS 40

static uint64_t below(struct sim_play *play, uint64_t n)
{
    return sim_below(&play->world->clock, n);
}

/* A chance below `most`, if the seed has that kind of fault. */
static unsigned chance(struct sim_play *play, uint32_t kind, uint64_t most)
{
    unsigned drawn = (unsigned)below(play, most); /* drawn in any case */
    return play->faults & kind ? drawn : 0;
}

static void set_chances(struct sim_play *play)
{
    struct sim_world *world = play->world;
    play->rough = chance(play, PLAY_PROVIDER, 300);
    world->commit_fails = chance(play, PLAY_COMMITS, 150);
    world->torn_batches = chance(play, PLAY_COMMITS, 1000);
    world->chunk_fails = chance(play, PLAY_BROKER, 100);
    world->record_repeats = chance(play, PLAY_RECORDS, 100);
    world->record_delays = chance(play, PLAY_RECORDS, 100);
    world->producer_late = chance(play, PLAY_PRODUCER, 200);
    world->producer_twice = chance(play, PLAY_PRODUCER, 100);
    world->note_crashes = chance(play, PLAY_CRASH, 10);
    world->static_members = below(play, 4) == 0;
    world->notes_late = chance(play, PLAY_ZOMBIE, 1000);
    world->note_repeats = chance(play, PLAY_ZOMBIE, 100);
    world->spells = chance(play, PLAY_PROVIDER, 500);
    world->payload_fails = chance(play, PLAY_PAYLOADS, 600);
    world->offset_holes = (unsigned)below(play, 300);
}

static void set_sizes(struct sim_play *play)
{
    struct sim_world *world = play->world;
    struct byok_settings *settings = &world->settings;
    world->commits_max = 1 + (uint32_t)below(play, 4);
    world->commit_delay_us = 2000 + (int64_t)below(play, 100000);
    world->note_delay_us = 1000 + (int64_t)below(play, 100000);
    world->payload_delay_us = 1000 + (int64_t)below(play, 2 * (uint64_t)SIM_S);
    world->idle_poll_us = 100000;
    world->slots = 2 + (uint32_t)below(play, 30);
    settings->payload_inline_max = 512;
    settings->at_least_once = play->seed % 5 == 4;
    world->host_ledger = play->seed % 8 == 7;
    world->no_ledger = play->seed % 8 == 3;
    settings->on_invalid_waits = below(play, 2);
    settings->bulk_linger_us = (int64_t)below(play, 3) * 20000;
    world->provider_settings[0].bulk_texts = below(play, 2) ? 1 + (uint32_t)below(play, 12) : 0;
    settings->window = 1 + (uint32_t)below(play, 64);
    settings->queue = (uint32_t)below(play, 20);
    settings->park_after_us = (int64_t)below(play, 10) * SIM_S;
    settings->commit_interval_us = (int64_t)(play->seed % 3) * 25000;
    settings->commit_tasks_max = 1 + (uint32_t)below(play, 30);
    settings->drain_us = (int64_t)below(play, 60) * SIM_S;
    settings->deadline_us = 7200 * SIM_S;
    world->deadlines_far = true;
    settings->user_idle_us = (int64_t)below(play, 60) * SIM_S;
    settings->held_bytes_max = 3000 + below(play, 100000);
    world->loses_time = (play->faults & (PLAY_DISK | PLAY_MEMORY)) != 0;
    /* for want of memory others may come first, and what cannot begin for a disk is tried again */
    play->lines_up = below(play, 2) && !(play->faults & (PLAY_DISK | PLAY_MEMORY));
    if (play->lines_up) {
        settings->held_bytes_max = 100000000;
        settings->window = 1 + (uint32_t)below(play, 8); /* so that most of them wait behind it */
    }
}

/* What waits for a limit for minutes waits in the state, and calls that hang keep no other from its
 * slot. */
static void set_patience(struct sim_play *play)
{
    play->world->slots = 64;
    play->world->settings.held_bytes_max = 100000000;
    play->world->settings.park_after_us += SIM_S;
}

/* Of a third of the seeds; taken from the seed itself, so that the others play as without it. */
static void set_uploads(struct sim_play *play)
{
    struct sim_world *world = play->world;
    if (play->seed % 3 != 0)
        return;
    world->settings.payload_keep_bytes = 8; /* sound has some 20 */
    if (!(play->faults & PLAY_PAYLOADS))
        return;
    world->payload_changes = (unsigned)(play->seed * 131 % 300);
    world->upload_fails = (unsigned)(play->seed * 151 % 300);
}

/* Of a quarter of the seeds.  What waits for a budget may do so for a day, so with jobs that are never
 * parked it would keep the memory, and what lifts the budget would not be read. */
static void set_budgets(struct sim_play *play)
{
    struct byok_settings *settings = &play->world->settings;
    sim_budget_prices(play->world, (int64_t)below(play, 400000));
    if (settings->park_after_us == 0)
        settings->park_after_us = SIM_S;
    settings->held_bytes_max += 1000000; /* nor may those keep all that cannot be parked */
}

/* Of a third of the seeds, so that calls take all places and turns are ahead of them; taken from the
 * seed itself, so that the others play as without it. */
static void set_places(struct sim_play *play)
{
    struct sim_world *world = play->world;
    if (play->seed % 3 != 1)
        return;
    for (size_t i = 0; i < SIM_PROVIDERS; i++) {
        world->provider_settings[i].concurrency = 1 + (int64_t)(play->seed * 151 % 4);
        world->provider_settings[i].concurrency_min = 1;
    }
}

static void set_up(struct sim_play *play)
{
    struct sim_world *world = play->world = sim_world_new(play->seed, 3);
    play->faults = (uint32_t)below(play, PLAY_ALL + 1);
    if (below(play, 2)) /* fewer kinds, each of them more often alone */
        play->faults &= (uint32_t)below(play, PLAY_ALL + 1);
    play->renews = world->is_calm = play->seed % 12 == 6;
    if (play->renews)
        play->faults = 0;
    world->answer_arg = play;
    world->answer = play_answer;
    world->tokens_most = PLAY_ANSWER_TOKENS;
    set_chances(play);
    set_sizes(play);
    set_uploads(play);
    set_places(play);
    if (play->renews)
        set_patience(play);
    play->pays = play->seed % 4 == 1;
    if (play->pays)
        set_budgets(play);
    play->workers[0] = sim_worker_start_all(world);
    for (size_t i = 1; i < PLAY_WORKERS; i++)
        play->workers[i] = sim_worker_start(world);
    unsigned disk = chance(play, PLAY_DISK, 20);
    for (size_t i = 0; i < PLAY_WORKERS; i++)
        play->workers[i]->state->error_chance = play->workers[i]->vault_store->error_chance = disk;
    play_users(play);
    if (play->faults & PLAY_MEMORY)
        sim_fault_chance(play->seed, 20);
}

static void go_through(struct sim_play *play)
{
    for (int step = 0; step < STEPS && play->world->watch.failures == 0; step++) {
        for (uint64_t n = below(play, 12); n > 0; n--)
            play_send(play);
        play_line(play);
        if (below(play, 2) == 0)
            play_disturb(play);
        sim_run_for(play->world,
                    (int64_t)below(play, below(play, 4) ? 500000 : 30 * (uint64_t)SIM_S));
        if (below(play, 3) == 0)
            play_tend(play);
    }
}

/* At least once, an expelled worker may have done and erased what its owner still waits for. */
static bool is_open(struct sim_world *world)
{
    for (size_t i = 0; i < world->worker_count; i++) {
        if (world->workers[i].alive && sim_metric(&world->workers[i], BYOK_METRIC_OPEN) > 0)
            return true;
    }
    return false;
}

void sim_play(struct sim_play *play, uint64_t seed)
{
    *play = (struct sim_play){.seed = seed};
    uint64_t starved = sim_fault_count();
    set_up(play);
    struct sim_world *world = play->world;
    go_through(play);
    world->faults[SIM_FAULT_NO_MEMORY] += sim_fault_count() - starved;
    play_heal(play);
    play_unbind(play);
    bool done = false;
    for (int i = 0; i < 200 && !done && world->watch.failures == 0; i++) {
        play_tend(play); /* what is released late goes to somebody too */
        done = sim_run_until_done(world, 100 * SIM_S);
        if (done && is_open(world)) {
            sim_run_for(world, 100 * SIM_S);
            done = !is_open(world);
        }
    }
    if (world->stuck)
        sim_fail(world, "the actors go round without end");
    else if (!done)
        sim_fail(world, "not done after hours: %zu requests are parked, the others %s",
                 sim_parked(world),
                 sim_all_committed(world) ? "are committed" : "are not all committed");
    sim_run_for(world, 100 * SIM_S);
    play_tend(play); /* whoever gets a partition now may read records of it again */
    sim_run_for(world, 100 * SIM_S);
    sim_check(world);
}
