/* SPDX-License-Identifier: MIT */
/* worker/worker_vault.c - opening what the vault needs. */
#include "worker/worker_vault.h"

#include <string.h>

#include <sodium.h>

#include "vault_rocks/secret.h"
#include "vault_rocks/store_cache.h"

/* By which names the environment may hold secrets, of keys too that come later in the ring. */
struct secrets {
    const char *names[BYOK_KEYRING_MAX + 2];
};

static void name_secrets(const struct byok_config *config, struct secrets *out)
{
    size_t count = 0;
    for (size_t i = 0; i < config->vault.master_keys.count && count < BYOK_KEYRING_MAX; i++) {
        if (config->vault.master_keys.items[i].env[0] != '\0')
            out->names[count++] = config->vault.master_keys.items[i].env;
    }
    out->names[count++] = config->payloads.credentials_env;
    out->names[count] = NULL;
}

static enum byok_err add_key(const struct byok_config_master_key *key,
                             const struct secrets *secrets, struct byok_keyring *ring,
                             struct byok_fault *fault)
{
    uint32_t id = (uint32_t)key->id;
    if (key->file[0] != '\0')
        return byok_keyring_add_file(ring, id, key->file, fault);
    if (key->env[0] != '\0')
        return byok_keyring_add_env(ring, id, key->env, fault);
    if (key->credential[0] != '\0')
        return byok_keyring_add_credential(ring, id, key->credential, fault);
    return byok_keyring_add_command(ring, id, key->command, secrets->names, fault);
}

static enum byok_err add_keys(const struct byok_config *config, struct byok_keyring *ring,
                              struct byok_fault *fault)
{
    if (config->vault.master_keys.count == 0) {
        if (config->vault.master_key_file[0] == '\0')
            return byok_fault_set(fault, BYOK_E_CONFIG,
                                  "no master key is configured: make one with `byokd "
                                  "--new-master-key FILE` and name it in vault.master_key_file");
        return byok_keyring_add_file(ring, 1, config->vault.master_key_file, fault);
    }
    struct secrets secrets;
    name_secrets(config, &secrets);
    for (size_t i = 0; i < config->vault.master_keys.count; i++) {
        enum byok_err err = add_key(&config->vault.master_keys.items[i], &secrets, ring, fault);
        if (err != BYOK_E_OK)
            return err;
    }
    return BYOK_E_OK;
}

enum byok_err byok_worker_keyring(const struct byok_config *config, struct byok_keyring **out,
                                  struct byok_fault *fault)
{
    if (sodium_init() < 0)
        return byok_fault_set(fault, BYOK_E_CONFIG, "libsodium cannot be initialised");
    struct byok_keyring *ring = NULL;
    enum byok_err err = byok_keyring_new(&ring, fault);
    if (err == BYOK_E_OK)
        err = add_keys(config, ring, fault);
    if (err != BYOK_E_OK) {
        byok_keyring_free(ring);
        return err;
    }
    *out = ring;
    return BYOK_E_OK;
}

static enum byok_err read_url(const struct byok_config *config, struct byok_worker_vault *parts,
                              struct byok_fault *fault)
{
    const char *file = config->vault.store_url_file;
    return file[0] != '\0' ? byok_secret_file(file, &parts->url, fault) : BYOK_E_OK;
}

static enum byok_err open_records(const struct byok_config *config, struct byok_worker_vault *parts,
                                  struct byok_fault *fault)
{
    const char *own = config->vault.store_url[0] != '\0' ? config->vault.store_url : NULL;
    const struct byok_store_place place = {.rocks = parts->rocks,
                                           .table = "vault",
                                           .url = parts->url ? parts->url : own,
                                           .timeout_ms = config->vault.store_timeout_ms};
    const struct byok_cache_bounds bounds = {.records = (size_t)config->vault.cache_records,
                                             .age_us = config->vault.cache_s * 1000000};
    enum byok_err err = byok_store_open(config->vault.store, &place, &parts->records, fault);
    if (err != BYOK_E_OK || !parts->records->ops->shared || bounds.records == 0)
        return err;
    parts->records = byok_store_cache_new(parts->records, bounds);
    return parts->records ? BYOK_E_OK
                          : byok_fault_set(fault, BYOK_E_NOMEM, "no memory for a store");
}

enum byok_err byok_worker_vault_check(const struct byok_config *config, struct byok_fault *fault)
{
    struct byok_worker_vault parts = {0};
    const struct byok_store_kind *kind = byok_store_kind_find(byok_str_of(config->vault.store));
    enum byok_err err = byok_worker_keyring(config, &parts.ring, fault);
    if (err == BYOK_E_OK)
        err = read_url(config, &parts, fault);
    if (err == BYOK_E_OK && (!kind || kind->ops->shared)) /* the others need the data folder */
        err = open_records(config, &parts, fault);
    byok_worker_vault_done(&parts);
    return err;
}

