/* SPDX-License-Identifier: MIT */
/* tests/sim/sim_watch.c - what is seen while a run goes on; see tests/sim/sim_watch.h. */
#include "tests/sim/sim_watch.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "schemas/codec.h"
#include "schemas/payload.h"
#include "tests/sim/world.h"

/* Stands for a record that names no request and went to the dlq. */
static struct sim_request dead_letter = {.dead = true};

void sim_fail(struct sim_world *world, const char *format, ...)
{
    struct sim_watch *watch = &world->watch;
    if (watch->failures++ > 0)
        return;
    int len = snprintf(watch->first, sizeof watch->first,
                       "at %.3f s: ", (double)world->clock.now_us / 1e6);
    va_list args;
    va_start(args, format);
    vsnprintf(watch->first + len, sizeof watch->first - (size_t)len, format, args);
    va_end(args);
}

size_t sim_provider_of(struct sim_world *world, struct byok_str name)
{
    for (size_t i = 0; i < SIM_PROVIDERS; i++) {
        if (byok_str_is(name, world->providers[i].name))
            return i;
    }
    sim_fail(world, "there is no provider \"%.*s\"", BYOK_STR_ARG(name));
    return 0;
}

struct sim_request *sim_request_of(struct sim_world *world, struct byok_str user,
                                   struct byok_str id)
{
    struct sim_request *request = NULL;
    char name[sizeof request->name];
    snprintf(name, sizeof name, "%.*s/%.*s", BYOK_STR_ARG(user), BYOK_STR_ARG(id));
    HASH_FIND_STR(world->watch.requests, name, request);
    if (request)
        return request;
    request = sim_new(1, sizeof *request);
    memcpy(request->name, name, sizeof name);
    HASH_ADD_STR(world->watch.requests, name, request);
    if (!request->hh.tbl)
        abort();
    return request;
}

/* ---- records ---- */

static bool decode(struct byok_arena *arena, const struct byok_record *record,
                   struct byok_value *out)
{
    enum byok_format format;
    struct byok_str type = byok_record_header_of(record, BYOK_HEADER_CONTENT_TYPE);
    return record->value.ptr && byok_format_of(type, record->value, &format) &&
           byok_decode(arena, format, record->value, out, NULL) == BYOK_E_OK;
}

static struct byok_str text_of(const struct byok_value *root, const char *name)
{
    return byok_value_as_str(byok_value_find(root, name));
}

/* The user's last one for the provider before that record.  Copies are passed over. */
static const struct sim_request *registration_before(const struct sim_topic *log, size_t index,
                                                     size_t provider)
{
    for (size_t i = index; i-- > 0;) {
        const struct sim_request *request = log->requests[i];
        if (request && request->registers && request->provider == provider &&
            request->offset == log->records[i]->offset &&
            byok_str_eq(log->records[i]->key, log->records[index]->key))
            return request;
    }
    return NULL;
}

static void note_text(char out[static 16], struct byok_str text)
{
    snprintf(out, 16, "%.*s", BYOK_STR_ARG(text));
}

/* Of a job, which user.configure before it has chosen the key; of that, the label. */
static void note_choice(const struct sim_topic *log, size_t index, const struct byok_value *label)
{
    struct sim_request *request = log->requests[index];
    for (size_t i = index; i-- > 0 && !request->chooses;) {
        const struct sim_request *before = log->requests[i];
        if (before && before->offset == log->records[i]->offset &&
            byok_str_eq(log->records[i]->key, log->records[index]->key))
            request->chooses = before->chosen[0] ? before : before->chooses;
    }
    note_text(request->chosen, byok_value_as_str(label));
}

/* FNV-1a, 64 bits. */
static uint64_t hash_of(struct byok_str text)
{
    uint64_t hash = 14695981039346656037u;
    for (size_t i = 0; i < text.len; i++)
        hash = (hash ^ (unsigned char)text.ptr[i]) * 1099511628211u;
    return hash;
}

