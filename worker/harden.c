/* SPDX-License-Identifier: MIT */
/* worker/harden.c - limits and flags of the process (Linux). */
#define _GNU_SOURCE /* RLIMIT_MEMLOCK */
#include "worker/harden.h"

#include <signal.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>

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
    unsetenv("SSLKEYLOGFILE"); /* OpenSSL's users would write every session's secrets there */
}