enum byok_err byok_worker_vault_begin(const struct byok_config *config,
                                      struct byok_worker_vault *out, struct byok_fault *fault)
{
    *out = (struct byok_worker_vault){0};
    enum byok_err err = byok_worker_keyring(config, &out->ring, fault);
    if (err == BYOK_E_OK)
        err = read_url(config, out, fault);
    if (err == BYOK_E_OK)
        err = byok_slots_new((uint32_t)config->vault.slots, &out->slots, fault);
    if (err == BYOK_E_OK)
        err = byok_rocks_make_folder(config->data_dir, fault);
    if (err != BYOK_E_OK)
        byok_worker_vault_done(out);
    return err;
}

enum byok_err byok_worker_vault_open(const struct byok_config *config,
                                     struct byok_worker_vault *out, struct byok_fault *fault)
{
    enum byok_err err = byok_rocks_open_sound(config->data_dir, &out->rocks, out->aside, fault);
    const struct byok_store_place place = {.rocks = out->rocks, .table = "state"};
    if (err == BYOK_E_OK)
        err = byok_store_open("rocks", &place, &out->state, fault);
    if (err == BYOK_E_OK)
        err = byok_rocks_purge(out->rocks, config->vault.purge_s * 1000, fault);
    if (err == BYOK_E_OK)
        err = open_records(config, out, fault);
    if (err != BYOK_E_OK)
        byok_worker_vault_done(out);
    return err;
}

enum byok_err byok_worker_vault_unlock(struct byok_worker_vault *vault, struct byok_fault *fault)
{
    struct byok_str mark;
    BYOK_AUTO(byok_arena) arena = {0};
    byok_arena_init(&arena, 0);
    enum byok_err err = vault->records->ops->get(
        vault->records, BYOK_PARTITION_NONE, byok_str_of(BYOK_STORE_COPYING), &arena, &mark, fault);
    if (err != BYOK_E_OK)
        return err;
    if (mark.ptr)
        return byok_fault_set(fault, BYOK_E_CONFIG,
                              "a copy into this store of sealed keys was not finished: give the "
                              "same `byok vault copy` again");
    return byok_vault_new(vault->ring, vault->records, vault->slots, &vault->vault, fault);
}

bool byok_worker_vault_is_shared(const struct byok_worker_vault *vault)
{
    return vault->records && vault->records->ops->shared;
}

enum byok_err byok_worker_vault_identify(struct byok_worker_vault *vault, const char *identity,
                                         struct byok_fault *fault)
{
    if (identity[0] == '\0')
        return BYOK_E_OK;
    struct byok_store *store = vault->records;
    const struct byok_write write = {byok_str_of(BYOK_STORE_CHANGELOGS), byok_str_of(identity),
                                     false};
    struct byok_str found;
    BYOK_AUTO(byok_arena) arena = {0};
    byok_arena_init(&arena, 0);
    enum byok_err err =
        store->ops->get(store, BYOK_PARTITION_NONE, write.key, &arena, &found, fault);
    if (err != BYOK_E_OK || (found.ptr && byok_str_eq(found, write.value)))
        return err;
    if (found.ptr)
        return byok_fault_set(fault, BYOK_E_CONFIG,
                              "the store of sealed keys holds those of other topics: name another "
                              "database in vault.store_url, or another data_dir");
    return store->ops->apply(store, BYOK_PARTITION_NONE, &write, 1, -1, fault);
}

void byok_worker_vault_done(struct byok_worker_vault *vault)
{
    if (vault->vault)
        byok_vault_free(vault->vault);
    if (vault->records)
        vault->records->ops->free(vault->records);
    if (vault->state)
        vault->state->ops->free(vault->state);
    byok_rocks_close(vault->rocks);
    byok_slots_free(vault->slots);
    byok_keyring_free(vault->ring);
    byok_secret_free(vault->url);
    *vault = (struct byok_worker_vault){0};
}

enum byok_err byok_worker_public_key(const struct byok_config *config,
                                     uint8_t out[static BYOK_VAULT_PUBLIC_KEY_BYTES],
                                     struct byok_fault *fault)
{
    struct byok_worker_vault parts = {0};
    enum byok_err err = byok_worker_keyring(config, &parts.ring, fault);
    if (err == BYOK_E_OK)
        err = byok_slots_new(1, &parts.slots, fault);
    const struct byok_store_place nowhere = {.url = NULL};
    if (err == BYOK_E_OK)
        err = byok_store_open("memory", &nowhere, &parts.records, fault);
    if (err == BYOK_E_OK)
        err = byok_vault_new(parts.ring, parts.records, parts.slots, &parts.vault, fault);
    if (err == BYOK_E_OK)
        byok_vault_public_key(parts.vault, out);
    byok_worker_vault_done(&parts);
    return err;
}
