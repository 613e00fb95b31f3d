/* SPDX-License-Identifier: MIT */
/* tests/sim/sim_broker.c - see tests/sim/sim_broker.h. */
#include "tests/sim/sim_broker.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "tests/sim/world.h"

#define POLL_US ((int64_t)1000)
#define POLL_RECORDS 50
#define CHUNK_RECORDS 7

static struct sim_broker *self_of(struct byok_broker *broker)
{
    return (struct sim_broker *)broker;
}

/* What the group does stands in the log beside what the workers tell. */
static void tell(const struct sim_worker *worker, const char *what, int32_t partition)
{
    struct byok_log *log = &worker->world->log.log;
    byok_log_event(log, BYOK_LOG_INFO, what, BYOK_F_INT("worker", worker - worker->world->workers),
                   BYOK_F_INT("partition", partition));
}

static struct byok_record *copy_record(const struct byok_record *from)
{
    struct byok_record *copy =
        byok_record_new(from->key, from->value, from->headers, from->header_count);
    if (!copy)
        abort();
    copy->partition = from->partition;
    copy->offset = from->offset;
    copy->timestamp_wall_ms = from->timestamp_wall_ms;
    return copy;
}

/* ---- restore ---- */

struct reading {
    struct sim_broker *broker;
    enum byok_topic topic;
    int32_t partition;
    uint32_t generation, number;
    int64_t from, end;
};

static void post_chunk(struct reading *reading, struct byok_chunk *chunk)
{
    struct byok_msg *msg = &chunk->msg;
    chunk->topic = reading->topic;
    chunk->partition = reading->partition;
    byok_post(reading->broker->worker->env.intake, BYOK_MSG_RESTORE_CHUNK, &msg);
}

/* Committed records up to the end, or up to the first that is not decided yet. */
static size_t fill_chunk(const struct sim_topic *log, struct byok_chunk *chunk, int64_t end)
{
    struct byok_record **last = &chunk->records;
    size_t i = sim_topic_seek(log, chunk->position);
    for (int n = 0; n < CHUNK_RECORDS && i < log->stable && log->records[i]->offset < end; i++) {
        chunk->position = log->records[i]->offset + 1;
        if (!sim_is_visible(log, i))
            continue;
        *last = copy_record(log->records[i]);
        last = (struct byok_record **)(void *)&(*last)->msg.next;
        n++;
    }
    return i;
}

static void read_on(void *arg)
{
    struct reading *reading = arg;
    struct sim_broker *broker = reading->broker;
    struct sim_world *world = broker->world;
    const struct sim_share *share = &broker->shares[reading->partition];
    if (!share->assigned || share->generation != reading->generation ||
        share->readings[reading->topic] != reading->number) {
        byok_delete(reading);
        return;
    }
    const struct sim_topic *log = &world->cluster.topics[reading->topic][reading->partition];
    if (reading->end < 0)
        reading->end = log->next_offset;
    struct byok_chunk *chunk = sim_new(1, sizeof *chunk);
    chunk->position = reading->from;
    bool failed = !world->cluster.down && sim_chance(&world->clock, world->chunk_fails);
    if (failed)
        sim_note(world, SIM_FAULT_READ_FAILED);
    if (failed || world->cluster.down) {
        byok_fault_set(&chunk->fault, BYOK_E_BROKER, "the broker is away");
        post_chunk(reading, chunk);
        byok_delete(reading);
        return;
    }
    size_t i = fill_chunk(log, chunk, reading->end);
    chunk->end = i == log->count || log->records[i]->offset >= reading->end;
    if (chunk->end)
        chunk->position = reading->end > 0 ? reading->end : reading->from;
    chunk->until = reading->end;
    reading->from = chunk->position;
    bool end = chunk->end;
    post_chunk(reading, chunk);
    if (end)
        byok_delete(reading);
    else
        sim_clock_in(&world->clock, world->restore_delay_us + 1, broker, read_on, byok_delete,
                     reading);
}

static void restore(struct byok_broker *base, enum byok_topic topic, int32_t partition,
                    int64_t from)
{
    struct sim_broker *self = self_of(base);
    sim_fault_hold();
    sim_watch_restore(self->worker, topic, partition, from);
    struct reading *reading = sim_new(1, sizeof *reading);
    *reading = (struct reading){
        .broker = self,
        .topic = topic,
        .partition = partition,
        .generation = self->shares[partition].generation,
        .number = ++self->shares[partition].readings[topic],
        .from = from,
        .end = -1, /* asked for by the first read */
    };
    sim_clock_in(&self->world->clock, self->world->restore_delay_us, self, read_on, byok_delete,
                 reading);
    sim_fault_release();
}

