/* SPDX-License-Identifier: MIT */
/* tests/support/c11_threads.c - C11's threads on POSIX's, for ThreadSanitizer.
 *
 * TSan of gcc 12 and clang 14 knows pthread_create and pthread_mutex_lock but not thrd_create and
 * mtx_lock, which librdkafka uses: its threads crash in the first allocation, and what it guards
 * looks like a race.  The types are the same in glibc, so each call is handed on.  Only linked in
 * the tsan preset.
 */
#include <errno.h>
#include <stdint.h>
#include <stdlib.h>
#include <threads.h>

#include <pthread.h>

struct start {
    thrd_start_t run;
    void *arg;
};

static void *begin(void *arg)
{
    struct start start = *(struct start *)arg;
    free(arg);
    return (void *)(intptr_t)start.run(start.arg);
}

static int result(int err)
{
    return err == 0           ? thrd_success
           : err == EBUSY     ? thrd_busy
           : err == ETIMEDOUT ? thrd_timedout
           : err == ENOMEM    ? thrd_nomem
                              : thrd_error;
}

int thrd_create(thrd_t *thread, thrd_start_t run, void *arg)
{
    struct start *start = malloc(sizeof *start);
    if (!start)
        return thrd_nomem;
    *start = (struct start){run, arg};
    int err = pthread_create(thread, NULL, begin, start);
    if (err != 0)
        free(start);
    return result(err);
}

int thrd_join(thrd_t thread, int *status)
{
    void *value;
    int err = pthread_join(thread, &value);
    if (err == 0 && status)
        *status = (int)(intptr_t)value;
    return result(err);
}

int thrd_detach(thrd_t thread)
{
    return result(pthread_detach(thread));
}

int mtx_init(mtx_t *mutex, int type)
{
    pthread_mutexattr_t attr;
    pthread_mutexattr_init(&attr);
    if (type & mtx_recursive)
        pthread_mutexattr_settype(&attr, PTHREAD_MUTEX_RECURSIVE);
    int err = pthread_mutex_init((pthread_mutex_t *)mutex, &attr);
    pthread_mutexattr_destroy(&attr);
    return result(err);
}

void mtx_destroy(mtx_t *mutex)
{
    pthread_mutex_destroy((pthread_mutex_t *)mutex);
}

int mtx_lock(mtx_t *mutex)
{
    return result(pthread_mutex_lock((pthread_mutex_t *)mutex));
}

int mtx_trylock(mtx_t *mutex)
{
    return result(pthread_mutex_trylock((pthread_mutex_t *)mutex));
}

int mtx_unlock(mtx_t *mutex)
{
    return result(pthread_mutex_unlock((pthread_mutex_t *)mutex));
}

int cnd_init(cnd_t *condition)
{
    return result(pthread_cond_init((pthread_cond_t *)condition, NULL));
}

void cnd_destroy(cnd_t *condition)
{
    pthread_cond_destroy((pthread_cond_t *)condition);
}

int cnd_signal(cnd_t *condition)
{
    return result(pthread_cond_signal((pthread_cond_t *)condition));
}

int cnd_broadcast(cnd_t *condition)
{
    return result(pthread_cond_broadcast((pthread_cond_t *)condition));
}

int cnd_wait(cnd_t *condition, mtx_t *mutex)
{
    return result(pthread_cond_wait((pthread_cond_t *)condition, (pthread_mutex_t *)mutex));
}

int cnd_timedwait(cnd_t *restrict condition, mtx_t *restrict mutex,
                  const struct timespec *restrict until)
{
    return result(
        pthread_cond_timedwait((pthread_cond_t *)condition, (pthread_mutex_t *)mutex, until));
}
