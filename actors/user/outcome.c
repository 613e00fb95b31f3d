/* SPDX-License-Identifier: MIT */
/* actors/user/outcome.c - see actors/user/outcome.h. */
#include "actors/user/outcome.h"

#include "actors/user/budget.h"

/* Room for an error result when the answer has used up the job's memory. */
#define SPARE_BYTES ((size_t)256 * 1024)

/* ---- usage ---- */

static void add_known(int64_t *sum, int64_t units, int sign)
{
    if (units > 0)
        *sum += sign * units;
}

/* Of the provider and model that were called. */
static struct byok_counter *counter_of(struct byok_user_record *user, const struct byok_task *task,
                                       uint8_t leg, int keep_days)
{
    const struct byok_leg to = byok_task_leg(task, leg);
    return byok_user_record_counter(user, task->counted_day, to.provider, to.model, keep_days);
}

static void add_calls(struct byok_counter *counter, const struct byok_attempt *attempt, int sign)
{
    bool counts = attempt->sent && !attempt->joined;
    counter->calls += sign * counts;
    counter->errors += sign * (counts && attempt->code != BYOK_E_OK);
}

static void add_units(struct byok_counter *counter, const struct byok_usage *usage, int sign)
{
    add_known(&counter->input_tokens, usage->input_tokens, sign);
    add_known(&counter->output_tokens, usage->output_tokens, sign);
    add_known(&counter->characters, usage->characters, sign);
    add_known(&counter->milliseconds, usage->milliseconds, sign);
    add_known(&counter->images, usage->images, sign);
}

/* With a sign of 0 the counters are made, which takes memory, and nothing is counted. */
static enum byok_err add_usage(struct byok_user_record *user, const struct byok_task *task,
                               int sign, int keep_days)
{
    struct byok_counter *counter = counter_of(user, task, task->leg, keep_days);
    if (!counter)
        return BYOK_E_NOMEM;
    add_units(counter, &task->answer.usage, sign);
    for (uint32_t i = 0; i < byok_task_noted(task); i++) {
        const struct byok_attempt *attempt = &task->attempts[i];
        if (!attempt->sent)
            continue;
        counter = counter_of(user, task, attempt->leg, keep_days);
        if (!counter)
            return BYOK_E_NOMEM;
        add_calls(counter, attempt, sign);
    }
    return BYOK_E_OK;
}

void byok_outcome_count(struct byok_user_record *user, const struct byok_task *task, int sign,
                        int keep_days)
{
    if (task->counted) /* the counters are there, so this takes no memory */
        (void)add_usage(user, task, sign, keep_days);
    if (task->counted)
        byok_budget_count(user, task, sign);
}

static enum byok_err count_usage(const struct byok_env *env, struct byok_user_record *user,
                                 struct byok_task *task, int64_t wall_ms)
{
    const int keep_days = env->settings->counters_keep_days;
    if (task->counted || task->request.type != BYOK_REQUEST_JOB || task->attempt_count == 0)
        return BYOK_E_OK;
    byok_day_of(wall_ms, task->counted_day);
    enum byok_err err = add_usage(user, task, 0, keep_days);
    if (err == BYOK_E_OK)
        err = add_usage(user, task, 1, keep_days);
    task->counted = err == BYOK_E_OK;
    if (err != BYOK_E_OK)
        return err;
    byok_budget_begins(user, task);
    byok_budget_count(user, task, 1);
    return BYOK_E_OK;
}

/* ---- the records ---- */

/* Encoded through a buffer, because its size is not known before; the copy is the task's. */
static enum byok_err encode(struct byok_arena *arena, enum byok_format format,
                            const struct byok_value *value, size_t cap, struct byok_str *out)
{
    if (byok_arena_failed(arena))
        return arena->overflow ? BYOK_E_TOO_LARGE : BYOK_E_NOMEM;
    BYOK_AUTO(byok_buf) buf = {0};
    byok_buf_init(&buf, cap);
    enum byok_err err = byok_encode(format, value, &buf);
    if (err != BYOK_E_OK)
        return err;
    *out = byok_arena_copy(arena, byok_buf_str(&buf));
    if (!out->ptr)
        return arena->overflow ? BYOK_E_TOO_LARGE : BYOK_E_NOMEM;
    return BYOK_E_OK;
}

static struct byok_out *add_out(struct byok_task *task, enum byok_topic topic, struct byok_str key,
                                struct byok_str value)
{
    struct byok_out *out = byok_task_out(task, topic);
    if (!out)
        return NULL;
    out->key = key;
    out->value = value;
    out->tombstone = !value.ptr;
    return out;
}

