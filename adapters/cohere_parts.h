/* SPDX-License-Identifier: MIT */
/* adapters/cohere_parts.h - what the files of the cohere adapter share; for no other file. */
#ifndef BYOK_ADAPTERS_COHERE_PARTS_H
#define BYOK_ADAPTERS_COHERE_PARTS_H

#include "adapters/kit.h"

/** What all answers have: `out` is set anew, with model, id and raw; `root` is its tree. */
enum byok_err byok_cohere_read(const struct byok_adapter_call *call,
                               const struct byok_http_response *response, struct byok_value *root,
                               struct byok_answer *out, struct byok_fault *fault)
    BYOK_MUST_USE BYOK_NONNULL(1, 2, 3, 4);

/* cohere_chat.c */
BYOK_MUST_USE enum byok_err
byok_cohere_build_chat(const struct byok_adapter_call *call, struct byok_http_request *out,
                       struct byok_fault *fault);
BYOK_MUST_USE enum byok_err byok_cohere_parse_chat(const struct byok_adapter_call *call,
                                                   const struct byok_http_response *response,
                                                   struct byok_answer *out,
                                                   struct byok_fault *fault);

/* cohere_embeddings.c */
#define BYOK_COHERE_INPUTS_MAX 96u /* Cohere's API reference: at most 96 texts in a call */
BYOK_MUST_USE enum byok_err byok_cohere_build_embeddings(const struct byok_adapter_call *call,
                                                         struct byok_http_request *out,
                                                         struct byok_fault *fault);
BYOK_MUST_USE enum byok_err byok_cohere_parse_embeddings(const struct byok_adapter_call *call,
                                                         const struct byok_http_response *response,
                                                         struct byok_answer *out,
                                                         struct byok_fault *fault);

#endif
