/* SPDX-License-Identifier: MIT */
/* worker/harden.h - what the process gives up before it sees a key. */
#ifndef BYOK_WORKER_HARDEN_H
#define BYOK_WORKER_HARDEN_H

#include <stdbool.h>

#include "base/err.h"

/** No core files, no tracing by others of the same user, new files for their owner only, no
 *  SIGPIPE, none of the environment's variables that make TLS write down its secrets or load
 *  foreign code; as much locked memory and as many files as the hard limits allow.  Each of these is
 *  done as far as the system lets it: a limit that matters fails where it is used, with its name.
 *  By the first thread, before there is a second one. */
void byok_harden(void);

/** BYOK_E_CONFIG when a library was preloaded into the process and that is not `allowed`.  Such a
 *  library could hide this; it is for whoever set it without thinking of keys.  Any thread. */
BYOK_MUST_USE enum byok_err byok_harden_preload(bool allowed, struct byok_fault *fault);

#endif