static void add_headers(struct byok_out *out, const struct byok_request *request,
                        enum byok_format format)
{
    byok_out_header(out, BYOK_HEADER_CONTENT_TYPE, byok_str_of(byok_format_content_type(format)));
    byok_out_header(out, BYOK_HEADER_REQUEST_ID, request->id);
    if (request->traceparent.len > 0)
        byok_out_header(out, BYOK_HEADER_TRACEPARENT, request->traceparent);
}

/* By the name of the model that answered, else of the one that was asked for. */
static struct byok_value cost_of(const struct byok_env *env, struct byok_task *task)
{
    const struct byok_str models[] = {task->answer.model, task->model};
    struct byok_str names[BYOK_PRICE_NAMES_MAX];
    const size_t count = task->provider ? byok_provider_price_names(task->provider, names) : 0;
    struct byok_value cost = byok_value_null();
    for (size_t i = 0; i < 2 * count && cost.type == BYOK_VALUE_NULL; i++)
        cost = byok_prices_cost(&task->arena, env->settings->prices, names[i % count],
                                models[i / count], &task->answer.usage);
    return cost;
}

static struct byok_result result_of(const struct byok_env *env, struct byok_task *task,
                                    int64_t wall_ms)
{
    const struct byok_request *request = &task->request;
    return (struct byok_result){
        .request = request,
        .status = task->status,
        .provider = task->provider ? byok_str_of(task->provider->name) : request->provider,
        .model = task->model,
        .key_fingerprint = byok_str_of(task->key.fingerprint),
        .answer = request->type == BYOK_REQUEST_JOB ? &task->answer : NULL,
        .output = &task->output,
        .fault = &task->fault,
        .attempts = task->attempts,
        .attempt_count = byok_task_noted(task),
        .legs = task->legs,
        .cost = request->type == BYOK_REQUEST_JOB ? cost_of(env, task) : byok_value_null(),
        .created_wall_ms = task->record->timestamp_wall_ms,
        .finished_wall_ms = wall_ms,
    };
}

static enum byok_err write_result(const struct byok_env *env, struct byok_task *task,
                                  const struct byok_result *result)
{
    struct byok_value value = byok_result_value(&task->arena, result);
    struct byok_str bytes;
    enum byok_err err =
        encode(&task->arena, task->request.format, &value, env->settings->answer_max_bytes, &bytes);
    if (err != BYOK_E_OK)
        return err;
    struct byok_out *out = add_out(task, BYOK_TOPIC_RESULTS, task->request.user, bytes);
    if (!out)
        return BYOK_E_NOMEM;
    add_headers(out, &task->request, task->request.format);
    return BYOK_E_OK;
}

/* One event per call that was sent; always JSON, whatever the job was written in. */
static enum byok_err write_usage(const struct byok_env *env, struct byok_task *task,
                                 const struct byok_result *result)
{
    if (task->request.type != BYOK_REQUEST_JOB)
        return BYOK_E_OK;
    for (uint32_t i = 0; i < result->attempt_count; i++) {
        if (!task->attempts[i].sent)
            continue;
        struct byok_value value = byok_usage_event_value(&task->arena, result, &task->attempts[i]);
        struct byok_str bytes;
        enum byok_err err =
            encode(&task->arena, BYOK_JSON, &value, env->settings->answer_max_bytes, &bytes);
        if (err != BYOK_E_OK)
            return err;
        struct byok_out *out = add_out(task, BYOK_TOPIC_USAGE, task->request.user, bytes);
        if (!out)
            return BYOK_E_NOMEM;
        add_headers(out, &task->request, BYOK_JSON);
    }
    return BYOK_E_OK;
}

enum byok_err byok_outcome_state(struct byok_task *task, struct byok_str key,
                                 const struct byok_buf *value)
{
    struct byok_str bytes = {NULL, 0};
    if (value)
        bytes = byok_arena_copy(&task->arena, byok_buf_str(value));
    struct byok_out *out = key.ptr && !byok_arena_failed(&task->arena)
                               ? add_out(task, BYOK_TOPIC_STATE, key, bytes)
                               : NULL;
    if (!out)
        return task->arena.overflow ? BYOK_E_TOO_LARGE : BYOK_E_NOMEM;
    out->partition = task->partition; /* the key is longer than the user's, so not by it */
    return BYOK_E_OK;
}

