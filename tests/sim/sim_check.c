/* SPDX-License-Identifier: MIT */
/* tests/sim/sim_check.c - what must hold when a run has come to rest; see tests/sim/sim_watch.h. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "schemas/audit.h"
#include "schemas/state.h"
#include "tests/sim/world.h"

/* ---- tables ---- */

struct line {
    UT_hash_handle hh;
    const struct byok_record *record; /* the last of its key */
};

static struct line *fold(const struct sim_topic *log, struct line **lines)
{
    struct line *table = NULL;
    *lines = sim_new(log->count + 1, sizeof **lines);
    for (size_t i = log->count; i-- > 0;) {
        struct line *line = NULL;
        const struct byok_record *record = log->records[i];
        if (!sim_is_visible(log, i))
            continue;
        HASH_FIND(hh, table, record->key.ptr, record->key.len, line);
        if (line)
            continue;
        line = &(*lines)[i];
        line->record = record;
        HASH_ADD_KEYPTR(hh, table, record->key.ptr, record->key.len, line);
    }
    return table;
}

struct comparing {
    struct sim_world *world;
    struct line *table;
    enum byok_topic topic;
    size_t seen;
    bool differs, leaks;
};

/* A claim that came late is in the changelog only, until the next restore; with a ledger on the
 * host, claims are in the table only. */
static bool may_differ(const struct comparing *what, struct byok_str key)
{
    const struct sim_world *world = what->world;
    return what->topic == BYOK_TOPIC_STATE &&
           (world->faults[SIM_FAULT_NOTE_LATE] > 0 || world->host_ledger) && key.len > 0 &&
           key.ptr[0] == 'c';
}

static bool compare(void *arg, struct byok_str key, struct byok_str value)
{
    struct comparing *what = arg;
    struct line *line = NULL;
    what->leaks = what->leaks || sim_holds_key(key) || sim_holds_key(value);
    if (may_differ(what, key))
        return true;
    HASH_FIND(hh, what->table, key.ptr, key.len, line);
    what->differs = what->differs || !line || !byok_str_eq(line->record->value, value);
    what->seen++;
    return true;
}

static void check_table(struct sim_worker *worker, struct byok_store *store, enum byok_topic topic,
                        int32_t partition, const char *when)
{
    struct sim_world *world = worker->world;
    struct line *lines, *line, *next;
    struct comparing what = {.world = world, .topic = topic};
    size_t expected = 0;
    what.table = fold(&world->cluster.topics[topic][partition], &lines);
    HASH_ITER(hh, what.table, line, next)
        expected += line->record->value.ptr != NULL && !may_differ(&what, line->record->key);
    if (store->ops->scan(store, partition, (struct byok_str){"", 0}, compare, &what, NULL) !=
        BYOK_E_OK)
        abort();
    int64_t position = -1;
    (void)store->ops->position(store, partition, &position, NULL);
    if (what.differs || what.seen != expected)
        sim_fail(world,
                 "worker %td: the %s table of partition %d is not what its changelog says %s "
                 "(%zu of %zu entries, position %" PRId64 " of %" PRId64 ")",
                 worker - world->workers, byok_topic_suffix(topic), (int)partition, when, what.seen,
                 expected, position, world->cluster.topics[topic][partition].next_offset);
    if (what.leaks)
        sim_fail(world, "a raw key stands in the %s table", byok_topic_suffix(topic));
    HASH_CLEAR(hh, what.table);
    byok_delete(lines);
}

void sim_check_tables(struct sim_worker *worker, int32_t partition, const char *when)
{
    check_table(worker, worker->state->inner, BYOK_TOPIC_STATE, partition, when);
    check_table(worker, worker->vault_store->inner, BYOK_TOPIC_VAULT, partition, when);
}

/* ---- requests ---- */

static void count_void_calls(struct sim_world *world)
{
    for (size_t i = 0; i < world->ledger.count; i++) {
        const struct sim_entry *entry = &world->ledger.entries[i];
        entry->request->calls += entry->sent;
        entry->request->void_calls += entry->sent && entry->is_void;
        entry->request->joined_calls += entry->sent && !entry->is_void && entry->joined;
        if (!entry->is_void) {
            entry->request->tokens_at[entry->provider] -= entry->tokens;
            entry->request->written_at[entry->provider] -= entry->written;
            entry->request->calls_at[entry->provider] -= entry->sent;
        }
        if (entry->user[0] && strncmp(entry->request->name, entry->user, strlen(entry->user)) != 0)
            sim_fail(world, "a call of %s was made with the key of %s", entry->request->name,
                     entry->user);
    }
}

