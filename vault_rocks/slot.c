/* SPDX-License-Identifier: MIT */
/* vault_rocks/slot.c - the slab of slots, and what may be done with a slot's key. */
#include "vault_rocks/slot.h"

#include <assert.h>
#include <string.h>

#include <pthread.h>

#include <sodium.h>

#include "base/mem.h"
#include "vault_rocks/guard.h"
#include "vault_rocks/registers.h"

/* byok_slot_header returns a text that begins in `head` and goes on in `key`. */
static_assert(offsetof(struct byok_slot, key) == BYOK_SLOT_HEAD_BYTES, "no gap before the key");
static_assert(SIZE_MAX / sizeof(struct byok_slot) >= UINT32_MAX, "no count of slots overflows");

struct byok_slots {
    pthread_mutex_t lock;    /* guards all below but the slots' bytes */
    struct byok_slot *slab;  /* guarded memory */
    struct byok_slot **idle; /* a stack: the slot given back last is still in the cache */
    uint32_t idle_count;
    uint32_t count;
};

enum byok_err byok_slots_new(uint32_t count, struct byok_slots **out, struct byok_fault *fault)
{
    if (count == 0)
        return byok_fault_set(fault, BYOK_E_CONFIG, "the number of key slots is 0");
    struct byok_slots *slots = byok_new(1, sizeof *slots);
    if (!slots)
        return byok_fault_set(fault, BYOK_E_NOMEM, "no memory for the key slots");
    pthread_mutex_init(&slots->lock, NULL); /* cannot fail for a default mutex on Linux */
    slots->count = count;
    slots->idle = byok_new(count, sizeof(struct byok_slot *));
    if (!slots->idle) {
        byok_slots_free(slots);
        return byok_fault_set(fault, BYOK_E_NOMEM, "no memory for %u key slots", count);
    }
    struct byok_fault why = {.code = BYOK_E_NOMEM};
    slots->slab = byok_guard_new(count * sizeof(struct byok_slot), "the key slots", &why);
    if (!slots->slab) {
        byok_slots_free(slots);
        if (fault)
            *fault = why;
        return why.code;
    }
    for (uint32_t i = 0; i < count; i++)
        slots->idle[slots->idle_count++] = &slots->slab[count - 1 - i];
    *out = slots;
    return BYOK_E_OK;
}

void byok_slots_free(struct byok_slots *slots)
{
    if (!slots)
        return;
    /* a lease that is still out would be written to after its page is gone */
    assert(!slots->slab || slots->idle_count == slots->count);
    byok_guard_free(slots->slab);
    byok_delete(slots->idle);
    pthread_mutex_destroy(&slots->lock);
    byok_delete(slots);
}

struct byok_slot *byok_slots_lease(struct byok_slots *slots)
{
    pthread_mutex_lock(&slots->lock);
    struct byok_slot *slot = slots->idle_count > 0 ? slots->idle[--slots->idle_count] : NULL;
    pthread_mutex_unlock(&slots->lock);
    return slot;
}

void byok_slots_release(struct byok_slots *slots, struct byok_slot **slot)
{
    struct byok_slot *ours = *slot;
    if (!ours)
        return;
    *slot = NULL;
    assert(ours >= slots->slab && ours < slots->slab + slots->count);
    sodium_memzero(ours, sizeof *ours);
    byok_registers_wipe();
    pthread_mutex_lock(&slots->lock);
    assert(slots->idle_count < slots->count); /* given back twice */
    slots->idle[slots->idle_count++] = ours;
    pthread_mutex_unlock(&slots->lock);
}

uint32_t byok_slots_idle(struct byok_slots *slots)
{
    pthread_mutex_lock(&slots->lock);
    uint32_t idle = slots->idle_count;
    pthread_mutex_unlock(&slots->lock);
    return idle;
}

uint32_t byok_slots_leased(struct byok_slots *slots)
{
    return slots->count - byok_slots_idle(slots);
}

bool byok_slot_accepts(struct byok_str key)
{
    if (key.len < BYOK_KEY_MIN || key.len > BYOK_KEY_MAX)
        return false;
    unsigned refused = 0; /* no early exit: the time says nothing about the bytes */
    for (size_t i = 0; i < key.len; i++) {
        unsigned char c = (unsigned char)key.ptr[i];
        refused |= (unsigned)(c < 0x21) | (unsigned)(c > 0x7e);
    }
    return refused == 0;
}

enum byok_err byok_slot_set(struct byok_slot *slot, struct byok_str key)
{
    sodium_memzero(slot, sizeof *slot);
    if (!byok_slot_accepts(key))
        return BYOK_E_KEY_INVALID;
    memcpy(slot->key, key.ptr, key.len);
    slot->len = (uint32_t)key.len;
    return BYOK_E_OK;
}

const char *byok_slot_header(struct byok_slot *slot, const char *name, const char *prefix)
{
    size_t name_len = strlen(name), prefix_len = strlen(prefix);
    if (slot->len == 0 || name_len > BYOK_SLOT_HEAD_BYTES || prefix_len > BYOK_SLOT_HEAD_BYTES ||
        name_len + 2 + prefix_len > BYOK_SLOT_HEAD_BYTES)
        return NULL;
    char *line = (char *)slot + (BYOK_SLOT_HEAD_BYTES - (name_len + 2 + prefix_len));
    memcpy(line, name, name_len);
    memcpy(line + name_len, ": ", 2);
    memcpy(line + name_len + 2, prefix, prefix_len);
    return line;
}
