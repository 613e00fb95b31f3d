/* SPDX-License-Identifier: MIT */
/* tests/sim/test_poison.c - an hour with what fails, beside the same hour without it: what is healthy
 * must not feel it.
 *
 * Poison: 20 % records that can only fail, of the same users and of others: no JSON, requests that the
 * provider refuses, a provider that always fails, one that never answers, users without a key and
 * with a revoked one.
 * Neighbours: a user whose key is throttled and one whose calls find the provider overloaded, always;
 * and another provider that is away for ten minutes: it is called little while it is away, and soon
 * after.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/sim/world.h"

#define SECONDS 3600
#define USERS 8
#define OTHERS 4 /* users of the other provider */
#define PER_S 4 /* healthy requests a second; behind each fourth comes one that can only fail */
#define HEALTHY (SECONDS * PER_S)
#define AWAY_FROM_S 600 /* the other provider */
#define AWAY_UNTIL_S 1200
#define AWAY_CALLS_MOST 200 /* of 1,200 jobs */
#define AWAY_FAILED_MOST 60 /* those whose attempts were used up before it was known */
#define BACK_WITHIN_S 120 /* the longest time that a breaker is open, and what has queued up */

enum trouble { NONE, POISON, NEIGHBOURS };

static const char *const trouble_names[] = {"healthy", "poison", "neighbours"};

struct hour {
    int64_t done_in_time;
    int64_t p50_ms, p99_ms, most_ms;
};

static int64_t began_us;
static enum trouble trouble;

static int64_t seconds_of(int64_t at_us)
{
    return (at_us - began_us) / SIM_S;
}

static bool is_away(int64_t at_us)
{
    return seconds_of(at_us) >= AWAY_FROM_S && seconds_of(at_us) < AWAY_UNTIL_S;
}

static int64_t sent_wall_ms[HEALTHY];
static int64_t took_ms[HEALTHY];

static void answer(struct sim_world *world, const struct sim_entry *entry, struct sim_answer *out)
{
    out->latency_us = 200000 + (int64_t)sim_below(&world->clock, 100000);
    if (strncmp(entry->id, "refused", 7) == 0) {
        out->status = 400;
        snprintf(out->body, sizeof out->body, "{\"error\":{\"message\":\"no\",\"code\":\"x\"}}");
    } else if (strncmp(entry->id, "broken", 6) == 0) {
        out->status = 503;
        snprintf(out->body, sizeof out->body, "{}");
    } else if (strcmp(entry->user, "throttled") == 0 && trouble == NEIGHBOURS) {
        out->status = 429;
        snprintf(out->body, sizeof out->body, "{}");
    } else if (strcmp(entry->user, "overload") == 0 && trouble == NEIGHBOURS) {
        out->status = 503;
        snprintf(out->body, sizeof out->body, "{}");
    } else if (entry->provider == 1 && trouble == NEIGHBOURS && is_away(entry->at_us)) {
        out->how = sim_below(&world->clock, 2) ? SIM_NO_CONNECT : SIM_WHOLE;
        out->status = 503;
        snprintf(out->body, sizeof out->body, "{}");
    } else if (entry->provider == 1 && trouble == POISON && strcmp(entry->path, "/models") != 0) {
        out->how = SIM_HANG;
    }
}

/* Two jobs a second for the other provider, one each of the users whose calls fail. */
static void send_neighbours(struct sim_world *world, unsigned number)
{
    char user[16];
    unsigned second = number / PER_S;
    if (number % 2 == 0) {
        snprintf(user, sizeof user, "o%u", (number / 2) % OTHERS);
        sim_send(
            world, user,
            "{\"id\":\"away%u\",\"user\":\"%s\",\"capability\":\"chat\",\"provider\":\"other\","
            "\"prompt\":\"x\"}",
            number, user);
    }
    for (int i = 0; i < 2 && number % PER_S == 0; i++)
        sim_send(world, i ? "throttled" : "overload",
                 "{\"id\":\"n%u\",\"user\":\"%s\",\"capability\":\"chat\",\"provider\":\"openai\","
                 "\"prompt\":\"x\",\"timeout_ms\":20000}",
                 second, i ? "throttled" : "overload");
}