static void see_request(struct sim_world *world, int32_t partition, size_t index)
{
    struct sim_topic *log = &world->cluster.topics[BYOK_TOPIC_REQUESTS][partition];
    const struct byok_record *record = log->records[index];
    BYOK_AUTO(byok_arena) arena = {0};
    struct byok_value root;
    if (!decode(&arena, record, &root) || text_of(&root, "id").len == 0)
        return;
    struct sim_request *request = sim_request_of(world, record->key, text_of(&root, "id"));
    const struct byok_value *input = byok_value_find(&root, "input");
    struct byok_value *first = byok_value_is(input, BYOK_VALUE_ARRAY) ? input->as.items : NULL;
    if (first && byok_str_find(byok_value_as_str(first), byok_str_of("#")) != SIZE_MAX)
        request->texts = input->count;
    if (text_of(&root, "text").len > 0)
        request->speech = hash_of(text_of(&root, "text"));
    request->retries = request->retries || byok_str_is(text_of(&root, "on_unknown"), "retry");
    request->hurries = request->hurries || byok_value_find(&root, "timeout_ms") ||
                       byok_value_find(&root, "deadline_ms");
    log->requests[index] = request;
    if (byok_partition_of(record->key, world->cluster.partitions) != partition)
        return;
    request->keyless = request->keyless || byok_str_is(text_of(&root, "key_label"), "none");
    const struct byok_value *fallbacks = byok_value_find(&root, "fallbacks");
    const unsigned count = fallbacks ? fallbacks->count : 0;
    const bool is_first = request->records++ == 0;
    request->fallbacks = count > request->fallbacks ? count : request->fallbacks;
    request->fewest = is_first || count < request->fewest ? count : request->fewest;
    if (is_first) { /* mostly this one is served, and others are taken for it */
        request->offset = record->offset;
        note_text(request->names, text_of(&root, "key_label"));
        request->registers =
            byok_str_is(text_of(&root, "type"), "key.register") && request->names[0] == '\0';
        request->provider = text_of(&root, "provider").len > 0
                                ? sim_provider_of(world, text_of(&root, "provider"))
                                : 0;
        request->registration = registration_before(log, index, request->provider);
        note_choice(log, index, byok_value_path(&root, "default_keys.openai"));
    }
}

static struct sim_request *named(struct sim_world *world, const struct byok_record *record)
{
    return sim_request_of(world, record->key,
                          byok_record_header_of(record, BYOK_HEADER_REQUEST_ID));
}

/* The provider's samples are the text that it was given: all of it, in order, and nothing twice. */
static void see_speech(struct sim_world *world, const struct sim_request *request,
                       struct byok_arena *arena, const struct byok_value *root)
{
    struct byok_str audio = {"", 0};
    const struct sim_object *object =
        sim_object_find(world, byok_value_as_str(byok_value_path(root, "audio.ref")).ptr);
    if (!byok_str_is(text_of(root, "capability"),
                     "text_to_speech") || /* the id may be sent twice */
        !byok_str_is(text_of(root, "status"), "ok"))
        return;
    if (object)
        audio = (struct byok_str){object->content, object->size};
    if ((!object && !byok_base64_decode(arena, text_of(root, "audio"), &audio)) ||
        hash_of(audio) != request->speech)
        sim_fail(world, "%s is not spoken as it is written", request->name);
}

/* Of a job whose texts say whose they are: its own vectors, and no failure of another's. */
static void see_vectors(struct sim_world *world, const struct sim_request *request,
                        const struct byok_value *root)
{
    const struct byok_value *list = byok_value_find(root, "embeddings");
    struct byok_str id = text_of(root, "id");
    for (uint32_t i = 0; request->texts > 0 && list && i < request->texts; i++) {
        char text[200];
        const int pad = id.len < SIM_TEXT_BYTES ? SIM_TEXT_BYTES - 1 - (int)id.len : 0;
        int64_t vector[2], x = -1, y = -1;
        int len = snprintf(text, sizeof text, "%.*s#%-*u", BYOK_STR_ARG(id), pad, i);
        sim_vector_of((struct byok_str){text, len > 0 ? (size_t)len : 0}, vector);
        const struct byok_value *own = i < list->count ? &list->as.items[i] : NULL;
        bool good = own && own->count == 2 && byok_value_as_int(&own->as.items[0], &x) &&
                    byok_value_as_int(&own->as.items[1], &y) && x == vector[0] && y == vector[1];
        if (!good || list->count != request->texts)
            sim_fail(world, "%s has vectors that are not its own", request->name);
    }
    /* where nothing keeps two owners from calling, it may be the answer to the other's call, alone */
    bool shared = request->jobs > 1 && !request->went_alone;
    if (shared &&
        byok_str_is(byok_value_as_str(byok_value_path(root, "error.code")), "bad_request"))
        sim_fail(world, "%s is refused for what may have been another's", request->name);
}