/* The result is the end of the request's claim. */
static enum byok_err erase_claim(struct byok_task *task)
{
    const struct byok_request *request = &task->request;
    enum byok_err err = BYOK_E_OK;
    if (!task->claimed && !task->withdrawn)
        return BYOK_E_OK;
    err = byok_outcome_state(task, byok_claim_key(&task->arena, request->user, request->id), NULL);
    if (err == BYOK_E_OK && task->withdrawn)
        err = byok_outcome_state(
            task, byok_withdrawal_key(&task->arena, request->user, request->id), NULL);
    return err;
}

enum byok_err byok_outcome_user(const struct byok_env *env, const struct byok_user_record *user,
                                struct byok_task *task)
{
    BYOK_AUTO(byok_buf) buf = {0};
    byok_buf_init(&buf, env->settings->answer_max_bytes);
    enum byok_err err = byok_user_record_encode(user, &task->arena, &buf);
    if (err == BYOK_E_OK)
        err = byok_outcome_state(task, byok_user_key(&task->arena, task->request.user), &buf);
    return err;
}

static enum byok_err write_state(const struct byok_env *env, const struct byok_user_record *user,
                                 struct byok_task *task, int64_t wall_ms)
{
    struct byok_arena *arena = &task->arena;
    const struct byok_request *request = &task->request;
    const struct byok_done_record done = {wall_ms, task->status};
    BYOK_AUTO(byok_buf) buf = {0};
    byok_buf_init(&buf, env->settings->answer_max_bytes);
    enum byok_err err = byok_done_record_encode(&done, &buf);
    if (err == BYOK_E_OK)
        err = byok_outcome_state(task, byok_done_key(arena, request->user, request->id), &buf);
    if (err == BYOK_E_OK && task->record->is_parked)
        err = byok_outcome_state(task, byok_parked_key(arena, request->user, &task->record->place),
                                 NULL);
    return err == BYOK_E_OK ? byok_outcome_user(env, user, task) : err;
}

bool byok_outcome_stores_key(const struct byok_task *task)
{
    return task->status == BYOK_STATUS_OK && byok_request_stores_key(task->request.type) &&
           !task->request.dry_run;
}

static enum byok_err write_vault(struct byok_task *task)
{
    const struct byok_request *request = &task->request;
    bool stores = byok_outcome_stores_key(task);
    if (!stores && (task->status != BYOK_STATUS_OK || request->type != BYOK_REQUEST_KEY_DELETE))
        return BYOK_E_OK;
    const struct byok_owner owner = {request->user, request->provider, request->label};
    struct byok_str key = byok_vault_record_key(&task->arena, &owner);
    struct byok_out *out = key.ptr ? add_out(task, BYOK_TOPIC_VAULT, key,
                                             stores ? task->sealed : (struct byok_str){NULL, 0})
                                   : NULL;
    if (!out)
        return task->arena.overflow ? BYOK_E_TOO_LARGE : BYOK_E_NOMEM;
    out->partition = task->partition;
    return BYOK_E_OK;
}

/* Of too many there is none to be stored; one that is used stays unlisted, and `*key` is NULL.  So
 * it is when what was under way with a key that was replaced says nothing of the new one, or the
 * key was deleted meanwhile. */
static enum byok_err key_of(struct byok_user_record *user, const struct byok_task *task,
                            struct byok_user_key **key)
{
    const struct byok_str provider = byok_str_of(task->provider->name);
    const struct byok_str label = task->request.label;
    *key = NULL;
    if (!byok_outcome_stores_key(task) &&
        byok_user_key_is_gone(user, provider, label, task->key.issued_wall_ms))
        return BYOK_E_OK;
    enum byok_err err = byok_user_key_add(user, provider, label, key);
    if (err == BYOK_E_OK && task->key.issued_wall_ms > (*key)->issued_wall_ms) {
        (*key)->issued_wall_ms = task->key.issued_wall_ms;
        (*key)->used_wall_ms = 0;
        (*key)->limited_until_us = 0; /* what was said of the old one */
    }
    if (err != BYOK_E_OK || task->key.issued_wall_ms < (*key)->issued_wall_ms)
        *key = NULL;
    return err == BYOK_E_TOO_LARGE ? BYOK_E_OK : err;
}

static bool uses_key(const struct byok_task *task)
{
    return task->attempt_count > 0 && task->key.issued_wall_ms > 0;
}

