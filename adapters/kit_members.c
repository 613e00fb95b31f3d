/* SPDX-License-Identifier: MIT */
/* adapters/kit_members.c - the members that a job's schema defines, so that none is dropped
 * silently.
 *
 * A test compares the lists with schemas/request.schema.json.
 */
#include <assert.h>
#include <string.h>

#include "adapters/kit.h"

static const char *const chat[] = {
    "prompt", "messages", "system",      "max_tokens",      "temperature", "top_p", "stop",
    "seed",   "tools",    "tool_choice", "response_format", "api",         NULL,
};
static const char *const text_to_speech[] = {
    "text", "voice", "format", "speed", "language", "instructions", NULL,
};
static const char *const speech_to_text[] = {
    "audio", "media_type", "language", "prompt", "timestamps", "diarize", NULL,
};
static const char *const image_generation[] = {
    "prompt", "size", "quality", "count", "format", "background", NULL,
};
static const char *const embeddings[] = {"input", "dimensions", "input_type", NULL};

static const char *const *const members[BYOK_CAPABILITY_COUNT] = {
    [BYOK_CHAT] = chat,
    [BYOK_TEXT_TO_SPEECH] = text_to_speech,
    [BYOK_SPEECH_TO_TEXT] = speech_to_text,
    [BYOK_IMAGE_GENERATION] = image_generation,
    [BYOK_EMBEDDINGS] = embeddings,
};

const char *const *byok_kit_members(enum byok_capability capability)
{
    assert(capability < BYOK_CAPABILITY_COUNT);
    return members[capability];
}

const struct byok_value *byok_kit_member(const struct byok_adapter_call *call, const char *name)
{
    const struct byok_value *value = byok_value_find(&call->request->root, name);
    if (!value || value->type == BYOK_VALUE_NULL)
        return NULL;
    return value->type == BYOK_VALUE_STRING && value->as.str.len == 0 ? NULL : value;
}

static bool holds(const char *const *names, const char *name)
{
    for (; *names; names++) {
        if (strcmp(*names, name) == 0)
            return true;
    }
    return false;
}

enum byok_err byok_kit_check_members(const struct byok_adapter_call *call, const char *const *known,
                                     struct byok_fault *fault)
{
    for (const char *const *name = byok_kit_members(call->request->capability); *name; name++) {
        if (byok_kit_member(call, *name) && !holds(known, *name))
            return byok_fault_set(
                fault, BYOK_E_UNSUPPORTED, "provider \"%s\" has no \"%s\" for %s: leave it out",
                call->provider->name, *name, byok_capability_name(call->request->capability));
    }
    return BYOK_E_OK;
}
