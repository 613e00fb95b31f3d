/* SPDX-License-Identifier: MIT */
/* tests/unit/vault_rocks/test_slot.c - leases, header lines, locked memory. */
#include "kit.h"

#include <signal.h>
#include <stdint.h>

#include "vault_rocks/slot.h"

Test(slot, a_slab_gives_each_slot_once_and_takes_it_back)
{
    struct byok_slots *slots = kit_slots(3);
    struct byok_slot *leased[3];
    for (uint32_t i = 0; i < 3; i++) {
        cr_assert_eq(byok_slots_leased(slots), i);
        leased[i] = byok_slots_lease(slots);
        cr_assert_not_null(leased[i]);
        for (uint32_t j = 0; j < i; j++)
            cr_assert_neq(leased[i], leased[j]);
    }
    cr_assert_null(byok_slots_lease(slots), "all are leased");
    struct byok_slot *second = leased[1];
    byok_slots_release(slots, &leased[1]);
    cr_assert_null(leased[1]);
    cr_assert_eq(byok_slots_leased(slots), 2u);
    leased[1] = byok_slots_lease(slots);
    cr_assert_eq(leased[1], second);
    for (uint32_t i = 0; i < 3; i++)
        byok_slots_release(slots, &leased[i]);
    cr_assert_eq(byok_slots_leased(slots), 0u);
    byok_slots_free(slots);
}

Test(slot, a_released_slot_is_wiped)
{
    struct byok_slots *slots = kit_slots(1);
    struct byok_slot *slot = byok_slots_lease(slots), *same = slot;
    cr_assert(kit_is_wiped(slot), "new");
    cr_assert_eq(byok_slot_set(slot, kit_str(KIT_KEY)), BYOK_E_OK);
    cr_assert_not_null(byok_slot_header(slot, "Authorization", "Bearer "));
    byok_slots_release(slots, &slot);
    cr_assert(kit_is_wiped(same), "its page is still there");
    byok_slots_free(slots);
}

Test(slot, releasing_nothing_is_fine)
{
    struct byok_slots *slots = kit_slots(1);
    struct byok_slot *none = NULL;
    byok_slots_release(slots, &none);
    byok_slots_free(slots);
    byok_slots_free(NULL);
}

Test(slot, a_slab_of_no_slots_is_refused)
{
    struct byok_slots *slots = NULL;
    struct byok_fault fault;
    cr_assert_eq(byok_slots_new(0, &slots, &fault), BYOK_E_CONFIG);
    cr_assert_null(slots);
}

Test(slot, reading_past_the_end_of_the_slab_kills, .signal = SIGSEGV)
{
    struct byok_slots *slots = kit_slots(1);
    const volatile char *slot = (const volatile char *)byok_slots_lease(slots);
#if KIT_ASAN
    signal(SIGSEGV, SIG_DFL); /* ASan would turn it into an exit code */
#endif
    char beyond = slot[sizeof(struct byok_slot)];
    cr_assert_fail("read %d", beyond);
}

Test(slot, writing_before_the_slab_is_found_when_it_is_freed, .signal = SIGSEGV)
{
    /* the canary stands right before, the guard page up to a page before */
    struct byok_slots *slots = kit_slots(1);
    struct byok_slot *slot = byok_slots_lease(slots);
    volatile char *before = (volatile char *)slot - 1;
#if KIT_ASAN
    signal(SIGSEGV, SIG_DFL);
#endif
    *before = (char)(*before + 1);
    byok_slots_release(slots, &slot);
    byok_slots_free(slots); /* libsodium raises SIGSEGV, or aborts */
}

Test(slot, giving_a_slot_back_twice_stops_the_program, .signal = SIGABRT)
{
    struct byok_slots *slots = kit_slots(2);
    struct byok_slot *slot = byok_slots_lease(slots), *again = slot;
    byok_slots_release(slots, &slot);
    byok_slots_release(slots, &again);
}

Test(slot, freeing_a_slab_with_a_lease_out_stops_the_program, .signal = SIGABRT)
{
    struct byok_slots *slots = kit_slots(2);
    cr_assert_not_null(byok_slots_lease(slots));
    byok_slots_free(slots);
}

