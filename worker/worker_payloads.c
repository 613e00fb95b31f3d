/* SPDX-License-Identifier: MIT */
/* worker/worker_payloads.c - see worker/worker_payloads.h. */
#include "worker/worker_payloads.h"

#include <string.h>

#include <sodium.h>

#include "vault_rocks/secret.h"

static enum byok_err read_credentials(const struct byok_config *config, char **out,
                                      struct byok_fault *fault)
{
    if (config->payloads.credentials_file[0] != '\0')
        return byok_secret_file(config->payloads.credentials_file, out, fault);
    if (config->payloads.credentials_env[0] != '\0')
        return byok_secret_env(config->payloads.credentials_env, out, fault);
    return BYOK_E_OK;
}

static enum byok_err open_store(const struct byok_config *config, struct byok_worker_payloads *out,
                                struct byok_fault *fault)
{
    if (sodium_init() < 0)
        return byok_fault_set(fault, BYOK_E_CONFIG, "libsodium cannot be initialised");
    enum byok_err err = read_credentials(config, &out->credentials, fault);
    if (err != BYOK_E_OK)
        return err;
    const struct byok_payload_options options = {
        .store = config->payloads.store,
        .folder = config->payloads.folder,
        .endpoint = config->payloads.endpoint,
        .bucket = config->payloads.bucket,
        .region = config->payloads.region,
        .credentials = out->credentials,
    };
    return byok_payload_store_open(&options, &out->store, fault);
}

enum byok_err byok_worker_payloads_open(const struct byok_config *config,
                                        struct byok_worker_payloads *out, struct byok_fault *fault)
{
    *out = (struct byok_worker_payloads){0};
    if (config->payloads.store[0] == '\0')
        return BYOK_E_OK;
    struct byok_fault why = {.code = BYOK_E_OK};
    enum byok_err err = open_store(config, out, &why);
    if (err != BYOK_E_OK) {
        byok_worker_payloads_done(out);
        return byok_fault_set(fault, err, "settings payloads: %s", why.text);
    }
    const char *ca_file = config->payloads.ca_file;
    out->route.ca_file = ca_file[0] != '\0' ? ca_file : NULL;
    return BYOK_E_OK;
}

void byok_worker_payloads_done(struct byok_worker_payloads *payloads)
{
    byok_payload_store_close(payloads->store);
    byok_secret_free(payloads->credentials);
    *payloads = (struct byok_worker_payloads){0};
}