static bool is_ok(const struct sim_topic *log, size_t i)
{
    return sim_is_visible(log, i) &&
           byok_str_find(log->records[i]->value, byok_str_of("\"status\":\"ok\"")) != SIZE_MAX;
}

static size_t count_failed(const struct sim_world *world, const char *ids)
{
    size_t failed = 0;
    for (int32_t p = 0; p < world->cluster.partitions; p++) {
        const struct sim_topic *log = &world->cluster.topics[BYOK_TOPIC_RESULTS][p];
        for (size_t i = 0; i < log->count; i++) {
            struct byok_str id = byok_record_header_of(log->records[i], BYOK_HEADER_REQUEST_ID);
            failed += byok_str_starts(id, byok_str_of(ids)) && !is_ok(log, i);
        }
    }
    return failed;
}

/* It was called little while it was away, and then soon all was done. */
static void check_away(struct sim_world *world)
{
    size_t calls = 0, late = 0, failed = count_failed(world, "away");
    for (size_t i = 0; i < world->ledger.count; i++) {
        const struct sim_entry *entry = &world->ledger.entries[i];
        if (entry->provider != 1 || strncmp(entry->id, "away", 4) != 0)
            continue;
        unsigned number = (unsigned)strtoul(entry->id + 4, NULL, 10);
        bool old = number < AWAY_UNTIL_S * PER_S;
        calls += is_away(entry->at_us);
        late += old && seconds_of(entry->at_us) > AWAY_UNTIL_S + BACK_WITHIN_S;
    }
    printf(
        "the other provider was called %zu times in the %d s it was away, %d jobs came; %zu were "
        "called for late after it, %zu failed\n",
        calls, AWAY_UNTIL_S - AWAY_FROM_S, (AWAY_UNTIL_S - AWAY_FROM_S) * 2, late, failed);
    if (calls == 0 || calls > AWAY_CALLS_MOST || late > 0 || failed > AWAY_FAILED_MOST)
        sim_fail(world, "the breaker of the other provider");
}

static void send_failing(struct sim_world *world, unsigned number, const char *user)
{
    switch (number % 6) {
    case 0:
        sim_send(world, user, "{\"id\":");
        break;
    case 1:
        sim_send(
            world, user,
            "{\"id\":\"refused%u\",\"user\":\"%s\",\"capability\":\"chat\",\"provider\":\"openai\","
            "\"prompt\":\"x\"}",
            number, user);
        break;
    case 2:
        sim_send(
            world, user,
            "{\"id\":\"broken%u\",\"user\":\"%s\",\"capability\":\"chat\",\"provider\":\"openai\","
            "\"prompt\":\"x\"}",
            number, user);
        break;
    case 3:
        sim_send(
            world, user,
            "{\"id\":\"hangs%u\",\"user\":\"%s\",\"capability\":\"chat\",\"provider\":\"other\","
            "\"prompt\":\"x\"}",
            number, user);
        break;
    default:
        sim_send(world, number % 2 ? "nokey" : "revoked",
                 "{\"id\":\"f%u\",\"user\":\"%s\",\"capability\":\"chat\",\"provider\":\"openai\","
                 "\"prompt\":\"x\"}",
                 number, number % 2 ? "nokey" : "revoked");
    }
}

static void set_up(struct sim_world *world)
{
    world->settings.at_least_once = false;
    world->answer = answer;
    sim_worker_start_all(world);
    for (int i = 0; i < USERS; i++) {
        char user[16], id[16];
        snprintf(user, sizeof user, "h%d", i);
        snprintf(id, sizeof id, "other%d", i);
        sim_register_now(world, user);
        sim_register(world, user, "other", id);
    }
    for (int i = 0; i < OTHERS; i++) {
        char user[16];
        snprintf(user, sizeof user, "o%d", i);
        sim_register(world, user, "other", "r");
    }
    sim_register(world, "revoked", "openai", "r");
    sim_register(world, "throttled", "openai", "r");
    sim_register(world, "overload", "openai", "r");
    if (!sim_run_until_done(world, 60 * SIM_S))
        abort();
    world->keys[world->key_count - 3].revoked = true;
    began_us = world->clock.now_us;
}

