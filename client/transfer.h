/* SPDX-License-Identifier: MIT */
/* client/transfer.h - one call to a payload store behind HTTP, by libcurl, which signs it. */
#ifndef BYOK_CLIENT_TRANSFER_H
#define BYOK_CLIENT_TRANSFER_H

#include "base/buf.h"
#include "base/err.h"
#include "payloads/store.h"

/** Send the request, whose body is `content` when it is a PUT, and append the answer's to `out`, whose
 *  cap bounds it.  Waits for it, at most as long as it goes on.
 *  BYOK_E_STORE: it was not reached or fails; BYOK_E_BAD_REQUEST: the store does not have it, or it is
 *  larger than `out` takes; BYOK_E_CONFIG; BYOK_E_NOMEM. */
BYOK_MUST_USE BYOK_NONNULL(1, 3, 4)
enum byok_err byok_transfer(const struct byok_payload_request *request, struct byok_str content,
                            struct byok_buf *out, struct byok_fault *fault);

#endif
