/* SPDX-License-Identifier: MIT */
/* base/err.h - the one error enumeration, and the fault that tells the story of an error.
 *
 * `enum byok_err` travels up by return value; what a person or a result needs to know besides
 * (text, wait, HTTP status) travels in a `struct byok_fault`, by value, because messages change
 * threads.  The codes, their wire names, retry rules and meanings stand in schemas/errors.def.
 */
#ifndef BYOK_BASE_ERR_H
#define BYOK_BASE_ERR_H

#include <stdbool.h>
#include <stdint.h>

#include "base/attr.h"

enum byok_err {
#define ERR(code, wire, retry, meaning) BYOK_E_##code,
#include "schemas/errors.def"
#undef ERR
    BYOK_ERR_COUNT
};

/** How a failed call may be tried again; a property of the code. */
enum byok_retry {
    BYOK_RETRY_NEVER, /* the same request fails again */
    BYOK_RETRY_WAIT,  /* the key's limit: wait, then the same request can pass */
    BYOK_RETRY_SOON,  /* the provider's trouble: backoff, then the same request can pass */
    BYOK_RETRY_UNSURE /* the call may have been carried out: only the job's on_unknown decides */
};

#define BYOK_FAULT_TEXT_BYTES 384

struct byok_fault {
    enum byok_err code;
    int http_status;                  /* 0: no HTTP answer */
    int64_t retry_after_ms;           /* what the provider asked for; -1: nothing said */
    bool day_limit;                   /* the limit hit is one per day or month */
    char text[BYOK_FAULT_TEXT_BYTES]; /* for people; UTF-8, NUL-terminated, holds no key */
};

/** The wire name of a code, e.g. "rate_limited"; static storage, never NULL. */
const char *byok_err_name(enum byok_err code);

/** What the code means, one sentence for people; static storage, never NULL. */
const char *byok_err_meaning(enum byok_err code);

/** The retry rule of a code. */
enum byok_retry byok_err_retry(enum byok_err code);

/** The code of a wire name, or BYOK_E_INTERNAL for a name that is not in the table. */
enum byok_err byok_err_from_name(const char *name) BYOK_NONNULL(1);

/** Fill `fault` with a code and a formatted text (cut at the buffer's end, at a UTF-8 border).
 *
 * Sets retry_after_ms to -1 and http_status to 0.  Returns `code`, so that a function can end in
 * `return byok_fault_set(fault, ...)`.  `fault` may be NULL where the caller wants only the code.
 */
enum byok_err byok_fault_set(struct byok_fault *fault, enum byok_err code, const char *format, ...)
    BYOK_PRINTF(3, 4);

#endif