/* Of a job.cancel, what it says of its job. */
static void see_outcome(struct sim_world *world, struct byok_str user,
                        const struct byok_value *root)
{
    if (byok_str_is(text_of(root, "outcome"), "cancelled"))
        sim_request_of(world, user, text_of(root, "job_id"))->taken_back = true;
}

struct seen_result {
    struct sim_world *world;
    struct byok_str user;
    const char *name;
};

/* What a result names is there before anybody can read the result. */
static void see_payload(void *arg, const struct byok_value *owner, struct byok_value *place)
{
    const struct seen_result *seen = arg;
    struct sim_world *world = seen->world;
    struct byok_payload_ref ref;
    struct byok_fault fault;
    (void)owner;
    if (!byok_payload_is_ref(place))
        return;
    if (byok_payload_read(place, seen->user, &ref, &fault) != BYOK_E_OK ||
        !sim_object_find(world, ref.name))
        sim_fail(world, "a result of %s names a payload that is not there", seen->name);
}

static void see_attempts(struct sim_world *world, struct sim_request *request,
                         const struct byok_value *root)
{
    const struct byok_value *attempts = byok_value_find(root, "attempts");
    request->attempts = request->sent_attempts = request->lost_attempts = 0;
    request->joined_attempts = 0;
    memset(request->lost_at, 0, sizeof request->lost_at);
    for (uint32_t i = 0; byok_value_is(attempts, BYOK_VALUE_ARRAY) && i < attempts->count; i++) {
        const struct byok_value *attempt = &attempts->as.items[i];
        const struct byok_value *sent = byok_value_find(attempt, "sent");
        const struct byok_value *named = byok_value_find(attempt, "provider") ? attempt : root;
        request->attempts++;
        request->sent_attempts += byok_value_is(sent, BYOK_VALUE_BOOL) && sent->as.boolean;
        request->joined_attempts += sent->as.boolean && byok_value_find(attempt, "joined") != NULL;
        if (!byok_str_is(text_of(attempt, "code"), "outcome_lost"))
            continue;
        request->lost_attempts++;
        request->lost_at[sim_provider_of(world, text_of(named, "provider"))]++;
    }
}

/* A job does not end for what another provider might have done: each was called or passed over.
 * But for a text that is spoken in part, a deadline, and more attempts than are noted. */
static void see_fallbacks(struct sim_request *request, const struct byok_value *root)
{
    const struct byok_value *attempts = byok_value_find(root, "attempts");
    struct byok_str code = byok_value_as_str(byok_value_path(root, "error.code"));
    unsigned models = 0;
    for (uint32_t i = 0; attempts && i < attempts->count; i++) {
        bool seen = false;
        for (uint32_t j = 0; j < i; j++)
            seen = seen || byok_str_eq(text_of(&attempts->as.items[i], "model"),
                                       text_of(&attempts->as.items[j], "model"));
        models += !seen;
    }
    request->left_off = sim_is_providers_failure(code) && request->speech == 0 &&
                        !request->hurries && request->fewest > 0 && models < 1 + request->fewest &&
                        request->made + request->fallbacks < BYOK_ATTEMPTS_MAX;
}

static void see_result(struct sim_world *world, const struct byok_record *record)
{
    struct sim_request *request = named(world, record);
    BYOK_AUTO(byok_arena) arena = {0};
    struct byok_value root;
    if (++request->results > 1 && !world->settings.at_least_once)
        sim_fail(world, "a second result of %s", request->name);
    if (!decode(&arena, record, &root)) {
        sim_fail(world, "a result of %s that cannot be read", request->name);
        return;
    }
    struct seen_result seen = {world, record->key, request->name};
    byok_payload_each_output(&root, see_payload, &seen);
    request->job = byok_str_is(text_of(&root, "type"), "job"); /* of the record that was taken */
    request->ok = byok_str_is(text_of(&root, "status"), "ok");
    request->ended_us = world->clock.now_us;
    struct byok_str code = byok_value_as_str(byok_value_path(&root, "error.code"));
    request->no_key = byok_str_is(code, "no_key");
    note_text(request->used, byok_value_as_str(byok_value_path(&root, "key.label")));
    if (request->job && world->settings.on_invalid_waits && byok_str_is(code, "key_invalid"))
        sim_fail(world, "%s failed for its key, for which it was to wait", request->name);
    request->cancelled = byok_str_is(code, "cancelled");
    see_outcome(world, record->key, &root);
    if (request->job && !request->hurries && !world->clock_jumped && world->deadlines_far &&
        byok_str_is(byok_value_as_str(byok_value_path(&root, "error.code")), "deadline_exceeded"))
        sim_fail(world, "%s was left behind until its deadline", request->name);
    see_attempts(world, request, &root);
    see_fallbacks(request, &root);
    see_vectors(world, request, &root);
    see_speech(world, request, &arena, &root);
    sim_limits_result(world, request, &root);
}

