/* SPDX-License-Identifier: MIT */
/* worker/watch.c - see worker/watch.h. */
#include "worker/watch.h"

#include <errno.h>
#include <stdbool.h>
#include <time.h>

#include <pthread.h>

#include "base/condition.h"
#include "base/mem.h"

struct byok_watch {
    struct byok_log *log;
    struct byok_watched watched;
    pthread_t thread;
    pthread_mutex_t lock; /* guards the next */
    pthread_cond_t changed;
    bool ended;
};

static void *run(void *arg)
{
    struct byok_watch *self = arg;
    struct timespec due;
    int64_t said_ms = 0;
    clock_gettime(CLOCK_MONOTONIC, &due);
    pthread_mutex_lock(&self->lock);
    while (!self->ended) {
        int64_t ns = due.tv_nsec + self->watched.every_ms % 1000 * 1000000;
        due.tv_sec += (time_t)(self->watched.every_ms / 1000 + ns / 1000000000);
        due.tv_nsec = (long)(ns % 1000000000);
        int waited = 0;
        while (!self->ended && waited != ETIMEDOUT)
            waited = pthread_cond_timedwait(&self->changed, &self->lock, &due);
        if (self->ended)
            break;
        said_ms += self->watched.every_ms;
        byok_log_event(self->log, BYOK_LOG_WARN, self->watched.event,
                       BYOK_F_TEXT("what", self->watched.what), BYOK_F_INT("for_ms", said_ms),
                       BYOK_F_TEXT("hint", self->watched.hint));
    }
    pthread_mutex_unlock(&self->lock);
    return NULL;
}

static void release(struct byok_watch *watch)
{
    pthread_cond_destroy(&watch->changed);
    pthread_mutex_destroy(&watch->lock);
    byok_delete(watch);
}

struct byok_watch *byok_watch_begin(struct byok_log *log, struct byok_watched watched)
{
    struct byok_watch *watch = byok_new(1, sizeof *watch);
    if (!watch)
        return NULL;
    watch->log = log;
    watch->watched = watched;
    pthread_mutex_init(&watch->lock, NULL);
    byok_condition_init(&watch->changed);
    if (pthread_create(&watch->thread, NULL, run, watch) == 0)
        return watch;
    release(watch);
    return NULL;
}

void byok_watch_end(struct byok_watch *watch)
{
    if (!watch)
        return;
    pthread_mutex_lock(&watch->lock);
    watch->ended = true;
    pthread_cond_signal(&watch->changed);
    pthread_mutex_unlock(&watch->lock);
    (void)pthread_join(watch->thread, NULL);
    release(watch);
}