/* ---- records ---- */

static void poll(void *arg);

static void poll_later(struct sim_broker *self, int64_t us)
{
    if (self->polling)
        return;
    self->polling = true;
    sim_clock_in(&self->world->clock, us, self, poll, NULL, self);
}

static void deliver(struct sim_broker *self, const struct byok_record *record)
{
    struct byok_msg *msg = &copy_record(record)->msg;
    byok_post(self->worker->env.intake, BYOK_MSG_RECORD, &msg);
}

/* Twice, or an older one once more. */
static void repeat(struct sim_broker *self, const struct sim_topic *log, size_t i)
{
    struct sim_world *world = self->world;
    if (!sim_chance(&world->clock, world->record_repeats))
        return;
    size_t which = i - (size_t)sim_below(&world->clock, i < 20 ? i + 1 : 20);
    sim_note(world, SIM_FAULT_REPEATED);
    if (sim_is_visible(log, which))
        deliver(self, log->records[which]);
}

/* Whether there may be more now. */
static bool poll_partition(struct sim_broker *self, int32_t partition)
{
    struct sim_world *world = self->world;
    struct sim_share *share = &self->shares[partition];
    const struct sim_owner *owner = &world->cluster.owners[partition];
    const struct sim_topic *log = &world->cluster.topics[BYOK_TOPIC_REQUESTS][partition];
    if (share->late_until_us > world->clock.now_us)
        return false;
    if (share->next < 0 && owner->pending > 0)
        return false;
    if (share->next < 0)
        share->next = owner->committed;
    if (sim_chance(&world->clock, world->record_delays)) {
        share->late_until_us = world->clock.now_us + (int64_t)sim_below(&world->clock, 3 * SIM_S);
        sim_note(world, SIM_FAULT_DELAYED);
        return false;
    }
    size_t i = sim_topic_seek(log, share->next);
    for (int n = 0; n < POLL_RECORDS && i < log->stable; n++, i++) {
        share->next = log->records[i]->offset + 1;
        if (!sim_is_visible(log, i))
            continue;
        deliver(self, log->records[i]);
        repeat(self, log, i);
    }
    return i < log->stable;
}

static void poll(void *arg)
{
    struct sim_broker *self = arg;
    bool more = false;
    self->polling = false;
    int32_t count = self->world->cluster.partitions; /* in another order each time */
    int32_t first = (int32_t)sim_below(&self->world->clock, (uint64_t)count);
    for (int32_t i = 0; i < count; i++) {
        int32_t p = (first + i) % count;
        if (!self->paused && !self->world->cluster.down && self->shares[p].started)
            more |= poll_partition(self, p);
    }
    /* as a consumer does, as long as the worker lives */
    poll_later(self, more ? POLL_US : self->world->idle_poll_us);
}

static void start(struct byok_broker *base, int32_t partition)
{
    struct sim_broker *self = self_of(base);
    sim_fault_hold();
    self->shares[partition].started = true;
    self->shares[partition].next = -1;
    tell(self->worker, "sim_started", partition);
    sim_watch_started(self->worker, partition);
    poll_later(self, POLL_US);
    sim_fault_release();
}

static void pause_all(struct byok_broker *base)
{
    self_of(base)->paused = true;
    self_of(base)->pauses++;
}

static void resume_all(struct byok_broker *base)
{
    self_of(base)->paused = false;
}

/* ---- the group ---- */

static void post_about(struct sim_worker *worker, enum byok_msg_kind kind, int32_t partition)
{
    struct byok_partition_msg *about = sim_new(1, sizeof *about);
    struct byok_msg *msg = &about->msg;
    about->partition = partition;
    byok_post(worker->env.intake, kind, &msg);
}

void sim_assign(struct sim_worker *worker, int32_t partition)
{
    struct sim_share *share = &worker->broker.shares[partition];
    worker->world->cluster.owners[partition].worker = worker;
    worker->world->cluster.owners[partition].next = NULL;
    tell(worker, "sim_assigned", partition);
    share->assigned = true;
    share->started = false;
    share->generation++;
    post_about(worker, BYOK_MSG_ASSIGNED, partition);
}

static void let_go(struct sim_broker *broker, int32_t partition)
{
    struct sim_share *share = &broker->shares[partition];
    share->assigned = share->started = false;
    share->generation++;
}

