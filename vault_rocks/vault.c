/* SPDX-License-Identifier: MIT */
/* vault_rocks/vault.c - see vault_rocks/vault.h; where ring, store and slots meet.
 *
 * Check values: beside the records, in BYOK_PARTITION_NONE, stands one sealed record for each
 * master key id that this data folder has seen.  They are written before byok_vault_new returns,
 * so before any record can be stored: a store without them is a new one.
 */
#include "vault_rocks/vault.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include <sodium.h>

#include "vault_rocks/guard.h"
#include "vault_rocks/vault_inner.h"

#define FUTURE_MS ((int64_t)5 * 60 * 1000) /* how far a client's clock may be ahead */
#define RECORD_BYTES_MAX ((size_t)2048)    /* of a sealed record: names and key at their limits */

static const char box_context[] = "byok envelope v1";
static const char check_prefix[] = "master-check/";
static const char check_text[] = "byok-master-key-check";

/* A key pair that envelopes are sealed for. */
struct box {
    uint8_t public_key[BYOK_VAULT_PUBLIC_KEY_BYTES];
    uint8_t secret_key[crypto_box_SECRETKEYBYTES];
};

/* All of it in guarded memory. */
struct byok_vault {
    const struct byok_keyring *ring;
    struct byok_store *store;
    struct byok_slots *slots;
    struct box boxes[BYOK_KEYRING_MAX]; /* in the ring's order: the primary's is the first */
    uint32_t box_count;
    struct byok_slot own; /* for check values and verifying: a restore waits for no lease */
};

static void derive_boxes(struct byok_vault *vault)
{
    uint32_t id;
    while ((id = byok_keyring_id(vault->ring, vault->box_count)) != 0) {
        uint8_t seed[crypto_box_SEEDBYTES];
        struct box *box = &vault->boxes[vault->box_count++];
        crypto_generichash(seed, sizeof seed, (const uint8_t *)box_context, sizeof box_context - 1,
                           byok_keyring_find(vault->ring, id), BYOK_MASTER_KEY_BYTES);
        crypto_box_seed_keypair(box->public_key, box->secret_key, seed);
        sodium_memzero(seed, sizeof seed);
    }
}

/* What the store holds under a key.  More bytes than any record has are given as an empty one,
 * which nobody can read: they are damage, and no lack of memory that could pass. */
static enum byok_err fetch(struct byok_vault *vault, int32_t partition, struct byok_str key,
                           struct byok_arena *arena, struct byok_str *out, struct byok_fault *fault)
{
    enum byok_err err = vault->store->ops->get(vault->store, partition, key, arena, out, fault);
    if (err != BYOK_E_NOMEM || !arena->overflow)
        return err;
    *out = (struct byok_str){"", 0};
    return BYOK_E_OK;
}

/* The store's key of a check value, and the owner it is sealed for. */
struct check_name {
    char key[32];
    struct byok_owner owner;
};

static void name_check(uint32_t id, struct check_name *out)
{
    snprintf(out->key, sizeof out->key, "%s%" PRIu32, check_prefix, id);
    out->owner = (struct byok_owner){byok_str_of("byokd"), byok_str_of("check"),
                                     byok_str_of(out->key + sizeof check_prefix - 1)};
}

/* `*found`: there is one, and it opens. */
static enum byok_err verify_check(struct byok_vault *vault, uint32_t id, bool *found,
                                  struct byok_fault *fault)
{
    struct check_name name;
    name_check(id, &name);
    BYOK_AUTO(byok_arena) arena = {0};
    byok_arena_init(&arena, 2 * RECORD_BYTES_MAX);
    struct byok_str record;
    enum byok_err err =
        fetch(vault, BYOK_PARTITION_NONE, byok_str_of(name.key), &arena, &record, fault);
    if (err)
        return err;
    *found = record.ptr != NULL;
    if (!*found)
        return BYOK_E_OK;
    struct byok_fault why;
    struct byok_key_info info;
    err = byok_seal_open(vault->ring, &name.owner, record, &vault->own, &info, &why);
    bool ok = !err && info.master_key_id == id &&
              byok_str_is((struct byok_str){vault->own.key, vault->own.len}, check_text);
    sodium_memzero(&vault->own, sizeof vault->own);
    if (!ok)
        return byok_fault_set(fault, BYOK_E_CONFIG,
                              "master key %" PRIu32 " is not the one this data folder was made "
                              "with: give the right key, or another data folder (nothing was "
                              "changed)",
                              id);
    return BYOK_E_OK;
}

