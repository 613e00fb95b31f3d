/* SPDX-License-Identifier: MIT */
/* tests/sim/sim_topic.c - see tests/sim/sim_topic.h. */
#include "tests/sim/sim_topic.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "tests/sim/world.h"

static void *grown(void *old, size_t count, size_t room, size_t size)
{
    void *fresh = sim_new(room, size);
    if (count > 0)
        memcpy(fresh, old, count * size);
    byok_delete(old);
    return fresh;
}

static void grow(struct sim_topic *log)
{
    size_t room = log->room ? log->room * 2 : 64;
    log->records = grown(log->records, log->count, room, sizeof(struct byok_record *));
    log->txns = grown(log->txns, log->count, room, sizeof *log->txns);
    log->requests = grown(log->requests, log->count, room, sizeof(struct sim_request *));
    log->room = room;
}

/* What is decided is seen by the watch, in offset order. */
static void settle(struct sim_world *world, enum byok_topic topic, int32_t partition)
{
    struct sim_topic *log = &world->cluster.topics[topic][partition];
    while (log->stable < log->count &&
           (log->txns[log->stable] == SIM_COMMITTED || log->txns[log->stable] == SIM_ABORTED))
        log->stable++;
}

static size_t add(struct sim_world *world, enum byok_topic topic, int32_t partition,
                  struct byok_record *record, uint32_t txn)
{
    struct sim_topic *log = &world->cluster.topics[topic][partition];
    if (log->count == log->room)
        grow(log);
    if (sim_chance(&world->clock, world->offset_holes))
        log->next_offset += 1 + (int64_t)sim_below(&world->clock, 3);
    record->partition = partition;
    record->offset = log->next_offset++;
    if (record->timestamp_wall_ms == 0)
        record->timestamp_wall_ms = world->clock.clock.ops->wall_ms(&world->clock.clock);
    size_t i = log->count++;
    log->records[i] = record;
    log->txns[i] = txn;
    log->requests[i] = NULL;
    if (txn != SIM_COMMITTED)
        return i;
    settle(world, topic, partition);
    sim_watch_record(world, topic, partition, i);
    return i;
}

static struct byok_record *must_have(struct byok_record *record)
{
    if (!record)
        abort();
    return record;
}

int64_t sim_append(struct sim_world *world, enum byok_topic topic, int32_t partition,
                   struct byok_str key, struct byok_str value,
                   const struct byok_record_header *headers, size_t header_count,
                   int64_t timestamp_wall_ms)
{
    struct byok_record *record = must_have(byok_record_new(key, value, headers, header_count));
    record->timestamp_wall_ms = timestamp_wall_ms;
    (void)add(world, topic, partition, record, SIM_COMMITTED);
    return record->offset;
}

int32_t sim_partition_of_out(const struct sim_world *world, const struct byok_out *out)
{
    return out->partition >= 0 ? out->partition
                               : byok_partition_of(out->key, world->cluster.partitions);
}

void sim_append_out(struct sim_world *world, struct byok_out *out, uint32_t txn)
{
    int32_t partition = sim_partition_of_out(world, out);
    struct byok_str value = out->tombstone ? (struct byok_str){NULL, 0} : out->value;
    struct byok_record *record =
        must_have(byok_record_new(out->key, value, out->headers, out->header_count));
    record->timestamp_wall_ms = out->timestamp_wall_ms;
    (void)add(world, out->topic, partition, record, txn);
    out->offset = record->offset;
}

void sim_txn_decide(struct sim_world *world, uint32_t txn, bool commits)
{
    for (int topic = 0; topic < BYOK_TOPIC_COUNT; topic++) {
        for (int32_t p = 0; p < world->cluster.partitions; p++) {
            struct sim_topic *log = &world->cluster.topics[topic][p];
            size_t first = log->stable;
            bool any = false;
            for (size_t i = first; i < log->count; i++) {
                if (log->txns[i] != txn)
                    continue;
                any = true;
                log->txns[i] = commits ? SIM_COMMITTED : SIM_ABORTED;
                if (commits)
                    sim_watch_record(world, (enum byok_topic)topic, p, i);
            }
            log->next_offset += any; /* the marker's */
            settle(world, (enum byok_topic)topic, p);
        }
    }
}

size_t sim_topic_seek(const struct sim_topic *log, int64_t offset)
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

void sim_topic_done(struct sim_topic *log)
{
    for (size_t i = 0; i < log->count; i++)
        byok_delete(log->records[i]);
    byok_delete(log->records);
    byok_delete(log->txns);
    byok_delete(log->requests);
}
