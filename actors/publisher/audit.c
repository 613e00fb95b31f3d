/* SPDX-License-Identifier: MIT */
/* actors/publisher/audit.c - see actors/publisher/audit.h. */
#include "actors/publisher/audit.h"

#include <assert.h>

#include "actors/partition/partition.h"
#include "schemas/audit.h"

#define HEAD_BYTES_MAX 256

bool byok_audit_is_notes(const struct byok_task *task)
{
    return !task->user && task->out_count > 0 && task->outs[0].topic == BYOK_TOPIC_AUDIT;
}

enum byok_err byok_audit_ready(const struct byok_ctx *ctx, const struct byok_task *task)
{
    struct byok_partition *partition = byok_partition_of_task(ctx->env, task);
    if (ctx->env->settings->audit == BYOK_AUDIT_OFF || !partition || partition->audit_loaded)
        return BYOK_E_OK;
    BYOK_AUTO(byok_arena) arena = {0};
    struct byok_store *state = ctx->env->state;
    struct byok_str bytes;
    struct byok_fault fault = {0};
    enum byok_err err =
        state->ops->get(state, partition->id, byok_audit_key(), &arena, &bytes, &fault);
    if (err == BYOK_E_OK && bytes.ptr)
        err = byok_audit_head_decode(bytes, &partition->audit);
    if (err == BYOK_E_BAD_MESSAGE) { /* verify tells of the break that this makes */
        byok_log_event(ctx->env->log, BYOK_LOG_ERROR, "audit_head_damaged",
                       BYOK_F_INT("partition", partition->id),
                       BYOK_F_TEXT("effect", "the chain begins anew"));
        partition->audit = (struct byok_audit_head){0};
        err = BYOK_E_OK;
    }
    if (err != BYOK_E_OK) {
        byok_metric_add(ctx->env->metrics, BYOK_METRIC_STORE_FAILURES, 1);
        return err;
    }
    partition->audit_loaded = true;
    return BYOK_E_OK;
}

/* ---- what is noted ---- */

static bool has_out(const struct byok_task *task, enum byok_topic topic)
{
    for (size_t i = 0; i < task->out_count; i++) {
        if (task->outs[i].topic == topic)
            return true;
    }
    return false;
}

static const char *event_of(const struct byok_task *task)
{
    switch (task->request.type) {
    case BYOK_REQUEST_JOB:
        return "key.use";
    case BYOK_REQUEST_KEY_REGISTER:
    case BYOK_REQUEST_KEY_ROTATE:
    case BYOK_REQUEST_KEY_CHECK:
    case BYOK_REQUEST_KEY_DELETE:
        return byok_request_type_name(task->request.type);
    case BYOK_REQUEST_USER_CONFIGURE:
    case BYOK_REQUEST_JOB_CANCEL:
    case BYOK_REQUEST_TYPE_COUNT:
        break;
    }
    return NULL;
}

/* Calls of a leg, and the code of the last one. */
static int64_t count_calls(const struct byok_task *task, uint8_t leg, enum byok_err *code)
{
    int64_t calls = 0;
    for (uint32_t i = 0; i < byok_task_noted(task); i++) {
        const struct byok_attempt *attempt = &task->attempts[i];
        if (attempt->leg != leg || !attempt->sent || attempt->joined)
            continue;
        calls++;
        *code = attempt->code;
    }
    return calls;
}

/* What happened to the key of one of the task's legs. */
static struct byok_audit_record record_of(const struct byok_task *task, uint8_t leg,
                                          const char *event, enum byok_err code)
{
    const struct byok_leg to = byok_task_leg(task, leg);
    const bool left = task->legs && leg != task->leg;
    return (struct byok_audit_record){
        .event = byok_str_of(event),
        .user = task->request.user,
        .provider = to.provider,
        .label = to.label,
        .fingerprint = byok_str_of(left ? task->leg_keys[leg].fingerprint : task->key.fingerprint),
        .request_id = task->request.id,
        .code = byok_str_of(byok_err_name(code)),
    };
}

/* Of a request that ends here, and of one of its legs: each has its own key.  False: nothing to
 * note. */
