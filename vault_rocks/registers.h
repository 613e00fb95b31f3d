/* SPDX-License-Identifier: MIT */
/* vault_rocks/registers.h - vector registers, through which keys go when they are copied, compared
 * or deciphered, and in which they stay until something else needs the register.
 */
#ifndef BYOK_VAULT_ROCKS_REGISTERS_H
#define BYOK_VAULT_ROCKS_REGISTERS_H

/** Zero the calling thread's registers that a called function may use, as far as the compiler knows
 *  how (GCC 11, Clang 15).  Some 10 ns.  Any thread. */
void byok_registers_wipe(void);

#endif
