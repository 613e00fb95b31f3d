/* SPDX-License-Identifier: MIT */
/* vault_rocks/stores.c - finding a store by its name. */
#include "vault_rocks/store.h"

#include <stdio.h>

#include "vault_rocks/store_kinds.h"

static const struct byok_store_kind *const kinds[] = {
#define STORE(name) &byok_store_kind_##name,
#include "vault_rocks/stores_built.def"
#undef STORE
};

#define COUNT (sizeof kinds / sizeof kinds[0])

const struct byok_store_kind *byok_store_kind_at(size_t index)
{
    return index < COUNT ? kinds[index] : NULL;
}

const struct byok_store_kind *byok_store_kind_find(struct byok_str name)
{
    for (size_t i = 0; i < COUNT; i++) {
        if (byok_str_is(name, kinds[i]->ops->name) ||
            (kinds[i]->also && byok_str_is(name, kinds[i]->also)))
            return kinds[i];
    }
    return NULL;
}

enum byok_err byok_store_open(const char *name, const struct byok_store_place *place,
                              struct byok_store **out, struct byok_fault *fault)
{
    const struct byok_store_kind *kind = byok_store_kind_find(byok_str_of(name));
    if (kind)
        return kind->open(place, out, fault);
    char known[128] = "";
    size_t len = 0;
    for (size_t i = 0; i < COUNT && len < sizeof known; i++)
        len += (size_t)snprintf(known + len, sizeof known - len, "%s%s", i > 0 ? ", " : "",
                                kinds[i]->ops->name);
    return byok_fault_set(fault, BYOK_E_CONFIG, "there is no store \"%.60s\", this build has: %s",
                          name, known);
}