static bool note_request(const struct byok_ctx *ctx, const struct byok_task *task, uint8_t leg,
                         struct byok_audit_record *out)
{
    const struct byok_request *request = &task->request;
    const char *event = event_of(task);
    bool uses = request->type == BYOK_REQUEST_JOB || request->type == BYOK_REQUEST_KEY_CHECK;
    enum byok_err code = BYOK_E_OK;
    int64_t calls = count_calls(task, leg, &code);
    if (!event || !has_out(task, BYOK_TOPIC_RESULTS))
        return false;
    if (uses && (calls == 0 || ctx->env->settings->audit != BYOK_AUDIT_ALL))
        return false;
    if (!task->legs || leg == task->leg)
        code = task->status == BYOK_STATUS_OK ? BYOK_E_OK : task->fault.code;
    *out = record_of(task, leg, event, code);
    out->calls = calls;
    if (ctx->env->settings->signer_count > 0 && task->fault.code != BYOK_E_UNAUTHORIZED)
        out->signer = request->signature.signer;
    return true;
}

/* The provider has begun to refuse the key of that job, which may go on to wait. */
static bool note_invalid(const struct byok_task *task, uint8_t leg, struct byok_audit_record *out)
{
    static_assert(BYOK_FALLBACKS_MAX < 16, "a task has a bit for each leg");
    if (!(task->marked >> leg & 1U))
        return false;
    *out = record_of(task, leg, "key.invalid", BYOK_E_KEY_INVALID);
    return true;
}

/* An older record of the key was put back, which is an attack, be the uses noted or not. */
static bool note_outdated(const struct byok_task *task, struct byok_audit_record *out)
{
    if (task->fault.code != BYOK_E_KEY_OUTDATED || !event_of(task) ||
        !has_out(task, BYOK_TOPIC_RESULTS))
        return false;
    *out = record_of(task, task->leg, "key.outdated", BYOK_E_KEY_OUTDATED);
    return true;
}

/* Of a key that was sealed anew with another master key. */
static bool note_rewrap(const struct byok_out *out, struct byok_audit_record *record)
{
    struct byok_owner owner;
    if (!byok_vault_record_owner(out->key, &owner))
        return false;
    *record = (struct byok_audit_record){.event = byok_str_of("key.rewrap"),
                                         .user = owner.user,
                                         .provider = owner.provider,
                                         .label = owner.label,
                                         .code = byok_str_of("ok")};
    return true;
}

/* ---- the notes of a partition ---- */

static enum byok_err append(const struct byok_ctx *ctx, struct byok_task *notes,
                            struct byok_audit_head *head, struct byok_audit_record *record)
{
    struct byok_str bytes;
    record->at_wall_ms = byok_now_wall_ms(ctx);
    struct byok_out *out = byok_task_out(notes, BYOK_TOPIC_AUDIT);
    if (!out || byok_audit_append(head, record, &notes->arena, &bytes) != BYOK_E_OK)
        return BYOK_E_NOMEM;
    out->partition = notes->partition;
    out->key = byok_arena_copy(&notes->arena, record->user);
    out->value = bytes;
    byok_out_header(out, BYOK_HEADER_CONTENT_TYPE,
                    byok_str_of(byok_format_content_type(BYOK_JSON)));
    return BYOK_E_OK;
}

static enum byok_err note_task(const struct byok_ctx *ctx, const struct byok_task *task,
                               struct byok_task *notes, struct byok_audit_head *head)
{
    struct byok_audit_record record;
    enum byok_err err = BYOK_E_OK;
    if (task->user != ctx->env->rewrap) {
        const uint32_t legs = task->legs ? 1 + task->request.fallback_count : 1;
        for (uint8_t leg = 0; err == BYOK_E_OK && leg < legs; leg++) {
            if (note_request(ctx, task, leg, &record))
                err = append(ctx, notes, head, &record);
        }
        if (err == BYOK_E_OK && note_outdated(task, &record))
            err = append(ctx, notes, head, &record);
        for (uint8_t leg = 0; err == BYOK_E_OK && leg < legs; leg++) {
            if (note_invalid(task, leg, &record))
                err = append(ctx, notes, head, &record);
        }
        return err;
    }
    for (size_t i = 0; err == BYOK_E_OK && i < task->out_count; i++) {
        if (note_rewrap(&task->outs[i], &record))
            err = append(ctx, notes, head, &record);
    }
    return err;
}

