/* SPDX-License-Identifier: MIT */
/* client/payloads.h - large content: what a job brings goes to the payload store, what an answer
 * refers to is got from it.
 *
 * The store is the worker's own (its settings payloads.*), named by --payloads.  Thread: one.
 */
#ifndef BYOK_CLIENT_PAYLOADS_H
#define BYOK_CLIENT_PAYLOADS_H

#include "base/arena.h"
#include "base/err.h"
#include "client/cli.h"
#include "schemas/value.h"

/* Above it content goes to the store, when there is one: the worker's default for answers
 * (payloads.inline_max_bytes). */
#define BYOK_PAYLOAD_INLINE_MAX ((size_t)524288)

/* Most bytes of one payload, put or got: the worker's default (payloads.max_bytes). */
#define BYOK_PAYLOAD_BYTES_MAX ((size_t)64 * 1024 * 1024)

/** Whether a store is named. */
bool byok_payloads_given(const struct byok_cli *cli) BYOK_NONNULL(1);

/** Put all of the job's content that is larger than BYOK_PAYLOAD_INLINE_MAX, and refer to it
 *  instead; without a store nothing changes.  BYOK_E_CONFIG, BYOK_E_STORE, BYOK_E_NOMEM. */
BYOK_MUST_USE BYOK_NONNULL(1, 2, 3)
enum byok_err byok_payloads_put(struct byok_cli *cli, struct byok_value *job,
                                struct byok_fault *fault);

/** A result was shown: the exit code for it.  With a path (of --output; else NULL) the audio or the images
 *  of a good one are written to files, those that it refers to once they were got and found to be of
 *  their size and SHA-256: one to `path`, of several images the n-th to path.n.  What goes wrong is
 *  told. */
enum byok_exit byok_payloads_output(struct byok_cli *cli, struct byok_value *result,
                                    const char *path) BYOK_NONNULL(1, 2);

#endif
