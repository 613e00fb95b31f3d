/* SPDX-License-Identifier: MIT */
/* adapters/kit_fault.h - the fault of an answer that is an error.  Pure; any thread. */
#ifndef BYOK_ADAPTERS_KIT_FAULT_H
#define BYOK_ADAPTERS_KIT_FAULT_H

#include "adapters/kit.h"

/** What the message of an error says it says at its beginning; the rest is not searched. */
#define BYOK_KIT_MESSAGE_MAX ((size_t)4096)

/** The body of an error as a tree; false: it is none (HTML, text, cut, nothing). */
bool byok_kit_error_tree(const struct byok_adapter_call *call,
                         const struct byok_http_response *response, struct byok_value *root)
    BYOK_NONNULL(1, 2, 3);

/** The first line of a body that is neither JSON nor HTML; else the empty slice. */
struct byok_str byok_kit_plain_message(const struct byok_http_response *response) BYOK_NONNULL(1);

/** Fill `out`: the code, the provider's message (empty: one made from the status and the code), the
 *  status, and the wait that the headers name, where waiting helps. */
void byok_kit_fault(const struct byok_adapter_call *call, const struct byok_http_response *response,
                    enum byok_err code, struct byok_str message, struct byok_fault *out)
    BYOK_NONNULL(1, 2, 5);

#endif
