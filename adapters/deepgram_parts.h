/* SPDX-License-Identifier: MIT */
/* adapters/deepgram_parts.h - what the files of the deepgram adapter share; for no other file. */
#ifndef BYOK_ADAPTERS_DEEPGRAM_PARTS_H
#define BYOK_ADAPTERS_DEEPGRAM_PARTS_H

#include "adapters/kit.h"

/** Put the job's options over a query; a callback is refused, since its answer goes elsewhere. */
enum byok_err byok_deepgram_put_options(const struct byok_adapter_call *call,
                                        struct byok_value *query, struct byok_fault *fault)
    BYOK_MUST_USE BYOK_NONNULL(1, 2);

/* deepgram_listen.c */
BYOK_MUST_USE enum byok_err
byok_deepgram_build_listen(const struct byok_adapter_call *call, struct byok_http_request *out,
                           struct byok_fault *fault);
BYOK_MUST_USE enum byok_err byok_deepgram_parse_listen(const struct byok_adapter_call *call,
                                                       const struct byok_http_response *response,
                                                       struct byok_answer *out,
                                                       struct byok_fault *fault);

/* deepgram_speak.c */
uint32_t byok_deepgram_speak_max(struct byok_str model);
BYOK_MUST_USE enum byok_err byok_deepgram_build_speak(const struct byok_adapter_call *call,
                                                      struct byok_http_request *out,
                                                      struct byok_fault *fault);
BYOK_MUST_USE enum byok_err byok_deepgram_parse_speak(const struct byok_adapter_call *call,
                                                      const struct byok_http_response *response,
                                                      struct byok_answer *out,
                                                      struct byok_fault *fault);

#endif
