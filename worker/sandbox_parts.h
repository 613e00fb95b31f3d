/* SPDX-License-Identifier: MIT */
/* worker/sandbox_parts.h - the two halves of the sandbox; private to it. */
#ifndef BYOK_WORKER_SANDBOX_PARTS_H
#define BYOK_WORKER_SANDBOX_PARTS_H

#include "worker/config.h"

/** Landlock: reading beneath the system's folders and those of configured files, but never a
 *  master key's file; writing beneath the data folder; no execution.  `*abi`: the kernel's version
 *  of Landlock, 0 when it has none, and then nothing was done.  BYOK_E_CONFIG: a failure. */
BYOK_MUST_USE BYOK_NONNULL(1, 2)
enum byok_err byok_sandbox_files(const struct byok_config *config, int *abi,
                                 struct byok_fault *fault);

/** seccomp: the system calls of the table only, for this thread and those it starts.  `*there`: the kernel has it.
 *  BYOK_E_CONFIG: a failure. */
BYOK_MUST_USE BYOK_NONNULL(1)
enum byok_err byok_sandbox_calls(bool *there, struct byok_fault *fault);

#endif
