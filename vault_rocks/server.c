/* SPDX-License-Identifier: MIT */
/* vault_rocks/server.c - see vault_rocks/server.h. */
#include "vault_rocks/server.h"

#include <stdio.h>
#include <string.h>

#include <time.h>

#include <uthash.h>

#include "base/backoff.h"
#include "base/mem.h"

#define WAIT_MIN_US ((int64_t)100 * 1000)
#define WAIT_MAX_US ((int64_t)5000 * 1000)

int64_t byok_server_now_us(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000000 + now.tv_nsec / 1000;
}

void byok_outage_init(struct byok_outage *outage)
{
    *outage = (struct byok_outage){0};
    pthread_mutex_init(&outage->lock, NULL);
}

void byok_outage_done(struct byok_outage *outage)
{
    pthread_mutex_destroy(&outage->lock);
}

enum byok_err byok_outage_check(struct byok_outage *outage, struct byok_fault *fault)
{
    enum byok_err err = BYOK_E_OK;
    pthread_mutex_lock(&outage->lock);
    if (outage->until_us > byok_server_now_us())
        err = byok_fault_set(fault, BYOK_E_STORE, "%s", outage->text);
    pthread_mutex_unlock(&outage->lock);
    return err;
}

enum byok_err byok_outage_begin(struct byok_outage *outage, const char *text,
                                struct byok_fault *fault)
{
    pthread_mutex_lock(&outage->lock);
    int64_t now = byok_server_now_us();
    if (outage->until_us <= now) { /* not a second call that failed beside the first */
        outage->wait_us = byok_backoff_next(outage->wait_us, WAIT_MIN_US, WAIT_MAX_US);
        outage->until_us = now + outage->wait_us;
    }
    snprintf(outage->text, sizeof outage->text, "%.*s", (int)strcspn(text, "\r\n"), text);
    byok_fault_set(fault, BYOK_E_STORE, "%s", outage->text);
    pthread_mutex_unlock(&outage->lock);
    return BYOK_E_STORE;
}

void byok_outage_end(struct byok_outage *outage)
{
    pthread_mutex_lock(&outage->lock);
    outage->until_us = 0;
    outage->wait_us = 0;
    pthread_mutex_unlock(&outage->lock);
}

struct seen {
    UT_hash_handle hh;
};

size_t byok_server_last_writes(const struct byok_write *writes, size_t count,
                               const struct byok_write ***out)
{
    struct seen *table = NULL, *found, *nodes = byok_new(count + 1, sizeof *nodes);
    const struct byok_write **last = byok_new(count + 1, sizeof *last);
    size_t kept = 0;
    for (size_t i = count; nodes && last && i-- > 0;) {
        struct byok_str key = {writes[i].key.len > 0 ? writes[i].key.ptr : "", writes[i].key.len};
        HASH_FIND(hh, table, key.ptr, key.len, found);
        if (found)
            continue;
        HASH_ADD_KEYPTR(hh, table, key.ptr, key.len, &nodes[i]);
        last[kept++] = &writes[i];
    }
    HASH_CLEAR(hh, table);
    byok_delete(nodes);
    if (nodes && last) {
        *out = last;
        return kept;
    }
    byok_delete(last);
    return SIZE_MAX;
}

enum byok_err byok_server_check_key(struct byok_str key, struct byok_fault *fault)
{
    if (key.len <= BYOK_STORE_KEY_MAX)
        return BYOK_E_OK;
    return byok_fault_set(fault, BYOK_E_STORE,
                          "a key of %zu bytes, more than a store on a server takes", key.len);
}
