/* SPDX-License-Identifier: MIT */
/* tests/unit/vault_rocks/kit.h - what the vault's tests share: rings, slots, owners. */
#ifndef BYOK_TESTS_UNIT_VAULT_ROCKS_KIT_H
#define BYOK_TESTS_UNIT_VAULT_ROCKS_KIT_H

/* before all others, for nftw() and putenv(); so this header stands first in a test */
#include "tests/support/folder.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <criterion/criterion.h>
#include <sodium.h>

#include "base/buf.h"
#include "base/mem.h"
#include "vault_rocks/rocks.h"
#include "vault_rocks/seal.h"
#include "vault_rocks/vault.h"

#if defined(__SANITIZE_ADDRESS__)
#define KIT_ASAN 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define KIT_ASAN 1
#endif
#endif
#ifndef KIT_ASAN
#define KIT_ASAN 0
#endif

#define KIT_KEY "sk-test-0123456789abcdefghijklmnopqrstuvwxyzABCDEF"
#define KIT_ORIGIN "https://api.example.com"
#define KIT_NOW ((int64_t)1790000000000)

static inline struct byok_str kit_str(const char *text)
{
    return byok_str_of(text);
}

static inline struct byok_owner kit_owner(const char *user, const char *provider, const char *label)
{
    return (struct byok_owner){byok_str_of(user), byok_str_of(provider), byok_str_of(label)};
}

/* Master keys of which every byte is `fill`. */
static inline void kit_add(struct byok_keyring *ring, uint32_t id, int fill)
{
    char bytes[BYOK_MASTER_KEY_BYTES];
    memset(bytes, fill, sizeof bytes);
    struct byok_str text = {bytes, sizeof bytes};
    cr_assert_eq(byok_keyring_add(ring, id, text, NULL), BYOK_E_OK);
}

static inline struct byok_keyring *kit_ring(uint32_t id, int fill)
{
    struct byok_keyring *ring = NULL;
    struct byok_fault fault;
    cr_assert_eq(byok_keyring_new(&ring, &fault), BYOK_E_OK, "%s", fault.text);
    if (id != 0)
        kit_add(ring, id, fill);
    return ring;
}

static inline struct byok_slots *kit_slots(uint32_t count)
{
    struct byok_slots *slots = NULL;
    struct byok_fault fault;
    cr_assert_eq(byok_slots_new(count, &slots, &fault), BYOK_E_OK, "%s", fault.text);
    return slots;
}

static inline bool kit_is_wiped(const struct byok_slot *slot)
{
    return sodium_is_zero((const unsigned char *)slot, sizeof *slot) == 1;
}

static inline bool kit_slot_holds(const struct byok_slot *slot, const char *key)
{
    return slot->len == strlen(key) && strcmp(slot->key, key) == 0;
}

static inline struct byok_str kit_seal(struct byok_keyring *ring, const struct byok_owner *owner,
                                       enum byok_seal_algorithm algorithm, struct byok_slots *slots,
                                       struct byok_arena *arena)
{
    struct byok_slot *slot = byok_slots_lease(slots);
    struct byok_key_info info = {.issued_wall_ms = KIT_NOW,
                                 .created_wall_ms = KIT_NOW + 5,
                                 .origin = byok_str_of(KIT_ORIGIN)};
    struct byok_str record = {NULL, 0};
    cr_assert_eq(byok_slot_set(slot, byok_str_of(KIT_KEY)), BYOK_E_OK);
    cr_assert_eq(byok_seal(ring, owner, &info, algorithm, slot, arena, &record), BYOK_E_OK);
    byok_slots_release(slots, &slot);
    return record;
}

/* A private copy whose end is the end of its heap block, so that ASan sees a read behind it. */
static inline struct byok_str kit_exact(struct byok_str text, size_t len)
{
    char *copy = malloc(len ? len : 1);
    cr_assert_not_null(copy);
    if (len > 0)
        memcpy(copy, text.ptr, len);
    return (struct byok_str){copy, len};
}

#endif
