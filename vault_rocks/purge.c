/* SPDX-License-Identifier: MIT */
/* vault_rocks/purge.c - see vault_rocks/purge.h; one range, a thread that waits and compacts. */
#include "vault_rocks/purge.h"

#include <string.h>
#include <time.h>

#include <pthread.h>

#include "base/condition.h"
#include "base/mem.h"
#include "base/str.h"

#define KEY_BYTES ((size_t)600) /* of an edge; a longer key is cut, which widens the range */
#define FORCE_BOTTOMMOST 3      /* rocksdb's BottommostLevelCompaction::kForceOptimized */

/* From `low` to `high`, both within; `open`: to the end of the table. */
struct range {
    char low[KEY_BYTES], high[KEY_BYTES];
    size_t low_len, high_len;
    bool some, open;
};

struct byok_purge {
    struct byok_purge_base base;
    struct timespec wait;
    pthread_t thread;
    pthread_mutex_t lock; /* over all below */
    pthread_cond_t changed;
    struct range range;
    bool stop;
};

static void widen(struct range *range, const char *key, size_t len)
{
    const struct byok_str whole = {key, len};
    const struct byok_str low = {range->low, range->low_len}, high = {range->high, range->high_len};
    size_t kept = len < KEY_BYTES ? len : KEY_BYTES;
    if (!range->some || byok_str_compare(whole, low) < 0) {
        memcpy(range->low, key, kept); /* what is cut off sorts before the whole */
        range->low_len = kept;
    }
    range->open = range->open || kept < len;
    if (!range->some || byok_str_compare(whole, high) > 0) {
        memcpy(range->high, key, kept);
        range->high_len = kept;
    }
    range->some = true;
}

/* The log is common to all tables, and goes when none of them needs it.  A failure is that of the
 * disk, which the next write tells; what was noted is then purged by a later compaction. */
static void purge(const struct byok_purge_base *base, const struct range *range)
{
    if (atomic_load_explicit(base->failed, memory_order_relaxed))
        return;
    rocksdb_flushoptions_t *flush = rocksdb_flushoptions_create();
    rocksdb_flushoptions_set_wait(flush, 1);
    for (size_t i = 0; i < base->family_count; i++) {
        char *error = NULL;
        rocksdb_flush_cf(base->db, flush, base->families[i], &error);
        if (error)
            rocksdb_free(error);
    }
    rocksdb_flushoptions_destroy(flush);
    rocksdb_compactoptions_t *options = rocksdb_compactoptions_create();
    rocksdb_compactoptions_set_exclusive_manual_compaction(options, 0);
    rocksdb_compactoptions_set_bottommost_level_compaction(options, FORCE_BOTTOMMOST);
    rocksdb_compact_range_cf_opt(base->db, base->purged, options, range->low, range->low_len,
                                 range->open ? NULL : range->high,
                                 range->open ? 0 : range->high_len);
    rocksdb_compactoptions_destroy(options);
}

/* Notes that come within the time are purged together. */
static void wait_a_while(struct byok_purge *self)
{
    struct timespec until;
    clock_gettime(CLOCK_MONOTONIC, &until);
    until.tv_sec += self->wait.tv_sec;
    until.tv_nsec += self->wait.tv_nsec;
    if (until.tv_nsec >= 1000000000) {
        until.tv_sec++;
        until.tv_nsec -= 1000000000;
    }
    while (!self->stop && pthread_cond_timedwait(&self->changed, &self->lock, &until) == 0) {
    }
}

static void *run(void *arg)
{
    struct byok_purge *self = arg;
    pthread_mutex_lock(&self->lock);
    for (;;) {
        while (!self->range.some && !self->stop)
            pthread_cond_wait(&self->changed, &self->lock);
        if (!self->range.some)
            break; /* told to stop, and nothing is left */
        wait_a_while(self);
        struct range range = self->range;
        self->range = (struct range){0};
        pthread_mutex_unlock(&self->lock);
        purge(&self->base, &range);
        pthread_mutex_lock(&self->lock);
    }
    pthread_mutex_unlock(&self->lock);
    return NULL;
}

enum byok_err byok_purge_start(const struct byok_purge_base *base, int64_t wait_ms,
                               struct byok_purge **out, struct byok_fault *fault)
{
    struct byok_purge *self = byok_new(1, sizeof *self);
    if (!self)
        return byok_fault_set(fault, BYOK_E_NOMEM, "no memory for purging deleted keys");
    byok_condition_init(&self->changed);
    self->base = *base;
    self->wait = (struct timespec){.tv_sec = (time_t)(wait_ms / 1000),
                                   .tv_nsec = (long)(wait_ms % 1000) * 1000000};
    pthread_mutex_init(&self->lock, NULL); /* cannot fail for a default mutex on Linux */
    if (pthread_create(&self->thread, NULL, run, self) != 0) {
        pthread_cond_destroy(&self->changed);
        pthread_mutex_destroy(&self->lock);
        byok_delete(self);
        return byok_fault_set(fault, BYOK_E_NOMEM, "no thread for purging deleted keys");
    }
    *out = self;
    return BYOK_E_OK;
}

void byok_purge_note(struct byok_purge *purge, const char *key, size_t len)
{
    pthread_mutex_lock(&purge->lock);
    bool first = !purge->range.some;
    widen(&purge->range, key, len);
    if (first)
        pthread_cond_signal(&purge->changed);
    pthread_mutex_unlock(&purge->lock);
}

void byok_purge_stop(struct byok_purge *purge)
{
    if (!purge)
        return;
    pthread_mutex_lock(&purge->lock);
    purge->stop = true;
    pthread_cond_signal(&purge->changed);
    pthread_mutex_unlock(&purge->lock);
    pthread_join(purge->thread, NULL);
    pthread_cond_destroy(&purge->changed);
    pthread_mutex_destroy(&purge->lock);
    byok_delete(purge);
}
