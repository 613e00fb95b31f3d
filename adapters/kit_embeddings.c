/* SPDX-License-Identifier: MIT */
/* adapters/kit_embeddings.c - see adapters/kit_embeddings.h. */
#include "adapters/kit_embeddings.h"

uint32_t byok_embeddings_inputs(const struct byok_adapter_call *call)
{
    const struct byok_value *input = byok_kit_member(call, "input");
    return byok_value_is(input, BYOK_VALUE_ARRAY) ? input->count : (uint32_t)(input != NULL);
}

enum byok_err byok_embeddings_check_inputs(const struct byok_adapter_call *call, uint32_t most,
                                           struct byok_fault *fault)
{
    const uint32_t count = byok_embeddings_inputs(call);
    if (byok_kit_member(call, "input") && count <= most)
        return BYOK_E_OK;
    return byok_fault_set(fault, BYOK_E_BAD_REQUEST,
                          "member \"input\": 1 to %u texts in one job, here are %u; split it", most,
                          count);
}

enum byok_err byok_embeddings_check_option(const struct byok_adapter_call *call, const char *option,
                                           struct byok_fault *fault)
{
    if (!byok_value_find(call->request->provider_options, option) ||
        !byok_kit_member(call, "dimensions"))
        return BYOK_E_OK;
    return byok_fault_set(fault, BYOK_E_BAD_REQUEST,
                          "provider_options \"%s\" and member \"dimensions\" are the same: leave "
                          "one out",
                          option);
}

int64_t byok_embeddings_wanted(const struct byok_adapter_call *call, const char *option)
{
    int64_t wanted = 0;
    if (!byok_value_find(call->request->provider_options, option))
        (void)byok_value_as_int(byok_kit_member(call, "dimensions"), &wanted);
    return wanted;
}

bool byok_embeddings_are_floats(const struct byok_adapter_call *call)
{
    struct byok_str type =
        byok_value_as_str(byok_value_find(call->request->provider_options, "output_dtype"));
    return type.len == 0 || byok_str_is(type, "float");
}

enum byok_err byok_embeddings_refuse(const struct byok_adapter_call *call, struct byok_fault *fault,
                                     const char *what)
{
    if (byok_arena_failed(call->arena))
        return byok_kit_check_memory(call, fault);
    return byok_fault_set(fault, BYOK_E_BAD_ANSWER, "the answer of provider \"%s\" holds %s",
                          call->provider->name, what);
}
