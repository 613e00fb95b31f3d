/* SPDX-License-Identifier: MIT */
/* client/key_request.c - what a key's command sends: the sealed key, and the request around it. */
#include "client/key_parts.h"

#include <string.h>

enum byok_err byok_key_seal(struct byok_arena *arena, const struct byok_key_flags *flags,
                            const char *user, const struct byok_vault_key *vault,
                            const struct byok_slot *slot, struct byok_str *out,
                            struct byok_fault *fault)
{
    const struct byok_envelope what = {
        .owner = {byok_str_of(user), byok_str_of(flags->provider), byok_str_of(flags->label)},
        .origin = byok_str_of(flags->origin),
        .issued_wall_ms = byok_wall_ms(),
    };
    return byok_envelope_seal(vault->bytes, &what, (struct byok_str){slot->key, slot->len}, arena,
                              out, fault);
}

enum byok_err byok_key_request(struct byok_arena *arena, const struct byok_key_flags *flags,
                               const char *user, const char *type, struct byok_str envelope,
                               struct byok_job *out, struct byok_fault *fault)
{
    enum byok_format format;
    struct byok_value tree = byok_value_map();
    const bool configures = strcmp(type, "user.configure") == 0;
    if (!byok_format_read(flags->format, &format))
        return byok_fault_set(fault, BYOK_E_BAD_REQUEST, "--format is json or msgpack");
    char id[BYOK_REQUEST_ID_BYTES];
    byok_new_id(id);
    byok_value_set_str(arena, &tree, "id",
                       byok_arena_copy(arena, byok_str_of(flags->id ? flags->id : id)));
    byok_value_set(arena, &tree, "user", byok_value_text(user));
    byok_value_set(arena, &tree, "type", byok_value_text(type));
    if (configures) {
        struct byok_value keys = byok_value_map();
        byok_value_set(arena, &keys, flags->provider, byok_value_text(flags->label));
        byok_value_set(arena, &tree, "default_keys", keys);
    } else {
        byok_value_set(arena, &tree, "provider", byok_value_text(flags->provider));
        byok_value_set_str(arena, &tree, "key_label", byok_str_of(flags->label));
    }
    if (envelope.len > 0)
        byok_value_set(arena, &tree, "envelope", byok_value_bytes(envelope));
    if (envelope.len > 0 && flags->dry_run)
        byok_value_set(arena, &tree, "dry_run", byok_value_bool(true));
    if (envelope.len > 0 && flags->expires_ms >= 0)
        byok_value_set(arena, &tree, "expires_ms",
                       byok_value_int(byok_wall_ms() + flags->expires_ms));
    if (flags->sign && !configures) {
        enum byok_err err = byok_sign_request(flags->sign, arena, &tree, fault);
        if (err != BYOK_E_OK)
            return err;
    }
    return byok_job_finish(arena, &tree, format, out, fault);
}
