/* SPDX-License-Identifier: MIT */
/* actors/queue.h - a first-in, first-out list of messages, linked by their own `next`.
 *
 * Owns nothing: whoever has the queue says whose the messages are.  A zeroed one is empty.
 */
#ifndef BYOK_ACTORS_QUEUE_H
#define BYOK_ACTORS_QUEUE_H

#include <stddef.h>

#include "actors/message.h"

struct byok_queue {
    struct byok_msg *head, *last; /* last is set only while head is */
    size_t count;
};

static inline void byok_queue_push(struct byok_queue *queue, struct byok_msg *msg)
{
    msg->next = NULL;
    if (queue->head)
        queue->last->next = msg;
    else
        queue->head = msg;
    queue->last = msg;
    queue->count++;
}

/** The oldest, unlinked; NULL: it is empty. */
static inline struct byok_msg *byok_queue_pop(struct byok_queue *queue)
{
    struct byok_msg *msg = queue->head;
    if (!msg)
        return NULL;
    queue->head = msg->next;
    queue->count--;
    msg->next = NULL;
    return msg;
}

/** Put all of `front` before `queue`; `front` is empty afterwards. */
static inline void byok_queue_prepend(struct byok_queue *queue, struct byok_queue *front)
{
    if (!front->head)
        return;
    front->last->next = queue->head;
    if (!queue->head)
        queue->last = front->last;
    queue->head = front->head;
    queue->count += front->count;
    *front = (struct byok_queue){0};
}

/** Put one before all others, as when it was taken too early. */
static inline void byok_queue_return(struct byok_queue *queue, struct byok_msg *msg)
{
    struct byok_queue front = {0};
    byok_queue_push(&front, msg);
    byok_queue_prepend(queue, &front);
}

/** Put all of `more` behind `queue`; `more` is empty afterwards. */
static inline void byok_queue_append(struct byok_queue *queue, struct byok_queue *more)
{
    byok_queue_prepend(more, queue);
    *queue = *more;
    *more = (struct byok_queue){0};
}

/** Unlink one that is in the queue; the others stay in order. */
static inline void byok_queue_remove(struct byok_queue *queue, struct byok_msg *msg)
{
    struct byok_queue rest = {0};
    for (struct byok_msg *other; (other = byok_queue_pop(queue)) != NULL;) {
        if (other != msg)
            byok_queue_push(&rest, other);
    }
    *queue = rest;
}

#endif