/* Sealed by a ring of that key alone, since sealing is done with the primary. */
static enum byok_err write_check(struct byok_vault *vault, uint32_t id, struct byok_fault *fault)
{
    struct byok_keyring *alone = NULL;
    enum byok_err err = byok_keyring_new(&alone, fault);
    if (err)
        return err;
    struct byok_str master = {(const char *)byok_keyring_find(vault->ring, id),
                              BYOK_MASTER_KEY_BYTES};
    struct check_name name;
    name_check(id, &name);
    BYOK_AUTO(byok_arena) arena = {0};
    byok_arena_init(&arena, 2 * RECORD_BYTES_MAX);
    struct byok_str record;
    err = byok_keyring_add(alone, id, master, fault);
    if (!err)
        err = byok_slot_set(&vault->own, byok_str_of(check_text));
    if (!err) {
        err = byok_seal(alone, &name.owner, &(struct byok_key_info){0}, 0, &vault->own, &arena,
                        &record);
        sodium_memzero(&vault->own, sizeof vault->own);
        if (err)
            byok_fault_set(fault, err, "cannot seal the check value of master key %" PRIu32, id);
    }
    byok_keyring_free(alone);
    if (err)
        return err;
    struct byok_write write = {.key = byok_str_of(name.key), .value = record};
    return vault->store->ops->apply(vault->store, BYOK_PARTITION_NONE, &write, 1, -1, fault);
}

static bool note_check(void *arg, struct byok_str key, struct byok_str value)
{
    struct check_name *seen = arg;
    (void)value;
    if (key.len >= sizeof seen->key)
        return true; /* none of ours */
    memcpy(seen->key, key.ptr, key.len);
    seen->key[key.len] = '\0';
    return false;
}

/* No check value opened: the store is new, or was made with master keys the ring lacks. */
static enum byok_err must_be_new(struct byok_vault *vault, struct byok_fault *fault)
{
    struct check_name seen = {.key = ""};
    enum byok_err err = vault->store->ops->scan(
        vault->store, BYOK_PARTITION_NONE, byok_str_of(check_prefix), note_check, &seen, fault);
    if (!err && seen.key[0] != '\0')
        err = byok_fault_set(fault, BYOK_E_CONFIG,
                             "this data folder was made with master key %s, which is not in the "
                             "key ring: add it (a new one goes in front of it, not in its place)",
                             seen.key + sizeof check_prefix - 1);
    return err;
}

/* First all that are there are verified, then what is missing is written. */
static enum byok_err check_master_keys(struct byok_vault *vault, struct byok_fault *fault)
{
    bool found[BYOK_KEYRING_MAX] = {false}, any = false, all = true;
    for (uint32_t i = 0; i < vault->box_count; i++) {
        enum byok_err err = verify_check(vault, byok_keyring_id(vault->ring, i), &found[i], fault);
        if (err)
            return err;
        any = any || found[i];
        all = all && found[i];
    }
    if (all)
        return BYOK_E_OK;
    enum byok_err err = any ? BYOK_E_OK : must_be_new(vault, fault);
    for (uint32_t i = 0; !err && i < vault->box_count; i++) {
        if (!found[i])
            err = write_check(vault, byok_keyring_id(vault->ring, i), fault);
    }
    return err ? err : vault->store->ops->sync(vault->store, fault);
}