Test(slot, only_printable_keys_of_a_sane_length_are_accepted)
{
    static char longest[BYOK_KEY_MAX + 2];
    memset(longest, 'x', BYOK_KEY_MAX + 1);
    const struct {
        const char *what;
        struct byok_str key;
        enum byok_err want;
    } cases[] = {
        {"ordinary", BYOK_STR(KIT_KEY), BYOK_E_OK},
        {"shortest", BYOK_STR("12345678"), BYOK_E_OK},
        {"first and last character", BYOK_STR("!!!!~~~~"), BYOK_E_OK},
        {"longest", {longest, BYOK_KEY_MAX}, BYOK_E_OK},
        {"too long", {longest, BYOK_KEY_MAX + 1}, BYOK_E_KEY_INVALID},
        {"too short", BYOK_STR("1234567"), BYOK_E_KEY_INVALID},
        {"empty", {NULL, 0}, BYOK_E_KEY_INVALID},
        {"CR", BYOK_STR("12345678\r9"), BYOK_E_KEY_INVALID},
        {"LF at the end", BYOK_STR("123456789\n"), BYOK_E_KEY_INVALID},
        {"NUL",
         BYOK_STR("12345678\0"
                  "9"),
         BYOK_E_KEY_INVALID},
        {"space", BYOK_STR("12345678 9"), BYOK_E_KEY_INVALID},
        {"tab", BYOK_STR("12345678\t9"), BYOK_E_KEY_INVALID},
        {"DEL", BYOK_STR("12345678\x7f"), BYOK_E_KEY_INVALID},
        {"8-bit", BYOK_STR("12345678\xc3\xa9"), BYOK_E_KEY_INVALID},
    };
    struct byok_slots *slots = kit_slots(1);
    struct byok_slot *slot = byok_slots_lease(slots);
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        cr_assert_eq(byok_slot_set(slot, kit_str("an-earlier-key-of-another-user")), BYOK_E_OK);
        cr_assert_eq(byok_slot_set(slot, cases[i].key), cases[i].want, "%s", cases[i].what);
        cr_assert_eq(byok_slot_accepts(cases[i].key), cases[i].want == BYOK_E_OK);
        if (cases[i].want)
            cr_assert(kit_is_wiped(slot), "%s", cases[i].what);
        else
            cr_assert_eq(slot->len, cases[i].key.len);
    }
    byok_slots_release(slots, &slot);
    byok_slots_free(slots);
}

Test(slot, a_header_line_is_made_in_place)
{
    struct byok_slots *slots = kit_slots(1);
    struct byok_slot *slot = byok_slots_lease(slots);
    cr_assert_null(byok_slot_header(slot, "X-Api-Key", ""), "there is no key yet");
    cr_assert_eq(byok_slot_set(slot, kit_str(KIT_KEY)), BYOK_E_OK);
    const char *line = byok_slot_header(slot, "Authorization", "Bearer ");
    cr_assert_str_eq(line, "Authorization: Bearer " KIT_KEY);
    cr_assert_eq((uintptr_t)line + strlen("Authorization: Bearer "), (uintptr_t)slot->key);
    cr_assert_str_eq(byok_slot_header(slot, "x-api-key", ""), "x-api-key: " KIT_KEY);
    byok_slots_release(slots, &slot);
    byok_slots_free(slots);
}

Test(slot, a_header_that_has_no_room_is_refused)
{
    char name[BYOK_SLOT_HEAD_BYTES + 100];
    memset(name, 'n', sizeof name);
    struct byok_slots *slots = kit_slots(1);
    struct byok_slot *slot = byok_slots_lease(slots);
    cr_assert_eq(byok_slot_set(slot, kit_str(KIT_KEY)), BYOK_E_OK);
    name[BYOK_SLOT_HEAD_BYTES - 2] = '\0';
    const char *line = byok_slot_header(slot, name, "");
    cr_assert_eq((uintptr_t)line, (uintptr_t)slot, "fills the room exactly");
    cr_assert_null(byok_slot_header(slot, name, "B"));
    name[BYOK_SLOT_HEAD_BYTES - 2] = 'n';
    name[sizeof name - 1] = '\0';
    cr_assert_null(byok_slot_header(slot, name, ""));
    cr_assert_null(byok_slot_header(slot, "a", name));
    byok_slots_release(slots, &slot);
    byok_slots_free(slots);
}
