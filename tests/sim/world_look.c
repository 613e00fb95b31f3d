/* SPDX-License-Identifier: MIT */
/* tests/sim/world_look.c - producing requests and looking at what came of them. */
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "schemas/audit.h"
#include "schemas/codec.h"
#include "tests/sim/sim_produce.h"
#include "tests/sim/world.h"
#include "vault_rocks/envelope.h"

#define MINUTE_US (60 * SIM_S)

/* ---- producing ---- */

int64_t sim_send(struct sim_world *world, const char *user, const char *format, ...)
{
    char text[8192];
    va_list args;
    va_start(args, format);
    int len = vsnprintf(text, sizeof text, format, args);
    va_end(args);
    if (len < 0 || (size_t)len >= sizeof text)
        abort();
    struct byok_str key = byok_str_of(user);
    return sim_produce(world, byok_partition_of(key, world->cluster.partitions), key,
                       byok_str_of(text));
}

int64_t sim_send_to(struct sim_world *world, int32_t partition, const char *user,
                    const char *format, ...)
{
    char text[8192];
    va_list args;
    va_start(args, format);
    int len = vsnprintf(text, sizeof text, format, args);
    va_end(args);
    if (len < 0 || (size_t)len >= sizeof text)
        abort();
    return sim_produce(world, partition, byok_str_of(user), byok_str_of(text));
}

int64_t sim_chat(struct sim_world *world, const char *user, const char *id)
{
    return sim_send(world, user,
                    "{\"id\":\"%s\",\"user\":\"%s\",\"capability\":\"chat\",\"provider\":"
                    "\"openai\",\"prompt\":\"Say hi\"}",
                    id, user);
}

struct sim_key *sim_seal(struct sim_world *world, const char *user, const char *provider,
                         const char *label, struct byok_arena *arena, struct byok_str *out)
{
    struct sim_key *key = &world->keys[world->key_count];
    if (world->key_count++ == SIM_KEYS_MAX)
        abort();
    snprintf(key->user, sizeof key->user, "%s", user);
    key->provider = sim_provider_of(world, byok_str_of(provider));
    snprintf(key->label, sizeof key->label, "%s", label);
    snprintf(key->secret, sizeof key->secret, SIM_KEY_MARK "%s-%s-%zu-5f3a9c", user, provider,
             world->key_count);
    sim_rate_begin(world, key);
    key->made_us = world->clock.now_us;
    key->issued_wall_ms = world->clock.clock.ops->wall_ms(&world->clock.clock);
    struct byok_envelope envelope = {
        .owner = {byok_str_of(user), byok_str_of(provider), byok_str_of(label)},
        .issued_wall_ms = key->issued_wall_ms,
    };
    struct byok_str sealed;
    struct byok_fault fault = {0};
    if (byok_envelope_seal(world->public_key, &envelope, byok_str_of(key->secret), arena, &sealed,
                           &fault) != BYOK_E_OK)
        abort();
    *out = byok_base64_encode(arena, sealed);
    return key;
}

struct sim_key *sim_register_as(struct sim_world *world, const char *user, const char *provider,
                                const char *label, const char *id)
{
    BYOK_AUTO(byok_arena) arena = {0};
    struct byok_str envelope;
    char named[80] = "";
    struct sim_key *key = sim_seal(world, user, provider, label, &arena, &envelope);
    key->registration = sim_request_of(world, byok_str_of(user), byok_str_of(id));
    if (strcmp(label, "default") != 0)
        snprintf(named, sizeof named, "\"key_label\":\"%s\",", label);
    sim_send(world, user,
             "{\"type\":\"key.register\",\"id\":\"%s\",\"user\":\"%s\",\"provider\":\"%s\",%s"
             "\"envelope\":\"%.*s\"}",
             id, user, provider, named, BYOK_STR_ARG(envelope));
    return key;
}

struct sim_key *sim_register(struct sim_world *world, const char *user, const char *provider,
                             const char *id)
{
    return sim_register_as(world, user, provider, "default", id);
}

void sim_register_now(struct sim_world *world, const char *user)
{
    char id[64];
    snprintf(id, sizeof id, "reg-%s-%" PRIu64, user, ++world->ids);
    sim_register(world, user, "openai", id);
    if (!sim_run_until_done(world, 60 * SIM_S) || strcmp(sim_result_code(world, id), "ok") != 0) {
        fprintf(stderr, "registering %s: %s\n", user, sim_result_code(world, id));
        abort();
    }
}

/* ---- looking ---- */

static bool has_id(const struct byok_record *record, const char *id)
{
    return byok_str_is(byok_record_header_of(record, BYOK_HEADER_REQUEST_ID), id);
}

size_t sim_results(struct sim_world *world, const char *id, struct byok_arena *arena,
                   struct byok_value *out)
{
    size_t found = 0;
    for (int32_t p = 0; p < world->cluster.partitions; p++) {
        const struct sim_topic *log = &world->cluster.topics[BYOK_TOPIC_RESULTS][p];
        for (size_t i = 0; i < log->count; i++) {
            if (!sim_is_visible(log, i) || !has_id(log->records[i], id))
                continue;
            found++;
            enum byok_format format;
            struct byok_str type = byok_record_header_of(log->records[i], BYOK_HEADER_CONTENT_TYPE);
            if (out && (!byok_format_of(type, log->records[i]->value, &format) ||
                        byok_decode(arena, format, log->records[i]->value, out, NULL) != BYOK_E_OK))
                abort();
        }
    }
    return found;
}

