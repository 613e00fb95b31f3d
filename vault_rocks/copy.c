/* SPDX-License-Identifier: MIT */
/* vault_rocks/copy.c - see vault_rocks/copy.h. */
#include "vault_rocks/copy.h"

#include <inttypes.h>
#include <string.h>

#include "base/buf.h"
#include "base/mem.h"

#define STEP_ENTRIES                                                                               \
    ((size_t)256) /* of either store in memory at once; records have some 300 bytes */

struct entry {
    struct byok_str key, value; /* in the step's arena */
};

struct entries {
    struct byok_arena *arena;
    struct entry of[STEP_ENTRIES];
    size_t count;
};

struct copy {
    struct byok_store *from, *to;
    const struct byok_copy_plan *plan;
    struct byok_copy_tally *tally;
    struct byok_fault *fault;
    struct entries source, target;
    struct byok_write writes[2 * STEP_ENTRIES];
};

static enum byok_err no_memory(struct copy *copy)
{
    return byok_fault_set(copy->fault, BYOK_E_NOMEM, "no memory to copy sealed keys");
}

/* ---- what comes before the records ---- */

static enum byok_err get_text(struct copy *copy, struct byok_store *store, const char *key,
                              struct byok_arena *arena, struct byok_str *out)
{
    return store->ops->get(store, BYOK_PARTITION_NONE, byok_str_of(key), arena, out, copy->fault);
}

static enum byok_err put_mark(struct copy *copy, bool erase)
{
    const struct byok_write mark = {byok_str_of(BYOK_STORE_COPYING),
                                    byok_str_of(copy->plan->source), erase};
    enum byok_err err =
        copy->to->ops->apply(copy->to, BYOK_PARTITION_NONE, &mark, 1, -1, copy->fault);
    return err == BYOK_E_OK ? copy->to->ops->sync(copy->to, copy->fault) : err;
}

/* A target that holds something: it must be of the same topics, if it was not begun by this copy. */
static enum byok_err may_merge(struct copy *copy, struct byok_arena *arena, bool resumes)
{
    struct byok_str theirs, ours;
    enum byok_err err = get_text(copy, copy->from, BYOK_STORE_CHANGELOGS, arena, &theirs);
    if (err == BYOK_E_OK)
        err = get_text(copy, copy->to, BYOK_STORE_CHANGELOGS, arena, &ours);
    if (err != BYOK_E_OK)
        return err;
    bool same = (theirs.ptr != NULL) == (ours.ptr != NULL) && byok_str_eq(theirs, ours);
    if (same || (resumes && !(theirs.ptr && ours.ptr)))
        return BYOK_E_OK;
    return byok_fault_set(copy->fault, BYOK_E_CONFIG,
                          "the target holds the sealed keys of other topics; nothing was copied");
}

static enum byok_err may_begin(struct copy *copy, struct byok_arena *arena)
{
    struct byok_str mark;
    enum byok_err err = get_text(copy, copy->from, BYOK_STORE_COPYING, arena, &mark);
    if (err == BYOK_E_OK && mark.ptr)
        return byok_fault_set(copy->fault, BYOK_E_CONFIG,
                              "the source is itself a copy that was not finished, of %.*s",
                              BYOK_STR_ARG(mark));
    if (err == BYOK_E_OK)
        err = get_text(copy, copy->to, BYOK_STORE_COPYING, arena, &mark);
    int64_t first = 0;
    if (err == BYOK_E_OK)
        err = copy->from->ops->next(copy->from, INT64_MIN, &first, copy->fault);
    if (err == BYOK_E_OK && first == BYOK_STORE_NO_PARTITION)
        return byok_fault_set(copy->fault, BYOK_E_CONFIG, "the source holds nothing");
    if (err == BYOK_E_OK)
        err = copy->to->ops->next(copy->to, INT64_MIN, &first, copy->fault);
    if (err != BYOK_E_OK || first == BYOK_STORE_NO_PARTITION)
        return err;
    bool resumes = mark.ptr && byok_str_is(mark, copy->plan->source);
    if (mark.ptr && !resumes && !copy->plan->merge)
        return byok_fault_set(copy->fault, BYOK_E_CONFIG,
                              "the target is a copy of %.*s that was not finished: finish that "
                              "one, or say --merge",
                              BYOK_STR_ARG(mark));
    if (!resumes && !copy->plan->merge)
        return byok_fault_set(copy->fault, BYOK_E_CONFIG,
                              "the target holds something already: say --merge when it is of the "
                              "same topics; nothing was copied");
    return may_merge(copy, arena, resumes);
}

/* The same store under two names shows the mark in both. */
static enum byok_err must_differ(struct copy *copy, struct byok_arena *arena)
{
    struct byok_str mark;
    enum byok_err err = get_text(copy, copy->from, BYOK_STORE_COPYING, arena, &mark);
    if (err != BYOK_E_OK || !mark.ptr)
        return err;
    err = put_mark(copy, true);
    return err == BYOK_E_OK
               ? byok_fault_set(copy->fault, BYOK_E_CONFIG, "source and target are the same store")
               : err;
}

