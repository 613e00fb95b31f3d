/* SPDX-License-Identifier: MIT */
/* tests/sim/sim_notes.c - the notes port of a worker; see tests/sim/sim_notes.h. */
#include "tests/sim/sim_notes.h"

#include "base/mem.h"
#include "tests/sim/world.h"

#define RETRY_US ((int64_t)100000)

struct going {
    struct sim_notes *notes;
    struct byok_note *note;
    uint32_t generation;
    bool landed;
};

static void later(struct going *going, void (*what)(void *arg), int64_t us)
{
    struct sim_notes *self = going->notes;
    sim_clock_in(&self->worker->world->clock, us, self, what, byok_delete, going);
}

static void answer(void *arg)
{
    struct going *going = arg;
    struct byok_note *note = going->note;
    struct byok_msg *msg = note->reply;
    byok_delete(going);
    byok_post(note->reply_to, BYOK_MSG_NOTED, &msg);
}

static void kill_worker(void *arg)
{
    ((struct sim_worker *)arg)->crash_in = 1;
}

static void append(struct sim_world *world, struct byok_note *note)
{
    note->offset =
        sim_append(world, BYOK_TOPIC_STATE, note->partition, note->key, note->value, NULL, 0, 0);
}

/* What the network holds comes when it comes: nothing at the broker refuses it. */
static void land_late(struct sim_world *world, struct going *going)
{
    if (going->landed || world->cluster.down || !sim_chance(&world->clock, world->notes_late))
        return;
    sim_note(world, SIM_FAULT_NOTE_LATE);
    append(world, going->note);
    going->landed = true;
}

/* As the worker knows it; if not, the note is answered. */
static bool has_partition(struct going *going)
{
    struct byok_note *note = going->note;
    const struct sim_share *share = &going->notes->worker->broker.shares[note->partition];
    if (share->assigned && share->generation == going->generation)
        return true;
    land_late(going->notes->worker->world, going);
    byok_fault_set(&note->fault, BYOK_E_BROKER, "the partition has gone");
    answer(going);
    return false;
}

/* As the group's coordinator knows it. */
static bool is_members(const struct going *going)
{
    const struct sim_worker *worker = going->notes->worker;
    return worker->world->cluster.owners[going->note->partition].worker == worker;
}

/* A commit behind the note, which the coordinator refuses to a member that was replaced. */
static void prove(void *arg)
{
    struct going *going = arg;
    if (!has_partition(going))
        return;
    if (going->notes->worker->world->cluster.down || !is_members(going))
        later(going, prove, RETRY_US);
    else
        answer(going);
}

/* The answer's way; some workers do not live to hear it. */
static void go_back(struct going *going, void (*what)(void *arg))
{
    struct sim_worker *worker = going->notes->worker;
    struct sim_world *world = worker->world;
    int64_t back_us = (int64_t)sim_below(&world->clock, (uint64_t)world->note_delay_us + 1);
    if (sim_chance(&world->clock, world->note_crashes)) {
        back_us = SIM_S;
        sim_clock_in(&world->clock, (int64_t)sim_below(&world->clock, (uint64_t)back_us),
                     going->notes, kill_worker, NULL, worker);
    }
    later(going, what, back_us);
}

static void arrive(void *arg)
{
    struct going *going = arg;
    struct sim_worker *worker = going->notes->worker;
    struct sim_world *world = worker->world;
    struct byok_note *note = going->note;
    if (!has_partition(going))
        return;
    /* taken away without its knowledge: the port is in doubt, unless another of its name has joined */
    bool in_doubt = !is_members(going) && !world->static_members;
    if (in_doubt)
        land_late(world, going);
    if (world->cluster.down || in_doubt) {
        later(going, arrive, RETRY_US);
        return;
    }
    if (!is_members(going))
        sim_note(world, SIM_FAULT_NOTE_LATE);
    append(world, note);
    if (sim_chance(&world->clock, world->note_repeats)) {
        later(going, arrive, RETRY_US);
        return;
    }
    go_back(going, world->static_members ? prove : answer);
}

/* The port of `ledger: host`: what stands in the local table comes to the disk. */
static void sync_table(void *arg)
{
    struct going *going = arg;
    struct byok_store *table = &going->notes->worker->state->store;
    if (table->ops->sync(table, NULL) == BYOK_E_OK)
        go_back(going, answer);
    else
        later(going, sync_table, RETRY_US);
}

static void write_note(struct byok_notes *notes, struct byok_note *note)
{
    struct sim_notes *self = (struct sim_notes *)notes;
    struct sim_world *world = self->worker->world;
    int64_t most = world->note_delay_us;
    sim_fault_hold();
    struct going *going = sim_new(1, sizeof *going);
    int64_t due_us =
        world->clock.now_us + most / 2 + (int64_t)sim_below(&world->clock, (uint64_t)most / 2 + 1);
    *going = (struct going){.notes = self, .note = note};
    going->generation = self->worker->broker.shares[note->partition].generation;
    if (due_us < self->last_due_us)
        due_us = self->last_due_us; /* one producer keeps its order */
    self->last_due_us = due_us;
    note->fault = (struct byok_fault){0};
    later(going, notes->shared ? arrive : sync_table, due_us - world->clock.now_us);
    sim_fault_release();
}

static const struct byok_notes_ops ops = {write_note};

void sim_notes_init(struct sim_notes *notes, struct sim_worker *worker)
{
    *notes = (struct sim_notes){.notes = {&ops, !worker->world->host_ledger}, .worker = worker};
}