const char *sim_result_text(struct sim_world *world, const char *id, const char *path)
{
    struct byok_value root;
    if (sim_results(world, id, &world->arena, &root) == 0)
        return "";
    struct byok_str text = byok_value_as_str(byok_value_path(&root, path));
    return text.len > 0 ? byok_arena_copy(&world->arena, text).ptr : "";
}

const char *sim_result_code(struct sim_world *world, const char *id)
{
    if (sim_results(world, id, NULL, NULL) == 0)
        return "none";
    const char *status = sim_result_text(world, id, "status");
    return strcmp(status, "ok") == 0 ? status : sim_result_text(world, id, "error.code");
}

size_t sim_calls(struct sim_world *world, const char *id)
{
    size_t calls = 0;
    for (size_t i = 0; i < world->ledger.count; i++)
        calls += strcmp(world->ledger.entries[i].id, id) == 0;
    return calls;
}

const char *sim_dead_letter_code(struct sim_world *world, size_t n)
{
    for (int32_t p = 0; p < world->cluster.partitions; p++) {
        const struct sim_topic *log = &world->cluster.topics[BYOK_TOPIC_DLQ][p];
        for (size_t i = 0; i < log->count; i++) {
            if (n-- == 0)
                return byok_arena_copy(&world->arena, byok_record_header_of(log->records[i],
                                                                            BYOK_HEADER_ERROR_CODE))
                    .ptr;
        }
    }
    return "";
}

size_t sim_count(const struct sim_world *world, enum byok_topic topic)
{
    size_t count = 0;
    for (int32_t p = 0; p < world->cluster.partitions; p++)
        count += world->cluster.topics[topic][p].count;
    return count;
}

static bool record_leaks(const struct byok_record *record)
{
    bool leaks = sim_holds_key(record->key) || sim_holds_key(record->value);
    for (size_t i = 0; i < record->header_count; i++)
        leaks = leaks || sim_holds_key(record->headers[i].value);
    return leaks;
}

bool sim_leaked(struct sim_world *world)
{
    bool leaks = world->log.leaked;
    for (int topic = 0; topic < BYOK_TOPIC_COUNT; topic++) {
        for (int32_t p = 0; topic != BYOK_TOPIC_REQUESTS && p < world->cluster.partitions; p++) {
            const struct sim_topic *log = &world->cluster.topics[topic][p];
            for (size_t i = 0; i < log->count; i++)
                leaks = leaks || record_leaks(log->records[i]);
        }
    }
    return leaks;
}

static bool counts(const struct sim_entry *entry, const char *user)
{
    return !entry->is_void && strcmp(entry->user, user) == 0 && strcmp(entry->path, "/models") != 0;
}

/* Those that joined are no calls of their own. */
static bool calls(const struct sim_entry *entry, const char *user)
{
    return counts(entry, user) && !entry->joined;
}

size_t sim_busiest_minute(const struct sim_world *world, const char *user)
{
    const struct sim_ledger *ledger = &world->ledger;
    size_t most = 0, inside = 0, first = 0;
    for (size_t i = 0; i < ledger->count; i++) {
        const struct sim_entry *entry = &ledger->entries[i];
        if (!calls(entry, user))
            continue;
        inside++;
        for (; ledger->entries[first].at_us <= entry->at_us - MINUTE_US; first++)
            inside -= calls(&ledger->entries[first], user);
        most = inside > most ? inside : most;
    }
    return most;
}

int64_t sim_most_tokens(const struct sim_world *world, const char *user)
{
    const struct sim_ledger *ledger = &world->ledger;
    int64_t most = 0, inside = 0;
    for (size_t i = 0, first = 0; i < ledger->count; i++) {
        const struct sim_entry *entry = &ledger->entries[i];
        if (!counts(entry, user))
            continue;
        inside += entry->tokens;
        for (; ledger->entries[first].at_us <= entry->at_us - MINUTE_US; first++)
            inside -= counts(&ledger->entries[first], user) ? ledger->entries[first].tokens : 0;
        most = inside > most ? inside : most;
    }
    return most;
}

size_t sim_most_at_once(const struct sim_world *world, const char *user)
{
    const struct sim_ledger *ledger = &world->ledger;
    size_t most = 0;
    for (size_t i = 0; i < ledger->count; i++) {
        size_t open = 0;
        if (!calls(&ledger->entries[i], user))
            continue;
        int64_t at_us = ledger->entries[i].at_us;
        for (size_t k = 0; k <= i; k++)
            open += calls(&ledger->entries[k], user) && ledger->entries[k].end_us > at_us;
        most = open > most ? open : most;
    }
    return most;
}

size_t sim_audit_breaks(const struct sim_world *world)
{
    size_t breaks = 0;
    for (int32_t p = 0; p < world->cluster.partitions; p++) {
        const struct sim_topic *log = &world->cluster.topics[BYOK_TOPIC_AUDIT][p];
        struct byok_audit_head head = {0};
        for (size_t i = 0; i < log->count; i++) {
            BYOK_AUTO(byok_arena) arena = {0};
            struct byok_audit_record record;
            struct byok_str value = log->records[i]->value;
            if (!sim_is_visible(log, i))
                continue;
            breaks += byok_audit_decode(value, &arena, &record) != BYOK_E_OK ||
                      !byok_audit_follows(&head, &record, value);
        }
    }
    return breaks;
}
