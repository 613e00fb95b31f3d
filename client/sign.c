/* SPDX-License-Identifier: MIT */
/* client/sign.c - see client/sign.h. */
#include "client/sign.h"

#include <sodium.h>

#include "base/mem.h"

#define SEED_ID 1 /* of the ring that holds the seed */

struct byok_sign {
    struct byok_keyring *ring; /* guarded memory that is read-only */
    struct byok_signer signer;
};

enum byok_err byok_sign_open(const char *path, struct byok_sign **out, struct byok_fault *fault)
{
    if (sodium_init() < 0)
        return byok_fault_set(fault, BYOK_E_CONFIG, "libsodium cannot be initialised");
    struct byok_sign *sign = byok_new(1, sizeof *sign);
    if (!sign)
        return byok_fault_set(fault, BYOK_E_NOMEM, "no memory for a signing key");
    enum byok_err err = byok_keyring_new(&sign->ring, fault);
    if (err == BYOK_E_OK)
        err = byok_keyring_add_file(sign->ring, SEED_ID, path, fault);
    if (err != BYOK_E_OK) {
        byok_sign_close(sign);
        return err;
    }
    byok_signer_of_seed(byok_keyring_find(sign->ring, SEED_ID), &sign->signer);
    *out = sign;
    return BYOK_E_OK;
}

void byok_sign_close(struct byok_sign *sign)
{
    if (sign)
        byok_keyring_free(sign->ring);
    byok_delete(sign);
}

const struct byok_signer *byok_sign_signer(const struct byok_sign *sign)
{
    return &sign->signer;
}

static struct byok_str text_of(const struct byok_value *tree, const char *name)
{
    return byok_value_as_str(byok_value_find(tree, name));
}

static bool is_true(const struct byok_value *value)
{
    return byok_value_is(value, BYOK_VALUE_BOOL) && value->as.boolean;
}

enum byok_err byok_sign_request(const struct byok_sign *sign, struct byok_arena *arena,
                                struct byok_value *tree, struct byok_fault *fault)
{
    const struct byok_value *envelope = byok_value_find(tree, "envelope");
    struct byok_command_text text = {
        .type = text_of(tree, "type"),
        .id = text_of(tree, "id"),
        .user = text_of(tree, "user"),
        .provider = text_of(tree, "provider"),
        .label = text_of(tree, "key_label"),
        .at_wall_ms = byok_wall_ms(),
        .dry_run = is_true(byok_value_find(tree, "dry_run")),
        .envelope = envelope ? envelope->as.str : (struct byok_str){"", 0},
    };
    uint8_t bytes[BYOK_SIGNATURE_BYTES];
    (void)byok_value_as_int(byok_value_find(tree, "expires_ms"), &text.expires_wall_ms);
    enum byok_err err = byok_command_sign(byok_keyring_find(sign->ring, SEED_ID), &text, bytes);
    if (err != BYOK_E_OK)
        return byok_fault_set(fault, err, "the command cannot be signed: %s",
                              byok_err_meaning(err));
    struct byok_str value =
        byok_arena_copy(arena, (struct byok_str){(const char *)bytes, sizeof bytes});
    struct byok_value map = byok_value_map();
    byok_value_set_str(arena, &map, "signer", byok_str_of(sign->signer.id));
    byok_value_set(arena, &map, "at_ms", byok_value_int(text.at_wall_ms));
    byok_value_set(arena, &map, "value", byok_value_bytes(value));
    byok_value_set(arena, tree, "signature", map);
    return BYOK_E_OK;
}
