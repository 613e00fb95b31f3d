/* SPDX-License-Identifier: MIT */
/* client/streamed.h - a call whose answer is printed while it comes. */
#ifndef BYOK_CLIENT_STREAMED_H
#define BYOK_CLIENT_STREAMED_H

#include "client/call.h"

/** As byok_call, into the command's arena, and every delta of the request is printed at once: its
 *  text, or with --json the whole delta, one per line.  When it returns BYOK_E_OK the text of the
 *  answer is printed, what was not streamed of it too (without --json). */
BYOK_MUST_USE BYOK_NONNULL(1, 2, 3, 4)
enum byok_err byok_call_streamed(struct byok_cli *cli, const struct byok_job *job,
                                 struct byok_value *out, struct byok_fault *fault);

#endif
