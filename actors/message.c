/* SPDX-License-Identifier: MIT */
/* actors/message.c - making and freeing what messages carry. */
#include "actors/message.h"

#include "actors/provider/bulk.h"
#include "actors/provider/streaming.h"
#include "base/mem.h"

/* An ordinary job has five: result, usage event, DONE record, the claim's end, the user's record. */
#define FIRST_OUTS ((size_t)6)

static struct byok_str put(char **at, struct byok_str text)
{
    if (!text.ptr)
        return (struct byok_str){NULL, 0};
    char *copy = *at;
    if (text.len > 0)
        memcpy(copy, text.ptr, text.len);
    *at += text.len;
    return (struct byok_str){copy, text.len};
}

struct byok_record *byok_record_new(struct byok_str key, struct byok_str value,
                                    const struct byok_record_header *headers, size_t header_count)
{
    size_t fixed = sizeof(struct byok_record) + header_count * sizeof(struct byok_record_header);
    size_t bytes = fixed + key.len + value.len;
    for (size_t i = 0; i < header_count; i++)
        bytes += headers[i].name.len + headers[i].value.len;
    struct byok_record *record = byok_new(1, bytes + 1);
    if (!record)
        return NULL;
    record->headers = (struct byok_record_header *)(record + 1);
    record->header_count = header_count;
    record->bytes = bytes;
    char *at = (char *)record + fixed;
    record->key = put(&at, key);
    record->value = put(&at, value);
    for (size_t i = 0; i < header_count; i++) {
        record->headers[i].name = put(&at, headers[i].name);
        record->headers[i].value = put(&at, headers[i].value);
    }
    return record;
}

struct byok_str byok_record_header_of(const struct byok_record *record, const char *name)
{
    for (size_t i = 0; i < record->header_count; i++) {
        if (byok_str_eq_nocase(record->headers[i].name, byok_str_of(name)))
            return record->headers[i].value;
    }
    return (struct byok_str){NULL, 0};
}

void byok_records_free(struct byok_record *first)
{
    while (first) {
        struct byok_record *next = (struct byok_record *)first->msg.next;
        byok_delete(first);
        first = next;
    }
}

struct byok_attempt *byok_task_attempt(struct byok_task *task)
{
    uint32_t i =
        task->attempt_count < BYOK_ATTEMPTS_MAX ? task->attempt_count : BYOK_ATTEMPTS_MAX - 1;
    task->attempt_count++;
    task->attempts[i] = (struct byok_attempt){0};
    return &task->attempts[i];
}

struct byok_task *byok_task_new(struct byok_record **record, size_t arena_cap_bytes)
{
    struct byok_task *task = byok_new(1, sizeof *task);
    if (!task)
        return NULL;
    byok_arena_init(&task->arena, arena_cap_bytes);
    task->answer.usage = BYOK_USAGE_UNSAID;
    if (*record) {
        task->record = *record;
        task->partition = task->record->partition;
        task->epoch = task->record->epoch;
        task->offset = task->record->offset;
        *record = NULL;
    }
    return task;
}

static void free_bodies(struct byok_payload_set *set)
{
    for (uint32_t i = 0; i < set->count; i++)
        byok_buf_done(&set->items[i].body);
}

void byok_task_free(struct byok_task *task)
{
    if (!task)
        return;
    if (task->slot)
        byok_slots_release(task->slots, &task->slot);
    byok_bulk_leave(task);
    byok_delete(task->record);
    byok_streaming_free(task->streaming);
    byok_buf_done(&task->http.body);
    byok_buf_done(&task->claim);
    free_bodies(&task->inputs);
    free_bodies(&task->outputs);
    byok_buf_done(&task->payload.call.body);
    byok_arena_done(&task->arena);
    byok_delete(task);
}

struct byok_out *byok_task_out(struct byok_task *task, enum byok_topic topic)
{
    if (task->out_count == task->out_room) {
        size_t room = task->out_room ? task->out_room * 2 : FIRST_OUTS;
        struct byok_out *outs = byok_arena_alloc(&task->arena, room * sizeof *outs);
        if (!outs)
            return NULL;
        if (task->out_count > 0)
            memcpy(outs, task->outs, task->out_count * sizeof *outs);
        task->outs = outs;
        task->out_room = room;
    }
    struct byok_out *out = &task->outs[task->out_count++];
    *out = (struct byok_out){.topic = topic, .partition = -1, .offset = -1};
    return out;
}

