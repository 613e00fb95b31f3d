/* SPDX-License-Identifier: MIT */
/* vault_rocks/guard.c - see vault_rocks/guard.h. */
#include "vault_rocks/guard.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include <sys/mman.h>
#include <sys/resource.h>

#include <sodium.h>

static void refuse_unlocked(size_t bytes, const char *for_what, int error, struct byok_fault *fault)
{
    struct rlimit limit = {.rlim_cur = 0};
    char now[32] = "unlimited";
    if (getrlimit(RLIMIT_MEMLOCK, &limit) != 0)
        snprintf(now, sizeof now, "unknown");
    else if (limit.rlim_cur != RLIM_INFINITY)
        snprintf(now, sizeof now, "%" PRIuMAX " bytes", (uintmax_t)limit.rlim_cur);
    byok_fault_set(fault, BYOK_E_NOMEM,
                   "cannot lock %zu bytes of memory for %s, so a key could reach the swap (%s); "
                   "RLIMIT_MEMLOCK is %s: raise it (ulimit -l, LimitMEMLOCK= of the service, "
                   "--ulimit memlock= of the container)",
                   bytes, for_what, strerror(error), now);
}

void *byok_guard_new(size_t bytes, const char *for_what, struct byok_fault *fault)
{
    if (sodium_init() < 0) {
        byok_fault_set(fault, BYOK_E_INTERNAL, "libsodium does not start (no random numbers?)");
        return NULL;
    }
    void *memory = sodium_malloc(bytes);
    if (!memory) {
        byok_fault_set(fault, BYOK_E_NOMEM, "no memory for %s (%zu bytes)", for_what, bytes);
        return NULL;
    }
    /* Locks do not nest: when sodium_malloc's own attempt succeeded, this costs nothing more. */
    if (mlock(memory, bytes) != 0) {
        refuse_unlocked(bytes, for_what, errno, fault);
        sodium_free(memory);
        return NULL;
    }
    sodium_memzero(memory, bytes); /* sodium_malloc fills with a pattern */
    return memory;
}

void byok_guard_free(void *memory)
{
    sodium_free(memory);
}
