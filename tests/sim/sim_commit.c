/* SPDX-License-Identifier: MIT */
/* tests/sim/sim_commit.c - batches on their way into the cluster; see tests/sim/sim_broker.h. */
#include <stdlib.h>

#include "base/mem.h"
#include "tests/sim/world.h"

#define RETRY_US ((int64_t)100000) /* while the cluster is down */
#define TXN_TIMEOUT_US (10 * SIM_S)

enum step { GIVEN, WRITTEN, ACCEPTED, DECIDED };

struct sim_batch {
    struct sim_batch *next;
    struct byok_commit *commit;
    uint32_t generations[SIM_PARTITIONS_MAX]; /* of the assignments when it was given */
    int64_t due_us;
    enum step step;
    bool committed; /* DECIDED: so, or not */
    bool unclear;   /* the answer of the broker was lost */
};

static void go(void *arg);

static void go_in(struct sim_broker *self, int64_t us)
{
    sim_clock_in(&self->world->clock, us > 0 ? us : 0, self, go, NULL, self);
}

/* Part of what a commit takes. */
static int64_t some_time(const struct sim_broker *self)
{
    return (int64_t)sim_below(&self->world->clock, (uint64_t)self->world->commit_delay_us / 2 + 1);
}

static void answer(struct sim_broker *self, bool done)
{
    struct sim_batch *batch = self->first;
    struct byok_commit *commit = batch->commit;
    self->first = batch->next;
    if (!self->first)
        self->last = NULL;
    byok_delete(batch);
    commit->fault = (struct byok_fault){0};
    if (!done)
        byok_fault_set(&commit->fault, BYOK_E_BROKER, "the batch was refused");
    struct byok_msg *msg = &commit->msg;
    byok_post(commit->reply_to, BYOK_MSG_COMMIT_DONE, &msg);
    if (self->first)
        go_in(self, self->first->due_us - self->world->clock.now_us);
}

/* As the worker's port knows it, and as the group does. */
static bool owns_all(const struct sim_broker *self, const struct sim_batch *batch)
{
    const struct sim_cluster *cluster = &self->world->cluster;
    for (size_t i = 0; i < batch->commit->position_count; i++) {
        int32_t p = batch->commit->positions[i].partition;
        if (cluster->owners[p].worker != self->worker ||
            self->shares[p].generation != batch->generations[p])
            return false;
    }
    return true;
}

static bool owns_any(const struct sim_broker *self, const struct sim_batch *batch)
{
    const struct sim_cluster *cluster = &self->world->cluster;
    for (size_t i = 0; i < batch->commit->position_count; i++) {
        int32_t p = batch->commit->positions[i].partition;
        if (cluster->owners[p].worker == self->worker &&
            self->shares[p].generation == batch->generations[p])
            return true;
    }
    return false;
}

static void store_positions(struct sim_world *world, const struct byok_position *positions,
                            size_t count)
{
    for (size_t i = 0; i < count; i++) {
        struct sim_owner *owner = &world->cluster.owners[positions[i].partition];
        if (positions[i].offset <= owner->committed)
            continue;
        int64_t before = owner->committed;
        owner->committed = positions[i].offset;
        sim_watch_position(world, positions[i].partition, before);
    }
    world->cluster.commits++;
}

static void write_batch(struct sim_world *world, struct byok_commit *commit, uint32_t txn)
{
    for (struct byok_task *task = commit->tasks; task; task = (struct byok_task *)task->msg.next) {
        for (size_t i = 0; i < task->out_count; i++)
            sim_append_out(world, &task->outs[i], txn);
    }
}

static bool is_failed_by_test(struct sim_world *world)
{
    if (world->cluster.fail_commits == 0)
        return false;
    world->cluster.fail_commits--;
    return true;
}

/* ---- at least once ---- */

/* How far a broken batch gets: a log holds its records in order, but nothing orders two logs. */
struct tear {
    size_t left[BYOK_TOPIC_COUNT][SIM_PARTITIONS_MAX]; /* of each log, how many records it takes */
    bool torn; /* it took fewer */
};