static int compare(const void *a, const void *b)
{
    int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;
    return (x > y) - (x < y);
}

/* The healthy ones are numbered; their results say when they were published. */
static void measure(struct sim_world *world, int64_t end_wall_ms, struct hour *hour)
{
    size_t count = 0;
    for (int32_t p = 0; p < world->cluster.partitions; p++) {
        const struct sim_topic *log = &world->cluster.topics[BYOK_TOPIC_RESULTS][p];
        for (size_t i = 0; i < log->count; i++) {
            unsigned number;
            char id[32];
            struct byok_str header = byok_record_header_of(log->records[i], BYOK_HEADER_REQUEST_ID);
            snprintf(id, sizeof id, "%.*s", BYOK_STR_ARG(header));
            if (sscanf(id, "good%u", &number) != 1 || number >= HEALTHY)
                continue;
            hour->done_in_time +=
                is_ok(log, i) && log->records[i]->timestamp_wall_ms <= end_wall_ms;
            took_ms[count++] = log->records[i]->timestamp_wall_ms - sent_wall_ms[number];
        }
    }
    qsort(took_ms, count, sizeof took_ms[0], compare);
    hour->p50_ms = took_ms[count / 2];
    hour->p99_ms = took_ms[count * 99 / 100];
    hour->most_ms = took_ms[count - 1];
}

static struct hour play(enum trouble kind)
{
    struct hour hour = {0};
    trouble = NONE; /* while keys are registered */
    struct sim_world *world = sim_world_new(7, 3);
    set_up(world);
    trouble = kind;
    unsigned failing = 0;
    for (unsigned i = 0; i < HEALTHY; i++) {
        char user[16], id[32];
        snprintf(user, sizeof user, "h%u", i % USERS);
        snprintf(id, sizeof id, "good%u", i);
        sent_wall_ms[i] = world->clock.clock.ops->wall_ms(&world->clock.clock);
        sim_chat(world, user, id);
        if (kind == POISON && i % 4 == 3)
            send_failing(world, failing++, user);
        if (kind == NEIGHBOURS)
            send_neighbours(world, i);
        sim_run_for(world, SIM_S / PER_S);
    }
    int64_t end_wall_ms = world->clock.clock.ops->wall_ms(&world->clock.clock);
    if (!sim_run_until_done(world, 600 * SIM_S))
        sim_fail(world, "not done ten minutes after the hour");
    sim_run_for(world, 100 * SIM_S);
    sim_check(world);
    if (kind == NEIGHBOURS)
        check_away(world);
    measure(world, end_wall_ms, &hour);
    printf("%s: %lld of %d healthy requests done within the hour, %lld ms median, %lld ms p99, "
           "%lld ms "
           "most; %u records that can only fail\n",
           trouble_names[kind], (long long)hour.done_in_time, HEALTHY, (long long)hour.p50_ms,
           (long long)hour.p99_ms, (long long)hour.most_ms, failing);
    if (world->watch.failures > 0) {
        fprintf(stderr, "%s\n", world->watch.first);
        exit(1);
    }
    sim_world_free(world);
    return hour;
}

/* To a thousandth of the requests and a tenth of the latency. */
static bool is_same(const struct hour *healthy, const struct hour *hour)
{
    return hour->done_in_time * 1000 >= healthy->done_in_time * 999 &&
           hour->p50_ms * 10 <= healthy->p50_ms * 11 && hour->p99_ms * 10 <= healthy->p99_ms * 11;
}

int main(void)
{
    const struct hour healthy = play(NONE), poisoned = play(POISON), neighbours = play(NEIGHBOURS);
    bool same = is_same(&healthy, &poisoned) && is_same(&healthy, &neighbours);
    if (!same)
        fprintf(stderr, "what is healthy felt what is not\n");
    return !same;
}