void byok_out_header(struct byok_out *out, const char *name, struct byok_str value)
{
    if (out->header_count == BYOK_OUT_HEADERS_MAX)
        return;
    out->headers[out->header_count++] = (struct byok_record_header){byok_str_of(name), value};
}

void byok_rewrap_free(struct byok_rewrap *step)
{
    if (step)
        byok_arena_done(&step->arena);
    byok_delete(step);
}

void byok_commit_free(struct byok_commit *commit)
{
    if (!commit)
        return;
    struct byok_task *task = commit->tasks;
    while (task) {
        struct byok_task *next = (struct byok_task *)task->msg.next;
        byok_task_free(task);
        task = next;
    }
    byok_delete(commit->positions);
    byok_delete(commit);
}

bool byok_msg_is_embedded(enum byok_msg_kind kind)
{
    return kind == BYOK_MSG_HTTP_BYTES || kind == BYOK_MSG_PAYLOAD_DONE || kind == BYOK_MSG_NOTED ||
           kind == BYOK_MSG_HTTP_DONE || kind == BYOK_MSG_STOP || kind == BYOK_MSG_LOOK ||
           kind == BYOK_MSG_READY || kind == BYOK_MSG_TURN || kind == BYOK_MSG_DECLINE ||
           kind == BYOK_MSG_DECLINED || kind == BYOK_MSG_DOWN || kind == BYOK_MSG_TIMER;
}

void byok_msg_free(struct byok_msg *msg)
{
    switch (msg->kind) {
    case BYOK_MSG_ASSIGNED:
    case BYOK_MSG_REVOKED:
    case BYOK_MSG_LOST:
    case BYOK_MSG_DRAINED:
    case BYOK_MSG_CLOSE:
        byok_delete(msg);
        break;
    case BYOK_MSG_RECORD:
    case BYOK_MSG_REQUEST:
        msg->next = NULL;
        byok_records_free((struct byok_record *)msg);
        break;
    case BYOK_MSG_RESTORE_CHUNK:
    case BYOK_MSG_CHUNK_APPLIED:
        byok_records_free(((struct byok_chunk *)msg)->records);
        byok_delete(msg);
        break;
    case BYOK_MSG_CALL:
    case BYOK_MSG_ENDED:
    case BYOK_MSG_CLAIM:
    case BYOK_MSG_CLAIMED:
    case BYOK_MSG_WITHDRAW:
    case BYOK_MSG_WITHDRAWN:
    case BYOK_MSG_FETCH:
    case BYOK_MSG_FETCHED:
    case BYOK_MSG_STORE:
    case BYOK_MSG_STORED:
    case BYOK_MSG_UNSEAL:
    case BYOK_MSG_REGISTER:
    case BYOK_MSG_OPENED:
    case BYOK_MSG_PUBLISH:
    case BYOK_MSG_COMMITTED:
    case BYOK_MSG_REFUSED:
        byok_task_free((struct byok_task *)msg);
        break;
    case BYOK_MSG_REWRAP:
    case BYOK_MSG_REWRAPPED:
        byok_rewrap_free((struct byok_rewrap *)msg);
        break;
    case BYOK_MSG_COMMIT_DONE:
    case BYOK_MSG_APPLY:
    case BYOK_MSG_APPLIED:
        byok_commit_free((struct byok_commit *)msg);
        break;
    case BYOK_MSG_HTTP_BYTES: /* of a task that is there */
    case BYOK_MSG_HTTP_DONE: /* in its provider's list of calls sent, which owns it */
    case BYOK_MSG_NOTED: /* among the shard's claiming, likewise */
    case BYOK_MSG_PAYLOAD_DONE: /* in the payloads' list, likewise */
    case BYOK_MSG_STOP:
    case BYOK_MSG_LOOK:
    case BYOK_MSG_READY:
    case BYOK_MSG_TURN:
    case BYOK_MSG_DECLINE:
    case BYOK_MSG_DECLINED:
    case BYOK_MSG_DOWN:
    case BYOK_MSG_TIMER:
        break; /* embedded */
    }
}