static void write_torn(struct sim_world *world, struct byok_commit *commit, struct tear *tear,
                       bool state)
{
    for (struct byok_task *task = commit->tasks; task; task = (struct byok_task *)task->msg.next) {
        for (size_t i = 0; i < task->out_count; i++) {
            struct byok_out *out = &task->outs[i];
            if ((out->topic == BYOK_TOPIC_STATE) != state)
                continue;
            size_t *left = &tear->left[out->topic][sim_partition_of_out(world, out)];
            if (*left > 0) {
                sim_append_out(world, out, SIM_COMMITTED);
                (*left)--;
            } else {
                tear->torn = true;
            }
        }
    }
}

/* `in_turn`: the state of all batches before it is written. */
static void tear_batch(struct sim_world *world, struct byok_commit *commit, bool in_turn)
{
    struct tear tear = {.torn = false};
    sim_note(world, SIM_FAULT_TORN_BATCH);
    for (int topic = 0; topic < BYOK_TOPIC_COUNT; topic++) {
        for (int32_t p = 0; p < world->cluster.partitions; p++)
            tear.left[topic][p] =
                sim_chance(&world->clock, 500) ? SIZE_MAX : (size_t)sim_below(&world->clock, 8);
    }
    write_torn(world, commit, &tear, false);
    if (!tear.torn && in_turn) /* as the port does: what says that a request is done goes last */
        write_torn(world, commit, &tear, true);
}

static void store_at_once(struct sim_broker *self, struct sim_batch *batch)
{
    struct sim_world *world = self->world;
    bool fails = !owns_all(self, batch) || sim_chance(&world->clock, world->commit_fails) ||
                 is_failed_by_test(world);
    if (!fails) {
        write_batch(world, batch->commit, SIM_COMMITTED);
        store_positions(world, batch->commit->positions, batch->commit->position_count);
    } else if (sim_chance(&world->clock, world->torn_batches)) {
        tear_batch(world, batch->commit, true);
    }
    answer(self, !fails);
}

/* ---- transactions ---- */

void sim_txn_end(struct sim_worker *worker, bool commits)
{
    struct sim_world *world = worker->world;
    struct sim_txn *txn = &worker->broker.txn;
    const struct sim_txn ended = *txn;
    *txn = (struct sim_txn){0};
    sim_txn_decide(world, ended.id, commits);
    for (size_t i = 0; i < ended.count && ended.accepted; i++)
        world->cluster.owners[ended.positions[i].partition].pending--;
    if (commits)
        store_positions(world, ended.positions, ended.count);
    for (size_t i = 0; i < ended.count; i++)
        sim_watch_gone(worker, ended.positions[i].partition);
}

struct left_open {
    struct sim_worker *worker;
    uint32_t id;
};

static void on_left_open(void *arg)
{
    struct left_open *left = arg;
    struct sim_txn *txn = &left->worker->broker.txn;
    if (txn->id == left->id) {
        sim_note(left->worker->world, txn->asked ? SIM_FAULT_TXN_LATE : SIM_FAULT_TXN_TIMEOUT);
        sim_txn_end(left->worker, txn->asked);
    }
    byok_delete(left);
}

/* The broker ends it then, whatever has become of the worker. */
static void watch_txn(struct sim_broker *self, int64_t us)
{
    struct left_open *left = sim_new(1, sizeof *left);
    *left = (struct left_open){self->worker, self->txn.id};
    sim_clock_in(&self->world->clock, us, &self->world->cluster, on_left_open, byok_delete, left);
}

static void begin_txn(struct sim_broker *self, struct sim_batch *batch)
{
    struct sim_world *world = self->world;
    struct sim_txn *txn = &self->txn;
    *txn = (struct sim_txn){.id = ++world->cluster.txns};
    for (size_t i = 0; i < batch->commit->position_count; i++)
        txn->positions[txn->count++] = batch->commit->positions[i];
    write_batch(world, batch->commit, txn->id);
    watch_txn(self, TXN_TIMEOUT_US);
    batch->step = WRITTEN;
    go_in(self, some_time(self));
}

static void send_positions(struct sim_broker *self, struct sim_batch *batch)
{
    struct sim_world *world = self->world;
    for (size_t i = 0; i < self->txn.count; i++)
        world->cluster.owners[self->txn.positions[i].partition].pending++;
    self->txn.accepted = true;
    batch->step = ACCEPTED;
    go_in(self, some_time(self));
}

