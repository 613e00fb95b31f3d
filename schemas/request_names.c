/* SPDX-License-Identifier: MIT */
/* schemas/request_names.c - what capabilities and requests are called on the wire, and what no name
 * may hold. */
#include "schemas/request.h"

#include <assert.h>
#include <stddef.h>

#include "schemas/request_parts.h"

static const char *const capability_names[BYOK_CAPABILITY_COUNT] = {
    [BYOK_CHAT] = "chat",
    [BYOK_TEXT_TO_SPEECH] = "text_to_speech",
    [BYOK_SPEECH_TO_TEXT] = "speech_to_text",
    [BYOK_IMAGE_GENERATION] = "image_generation",
    [BYOK_EMBEDDINGS] = "embeddings",
};

static const char *const type_names[BYOK_REQUEST_TYPE_COUNT] = {
    [BYOK_REQUEST_JOB] = "job",
    [BYOK_REQUEST_KEY_REGISTER] = "key.register",
    [BYOK_REQUEST_KEY_ROTATE] = "key.rotate",
    [BYOK_REQUEST_KEY_CHECK] = "key.check",
    [BYOK_REQUEST_KEY_DELETE] = "key.delete",
    [BYOK_REQUEST_USER_CONFIGURE] = "user.configure",
    [BYOK_REQUEST_JOB_CANCEL] = "job.cancel",
};

const char *byok_capability_name(enum byok_capability capability)
{
    assert(capability < BYOK_CAPABILITY_COUNT);
    return capability_names[capability];
}

bool byok_capability_of(struct byok_str name, enum byok_capability *out)
{
    for (size_t i = 0; i < BYOK_CAPABILITY_COUNT; i++) {
        if (byok_str_is(name, capability_names[i])) {
            *out = (enum byok_capability)i;
            return true;
        }
    }
    return false;
}

const char *byok_request_type_name(enum byok_request_type type)
{
    assert(type < BYOK_REQUEST_TYPE_COUNT);
    return type_names[type];
}

bool byok_request_stores_key(enum byok_request_type type)
{
    return type == BYOK_REQUEST_KEY_REGISTER || type == BYOK_REQUEST_KEY_ROTATE;
}

bool byok_request_type_of(struct byok_str name, enum byok_request_type *out)
{
    for (size_t i = 0; i < BYOK_REQUEST_TYPE_COUNT; i++) {
        if (byok_str_is(name, type_names[i])) {
            *out = (enum byok_request_type)i;
            return true;
        }
    }
    return false;
}

bool byok_has_controls(struct byok_str text)
{
    for (size_t i = 0; i < text.len; i++) {
        if ((unsigned char)text.ptr[i] < 0x20 || text.ptr[i] == 0x7F)
            return true;
    }
    return false;
}
