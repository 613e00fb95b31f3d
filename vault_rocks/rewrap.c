/* SPDX-License-Identifier: MIT */
/* vault_rocks/rewrap.c - see vault_rocks/rewrap.h. */
#include "vault_rocks/rewrap.h"

#include <string.h>

#include <sodium.h>

#include "vault_rocks/vault_inner.h"

/* The walk of one step. */
struct walk {
    struct byok_vault *vault;
    struct byok_rewrap_step *step;
    struct byok_arena *arena;
    uint32_t primary;
    enum byok_err err;
};

static struct byok_str copy(struct walk *walk, struct byok_str text)
{
    return text.len > 0 ? byok_arena_copy(walk->arena, text) : (struct byok_str){"", 0};
}

static void note_stuck(struct walk *walk, const struct byok_owner *owner, uint32_t id)
{
    struct byok_rewrap_step *step = walk->step;
    size_t i = step->stuck_count++;
    if (i >= BYOK_REWRAP_STUCK_MAX)
        return;
    step->stuck[i] = (struct byok_rewrap_stuck){
        .user = copy(walk, owner->user),
        .provider = copy(walk, owner->provider),
        .label = copy(walk, owner->label),
        .master_key_id = id,
        .missing = id != 0 && !byok_keyring_find(byok_vault_ring(walk->vault), id),
    };
}

/* Out of the old seal and into the new one, through the vault's own slot. */
static enum byok_err seal_anew(struct walk *walk, const struct byok_owner *owner,
                               struct byok_str record, struct byok_str *out)
{
    const struct byok_keyring *ring = byok_vault_ring(walk->vault);
    struct byok_slot *slot = byok_vault_own_slot(walk->vault);
    struct byok_key_info info;
    enum byok_err err = byok_seal_open(ring, owner, record, slot, &info, NULL);
    if (err == BYOK_E_OK)
        err = byok_seal(ring, owner, &info, 0, slot, walk->arena, out);
    sodium_memzero(slot, sizeof *slot);
    return err;
}

static void rewrap_one(struct walk *walk, struct byok_str key, struct byok_str record)
{
    struct byok_rewrap_step *step = walk->step;
    struct byok_owner owner = {0};
    struct byok_key_info info = {0};
    if (!byok_vault_record_owner(key, &owner) || byok_seal_inspect(record, &info) != BYOK_E_OK) {
        note_stuck(walk, &owner, 0);
        return;
    }
    if (info.master_key_id == walk->primary)
        return;
    struct byok_str fresh;
    enum byok_err err = seal_anew(walk, &owner, record, &fresh);
    if (err == BYOK_E_NOMEM)
        walk->err = err;
    else if (err != BYOK_E_OK)
        note_stuck(walk, &owner, info.master_key_id);
    else
        step->writes[step->count++] =
            (struct byok_write){.key = byok_arena_copy(walk->arena, key), .value = fresh};
}

static bool on_record(void *arg, struct byok_str key, struct byok_str record)
{
    struct walk *walk = arg;
    struct byok_rewrap_step *step = walk->step;
    rewrap_one(walk, key, record);
    if (byok_arena_failed(walk->arena))
        walk->err = BYOK_E_NOMEM;
    step->looked++;
    bool more = walk->err == BYOK_E_OK && step->count < BYOK_REWRAP_CHANGE_MAX &&
                step->looked < BYOK_REWRAP_LOOK_MAX;
    if (!more) {
        step->last = byok_arena_copy(walk->arena, key);
        step->end = false;
    }
    return more;
}

enum byok_err byok_vault_rewrap(struct byok_vault *vault, int32_t partition,
                                struct byok_rewrap_step *step, struct byok_arena *arena,
                                struct byok_fault *fault)
{
    struct byok_store *store = byok_vault_store(vault);
    struct walk walk = {vault, step, arena, byok_keyring_primary(byok_vault_ring(vault)),
                        BYOK_E_OK};
    step->count = step->stuck_count = step->looked = 0;
    step->last = (struct byok_str){NULL, 0};
    step->end = true;
    enum byok_err err =
        store->ops->scan_after(store, partition, step->after, on_record, &walk, fault);
    if (err == BYOK_E_OK && (walk.err != BYOK_E_OK || byok_arena_failed(arena)))
        err = byok_fault_set(fault, BYOK_E_NOMEM, "no memory to seal records anew");
    return err;
}
