/* SPDX-License-Identifier: MIT */
/* worker/config_signers.c - the public keys of auth.signers, read and checked. */
#include "worker/config_parts.h"

#include "vault_rocks/sign.h"

enum byok_err byok_config_read_signers(struct byok_config *config, struct byok_fault *fault)
{
    size_t count = config->auth.signers.count;
    if (count == 0)
        return BYOK_E_OK;
    config->auth.keys = byok_arena_alloc(&config->arena, count * sizeof *config->auth.keys);
    if (!config->auth.keys)
        return byok_fault_set(fault, BYOK_E_NOMEM, "no memory for the settings");
    for (size_t i = 0; i < count; i++) {
        const struct byok_config_signer *signer = &config->auth.signers.items[i];
        if (signer->name[0] == '\0')
            return byok_fault_set(fault, BYOK_E_CONFIG, "auth.signers[%zu].name is missing", i);
        if (!byok_signer_of_text(byok_str_of(signer->public_key), &config->auth.keys[i]))
            return byok_fault_set(fault, BYOK_E_CONFIG,
                                  "auth.signers[%zu].public_key must be 44 base64 characters, as "
                                  "`byok signer new FILE` prints them",
                                  i);
    }
    return BYOK_E_OK;
}
