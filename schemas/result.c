/* SPDX-License-Identifier: MIT */
/* schemas/result.c - results and usage events as trees. */
#include "schemas/result.h"

#include <assert.h>
#include <stdio.h>

#define MS_PER_DAY ((int64_t)86400000)
#define LAST_MS ((int64_t)253402300799999) /* 9999-12-31T23:59:59.999Z */

static const char *const finish_names[] = {
    [BYOK_FINISH_NONE] = NULL,
    [BYOK_FINISH_STOP] = "stop",
    [BYOK_FINISH_LENGTH] = "length",
    [BYOK_FINISH_TOOL_CALLS] = "tool_calls",
    [BYOK_FINISH_CONTENT_FILTER] = "content_filter",
    [BYOK_FINISH_REFUSAL] = "refusal",
    [BYOK_FINISH_ERROR] = "error",
};

static const char *const status_names[] = {
    [BYOK_STATUS_OK] = "ok",
    [BYOK_STATUS_ERROR] = "error",
    [BYOK_STATUS_UNKNOWN] = "unknown",
};

#define COUNT(table) (sizeof(table) / sizeof(table)[0])

const char *byok_finish_name(enum byok_finish finish)
{
    assert(finish < COUNT(finish_names));
    return finish_names[finish];
}

const char *byok_status_name(enum byok_status status)
{
    assert(status < COUNT(status_names));
    return status_names[status];
}

bool byok_status_of(struct byok_str name, enum byok_status *out)
{
    for (size_t i = 0; i < COUNT(status_names); i++) {
        if (byok_str_is(name, status_names[i])) {
            *out = (enum byok_status)i;
            return true;
        }
    }
    return false;
}

/* Howard Hinnant, "chrono-Compatible Low-Level Date Algorithms", civil_from_days; years begin in
 * March so that the leap day is the last of its year. Valid from 1970 on, where all is positive. */
void byok_day_of(int64_t wall_ms, char out[static 11])
{
    int64_t ms = wall_ms < 0 ? 0 : wall_ms > LAST_MS ? LAST_MS : wall_ms;
    uint32_t days = (uint32_t)(ms / MS_PER_DAY) + 719468; /* since 0000-03-01 */
    uint32_t era = days / 146097, of_era = days % 146097;
    uint32_t year = (of_era - of_era / 1460 + of_era / 36524 - of_era / 146096) / 365;
    uint32_t of_year = of_era - (365 * year + year / 4 - year / 100);
    uint32_t shifted = (5 * of_year + 2) / 153; /* months since March */
    uint32_t day = of_year - (153 * shifted + 2) / 5 + 1;
    uint32_t month = shifted < 10 ? shifted + 3 : shifted - 9;
    year += era * 400 + (month <= 2);
    const uint32_t digits[] = {year / 1000, year / 100, year / 10, year,
                               month / 10,  month,      day / 10,  day};
    static const uint8_t places[] = {0, 1, 2, 3, 5, 6, 8, 9};
    for (size_t i = 0; i < COUNT(digits); i++)
        out[places[i]] = (char)('0' + digits[i] % 10);
    out[4] = out[7] = '-';
    out[10] = '\0';
}

static void set_known(struct byok_arena *arena, struct byok_value *map, const char *name,
                      int64_t number)
{
    if (number >= 0)
        byok_value_set(arena, map, name, byok_value_int(number));
}

/* The units that are known; empty when none is. */
static struct byok_value usage_value(struct byok_arena *arena, const struct byok_usage *usage)
{
    struct byok_value map = byok_value_map();
    set_known(arena, &map, "input_tokens", usage->input_tokens);
    set_known(arena, &map, "cached_tokens", usage->cached_tokens);
    set_known(arena, &map, "cache_write_tokens", usage->cache_write_tokens);
    set_known(arena, &map, "cache_write_1h_tokens", usage->cache_write_1h_tokens);
    set_known(arena, &map, "output_tokens", usage->output_tokens);
    set_known(arena, &map, "reasoning_tokens", usage->reasoning_tokens);
    set_known(arena, &map, "characters", usage->characters);
    if (usage->milliseconds >= 0)
        byok_value_set(arena, &map, "seconds",
                       byok_value_float((double)usage->milliseconds / 1000.0));
    set_known(arena, &map, "images", usage->images);
    return map;
}

