/* SPDX-License-Identifier: MIT */
/* tests/unit/vault_rocks/test_registers.c - what a copied key leaves in vector registers is wiped. */
#include <criterion/criterion.h>

#include <string.h>

#include "vault_rocks/registers.h"

#ifdef __x86_64__

#define PATTERN 0x6b

static const unsigned char pattern[16] = {PATTERN, PATTERN, PATTERN, PATTERN, PATTERN, PATTERN,
                                          PATTERN, PATTERN, PATTERN, PATTERN, PATTERN, PATTERN,
                                          PATTERN, PATTERN, PATTERN, PATTERN};

Test(registers, the_first_sixteen_are_wiped)
{
    unsigned char low[16], high[16];
    __asm__ volatile("movdqu %0, %%xmm0\n\tmovdqu %0, %%xmm15" : : "m"(pattern) : "xmm0", "xmm15");
    byok_registers_wipe();
    __asm__ volatile("movdqu %%xmm0, %0\n\tmovdqu %%xmm15, %1" : "=m"(low), "=m"(high));
    for (size_t i = 0; i < sizeof low; i++)
        cr_assert_eq(low[i] | high[i], 0, "byte %zu", i);
}

Test(registers, those_above_are_wiped_where_there_are_any)
{
    if (!__builtin_cpu_supports("avx512f"))
        cr_skip_test("this processor has none");
    unsigned char low[64], high[64];
    __asm__ volatile("vbroadcasti32x4 %0, %%zmm16\n\tvbroadcasti32x4 %0, %%zmm31" : : "m"(pattern));
    byok_registers_wipe();
    __asm__ volatile("vmovdqu8 %%zmm16, %0\n\tvmovdqu8 %%zmm31, %1" : "=m"(low), "=m"(high));
    for (size_t i = 0; i < sizeof low; i++)
        cr_assert_eq(low[i] | high[i], 0, "byte %zu", i);
}

#else

Test(registers, can_be_wiped)
{
    byok_registers_wipe();
}

#endif