static void hand_over(struct sim_world *world, int32_t partition)
{
    struct sim_owner *owner = &world->cluster.owners[partition];
    struct sim_worker *next = owner->next;
    struct sim_worker *before = owner->worker;
    owner->worker = NULL;
    owner->next = NULL;
    if (before)
        sim_watch_gone(before, partition);
    /* not to who has not heard yet that it lost it: its old work would pass for the new owner's */
    if (next && next->alive && !sim_partition(next, partition) &&
        !next->broker.shares[partition].assigned)
        sim_assign(next, partition);
}

static void release(struct byok_broker *base, int32_t partition)
{
    struct sim_broker *self = self_of(base);
    sim_fault_hold();
    tell(self->worker, "sim_released", partition);
    let_go(self, partition);
    if (self->world->cluster.owners[partition].worker == self->worker)
        hand_over(self->world, partition);
    sim_fault_release();
}

void sim_revoke(struct sim_world *world, int32_t partition, struct sim_worker *next)
{
    struct sim_owner *owner = &world->cluster.owners[partition];
    owner->next = next;
    if (!owner->worker) {
        hand_over(world, partition);
        return;
    }
    tell(owner->worker, "sim_revoked", partition);
    owner->worker->broker.shares[partition].started = false;
    post_about(owner->worker, BYOK_MSG_REVOKED, partition);
}

static void tell_lost(struct sim_worker *loser, int32_t partition)
{
    tell(loser, "sim_lost", partition);
    let_go(&loser->broker, partition);
    post_about(loser, BYOK_MSG_LOST, partition);
}

void sim_lose(struct sim_world *world, int32_t partition, struct sim_worker *next)
{
    struct sim_owner *owner = &world->cluster.owners[partition];
    if (owner->worker)
        tell_lost(owner->worker, partition);
    owner->next = next;
    hand_over(world, partition);
}

void sim_expel(struct sim_world *world, int32_t partition, struct sim_worker *next)
{
    tell(world->cluster.owners[partition].worker, "sim_expelled", partition);
    world->cluster.owners[partition].next = next;
    hand_over(world, partition);
}

void sim_tell_lost(struct sim_worker *worker)
{
    const struct sim_cluster *cluster = &worker->world->cluster;
    for (int32_t p = 0; p < cluster->partitions; p++) {
        if (cluster->owners[p].worker != worker && worker->broker.shares[p].assigned)
            tell_lost(worker, p);
    }
}

/* At once, whatever becomes of the batches. */
static bool stream(struct byok_broker *base, const struct byok_out *out)
{
    struct sim_world *world = self_of(base)->world;
    sim_fault_hold();
    bool up = !world->cluster.down;
    if (up) {
        int32_t p = byok_partition_of(out->key, world->cluster.partitions);
        (void)sim_append(world, out->topic, p, out->key, out->value, out->headers,
                         out->header_count, 0);
        const struct sim_topic *log = &world->cluster.topics[out->topic][p];
        sim_watch_delta(self_of(base)->worker, log->records[log->count - 1]);
    }
    sim_fault_release();
    return up;
}

static int32_t partition_count(struct byok_broker *base)
{
    return self_of(base)->world->cluster.partitions;
}

static const struct byok_broker_ops ops = {
    .restore = restore,
    .start = start,
    .pause = pause_all,
    .resume = resume_all,
    .release = release,
    .commit = sim_commit,
    .stream = stream,
    .partition_count = partition_count,
};

/* The transaction that an earlier life has left open outlives it. */
void sim_broker_init(struct sim_broker *broker, struct sim_worker *worker)
{
    const struct sim_txn left = broker->txn;
    uint32_t most = worker->world->settings.at_least_once ? worker->world->commits_max : 1;
    *broker = (struct sim_broker){
        .broker = {&ops, most}, .world = worker->world, .worker = worker, .txn = left};
}

void sim_broker_crash(struct sim_broker *broker)
{
    struct sim_cluster *cluster = &broker->world->cluster;
    tell(broker->worker, "sim_crashed", -1);
    sim_commit_crash(broker);
    for (int32_t p = 0; p < cluster->partitions; p++) {
        if (cluster->owners[p].worker == broker->worker)
            cluster->owners[p].worker = NULL;
        sim_watch_gone(broker->worker, p);
        if (cluster->owners[p].next == broker->worker)
            cluster->owners[p].next = NULL;
    }
}

void sim_cluster_done(struct sim_cluster *cluster)
{
    for (int32_t p = 0; p < cluster->partitions; p++)
        sim_parked_done(&cluster->parked[p]);
    for (int topic = 0; topic < BYOK_TOPIC_COUNT; topic++) {
        for (int32_t p = 0; p < cluster->partitions; p++)
            sim_topic_done(&cluster->topics[topic][p]);
    }
}
