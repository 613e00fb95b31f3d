/* SPDX-License-Identifier: MIT */
/* client/pending.c - a hash table of requests. */
#include "client/pending.h"

#include <string.h>

#include "base/mem.h"

#define HASH_NONFATAL_OOM 1
#define uthash_malloc(size) byok_new(1, size)
#define uthash_free(memory, size) byok_delete(memory)
#include <uthash.h>

struct request {
    UT_hash_handle hh;
    bool waits;
    size_t key_len;
    char key[]; /* user NUL id; neither can hold a NUL */
};

struct byok_pending {
    struct request *all;
    size_t waiting;
};

struct byok_pending *byok_pending_new(void)
{
    return byok_new(1, sizeof(struct byok_pending));
}

void byok_pending_free(struct byok_pending *pending)
{
    if (!pending)
        return;
    struct request *one = pending->all;
    HASH_CLEAR(hh, pending->all);
    while (one) {
        struct request *next = one->hh.next; /* HASH_CLEAR leaves the items' links */
        byok_delete(one);
        one = next;
    }
    byok_delete(pending);
}

static struct request *new_request(struct byok_str user, struct byok_str id)
{
    struct request *request = byok_new(1, sizeof *request + user.len + 1 + id.len);
    if (!request)
        return NULL;
    request->waits = true;
    request->key_len = user.len + 1 + id.len;
    if (user.len > 0)
        memcpy(request->key, user.ptr, user.len);
    if (id.len > 0)
        memcpy(request->key + user.len + 1, id.ptr, id.len);
    return request;
}

static struct request *find(const struct byok_pending *pending, const struct request *like)
{
    struct request *found = NULL;
    HASH_FIND(hh, pending->all, like->key, like->key_len, found);
    return found;
}

enum byok_noted byok_pending_add(struct byok_pending *pending, struct byok_str user,
                                 struct byok_str id)
{
    struct request *request = new_request(user, id);
    if (!request)
        return BYOK_NOTED_NOMEM;
    if (find(pending, request)) {
        byok_delete(request);
        return BYOK_NOTED_TWICE;
    }
    HASH_ADD_KEYPTR(hh, pending->all, request->key, request->key_len, request);
    if (!request->hh.tbl) { /* uthash's sign of no memory, with HASH_NONFATAL_OOM */
        byok_delete(request);
        return BYOK_NOTED_NOMEM;
    }
    pending->waiting++;
    return BYOK_NOTED;
}

static struct request *find_by(const struct byok_pending *pending, struct byok_str user,
                               struct byok_str id)
{
    struct request *like = new_request(user, id);
    struct request *found = like ? find(pending, like) : NULL;
    byok_delete(like);
    return found;
}

void byok_pending_forget(struct byok_pending *pending, struct byok_str user, struct byok_str id)
{
    struct request *request = find_by(pending, user, id);
    if (!request)
        return;
    pending->waiting -= request->waits;
    HASH_DEL(pending->all, request);
    byok_delete(request);
}

bool byok_pending_settle(struct byok_pending *pending, struct byok_str user, struct byok_str id)
{
    struct request *request = find_by(pending, user, id);
    if (!request || !request->waits)
        return false;
    request->waits = false;
    pending->waiting--;
    return true;
}

size_t byok_pending_count(const struct byok_pending *pending)
{
    return pending->waiting;
}
