/* SPDX-License-Identifier: MIT */
/* tests/sim/sim_limits.c - see tests/sim/sim_limits.h. */
#include "tests/sim/sim_limits.h"

#include <string.h>

#include "tests/sim/world.h"

/* In a calm run a call is made that soon, if nothing but a limit could hold it up: a user may have
 * one call at once, which may hang until its timeout, and breakers open for as long. */
#define SOON_US (40 * SIM_S)
/* A refused job comes back to its place when its claim is taken back; a wait may be over before. */
#define BACK_US (2 * SIM_S)
/* A registration may stand behind two commands that hang. */
#define REGISTERED_US (100 * SIM_S)

void sim_limits_refused(struct sim_world *world, const struct sim_entry *entry, int64_t wait_us)
{
    struct sim_share *share = &entry->worker->broker.shares[entry->partition];
    struct sim_key *key = entry->key;
    if (entry->request->hurries || !sim_is_held(entry))
        return;
    if (key->refused_until_us < world->clock.now_us + wait_us) {
        key->refused = entry->request;
        key->refused_until_us = world->clock.now_us + wait_us;
    }
    const struct sim_request *before = share->refused;
    bool waits = before && before->results == 0 && before->offset < entry->request->offset;
    if (strcmp(entry->user, SIM_LINE) == 0 && !waits && wait_us >= BACK_US &&
        entry->request->records == 1)
        share->refused = entry->request;
}

/* ---- keys ---- */

static bool is_place_of(const struct sim_key *a, const struct sim_key *b)
{
    return a->provider == b->provider && strcmp(a->user, b->user) == 0 &&
           strcmp(a->label, b->label) == 0;
}

/* The job that waits for the limit of a key that this one has replaced. */
static void note_stored(struct sim_world *world, struct sim_key *key)
{
    const int64_t now = world->clock.now_us;
    for (struct sim_key *old = world->keys; old < world->keys + world->key_count; old++) {
        if (old == key || !is_place_of(old, key) || !old->refused || old->refused->results > 0 ||
            old->refused->records != 1 || old->refused_until_us <= now + SOON_US)
            continue;
        key->waits = old->refused;
        key->waits_made = old->refused->made;
        key->soon_us = now + SOON_US;
    }
}

/* It waits still, or it is this one's turn. */
static bool is_waiting(const struct sim_key *key, const struct sim_entry *entry)
{
    return key->waits && key->waits->results == 0 &&
           (key->waits == entry->request || key->waits->made == key->waits_made);
}

static void watch_key(struct sim_world *world, const struct sim_entry *entry)
{
    struct sim_key *key = entry->key;
    const int64_t now = world->clock.now_us;
    bool checks = strcmp(entry->path, "/models") == 0;
    if (!key || !world->is_calm)
        return;
    if (checks && key->registration == entry->request && entry->request->made == 1 &&
        now > key->made_us + REGISTERED_US)
        sim_fail(world, "%s was held up for %.3f s", entry->request->name,
                 (double)(now - key->made_us) / 1e6);
    if (checks)
        return;
    if (is_waiting(key, entry) && now > key->soon_us)
        sim_fail(world, "%s waited for the limit of a key that was replaced, until %s was called",
                 key->waits->name, entry->request->name);
    key->waits = NULL;
    if (key->refused == entry->request)
        key->refused = NULL;
}

/* ---- the order ---- */

/* Not at least once, where a worker that has lost its partitions without knowing may take the key, and
 * with it the limit, out of its user's record. */
static void watch_order(struct sim_world *world, const struct sim_entry *entry)
{
    if (world->settings.at_least_once)
        return;
    struct sim_share *share = &entry->worker->broker.shares[entry->partition];
    const struct sim_request *first = share->refused;
    if (strcmp(entry->user, SIM_LINE) != 0 || strcmp(entry->path, "/models") == 0 || !first)
        return;
    if (first == entry->request || first->results > 0)
        share->refused = NULL;
    else if (entry->request->records == 1 && entry->request->offset > first->offset &&
             sim_is_held(entry))
        sim_fail(world, "%s, which its key's limit had refused, was overtaken by %s", first->name,
                 entry->request->name);
}

void sim_limits_watch(struct sim_world *world, const struct sim_entry *entry)
{
    watch_key(world, entry);
    watch_order(world, entry);
}

/* ---- failures ---- */

bool sim_is_providers_failure(struct byok_str code)
{
    static const char *const codes[] = {"overloaded", "server_error", "unreachable"};
    bool is = false;
    for (size_t i = 0; i < sizeof codes / sizeof codes[0]; i++)
        is = is || byok_str_is(code, codes[i]);
    return is;
}

static bool is_refusal(struct byok_str code)
{
    return byok_str_is(code, "rate_limited") || byok_str_is(code, "concurrency_limited");
}

/* Of a job that goes to one provider, alone, and whose attempts are all told. */
static void check_failures(struct sim_world *world, const struct sim_request *request,
                           const struct byok_value *root)
{
    const struct byok_value *attempts = byok_value_find(root, "attempts");
    struct byok_str code = byok_value_as_str(byok_value_path(root, "error.code"));
    int64_t failures = 0;
    for (uint32_t i = 0; attempts && i < attempts->count; i++)
        failures += !is_refusal(byok_value_as_str(byok_value_find(&attempts->as.items[i], "code")));
    if (sim_is_providers_failure(code) && request->fallbacks == 0 && !request->hurries &&
        request->speech == 0 && request->texts == 0 && request->lost_attempts == 0 &&
        request->records == 1 && request->attempts < BYOK_ATTEMPTS_MAX &&
        failures < world->settings.attempts_max)
        sim_fail(world, "%s was given up after %lld failures and %u attempts", request->name,
                 (long long)failures, request->attempts);
}

void sim_limits_result(struct sim_world *world, const struct sim_request *request,
                       const struct byok_value *root)
{
    for (size_t i = 0; request->ok && i < world->key_count; i++) {
        if (world->keys[i].registration == request)
            note_stored(world, &world->keys[i]);
    }
    if (request->job)
        check_failures(world, request, root);
}
