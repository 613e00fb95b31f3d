/* SPDX-License-Identifier: MIT */
/* worker/instance.c - a name for this worker that is the same at each start. */
#include "worker/instance.h"

#include <stdio.h>
#include <string.h>

#include <sodium.h>
#include <sys/stat.h>
#include <unistd.h>

void byok_instance_derive(const char *data_dir, char out[static BYOK_INSTANCE_BYTES])
{
    char host[256] = "", inode[32] = "";
    unsigned char hash[(BYOK_INSTANCE_BYTES - 1) / 2];
    struct stat folder;
    (void)gethostname(host, sizeof host - 1);
    if (stat(data_dir, &folder) == 0)
        (void)snprintf(inode, sizeof inode, "%llu", (unsigned long long)folder.st_ino);
    crypto_generichash_state state;
    crypto_generichash_init(&state, NULL, 0, sizeof hash);
    /* with their ends, so that no two triples run together alike */
    crypto_generichash_update(&state, (const unsigned char *)host, strlen(host) + 1);
    crypto_generichash_update(&state, (const unsigned char *)data_dir, strlen(data_dir) + 1);
    crypto_generichash_update(&state, (const unsigned char *)inode, strlen(inode) + 1);
    crypto_generichash_final(&state, hash, sizeof hash);
    sodium_bin2hex(out, BYOK_INSTANCE_BYTES, hash, sizeof hash);
}
