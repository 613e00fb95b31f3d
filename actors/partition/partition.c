/* SPDX-License-Identifier: MIT */
/* actors/partition/partition.c - see actors/partition/partition.h. */
#include "actors/partition/partition.h"

#include "actors/env.h"
#include "actors/user/user.h"
#include "base/mem.h"

struct byok_partitions *byok_partitions_new(void)
{
    return byok_new(1, sizeof(struct byok_partitions));
}

void byok_partitions_free(struct byok_partitions *partitions)
{
    if (!partitions)
        return;
    struct byok_partition *partition, *next;
    HASH_ITER(hh, partitions->table, partition, next)
        byok_partition_remove(partitions, partition);
    byok_delete(partitions);
}

struct byok_partition *byok_partition_add(struct byok_partitions *partitions, int32_t id)
{
    struct byok_partition *partition = byok_new(1, sizeof *partition);
    if (!partition)
        return NULL;
    partition->id = id;
    partition->epoch = ++partitions->next_epoch;
    partition->phase = BYOK_PHASE_RESTORING;
    partition->last_offset = -1;
    partition->committed = -1;
    partition->state_end = -1;
    byok_watermark_init(&partition->marks);
    HASH_ADD(hh, partitions->table, id, sizeof partition->id, partition);
    if (!partition->hh.tbl) { /* uthash found no memory */
        byok_delete(partition);
        return NULL;
    }
    return partition;
}

struct byok_partition *byok_partition_find(struct byok_partitions *partitions, int32_t id)
{
    struct byok_partition *partition = NULL;
    HASH_FIND(hh, partitions->table, &id, sizeof id, partition);
    return partition;
}

struct byok_partition *byok_partition_current(struct byok_partitions *partitions, int32_t id,
                                              uint32_t epoch)
{
    struct byok_partition *partition = byok_partition_find(partitions, id);
    return partition && partition->epoch == epoch ? partition : NULL;
}

struct byok_partition *byok_partition_of_task(const struct byok_env *env,
                                              const struct byok_task *task)
{
    return byok_partition_current(env->partitions, task->partition, task->epoch);
}

void byok_partition_remove(struct byok_partitions *partitions, struct byok_partition *partition)
{
    struct byok_user_entry *entry, *next;
    HASH_ITER(hh, partition->users, entry, next) {
        HASH_DEL(partition->users, entry);
        byok_delete(entry);
    }
    HASH_DEL(partitions->table, partition);
    byok_watermark_done(&partition->marks);
    byok_delete(partition->drained);
    byok_delete(partition);
}

static struct byok_user_entry *find_entry(struct byok_partition *partition, struct byok_str id)
{
    struct byok_user_entry *entry = NULL;
    HASH_FIND(hh, partition->users, id.ptr, id.len, entry);
    return entry;
}

struct byok_actor *byok_partition_user(struct byok_partition *partition, struct byok_str id)
{
    struct byok_user_entry *entry = find_entry(partition, id);
    return entry ? entry->actor : NULL;
}

struct byok_actor *byok_partition_user_of(struct byok_ctx *ctx, struct byok_partition *partition,
                                          struct byok_str id)
{
    struct byok_actor *user = byok_partition_user(partition, id);
    if (user)
        return user;
    struct byok_user_arg arg = {partition->id, partition->epoch, id};
    user = byok_spawn(ctx->system, &byok_actor_user, &arg);
    if (user && !byok_partition_add_user(partition, id, user)) {
        byok_stop(user);
        return NULL;
    }
    return user;
}

bool byok_partition_add_user(struct byok_partition *partition, struct byok_str id,
                             struct byok_actor *actor)
{
    struct byok_user_entry *entry = byok_new(1, sizeof *entry + id.len);
    if (!entry)
        return false;
    entry->actor = actor;
    entry->len = id.len;
    memcpy(entry->id, id.ptr, id.len);
    HASH_ADD_KEYPTR(hh, partition->users, entry->id, entry->len, entry);
    if (!entry->hh.tbl) {
        byok_delete(entry);
        return false;
    }
    return true;
}

void byok_partition_remove_user(struct byok_partition *partition, struct byok_str id,
                                const struct byok_actor *actor)
{
    struct byok_user_entry *entry = find_entry(partition, id);
    if (!entry || entry->actor != actor)
        return;
    HASH_DEL(partition->users, entry);
    byok_delete(entry);
}

