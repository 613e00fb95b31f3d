/* SPDX-License-Identifier: MIT */
/* worker/signals.h - SIGTERM and SIGINT as a flag and a wait. */
#ifndef BYOK_WORKER_SIGNALS_H
#define BYOK_WORKER_SIGNALS_H

#include <stdatomic.h>
#include <stdbool.h>

#include "base/err.h"

/** Block both signals in this thread, and so in all that it starts, and take them on a thread of
 *  their own: the first one sets the flag, the second one ends the process with exit code 130.
 *  Before any other thread is started.  Once per process. */
BYOK_MUST_USE enum byok_err byok_signals_begin(struct byok_fault *fault);

/** Becomes true with the first signal.  Any thread. */
const _Atomic bool *byok_signals_flag(void);

/** Wait for the first signal. */
void byok_signals_wait(void);

#endif