static void set_if_any(struct byok_arena *arena, struct byok_value *map, const char *name,
                       struct byok_value content)
{
    if (content.count > 0)
        byok_value_set(arena, map, name, content);
}

static void set_name(struct byok_arena *arena, struct byok_value *map, const char *name,
                     const char *text)
{
    byok_value_set(arena, map, name, byok_value_text(text));
}

static struct byok_value error_value(struct byok_arena *arena, const struct byok_fault *fault)
{
    struct byok_value map = byok_value_map();
    enum byok_retry retry = byok_err_retry(fault->code);
    /* "unsure" is not retryable: whoever sends it again may pay twice */
    bool retryable = (retry == BYOK_RETRY_WAIT || retry == BYOK_RETRY_SOON) && !fault->day_limit;
    set_name(arena, &map, "code", byok_err_name(fault->code));
    /* copied: the tree must not depend on where the caller keeps the fault */
    struct byok_str text = byok_arena_copy(arena, byok_str_of(fault->text));
    byok_value_set(arena, &map, "message", byok_value_string(text));
    byok_value_set(arena, &map, "retryable", byok_value_bool(retryable));
    if (fault->http_status > 0)
        byok_value_set(arena, &map, "http_status", byok_value_int(fault->http_status));
    set_known(arena, &map, "retry_after_ms", fault->retry_after_ms);
    return map;
}

static void set_output(struct byok_arena *arena, struct byok_value *map,
                       const struct byok_value *output)
{
    if (!byok_value_is(output, BYOK_VALUE_MAP))
        return;
    for (uint32_t i = 0; i < output->count; i++) {
        const struct byok_member *member = &output->as.members[i];
        /* names of adapters are literals, but nothing says that they end in NUL */
        struct byok_str name = byok_arena_copy(arena, member->name);
        if (name.ptr)
            byok_value_set(arena, map, name.ptr, member->value);
    }
}

static bool is_key_command(const struct byok_request *request)
{
    return byok_request_stores_key(request->type) || request->type == BYOK_REQUEST_KEY_CHECK ||
           request->type == BYOK_REQUEST_KEY_DELETE;
}

static void set_key(struct byok_arena *arena, struct byok_value *map,
                    const struct byok_result *result)
{
    if (result->key_fingerprint.len == 0 && !is_key_command(result->request))
        return;
    struct byok_value key = byok_value_map();
    byok_value_set_str(arena, &key, "label", result->request->label);
    byok_value_set_str(arena, &key, "fingerprint", result->key_fingerprint);
    set_output(arena, &key, &result->key);
    set_if_any(arena, map, "key", key);
}

/* Provider and model. */
static void set_leg(struct byok_arena *arena, struct byok_value *map,
                    const struct byok_result *result, uint8_t leg)
{
    byok_value_set_str(arena, map, "provider",
                       result->legs ? result->legs[leg].provider : result->provider);
    byok_value_set_str(arena, map, "model", result->legs ? result->legs[leg].model : result->model);
}

static struct byok_value attempts_value(struct byok_arena *arena, const struct byok_result *result)
{
    struct byok_value list = byok_value_array();
    for (uint32_t i = 0; i < result->attempt_count; i++) {
        const struct byok_attempt *attempt = &result->attempts[i];
        struct byok_value map = byok_value_map();
        byok_value_set(arena, &map, "started_ms", byok_value_int(attempt->started_wall_ms));
        byok_value_set(arena, &map, "duration_ms", byok_value_int(attempt->duration_ms));
        set_name(arena, &map, "code", byok_err_name(attempt->code));
        if (attempt->http_status > 0)
            byok_value_set(arena, &map, "http_status", byok_value_int(attempt->http_status));
        byok_value_set(arena, &map, "sent", byok_value_bool(attempt->sent));
        if (attempt->joined)
            byok_value_set(arena, &map, "joined", byok_value_bool(true));
        if (result->legs)
            set_leg(arena, &map, result, attempt->leg);
        byok_value_push(arena, &list, map);
    }
    return list;
}

/* Who asked what of whom. */
static void set_head(struct byok_arena *arena, struct byok_value *map,
                     const struct byok_result *result)
{
    const struct byok_request *request = result->request;
    byok_value_set_str(arena, map, "id", request->id);
    byok_value_set_str(arena, map, "user", request->user);
    set_name(arena, map, "type", byok_request_type_name(request->type));
    set_name(arena, map, "status", byok_status_name(result->status));
    if (request->type == BYOK_REQUEST_JOB)
        set_name(arena, map, "capability", byok_capability_name(request->capability));
    byok_value_set_str(arena, map, "provider", result->provider);
    byok_value_set_str(arena, map, "model", result->model);
}

