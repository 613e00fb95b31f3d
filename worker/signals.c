/* SPDX-License-Identifier: MIT */
/* worker/signals.c - a thread that waits for signals, so that no handler interrupts any code.
 *
 * (A handler would also leave a copy of the registers, which may hold key bytes, on the stack.)
 */
#include "worker/signals.h"

#include <errno.h>
#include <pthread.h>
#include <semaphore.h>
#include <signal.h>
#include <string.h>
#include <unistd.h>

#define EXIT_INTERRUPTED 130 /* the shell's code for an end by SIGINT */

static _Atomic bool came; /* the signal flag: the one exception from "no mutable globals" */
static sem_t first;
static sigset_t awaited;

static void *wait_for_signals(void *arg)
{
    (void)arg;
    int number;
    while (sigwait(&awaited, &number) != 0) {
    }
    atomic_store(&came, true);
    sem_post(&first);
    while (sigwait(&awaited, &number) != 0) {
    }
    _exit(EXIT_INTERRUPTED);
}

enum byok_err byok_signals_begin(struct byok_fault *fault)
{
    pthread_t thread;
    sigemptyset(&awaited);
    sigaddset(&awaited, SIGTERM);
    sigaddset(&awaited, SIGINT);
    int code = pthread_sigmask(SIG_BLOCK, &awaited, NULL);
    if (code == 0)
        code = sem_init(&first, 0, 0) == 0 ? 0 : errno;
    if (code == 0)
        code = pthread_create(&thread, NULL, wait_for_signals, NULL);
    if (code == 0)
        code = pthread_detach(thread); /* it waits to the end of the process */
    if (code != 0)
        return byok_fault_set(fault, BYOK_E_NOMEM, "cannot wait for signals: %s", strerror(code));
    return BYOK_E_OK;
}

const _Atomic bool *byok_signals_flag(void)
{
    return &came;
}

void byok_signals_wait(void)
{
    while (sem_wait(&first) != 0) {
    }
}
