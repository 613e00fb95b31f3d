/* SPDX-License-Identifier: MIT */
/* tests/sim/sim_broker.c - see tests/sim/sim_broker.h. */
#include "tests/sim/sim_broker.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "tests/sim/world.h"

#define POLL_US ((int64_t)1000)
#define IDLE_POLL_US ((int64_t)20000) /* when there was nothing */
#define RETRY_US ((int64_t)100000) /* while the cluster is down */
#define POLL_RECORDS 50
#define CHUNK_RECORDS 7

static struct sim_broker *self_of(struct byok_broker *broker)
{
    return (struct sim_broker *)broker;
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

int64_t sim_append(struct sim_world *world, enum byok_topic topic, int32_t partition,
                   struct byok_str key, struct byok_str value,
                   const struct byok_record_header *headers, size_t header_count,
                   int64_t timestamp_wall_ms)
{
    struct sim_topic *log = &world->cluster.topics[topic][partition];
    if (log->count == log->room) {
        size_t room = log->room ? log->room * 2 : 64;
        struct byok_record **records = sim_new(room, sizeof(struct byok_record *));
        if (log->count > 0)
            memcpy(records, log->records, log->count * sizeof(struct byok_record *));
        byok_delete(log->records);
        log->records = records;
        log->room = room;
    }
    struct byok_record *record = byok_record_new(key, value, headers, header_count);
    if (!record)
        abort();
    if (sim_chance(&world->clock, world->offset_holes))
        log->next_offset += 1 + (int64_t)sim_below(&world->clock, 3);
    record->partition = partition;
    record->offset = log->next_offset++;
    record->timestamp_wall_ms = timestamp_wall_ms
                                    ? timestamp_wall_ms
                                    : world->clock.clock.ops->wall_ms(&world->clock.clock);
    log->records[log->count++] = record;
    return record->offset;
}

/* Index of the first record at or above an offset. */
static size_t seek(const struct sim_topic *log, int64_t offset)
{
    size_t low = 0, high = log->count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (log->records[middle]->offset < offset)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
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
    struct byok_chunk *chunk = sim_new(1, sizeof *chunk);
    chunk->position = reading->from;
    if (world->cluster.down || sim_chance(&world->clock, world->chunk_fails)) {
        byok_fault_set(&chunk->fault, BYOK_E_BROKER, "the broker is away");
        post_chunk(reading, chunk);
        byok_delete(reading);
        return;
    }
    const struct sim_topic *log = &world->cluster.topics[reading->topic][reading->partition];
    struct byok_record **last = &chunk->records;
    size_t i = seek(log, reading->from);
    for (int n = 0; n < CHUNK_RECORDS && i < log->count && log->records[i]->offset < reading->end;
         n++, i++) {
        *last = copy_record(log->records[i]);
        chunk->position = (*last)->offset + 1;
        last = (struct byok_record **)(void *)&(*last)->msg.next;
    }
    chunk->end = i == log->count || log->records[i]->offset >= reading->end;
    if (chunk->end)
        chunk->position = reading->end > 0 ? reading->end : reading->from;
    reading->from = chunk->position;
    bool end = chunk->end;
    post_chunk(reading, chunk);
    if (end)
        byok_delete(reading);
    else
        sim_clock_in(&world->clock, world->restore_delay_us, broker, read_on, byok_delete, reading);
}

static void restore(struct byok_broker *base, enum byok_topic topic, int32_t partition,
                    int64_t from)
{
    struct sim_broker *self = self_of(base);
    sim_fault_hold();
    struct reading *reading = sim_new(1, sizeof *reading);
    *reading = (struct reading){
        .broker = self,
        .topic = topic,
        .partition = partition,
        .generation = self->shares[partition].generation,
        .number = ++self->shares[partition].readings[topic],
        .from = from,
        .end = self->world->cluster.topics[topic][partition].next_offset,
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

static bool poll_partition(struct sim_broker *self, int32_t partition)
{
    struct sim_world *world = self->world;
    struct sim_share *share = &self->shares[partition];
    const struct sim_topic *log = &world->cluster.topics[BYOK_TOPIC_REQUESTS][partition];
    size_t i = seek(log, share->next);
    for (int n = 0; n < POLL_RECORDS && i < log->count; n++, i++) {
        int copies = 1 + sim_chance(&world->clock, world->record_repeats);
        share->next = log->records[i]->offset + 1;
        for (int copy = 0; copy < copies; copy++) {
            struct byok_msg *msg = &copy_record(log->records[i])->msg;
            byok_post(self->worker->env.intake, BYOK_MSG_RECORD, &msg);
        }
    }
    return i < log->count;
}

static void poll(void *arg)
{
    struct sim_broker *self = arg;
    bool more = false;
    self->polling = false;
    for (int32_t p = 0; p < self->world->cluster.partitions; p++) {
        if (!self->paused && !self->world->cluster.down && self->shares[p].started)
            more |= poll_partition(self, p);
    }
    /* as a consumer does, as long as the worker lives */
    poll_later(self, more ? POLL_US : IDLE_POLL_US);
}

static void start(struct byok_broker *base, int32_t partition)
{
    struct sim_broker *self = self_of(base);
    sim_fault_hold();
    self->shares[partition].started = true;
    self->shares[partition].next = self->world->cluster.owners[partition].committed;
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

/* ---- commit ---- */

struct batch {
    struct sim_broker *broker;
    struct byok_commit *commit;
    uint32_t generations[SIM_PARTITIONS_MAX]; /* of the assignments when it was given */
};

static void drop_batch(void *arg)
{
    struct batch *batch = arg;
    batch->commit->msg.next = (struct byok_msg *)batch->broker->dead;
    batch->broker->dead = batch->commit;
    byok_delete(batch);
}

static bool owns_all(const struct batch *batch)
{
    const struct sim_cluster *cluster = &batch->broker->world->cluster;
    for (size_t i = 0; i < batch->commit->position_count; i++) {
        int32_t p = batch->commit->positions[i].partition;
        if (cluster->owners[p].worker != batch->broker->worker ||
            batch->broker->shares[p].generation != batch->generations[p])
            return false;
    }
    return true;
}

static void append_out(struct sim_world *world, struct byok_out *out)
{
    int32_t partition = out->partition >= 0
                            ? out->partition
                            : byok_partition_of(out->key, world->cluster.partitions);
    struct byok_str value = out->tombstone ? (struct byok_str){NULL, 0} : out->value;
    out->offset = sim_append(world, out->topic, partition, out->key, value, out->headers,
                             out->header_count, out->timestamp_wall_ms);
}

static void append_batch(struct sim_world *world, struct byok_commit *commit)
{
    for (struct byok_task *task = commit->tasks; task; task = (struct byok_task *)task->msg.next) {
        for (size_t i = 0; i < task->out_count; i++)
            append_out(world, &task->outs[i]);
    }
    for (size_t i = 0; i < commit->position_count; i++) {
        struct sim_owner *owner = &world->cluster.owners[commit->positions[i].partition];
        if (commit->positions[i].offset > owner->committed)
            owner->committed = commit->positions[i].offset;
    }
    world->cluster.commits++;
}

static void carry_out(void *arg)
{
    struct batch *batch = arg;
    struct sim_broker *self = batch->broker;
    struct sim_world *world = self->world;
    struct byok_commit *commit = batch->commit;
    if (world->cluster.down) {
        /* all that wait try again at the same moment, so that they stay in their order */
        self->last_due_us = (world->clock.now_us / RETRY_US + 1) * RETRY_US;
        sim_clock_in(&world->clock, self->last_due_us - world->clock.now_us, self, carry_out,
                     drop_batch, batch);
        return;
    }
    bool fails = !owns_all(batch) || sim_chance(&world->clock, world->commit_fails);
    if (!fails && world->cluster.fail_commits > 0) {
        world->cluster.fail_commits--;
        fails = true;
    }
    commit->fault = (struct byok_fault){0};
    if (fails) {
        byok_fault_set(&commit->fault, BYOK_E_BROKER, "the batch was refused");
    } else {
        append_batch(world, commit);
    }
    byok_delete(batch);
    struct byok_msg *msg = &commit->msg;
    byok_post(commit->reply_to, BYOK_MSG_COMMIT_DONE, &msg);
}

static void commit(struct byok_broker *base, struct byok_commit *what)
{
    struct sim_broker *self = self_of(base);
    sim_fault_hold();
    struct batch *batch = sim_new(1, sizeof *batch);
    struct sim_clock *clock = &self->world->clock;
    int64_t most = self->world->commit_delay_us;
    int64_t due_us = clock->now_us + most / 2 + (int64_t)sim_below(clock, (uint64_t)most / 2 + 1);
    *batch = (struct batch){.broker = self, .commit = what};
    for (int32_t p = 0; p < self->world->cluster.partitions; p++)
        batch->generations[p] = self->shares[p].generation;
    if (due_us < self->last_due_us)
        due_us = self->last_due_us;
    self->last_due_us = due_us;
    sim_clock_in(clock, due_us - clock->now_us, self, carry_out, drop_batch, batch);
    sim_fault_release();
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
    share->assigned = true;
    share->started = false;
    share->generation++;
    post_about(worker, BYOK_MSG_ASSIGNED, partition);
}

static void hand_over(struct sim_world *world, int32_t partition)
{
    struct sim_owner *owner = &world->cluster.owners[partition];
    struct sim_worker *next = owner->next;
    owner->worker = NULL;
    owner->next = NULL;
    /* not to who has not heard yet that it lost it: its old work would pass for the new owner's */
    if (next && next->alive && !sim_partition(next, partition))
        sim_assign(next, partition);
}

static void release(struct byok_broker *base, int32_t partition)
{
    struct sim_broker *self = self_of(base);
    sim_fault_hold();
    struct sim_share *share = &self->shares[partition];
    share->assigned = share->started = false;
    share->generation++;
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
    owner->worker->broker.shares[partition].started = false;
    post_about(owner->worker, BYOK_MSG_REVOKED, partition);
}

void sim_lose(struct sim_world *world, int32_t partition, struct sim_worker *next)
{
    struct sim_owner *owner = &world->cluster.owners[partition];
    struct sim_worker *loser = owner->worker;
    if (loser) {
        struct sim_share *share = &loser->broker.shares[partition];
        share->assigned = share->started = false;
        share->generation++;
        post_about(loser, BYOK_MSG_LOST, partition);
    }
    owner->next = next;
    hand_over(world, partition);
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
    .commit = commit,
    .partition_count = partition_count,
};

void sim_broker_init(struct sim_broker *broker, struct sim_worker *worker)
{
    *broker = (struct sim_broker){
        .broker = {&ops, worker->world->commits_max}, .world = worker->world, .worker = worker};
}

/* The events are dropped before; the actors are gone. */
void sim_broker_crash(struct sim_broker *broker)
{
    while (broker->dead) {
        struct byok_commit *gone = broker->dead;
        broker->dead = (struct byok_commit *)gone->msg.next;
        byok_commit_free(gone);
    }
    for (int32_t p = 0; p < broker->world->cluster.partitions; p++) {
        if (broker->world->cluster.owners[p].worker == broker->worker)
            broker->world->cluster.owners[p].worker = NULL;
        if (broker->world->cluster.owners[p].next == broker->worker)
            broker->world->cluster.owners[p].next = NULL;
    }
}

void sim_cluster_done(struct sim_cluster *cluster)
{
    for (int topic = 0; topic < BYOK_TOPIC_COUNT; topic++) {
        for (int32_t p = 0; p < cluster->partitions; p++) {
            struct sim_topic *log = &cluster->topics[topic][p];
            for (size_t i = 0; i < log->count; i++)
                byok_delete(log->records[i]);
            byok_delete(log->records);
        }
    }
}
