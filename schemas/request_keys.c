/* SPDX-License-Identifier: MIT */
/* schemas/request_keys.c - the members of key commands: envelope, expiry, signature. */
#include "base/limits.h"
#include "schemas/request_parts.h"

#define COUNT(table) (sizeof(table) / sizeof(table)[0])

static const struct byok_rule register_rules[] = {
    {"envelope", BYOK_ACCEPT_BINARY, true},
    {"expires_ms", BYOK_ACCEPT_POSITIVE, false},
    {"dry_run", BYOK_ACCEPT_BOOL, false},
};

static const struct byok_rule command_rules[] = {
    {"signature", BYOK_ACCEPT_MAP, false},
};

static const struct byok_rule signature_rules[] = {
    {"signer", BYOK_ACCEPT_FILLED, true},
    {"at_ms", BYOK_ACCEPT_POSITIVE, true},
    {"value", BYOK_ACCEPT_BINARY, true},
};

static struct byok_value *own_member(struct byok_value *map, const char *name)
{
    for (uint32_t i = 0; i < map->count; i++) {
        if (byok_str_is(map->as.members[i].name, name))
            return &map->as.members[i].value;
    }
    return NULL;
}

static enum byok_err read_signature(struct byok_arena *arena, struct byok_request *out,
                                    struct byok_fault *fault)
{
    struct byok_value *signature = own_member(&out->root, "signature");
    if (!signature)
        return BYOK_E_OK;
    struct byok_fault why = {0};
    enum byok_err err =
        byok_check_rules(arena, signature, signature_rules, COUNT(signature_rules), &why);
    if (err != BYOK_E_OK)
        return byok_fault_set(fault, err, "in \"signature\": %s", why.text);
    out->signature.signer = byok_value_find(signature, "signer")->as.str;
    out->signature.value = byok_value_find(signature, "value")->as.str;
    (void)byok_value_as_int(byok_value_find(signature, "at_ms"), &out->signature.at_wall_ms);
    return BYOK_E_OK;
}

static enum byok_err read_register(struct byok_arena *arena, struct byok_request *out,
                                   struct byok_fault *fault)
{
    enum byok_err err =
        byok_check_rules(arena, &out->root, register_rules, COUNT(register_rules), fault);
    if (err != BYOK_E_OK)
        return err;
    const struct byok_value *dry_run = byok_value_find(&out->root, "dry_run");
    out->envelope = byok_value_find(&out->root, "envelope")->as.str;
    out->dry_run = byok_value_is(dry_run, BYOK_VALUE_BOOL) && dry_run->as.boolean;
    (void)byok_value_as_int(byok_value_find(&out->root, "expires_ms"), &out->expires_wall_ms);
    return BYOK_E_OK;
}

enum byok_err byok_read_key_command(struct byok_arena *arena, struct byok_request *out,
                                    struct byok_fault *fault)
{
    if (out->provider.len == 0)
        return byok_refuse_member(fault, "provider", "is missing");
    enum byok_err err =
        byok_check_rules(arena, &out->root, command_rules, COUNT(command_rules), fault);
    if (err == BYOK_E_OK)
        err = read_signature(arena, out, fault);
    if (err == BYOK_E_OK && byok_request_stores_key(out->type))
        err = read_register(arena, out, fault);
    return err;
}