static enum byok_err add_head(struct byok_task *notes, const struct byok_audit_head *head)
{
    BYOK_AUTO(byok_buf) buf = {.cap_bytes = HEAD_BYTES_MAX};
    if (byok_audit_head_encode(head, &buf) != BYOK_E_OK)
        return BYOK_E_NOMEM;
    struct byok_str bytes = byok_arena_copy(&notes->arena, byok_buf_str(&buf));
    struct byok_out *out = bytes.ptr ? byok_task_out(notes, BYOK_TOPIC_STATE) : NULL;
    if (!out)
        return BYOK_E_NOMEM;
    out->partition = notes->partition;
    out->key = byok_audit_key();
    out->value = bytes;
    return BYOK_E_OK;
}

/* The notes of the batch's tasks of a partition; `*out` stays NULL when there are none. */
static enum byok_err notes_of(const struct byok_ctx *ctx, const struct byok_commit *commit,
                              struct byok_partition *partition, struct byok_task **out)
{
    struct byok_record *none = NULL;
    struct byok_task *notes = byok_task_new(&none, 0);
    if (!notes)
        return BYOK_E_NOMEM;
    notes->partition = partition->id;
    notes->epoch = partition->epoch;
    notes->offset = -1;
    struct byok_audit_head head = partition->audit;
    enum byok_err err = BYOK_E_OK;
    for (const struct byok_task *task = commit->tasks; err == BYOK_E_OK && task;
         task = (const struct byok_task *)task->msg.next) {
        if (task->partition == partition->id)
            err = note_task(ctx, task, notes, &head);
    }
    if (err == BYOK_E_OK && notes->out_count > 0)
        err = add_head(notes, &head);
    if (err == BYOK_E_OK && byok_arena_failed(&notes->arena))
        err = BYOK_E_NOMEM;
    if (err != BYOK_E_OK || notes->out_count == 0) {
        byok_task_free(notes);
        return err;
    }
    partition->audit_next = head;
    *out = notes;
    return BYOK_E_OK;
}

static void free_all(struct byok_task *notes)
{
    while (notes) {
        struct byok_task *next = (struct byok_task *)notes->msg.next;
        byok_task_free(notes);
        notes = next;
    }
}

enum byok_err byok_audit_add(const struct byok_ctx *ctx, struct byok_commit *commit)
{
    struct byok_task *all = NULL;
    if (ctx->env->settings->audit == BYOK_AUDIT_OFF || !commit->tasks)
        return BYOK_E_OK;
    for (size_t i = 0; i < commit->position_count; i++) {
        struct byok_partition *partition =
            byok_partition_find(ctx->env->partitions, commit->positions[i].partition);
        struct byok_task *notes = NULL;
        enum byok_err err = partition ? notes_of(ctx, commit, partition, &notes) : BYOK_E_OK;
        if (err != BYOK_E_OK) {
            free_all(all);
            return err;
        }
        if (!notes)
            continue;
        notes->msg.next = (struct byok_msg *)all;
        all = notes;
    }
    struct byok_msg **end = (struct byok_msg **)(void *)&commit->tasks;
    while (*end)
        end = &(*end)->next;
    *end = (struct byok_msg *)all;
    for (struct byok_task *notes = all; notes; notes = (struct byok_task *)notes->msg.next) {
        byok_work_opened(ctx->env, byok_partition_of_task(ctx->env, notes));
        commit->task_count++;
    }
    return BYOK_E_OK;
}

void byok_audit_committed(const struct byok_ctx *ctx, const struct byok_commit *commit)
{
    for (const struct byok_task *task = commit->tasks; task;
         task = (const struct byok_task *)task->msg.next) {
        struct byok_partition *partition = byok_partition_of_task(ctx->env, task);
        if (partition && byok_audit_is_notes(task)) {
            partition->audit = partition->audit_next;
            byok_metric_add(ctx->env->metrics, BYOK_METRIC_AUDITED, (int64_t)task->out_count - 1);
        }
    }
}
