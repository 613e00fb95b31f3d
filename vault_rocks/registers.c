/* SPDX-License-Identifier: MIT */
/* vault_rocks/registers.c - see vault_rocks/registers.h. */
#include "vault_rocks/registers.h"

#ifndef __has_attribute
#define __has_attribute(name) 0
#endif

#if __has_attribute(zero_call_used_regs)
#define WIPES __attribute__((noinline, zero_call_used_regs("all")))
#else
#define WIPES __attribute__((noinline))
#endif

/* A function of its own for each size that registers have, since the program is compiled for the
 * smallest and the C library takes the largest. */
#ifdef __x86_64__

#define ZERO(n) "vpxord %%zmm" #n ", %%zmm" #n ", %%zmm" #n "\n\t"

/* The upper half, which the C library's memcpy() prefers, is not among those that GCC 12 zeroes. */
__attribute__((target("avx512f"))) WIPES static void wipe_512(void)
{
    __asm__ volatile(ZERO(16) ZERO(17) ZERO(18) ZERO(19) ZERO(20) ZERO(21) ZERO(22) ZERO(23)
                         ZERO(24) ZERO(25) ZERO(26) ZERO(27) ZERO(28) ZERO(29) ZERO(30) ZERO(31)::
                             : "xmm16", "xmm17", "xmm18", "xmm19", "xmm20", "xmm21", "xmm22",
                               "xmm23", "xmm24", "xmm25", "xmm26", "xmm27", "xmm28", "xmm29",
                               "xmm30", "xmm31");
}

__attribute__((target("avx"))) WIPES static void wipe_256(void)
{
    __asm__ volatile("");
}

#endif

WIPES static void wipe(void)
{
    __asm__ volatile("");
}

void byok_registers_wipe(void)
{
#ifdef __x86_64__
    if (__builtin_cpu_supports("avx512f")) {
        wipe_512();
        return;
    }
    if (__builtin_cpu_supports("avx")) {
        wipe_256();
        return;
    }
#endif
    wipe();
}