enum byok_err byok_vault_new(const struct byok_keyring *ring, struct byok_store *store,
                             struct byok_slots *slots, struct byok_vault **out,
                             struct byok_fault *fault)
{
    if (byok_keyring_primary(ring) == 0)
        return byok_fault_set(fault, BYOK_E_CONFIG, "no master key is configured");
    struct byok_fault why = {.code = BYOK_E_NOMEM};
    struct byok_vault *vault = byok_guard_new(sizeof *vault, "the vault", &why);
    if (!vault) {
        if (fault)
            *fault = why;
        return why.code;
    }
    vault->ring = ring;
    vault->store = store;
    vault->slots = slots;
    derive_boxes(vault);
    enum byok_err err = check_master_keys(vault, fault);
    if (err) {
        byok_vault_free(vault);
        return err;
    }
    *out = vault;
    return BYOK_E_OK;
}

void byok_vault_free(struct byok_vault *vault)
{
    byok_guard_free(vault);
}

void byok_vault_public_key(const struct byok_vault *vault,
                           uint8_t out[static BYOK_VAULT_PUBLIC_KEY_BYTES])
{
    memcpy(out, vault->boxes[0].public_key, BYOK_VAULT_PUBLIC_KEY_BYTES);
}

struct byok_str byok_vault_record_key(struct byok_arena *arena, const struct byok_owner *owner)
{
    if (!byok_owner_is_valid(owner))
        return (struct byok_str){NULL, 0};
    size_t len = owner->user.len + 1 + owner->provider.len + 1 + owner->label.len;
    char *key = byok_arena_alloc(arena, len + 1); /* zeroed: the NULs are there */
    if (!key)
        return (struct byok_str){NULL, 0};
    char *at = key;
    memcpy(at, owner->user.ptr, owner->user.len);
    at += owner->user.len + 1;
    memcpy(at, owner->provider.ptr, owner->provider.len);
    at += owner->provider.len + 1;
    if (owner->label.len > 0)
        memcpy(at, owner->label.ptr, owner->label.len);
    return (struct byok_str){key, len};
}

bool byok_vault_record_owner(struct byok_str key, struct byok_owner *out)
{
    if (key.len == 0)
        return false;
    const char *end = key.ptr + key.len;
    const char *first = memchr(key.ptr, '\0', key.len);
    const char *second = first ? memchr(first + 1, '\0', (size_t)(end - first - 1)) : NULL;
    if (!second)
        return false;
    out->user = (struct byok_str){key.ptr, (size_t)(first - key.ptr)};
    out->provider = (struct byok_str){first + 1, (size_t)(second - first - 1)};
    out->label = (struct byok_str){second + 1, (size_t)(end - second - 1)};
    return byok_owner_is_valid(out); /* a third NUL would be in the label */
}

/* The pair an envelope names, or the primary's, whose refusal then names both. */
static const struct box *find_box(const struct byok_vault *vault, struct byok_str envelope)
{
    for (uint32_t i = 0; i < vault->box_count && envelope.len > BYOK_VAULT_KEY_ID_BYTES; i++) {
        uint8_t id[BYOK_VAULT_KEY_ID_BYTES];
        byok_vault_key_id(vault->boxes[i].public_key, id);
        if (memcmp(envelope.ptr + 1, id, sizeof id) == 0)
            return &vault->boxes[i];
    }
    return &vault->boxes[0];
}