/* ---- a partition ---- */

static bool collect(void *arg, struct byok_str key, struct byok_str value)
{
    struct entries *entries = arg;
    entries->of[entries->count++] = (struct entry){
        .key = key.len > 0 ? byok_arena_copy(entries->arena, key) : (struct byok_str){"", 0},
        .value = value.len > 0 ? byok_arena_copy(entries->arena, value) : (struct byok_str){"", 0},
    };
    return entries->count < STEP_ENTRIES && !byok_arena_failed(entries->arena);
}

/* Both lists are whole up to the last key of one that is full: the lower of those, else NULL. */
static const struct byok_str *bound_of(const struct copy *copy)
{
    const struct entries *a = &copy->source, *b = &copy->target;
    const struct byok_str *first = a->count == STEP_ENTRIES ? &a->of[a->count - 1].key : NULL;
    const struct byok_str *second = b->count == STEP_ENTRIES ? &b->of[b->count - 1].key : NULL;
    if (!first || !second)
        return first ? first : second;
    return byok_str_compare(*first, *second) < 0 ? first : second;
}

static bool is_within(struct byok_str key, const struct byok_str *bound)
{
    return !bound || byok_str_compare(key, *bound) <= 0;
}

struct difference {
    size_t count; /* of copy->writes */
    size_t records, erased;
};

/* What makes the target like the source, up to the bound. */
static struct difference find_difference(struct copy *copy, const struct byok_str *bound)
{
    struct difference out = {0};
    const struct entries *a = &copy->source, *b = &copy->target;
    size_t i = 0, j = 0;
    for (;;) {
        bool left = i < a->count && is_within(a->of[i].key, bound);
        bool right = j < b->count && is_within(b->of[j].key, bound);
        if (!left && !right)
            return out;
        int order = !left ? 1 : !right ? -1 : byok_str_compare(a->of[i].key, b->of[j].key);
        if (order > 0) {
            copy->writes[out.count++] = (struct byok_write){.key = b->of[j].key, .erase = true};
            out.erased++;
        } else if (order < 0 || !byok_str_eq(a->of[i].value, b->of[j].value)) {
            copy->writes[out.count++] =
                (struct byok_write){.key = a->of[i].key, .value = a->of[i].value};
        }
        out.records += order <= 0;
        i += order <= 0;
        j += order >= 0;
    }
}

static enum byok_err read_step(struct copy *copy, int32_t partition, struct byok_str after,
                               struct byok_arena *arena)
{
    copy->source.count = copy->target.count = 0;
    copy->source.arena = copy->target.arena = arena;
    enum byok_err err = copy->from->ops->scan_after(copy->from, partition, after, collect,
                                                    &copy->source, copy->fault);
    if (err == BYOK_E_OK)
        err = copy->to->ops->scan_after(copy->to, partition, after, collect, &copy->target,
                                        copy->fault);
    return err == BYOK_E_OK && byok_arena_failed(arena) ? no_memory(copy) : err;
}

static enum byok_err end_step(struct copy *copy, int32_t partition, struct difference difference,
                              bool checks)
{
    if (checks && difference.count > 0)
        return byok_fault_set(copy->fault, BYOK_E_STORE,
                              "partition %" PRId32 " is not the same in both stores after it was "
                              "copied: does something else write to one of them?",
                              partition);
    enum byok_err err = BYOK_E_OK;
    if (difference.count > 0)
        err = copy->to->ops->apply(copy->to, partition, copy->writes, difference.count, -1,
                                   copy->fault);
    if (err != BYOK_E_OK)
        return err;
    copy->tally->records += checks ? difference.records : 0;
    copy->tally->written += difference.count - difference.erased;
    copy->tally->erased += difference.erased;
    return copy->plan->go_on(copy->plan->arg, copy->tally)
               ? BYOK_E_OK
               : byok_fault_set(copy->fault, BYOK_E_SHUTDOWN,
                                "ended before all was copied: give the same command again");
}

/* Over all of a partition: writes what differs, or (`checks`) finds that nothing does. */
static enum byok_err walk(struct copy *copy, int32_t partition, bool checks)
{
    BYOK_AUTO(byok_buf) after = {.cap_bytes = 16 * BYOK_STORE_KEY_MAX};
    enum byok_err err = BYOK_E_OK;
    for (bool more = true; more && err == BYOK_E_OK;) {
        BYOK_AUTO(byok_arena) arena = {0};
        err = read_step(copy, partition, byok_buf_str(&after), &arena);
        if (err != BYOK_E_OK)
            return err;
        const struct byok_str *bound = bound_of(copy);
        err = end_step(copy, partition, find_difference(copy, bound), checks);
        more = bound != NULL;
        byok_buf_clear(&after);
        if (more && !byok_buf_add_str(&after, *bound))
            return no_memory(copy);
    }
    return err;
}

