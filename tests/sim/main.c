/* SPDX-License-Identifier: MIT */
/* tests/sim/main.c - plays seeds and reports; tests/sim/README.md says how to read it.
 *
 *   --seeds N  how many (200)      --seed S  the first (1)
 *   --all      go on after a seed that failed, and list them
 */
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

static volatile sig_atomic_t playing; /* the seed, for who dies on the way */

/* An assertion of the actors has failed: the seed must not be lost. */
static void on_abort(int signal_number)
{
    char text[64];
    int len = snprintf(text, sizeof text, "seed %d: aborted\n", (int)playing);
    (void)signal_number;
    if (len > 0 && write(STDERR_FILENO, text, (size_t)len) < 0)
        _exit(2);
    _exit(1);
}

static bool play_one(uint64_t seed, struct totals *totals)
{
    static struct sim_play play;
    playing = (sig_atomic_t)seed;
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
    signal(SIGABRT, on_abort);
    clock_gettime(CLOCK_MONOTONIC, &begin);
    bool good = true;
    for (uint64_t i = 0; i < options.seeds && (good || options.all); i++)
        good &= play_one(options.first + i, &totals);
    clock_gettime(CLOCK_MONOTONIC, &end);
    report(&totals,
           (double)(end.tv_sec - begin.tv_sec) + (double)(end.tv_nsec - begin.tv_nsec) / 1e9);
    return totals.failed > 0;
}
