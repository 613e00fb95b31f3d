/* SPDX-License-Identifier: MIT */
/* tests/sim/sim_store.h - a store in memory whose disk can be full or broken for a while. */
#ifndef BYOK_TESTS_SIM_STORE_H
#define BYOK_TESTS_SIM_STORE_H

#include "vault_rocks/store.h"

struct sim_store {
    struct byok_store store;
    struct byok_store *inner; /* owned */
    bool writes_fail, reads_fail;
    unsigned failed;
};

struct sim_store *sim_store_new(void);
void sim_store_free(struct sim_store *store);

#endif