/* What was called there is what was published of it. */
static void check_provider(struct sim_world *world, const struct sim_request *request, size_t i)
{
    const char *name = world->providers[i].name;
    if (request->calls_at[i] != request->lost_at[i])
        sim_fail(world, "%s: %" PRId64 " calls more in the usage events than provider %s had",
                 request->name, request->calls_at[i] - request->lost_at[i], name);
    if (request->tokens_at[i] != 0)
        sim_fail(world, "%s: %" PRId64 " tokens more in the usage events than provider %s said",
                 request->name, request->tokens_at[i], name);
    if (request->written_at[i] != 0)
        sim_fail(world,
                 "%s: %" PRId64 " tokens to a cache more in the usage events than provider %s said",
                 request->name, request->written_at[i], name);
}

/* The key that it names, else the one that was the default when it came or was made it since; of
 * several records of its id nobody knows which one was served. */
static void check_label(struct sim_world *world, const struct sim_request *request)
{
    const struct sim_request *choice =
        request->provider == 0 && request->fallbacks == 0 ? request->chooses : NULL;
    const char *wanted = request->names[0] ? request->names : choice ? choice->chosen : NULL;
    bool sure = request->names[0] || (choice && choice->ok && choice->results == 1);
    if (!world->settings.at_least_once && request->records == 1 && request->job && request->ok &&
        sure && strcmp(request->used, wanted) != 0)
        sim_fail(world, "%s was made with the key \"%s\" and not with \"%s\"", request->name,
                 request->used, wanted);
}

static void check_request(struct sim_world *world, const struct sim_request *request)
{
    bool once = !world->settings.at_least_once;
    if (request->records > 0 && request->results == 0 && !request->dead)
        sim_fail(world, "%s has no result", request->name);
    if (request->records == 0 && request->results > 0)
        sim_fail(world, "%s has a result without a request", request->name);
    if (request->places > 0 && (once || world->faults[SIM_FAULT_TORN_BATCH] == 0))
        sim_fail(world, "%s has its result and waits in the state still", request->name);
    /* of a registration that was written in part, the key may be missing */
    if (once && request->job && request->no_key && !request->keyless && request->registration &&
        request->registration->ok)
        sim_fail(world, "%s found no key, which %s before it had registered", request->name,
                 request->registration->name);
    check_label(world, request);
    if (once && request->cancelled != request->taken_back)
        sim_fail(world, "%s %s cancelled, and %s cancel of it says so", request->name,
                 request->cancelled ? "is" : "is not", request->taken_back ? "a" : "no");
    if (!request->job || !once)
        return;
    /* of a job that a limit refuses again and again, no more is told */
    bool noted = request->calls <= BYOK_ATTEMPTS_MAX;
    if (noted &&
        request->sent_attempts - request->lost_attempts != request->calls - request->void_calls)
        sim_fail(world, "%s: the provider had %u calls, %u of them nobody's; %u are in its result",
                 request->name, request->calls, request->void_calls, request->sent_attempts);
    if (request->usage != request->sent_attempts)
        sim_fail(world, "%s: %u usage events for %u calls", request->name, request->usage,
                 request->sent_attempts);
    if ((noted && request->joined_attempts != request->joined_calls) ||
        request->usage_calls != request->usage - request->joined_attempts)
        sim_fail(world, "%s: %u calls of others, of %u; %u calls in %u usage events", request->name,
                 request->joined_attempts, request->joined_calls, request->usage_calls,
                 request->usage);
    for (size_t i = 0; i < SIM_PROVIDERS && noted; i++)
        check_provider(world, request, i);
    if (request->left_off && world->faults[SIM_FAULT_NO_MEMORY] == 0)
        sim_fail(world, "%s failed though it has a fallback that was not tried", request->name);
}

/* ---- users ---- */

/* Of a provider. */
struct sums {
    int64_t calls, tokens;
};

static struct sums sum_usage(const struct sim_world *world, const char *user, size_t provider)
{
    struct sums sums = {0, 0};
    size_t len = strlen(user);
    for (const struct sim_request *r = world->watch.requests; r; r = r->hh.next) {
        if (strncmp(r->name, user, len) == 0 && r->name[len] == '/')
            sums.calls += r->counts_at[provider];
    }
    for (size_t i = 0; i < world->ledger.count; i++) {
        const struct sim_entry *entry = &world->ledger.entries[i];
        if (!entry->is_void && entry->request->job && entry->provider == provider &&
            strcmp(entry->user, user) == 0)
            sums.tokens += entry->tokens;
    }
    return sums;
}

