/* SPDX-License-Identifier: MIT */
/* actors/partition/deadletter.c - see actors/partition/deadletter.h. */
#include "actors/partition/deadletter.h"

#include "actors/env.h"
#include "schemas/key_shape.h"

#define HEADER_BYTES_MAX 256 /* of one copied: a content type or a traceparent is far shorter */

/* Whether the bytes at `at` spell a word, whatever the case and with '_' or '-' anywhere in it. */
static bool spells(struct byok_str bytes, size_t at, const char *word)
{
    for (; *word && at < bytes.len; at++) {
        char c = bytes.ptr[at];
        if (c == '_' || c == '-')
            continue;
        if ((c | 0x20) != *word)
            return false;
        word++;
    }
    return *word == '\0';
}

/* A message that was refused before its members were judged may still hold a raw key; the bytes
 * are searched for the names that stand before one, and for what looks like one. */
static bool may_hold_key(struct byok_str bytes)
{
    static const char *const words[] = {"apikey", "authorization", "envelope"};
    for (size_t at = 0; at < bytes.len; at++) {
        for (size_t i = 0; i < sizeof words / sizeof words[0]; i++) {
            if ((bytes.ptr[at] | 0x20) == words[i][0] && spells(bytes, at, words[i]))
                return true;
        }
    }
    return byok_holds_key(bytes);
}

static bool carries_value(const struct byok_fault *fault, struct byok_str value)
{
    return fault->code != BYOK_E_TOO_LARGE && fault->code != BYOK_E_RAW_KEY && !may_hold_key(value);
}

static void add_number(struct byok_task *task, struct byok_out *out, const char *name,
                       int64_t number)
{
    byok_out_header(out, name, byok_arena_printf(&task->arena, "%lld", (long long)number));
}

static void copy_header(const struct byok_record *record, struct byok_out *out, const char *name)
{
    struct byok_str value = byok_record_header_of(record, name);
    if (value.len > 0 && value.len <= HEADER_BYTES_MAX)
        byok_out_header(out, name, value);
}

static bool address(struct byok_task *task, const char *stage, const struct byok_fault *fault)
{
    const struct byok_record *record = task->record;
    struct byok_out *out = byok_task_out(task, BYOK_TOPIC_DLQ);
    if (!out)
        return false;
    if (record->key.len <= BYOK_USER_MAX)
        out->key = record->key;
    if (carries_value(fault, record->value))
        out->value = record->value;
    out->tombstone = !out->value.ptr;
    copy_header(record, out, BYOK_HEADER_CONTENT_TYPE);
    copy_header(record, out, BYOK_HEADER_TRACEPARENT);
    copy_header(record, out, BYOK_HEADER_REPLAYED_FROM);
    byok_out_header(out, BYOK_HEADER_ERROR_CODE, byok_str_of(byok_err_name(fault->code)));
    byok_out_header(out, BYOK_HEADER_ERROR_MESSAGE,
                    byok_arena_copy(&task->arena, byok_str_of(fault->text)));
    byok_out_header(out, BYOK_HEADER_ERROR_STAGE, byok_str_of(stage));
    byok_out_header(out, BYOK_HEADER_ERROR_TOPIC,
                    byok_str_of(byok_topic_suffix(BYOK_TOPIC_REQUESTS)));
    add_number(task, out, BYOK_HEADER_ERROR_PARTITION, record->partition);
    add_number(task, out, BYOK_HEADER_ERROR_OFFSET, record->offset);
    add_number(task, out, BYOK_HEADER_ERROR_TIMESTAMP, record->timestamp_wall_ms);
    if (record->is_parked) { /* its place goes with it; the id, which could not be read, stays */
        struct byok_out *place = byok_task_out(task, BYOK_TOPIC_STATE);
        if (!place)
            return false;
        place->partition = task->partition;
        place->key = byok_parked_key(&task->arena, record->key, &record->place);
        place->tombstone = true;
    }
    return !byok_arena_failed(&task->arena);
}

enum byok_err byok_dead_letter(struct byok_ctx *ctx, struct byok_record **record, const char *stage,
                               const struct byok_fault *fault)
{
    struct byok_task *task = byok_task_new(record, 0);
    if (!task)
        return BYOK_E_NOMEM;
    if (!address(task, stage, fault)) {
        *record = task->record;
        task->record = NULL;
        byok_task_free(task);
        return BYOK_E_NOMEM;
    }
    byok_metric_add(ctx->env->metrics, BYOK_METRIC_DEAD_LETTERS, 1);
    byok_log_event(ctx->env->log, BYOK_LOG_WARN, "dead_letter",
                   BYOK_F_TEXT("code", byok_err_name(fault->code)),
                   BYOK_F_TEXT("reason", fault->text), BYOK_F_TEXT("stage", stage),
                   BYOK_F_INT("partition", task->partition), BYOK_F_INT("offset", task->offset));
    byok_send_task(ctx, ctx->env->publisher, BYOK_MSG_PUBLISH, &task);
    return BYOK_E_OK;
}
