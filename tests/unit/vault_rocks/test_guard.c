/* SPDX-License-Identifier: MIT */
/* tests/unit/vault_rocks/test_guard.c - constant-time and locked-memory helpers. */
#include "kit.h"

#include <errno.h>

#include <sys/resource.h>

#include "vault_rocks/guard.h"

Test(guard, memory_is_zeroed_and_locked)
{
    unsigned char *memory = byok_guard_new(1000, "a test", NULL);
    cr_assert_not_null(memory);
    cr_assert_eq(sodium_is_zero(memory, 1000), 1);
    byok_guard_free(memory);
    byok_guard_free(NULL);
}

/* Gives up the right to lock without limit; false: cannot be arranged here. */
static bool limit_locking(rlim_t bytes)
{
    struct rlimit limit = {.rlim_cur = bytes, .rlim_max = bytes};
    if (setrlimit(RLIMIT_MEMLOCK, &limit) != 0)
        return false;
    /* root's CAP_IPC_LOCK passes over the limit, so the test's own process stops being root */
    return geteuid() != 0 || (setgid(65534) == 0 && setuid(65534) == 0);
}

Test(guard, memory_that_cannot_be_locked_is_an_error_that_names_the_limit)
{
    if (KIT_ASAN)
        cr_skip_test("ASan makes mlock do nothing");
    if (!limit_locking(65536))
        cr_skip_test("cannot lower RLIMIT_MEMLOCK here: %s", strerror(errno));
    struct byok_slots *slots = NULL;
    struct byok_fault fault;
    cr_assert_eq(byok_slots_new(1000, &slots, &fault), BYOK_E_NOMEM);
    cr_assert_null(slots);
    cr_assert_not_null(strstr(fault.text, "RLIMIT_MEMLOCK is 65536 bytes"), "%s", fault.text);
    cr_assert_not_null(strstr(fault.text, "648000 bytes"), "%s", fault.text);
    slots = kit_slots(10); /* within the limit it works */
    byok_slots_free(slots);
}

Test(guard, a_key_ring_that_cannot_be_locked_is_an_error)
{
    if (KIT_ASAN)
        cr_skip_test("ASan makes mlock do nothing");
    if (!limit_locking(0))
        cr_skip_test("cannot lower RLIMIT_MEMLOCK here: %s", strerror(errno));
    struct byok_keyring *ring = NULL;
    struct byok_fault fault;
    cr_assert_eq(byok_keyring_new(&ring, &fault), BYOK_E_NOMEM);
    cr_assert_not_null(strstr(fault.text, "RLIMIT_MEMLOCK"), "%s", fault.text);
}
