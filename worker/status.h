/* SPDX-License-Identifier: MIT */
/* worker/status.h - the status server: /metrics, /healthz, /readyz, /vault/public-key.
 *
 * libmicrohttpd on a thread of its own.  It reads counters and flags and changes nothing; there is
 * no authentication, and nothing secret to be had.
 */
#ifndef BYOK_WORKER_STATUS_H
#define BYOK_WORKER_STATUS_H

#include <stdbool.h>
#include <stdint.h>

#include "actors/metrics.h"
#include "actors/ports/log.h"
#include "base/buf.h"
#include "base/err.h"
#include "vault_rocks/envelope.h"

/* What the pages are made of, for any thread.  All borrowed for the life of the server. */
struct byok_status_source {
    void *arg;
    uint32_t shard_count;
    const struct byok_metrics *(*shard_metrics)(void *arg, uint32_t shard);
    bool (*shard_ready)(void *arg, uint32_t shard);
    const struct byok_metrics *vault_metrics; /* NULL: none */
    uint8_t public_key[BYOK_VAULT_PUBLIC_KEY_BYTES];
};

struct byok_status_server;

/** Listen at `listen` ("host:port"; port 0 takes a free one) and log event "status_listening".
 *  BYOK_E_CONFIG: not such an address, or it cannot be listened at. */
BYOK_MUST_USE BYOK_NONNULL(1, 2, 3, 4)
enum byok_err byok_status_start(const char *listen, const struct byok_status_source *source,
                                struct byok_log *log, struct byok_status_server **out,
                                struct byok_fault *fault);

/** The port it listens at. */
uint16_t byok_status_port(const struct byok_status_server *status) BYOK_NONNULL(1);

/** End it and release. NULL is fine. */
void byok_status_stop(struct byok_status_server *status);

/** The page of /metrics, in Prometheus' text format 0.0.4. */
void byok_status_metrics(const struct byok_status_source *source, struct byok_buf *out)
    BYOK_NONNULL(1, 2);

/** The page of /readyz; true: ready (200). */
bool byok_status_ready(const struct byok_status_source *source, struct byok_buf *out)
    BYOK_NONNULL(1, 2);

#endif