static void note_use(struct byok_user_key *key, int64_t wall_ms)
{
    if (wall_ms > key->used_wall_ms)
        key->used_wall_ms = wall_ms;
}

void byok_outcome_key_used(struct byok_user_record *user, const struct byok_task *task,
                           int64_t wall_ms)
{
    struct byok_user_key *key;
    if (uses_key(task) && key_of(user, task, &key) == BYOK_E_OK && key)
        note_use(key, wall_ms);
}

/* What the user's record says of the key that was stored, deleted or used. */
static enum byok_err note_key(struct byok_user_record *user, const struct byok_task *task,
                              int64_t wall_ms)
{
    const struct byok_request *request = &task->request;
    struct byok_user_key *key = NULL;
    bool uses = uses_key(task);
    if (request->type == BYOK_REQUEST_KEY_DELETE && task->status == BYOK_STATUS_OK)
        byok_user_key_remove(user, request->provider, request->label, wall_ms);
    if (!byok_outcome_stores_key(task) && (!uses || byok_request_stores_key(request->type)))
        return BYOK_E_OK;
    enum byok_err err = key_of(user, task, &key);
    if (!key)
        return err;
    bool good = task->status == BYOK_STATUS_OK; /* the provider has taken it */
    if (request->type == BYOK_REQUEST_JOB)
        note_use(key, wall_ms);
    else if (good)
        key->checked_wall_ms = wall_ms;
    else if (task->fault.code == BYOK_E_KEY_INVALID)
        key->refused_wall_ms = wall_ms;
    if (good) {
        key->invalid_wall_ms = key->refused_wall_ms = 0;
        key->refused_us = key->probe_us = key->wait_us = 0;
    }
    return BYOK_E_OK;
}

/* What a check tells beside how it went. */
static struct byok_value told_of_key(const struct byok_user_record *user, struct byok_task *task,
                                     int64_t wall_ms)
{
    struct byok_value map = byok_value_map();
    const struct byok_request *request = &task->request;
    const struct byok_user_key *key = byok_user_key_find(user, request->provider, request->label);
    int64_t expires_wall_ms = task->key.expires_wall_ms;
    if (request->type != BYOK_REQUEST_KEY_CHECK || !key)
        return map;
    byok_user_key_tell(
        &task->arena, &map, key, byok_user_key_state(key, expires_wall_ms, wall_ms),
        byok_str_eq(request->label, byok_user_key_preferred(user, request->provider)));
    if (expires_wall_ms != 0)
        byok_value_set(&task->arena, &map, "expires_ms", byok_value_int(expires_wall_ms));
    return map;
}

static enum byok_err write_all(const struct byok_env *env, struct byok_user_record *user,
                               struct byok_task *task)
{
    int64_t wall_ms = env->clock->ops->wall_ms(env->clock);
    enum byok_err err = count_usage(env, user, task, wall_ms);
    if (err == BYOK_E_OK)
        err = note_key(user, task, wall_ms);
    if (err != BYOK_E_OK)
        return err;
    struct byok_result result = result_of(env, task, wall_ms);
    result.key = told_of_key(user, task, wall_ms);
    task->out_count = 0;
    err = write_result(env, task, &result);
    if (err == BYOK_E_OK)
        err = write_usage(env, task, &result);
    if (err == BYOK_E_OK)
        err = write_state(env, user, task, wall_ms);
    if (err == BYOK_E_OK)
        err = erase_claim(task);
    if (err == BYOK_E_OK)
        err = write_vault(task);
    return err;
}

void byok_outcome_too_large(struct byok_task *task, const char *why)
{
    task->arena.failed = task->arena.overflow = false;
    task->arena.cap_bytes += SPARE_BYTES;
    task->answer = (struct byok_answer){.usage = task->answer.usage};
    task->output = byok_value_null();
    task->status = BYOK_STATUS_ERROR;
    byok_fault_set(&task->fault, BYOK_E_TOO_LARGE, "%s", why);
}

enum byok_err byok_outcome_write(const struct byok_env *env, struct byok_user_record *user,
                                 struct byok_task *task)
{
    task->arena.failed = false; /* of an earlier try */
    enum byok_err err = write_all(env, user, task);
    if (err != BYOK_E_TOO_LARGE)
        return err;
    byok_outcome_too_large(task, "the answer does not fit into a result (jobs.answer_max_bytes)");
    err = write_all(env, user, task);
    return err == BYOK_E_TOO_LARGE ? BYOK_E_NOMEM : err;
}
