/* SPDX-License-Identifier: MIT */
/* actors/provider/bulk.c - see actors/provider/bulk.h. */
#include "actors/provider/bulk.h"

#include <assert.h>
#include <string.h>

#include "adapters/kit.h"
#include "base/mem.h"

/* A token is at least one byte and about four in English; two leaves room for most others, and a
 * call that is too long all the same comes back and parts. */
#define BYTES_PER_TOKEN 2
/* 2,048 vectors of 4,096 numbers (the longest known) as decimals are about 180 MB. */
#define ANSWER_MAX_BYTES ((size_t)256 * 1024 * 1024)
/* Four calls take a bulk of 2,048 down to one job. */
#define PARTS 8
/* The jobs' own deadlines are the call's: they may differ by a quarter. */
#define CALL_TIME_PARTS 4

/* ---- sharing ---- */

/* total * sum / all, rounded down, for sum <= all < 2^31. */
static int64_t portion(int64_t total, int64_t sum, int64_t all)
{
    return total / all * sum + total % all * sum / all;
}

/* The parts are the steps of a rounded running sum: no sorting, and no remainder to give away. */
void byok_bulk_share(int64_t total, const int64_t *weights, size_t count, int64_t *parts)
{
    int64_t all = 0, sum = 0, given = 0;
    for (size_t i = 0; i < count; i++)
        all += weights[i];
    for (size_t i = 0; i < count; i++) {
        sum += weights[i];
        int64_t upto = all > 0 ? portion(total, sum, all) : i + 1 == count ? total : 0;
        parts[i] = upto - given;
        given = upto;
    }
}

/* ---- who goes with whom ---- */

static struct byok_bulk_limits limits_of(const struct byok_env *env, const struct byok_task *task)
{
    struct byok_bulk_limits limits = task->provider->adapter->ops[BYOK_EMBEDDINGS].bulk;
    uint32_t own = env->provider_settings[task->provider - env->providers].bulk_texts;
    limits.texts = own > 0 && own < limits.texts ? own : limits.texts;
    return limits;
}

void byok_bulk_look(const struct byok_env *env, struct byok_task *task)
{
    const struct byok_request *request = &task->request;
    const struct byok_value *input = byok_value_find(&request->root, "input");
    task->bulk_texts = 0;
    task->bulk_bytes = 0;
    if (request->type != BYOK_REQUEST_JOB || request->capability != BYOK_EMBEDDINGS ||
        !task->provider || request->raw || request->stream || !input)
        return;
    const bool many = input->type == BYOK_VALUE_ARRAY;
    const uint32_t texts = many ? input->count : 1;
    if (limits_of(env, task).texts <= texts)
        return;
    for (uint32_t i = 0; i < texts; i++)
        task->bulk_bytes += byok_value_as_str(many ? &input->as.items[i] : input).len;
    task->bulk_texts = texts;
}

static bool is_same(const struct byok_value *a, const struct byok_value *b)
{
    return a && b ? byok_value_equal(a, b) : !a && !b;
}

/* All that the provider is told but the texts. */
static bool is_alike(const struct byok_task *a, const struct byok_task *b)
{
    if (a->provider != b->provider || !byok_str_eq(a->model, b->model) ||
        !byok_str_eq(a->request.label, b->request.label) ||
        !is_same(a->request.provider_options, b->request.provider_options))
        return false;
    for (const char *const *name = byok_kit_members(BYOK_EMBEDDINGS); *name; name++) {
        if (strcmp(*name, "input") != 0 && !is_same(byok_value_find(&a->request.root, *name),
                                                    byok_value_find(&b->request.root, *name)))
            return false;
    }
    return true;
}

static int64_t call_us(const struct byok_env *env, const struct byok_task *task, int64_t now_us)
{
    int64_t timeout_us = env->provider_settings[task->provider - env->providers].timeout_us;
    int64_t left_us = task->deadline_us - now_us;
    return left_us < timeout_us ? left_us : timeout_us;
}

static bool has_time_of(const struct byok_env *env, const struct byok_task *task,
                        const struct byok_task *first, int64_t now_us)
{
    int64_t own = call_us(env, task, now_us), other = call_us(env, first, now_us);
    int64_t more = own > other ? own : other, less = own > other ? other : own;
    return more - less <= more / CALL_TIME_PARTS;
}

struct byok_bulk *byok_bulk_new(struct byok_task *first, uint32_t room)
{
    struct byok_bulk *bulk = byok_new(1, sizeof *bulk + room * sizeof bulk->members[0]);
    if (!bulk)
        return NULL;
    bulk->room = room;
    bulk->count = bulk->staying = 1;
    bulk->members[0] = first;
    bulk->texts = first->bulk_texts;
    bulk->bytes = first->bulk_bytes;
    bulk->most = first->bulk_most > 0 ? first->bulk_most : BYOK_BULK_MAX;
    first->bulk = bulk;
    return bulk;
}

