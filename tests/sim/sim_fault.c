/* SPDX-License-Identifier: MIT */
/* tests/sim/sim_fault.c - see tests/sim/sim_fault.h. */
#include "tests/sim/sim_fault.h"

#include <stdbool.h>
#include <stdlib.h>

/* The names are the linker's: --wrap=byok_new calls __wrap_byok_new, which finds the true one. */
void *__real_byok_new(size_t count, size_t size);
void *__real_byok_renew(void *memory, size_t count, size_t size);
void *__wrap_byok_new(size_t count, size_t size);
void *__wrap_byok_renew(void *memory, size_t count, size_t size);

static struct {
    bool inside;
    unsigned held;
    uint64_t nth;
    uint64_t random;
    uint32_t per_10000;
    uint64_t failed;
} fault;

void sim_fault_nth(uint64_t n)
{
    fault.nth = n;
}

void sim_fault_chance(uint64_t seed, uint32_t per_10000)
{
    fault.random = seed * 2 + 1;
    fault.per_10000 = per_10000;
}

uint64_t sim_fault_count(void)
{
    return fault.failed;
}

void sim_fault_enter(void)
{
    fault.inside = true;
}

void sim_fault_leave(void)
{
    fault.inside = false;
}

void sim_fault_hold(void)
{
    fault.held++;
}

void sim_fault_release(void)
{
    fault.held--;
}

static bool fails(void)
{
    if (!fault.inside || fault.held > 0)
        return false;
    bool now = fault.nth > 0 && --fault.nth == 0;
    if (fault.per_10000 > 0) {
        fault.random = fault.random * 6364136223846793005u + 1442695040888963407u;
        now = now || (fault.random >> 33) % 10000 < fault.per_10000;
    }
    fault.failed += now;
    return now;
}

void *__wrap_byok_new(size_t count, size_t size)
{
    return fails() ? NULL : __real_byok_new(count, size);
}

void *__wrap_byok_renew(void *memory, size_t count, size_t size)
{
    return fails() ? NULL : __real_byok_renew(memory, count, size);
}

void *sim_new(size_t count, size_t size)
{
    void *memory = __real_byok_new(count, size);
    if (!memory)
        abort();
    return memory;
}
