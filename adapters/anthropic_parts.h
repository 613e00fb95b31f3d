/* SPDX-License-Identifier: MIT */
/* adapters/anthropic_parts.h - what the files of the anthropic adapter share; for no other file. */
#ifndef BYOK_ADAPTERS_ANTHROPIC_PARTS_H
#define BYOK_ADAPTERS_ANTHROPIC_PARTS_H

#include "adapters/kit.h"

/** What max_tokens is when the job does not say: the API requires one, and this much every model
 *  takes (the oldest served, Claude 3, generate 4,096 at most). */
#define BYOK_ANTHROPIC_MAX_TOKENS 4096

/* anthropic.c */

/** Begin a call: the path under base_url and anthropic-version, unless the configuration has it. */
void byok_anthropic_begin(const struct byok_adapter_call *call, const char *method,
                          const char *path, struct byok_http_request *out) BYOK_NONNULL(1, 2, 3, 4);

/* anthropic_messages.c */

/** The job's prompt or messages as "messages" and "system" of `body`. */
enum byok_err byok_anthropic_put_messages(const struct byok_adapter_call *call,
                                          struct byok_value *body, struct byok_fault *fault)
    BYOK_MUST_USE BYOK_NONNULL(1, 2);

/* anthropic_blocks.c */

/** A content (a text or a list of parts) as content blocks, appended to `blocks`; empty texts are
 *  left out, as the API refuses them.  What is wrong, for people, or NULL. */
const char *byok_anthropic_put_blocks(const struct byok_adapter_call *call,
                                      const struct byok_value *content, struct byok_value *blocks)
    BYOK_MUST_USE BYOK_NONNULL(1, 3);

/** Append a text block; nothing when the text is empty. */
void byok_anthropic_put_text(const struct byok_adapter_call *call, struct byok_str text,
                             struct byok_value *blocks) BYOK_NONNULL(1, 3);

/* anthropic_chat.c */
BYOK_MUST_USE enum byok_err
byok_anthropic_build_chat(const struct byok_adapter_call *call, struct byok_http_request *out,
                          struct byok_fault *fault);

/* anthropic_answer.c */
BYOK_MUST_USE enum byok_err
byok_anthropic_parse_chat(const struct byok_adapter_call *call,
                          const struct byok_http_response *response, struct byok_answer *out,
                          struct byok_fault *fault);

/** The usage object of an answer, as byokd counts; all unsaid for NULL. */
struct byok_usage byok_anthropic_usage(const struct byok_value *usage);

/** One word for a stop_reason; one that is not known, or none, is left unsaid. */
enum byok_finish byok_anthropic_finish(struct byok_str stop_reason);

/* anthropic_stream.c */
BYOK_MUST_USE enum byok_err
byok_anthropic_event(const struct byok_adapter_call *call, const struct byok_sse_event *event,
                     const struct byok_value *root, struct byok_stream *stream,
                     struct byok_fault *fault);

/* anthropic_errors.c */
void byok_anthropic_classify(const struct byok_adapter_call *call,
                             const struct byok_http_response *response, struct byok_fault *out);

/** The fault of an error object that came with a 2xx status. */
void byok_anthropic_classify_body(const struct byok_adapter_call *call,
                                  const struct byok_http_response *response,
                                  const struct byok_value *root, struct byok_fault *out)
    BYOK_NONNULL(1, 2, 3, 4);

#endif
