/* SPDX-License-Identifier: MIT */
/* adapters/kit_embeddings.h - what the embeddings of all providers have in common. Pure; any thread. */
#ifndef BYOK_ADAPTERS_KIT_EMBEDDINGS_H
#define BYOK_ADAPTERS_KIT_EMBEDDINGS_H

#include "adapters/kit.h"

/** How many texts the job's `input` is: one, or those of its list; 0: there is none. */
uint32_t byok_embeddings_inputs(const struct byok_adapter_call *call) BYOK_NONNULL(1);

/** BYOK_E_BAD_REQUEST when there is no input, or there are more than `most`, which the provider
 *  takes in one call. */
enum byok_err byok_embeddings_check_inputs(const struct byok_adapter_call *call, uint32_t most,
                                           struct byok_fault *fault) BYOK_MUST_USE BYOK_NONNULL(1);

/** BYOK_E_BAD_REQUEST when the job says the length of vectors twice: by `dimensions` and by the
 *  provider's own `option`. */
enum byok_err byok_embeddings_check_option(const struct byok_adapter_call *call, const char *option,
                                           struct byok_fault *fault)
    BYOK_MUST_USE BYOK_NONNULL(1, 2);

/** The length of vector that the job's `dimensions` asks for; 0: any, also when the provider's own
 *  `option` overrides it. */
int64_t byok_embeddings_wanted(const struct byok_adapter_call *call, const char *option)
    BYOK_NONNULL(1, 2);

/** False: an option of the job ("output_dtype": "int8", …) asks for vectors of whole numbers, which
 *  come as lists of numbers: in base64 they could not be told from floats. */
bool byok_embeddings_are_floats(const struct byok_adapter_call *call) BYOK_NONNULL(1);

/** BYOK_E_BAD_ANSWER: the answer holds `what`; or what byok_kit_check_memory says when the arena
 *  failed on the way. */
enum byok_err byok_embeddings_refuse(const struct byok_adapter_call *call, struct byok_fault *fault,
                                     const char *what) BYOK_NONNULL(1, 3);

#endif
