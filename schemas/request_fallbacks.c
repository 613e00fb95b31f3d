/* SPDX-License-Identifier: MIT */
/* schemas/request_fallbacks.c - the member "fallbacks" of a job: where it may go instead. */
#include "base/limits.h"
#include "schemas/request_parts.h"

/* "provider/model"; a model's name may hold further slashes, as those of routers do. */
static bool read_leg(struct byok_str text, struct byok_leg *out)
{
    size_t at = byok_str_find(text, byok_str_of("/"));
    if (at == SIZE_MAX || byok_has_controls(text))
        return false;
    *out = (struct byok_leg){.provider = {text.ptr, at},
                             .model = {text.ptr + at + 1, text.len - at - 1}};
    return at > 0 && at <= BYOK_PROVIDER_MAX && out->model.len > 0 &&
           out->model.len <= BYOK_MODEL_MAX;
}

enum byok_err byok_read_fallbacks(struct byok_arena *arena, struct byok_request *out,
                                  struct byok_fault *fault)
{
    const struct byok_value *list = byok_value_find(&out->root, "fallbacks");
    if (!list || list->count == 0)
        return BYOK_E_OK;
    if (list->count > BYOK_FALLBACKS_MAX)
        return byok_fault_set(fault, BYOK_E_BAD_MESSAGE,
                              "member \"fallbacks\": must have at most %d items",
                              BYOK_FALLBACKS_MAX);
    struct byok_leg *legs = byok_arena_alloc(arena, list->count * sizeof *legs);
    if (!legs)
        return BYOK_E_NOMEM;
    for (uint32_t i = 0; i < list->count; i++) {
        if (!read_leg(byok_value_as_str(&list->as.items[i]), &legs[i]))
            return byok_fault_set(fault, BYOK_E_BAD_MESSAGE,
                                  "member \"fallbacks\", item %u: must be a text "
                                  "\"provider/model\" of at most %d and %d bytes",
                                  i, BYOK_PROVIDER_MAX, BYOK_MODEL_MAX);
    }
    out->fallbacks = legs;
    out->fallback_count = list->count;
    return BYOK_E_OK;
}
