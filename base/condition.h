/* SPDX-License-Identifier: MIT */
/* base/condition.h - conditions whose waits end by a clock that nobody sets. */
#ifndef BYOK_BASE_CONDITION_H
#define BYOK_BASE_CONDITION_H

#include <pthread.h>
#include <time.h>

/** Make a condition for pthread_cond_timedwait() with times of CLOCK_MONOTONIC; end it with
 *  pthread_cond_destroy().  On Linux it takes no memory and cannot fail.  Any thread. */
static inline void byok_condition_init(pthread_cond_t *condition)
{
    pthread_condattr_t attr;
    (void)pthread_condattr_init(&attr);
    (void)pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
    (void)pthread_cond_init(condition, &attr);
    (void)pthread_condattr_destroy(&attr);
}

#endif
