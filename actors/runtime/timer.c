/* SPDX-License-Identifier: MIT */
/* actors/runtime/timer.c - see actors/runtime/timer.h.
 *
 * A node's `prev` is its left sibling, or its parent when it is the first child.
 */
#include "actors/runtime/timer.h"

static bool is_before(const struct byok_timer *a, const struct byok_timer *b)
{
    return a->due_us != b->due_us ? a->due_us < b->due_us : a->sequence < b->sequence;
}

/* Join two heaps; either may be NULL. */
static struct byok_timer *meld(struct byok_timer *a, struct byok_timer *b)
{
    if (!a || !b)
        return a ? a : b;
    if (is_before(b, a)) {
        struct byok_timer *swap = a;
        a = b;
        b = swap;
    }
    b->next = a->child;
    if (b->next)
        b->next->prev = b;
    b->prev = a;
    a->child = b;
    return a;
}

/* Join a list of siblings: pairs from left to right, then the results from right to left. */
static struct byok_timer *meld_siblings(struct byok_timer *first)
{
    struct byok_timer *pairs = NULL; /* linked by next, last pair first */
    while (first) {
        struct byok_timer *a = first, *b = a->next;
        first = b ? b->next : NULL;
        a->next = a->prev = NULL;
        if (b)
            b->next = b->prev = NULL;
        struct byok_timer *pair = meld(a, b);
        pair->next = pairs;
        pairs = pair;
    }
    struct byok_timer *root = NULL;
    while (pairs) {
        struct byok_timer *next = pairs->next;
        pairs->next = NULL;
        root = meld(root, pairs);
        pairs = next;
    }
    return root;
}

void byok_timers_insert(struct byok_timers *timers, struct byok_timer *timer)
{
    timer->child = timer->next = timer->prev = NULL;
    timer->sequence = timers->sequence++;
    timer->set = true;
    timers->root = meld(timers->root, timer);
}

void byok_timers_remove(struct byok_timers *timers, struct byok_timer *timer)
{
    if (!timer->set)
        return;
    struct byok_timer *below = meld_siblings(timer->child);
    if (timer == timers->root) {
        timers->root = below;
    } else {
        if (timer->prev->child == timer)
            timer->prev->child = timer->next;
        else
            timer->prev->next = timer->next;
        if (timer->next)
            timer->next->prev = timer->prev;
        timers->root = meld(timers->root, below);
    }
    timer->child = timer->next = timer->prev = NULL;
    timer->set = false;
}
