/* SPDX-License-Identifier: MIT */
/* worker/worker_vault.c - opening what the vault needs. */
#include "worker/worker_vault.h"

#include <string.h>

#include <sodium.h>

static enum byok_err add_key(const struct byok_config_master_key *key, struct byok_keyring *ring,
                             struct byok_fault *fault)
{
    uint32_t id = (uint32_t)key->id;
    if (key->file[0] != '\0')
        return byok_keyring_add_file(ring, id, key->file, fault);
    if (key->env[0] != '\0')
        return byok_keyring_add_env(ring, id, key->env, fault);
    if (key->credential[0] != '\0')
        return byok_keyring_add_credential(ring, id, key->credential, fault);
    return byok_keyring_add_command(ring, id, key->command, fault);
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
    for (size_t i = 0; i < config->vault.master_keys.count; i++) {
        enum byok_err err = add_key(&config->vault.master_keys.items[i], ring, fault);
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

static struct byok_store *open_memory(struct byok_rocks *rocks, const char *table)
{
    (void)rocks;
    (void)table;
    return byok_store_memory_new();
}

static struct byok_store *open_rocks(struct byok_rocks *rocks, const char *table)
{
    return byok_store_rocks_new(rocks, table);
}

static const struct {
    const char *name;
    struct byok_store *(*open)(struct byok_rocks *rocks, const char *table);
} stores[] = {
#define STORE(name) {#name, open_##name},
#include "vault_rocks/stores.def"
#undef STORE
};

static enum byok_err open_store(const char *name, struct byok_rocks *rocks, const char *table,
                                struct byok_store **out, struct byok_fault *fault)
{
    for (size_t i = 0; i < sizeof stores / sizeof stores[0]; i++) {
        if (strcmp(stores[i].name, name) != 0)
            continue;
        *out = stores[i].open(rocks, table);
        return *out ? BYOK_E_OK : byok_fault_set(fault, BYOK_E_NOMEM, "no memory for a store");
    }
    return byok_fault_set(fault, BYOK_E_CONFIG,
                          "vault.store is \"%.60s\", but this build has rocks and memory", name);
}

enum byok_err byok_worker_vault_begin(const struct byok_config *config,
                                      struct byok_worker_vault *out, struct byok_fault *fault)
{
    *out = (struct byok_worker_vault){0};
    enum byok_err err = byok_worker_keyring(config, &out->ring, fault);
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
    if (err == BYOK_E_OK)
        err = open_store("rocks", out->rocks, "state", &out->state, fault);
    if (err == BYOK_E_OK)
        err = byok_rocks_purge(out->rocks, config->vault.purge_s * 1000, fault);
    if (err == BYOK_E_OK)
        err = open_store(config->vault.store, out->rocks, "vault", &out->records, fault);
    if (err == BYOK_E_OK)
        err = byok_vault_new(out->ring, out->records, out->slots, &out->vault, fault);
    if (err != BYOK_E_OK)
        byok_worker_vault_done(out);
    return err;
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
    if (err == BYOK_E_OK)
        err = open_store("memory", NULL, "vault", &parts.records, fault);
    if (err == BYOK_E_OK)
        err = byok_vault_new(parts.ring, parts.records, parts.slots, &parts.vault, fault);
    if (err == BYOK_E_OK)
        byok_vault_public_key(parts.vault, out);
    byok_worker_vault_done(&parts);
    return err;
}
