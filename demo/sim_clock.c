/* SPDX-License-Identifier: MIT */
/* demo/sim_clock.c - the timer wheel behind waiting connections. */
#include "demo/sim_clock.h"

#include <stdatomic.h>

#include <pthread.h>
#include <time.h>

#include <microhttpd.h>

#include "base/mem.h"

#define SLOTS 4096 /* a power of two; a longer wait stays in its slot for another turn */
#define CROWD 1024 /* from here on the wheel turns in steps of CROWD_STEP_MS */

/* libmicrohttpd walks all suspended connections of a daemon for each wake-up, so with thousands of
 * them it is cheaper to resume in groups than each at its own millisecond. */
#define STEP_MS 1
#define CROWD_STEP_MS 4

struct sim_clock {
    pthread_t thread;
    pthread_mutex_t lock; /* over all below but `stopping`, which is only written under it */
    pthread_cond_t filled;
    struct sim_wait *slots[SLOTS];
    int64_t turned_ms; /* every slot up to here has been looked at */
    uint32_t waiting;
    atomic_bool stopping;
};

int64_t sim_now_ms(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

/* Move what is due (or everything) out of one slot to the front of `due`. */
static struct sim_wait *pick(struct sim_clock *clock, size_t slot, int64_t now_ms,
                             struct sim_wait *due)
{
    struct sim_wait **link = &clock->slots[slot];
    while (*link) {
        struct sim_wait *wait = *link;
        if (wait->due_ms > now_ms) {
            link = &wait->next;
            continue;
        }
        *link = wait->next;
        wait->next = due;
        due = wait;
        clock->waiting--;
    }
    return due;
}

static struct sim_wait *turn(struct sim_clock *clock, int64_t now_ms)
{
    struct sim_wait *due = NULL;
    int64_t steps = now_ms - clock->turned_ms;
    if (steps > SLOTS)
        steps = SLOTS;
    for (int64_t i = 0; i < steps; i++)
        due = pick(clock, (size_t)(now_ms - i) % SLOTS, now_ms, due);
    clock->turned_ms = now_ms;
    return due;
}

static void resume_all(struct sim_wait *due)
{
    while (due) {
        /* read first: once resumed, the node is its owner's again */
        struct sim_wait *next = due->next;
        MHD_resume_connection(due->connection);
        due = next;
    }
}

static void *run(void *argument)
{
    struct sim_clock *clock = argument;
    bool stopping = false;
    while (!stopping) {
        pthread_mutex_lock(&clock->lock);
        while (clock->waiting == 0 && !atomic_load_explicit(&clock->stopping, memory_order_relaxed))
            pthread_cond_wait(&clock->filled, &clock->lock);
        stopping = atomic_load_explicit(&clock->stopping, memory_order_relaxed);
        bool crowd = clock->waiting > CROWD;
        pthread_mutex_unlock(&clock->lock);

        if (!stopping) {
            struct timespec step = {.tv_nsec = (crowd ? CROWD_STEP_MS : STEP_MS) * 1000000};
            nanosleep(&step, NULL);
        }
        pthread_mutex_lock(&clock->lock);
        struct sim_wait *due = NULL;
        if (stopping) {
            for (size_t i = 0; i < SLOTS; i++)
                due = pick(clock, i, INT64_MAX, due);
        } else {
            due = turn(clock, sim_now_ms());
        }
        pthread_mutex_unlock(&clock->lock);
        resume_all(due);
    }
    return NULL;
}

struct sim_clock *sim_clock_new(void)
{
    struct sim_clock *clock = byok_new(1, sizeof *clock);
    if (!clock)
        return NULL;
    pthread_mutex_init(&clock->lock, NULL);
    pthread_cond_init(&clock->filled, NULL);
    clock->turned_ms = sim_now_ms();
    if (pthread_create(&clock->thread, NULL, run, clock) != 0) {
        byok_delete(clock);
        return NULL;
    }
    return clock;
}

bool sim_clock_wait(struct sim_clock *clock, struct sim_wait *wait,
                    struct MHD_Connection *connection, int64_t delay_ms)
{
    wait->connection = connection;
    /* one more: the current millisecond is partly over, and a wait is never shorter than asked */
    wait->due_ms = sim_now_ms() + delay_ms + 1;
    pthread_mutex_lock(&clock->lock);
    bool stopping = atomic_load_explicit(&clock->stopping, memory_order_relaxed);
    if (!stopping) {
        /* under the lock, so that the resume cannot come before the suspend */
        MHD_suspend_connection(connection);
        struct sim_wait **slot = &clock->slots[(size_t)wait->due_ms % SLOTS];
        wait->next = *slot;
        *slot = wait;
        if (clock->waiting++ == 0)
            pthread_cond_signal(&clock->filled);
    }
    pthread_mutex_unlock(&clock->lock);
    return !stopping;
}

bool sim_clock_is_stopping(struct sim_clock *clock)
{
    /* relaxed: a hint; sim_clock_wait decides under the lock */
    return atomic_load_explicit(&clock->stopping, memory_order_relaxed);
}

void sim_clock_stop(struct sim_clock *clock)
{
    pthread_mutex_lock(&clock->lock);
    atomic_store_explicit(&clock->stopping, true, memory_order_relaxed);
    pthread_cond_signal(&clock->filled);
    pthread_mutex_unlock(&clock->lock);
    pthread_join(clock->thread, NULL);
}

void sim_clock_free(struct sim_clock *clock)
{
    if (!clock)
        return;
    pthread_cond_destroy(&clock->filled);
    pthread_mutex_destroy(&clock->lock);
    byok_delete(clock);
}
