/* SPDX-License-Identifier: MIT */
/* tests/fuzz/fuzz_envelope.c - any bytes as an envelope, and as the inside of one that opens: it is
 * taken or refused, and whatever is refused leaves no key behind.
 *
 * The vault's key pair is the one of the known answers (tests/unit/vault_rocks/vectors.def, master
 * key 00 01 02 …), so that those are seeds that open.
 */
#include <assert.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <sodium.h>

#include "vault_rocks/envelope.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define HEAD_BYTES ((size_t)1 + BYOK_VAULT_KEY_ID_BYTES)
#define PLAIN_MAX ((size_t)2048) /* more than any envelope holds, so that too long ones are tried */

static struct vault_keys {
    uint8_t public_key[BYOK_VAULT_PUBLIC_KEY_BYTES], secret_key[32];
    struct byok_slots *slots;
} keys;

/* Once for the process; libFuzzer has no end at which it could be freed. */
static void start(void)
{
    static const char context[] = "byok envelope v1";
    uint8_t master[32], seed[crypto_box_SEEDBYTES];
    if (keys.slots)
        return;
    enum byok_err err = byok_slots_new(1, &keys.slots, NULL);
    if (err)
        abort();
    for (size_t i = 0; i < sizeof master; i++)
        master[i] = (uint8_t)i;
    crypto_generichash(seed, sizeof seed, (const uint8_t *)context, sizeof context - 1, master,
                       sizeof master);
    crypto_box_seed_keypair(keys.public_key, keys.secret_key, seed);
}

static void open_it(struct byok_str wire)
{
    BYOK_AUTO(byok_arena) arena = {0};
    struct byok_envelope out;
    struct byok_fault fault = {.code = BYOK_E_OK};
    struct byok_slot *slot = byok_slots_lease(keys.slots);
    enum byok_err err =
        byok_envelope_open(keys.public_key, keys.secret_key, wire, &arena, &out, slot, &fault);
    assert(err == fault.code);
    if (err) {
        assert(err == BYOK_E_BAD_ENVELOPE || err == BYOK_E_KEY_INVALID);
        assert(sodium_is_zero((const unsigned char *)slot, sizeof *slot));
    } else {
        assert(byok_owner_is_valid(&out.owner) && out.origin.len <= BYOK_ORIGIN_MAX);
        assert(byok_slot_accepts((struct byok_str){slot->key, slot->len}));
        assert(slot->key[slot->len] == '\0');
    }
    byok_slots_release(keys.slots, &slot);
}

static void open_as_inside(const uint8_t *data, size_t size)
{
    if (size > PLAIN_MAX)
        return;
    size_t total = HEAD_BYTES + crypto_box_SEALBYTES + size;
    uint8_t *wire = malloc(total);
    if (!wire)
        return;
    wire[0] = 1;
    byok_vault_key_id(keys.public_key, wire + 1);
    int failed = crypto_box_seal(wire + HEAD_BYTES, data, size, keys.public_key);
    assert(failed == 0);
    (void)failed;
    open_it((struct byok_str){(const char *)wire, total});
    free(wire);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    start();
    open_it((struct byok_str){(const char *)data, size});
    open_as_inside(data, size);
    return 0;
}