bool byok_bulk_add(const struct byok_env *env, struct byok_bulk *bulk, struct byok_task *task,
                   int64_t now_us)
{
    const struct byok_task *first = bulk->members[0];
    const struct byok_bulk_limits limits = limits_of(env, first);
    uint32_t most =
        task->bulk_most > 0 && task->bulk_most < bulk->most ? task->bulk_most : bulk->most;
    size_t bytes = bulk->bytes + task->bulk_bytes;
    if (task->bulk_texts == 0 || bulk->count >= bulk->room || bulk->count >= most ||
        bulk->texts + task->bulk_texts > limits.texts || bytes > env->settings->request_max_bytes ||
        (limits.tokens > 0 && (int64_t)(bytes / BYTES_PER_TOKEN) > limits.tokens) ||
        !has_time_of(env, task, first, now_us) || !is_alike(first, task))
        return false;
    bulk->members[bulk->count++] = task;
    bulk->staying++;
    bulk->texts += task->bulk_texts;
    bulk->bytes = bytes;
    bulk->most = most;
    task->bulk = bulk;
    task->joined = true;
    return true;
}

struct byok_task *byok_bulk_member(struct byok_task *task, uint32_t i)
{
    if (!task->bulk)
        return i == 0 ? task : NULL;
    return i < task->bulk->count ? task->bulk->members[i] : NULL;
}

void byok_bulk_leave(struct byok_task *task)
{
    struct byok_bulk *bulk = task->bulk;
    task->bulk = NULL;
    if (!bulk || --bulk->staying > 0)
        return;
    byok_arena_done(&bulk->arena);
    byok_delete(bulk);
}

/* ---- one request of all ---- */

static void push_texts(struct byok_arena *arena, const struct byok_task *task,
                       struct byok_value *list)
{
    const struct byok_value *input = byok_value_find(&task->request.root, "input");
    if (input->type != BYOK_VALUE_ARRAY) {
        byok_value_push(arena, list, *input);
        return;
    }
    for (uint32_t i = 0; i < input->count; i++)
        byok_value_push(arena, list, input->as.items[i]);
}

size_t byok_bulk_answer_max(const struct byok_settings *settings, const struct byok_task *task)
{
    size_t one = settings->answer_max_bytes;
    if (!task->bulk || one >= ANSWER_MAX_BYTES)
        return one;
    return one > ANSWER_MAX_BYTES / task->bulk->count ? ANSWER_MAX_BYTES : one * task->bulk->count;
}

enum byok_err byok_bulk_merge(const struct byok_settings *settings, struct byok_bulk *bulk)
{
    struct byok_task *first = bulk->members[0];
    struct byok_arena *arena = &bulk->arena;
    struct byok_value list = byok_value_array(), root = byok_value_map();
    byok_arena_done(arena);
    byok_arena_init(arena,
                    4 * (settings->request_max_bytes + byok_bulk_answer_max(settings, first)));
    for (uint32_t i = 0; i < bulk->count; i++)
        push_texts(arena, bulk->members[i], &list);
    for (uint32_t i = 0; i < first->request.root.count; i++) {
        const struct byok_member *member = &first->request.root.as.members[i];
        bool texts = byok_str_is(member->name, "input");
        byok_kit_put(arena, &root, member->name, texts ? list : member->value);
    }
    bulk->request = first->request;
    bulk->request.root = root;
    if (!byok_arena_failed(arena))
        return BYOK_E_OK;
    return arena->overflow ? BYOK_E_TOO_LARGE : BYOK_E_NOMEM;
}

/* ---- the answer to each ---- */

/* The i-th unit of all usages, one after the other. */
static int64_t *unit_of(struct byok_usage *usage, size_t i)
{
    int64_t *const units[] = {&usage->input_tokens,
                              &usage->cached_tokens,
                              &usage->cache_write_tokens,
                              &usage->cache_write_1h_tokens,
                              &usage->output_tokens,
                              &usage->reasoning_tokens,
                              &usage->characters,
                              &usage->milliseconds,
                              &usage->images};
    static_assert(sizeof units / sizeof units[0] == sizeof(struct byok_usage) / sizeof(int64_t),
                  "every unit is shared");
    return i < sizeof units / sizeof units[0] ? units[i] : NULL;
}