static int64_t number_of(const struct byok_value *root, const char *name)
{
    int64_t number = 0;
    return byok_value_as_int(byok_value_find(root, name), &number) ? number : 0;
}

static void see_usage(struct sim_world *world, const struct byok_record *record)
{
    struct sim_request *request = named(world, record);
    BYOK_AUTO(byok_arena) arena = {0};
    struct byok_value root;
    if (!decode(&arena, record, &root)) {
        sim_fail(world, "a usage event of %s that cannot be read", request->name);
        return;
    }
    request->usage++;
    request->usage_calls += (unsigned)number_of(&root, "calls");
    const size_t at = sim_provider_of(world, text_of(&root, "provider"));
    request->calls_at[at]++;
    request->counts_at[at] += number_of(&root, "calls");
    request->tokens_at[at] += number_of(&root, "input_tokens") + number_of(&root, "output_tokens");
    request->written_at[at] += number_of(&root, "cache_write_tokens");
}

static int64_t header_number(const struct byok_record *record, const char *name)
{
    char text[24];
    snprintf(text, sizeof text, "%.*s", BYOK_STR_ARG(byok_record_header_of(record, name)));
    return strtoll(text, NULL, 10);
}

static void see_dead_letter(struct sim_world *world, const struct byok_record *record)
{
    int64_t partition = header_number(record, BYOK_HEADER_ERROR_PARTITION);
    int64_t offset = header_number(record, BYOK_HEADER_ERROR_OFFSET);
    if (partition < 0 || partition >= world->cluster.partitions) {
        sim_fail(world, "a dead letter of partition %lld", (long long)partition);
        return;
    }
    struct sim_topic *log = &world->cluster.topics[BYOK_TOPIC_REQUESTS][partition];
    size_t i = sim_topic_seek(log, offset);
    if (i == log->count || log->records[i]->offset != offset)
        sim_fail(world, "a dead letter of no record");
    else if (log->requests[i])
        log->requests[i]->dead = true;
    else
        log->requests[i] = &dead_letter;
}

/* A request is put into a place, or a place is erased. */
static void see_place(struct sim_world *world, int32_t partition, const struct byok_record *record)
{
    BYOK_AUTO(byok_arena) arena = {0};
    struct byok_parked parked;
    struct byok_parked_place place;
    struct byok_str user;
    struct byok_value root;
    unsigned *count = NULL;
    if (!byok_parked_key_read(record->key, &user, &place))
        return;
    if (record->value.ptr) {
        if (byok_parked_decode(record->value, &arena, &parked) != BYOK_E_OK ||
            byok_decode(&arena, BYOK_JSON, parked.request, &root, NULL) != BYOK_E_OK) {
            sim_fail(world, "a parked request of %.*s cannot be read", BYOK_STR_ARG(user));
            return;
        }
        count = &sim_request_of(world, user, text_of(&root, "id"))->places;
    }
    sim_parked_note(&world->cluster.parked[partition], record, count);
}

/* What was tried so far stands beside the marker of a parked request. */
static void see_marker(struct sim_world *world, const struct byok_record *record)
{
    struct byok_str rest = {record->key.ptr + 2, record->key.len - 2};
    struct byok_parked_place place;
    if (record->key.ptr[0] != 'd' || !record->value.ptr ||
        byok_parked_marker_decode(record->value, &place) != BYOK_E_OK)
        return;
    struct byok_str user = {rest.ptr, strlen(rest.ptr)};
    struct byok_str id = {rest.ptr + user.len + 1, rest.len - user.len - 1};
    struct sim_request *request = sim_request_of(world, user, id);
    for (size_t i = 0; i < world->ledger.count; i++) {
        struct sim_entry *entry = &world->ledger.entries[i];
        entry->is_kept = entry->is_kept || (entry->request == request && !entry->is_void);
    }
}

