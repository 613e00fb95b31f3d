/* SPDX-License-Identifier: MIT */
/* client/vault_key.c - see client/vault_key.h. */
#include "client/vault_key.h"

#include <stdlib.h>
#include <string.h>

#include <sodium.h>

#include "client/file.h"
#include "schemas/codec.h"

#define FILE_BYTES_MAX 4096

bool byok_vault_key_given(const char *given)
{
    const char *set = getenv(BYOK_VAULT_KEY_ENV);
    return (given && *given) || (set && *set);
}

enum byok_err byok_vault_key_find(struct byok_arena *arena, const char *given,
                                  struct byok_vault_key *out, struct byok_fault *fault)
{
    if (!byok_vault_key_given(given))
        return byok_fault_set(fault, BYOK_E_CONFIG,
                              "the vault's public key is not known: give --vault-key BASE64 or "
                              "@FILE, or set " BYOK_VAULT_KEY_ENV "; the operator of byokd has it");
    const char *text = given && *given ? given : getenv(BYOK_VAULT_KEY_ENV);
    struct byok_str base64 = byok_str_of(text), bytes;
    if (text[0] == '@') {
        enum byok_err err = byok_file_read(arena, text + 1, -1, FILE_BYTES_MAX, &base64, fault);
        if (err != BYOK_E_OK)
            return byok_fault_set(fault, BYOK_E_CONFIG,
                                  "the vault's public key: the file '%.200s' cannot be read",
                                  text + 1);
    }
    if (!byok_base64_decode(arena, byok_str_trim(base64), &bytes) || bytes.len != sizeof out->bytes)
        return byok_fault_set(fault, BYOK_E_CONFIG,
                              "the vault's public key must be 32 bytes in base64, which is 44 "
                              "characters; %zu characters were found",
                              byok_str_trim(base64).len);
    memcpy(out->bytes, bytes.ptr, sizeof out->bytes);
    uint8_t id[BYOK_VAULT_KEY_ID_BYTES];
    byok_vault_key_id(out->bytes, id);
    sodium_bin2hex(out->id, sizeof out->id, id, sizeof id);
    return BYOK_E_OK;
}
