/* SPDX-License-Identifier: MIT */
/* worker/worker.h - the process put together: vault, topics, shards, status, until a signal. */
#ifndef BYOK_WORKER_WORKER_H
#define BYOK_WORKER_WORKER_H

#include "actors/ports/log.h"
#include "worker/config.h"

/** Run until SIGTERM or SIGINT, then end in order.  A second signal ends the process at once with
 *  exit code 130.  BYOK_E_OK: ended as asked.  BYOK_E_CONFIG: a setting or a key is wrong; other
 *  codes: a failure while running.  By the first thread. */
BYOK_MUST_USE BYOK_NONNULL(1, 2, 3)
enum byok_err byok_worker_run(struct byok_config *config, struct byok_log *log,
                              struct byok_fault *fault);

/** Whether the settings would do: providers and their CA files, master keys, and what librdkafka
 *  says of the Kafka settings.  Connects to nothing, changes nothing.  BYOK_E_CONFIG, BYOK_E_NOMEM. */
BYOK_MUST_USE BYOK_NONNULL(1, 2)
enum byok_err byok_worker_check(struct byok_config *config, struct byok_fault *fault);

#endif
