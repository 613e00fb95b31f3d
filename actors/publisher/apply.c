/* SPDX-License-Identifier: MIT */
/* actors/publisher/apply.c - see actors/publisher/apply.h. */
#include "actors/publisher/apply.h"

#include "actors/env.h"
#include "actors/partition/partition.h"
#include "actors/publisher/ledger.h"
#include "base/mem.h"

static size_t collect(const struct byok_commit *commit, int32_t partition,
                      struct byok_write *writes, int64_t *position)
{
    size_t count = 0;
    for (const struct byok_task *task = commit->tasks; task;
         task = (const struct byok_task *)task->msg.next) {
        for (size_t i = 0; i < task->out_count; i++) {
            const struct byok_out *out = &task->outs[i];
            if (out->topic != BYOK_TOPIC_STATE || out->partition != partition)
                continue;
            if (writes)
                writes[count] = (struct byok_write){out->key, out->value, out->tombstone};
            if (out->offset >= *position)
                *position = out->offset + 1;
            count++;
        }
    }
    return count;
}

static bool is_current(const struct byok_env *env, const struct byok_commit *commit,
                       int32_t partition)
{
    for (const struct byok_task *task = commit->tasks; task;
         task = (const struct byok_task *)task->msg.next) {
        if (task->partition == partition)
            return byok_partition_of_task(env, task) != NULL;
    }
    return false;
}

static enum byok_err apply_partition(const struct byok_env *env, const struct byok_commit *commit,
                                     int32_t partition, struct byok_fault *fault)
{
    struct byok_store *state = env->state;
    int64_t position = -1;
    size_t count = collect(commit, partition, NULL, &position);
    if (count == 0 || !is_current(env, commit, partition))
        return BYOK_E_OK;
    position = byok_ledger_bound(env, byok_partition_find(env->partitions, partition), position);
    struct byok_write *writes = byok_new(count, sizeof *writes);
    if (!writes)
        return byok_fault_set(fault, BYOK_E_NOMEM, "no memory");
    int64_t end = -1; /* known already */
    collect(commit, partition, writes, &end);
    enum byok_err err = state->ops->apply(state, partition, writes, count, position, fault);
    byok_delete(writes);
    return err;
}

enum byok_err byok_apply_state(const struct byok_env *env, const struct byok_commit *commit)
{
    struct byok_fault fault = {0};
    for (size_t i = 0; i < commit->position_count; i++) {
        enum byok_err err = apply_partition(env, commit, commit->positions[i].partition, &fault);
        if (err == BYOK_E_OK)
            continue;
        byok_metric_add(env->metrics, BYOK_METRIC_STORE_FAILURES, 1);
        byok_log_event(env->log, BYOK_LOG_ERROR, "state_unwritable",
                       BYOK_F_INT("partition", commit->positions[i].partition),
                       BYOK_F_TEXT("reason", fault.text));
        return err;
    }
    return BYOK_E_OK;
}
