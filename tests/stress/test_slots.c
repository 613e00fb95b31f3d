/* SPDX-License-Identifier: MIT */
/* tests/stress/test_slots.c - eight threads lease, fill and give back fewer slots than threads.
 *
 * For ThreadSanitizer above all: a slot's bytes pass from holder to holder with no other lock than
 * the slab's.  Beside them every thread asks for the vault's public key, which is any thread's.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <pthread.h>
#include <sched.h>

#include <sodium.h>

#include "vault_rocks/vault.h"

#define THREADS 8
#define SLOTS 3 /* fewer than threads: some must wait */
#define ROUNDS 5000

static struct {
    struct byok_slots *slots;
    struct byok_vault *vault;
    uint8_t public_key[BYOK_VAULT_PUBLIC_KEY_BYTES];
    pthread_barrier_t start;
} all;

struct worker {
    pthread_t thread;
    unsigned number;
    unsigned leases, refusals;
    const char *wrong; /* NULL: all was right */
};

static const char *use(struct byok_slot *slot, const struct worker *self, unsigned round)
{
    char key[32], line[128];
    uint8_t public_key[BYOK_VAULT_PUBLIC_KEY_BYTES];
    if (!sodium_is_zero((const unsigned char *)slot, sizeof *slot))
        return "a leased slot was not zeroed";
    if (byok_slots_leased(all.slots) > SLOTS)
        return "more leases than slots";
    int len = snprintf(key, sizeof key, "sk-thread-%u-round-%05u", self->number, round);
    if (byok_slot_set(slot, (struct byok_str){key, (size_t)len}) != BYOK_E_OK)
        return "a key was refused";
    sched_yield(); /* let another in, if the lock lets it */
    const char *header = byok_slot_header(slot, "Authorization", "Bearer ");
    snprintf(line, sizeof line, "Authorization: Bearer %s", key);
    if (!header || strcmp(header, line) != 0)
        return "two threads had one slot";
    if (byok_slot_scrub(slot, line, strlen(line)) != 1 || strstr(line, "sk-thread"))
        return "the key was not found in its own header";
    byok_vault_public_key(all.vault, public_key);
    return memcmp(public_key, all.public_key, sizeof public_key) == 0 ? NULL : "another public key";
}

static void *work(void *arg)
{
    struct worker *self = arg;
    pthread_barrier_wait(&all.start);
    for (unsigned round = 0; round < ROUNDS && !self->wrong;) {
        struct byok_slot *slot = byok_slots_lease(all.slots);
        if (!slot) {
            self->refusals++;
            sched_yield();
            continue;
        }
        self->wrong = use(slot, self, round++);
        self->leases++;
        byok_slots_release(all.slots, &slot);
    }
    return NULL;
}

static void must(enum byok_err err, const struct byok_fault *fault)
{
    if (err) {
        fprintf(stderr, "test_slots: %s\n", fault->text);
        exit(EXIT_FAILURE);
    }
}

static bool run(void)
{
    struct worker workers[THREADS] = {{0}};
    unsigned leases = 0, refusals = 0;
    bool ok = true;
    for (unsigned i = 0; i < THREADS; i++) {
        workers[i].number = i;
        if (pthread_create(&workers[i].thread, NULL, work, &workers[i]) != 0)
            abort();
    }
    for (unsigned i = 0; i < THREADS; i++) {
        pthread_join(workers[i].thread, NULL);
        leases += workers[i].leases;
        refusals += workers[i].refusals;
        if (workers[i].wrong) {
            fprintf(stderr, "thread %u: %s\n", i, workers[i].wrong);
            ok = false;
        }
    }
    printf("%u leases, %u times all slots were out, %u out at the end\n", leases, refusals,
           byok_slots_leased(all.slots));
    return ok && leases == THREADS * ROUNDS && byok_slots_leased(all.slots) == 0;
}

int main(void)
{
    static const char master[BYOK_MASTER_KEY_BYTES] = "0123456789abcdef0123456789abcde";
    struct byok_fault fault = {.text = ""};
    struct byok_keyring *ring = NULL;
    struct byok_store *store = byok_store_memory_new();
    if (!store)
        return EXIT_FAILURE;
    must(byok_keyring_new(&ring, &fault), &fault);
    must(byok_keyring_add(ring, 1, (struct byok_str){master, sizeof master}, &fault), &fault);
    must(byok_slots_new(SLOTS, &all.slots, &fault), &fault);
    must(byok_vault_new(ring, store, all.slots, &all.vault, &fault), &fault);
    byok_vault_public_key(all.vault, all.public_key);
    pthread_barrier_init(&all.start, NULL, THREADS);
    bool ok = run();
    pthread_barrier_destroy(&all.start);
    byok_vault_free(all.vault);
    byok_slots_free(all.slots);
    store->ops->free(store);
    byok_keyring_free(ring);
    return ok ? EXIT_SUCCESS : EXIT_FAILURE;
}
