/* SPDX-License-Identifier: MIT */
/* tests/sim/test_poison.c - an hour with 20 % records that can only fail, beside the same hour
 * without them: what is healthy must not feel it.
 *
 * The failing ones come from the same users and from others: no JSON, requests that the provider
 * refuses, a provider that always fails, one that never answers, users without a key and with a
 * revoked one.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/sim/world.h"

#define SECONDS 3600
#define USERS 8
#define PER_S 4 /* healthy requests a second; behind each fourth comes one that can only fail */
#define HEALTHY (SECONDS * PER_S)

struct hour {
    int64_t done_in_time;
    int64_t p50_ms, p99_ms, most_ms;
};

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
    } else if (entry->provider == 1 && strcmp(entry->path, "/models") != 0) {
        out->how = SIM_HANG;
    }
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
    sim_register(world, "revoked", "openai", "r");
    if (!sim_run_until_done(world, 60 * SIM_S))
        abort();
    world->keys[world->key_count - 1].revoked = true;
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
            bool ok =
                sim_is_visible(log, i) &&
                byok_str_find(log->records[i]->value, byok_str_of("\"status\":\"ok\"")) != SIZE_MAX;
            hour->done_in_time += ok && log->records[i]->timestamp_wall_ms <= end_wall_ms;
            took_ms[count++] = log->records[i]->timestamp_wall_ms - sent_wall_ms[number];
        }
    }
    qsort(took_ms, count, sizeof took_ms[0], compare);
    hour->p50_ms = took_ms[count / 2];
    hour->p99_ms = took_ms[count * 99 / 100];
    hour->most_ms = took_ms[count - 1];
}

static struct hour play(bool poisoned)
{
    struct hour hour = {0};
    struct sim_world *world = sim_world_new(7, 3);
    set_up(world);
    unsigned failing = 0;
    for (unsigned i = 0; i < HEALTHY; i++) {
        char user[16], id[32];
        snprintf(user, sizeof user, "h%u", i % USERS);
        snprintf(id, sizeof id, "good%u", i);
        sent_wall_ms[i] = world->clock.clock.ops->wall_ms(&world->clock.clock);
        sim_chat(world, user, id);
        if (poisoned && i % 4 == 3)
            send_failing(world, failing++, user);
        sim_run_for(world, SIM_S / PER_S);
    }
    int64_t end_wall_ms = world->clock.clock.ops->wall_ms(&world->clock.clock);
    if (!sim_run_until_done(world, 600 * SIM_S))
        sim_fail(world, "not done ten minutes after the hour");
    sim_run_for(world, 100 * SIM_S);
    sim_check(world);
    measure(world, end_wall_ms, &hour);
    printf("%s: %lld of %d healthy requests done within the hour, %lld ms median, %lld ms p99, "
           "%lld ms "
           "most; %u records that can only fail\n",
           poisoned ? "poisoned" : "healthy", (long long)hour.done_in_time, HEALTHY,
           (long long)hour.p50_ms, (long long)hour.p99_ms, (long long)hour.most_ms, failing);
    if (world->watch.failures > 0) {
        fprintf(stderr, "%s\n", world->watch.first);
        exit(1);
    }
    sim_world_free(world);
    return hour;
}

/* To a thousandth of the requests and a tenth of the latency. */
int main(void)
{
    const struct hour healthy = play(false), poisoned = play(true);
    bool same = poisoned.done_in_time * 1000 >= healthy.done_in_time * 999 &&
                poisoned.p50_ms * 10 <= healthy.p50_ms * 11 &&
                poisoned.p99_ms * 10 <= healthy.p99_ms * 11;
    if (!same)
        fprintf(stderr, "what is healthy felt what is not\n");
    return !same;
}
