/* SPDX-License-Identifier: MIT */
/* worker/vault_thread.c - a system with one actor on a thread that sleeps while it has no mail. */
#include "worker/vault_thread.h"

#include <pthread.h>
#include <time.h>

#include "base/condition.h"
#include "base/mem.h"
#include "worker/ports/clock_system.h"

#define MESSAGES_A_TURN 256

struct byok_vault_thread {
    struct byok_clock clock;
    struct byok_env env;
    struct byok_metrics metrics;
    struct byok_system *system;
    struct byok_actor *actor;
    pthread_t thread;
    bool began;
    pthread_mutex_t lock; /* guards the two flags */
    pthread_cond_t changed;
    bool mail, stop;
};

/* From any thread: byok_post gave the system its first message. */
static void wake(void *arg)
{
    struct byok_vault_thread *self = arg;
    pthread_mutex_lock(&self->lock);
    self->mail = true;
    pthread_cond_signal(&self->changed);
    pthread_mutex_unlock(&self->lock);
}

/* Wait for mail, the next timer or the end; false: the end. */
static bool wait_for_work(struct byok_vault_thread *self)
{
    int64_t due_us = byok_system_next_timer_us(self->system);
    struct timespec due = {.tv_sec = (time_t)(due_us / 1000000),
                           .tv_nsec = (long)(due_us % 1000000) * 1000};
    pthread_mutex_lock(&self->lock);
    int waited = 0;
    while (!self->mail && !self->stop && waited == 0) {
        if (due_us == INT64_MAX)
            waited = pthread_cond_wait(&self->changed, &self->lock);
        else
            waited = pthread_cond_timedwait(&self->changed, &self->lock, &due);
    }
    self->mail = false;
    bool go_on = !self->stop;
    pthread_mutex_unlock(&self->lock);
    return go_on;
}

static void *run(void *arg)
{
    struct byok_vault_thread *self = arg;
    do {
        while (byok_system_run(self->system, MESSAGES_A_TURN)) {
        }
    } while (wait_for_work(self));
    while (byok_system_run(self->system, MESSAGES_A_TURN)) {
    }
    return NULL;
}

static enum byok_err begin(struct byok_vault_thread *self, struct byok_vault *vault)
{
    self->system = byok_system_new(&self->env, &self->clock, wake, self);
    if (!self->system)
        return BYOK_E_NOMEM;
    self->actor = byok_vault_actor(self->system, vault);
    if (!self->actor)
        return BYOK_E_NOMEM;
    self->env.vault = self->actor;
    self->began = pthread_create(&self->thread, NULL, run, self) == 0;
    return self->began ? BYOK_E_OK : BYOK_E_NOMEM;
}

enum byok_err byok_vault_thread_start(struct byok_vault *vault,
                                      const struct byok_settings *settings, struct byok_log *log,
                                      struct byok_vault_thread **out, struct byok_fault *fault)
{
    *out = NULL;
    struct byok_vault_thread *self = byok_new(1, sizeof *self);
    if (!self || pthread_mutex_init(&self->lock, NULL) != 0) {
        byok_delete(self);
        return byok_fault_set(fault, BYOK_E_NOMEM, "No memory for the vault's thread");
    }
    byok_condition_init(&self->changed);
    byok_clock_system_init(&self->clock);
    self->env.settings = settings;
    self->env.clock = &self->clock;
    self->env.log = log;
    self->env.metrics = &self->metrics;
    if (begin(self, vault) != BYOK_E_OK) {
        byok_vault_thread_stop(self);
        return byok_fault_set(fault, BYOK_E_NOMEM, "The vault's thread cannot be started");
    }
    *out = self;
    return BYOK_E_OK;
}

struct byok_actor *byok_vault_thread_actor(struct byok_vault_thread *thread)
{
    return thread->actor;
}

const struct byok_metrics *byok_vault_thread_metrics(const struct byok_vault_thread *thread)
{
    return &thread->metrics;
}

void byok_vault_thread_stop(struct byok_vault_thread *thread)
{
    if (!thread)
        return;
    if (thread->began) {
        pthread_mutex_lock(&thread->lock);
        thread->stop = true;
        pthread_cond_signal(&thread->changed);
        pthread_mutex_unlock(&thread->lock);
        (void)pthread_join(thread->thread, NULL);
    }
    byok_system_free(thread->system);
    (void)pthread_cond_destroy(&thread->changed);
    (void)pthread_mutex_destroy(&thread->lock);
    byok_delete(thread);
}
