/* SPDX-License-Identifier: MIT */
/* demo/sim_ledger.c - see demo/sim_ledger.h.  One lock over everything: it is held for well under
 * a microsecond per call, but while a report is written. */
#include "demo/sim_ledger.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include <pthread.h>
#include <time.h>

#include "base/mem.h"

#define CHUNK 4096          /* entries allocated at a time */
#define MODELS_MAX 256      /* names kept; further ones are listed as "other" */
#define MODEL_BYTES 64      /* of a model's name */
#define CLIENT_ID_BYTES 128 /* of the client's request id */
#define KEYS_MAX (1u << 20) /* further keys share the entry of the last one */
#define WINDOW_S 60         /* max_per_minute looks back so far, in steps of a second */

struct call {
    char *client_id; /* owned; NULL: none */
    const char *endpoint;
    const char *kind;
    int64_t at_ms;
    uint64_t prompt_hash;
    uint32_t key;
    uint32_t input_tokens;
    uint32_t output_tokens;
    uint16_t status;
    uint16_t model;
};

struct key {
    char fingerprint[SIM_FINGERPRINT_BYTES];
    uint32_t requests; /* calls seen, billed or refused */
    uint32_t calls;    /* billed */
    uint64_t input_tokens, output_tokens;
    uint32_t in_flight, max_in_flight;
    int64_t window_s; /* the second that the window's newest step belongs to */
    uint32_t window_sum, max_window;
    uint16_t window[WINDOW_S];
};

struct sim_ledger {
    pthread_mutex_t lock;
    struct call **chunks;
    uint32_t listed, entries_max;
    uint64_t requests, calls;
    uint64_t input_tokens, output_tokens;
    uint32_t in_flight, max_in_flight;

    struct key *keys;
    uint32_t *slots; /* open addressing: key number + 1; 0 = free */
    uint32_t key_count, key_room, slot_count;
    char (*models)[MODEL_BYTES];
    uint16_t model_count;
};

struct sim_ledger *sim_ledger_new(uint32_t entries_max)
{
    struct sim_ledger *ledger = byok_new(1, sizeof *ledger);
    if (!ledger)
        return NULL;
    pthread_mutex_init(&ledger->lock, NULL);
    ledger->entries_max = entries_max;
    ledger->chunks = byok_new(entries_max / CHUNK + 1, sizeof(struct call *));
    ledger->models = byok_new(MODELS_MAX, MODEL_BYTES);
    ledger->key_room = 64;
    ledger->slot_count = 256;
    ledger->keys = byok_new(ledger->key_room, sizeof *ledger->keys);
    ledger->slots = byok_new(ledger->slot_count, sizeof *ledger->slots);
    if (!ledger->chunks || !ledger->models || !ledger->keys || !ledger->slots) {
        sim_ledger_free(ledger);
        return NULL;
    }
    return ledger;
}

static void drop_calls(struct sim_ledger *ledger)
{
    for (uint32_t i = 0; i < ledger->listed; i++)
        byok_delete(ledger->chunks[i / CHUNK][i % CHUNK].client_id);
    for (uint32_t i = 0; i <= ledger->entries_max / CHUNK; i++) {
        byok_delete(ledger->chunks[i]);
        ledger->chunks[i] = NULL;
    }
    ledger->listed = 0;
}

void sim_ledger_free(struct sim_ledger *ledger)
{
    if (!ledger)
        return;
    if (ledger->chunks)
        drop_calls(ledger);
    byok_delete(ledger->chunks);
    byok_delete(ledger->models);
    byok_delete(ledger->keys);
    byok_delete(ledger->slots);
    pthread_mutex_destroy(&ledger->lock);
    byok_delete(ledger);
}

/* Where `fingerprint` stands in the slots, or the free one where it belongs. */
static uint32_t *find_slot(const struct sim_ledger *ledger, const char *fingerprint)
{
    uint64_t hash = strtoull(fingerprint, NULL, 16);
    uint32_t mask = ledger->slot_count - 1;
    uint32_t at = (uint32_t)hash & mask;
    while (ledger->slots[at] != 0 &&
           strcmp(ledger->keys[ledger->slots[at] - 1].fingerprint, fingerprint) != 0)
        at = (at + 1) & mask;
    return &ledger->slots[at];
}

static bool grow_keys(struct sim_ledger *ledger)
{
    struct key *keys = byok_renew(ledger->keys, (size_t)ledger->key_room * 2, sizeof *keys);
    if (!keys)
        return false;
    ledger->keys = keys;
    uint32_t *slots = byok_new((size_t)ledger->slot_count * 2, sizeof *slots);
    if (!slots)
        return false;
    byok_delete(ledger->slots);
    ledger->slots = slots;
    ledger->key_room *= 2;
    ledger->slot_count *= 2;
    for (uint32_t i = 0; i < ledger->key_count; i++)
        *find_slot(ledger, keys[i].fingerprint) = i + 1;
    return true;
}