static struct sums sum_counters(struct sim_world *world, const char *user, size_t provider)
{
    struct sums sums = {0, 0};
    BYOK_AUTO(byok_arena) arena = {0};
    struct byok_str key = byok_user_key(&arena, byok_str_of(user));
    int32_t p = byok_partition_of(byok_str_of(user), world->cluster.partitions);
    const struct sim_topic *log = &world->cluster.topics[BYOK_TOPIC_STATE][p];
    size_t i = log->count;
    while (i > 0 && !(sim_is_visible(log, i - 1) && byok_str_eq(log->records[i - 1]->key, key)))
        i--;
    struct byok_user_record record;
    if (i == 0 || byok_user_record_decode(log->records[i - 1]->value, &arena, &record) != BYOK_E_OK)
        return sums;
    for (size_t c = 0; c < record.counter_count; c++) {
        if (strcmp(record.counters[c].provider, world->providers[provider].name) != 0)
            continue;
        sums.calls += record.counters[c].calls;
        sums.tokens += record.counters[c].input_tokens + record.counters[c].output_tokens;
    }
    byok_user_record_done(&record);
    return sums;
}

/* How often the audit says that the user's key went to the provider for a job. */
static int64_t audited_calls(const struct sim_world *world, const char *user, size_t provider)
{
    int64_t calls = 0;
    int32_t p = byok_partition_of(byok_str_of(user), world->cluster.partitions);
    const struct sim_topic *log = &world->cluster.topics[BYOK_TOPIC_AUDIT][p];
    for (size_t i = 0; i < log->count; i++) {
        BYOK_AUTO(byok_arena) arena = {0};
        struct byok_audit_record record;
        if (!sim_is_visible(log, i) || !byok_str_is(log->records[i]->key, user))
            continue;
        if (byok_audit_decode(log->records[i]->value, &arena, &record) != BYOK_E_OK)
            abort();
        if (byok_str_is(record.event, "key.use") &&
            byok_str_is(record.provider, world->providers[provider].name))
            calls += record.calls;
    }
    return calls;
}

static void check_user(struct sim_world *world, const struct sim_user *user)
{
    for (size_t i = 0; i < SIM_PROVIDERS; i++) {
        struct sums published = sum_usage(world, user->name, i);
        struct sums counted = sum_counters(world, user->name, i);
        if (published.calls != counted.calls || published.tokens != counted.tokens)
            sim_fail(world,
                     "%s: usage says %" PRId64 " calls and %" PRId64
                     " tokens of %s, the counters %" PRId64 " and %" PRId64,
                     user->name, published.calls, published.tokens, world->providers[i].name,
                     counted.calls, counted.tokens);
        int64_t audited = audited_calls(world, user->name, i);
        if (audited != published.calls)
            sim_fail(world, "%s: the audit says %" PRId64 " calls of %s, usage %" PRId64,
                     user->name, audited, world->providers[i].name, published.calls);
    }
    if (user->per_minute > 0 && !world->clock_jumped) {
        size_t most = sim_busiest_minute(world, user->name);
        if (most > user->per_minute)
            sim_fail(world, "%zu calls of %s in a minute, of %u that are allowed", most, user->name,
                     user->per_minute);
    }
    if (user->tokens_per_minute > 0 && !world->clock_jumped) {
        int64_t most = sim_most_tokens(world, user->name);
        if (most > user->tokens_per_minute)
            sim_fail(world, "%" PRId64 " tokens of %s in a minute, of %u that are allowed", most,
                     user->name, user->tokens_per_minute);
    }
    sim_budget_check(world, user);
    if (user->at_once > 0) {
        size_t most = sim_most_at_once(world, user->name);
        if (most > user->at_once)
            sim_fail(world, "%zu calls of %s at once, of %u that are allowed", most, user->name,
                     user->at_once);
    }
}

/* ---- a call that was unclear ---- */

/* Whether who made the later call had to know of the one before by its claim, since one of the two
 * is nobody's.  With a ledger on the host it is known on that disk only. */
static bool is_told(const struct sim_world *world, const struct sim_entry *before,
                    const struct sim_entry *later)
{
    bool same_disk = before->worker == later->worker && before->disk == later->disk;
    return !world->no_ledger && (!world->host_ledger || same_disk);
}

static bool follows_unclear(const struct sim_world *world, size_t i)
{
    const struct sim_entry *later = &world->ledger.entries[i];
    const struct sim_request *request = later->request;
    for (const struct sim_entry *e = request->unclear; e; e = e->unclear_before) {
        if ((!e->is_void && !later->is_void) || is_told(world, e, later))
            return true;
    }
    return false;
}

/* Under `report` no call follows one whose outcome nobody knows; with a ledger, neither one whose
 * good answer was lost with its worker or partition (a failure may be known from no claim). */