static enum byok_err check_binding(const struct byok_registration *registration,
                                   const struct byok_envelope *inside, struct byok_fault *fault)
{
    const struct byok_owner *want = &registration->owner, *have = &inside->owner;
    /* What it does name is not told: it may be another user's. */
    if (!byok_str_eq(want->user, have->user) || !byok_str_eq(want->provider, have->provider) ||
        !byok_str_eq(want->label, have->label))
        return byok_fault_set(fault, BYOK_E_BAD_ENVELOPE,
                              "the envelope was sealed for another user, provider or label than "
                              "the message's");
    if (inside->origin.len > 0 && !byok_str_eq(registration->origin, inside->origin))
        return byok_fault_set(fault, BYOK_E_BAD_ENVELOPE,
                              "the envelope was sealed for %.*s, but the provider is at %.*s",
                              BYOK_STR_ARG(inside->origin), BYOK_STR_ARG(registration->origin));
    /* No difference of the two is taken: an envelope's time is any 64 bits. */
    if (inside->issued_wall_ms > registration->now_wall_ms + FUTURE_MS)
        return byok_fault_set(fault, BYOK_E_BAD_ENVELOPE,
                              "the envelope comes from the future: check the clock of the client "
                              "that sealed it");
    if (inside->issued_wall_ms < registration->now_wall_ms - registration->max_age_ms)
        return byok_fault_set(fault, BYOK_E_BAD_ENVELOPE,
                              "the envelope is older than %" PRId64 " s: seal the key again",
                              registration->max_age_ms / 1000);
    return BYOK_E_OK;
}

static enum byok_err get_record(struct byok_vault *vault, int32_t partition,
                                const struct byok_owner *owner, struct byok_arena *arena,
                                struct byok_str *out, struct byok_fault *fault)
{
    struct byok_str key = byok_vault_record_key(arena, owner);
    if (!key.ptr)
        return byok_arena_failed(arena)
                   ? byok_fault_set(fault, BYOK_E_NOMEM, "no memory to look up a key")
                   : byok_fault_set(fault, BYOK_E_NO_KEY,
                                    "no key can be stored under such a user, provider or label");
    return fetch(vault, partition, key, arena, out, fault);
}

static enum byok_err check_newer(struct byok_vault *vault, int32_t partition,
                                 const struct byok_registration *registration,
                                 const struct byok_envelope *inside, struct byok_fault *fault)
{
    bool older = inside->issued_wall_ms < registration->floor_wall_ms;
    BYOK_AUTO(byok_arena) arena = {0};
    byok_arena_init(&arena, 2 * RECORD_BYTES_MAX);
    struct byok_str record;
    struct byok_key_info stored;
    enum byok_err err = get_record(vault, partition, &inside->owner, &arena, &record, fault);
    if (err)
        return err;
    if (!record.ptr && registration->replaces)
        return byok_fault_set(fault, BYOK_E_NO_KEY,
                              "the user has no key of that provider and label to be replaced: "
                              "register it");
    /* A record that no longer opens must not stand in the way of a new key, so its clear part is
     * enough; whoever can forge that in the store could as well have removed the record. */
    if (record.ptr && byok_seal_inspect(record, &stored) == BYOK_E_OK)
        older = older || inside->issued_wall_ms <= stored.issued_wall_ms;
    if (!older)
        return BYOK_E_OK;
    return byok_fault_set(fault, BYOK_E_BAD_ENVELOPE,
                          "the envelope is not newer than the key now stored (a replay?): seal "
                          "the key again");
}

/* What is left when the envelope is open and its key in the slot. */
static enum byok_err accept(struct byok_vault *vault, int32_t partition,
                            struct byok_registration *registration,
                            const struct byok_envelope *inside, const struct byok_slot *slot,
                            struct byok_arena *arena, struct byok_fault *fault)
{
    enum byok_err err = check_binding(registration, inside, fault);
    if (!err)
        err = check_newer(vault, partition, registration, inside, fault);
    if (err)
        return err;
    struct byok_key_info info = {
        .issued_wall_ms = inside->issued_wall_ms,
        .created_wall_ms = registration->now_wall_ms,
        .expires_wall_ms = registration->expires_wall_ms,
        .origin = registration->origin,
    };
    struct byok_str record;
    err = byok_seal(vault->ring, &inside->owner, &info, 0, slot, arena, &record);
    if (!err)
        err = byok_seal_inspect(record, &info);
    if (err)
        return byok_fault_set(fault, err, "the key cannot be sealed: %s", byok_err_meaning(err));
    registration->record = record;
    registration->info = info;
    return BYOK_E_OK;
}