/* By the bytes of their texts: nobody says what each of them used. */
static enum byok_err share_usage(struct byok_bulk *bulk, struct byok_usage usage)
{
    int64_t *weights = byok_new(2 * (size_t)bulk->count, sizeof *weights);
    if (!weights)
        return BYOK_E_NOMEM;
    int64_t *parts = weights + bulk->count;
    for (uint32_t i = 0; i < bulk->count; i++)
        weights[i] = (int64_t)bulk->members[i]->bulk_bytes;
    for (size_t u = 0; unit_of(&usage, u); u++) {
        if (*unit_of(&usage, u) >= 0)
            byok_bulk_share(*unit_of(&usage, u), weights, bulk->count, parts);
        for (uint32_t i = 0; i < bulk->count; i++)
            *unit_of(&bulk->members[i]->answer.usage, u) = *unit_of(&usage, u) >= 0 ? parts[i] : -1;
    }
    byok_delete(weights);
    return BYOK_E_OK;
}

static struct byok_value copy_vector(struct byok_arena *arena, const struct byok_value *vector)
{
    float *floats = byok_arena_alloc(arena, vector->count * sizeof *floats);
    if (floats)
        memcpy(floats, vector->as.floats, vector->count * sizeof *floats);
    return byok_value_floats(floats, floats ? vector->count : 0);
}

static void give_vectors(struct byok_task *task, const struct byok_value *vectors)
{
    struct byok_value list = byok_value_array();
    for (uint32_t i = 0; i < task->bulk_texts; i++)
        byok_value_push(&task->arena, &list, copy_vector(&task->arena, &vectors[i]));
    task->answer.output = byok_value_map();
    byok_value_set(&task->arena, &task->answer.output, "embeddings", list);
}

/* What is known of the call. */
static void give_outcome(struct byok_task *task, const struct byok_task *first)
{
    task->late = first->late;
    task->fault = first->fault;
    task->key = first->key;
    task->attempt_began_us = first->attempt_began_us;
    task->http.sent = first->http.sent;
    task->http.response = (struct byok_http_response){.status = first->http.response.status};
}

static enum byok_err give_answer(struct byok_task *task, const struct byok_answer *all,
                                 const struct byok_value *vectors)
{
    task->arena.failed = false; /* of an earlier try */
    task->answer = (struct byok_answer){
        .model = byok_arena_copy(&task->arena, all->model),
        .provider_request_id = byok_arena_copy(&task->arena, all->provider_request_id),
        .usage = BYOK_USAGE_UNSAID,
    };
    if (task->fault.code == BYOK_E_OK)
        give_vectors(task, vectors);
    if (!byok_arena_failed(&task->arena))
        return BYOK_E_OK;
    if (!task->arena.overflow)
        return BYOK_E_NOMEM;
    task->answer = (struct byok_answer){.usage = BYOK_USAGE_UNSAID};
    (void)byok_fault_set(&task->fault, BYOK_E_TOO_LARGE,
                         "the provider's answer takes more memory than a job may have");
    return BYOK_E_OK;
}

enum byok_err byok_bulk_split(struct byok_task *first)
{
    struct byok_bulk *bulk = first->bulk;
    const struct byok_answer all = first->answer;
    const struct byok_value *list = byok_value_find(&all.output, "embeddings");
    const struct byok_value *vector = NULL;
    if (first->fault.code == BYOK_E_OK) {
        assert(byok_value_is(list, BYOK_VALUE_ARRAY) && list->count == bulk->texts);
        vector = list->as.items;
    }
    for (uint32_t i = 1; i < bulk->count; i++)
        give_outcome(bulk->members[i], first);
    for (uint32_t i = 0; i < bulk->count; i++) {
        struct byok_task *task = bulk->members[i];
        if (give_answer(task, &all, vector) != BYOK_E_OK)
            return BYOK_E_NOMEM;
        vector += vector ? task->bulk_texts : 0;
    }
    if (share_usage(bulk, all.usage) != BYOK_E_OK)
        return BYOK_E_NOMEM;
    first->http.response.body = (struct byok_str){NULL, 0}; /* its headers tell of the key still */
    byok_buf_done(&first->http.body);
    byok_arena_done(&bulk->arena);
    return BYOK_E_OK;
}

void byok_bulk_spread(struct byok_task *first)
{
    for (uint32_t i = 1; first->bulk && i < first->bulk->count; i++) {
        struct byok_task *task = first->bulk->members[i];
        give_outcome(task, first);
        if (task->fault.code == BYOK_E_DEADLINE) {
            task->fault = (struct byok_fault){0};
            task->late = true;
        }
    }
}

bool byok_bulk_parts(struct byok_task *task)
{
    const int status = task->http.response.status;
    if (!task->bulk || (task->http.sent && (status < 400 || status > 499)))
        return false;
    switch ((int)task->fault.code) {
    case BYOK_E_BAD_REQUEST:
    case BYOK_E_TOO_LARGE:
    case BYOK_E_CONTEXT_TOO_LONG:
    case BYOK_E_CONTENT_REFUSED:
        break;
    default:
        return false;
    }
    task->bulk_most = task->bulk->count > PARTS ? task->bulk->count / PARTS : 1;
    task->parted++;
    return true;
}
