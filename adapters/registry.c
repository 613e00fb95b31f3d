/* SPDX-License-Identifier: MIT */
/* adapters/registry.c - the table of the adapters, made from providers.def. */
#include <string.h>

#include "adapters/adapter.h"

#define PROVIDER(name) extern const struct byok_adapter byok_adapter_##name;
#include "adapters/providers.def"
#undef PROVIDER

static const struct byok_adapter *const adapters[] = {
#define PROVIDER(name) &byok_adapter_##name,
#include "adapters/providers.def"
#undef PROVIDER
};

const struct byok_adapter *byok_adapter_at(size_t i)
{
    return i < sizeof adapters / sizeof adapters[0] ? adapters[i] : NULL;
}

const struct byok_adapter *byok_adapter_find(const char *name)
{
    const struct byok_adapter *adapter;
    for (size_t i = 0; (adapter = byok_adapter_at(i)); i++) {
        if (strcmp(adapter->name, name) == 0)
            return adapter;
    }
    return NULL;
}
