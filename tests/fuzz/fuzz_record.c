/* SPDX-License-Identifier: MIT */
/* tests/fuzz/fuzz_record.c - any bytes as a sealed record, alone and behind a record's key as they
 * come from the changelog: what cannot be read is refused and leaves no key behind.
 *
 * Master keys and owner are those of the known answers (tests/unit/vault_rocks/vectors.def), so
 * that these are seeds that open.  An input is a record, or 0xff, the length of a record's key in
 * one byte, that key, and a record.
 */
#include <assert.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <sodium.h>

#include "vault_rocks/vault.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct {
    struct byok_keyring *ring;
    struct byok_store *store;
    struct byok_slots *slots;
    struct byok_vault *vault;
} all;

static void must(enum byok_err err)
{
    if (err)
        abort();
}

/* Once for the process; libFuzzer has no end at which it could be freed. */
static void start(void)
{
    static const uint32_t ids[] = {1, 4000000000, 7};
    if (all.vault)
        return;
    must(byok_keyring_new(&all.ring, NULL));
    for (size_t i = 0; i < sizeof ids / sizeof ids[0]; i++) {
        char master[BYOK_MASTER_KEY_BYTES];
        for (size_t j = 0; j < sizeof master; j++)
            master[j] = (char)(i * sizeof master + j);
        must(byok_keyring_add(all.ring, ids[i], (struct byok_str){master, sizeof master}, NULL));
    }
    must(byok_slots_new(1, &all.slots, NULL));
    all.store = byok_store_memory_new();
    if (!all.store)
        abort();
    must(byok_vault_new(all.ring, all.store, all.slots, &all.vault, NULL));
}

static void open_it(struct byok_str record)
{
    static const struct byok_owner owner = {BYOK_STR("user-1"), BYOK_STR("openai"),
                                            BYOK_STR("default")};
    struct byok_key_info info, inspected;
    struct byok_fault fault = {.code = BYOK_E_OK};
    struct byok_slot *slot = byok_slots_lease(all.slots);
    enum byok_err seen = byok_seal_inspect(record, &inspected);
    assert(seen == BYOK_E_OK || seen == BYOK_E_KEY_UNREADABLE);
    assert(seen || (inspected.origin.ptr >= record.ptr &&
                    inspected.origin.ptr + inspected.origin.len <= record.ptr + record.len));
    enum byok_err err = byok_seal_open(all.ring, &owner, record, slot, &info, &fault);
    assert(err == fault.code && (!seen || err));
    if (err) {
        assert(err == BYOK_E_KEY_UNREADABLE);
        assert(sodium_is_zero((const unsigned char *)slot, sizeof *slot));
    } else {
        assert(byok_slot_accepts((struct byok_str){slot->key, slot->len}));
        assert(strcmp(info.fingerprint, inspected.fingerprint) == 0);
    }
    byok_slots_release(all.slots, &slot);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    start();
    struct byok_str bytes = {(const char *)data, size}, key = {NULL, 0};
    open_it(bytes);
    if (size > 2 && data[0] == 0xff && data[1] <= size - 2) {
        key = (struct byok_str){bytes.ptr + 2, data[1]};
        bytes = (struct byok_str){key.ptr + key.len, size - 2 - key.len};
        open_it(bytes);
    }
    enum byok_err err = byok_vault_verify(all.vault, key, bytes, NULL);
    assert(err == BYOK_E_OK || err == BYOK_E_KEY_UNREADABLE);
    (void)err;
    return 0;
}
