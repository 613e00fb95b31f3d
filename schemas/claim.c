/* SPDX-License-Identifier: MIT */
/* schemas/claim.c - the CLAIM record, as bytes and back. */
#include <string.h>

#include "schemas/codec.h"
#include "schemas/state.h"
#include "schemas/value.h"

#define CLAIM_ARENA_BYTES ((size_t)16384) /* seven members, and some of a later version */

enum byok_err byok_claim_record_encode(const struct byok_claim_record *record, struct byok_buf *out)
{
    /* one for each call: no arena; the last stands there when it says something */
    struct byok_member members[] = {
        {BYOK_STR("claimed_ms"), byok_value_int(record->claimed_wall_ms)},
        {BYOK_STR("deadline_ms"), byok_value_int(record->deadline_wall_ms)},
        {BYOK_STR("attempt"), byok_value_int(record->attempt)},
        {BYOK_STR("provider"), byok_value_text(record->provider)},
        {BYOK_STR("owner"), byok_value_text(record->owner)},
        {BYOK_STR("nonce"), byok_value_int(record->nonce)},
        {BYOK_STR("leg"), byok_value_int(record->leg)},
    };
    struct byok_value map = byok_value_map();
    map.as.members = members;
    map.count = sizeof members / sizeof members[0] - (record->leg == 0);
    return byok_encode(BYOK_MSGPACK, &map, out);
}

static bool get_text(const struct byok_value *map, const char *name, char *out, size_t max)
{
    struct byok_str text = byok_value_as_str(byok_value_find(map, name));
    if (text.len == 0 || text.len > max)
        return false;
    memcpy(out, text.ptr, text.len);
    out[text.len] = '\0';
    return true;
}

enum byok_err byok_claim_record_decode(struct byok_str bytes, struct byok_claim_record *out)
{
    BYOK_AUTO(byok_arena) arena = {.cap_bytes = CLAIM_ARENA_BYTES};
    struct byok_value map;
    struct byok_claim_record record = {0};
    enum byok_err err = byok_decode(&arena, BYOK_MSGPACK, bytes, &map, NULL);
    if (err != BYOK_E_OK)
        return err;
    if (!byok_value_as_int(byok_value_find(&map, "claimed_ms"), &record.claimed_wall_ms) ||
        !byok_value_as_int(byok_value_find(&map, "deadline_ms"), &record.deadline_wall_ms) ||
        !byok_value_as_int(byok_value_find(&map, "attempt"), &record.attempt) ||
        !get_text(&map, "provider", record.provider, BYOK_PROVIDER_MAX) ||
        !get_text(&map, "owner", record.owner, BYOK_CLAIM_OWNER_MAX) || record.attempt < 1 ||
        record.attempt > UINT32_MAX)
        return BYOK_E_BAD_MESSAGE;
    const struct byok_value *nonce = byok_value_find(&map, "nonce"); /* older ones have none */
    if (nonce && !byok_value_as_int(nonce, &record.nonce))
        return BYOK_E_BAD_MESSAGE;
    const struct byok_value *leg = byok_value_find(&map, "leg");
    if (leg &&
        (!byok_value_as_int(leg, &record.leg) || record.leg < 0 || record.leg > BYOK_FALLBACKS_MAX))
        return BYOK_E_BAD_MESSAGE;
    *out = record;
    return BYOK_E_OK;
}
