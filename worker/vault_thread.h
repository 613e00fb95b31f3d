/* SPDX-License-Identifier: MIT */
/* worker/vault_thread.h - the thread that the vault actor lives on. */
#ifndef BYOK_WORKER_VAULT_THREAD_H
#define BYOK_WORKER_VAULT_THREAD_H

#include "actors/env.h"

struct byok_vault_thread;

/** Make the system, the actor and the thread; `vault`, `settings` and `log` are borrowed.
 *  BYOK_E_NOMEM. */
BYOK_MUST_USE BYOK_NONNULL(1, 2, 3, 4)
enum byok_err byok_vault_thread_start(struct byok_vault *vault,
                                      const struct byok_settings *settings, struct byok_log *log,
                                      struct byok_vault_thread **out, struct byok_fault *fault);

/** The vault actor, for the shards. */
struct byok_actor *byok_vault_thread_actor(struct byok_vault_thread *thread) BYOK_NONNULL(1);

/** Its counters (unseals, failures).  Any thread. */
const struct byok_metrics *byok_vault_thread_metrics(const struct byok_vault_thread *thread)
    BYOK_NONNULL(1);

/** End the thread and release; before the shards are freed (it may still answer them), after they
 *  have been joined (they ask no more). NULL is fine. */
void byok_vault_thread_stop(struct byok_vault_thread *thread);

#endif