void sim_watch_record(struct sim_world *world, enum byok_topic topic, int32_t partition,
                      size_t index)
{
    const struct byok_record *record = world->cluster.topics[topic][partition].records[index];
    switch (topic) {
    case BYOK_TOPIC_REQUESTS:
        see_request(world, partition, index);
        break;
    case BYOK_TOPIC_RESULTS:
        see_result(world, record);
        break;
    case BYOK_TOPIC_USAGE:
        see_usage(world, record);
        break;
    case BYOK_TOPIC_DLQ:
        see_dead_letter(world, record);
        break;
    case BYOK_TOPIC_STATE:
        see_place(world, partition, record);
        see_marker(world, record);
        break;
    case BYOK_TOPIC_STREAMS:
    case BYOK_TOPIC_VAULT:
    case BYOK_TOPIC_AUDIT:
    case BYOK_TOPIC_COUNT:
        break;
    }
}

/* ---- deltas ---- */

/* The last call of a request that this worker has made. */
static struct sim_entry *last_call(struct sim_worker *worker, const struct sim_request *request)
{
    struct sim_ledger *ledger = &worker->world->ledger;
    for (size_t i = ledger->count; i-- > 0;) {
        struct sim_entry *entry = &ledger->entries[i];
        if (entry->request == request && entry->worker == worker && entry->life == worker->life)
            return entry;
    }
    return NULL;
}

static size_t bytes_at(struct byok_arena *arena, const struct byok_value *root, const char *path)
{
    struct byok_str bytes = {NULL, 0};
    return byok_base64_decode(arena, byok_value_as_str(byok_value_path(root, path)), &bytes)
               ? bytes.len
               : 0;
}

/* From 0 without gaps, but that an attempt which failed may say so after some were lost. */
void sim_watch_delta(struct sim_worker *worker, const struct byok_record *record)
{
    struct sim_world *world = worker->world;
    struct sim_request *request = named(world, record);
    struct sim_entry *entry = last_call(worker, request);
    BYOK_AUTO(byok_arena) arena = {0};
    struct byok_value root;
    if (!entry || !decode(&arena, record, &root)) {
        sim_fail(world, "a delta of %s that cannot be read, or of no call", request->name);
        return;
    }
    if (!sim_partition(worker, entry->partition))
        sim_fail(world, "%s is streamed by worker %td, which knows that it has lost the partition",
                 request->name, worker - world->workers);
    struct byok_str finish = text_of(&root, "finish_reason");
    bool gap = number_of(&root, "sequence") != entry->deltas++;
    if (entry->ended || (gap && !byok_str_is(finish, "error")))
        sim_fail(world, "the deltas of %s have a gap, or go on behind their end", request->name);
    struct byok_str text = text_of(&root, "text");
    entry->delta_bytes += text.len;
    for (size_t i = 0; i < text.len; i++)
        entry->delta_stars += text.ptr[i] == '*';
    entry->delta_media += bytes_at(&arena, &root, "audio") + bytes_at(&arena, &root, "image.data");
    entry->ended = finish.len > 0;
    size_t bytes = entry->spelled ? entry->spelled : strlen("echo ") + strlen(entry->id);
    if (byok_str_is(finish, "stop") &&
        (entry->delta_bytes != bytes || entry->delta_media != entry->media))
        sim_fail(world, "the deltas of %s are not its answer", request->name);
    if (byok_str_is(finish, "stop") && entry->delta_stars != entry->spelled)
        sim_fail(world, "the deltas of %s spell the key", request->name);
}

/* ---- positions ---- */

static bool is_settled(const struct sim_world *world, int32_t partition, size_t i)
{
    const struct sim_topic *log = &world->cluster.topics[BYOK_TOPIC_REQUESTS][partition];
    const struct sim_request *request = log->requests[i];
    if (!sim_is_visible(log, i) || (request && request->dead))
        return true;
    if (!request)
        return false;
    bool elsewhere =
        byok_partition_of(log->records[i]->key, world->cluster.partitions) != partition;
    /* it waits in the state: there, at this moment, or its result has erased the place */
    return request->results > 0 || request->places > 0 || (elsewhere && request->records > 0);
}

