/* SPDX-License-Identifier: MIT */
/* tests/sim/sim_rate.c - see tests/sim/sim_rate.h. */
#include "tests/sim/sim_rate.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "tests/sim/world.h"

/* The longest wait that the worker lets a good answer bring about (actors/user/lane.c). */
#define WAIT_MAX_US (60 * SIM_S)
/* How long after its turn a call may leave: its claim is written meanwhile. */
#define UNDER_WAY_US SIM_S
#define HEADERS_MAX 9

/* ---- the limits ---- */

/* NULL: the call is not limited there. */
static struct sim_quota *quota_of(const struct sim_entry *entry)
{
    if (strcmp(entry->path, "/models") == 0 || !entry->key ||
        entry->key->quota.limits.window_us == 0)
        return NULL;
    return &entry->key->quota;
}

void sim_rate_begin(const struct sim_world *world, struct sim_key *key)
{
    for (size_t i = 0; i < world->user_count; i++) {
        if (strcmp(world->users[i].name, key->user) == 0)
            key->quota.limits = world->users[i].limits[key->provider];
    }
}

/* Rounded up: a wait of that long is enough. */
static int64_t left_ms(const struct sim_world *world, const struct sim_quota *quota)
{
    return (quota->began_us + quota->limits.window_us - world->clock.now_us + 999) / 1000;
}

static bool is_used_up(int64_t most, int64_t used)
{
    return most > 0 && used >= most;
}

static void refuse(struct sim_world *world, const struct sim_quota *quota,
                   struct sim_answer *answer)
{
    answer->status = 429;
    if (!quota->limits.is_terse)
        answer->retry_after_s = (int)((left_ms(world, quota) + 999) / 1000);
    snprintf(answer->body, sizeof answer->body,
             "{\"error\":{\"message\":\"Rate limit reached for gpt-sim\",\"type\":\"requests\","
             "\"param\":null,\"code\":\"rate_limit_exceeded\"}}");
    sim_note(world, SIM_FAULT_KEY_SPENT);
}

void sim_rate_admit(struct sim_world *world, const struct sim_entry *entry,
                    struct sim_answer *answer)
{
    struct sim_quota *quota = quota_of(entry);
    if (!quota)
        return;
    if (world->clock.now_us >= quota->began_us + quota->limits.window_us) {
        quota->began_us = world->clock.now_us;
        quota->requests_used = quota->tokens_used = 0;
    }
    bool over = is_used_up(quota->limits.requests, quota->requests_used) ||
                is_used_up(quota->limits.tokens, quota->tokens_used);
    if (over && answer->how == SIM_WHOLE && answer->status == 200)
        refuse(world, quota, answer);
    else
        quota->requests_used++;
}

/* ---- what is said ---- */

static struct sim_rate rate_of(int64_t most, int64_t used, int64_t reset_ms)
{
    if (most == 0)
        return (struct sim_rate){.limit = 0};
    return (struct sim_rate){most, used < most ? most - used : 0, reset_ms};
}

void sim_rate_tell(struct sim_world *world, const struct sim_entry *entry, int64_t tokens,
                   struct sim_answer *answer)
{
    struct sim_quota *quota = quota_of(entry);
    if (!quota)
        return;
    quota->tokens_used += tokens;
    if (answer->status == 503) /* who answers so is not the one who counts */
        return;
    const int64_t reset_ms = left_ms(world, quota);
    answer->requests = rate_of(quota->limits.requests, quota->requests_used, reset_ms);
    answer->tokens = rate_of(quota->limits.tokens, quota->tokens_used, reset_ms);
}

/* As Go writes a duration, and OpenAI a reset: "12ms", "8.64s", "1m0s". */
static struct byok_str duration(struct byok_arena *arena, int64_t ms)
{
    char fraction[8] = "";
    int len = ms % 1000 ? snprintf(fraction, sizeof fraction, ".%03d", (int)(ms % 1000)) : 0;
    while (len > 0 && fraction[len - 1] == '0')
        fraction[--len] = '\0';
    if (ms < 1000)
        return byok_arena_printf(arena, "%" PRId64 "ms", ms);
    if (ms < 60000)
        return byok_arena_printf(arena, "%" PRId64 "%ss", ms / 1000, fraction);
    return byok_arena_printf(arena, "%" PRId64 "m%" PRId64 "%ss", ms / 60000, ms / 1000 % 60,
                             fraction);
}

static void add(struct byok_http_call *call, struct byok_http_header *headers, const char *name,
                struct byok_str value)
{
    if (value.len > 0)
        headers[call->response.header_count++] =
            (struct byok_http_header){byok_str_of(name), value};
}

