/* SPDX-License-Identifier: MIT */
/* base/backoff.h - how long to wait before something that has failed is tried again. */
#ifndef BYOK_BASE_BACKOFF_H
#define BYOK_BASE_BACKOFF_H

#include <stdint.h>

/** The pause after one of `last`: `first` when there was none (0), then twice as long each time, up
 *  to `most`.  Of any one unit. */
static inline int64_t byok_backoff_next(int64_t last, int64_t first, int64_t most)
{
    int64_t next = last == 0 ? first : last * 2;
    return next < most ? next : most;
}

#endif