/* A second copy of it that may have been taken up first, so that this one was the repeat. */
static bool comes_again(const struct sim_topic *log, const struct sim_request *request,
                        int64_t position)
{
    for (size_t i = sim_topic_seek(log, position); request && i < log->count; i++) {
        if (log->requests[i] == request && sim_is_visible(log, i))
            return true;
    }
    return false;
}

void sim_watch_position(struct sim_world *world, int32_t partition, int64_t before)
{
    const struct sim_topic *log = &world->cluster.topics[BYOK_TOPIC_REQUESTS][partition];
    int64_t position = world->cluster.owners[partition].committed;
    for (size_t i = sim_topic_seek(log, before);
         i < log->count && log->records[i]->offset < position; i++) {
        if (!is_settled(world, partition, i) && !comes_again(log, log->requests[i], position))
            sim_fail(world,
                     "the position of partition %d passes offset %lld (%s), which has no "
                     "outcome",
                     (int)partition, (long long)log->records[i]->offset,
                     log->requests[i] ? log->requests[i]->name : "no request");
    }
}

/* ---- assignments ---- */

void sim_watch_restore(struct sim_worker *worker, enum byok_topic topic, int32_t partition,
                       int64_t from)
{
    struct byok_store *table =
        topic == BYOK_TOPIC_VAULT ? worker->vault_store->inner : worker->state->inner;
    int64_t position = -1;
    if (table->ops->position(table, partition, &position, NULL) != BYOK_E_OK)
        abort();
    if (from != position)
        sim_fail(worker->world,
                 "worker %td restores the %s of partition %d from %lld on, its table is at %lld",
                 worker - worker->world->workers, byok_topic_suffix(topic), (int)partition,
                 (long long)from, (long long)position);
}

void sim_watch_started(struct sim_worker *worker, int32_t partition)
{
    struct sim_share *share = &worker->broker.shares[partition];
    share->begins_at = worker->world->cluster.topics[BYOK_TOPIC_REQUESTS][partition].next_offset;
    share->last_begun = -1;
    share->refused = NULL;
    /* one that was expelled meanwhile and does not know it yet may be behind */
    if (!worker->world->settings.at_least_once &&
        worker->world->cluster.owners[partition].worker == worker)
        sim_check_tables(worker, partition, "when it is started");
}

/* What came before the assignment may wait in the state while others of its time still come again;
 * what could not be taken for want of memory, or begun for a disk, is tried again later; and what
 * stands in the topic twice has the place of either: the second may be parked before the first is
 * decoded.  A command goes before jobs. */
void sim_watch_order(struct sim_worker *worker, const struct sim_entry *entry)
{
    struct sim_world *world = worker->world;
    struct sim_share *share = &worker->broker.shares[entry->partition];
    const struct sim_request *request = entry->request;
    if (strcmp(entry->user, SIM_LINE) != 0 || strcmp(entry->path, "/models") == 0 ||
        entry->attempt > 1 || request->records > 1 || request->offset < share->begins_at)
        return;
    if (request->offset < share->last_begun)
        sim_fail(world, "%s, of offset %lld, was overtaken by a later one, of %lld", request->name,
                 (long long)request->offset, (long long)share->last_begun);
    share->last_begun = request->offset;
}

bool sim_is_held(const struct sim_entry *entry)
{
    const struct sim_worker *worker = entry->worker;
    return worker->alive && worker->life == entry->life &&
           worker->world->cluster.owners[entry->partition].worker == worker &&
           worker->broker.shares[entry->partition].generation == entry->generation;
}

/* What the group has accepted may be published still: that is looked at when it is decided. */
void sim_watch_gone(struct sim_worker *worker, int32_t partition)
{
    struct sim_ledger *ledger = &worker->world->ledger;
    const struct sim_txn *txn = &worker->broker.txn;
    for (size_t i = 0; i < txn->count && txn->accepted; i++) {
        if (txn->positions[i].partition == partition)
            return;
    }
    for (size_t i = 0; i < ledger->count; i++) {
        struct sim_entry *entry = &ledger->entries[i];
        if (entry->worker == worker && entry->partition == partition && !sim_is_held(entry) &&
            !entry->is_kept && entry->request->results == 0)
            entry->is_void = true;
    }
}

void sim_watch_done(struct sim_watch *watch)
{
    struct sim_request *request, *next;
    HASH_ITER(hh, watch->requests, request, next) {
        HASH_DEL(watch->requests, request);
        byok_delete(request);
    }
}
