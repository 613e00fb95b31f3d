/* SPDX-License-Identifier: MIT */
/* worker/sandbox.h - what the process can no longer do once it has its settings and master keys. */
#ifndef BYOK_WORKER_SANDBOX_H
#define BYOK_WORKER_SANDBOX_H

#include "actors/ports/log.h"
#include "worker/config.h"

/** Give up, for good and for every thread to come: new privileges, files but those that the
 *  settings need (Landlock), system calls but those that are used (seccomp).  As the settings
 *  `sandbox.*` say; what the kernel lacks is said in the log, or with `require` an error.
 *  BYOK_E_CONFIG.  By the first thread, before there is a second one, after the master keys were
 *  read (their files cannot be read afterwards) and the data folder was made. */
BYOK_MUST_USE BYOK_NONNULL(1, 2)
enum byok_err byok_sandbox_enter(const struct byok_config *config, struct byok_log *log,
                                 struct byok_fault *fault);

#endif
