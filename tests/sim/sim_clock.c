/* SPDX-License-Identifier: MIT */
/* tests/sim/sim_clock.c - see tests/sim/sim_clock.h. */
#include "tests/sim/sim_clock.h"

#include <stdbool.h>
#include <string.h>

#include "base/mem.h"
#include "tests/sim/sim_fault.h"

#define WALL_START_MS ((int64_t)1793000000000) /* some day in 2026 */

struct sim_event {
    int64_t due_us;
    uint64_t sequence;
    const void *owner;
    sim_event_fn fn, drop;
    void *arg;
};

static struct sim_clock *self_of(struct byok_clock *clock)
{
    return (struct sim_clock *)clock;
}

int64_t sim_clock_look(struct sim_clock *clock)
{
    /* Knuth's MMIX generator */
    clock->looks = clock->looks * 6364136223846793005U + 1442695040888963407U;
    clock->now_us += (int64_t)(clock->looks >> 63);
    return clock->now_us;
}

static int64_t now_us(struct byok_clock *clock)
{
    return sim_clock_look(self_of(clock));
}

static int64_t wall_ms(struct byok_clock *clock)
{
    return self_of(clock)->wall_ms + self_of(clock)->now_us / 1000;
}

/* splitmix64 (Steele, Lea, Flood, 2014) */
uint64_t sim_random(struct sim_clock *clock)
{
    uint64_t z = clock->state += 0x9e3779b97f4a7c15u;
    z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9u;
    z = (z ^ z >> 27) * 0x94d049bb133111ebu;
    return z ^ z >> 31;
}

static uint64_t random_of(struct byok_clock *clock)
{
    return sim_random(self_of(clock));
}

static const struct byok_clock_ops ops = {now_us, wall_ms, random_of};

void sim_clock_init(struct sim_clock *clock, uint64_t seed)
{
    *clock =
        (struct sim_clock){.clock = {&ops}, .wall_ms = WALL_START_MS, .state = seed, .looks = seed};
    clock->now_us = 1000000;
}

static bool is_before(const struct sim_event *a, const struct sim_event *b)
{
    return a->due_us != b->due_us ? a->due_us < b->due_us : a->sequence < b->sequence;
}

static void sift_up(struct sim_clock *clock, size_t i)
{
    struct sim_event moved = clock->events[i];
    while (i > 0 && is_before(&moved, &clock->events[(i - 1) / 2])) {
        clock->events[i] = clock->events[(i - 1) / 2];
        i = (i - 1) / 2;
    }
    clock->events[i] = moved;
}

static void sift_down(struct sim_clock *clock, size_t i)
{
    struct sim_event moved = clock->events[i];
    for (;;) {
        size_t child = 2 * i + 1;
        if (child >= clock->count)
            break;
        if (child + 1 < clock->count && is_before(&clock->events[child + 1], &clock->events[child]))
            child++;
        if (!is_before(&clock->events[child], &moved))
            break;
        clock->events[i] = clock->events[child];
        i = child;
    }
    clock->events[i] = moved;
}

void sim_clock_in(struct sim_clock *clock, int64_t delay_us, const void *owner, sim_event_fn fn,
                  sim_event_fn drop, void *arg)
{
    if (clock->count == clock->room) {
        size_t room = clock->room ? clock->room * 2 : 64;
        struct sim_event *events = sim_new(room, sizeof *events);
        if (clock->count > 0)
            memcpy(events, clock->events, clock->count * sizeof *events);
        byok_delete(clock->events);
        clock->events = events;
        clock->room = room;
    }
    clock->events[clock->count] = (struct sim_event){
        clock->now_us + delay_us, clock->sequence++, owner, fn, drop, arg,
    };
    sift_up(clock, clock->count++);
}

void sim_clock_drop(struct sim_clock *clock, const void *owner)
{
    size_t kept = 0;
    for (size_t i = 0; i < clock->count; i++) {
        struct sim_event event = clock->events[i];
        if (event.owner != owner)
            clock->events[kept++] = event;
        else if (event.drop)
            event.drop(event.arg);
    }
    clock->count = kept;
    for (size_t i = kept / 2; i-- > 0;)
        sift_down(clock, i);
}

void sim_clock_done(struct sim_clock *clock)
{
    for (size_t i = 0; i < clock->count; i++) {
        if (clock->events[i].drop)
            clock->events[i].drop(clock->events[i].arg);
    }
    byok_delete(clock->events);
    clock->events = NULL;
    clock->count = clock->room = 0;
}

int64_t sim_clock_next_us(const struct sim_clock *clock)
{
    return clock->count > 0 ? clock->events[0].due_us : INT64_MAX;
}

void sim_clock_advance(struct sim_clock *clock, int64_t to_us)
{
    if (to_us > clock->now_us)
        clock->now_us = to_us;
    while (clock->count > 0 && clock->events[0].due_us <= clock->now_us) {
        struct sim_event event = clock->events[0];
        clock->events[0] = clock->events[--clock->count];
        if (clock->count > 0)
            sift_down(clock, 0);
        event.fn(event.arg);
    }
}

uint64_t sim_below(struct sim_clock *clock, uint64_t n)
{
    return sim_random(clock) % n;
}

int sim_chance(struct sim_clock *clock, unsigned permille)
{
    return permille > 0 && sim_below(clock, 1000) < permille;
}
