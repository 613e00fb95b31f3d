/* SPDX-License-Identifier: MIT */
/* adapters/error_table.h - what an error answer means, by a provider's table of words.
 *
 * The provider's own word goes before what its message says, and that before the status.
 * Pure; any thread.
 */
#ifndef BYOK_ADAPTERS_ERROR_TABLE_H
#define BYOK_ADAPTERS_ERROR_TABLE_H

#include "adapters/adapter.h"

struct byok_error_rule {
    int status; /* 0: any */
    const char *word;
    enum byok_err code;
};

/* Every list ends with a NULL (of `word` in a rule). */
struct byok_error_table {
    const char *const *codes;    /* dotted paths to the provider's word; the first text counts */
    const char *const *messages; /* the same to its message; of a list the first item's "msg" */
    const struct byok_error_rule *words;   /* the whole word, in any case */
    const struct byok_error_rule *phrases; /* a part of the message, in any case */
};

/** Fill all of `out` from an answer that is not 2xx, whatever its body is. */
void byok_error_classify(const struct byok_adapter_call *call,
                         const struct byok_http_response *response,
                         const struct byok_error_table *table, struct byok_fault *out)
    BYOK_NONNULL(1, 2, 3, 4);

#endif
