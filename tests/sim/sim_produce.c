/* SPDX-License-Identifier: MIT */
/* tests/sim/sim_produce.c - see tests/sim/sim_produce.h. */
#include "tests/sim/sim_produce.h"

#include <stdlib.h>

#include "base/mem.h"
#include "tests/sim/world.h"

struct retry {
    struct sim_world *world;
    struct byok_record *record; /* owned */
    int32_t partition;
    size_t since; /* so many records stood in the topic when it was sent first */
    enum sim_kind kind;
};

static void drop(void *arg)
{
    struct retry *retry = arg;
    byok_delete(retry->record);
    byok_delete(retry);
}

static bool is_overtaken(const struct retry *retry)
{
    const struct sim_topic *log =
        &retry->world->cluster.topics[BYOK_TOPIC_REQUESTS][retry->partition];
    for (size_t i = retry->since; i < log->count; i++) {
        if (byok_str_eq(log->records[i]->key, retry->record->key))
            return true;
    }
    return false;
}

static void write_again(void *arg)
{
    struct retry *retry = arg;
    const struct byok_record *record = retry->record;
    struct sim_world *world = retry->world;
    if (is_overtaken(retry))
        sim_note(world, retry->kind);
    (void)sim_append(world, BYOK_TOPIC_REQUESTS, retry->partition, record->key, record->value, NULL,
                     0, record->timestamp_wall_ms);
    world->producing--;
    drop(retry);
}

/* Mostly soon, now and then after a broker's outage. */
static void write_later(struct sim_world *world, int32_t partition, struct byok_str user,
                        struct byok_str text, enum sim_kind kind)
{
    struct retry *retry = sim_new(1, sizeof *retry);
    const int64_t most_us = sim_below(&world->clock, 4) ? SIM_S : 60 * SIM_S;
    *retry = (struct retry){
        .world = world,
        .record = byok_record_new(user, text, NULL, 0),
        .partition = partition,
        .since = world->cluster.topics[BYOK_TOPIC_REQUESTS][partition].count,
        .kind = kind,
    };
    if (!retry->record)
        abort();
    retry->record->timestamp_wall_ms = world->clock.clock.ops->wall_ms(&world->clock.clock);
    world->producing++;
    sim_clock_in(&world->clock, 1 + (int64_t)sim_below(&world->clock, (uint64_t)most_us), world,
                 write_again, drop, retry);
}

int64_t sim_produce(struct sim_world *world, int32_t partition, struct byok_str user,
                    struct byok_str text)
{
    if (sim_chance(&world->clock, world->producer_late)) {
        write_later(world, partition, user, text, SIM_FAULT_REORDERED);
        return -1;
    }
    int64_t offset = sim_append(world, BYOK_TOPIC_REQUESTS, partition, user, text, NULL, 0, 0);
    if (sim_chance(&world->clock, world->producer_twice))
        write_later(world, partition, user, text, SIM_FAULT_WRITTEN_TWICE);
    return offset;
}
