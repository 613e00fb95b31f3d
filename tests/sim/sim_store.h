/* SPDX-License-Identifier: MIT */
/* tests/sim/sim_store.h - a store in memory whose disk can be full or broken for a while. */
#ifndef BYOK_TESTS_SIM_STORE_H
#define BYOK_TESTS_SIM_STORE_H

#include "vault_rocks/store.h"

struct sim_world;
struct sim_write;

struct sim_store {
    struct byok_store store;
    struct byok_store *inner; /* owned */
    struct sim_world *world;
    bool writes_fail, reads_fail;
    unsigned failed;
    unsigned error_chance; /* of a single write or read, in permille */
    struct sim_write *first, *last; /* all that was written, in order; owned */
    size_t writes, synced;          /* how many; how many of them a power cut leaves */
};

struct sim_store *sim_store_new(struct sim_world *world);

/** A power cut: up to `most` of the last writes are gone, none that was synced. */
void sim_store_tear(struct sim_store *store, size_t most);
void sim_store_free(struct sim_store *store);

#endif