void byok_intake_adjust(struct byok_env *env)
{
    struct byok_partitions *all = env->partitions;
    size_t most = env->settings->held_bytes_max;
    bool pause = all->store_broken || all->held_bytes > (all->paused ? most / 2 : most);
    byok_metric_set(env->metrics, BYOK_METRIC_HELD_BYTES, (int64_t)all->held_bytes);
    if (pause == all->paused)
        return;
    all->paused = pause;
    byok_metric_set(env->metrics, BYOK_METRIC_PAUSED, pause);
    if (pause)
        env->broker->ops->pause(env->broker);
    else
        env->broker->ops->resume(env->broker);
}

void byok_store_state(struct byok_env *env, bool broken)
{
    if (env->partitions->store_broken == broken)
        return;
    env->partitions->store_broken = broken;
    byok_metric_set(env->metrics, BYOK_METRIC_STORE_BROKEN, broken);
    byok_intake_adjust(env);
}

void byok_record_opened(struct byok_env *env, struct byok_partition *partition,
                        const struct byok_record *record)
{
    partition->open++;
    env->partitions->held_bytes += record->bytes;
    byok_metric_add(env->metrics, BYOK_METRIC_OPEN, 1);
    byok_intake_adjust(env);
}

void byok_work_opened(struct byok_env *env, struct byok_partition *partition)
{
    partition->open++;
    byok_metric_add(env->metrics, BYOK_METRIC_OPEN, 1);
}

void byok_record_unopened(struct byok_env *env, struct byok_partition *partition,
                          const struct byok_record *record)
{
    partition->open--;
    env->partitions->held_bytes -= record->bytes;
    byok_metric_add(env->metrics, BYOK_METRIC_OPEN, -1);
    byok_intake_adjust(env);
}

static void closed(struct byok_ctx *ctx, int32_t id, uint32_t epoch, size_t bytes)
{
    struct byok_partitions *all = ctx->env->partitions;
    struct byok_partition *partition = byok_partition_current(all, id, epoch);
    all->held_bytes -= bytes;
    byok_metric_add(ctx->env->metrics, BYOK_METRIC_OPEN, -1);
    byok_intake_adjust(ctx->env);
    if (!partition)
        return;
    partition->open--;
    if (partition->open == 0 && partition->drained) {
        struct byok_msg *msg = &partition->drained->msg;
        partition->drained = NULL;
        byok_send(ctx, ctx->env->intake, BYOK_MSG_DRAINED, &msg);
    }
}

void byok_record_dropped(struct byok_ctx *ctx, struct byok_record **record)
{
    struct byok_record *gone = *record;
    *record = NULL;
    closed(ctx, gone->partition, gone->epoch, gone->bytes);
    byok_delete(gone);
}

void byok_task_weigh(struct byok_env *env, struct byok_task *task)
{
    struct byok_partitions *all = env->partitions;
    size_t weight = task->arena.used_bytes + task->http.body.room + task->claim.room;
    for (uint32_t i = 0; i < task->inputs.count; i++) {
        const struct byok_payload_item *item = &task->inputs.items[i];
        weight += task->payload.getting ? byok_payload_item_bytes(item) : item->body.room;
    }
    if (task->upload && !task->payload.getting)
        weight += BYOK_HTTP_UPLOAD_BYTES;
    all->held_bytes = all->held_bytes - task->weight + weight;
    if (task->outgoing)
        all->outgoing_bytes = all->outgoing_bytes - task->weight + weight;
    task->weight = weight;
    byok_intake_adjust(env);
}

void byok_task_outgoing(struct byok_env *env, struct byok_task *task)
{
    byok_task_weigh(env, task);
    if (!task->outgoing)
        env->partitions->outgoing_bytes += task->weight;
    task->outgoing = true;
}

bool byok_outgoing_full(const struct byok_env *env)
{
    return env->partitions->outgoing_bytes > env->settings->held_bytes_max;
}

void byok_task_ended(struct byok_ctx *ctx, struct byok_task **task)
{
    struct byok_task *gone = *task;
    *task = NULL;
    if (gone->outgoing)
        ctx->env->partitions->outgoing_bytes -= gone->weight;
    closed(ctx, gone->partition, gone->epoch,
           gone->weight + (gone->record ? gone->record->bytes : 0));
    byok_task_free(gone);
}
