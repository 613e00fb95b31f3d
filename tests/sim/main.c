/* SPDX-License-Identifier: MIT */
/* tests/sim/main.c - plays seeds and reports; tests/sim/README.md says how to read it.
 *
 *   --seeds N  how many (200)      --seed S  the first (1)
 *   --all      go on after a seed that failed, and list them
 */
#define _XOPEN_SOURCE 700 /* a stack for signals */
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "tests/sim/play.h"

struct options {
    uint64_t first, seeds;
    bool all;
};

struct totals {
    uint64_t runs, failed, requests, calls, joined, commits;
    int64_t simulated_us;
    uint64_t faults[SIM_FAULT_COUNT];
};

/* ---- who dies on the way ---- */

static const struct {
    int number;
    const char *text;
} deaths[] = {
    {SIGABRT, "signal SIGABRT (an assertion)\n"},
    {SIGSEGV, "signal SIGSEGV\n"},
    {SIGBUS, "signal SIGBUS\n"},
    {SIGFPE, "signal SIGFPE\n"},
};
#define DEATHS (sizeof deaths / sizeof deaths[0])

static struct sigaction before[DEATHS];

/* Written before each seed, so that the handler has only to give it out. */
static char last_words[64];

static void say(const char *text)
{
    if (write(STDERR_FILENO, text, strlen(text)) < 0)
        _exit(2);
}

/* The seed must not be lost.  What a handler may do is little (signal-safety(7)).  Afterwards the
 * same happens once more, to whoever was there before: a sanitizer, or nobody. */
static void on_death(int number)
{
    say(last_words);
    for (size_t i = 0; i < DEATHS; i++) {
        if (deaths[i].number != number)
            continue;
        say(deaths[i].text);
        if (sigaction(number, &before[i], NULL) != 0)
            _exit(2);
    }
}

/* On a stack of its own: a recursion without end dies of a full one. */
static bool watch_deaths(void)
{
    static char stack[65536];
    const struct sigaction action = {.sa_handler = on_death, .sa_flags = SA_ONSTACK};
    const stack_t other = {.ss_sp = stack, .ss_size = sizeof stack};
    bool good = sigaltstack(&other, NULL) == 0;
    for (size_t i = 0; i < DEATHS; i++)
        good = good && sigaction(deaths[i].number, &action, &before[i]) == 0;
    return good;
}

static bool play_one(uint64_t seed, struct totals *totals)
{
    static struct sim_play play;
    snprintf(last_words, sizeof last_words, "seed %" PRIu64 ": crashed by ", seed);
    sim_play(&play, seed);
    const struct sim_world *world = play.world;
    bool good = world->watch.failures == 0;
    totals->runs++;
    totals->failed += !good;
    totals->requests += play.count;
    for (size_t i = 0; i < world->ledger.count; i++)
        totals->joined += world->ledger.entries[i].joined;
    totals->calls += world->ledger.count;
    totals->commits += world->cluster.commits;
    totals->simulated_us += world->clock.now_us;
    for (size_t i = 0; i < SIM_FAULT_COUNT; i++)
        totals->faults[i] += world->faults[i];
    if (!good)
        fprintf(stderr,
                "seed %" PRIu64 ": %s%s\n  again: ./dev sim --seed %" PRIu64 " --seeds 1"
                " (with BYOK_SIM_LOG=1 it tells what happens)\n",
                seed, world->watch.first, world->watch.failures > 1 ? ", and more" : "", seed);
    sim_world_free(play.world);
    return good;
}

static void report(const struct totals *totals, double seconds)
{
    double hours = (double)totals->simulated_us / 3600e6;
    printf("%" PRIu64 " runs in %.1f s (%.0f runs/s), %.0f simulated hours\n", totals->runs,
           seconds, (double)totals->runs / seconds, hours);
    printf("%" PRIu64 " requests, %" PRIu64 " provider calls and %" PRIu64
           " jobs that joined one, %" PRIu64 " commits, %" PRIu64 " runs failed\n",
           totals->requests, totals->calls - totals->joined, totals->joined, totals->commits,
           totals->failed);
    printf("faults injected:\n");
    for (size_t i = 0; i < SIM_FAULT_COUNT; i++)
        printf("%10" PRIu64 "  %s\n", totals->faults[i], sim_kind_name((enum sim_kind)i));
}

/* A kind that none of so many seeds has is played no more, whatever the reason. */
#define SEEDS_FOR_ALL_KINDS 3000

static bool has_all_kinds(const struct totals *totals)
{
    bool all = true;
    for (size_t i = 0; i < SIM_FAULT_COUNT && totals->runs >= SEEDS_FOR_ALL_KINDS; i++) {
        if (totals->faults[i] > 0)
            continue;
        fprintf(stderr, "no fault of this kind in %" PRIu64 " seeds: %s\n", totals->runs,
                sim_kind_name((enum sim_kind)i));
        all = false;
    }
    return all;
}

static int usage(void)
{
    fprintf(stderr, "usage: sim [--seeds N] [--seed S] [--all]\n");
    return 2;
}

static bool number_of(const char *text, uint64_t *out)
{
    char *end = NULL;
    if (!text)
        return false;
    *out = strtoull(text, &end, 10);
    return *text != '\0' && *end == '\0';
}

static bool read_options(char **argv, struct options *out)
{
    for (char **arg = argv + 1; *arg; arg++) {
        if (strcmp(*arg, "--all") == 0)
            out->all = true;
        else if (strcmp(*arg, "--seeds") == 0 && number_of(arg[1], &out->seeds))
            arg++;
        else if (strcmp(*arg, "--seed") == 0 && number_of(arg[1], &out->first))
            arg++;
        else
            return false;
    }
    return true;
}

int main(int argc, char **argv)
{
    struct options options = {.first = 1, .seeds = 200};
    struct totals totals = {0};
    struct timespec begin, end;
    (void)argc;
    if (!read_options(argv, &options))
        return usage();
    if (!watch_deaths())
        return 2;
    clock_gettime(CLOCK_MONOTONIC, &begin);
    bool good = true;
    for (uint64_t i = 0; i < options.seeds && (good || options.all); i++)
        good &= play_one(options.first + i, &totals);
    clock_gettime(CLOCK_MONOTONIC, &end);
    report(&totals,
           (double)(end.tv_sec - begin.tv_sec) + (double)(end.tv_nsec - begin.tv_nsec) / 1e9);
    good &= has_all_kinds(&totals);
    return !good;
}
