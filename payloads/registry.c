/* SPDX-License-Identifier: MIT */
/* payloads/registry.c - the table of stores, and what all of them have in common. */
#include <stdio.h>
#include <string.h>

#include "payloads/store.h"

static const struct byok_payload_store_ops *const stores[] = {
#define PAYLOAD_STORE(name) &byok_payload_store_##name,
#include "payloads/stores.def"
#undef PAYLOAD_STORE
};

#define COUNT (sizeof stores / sizeof stores[0])

static enum byok_err refuse_name(const char *name, struct byok_fault *fault)
{
    char known[128] = "";
    for (size_t i = 0, len = 0; i < COUNT && len < sizeof known; i++)
        len += (size_t)snprintf(known + len, sizeof known - len, "%s%s", i > 0 ? ", " : "",
                                stores[i]->name);
    return byok_fault_set(fault, BYOK_E_CONFIG, "there is no payload store \"%.60s\" (%s)", name,
                          known);
}

enum byok_err byok_payload_store_open(const struct byok_payload_options *options,
                                      struct byok_payload_store **out, struct byok_fault *fault)
{
    *out = NULL;
    for (size_t i = 0; i < COUNT; i++) {
        if (strcmp(stores[i]->name, options->store) == 0)
            return stores[i]->open(options, out, fault);
    }
    return refuse_name(options->store, fault);
}

void byok_payload_store_close(struct byok_payload_store *store)
{
    if (store)
        store->ops->close(store);
}

enum byok_err byok_payload_status(int status, struct byok_fault *fault)
{
    if (status >= 200 && status <= 299)
        return BYOK_E_OK;
    if (status == 404)
        return byok_fault_set(fault, BYOK_E_BAD_REQUEST, "the payload is not in the store");
    if (status == 401 || status == 403)
        return byok_fault_set(fault, BYOK_E_CONFIG,
                              "the payload store refuses the credentials (HTTP %d)", status);
    if (status == 408 || status == 429 || status >= 500)
        return byok_fault_set(fault, BYOK_E_STORE, "the payload store fails (HTTP %d)", status);
    return byok_fault_set(fault, BYOK_E_CONFIG,
                          "the payload store refuses (HTTP %d): check its endpoint, region and "
                          "bucket",
                          status);
}

enum byok_err byok_payload_differs(struct byok_fault *fault)
{
    return byok_fault_set(fault, BYOK_E_BAD_REQUEST,
                          "the payload in the store is not what its reference's sha256 says");
}

enum byok_err byok_payload_verify(const struct byok_payload_ref *ref, struct byok_str content,
                                  struct byok_fault *fault)
{
    if (content.len != ref->size)
        return byok_fault_set(fault, BYOK_E_BAD_REQUEST,
                              "the payload in the store has %zu bytes, its reference says %llu",
                              content.len, (unsigned long long)ref->size);
    return byok_payload_is(ref, content) ? BYOK_E_OK : byok_payload_differs(fault);
}
