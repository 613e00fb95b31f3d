/* SPDX-License-Identifier: MIT */
/* tests/unit/actors/kit.h - a world for each test. */
#ifndef BYOK_TESTS_UNIT_ACTORS_KIT_H
#define BYOK_TESTS_UNIT_ACTORS_KIT_H

#include <criterion/criterion.h>
#include <stdio.h>

#include "tests/sim/world.h"

static struct sim_world *world;
static struct sim_worker *worker;

/* Two partitions, not started: settings may be changed before start(). */
static inline void setup(void)
{
    world = sim_world_new(1, 2);
}

static inline void start(void)
{
    worker = sim_worker_start_all(world);
    sim_register_now(world, "alice");
}

/* It comes back, has lost its stores or not, and has both partitions again. */
static inline void restart(bool with_empty_stores)
{
    sim_worker_restart(worker, with_empty_stores);
    sim_assign(worker, 0);
    sim_assign(worker, 1);
}

static inline void restart_empty(void)
{
    restart(true);
}

/* What holds in every run. */
static inline void teardown(void)
{
    cr_assert(!sim_leaked(world), "a raw key was published or logged");
    cr_assert(!world->stuck, "the actors went round without end");
    sim_world_free(world);
}

static inline int32_t partition_of(const char *user)
{
    return byok_partition_of(byok_str_of(user), world->cluster.partitions);
}

/* A text in JSON's escapes, each character. */
static inline void escape(const char *text, char out[static 512])
{
    for (size_t i = 0; text[i] && i < 80; i++)
        snprintf(out + 6 * i, 7, "\\u00%02x", (unsigned)(unsigned char)text[i]);
}

/* How many records of the audit topic are of that event. */
static inline size_t audited(const char *event)
{
    size_t found = 0;
    for (int32_t p = 0; p < world->cluster.partitions; p++) {
        const struct sim_topic *log = &world->cluster.topics[BYOK_TOPIC_AUDIT][p];
        for (size_t i = 0; i < log->count; i++)
            found += sim_is_visible(log, i) &&
                     byok_str_find(log->records[i]->value, byok_str_of(event)) != SIZE_MAX;
    }
    return found;
}

#define assert_done(seconds) cr_assert(sim_run_until_done(world, (seconds) * SIM_S))
#define assert_code(id, code) cr_assert_str_eq(sim_result_code(world, id), code)
#define assert_results(id, n) cr_assert_eq(sim_results(world, id, NULL, NULL), n)

/* "provider/model:code" of each attempt, in order. */
static inline const char *attempts_of(const char *id)
{
    struct byok_value root;
    struct byok_str all = BYOK_STR("");
    cr_assert_gt(sim_results(world, id, &world->arena, &root), 0);
    const struct byok_value *list = byok_value_find(&root, "attempts");
    for (uint32_t i = 0; list && i < list->count; i++) {
        const struct byok_value *one = &list->as.items[i];
        all = byok_arena_printf(&world->arena, "%.*s%s%.*s/%.*s:%.*s", BYOK_STR_ARG(all),
                                i ? " " : "",
                                BYOK_STR_ARG(byok_value_as_str(byok_value_find(one, "provider"))),
                                BYOK_STR_ARG(byok_value_as_str(byok_value_find(one, "model"))),
                                BYOK_STR_ARG(byok_value_as_str(byok_value_find(one, "code"))));
    }
    return all.ptr;
}

#endif
