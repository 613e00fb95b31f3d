/* SPDX-License-Identifier: MIT */
/* worker/worker_payloads.h - opening the payload store that the settings name. */
#ifndef BYOK_WORKER_WORKER_PAYLOADS_H
#define BYOK_WORKER_WORKER_PAYLOADS_H

#include "payloads/store.h"
#include "worker/config.h"

struct byok_worker_payloads {
    struct byok_payload_store *store; /* NULL: none is configured */
    struct byok_http_route route;
    char *credentials; /* guarded */
};

/** Read the credentials and open the store: before the sandbox, behind which neither can be done.
 *  BYOK_E_CONFIG, naming the setting; BYOK_E_NOMEM.  On an error `out` is empty. */
BYOK_MUST_USE BYOK_NONNULL(1, 2, 3)
enum byok_err byok_worker_payloads_open(const struct byok_config *config,
                                        struct byok_worker_payloads *out, struct byok_fault *fault);

void byok_worker_payloads_done(struct byok_worker_payloads *payloads) BYOK_NONNULL(1);

#endif
