/* SPDX-License-Identifier: MIT */
/* vault_rocks/sign.c - see vault_rocks/sign.h. */
#include "vault_rocks/sign.h"

#include <string.h>

#include <sodium.h>

#include "base/limits.h"
#include "vault_rocks/guard.h"
#include "vault_rocks/wire.h"

static const char context[] = "byok command v1"; /* with its NUL */

#define ENVELOPE_MAX ((size_t)4096) /* names and key at their limits are below 2 KiB */
#define TEXT_MAX                                                                                   \
    (sizeof context + (size_t)2 + 32 + (size_t)2 + BYOK_ID_MAX + (size_t)2 + BYOK_USER_MAX +       \
     (size_t)2 + BYOK_PROVIDER_MAX + (size_t)2 + BYOK_LABEL_MAX + 8 + 8 + 1 + (size_t)2 +          \
     ENVELOPE_MAX)

struct text {
    uint8_t bytes[TEXT_MAX];
    size_t len;
};

static bool write_text(const struct byok_command_text *command, struct text *out)
{
    struct byok_writer writer = {out->bytes, out->bytes + sizeof out->bytes, false};
    byok_put(&writer, context, sizeof context);
    byok_put_text(&writer, command->type);
    byok_put_text(&writer, command->id);
    byok_put_text(&writer, command->user);
    byok_put_text(&writer, command->provider);
    byok_put_text(&writer, command->label);
    byok_put_uint(&writer, (uint64_t)command->at_wall_ms, 8);
    byok_put_uint(&writer, (uint64_t)command->expires_wall_ms, 8);
    byok_put_uint(&writer, command->dry_run, 1);
    byok_put_text(&writer, command->envelope);
    out->len = (size_t)(writer.at - out->bytes);
    return !writer.failed;
}

static void name_signer(struct byok_signer *signer)
{
    uint8_t hash[crypto_generichash_BYTES];
    crypto_generichash(hash, sizeof hash, signer->public_key, sizeof signer->public_key, NULL, 0);
    sodium_bin2hex(signer->id, sizeof signer->id, hash, BYOK_SIGNER_ID_CHARS / 2);
}

void byok_signer_of_seed(const uint8_t seed[static BYOK_SIGNER_SEED_BYTES], struct byok_signer *out)
{
    uint8_t secret[crypto_sign_SECRETKEYBYTES];
    crypto_sign_seed_keypair(out->public_key, secret, seed);
    sodium_memzero(secret, sizeof secret);
    name_signer(out);
}

bool byok_signer_of_text(struct byok_str base64, struct byok_signer *out)
{
    size_t len = 0;
    const char *end = NULL;
    if (sodium_base642bin(out->public_key, sizeof out->public_key, base64.ptr, base64.len, NULL,
                          &len, &end, sodium_base64_VARIANT_ORIGINAL) != 0 ||
        len != sizeof out->public_key || end != base64.ptr + base64.len ||
        crypto_core_ed25519_is_valid_point(out->public_key) != 1)
        return false;
    name_signer(out);
    return true;
}

enum byok_err byok_command_sign(const uint8_t seed[static BYOK_SIGNER_SEED_BYTES],
                                const struct byok_command_text *command,
                                uint8_t out[static BYOK_SIGNATURE_BYTES])
{
    struct text text;
    uint8_t public_key[BYOK_SIGNER_PUBLIC_BYTES];
    if (!write_text(command, &text))
        return BYOK_E_BAD_REQUEST;
    uint8_t *secret = byok_guard_new(crypto_sign_SECRETKEYBYTES, "a signing key", NULL);
    if (!secret)
        return BYOK_E_NOMEM;
    crypto_sign_seed_keypair(public_key, secret, seed);
    crypto_sign_detached(out, NULL, text.bytes, text.len, secret);
    byok_guard_free(secret);
    return BYOK_E_OK;
}

bool byok_command_verify(const struct byok_signer *signer, const struct byok_command_text *command,
                         struct byok_str signature)
{
    struct text text;
    return signature.len == BYOK_SIGNATURE_BYTES && write_text(command, &text) &&
           crypto_sign_verify_detached((const uint8_t *)signature.ptr, text.bytes, text.len,
                                       signer->public_key) == 0;
}

struct byok_command_text byok_command_text_of(const struct byok_request *request)
{
    return (struct byok_command_text){
        .type = byok_str_of(byok_request_type_name(request->type)),
        .id = request->id,
        .user = request->user,
        .provider = request->provider,
        .label = request->label,
        .at_wall_ms = request->signature.at_wall_ms,
        .expires_wall_ms = request->expires_wall_ms,
        .dry_run = request->dry_run,
        .envelope = request->envelope,
    };
}