static void set_answer(struct byok_arena *arena, struct byok_value *map,
                       const struct byok_result *result)
{
    const struct byok_answer *answer = result->answer;
    set_output(arena, map, result->output);
    if (!answer)
        return;
    if (!byok_str_eq(answer->model, result->model))
        byok_value_set_str(arena, map, result->model.len > 0 ? "model_answered" : "model",
                           answer->model);
    set_output(arena, map, &answer->output);
    if (answer->finish != BYOK_FINISH_NONE)
        set_name(arena, map, "finish_reason", byok_finish_name(answer->finish));
    struct byok_value usage = usage_value(arena, &answer->usage);
    set_if_any(arena, map, "usage", usage);
    if (usage.count > 0)
        byok_value_set(arena, map, "cost", result->cost);
}

struct byok_value byok_result_value(struct byok_arena *arena, const struct byok_result *result)
{
    const struct byok_request *request = result->request;
    const struct byok_answer *answer = result->answer;
    struct byok_value map = byok_value_map();
    set_head(arena, &map, result);
    set_answer(arena, &map, result);
    if (result->fault && result->status != BYOK_STATUS_OK)
        byok_value_set(arena, &map, "error", error_value(arena, result->fault));
    set_key(arena, &map, result);
    if (answer)
        byok_value_set_str(arena, &map, "provider_request_id", answer->provider_request_id);
    set_if_any(arena, &map, "attempts", attempts_value(arena, result));
    byok_value_set(arena, &map, "created_ms", byok_value_int(result->created_wall_ms));
    byok_value_set(arena, &map, "finished_ms", byok_value_int(result->finished_wall_ms));
    if (request->metadata)
        byok_value_set(arena, &map, "metadata", *request->metadata);
    byok_value_set_str(arena, &map, "traceparent", request->traceparent);
    if (answer && answer->raw.type != BYOK_VALUE_NULL)
        byok_value_set(arena, &map, "raw", answer->raw);
    return map;
}

/* From 1. */
static uint32_t attempt_number(const struct byok_result *result, const struct byok_attempt *attempt)
{
    for (uint32_t i = 0; i < result->attempt_count; i++) {
        if (&result->attempts[i] == attempt)
            return i + 1;
    }
    return result->attempt_count;
}

static bool is_last_sent(const struct byok_result *result, uint32_t number)
{
    for (uint32_t i = number; i < result->attempt_count; i++) {
        if (result->attempts[i].sent)
            return false;
    }
    return true;
}

struct byok_value byok_usage_event_value(struct byok_arena *arena, const struct byok_result *result,
                                         const struct byok_attempt *attempt)
{
    const struct byok_request *request = result->request;
    const int64_t at_ms = attempt->started_wall_ms + attempt->duration_ms;
    const uint32_t number = attempt_number(result, attempt);
    char day[11];
    byok_day_of(at_ms, day);
    struct byok_value map = byok_value_map();
    byok_value_set_str(arena, &map, "id", request->id);
    byok_value_set(arena, &map, "attempt", byok_value_int(number));
    byok_value_set_str(arena, &map, "user", request->user);
    set_leg(arena, &map, result, attempt->leg);
    set_name(arena, &map, "capability", byok_capability_name(request->capability));
    byok_value_set_str(arena, &map, "day", byok_arena_copy(arena, byok_str_of(day)));
    byok_value_set(arena, &map, "at_ms", byok_value_int(at_ms));
    byok_value_set(arena, &map, "calls", byok_value_int(!attempt->joined));
    byok_value_set(arena, &map, "errors",
                   byok_value_int(!attempt->joined && attempt->code != BYOK_E_OK));
    set_name(arena, &map, "code", byok_err_name(attempt->code));
    /* an answer is the last call's; what the earlier ones used nobody said */
    if (result->answer && is_last_sent(result, number)) {
        struct byok_value units = usage_value(arena, &result->answer->usage);
        for (uint32_t i = 0; i < units.count; i++)
            byok_value_set(arena, &map, units.as.members[i].name.ptr, units.as.members[i].value);
        if (units.count > 0)
            byok_value_set(arena, &map, "cost", result->cost);
    }
    return map;
}