static void end_txn(struct sim_broker *self, struct sim_batch *batch)
{
    struct sim_world *world = self->world;
    batch->step = DECIDED;
    batch->unclear = sim_chance(&world->clock, world->commit_fails);
    batch->committed = !batch->unclear || sim_chance(&world->clock, 500);
    if (batch->unclear)
        sim_note(world, SIM_FAULT_ANSWER_LOST);
    sim_txn_end(self->worker, batch->committed);
    go_in(self, batch->unclear ? (int64_t)sim_below(&world->clock, 5 * SIM_S) : some_time(self));
}

static void give_up(struct sim_broker *self, enum sim_kind kind)
{
    sim_note(self->world, kind);
    if (self->txn.id != 0)
        sim_txn_end(self->worker, false);
    answer(self, false);
}

/* What the next step of a batch finds wrong; SIM_FAULT_COUNT: nothing. */
static enum sim_kind trouble(struct sim_broker *self, const struct sim_batch *batch)
{
    struct sim_world *world = self->world;
    if (!owns_all(self, batch) || (batch->step != GIVEN && self->txn.id == 0))
        return SIM_FAULT_TXN_FENCED;
    bool fails = sim_chance(&world->clock, world->commit_fails) || is_failed_by_test(world);
    if (!fails || batch->step == ACCEPTED)
        return SIM_FAULT_COUNT;
    return batch->step == GIVEN ? SIM_FAULT_TXN_REFUSED : SIM_FAULT_TXN_ABORTED;
}

static void step_txn(struct sim_broker *self, struct sim_batch *batch)
{
    if (batch->step == DECIDED) {
        /* the port finds out by the position of a partition that is still its own */
        answer(self, batch->committed && (!batch->unclear || owns_any(self, batch)));
        return;
    }
    enum sim_kind wrong = trouble(self, batch);
    if (wrong != SIM_FAULT_COUNT)
        give_up(self, wrong);
    else if (batch->step == GIVEN)
        begin_txn(self, batch);
    else if (batch->step == WRITTEN)
        send_positions(self, batch);
    else
        end_txn(self, batch);
}

/* ---- the way of the oldest batch ---- */

static void go(void *arg)
{
    struct sim_broker *self = arg;
    struct sim_world *world = self->world;
    int64_t now = world->clock.now_us;
    if (self->worker->frozen_until_us > now)
        go_in(self, self->worker->frozen_until_us - now);
    else if (world->cluster.down) /* all try again at the same moment */
        go_in(self, (now / RETRY_US + 1) * RETRY_US - now);
    else if (world->settings.at_least_once)
        store_at_once(self, self->first);
    else
        step_txn(self, self->first);
}

void sim_commit(struct byok_broker *broker, struct byok_commit *what)
{
    struct sim_broker *self = (struct sim_broker *)broker;
    struct sim_clock *clock = &self->world->clock;
    sim_fault_hold();
    struct sim_batch *batch = sim_new(1, sizeof *batch);
    *batch = (struct sim_batch){.commit = what};
    batch->due_us = clock->now_us + self->world->commit_delay_us / 2 + some_time(self);
    for (int32_t p = 0; p < self->world->cluster.partitions; p++)
        batch->generations[p] = self->shares[p].generation;
    if (self->last)
        self->last->next = batch;
    else
        self->first = batch;
    self->last = batch;
    if (self->first == batch)
        go_in(self, batch->due_us - clock->now_us);
    sim_fault_release();
}

/* What was on the wire arrives, or does not. */
static void leave_behind(struct sim_broker *self)
{
    struct sim_world *world = self->world;
    struct sim_batch *batch = world->settings.at_least_once ? self->first : NULL;
    for (; batch && sim_chance(&world->clock, world->torn_batches); batch = batch->next)
        tear_batch(world, batch->commit, batch == self->first);
    if (self->txn.id == 0 || !self->txn.accepted || !sim_chance(&world->clock, 500))
        return;
    self->txn.asked = true;
    watch_txn(self, (int64_t)sim_below(&world->clock, 2 * SIM_S));
}

void sim_commit_crash(struct sim_broker *self)
{
    leave_behind(self);
    while (self->first) {
        struct sim_batch *gone = self->first;
        self->first = gone->next;
        byok_commit_free(gone->commit);
        byok_delete(gone);
    }
    self->last = NULL;
}