static uint32_t key_number(struct sim_ledger *ledger, const char *fingerprint)
{
    uint32_t *slot = find_slot(ledger, fingerprint);
    if (*slot != 0)
        return *slot - 1;
    if (ledger->key_count == ledger->key_room) {
        if (ledger->key_count >= KEYS_MAX || !grow_keys(ledger))
            return ledger->key_count - 1;
        slot = find_slot(ledger, fingerprint);
    }
    struct key *key = &ledger->keys[ledger->key_count];
    *key = (struct key){0};
    sim_copy(key->fingerprint, sizeof key->fingerprint, byok_str_of(fingerprint));
    *slot = ++ledger->key_count;
    return *slot - 1;
}

static uint16_t model_number(struct sim_ledger *ledger, struct byok_str name)
{
    if (name.len >= MODEL_BYTES)
        name.len = MODEL_BYTES - 1;
    for (uint16_t i = 0; i < ledger->model_count; i++) {
        if (byok_str_is(name, ledger->models[i]))
            return i;
    }
    if (ledger->model_count == MODELS_MAX)
        return MODELS_MAX - 1;
    if (ledger->model_count == MODELS_MAX - 1)
        name = (struct byok_str)BYOK_STR("other");
    sim_copy(ledger->models[ledger->model_count], MODEL_BYTES, name);
    return ledger->model_count++;
}

/* The window steps by whole seconds: a call is in the same minute as all calls of the 59 seconds
 * before its own, so the maximum is never more than a truly sliding minute would show. */
static void count_in_window(struct key *key, int64_t now_s)
{
    int64_t steps = now_s - key->window_s;
    for (int64_t i = 1; i <= steps && i <= WINDOW_S; i++) {
        uint16_t *step = &key->window[(key->window_s + i) % WINDOW_S];
        key->window_sum -= *step;
        *step = 0;
    }
    key->window_s = now_s;
    uint16_t *step = &key->window[now_s % WINDOW_S];
    if (*step < UINT16_MAX) {
        ++*step;
        key->window_sum++;
    }
    if (key->window_sum > key->max_window)
        key->max_window = key->window_sum;
}

static void list_call(struct sim_ledger *ledger, const struct sim_entry *entry, uint32_t key,
                      int64_t now_ms)
{
    if (ledger->listed == ledger->entries_max)
        return;
    struct call **chunk = &ledger->chunks[ledger->listed / CHUNK];
    if (!*chunk && !(*chunk = byok_new(CHUNK, sizeof **chunk)))
        return;
    struct call *call = &(*chunk)[ledger->listed++ % CHUNK];
    *call = (struct call){.endpoint = entry->endpoint,
                          .kind = entry->kind,
                          .at_ms = now_ms,
                          .prompt_hash = entry->prompt_hash,
                          .key = key,
                          .input_tokens = entry->input_tokens,
                          .output_tokens = entry->output_tokens,
                          .status = entry->status,
                          .model = model_number(ledger, entry->model)};
    size_t len = entry->client_request_id.len;
    if (len == 0)
        return;
    if (len >= CLIENT_ID_BYTES)
        len = CLIENT_ID_BYTES - 1;
    call->client_id = byok_new(len + 1, 1);
    for (size_t i = 0; call->client_id && i < len; i++) {
        char c = entry->client_request_id.ptr[i];
        call->client_id[i] = (signed char)c < 0x20 ? '?' : c; /* the report is JSON: ASCII only */
    }
}