static void check_repeats(struct sim_world *world)
{
    const struct sim_ledger *ledger = &world->ledger;
    for (size_t i = 0; i < ledger->count; i++) {
        struct sim_entry *entry = &ledger->entries[i];
        struct sim_request *request = entry->request;
        if (!entry->sent || request->retries || !request->job ||
            (entry->is_void && world->no_ledger))
            continue;
        if (follows_unclear(world, i))
            sim_fail(world, "%s was sent again though a call before it is unclear", request->name);
        const struct sim_entry *part = request->spoken;
        if (part && is_told(world, part, entry) &&
            (part->worker != entry->worker || part->life != entry->life ||
             part->generation != entry->generation))
            sim_fail(world, "%s was begun anew though parts of it are paid for", request->name);
        if (entry->is_void && entry->spoke)
            request->spoken = entry;
        if (!entry->is_known || (entry->is_void && entry->tokens > 0)) {
            entry->unclear_before = request->unclear;
            request->unclear = entry;
        }
    }
}

/* ---- the workers ---- */

static void check_worker(struct sim_worker *worker, size_t i)
{
    struct sim_world *world = worker->world;
    if (worker->env.partitions->held_bytes != 0)
        sim_fail(world, "worker %zu holds %zu bytes", i, worker->env.partitions->held_bytes);
    if (worker->env.partitions->outgoing_bytes != 0)
        sim_fail(world, "worker %zu has %zu bytes outgoing", i,
                 worker->env.partitions->outgoing_bytes);
    if (byok_slots_leased(worker->slots) != 0)
        sim_fail(world, "worker %zu leases %u slots", i, byok_slots_leased(worker->slots));
    if (worker->env.partitions->paused)
        sim_fail(world, "worker %zu is paused", i);
    static const enum byok_metric gauges[] = {BYOK_METRIC_USERS, BYOK_METRIC_OPEN,
                                              BYOK_METRIC_IN_FLIGHT, BYOK_METRIC_STORE_BROKEN};
    for (size_t g = 0; g < sizeof gauges / sizeof gauges[0]; g++) {
        if (sim_metric(worker, gauges[g]) != 0)
            sim_fail(world, "worker %zu: gauge %d is %" PRId64, i, (int)gauges[g],
                     sim_metric(worker, gauges[g]));
    }
}

struct claims {
    struct byok_store *store;
    int32_t partition;
    unsigned count; /* without a DONE record, with which they expire */
    unsigned done;
};

static bool count_one(void *arg, struct byok_str key, struct byok_str value)
{
    struct claims *claims = arg;
    BYOK_AUTO(byok_arena) arena = {0};
    struct byok_str done = {NULL, 0};
    char *bytes = byok_arena_alloc(&arena, key.len);
    (void)value;
    if (!bytes)
        abort();
    memcpy(bytes, key.ptr, key.len);
    bytes[0] = 'd';
    /* a withdrawal's ends with a NUL */
    struct byok_str done_key = {bytes, key.len - (key.ptr[key.len - 1] == '\0')};
    if (claims->store->ops->get(claims->store, claims->partition, done_key, &arena, &done, NULL) !=
        BYOK_E_OK)
        abort();
    claims->count += !done.ptr;
    claims->done += done.ptr != NULL;
    return true;
}

/* Every request has its result, and with it its claim has gone; with a ledger on the host, that of
 * an earlier owner which had it may be there until the DONE record goes. */
static void check_claims(struct sim_worker *owner, int32_t partition)
{
    struct byok_store *store = owner->state->inner;
    struct claims claims = {store, partition, 0, 0};
    const struct byok_str prefix = BYOK_STR("c");
    if (store->ops->scan(store, partition, prefix, count_one, &claims, NULL) != BYOK_E_OK)
        abort();
    if (!owner->world->host_ledger)
        claims.count += claims.done;
    if (claims.count > 0 && owner->world->faults[SIM_FAULT_NOTE_LATE] == 0)
        sim_fail(owner->world, "partition %d has %u claims left", (int)partition, claims.count);
}

static void check_workers(struct sim_world *world)
{
    for (size_t i = 0; i < world->worker_count; i++)
        check_worker(&world->workers[i], i);
    for (int32_t p = 0; p < world->cluster.partitions; p++) {
        struct sim_worker *owner = world->cluster.owners[p].worker;
        if (!owner || !sim_is_running(owner, p))
            sim_fail(world, "partition %d is not running", (int)p);
        else if (!world->settings.at_least_once)
            sim_check_tables(owner, p, "at the end");
        if (owner && !world->settings.at_least_once)
            check_claims(owner, p);
    }
}

void sim_check(struct sim_world *world)
{
    bool once = !world->settings.at_least_once;
    if (once && sim_audit_breaks(world) != 0)
        sim_fail(world, "%zu breaks in the audit's chains", sim_audit_breaks(world));
    if (sim_leaked(world))
        sim_fail(world, "a raw key was published or logged");
    count_void_calls(world);
    for (const struct sim_request *r = world->watch.requests; r; r = r->hh.next)
        check_request(world, r);
    for (size_t i = 0; once && i < world->user_count; i++)
        check_user(world, &world->users[i]);
    if (once)
        check_repeats(world);
    check_workers(world);
}