enum byok_err byok_vault_register(struct byok_vault *vault, int32_t partition,
                                  struct byok_registration *registration, struct byok_arena *arena,
                                  struct byok_slot *slot, struct byok_fault *fault)
{
    const struct box *box = find_box(vault, registration->envelope);
    struct byok_envelope inside;
    enum byok_err err = byok_envelope_open(box->public_key, box->secret_key, registration->envelope,
                                           arena, &inside, slot, fault);
    if (!err)
        err = accept(vault, partition, registration, &inside, slot, arena, fault);
    if (err)
        sodium_memzero(slot, sizeof *slot);
    return err;
}

/* Of a key that opened. */
static enum byok_err check_wanted(const struct byok_wanted_key *wanted,
                                  const struct byok_key_info *stored, struct byok_fault *fault)
{
    if (!byok_str_eq(stored->origin, wanted->origin))
        return byok_fault_set(fault, BYOK_E_KEY_UNREADABLE,
                              "the key was registered for %.*s and is not sent to %.*s: register "
                              "it again for the new address",
                              BYOK_STR_ARG(stored->origin), BYOK_STR_ARG(wanted->origin));
    if (stored->issued_wall_ms < wanted->floor_wall_ms)
        return byok_fault_set(fault, BYOK_E_KEY_OUTDATED,
                              "the sealed key is an older one, which was replaced or deleted, and "
                              "has been put back in its place: register the key again, and see who "
                              "may write to the vault's topic");
    return BYOK_E_OK;
}

enum byok_err byok_vault_unseal(struct byok_vault *vault, int32_t partition,
                                const struct byok_wanted_key *wanted, struct byok_slot *slot,
                                struct byok_key_info *info, struct byok_fault *fault)
{
    const struct byok_owner *owner = &wanted->owner;
    sodium_memzero(slot, sizeof *slot);
    BYOK_AUTO(byok_arena) arena = {0};
    byok_arena_init(&arena, 2 * RECORD_BYTES_MAX);
    struct byok_str record;
    enum byok_err err = get_record(vault, partition, owner, &arena, &record, fault);
    if (err)
        return err;
    if (!record.ptr)
        return byok_fault_set(
            fault, BYOK_E_NO_KEY, "user %.*s has no key for provider %.*s with label \"%.*s\"",
            BYOK_STR_ARG(owner->user), BYOK_STR_ARG(owner->provider), BYOK_STR_ARG(owner->label));
    struct byok_key_info stored;
    err = byok_seal_open(vault->ring, owner, record, slot, &stored, fault);
    if (!err)
        err = check_wanted(wanted, &stored, fault);
    if (err) {
        sodium_memzero(slot, sizeof *slot);
        return err;
    }
    if (info) {
        *info = stored;
        info->origin = wanted->origin; /* the same bytes, and the caller's: the record ends here */
    }
    return BYOK_E_OK;
}

enum byok_err byok_vault_verify(struct byok_vault *vault, struct byok_str record_key,
                                struct byok_str record, struct byok_fault *fault)
{
    struct byok_owner owner;
    if (!byok_vault_record_owner(record_key, &owner))
        return byok_fault_set(fault, BYOK_E_KEY_UNREADABLE,
                              "a sealed key stands under a name that names no owner");
    enum byok_err err = byok_seal_open(vault->ring, &owner, record, &vault->own, NULL, fault);
    sodium_memzero(&vault->own, sizeof vault->own);
    return err;
}

struct byok_store *byok_vault_store(struct byok_vault *vault)
{
    return vault->store;
}

struct byok_slots *byok_vault_slots(struct byok_vault *vault)
{
    return vault->slots;
}

const struct byok_keyring *byok_vault_ring(const struct byok_vault *vault)
{
    return vault->ring;
}

struct byok_slot *byok_vault_own_slot(struct byok_vault *vault)
{
    return &vault->own;
}
