/* SPDX-License-Identifier: MIT */
/* tests/sim/sim_budget.c - see tests/sim/sim_budget.h. */
#include "tests/sim/sim_budget.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "schemas/prices.h"
#include "schemas/state.h"
#include "tests/sim/world.h"

#define DAY_MS ((int64_t)86400000)

/* Audio costs by its length, which the provider does not tell, so its estimate counts. */
#define TOKENS                                                                                     \
    "\"input_per_million\":1000000,\"cache_write_input_per_million\":1000000,"                     \
    "\"output_per_million\":1000000"
static const char table[] =
    "{\"version\":\"1\",\"currency\":\"USD\",\"prices\":["
    "{\"provider\":\"openai\",\"model\":\"gpt-sim\"," TOKENS "},"
    "{\"provider\":\"openai\",\"model\":\"small-sim\"," TOKENS "},"
    "{\"provider\":\"openai\",\"model\":\"embed-sim\"," TOKENS "},"
    "{\"provider\":\"openai\",\"model\":\"speak-sim\",\"characters_per_million\":50000},"
    "{\"provider\":\"openai\",\"model\":\"listen-sim\",\"per_minute\":60000},"
    "{\"provider\":\"other\",\"model\":\"other-sim\"," TOKENS "}]}";

void sim_budget_prices(struct sim_world *world, int64_t midnight_ms)
{
    if (byok_prices_read(&world->arena, byok_str_of(table), &world->settings.prices, NULL) !=
        BYOK_E_OK)
        abort();
    int64_t wall_ms = world->clock.wall_ms;
    world->clock.wall_ms = wall_ms - wall_ms % DAY_MS + DAY_MS - midnight_ms;
    world->first_day = world->last_day = world->clock.wall_ms / DAY_MS;
}

static int64_t day_at(const struct sim_worker *worker, int64_t now_us)
{
    const struct sim_world *world = worker->world;
    return (world->clock.wall_ms + now_us / 1000 + worker->clock.wall_ahead_ms) / DAY_MS;
}

void sim_budget_jumped(struct sim_world *world, const struct sim_worker *worker)
{
    int64_t day = day_at(worker, world->clock.now_us);
    world->first_day = day < world->first_day ? day : world->first_day;
    world->last_day = day > world->last_day ? day : world->last_day;
}

/* In units; 0: it was not made, or nobody knows who has to pay for it. */
static int64_t cost_of(const struct sim_world *world, const struct sim_entry *entry,
                       const char *user)
{
    if (entry->is_void || !entry->sent || strcmp(entry->user, user) != 0)
        return 0;
    if (!entry->is_known && strcmp(entry->path, "/chat/completions") == 0)
        return world->tokens_most + SIM_PROMPT_TOKENS;
    return entry->tokens;
}

/* Of one day; with clocks that have jumped of all of them, which may have begun once each. */
static int64_t most_spent(struct sim_world *world, const struct sim_user *user, int64_t *all)
{
    int64_t most = 0, sum = 0, day = 0;
    *all = 0;
    for (size_t i = 0; i < world->ledger.count; i++) {
        const struct sim_entry *entry = &world->ledger.entries[i];
        int64_t cost = cost_of(world, entry, user->name);
        *all += cost;
        if (user->unbound_us > 0 && entry->at_us >= user->unbound_us)
            continue;
        int64_t today = day_at(entry->worker, entry->at_us);
        sum = (today == day || world->clock_jumped ? sum : 0) + cost;
        day = today;
        most = sum > most ? sum : most;
    }
    return most;
}

/* What its record says of the month, which no run sees the end of; -1: there is none. */
static int64_t recorded(struct sim_world *world, const struct sim_user *user)
{
    BYOK_AUTO(byok_arena) arena = {0};
    BYOK_AUTO(byok_user_record) record = {0};
    struct byok_str key = byok_user_key(&arena, byok_str_of(user->name));
    int32_t p = byok_partition_of(byok_str_of(user->name), world->cluster.partitions);
    const struct sim_topic *log = &world->cluster.topics[BYOK_TOPIC_STATE][p];
    size_t i = log->count;
    while (i > 0 && !(sim_is_visible(log, i - 1) && byok_str_eq(log->records[i - 1]->key, key)))
        i--;
    if (i == 0 || byok_user_record_decode(log->records[i - 1]->value, &arena, &record) != BYOK_E_OK)
        return -1;
    return record.spent[BYOK_BUDGET_MONTH].amount;
}

void sim_budget_check(struct sim_world *world, const struct sim_user *user)
{
    if (user->budget == 0)
        return;
    for (size_t i = 0; i < world->worker_count; i++)
        sim_budget_jumped(world, &world->workers[i]);
    int64_t days = world->clock_jumped ? world->last_day - world->first_day + 1 : 1, all;
    int64_t most = most_spent(world, user, &all), spent = recorded(world, user);
    if (most > days * user->budget)
        sim_fail(world, "%s: calls cost %" PRId64 " in %" PRId64 " days, of %u a day", user->name,
                 most, days, user->budget);
    if (spent >= 0 && spent < all * BYOK_MONEY_UNIT && !user->unbound_us)
        sim_fail(world, "%s: calls cost %" PRId64 ", and %" PRId64 " billionths are noted",
                 user->name, all, spent);
}
