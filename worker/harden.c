/* SPDX-License-Identifier: MIT */
/* worker/harden.c - limits and flags of the process (Linux). */
#define _GNU_SOURCE /* RLIMIT_MEMLOCK */
#include "worker/harden.h"

#include <signal.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>

/* libcurl would write every session's secrets into the first one's file; the others make OpenSSL
 * load modules, and /etc/ssl/openssl.cnf can do that too where an operator wants it. */
static const char *const ignored[] = {"SSLKEYLOGFILE", "OPENSSL_CONF", "OPENSSL_MODULES",
                                      "OPENSSL_ENGINES"};

static void raise_to_hard(int resource)
{
    struct rlimit limit;
    if (getrlimit((__rlimit_resource_t)resource, &limit) != 0)
        return;
    limit.rlim_cur = limit.rlim_max;
    (void)!setrlimit((__rlimit_resource_t)resource, &limit);
}

void byok_harden(void)
{
    const struct rlimit none = {0, 0};
    (void)!setrlimit(RLIMIT_CORE, &none);
    (void)!prctl(PR_SET_DUMPABLE, 0, 0, 0, 0); /* also closes /proc/<pid>/mem to the same user */
    raise_to_hard(RLIMIT_MEMLOCK);             /* the key slots */
    raise_to_hard(RLIMIT_NOFILE);              /* connections */
    umask(077);
    signal(SIGPIPE, SIG_IGN); /* a peer that closes is an error of its call, not our end */
    for (size_t i = 0; i < sizeof ignored / sizeof ignored[0]; i++)
        unsetenv(ignored[i]);
}

enum byok_err byok_harden_preload(bool allowed, struct byok_fault *fault)
{
    static const char *const names[] = {"LD_PRELOAD", "LD_AUDIT"};
    for (size_t i = 0; i < sizeof names / sizeof names[0] && !allowed; i++) {
        const char *value = getenv(names[i]);
        if (value && value[0] != '\0')
            return byok_fault_set(fault, BYOK_E_CONFIG,
                                  "%s is set: a library loaded by it would see every key. Unset "
                                  "it, or allow it by sandbox.preload",
                                  names[i]);
    }
    return BYOK_E_OK;
}
