/* SPDX-License-Identifier: MIT */
/* worker/curl_memory.h - libcurl's and OpenSSL's memory, wiped when released.
 *
 * Neither wipes what it frees: libcurl's documentation says that secrets "will be kept as-is" in
 * memory, and OpenSSL leaves a peer's bytes (which may echo a key) in its read buffers.
 */
#ifndef BYOK_WORKER_CURL_MEMORY_H
#define BYOK_WORKER_CURL_MEMORY_H

#include "base/err.h"

/** curl_global_init with an allocator that wipes, and the same for OpenSSL.  Once, by the first
 *  thread, before anything else uses either.  A second call changes nothing and succeeds.
 *  BYOK_E_CONFIG: OpenSSL has allocated before, or libcurl cannot be initialised. */
BYOK_MUST_USE enum byok_err byok_curl_memory_global(struct byok_fault *fault);

#endif