uint32_t sim_ledger_begin(struct sim_ledger *ledger, const struct sim_entry *entry)
{
    struct timespec now; /* wall time, so that a test can put it beside Kafka's timestamps */
    clock_gettime(CLOCK_REALTIME, &now);
    int64_t now_ms = (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
    pthread_mutex_lock(&ledger->lock);
    uint32_t number = key_number(ledger, entry->fingerprint);
    struct key *key = &ledger->keys[number];
    key->requests++;
    ledger->requests++;
    count_in_window(key, now_ms / 1000);
    if (++key->in_flight > key->max_in_flight)
        key->max_in_flight = key->in_flight;
    if (++ledger->in_flight > ledger->max_in_flight)
        ledger->max_in_flight = ledger->in_flight;
    if (entry->is_billed) {
        key->calls++;
        key->input_tokens += entry->input_tokens;
        key->output_tokens += entry->output_tokens;
        ledger->calls++;
        ledger->input_tokens += entry->input_tokens;
        ledger->output_tokens += entry->output_tokens;
        list_call(ledger, entry, number, now_ms);
    }
    pthread_mutex_unlock(&ledger->lock);
    return number;
}

void sim_ledger_end(struct sim_ledger *ledger, uint32_t key)
{
    pthread_mutex_lock(&ledger->lock);
    ledger->keys[key].in_flight--;
    ledger->in_flight--;
    pthread_mutex_unlock(&ledger->lock);
}

void sim_ledger_reset(struct sim_ledger *ledger)
{
    pthread_mutex_lock(&ledger->lock);
    drop_calls(ledger);
    ledger->requests = ledger->calls = 0;
    ledger->input_tokens = ledger->output_tokens = 0;
    ledger->max_in_flight = ledger->in_flight;
    for (uint32_t i = 0; i < ledger->key_count; i++) {
        struct key *key = &ledger->keys[i];
        /* the number stays: calls in flight hold it */
        struct key fresh = {.in_flight = key->in_flight, .max_in_flight = key->in_flight};
        memcpy(fresh.fingerprint, key->fingerprint, sizeof fresh.fingerprint);
        *key = fresh;
    }
    pthread_mutex_unlock(&ledger->lock);
}

static void key_json(const struct key *key, bool is_first, struct byok_buf *out)
{
    byok_buf_printf(
        out,
        "%s\"%s\":{\"calls\":%" PRIu32 ",\"requests\":%" PRIu32 ",\"input_tokens\":%" PRIu64
        ",\"output_tokens\":%" PRIu64 ",\"max_concurrent\":%" PRIu32 ",\"max_per_minute\":%" PRIu32
        ",\"in_flight\":%" PRIu32 "}",
        is_first ? "" : ",", key->fingerprint, key->calls, key->requests, key->input_tokens,
        key->output_tokens, key->max_in_flight, key->max_window, key->in_flight);
}

void sim_ledger_summary(struct sim_ledger *ledger, struct byok_buf *out)
{
    pthread_mutex_lock(&ledger->lock);
    byok_buf_printf(out,
                    "{\"simulated\":true,\"total\":{\"calls\":%" PRIu64 ",\"requests\":%" PRIu64
                    ",\"input_tokens\":%" PRIu64 ",\"output_tokens\":%" PRIu64
                    ",\"in_flight\":%" PRIu32 ",\"max_concurrent\":%" PRIu32 "},\"calls\":%" PRIu64
                    ",\"listed\":%" PRIu32 ",\"keys\":{",
                    ledger->calls, ledger->requests, ledger->input_tokens, ledger->output_tokens,
                    ledger->in_flight, ledger->max_in_flight, ledger->calls, ledger->listed);
    bool is_first = true;
    for (uint32_t i = 0; i < ledger->key_count; i++) {
        const struct key *key = &ledger->keys[i];
        if (key->requests == 0 && key->in_flight == 0)
            continue;
        key_json(key, is_first, out);
        is_first = false;
    }
    byok_buf_add(out, "}}", 2);
    pthread_mutex_unlock(&ledger->lock);
}

static void call_json(const struct sim_ledger *ledger, uint32_t number, struct byok_buf *out)
{
    const struct call *call = &ledger->chunks[number / CHUNK][number % CHUNK];
    byok_buf_printf(out,
                    "{\"n\":%" PRIu32 ",\"at_ms\":%" PRId64 ",\"key\":\"%s\",\"endpoint\":\"%s\"",
                    number, call->at_ms, ledger->keys[call->key].fingerprint, call->endpoint);
    byok_buf_printf(out,
                    ",\"status\":%u,\"kind\":\"%s\",\"input_tokens\":%" PRIu32
                    ",\"output_tokens\":%" PRIu32 ",\"model\":",
                    (unsigned)call->status, call->kind, call->input_tokens, call->output_tokens);
    sim_json_string(out, byok_str_of(ledger->models[call->model]));
    byok_buf_printf(out,
                    ",\"prompt\":\"%016" PRIx64 "\",\"client_request_id\":", call->prompt_hash);
    sim_json_or_null(out, call->client_id);
    byok_buf_add(out, "}", 1);
}

void sim_ledger_calls(struct sim_ledger *ledger, uint32_t since, uint32_t limit,
                      struct byok_buf *out)
{
    pthread_mutex_lock(&ledger->lock);
    uint32_t end = ledger->listed;
    if (since < end && end - since > limit)
        end = since + limit;
    byok_buf_add(out, "[", 1);
    for (uint32_t i = since; i < end; i++) {
        if (i > since)
            byok_buf_add(out, ",\n", 2);
        call_json(ledger, i, out);
    }
    byok_buf_add(out, "]\n", 2);
    pthread_mutex_unlock(&ledger->lock);
}