/* Nobody else has moved the partition on in either store. */
static enum byok_err must_stand(struct copy *copy, int32_t partition, int64_t theirs, int64_t ours)
{
    int64_t now = -1, now_ours = -1;
    enum byok_err err = copy->from->ops->position(copy->from, partition, &now, copy->fault);
    if (err == BYOK_E_OK)
        err = copy->to->ops->position(copy->to, partition, &now_ours, copy->fault);
    if (err != BYOK_E_OK || (now == theirs && now_ours == ours))
        return err;
    return byok_fault_set(copy->fault, BYOK_E_STORE,
                          "partition %" PRId32 " moved on while it was copied: stop the workers "
                          "that use the %s",
                          partition, now != theirs ? "source" : "target");
}

static enum byok_err copy_partition(struct copy *copy, int32_t partition)
{
    struct byok_store *to = copy->to;
    int64_t ours = -1, theirs = -1;
    enum byok_err err = copy->from->ops->position(copy->from, partition, &theirs, copy->fault);
    if (err == BYOK_E_OK)
        err = to->ops->position(to, partition, &ours, copy->fault);
    if (err == BYOK_E_OK && ours > theirs) {
        copy->tally->newer++;
        return BYOK_E_OK;
    }
    if (err == BYOK_E_OK)
        err = walk(copy, partition, false);
    if (err == BYOK_E_OK)
        err = must_stand(copy, partition, theirs, ours);
    if (err == BYOK_E_OK && theirs > ours)
        err = to->ops->apply(to, partition, NULL, 0, theirs, copy->fault);
    if (err == BYOK_E_OK)
        err = walk(copy, partition, true);
    if (err == BYOK_E_OK)
        err = must_stand(copy, partition, theirs, theirs);
    copy->tally->partitions += err == BYOK_E_OK;
    return err;
}

/* ---- what belongs to no partition: check values of master keys, and of which topics ---- */

/* Only what the target lacks: its own check values are as good, and differ by their salt. */
static enum byok_err copy_none(struct copy *copy)
{
    BYOK_AUTO(byok_arena) arena = {0};
    enum byok_err err = read_step(copy, BYOK_PARTITION_NONE, (struct byok_str){NULL, 0}, &arena);
    if (err != BYOK_E_OK)
        return err;
    if (copy->source.count == STEP_ENTRIES) /* a ring has 16 */
        return byok_fault_set(copy->fault, BYOK_E_STORE, "the source has too many check values");
    size_t count = 0;
    for (size_t i = 0; i < copy->source.count; i++) {
        const struct entry *one = &copy->source.of[i];
        bool there = false;
        for (size_t j = 0; j < copy->target.count && !there; j++)
            there = byok_str_eq(one->key, copy->target.of[j].key);
        if (!there)
            copy->writes[count++] = (struct byok_write){.key = one->key, .value = one->value};
    }
    return count > 0 ? copy->to->ops->apply(copy->to, BYOK_PARTITION_NONE, copy->writes, count, -1,
                                            copy->fault)
                     : BYOK_E_OK;
}

static enum byok_err copy_all(struct copy *copy)
{
    BYOK_AUTO(byok_arena) arena = {0};
    enum byok_err err = may_begin(copy, &arena);
    if (err == BYOK_E_OK)
        err = put_mark(copy, false);
    if (err == BYOK_E_OK)
        err = must_differ(copy, &arena);
    if (err == BYOK_E_OK)
        err = copy_none(copy);
    for (int64_t partition = 0; err == BYOK_E_OK; partition++) {
        err = copy->from->ops->next(copy->from, partition, &partition, copy->fault);
        if (err != BYOK_E_OK || partition == BYOK_STORE_NO_PARTITION)
            break;
        err = copy_partition(copy, (int32_t)partition);
    }
    if (err == BYOK_E_OK)
        err = copy->to->ops->sync(copy->to, copy->fault);
    return err == BYOK_E_OK ? put_mark(copy, true) : err;
}

enum byok_err byok_store_copy(struct byok_store *from, struct byok_store *to,
                              const struct byok_copy_plan *plan, struct byok_copy_tally *tally,
                              struct byok_fault *fault)
{
    *tally = (struct byok_copy_tally){0};
    struct copy *copy = byok_new(1, sizeof *copy);
    if (!copy)
        return byok_fault_set(fault, BYOK_E_NOMEM, "no memory to copy sealed keys");
    copy->from = from;
    copy->to = to;
    copy->plan = plan;
    copy->tally = tally;
    copy->fault = fault;
    enum byok_err err = copy_all(copy);
    byok_delete(copy);
    return err;
}
