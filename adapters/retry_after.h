/* SPDX-License-Identifier: MIT */
/* adapters/retry_after.h - how long an answer asks to wait.  Pure; any thread. */
#ifndef BYOK_ADAPTERS_RETRY_AFTER_H
#define BYOK_ADAPTERS_RETRY_AFTER_H

#include <stdbool.h>
#include <stdint.h>

#include "adapters/http_message.h"
#include "base/attr.h"

/** What the answer itself says about the wait, in ms; -1: nothing, or nothing that can be meant.
 *
 * In this order: `retry-after-ms`; `retry-after` in seconds or as an HTTP date (RFC 9110, 10.2.3
 * and 5.6.7; `wall_ms` is now); of the limits that are used up the latest reset
 * (`x-ratelimit-remaining-requests: 0` with `x-ratelimit-reset-requests: 6m0s`, as OpenAI
 * documents, and the same for tokens and for the forms ending in -day; the same of Anthropic with
 * RFC 3339 times; `x-ratelimit-reset` with seconds, or a Unix time in seconds or ms).  A wait of 0
 * or less, or a date that is past, counts as nothing said: services send such when they do not know.
 * A wait longer than a year is cut to a year.
 */
int64_t byok_retry_after_ms(const struct byok_http_response *response, int64_t wall_ms)
    BYOK_NONNULL(1);

/** A duration in ms: "48s", "6m0s", "48.94s" (Go's time.Duration; protobuf's Duration in JSON), or
 *  a number of seconds.  -1: not one, or not positive. */
int64_t byok_retry_duration_ms(struct byok_str text);

/** How long the answer says that nothing more is let through, in ms; -1: it does not.  Of the limits
 *  above but those by day; good answers carry them too. */
int64_t byok_rate_wait_ms(const struct byok_http_response *response, int64_t wall_ms)
    BYOK_NONNULL(1);

/** Calls at once that the answer says its key may have (ElevenLabs' `maximum-concurrent-requests`);
 *  -1: it does not. */
int64_t byok_rate_calls_max(const struct byok_http_response *response) BYOK_NONNULL(1);

/** The wait that an error's text names, in ms: "Please try again in 2.34s" (OpenAI), "Please retry
 *  after 6 seconds" (Azure).  -1: none. */
int64_t byok_retry_text_ms(struct byok_str message);

/** True: a limit counted by day is used up (`x-ratelimit-remaining-requests-day: 0`). */
bool byok_retry_day_limit(const struct byok_http_response *response) BYOK_NONNULL(1);

#endif
