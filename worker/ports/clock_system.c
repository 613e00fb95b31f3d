/* SPDX-License-Identifier: MIT */
/* worker/ports/clock_system.c - the clock port on clock_gettime and libsodium's random source. */
#include "worker/ports/clock_system.h"

#include <time.h>

#include <sodium.h>

static int64_t now_us(struct byok_clock *clock)
{
    (void)clock;
    struct timespec at;
    (void)clock_gettime(CLOCK_MONOTONIC, &at); /* cannot fail: the clock is required by POSIX */
    return (int64_t)at.tv_sec * 1000000 + at.tv_nsec / 1000;
}

static int64_t wall_ms(struct byok_clock *clock)
{
    (void)clock;
    struct timespec at;
    (void)clock_gettime(CLOCK_REALTIME, &at);
    return (int64_t)at.tv_sec * 1000 + at.tv_nsec / 1000000;
}

static uint64_t chance(struct byok_clock *clock)
{
    (void)clock;
    uint64_t value;
    randombytes_buf(&value, sizeof value);
    return value;
}

static const struct byok_clock_ops ops = {.now_us = now_us, .wall_ms = wall_ms, .random = chance};

void byok_clock_system_init(struct byok_clock *clock)
{
    clock->ops = &ops;
}