static void add_number(struct byok_http_call *call, struct byok_http_header *headers,
                       const char *name, int64_t number)
{
    add(call, headers, name, byok_arena_printf(call->arena, "%" PRId64, number));
}

static void add_rate(struct byok_http_call *call, struct byok_http_header *headers,
                     const char *const names[static 3], const struct sim_rate *rate)
{
    if (rate->limit == 0)
        return;
    add_number(call, headers, names[0], rate->limit);
    add_number(call, headers, names[1], rate->remaining);
    add(call, headers, names[2], duration(call->arena, rate->reset_ms));
}

void sim_rate_headers(struct byok_http_call *call, const struct sim_answer *answer,
                      const char *content_type)
{
    static const char *const requests[] = {"x-ratelimit-limit-requests",
                                           "x-ratelimit-remaining-requests",
                                           "x-ratelimit-reset-requests"};
    static const char *const tokens[] = {"x-ratelimit-limit-tokens", "x-ratelimit-remaining-tokens",
                                         "x-ratelimit-reset-tokens"};
    struct byok_http_header *headers = byok_arena_alloc(call->arena, HEADERS_MAX * sizeof *headers);
    call->response.headers = headers;
    if (!headers)
        return;
    if (answer->retry_after_s > 0)
        add_number(call, headers, "retry-after", answer->retry_after_s);
    if (answer->calls_max > 0)
        add_number(call, headers, "maximum-concurrent-requests", answer->calls_max);
    add_rate(call, headers, requests, &answer->requests);
    add_rate(call, headers, tokens, &answer->tokens);
    add(call, headers, "content-type", byok_str_of(content_type));
}

/* ---- what a worker makes of it ---- */

static int64_t spent_ms(const struct sim_rate *rate)
{
    return rate->limit > 0 && rate->remaining == 0 ? rate->reset_ms : 0;
}

/* For how long it says that nothing more is let through; of a refusal the retry-after. */
static int64_t wait_us(const struct sim_answer *answer)
{
    int64_t requests = spent_ms(&answer->requests), tokens = spent_ms(&answer->tokens);
    if (answer->status == 429 && answer->retry_after_s > 0)
        return answer->retry_after_s * SIM_S;
    return (requests > tokens ? requests : tokens) * 1000;
}

/* A refusal holds the key up by the job that is tried again; one that has a deadline may end. */
void sim_rate_told(struct sim_world *world, const struct sim_entry *entry,
                   const struct sim_answer *answer, bool good)
{
    struct sim_quota *quota = quota_of(entry);
    const struct sim_worker *worker = entry->worker;
    bool refused = answer->how == SIM_WHOLE && answer->status == 429 && !entry->request->hurries;
    int64_t us = good || refused ? wait_us(answer) : 0, now = world->clock.now_us;
    if (quota && refused)
        sim_limits_refused(world, entry, us);
    if (good && us > WAIT_MAX_US)
        us = WAIT_MAX_US;
    if (us > world->settings.user_idle_us) /* an actor without work goes, and knows it no more */
        us = world->settings.user_idle_us;
    /* of those that wait for a slot, which were given a turn before, nobody knows when they leave */
    if (!quota || us == 0 || byok_slots_leased(worker->slots) == world->slots ||
        (quota->told == worker && quota->life == entry->life &&
         quota->generation == entry->generation && quota->until_us >= now + us))
        return;
    quota->told = worker;
    quota->life = entry->life;
    quota->generation = entry->generation;
    quota->told_us = now > worker->frozen_until_us ? now : worker->frozen_until_us;
    quota->until_us = now + us;
    byok_log_event(&world->log.log, BYOK_LOG_DEBUG, "sim_told",
                   BYOK_F_INT("worker", worker - world->workers), BYOK_F_TEXT("user", entry->user),
                   BYOK_F_TEXT("id", entry->id), BYOK_F_INT("wait_ms", us / 1000));
}

void sim_rate_watch(struct sim_world *world, const struct sim_entry *entry)
{
    const struct sim_quota *quota = quota_of(entry);
    const int64_t now = world->clock.now_us;
    if (quota && quota->told == entry->worker && quota->life == entry->life &&
        quota->generation == entry->generation && !world->loses_time &&
        now > quota->told_us + UNDER_WAY_US && now < quota->until_us)
        sim_fail(world, "%s is called for though nothing was left to its key for %.3f s more",
                 entry->request->name, (double)(quota->until_us - now) / 1e6);
}
