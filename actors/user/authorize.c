/* SPDX-License-Identifier: MIT */
/* actors/user/authorize.c - see actors/user/authorize.h. */
#include "actors/user/authorize.h"

#include <inttypes.h>

#define FUTURE_MS ((int64_t)5 * 60 * 1000) /* how far a client's clock may be ahead */

/* A signature is good until its own time and the age limit have passed, and that must not be longer
 * than its request's id is known: after that the same command would be carried out once more. */
static int64_t future_ms(const struct byok_settings *settings)
{
    int64_t known_ms = settings->done_keep_ms - settings->envelope_max_age_ms;
    return known_ms < FUTURE_MS ? known_ms : FUTURE_MS;
}

static bool changes_keys(enum byok_request_type type)
{
    return byok_request_stores_key(type) || type == BYOK_REQUEST_KEY_DELETE;
}

static const struct byok_signer *find_signer(const struct byok_settings *settings,
                                             struct byok_str id)
{
    for (size_t i = 0; i < settings->signer_count; i++) {
        if (byok_str_is(id, settings->signers[i].id))
            return &settings->signers[i];
    }
    return NULL;
}

enum byok_err byok_authorize(const struct byok_env *env, const struct byok_request *request,
                             struct byok_fault *fault)
{
    const struct byok_settings *settings = env->settings;
    if (settings->signer_count == 0 || !changes_keys(request->type))
        return BYOK_E_OK;
    if (request->signature.value.len == 0)
        return byok_fault_set(fault, BYOK_E_UNAUTHORIZED,
                              "this worker takes changes of keys with a signature only: byok key "
                              "… --sign-with FILE");
    const struct byok_signer *signer = find_signer(settings, request->signature.signer);
    if (!signer)
        return byok_fault_set(fault, BYOK_E_UNAUTHORIZED,
                              "the command's signer is not in this worker's auth.signers");
    const struct byok_command_text text = byok_command_text_of(request);
    if (!byok_command_verify(signer, &text, request->signature.value))
        return byok_fault_set(fault, BYOK_E_UNAUTHORIZED,
                              "the signature is not signer %s's for this command", signer->id);
    int64_t now_ms = env->clock->ops->wall_ms(env->clock);
    if (text.at_wall_ms > now_ms + future_ms(settings))
        return byok_fault_set(fault, BYOK_E_UNAUTHORIZED,
                              "the signature comes from the future: check the clock of the client");
    if (text.at_wall_ms < now_ms - settings->envelope_max_age_ms)
        return byok_fault_set(fault, BYOK_E_UNAUTHORIZED,
                              "the signature is older than %" PRId64 " s: sign the command again",
                              settings->envelope_max_age_ms / 1000);
    return BYOK_E_OK;
}
