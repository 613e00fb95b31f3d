/* SPDX-License-Identifier: MIT */
/* tests/fuzz/driver.c - runs a fuzz target without libFuzzer.
 *
 * Replays every file of the folders given, then a bounded number of mutations of each.  The
 * mutations depend on nothing but the file's bytes, so that a failure seen once is seen again by
 * everybody; finding new inputs is the work of the fuzz preset.  One thread, no clock.
 */
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <dirent.h>
#include <sys/stat.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* A seed larger than this is a mistake in the corpus, not a test. */
#define SEED_MAX_BYTES ((size_t)1 << 20)
#define MUTATIONS_PER_SEED 64
#define GROWTH_BYTES ((size_t)64)

struct seed {
    uint8_t *bytes;
    size_t size;
};

/* SplitMix64 (Steele, Lea, Flood 2014): good enough to choose places, and six lines long. */
static uint64_t draw(uint64_t *state)
{
    *state += 0x9e3779b97f4a7c15u;
    uint64_t z = *state;
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
    return z ^ (z >> 31);
}

static uint64_t hash(const struct seed *seed)
{
    uint64_t h = 0xcbf29ce484222325u;
    for (size_t i = 0; i < seed->size; i++)
        h = (h ^ seed->bytes[i]) * 0x100000001b3u;
    return h;
}

/* Decoders are called with a copy of exactly the input's size, so that ASan sees one byte too far. */
static bool run(const uint8_t *data, size_t size)
{
    uint8_t *exact = malloc(size > 0 ? size : 1);
    if (exact == NULL)
        return false;
    memcpy(exact, data, size);
    (void)LLVMFuzzerTestOneInput(exact, size);
    free(exact);
    return true;
}

/* The classic four: a byte changed, a boundary value, a cut, a piece repeated. */
static size_t mutate(uint8_t *data, size_t size, uint64_t *state)
{
    static const uint8_t edges[] = {0x00, 0x7f, 0x80, 0xc1, 0xdf, 0xff, '"', '\\', '{', '['};
    const size_t at = size > 0 ? (size_t)(draw(state) % size) : 0;
    if (size == 0)
        return 0;
    switch (draw(state) % 4) {
    case 0:
        data[at] ^= (uint8_t)(1u << (draw(state) % 8));
        return size;
    case 1:
        data[at] = edges[draw(state) % sizeof(edges)];
        return size;
    case 2:
        return at;
    default: {
        const size_t left = size - at;
        const size_t piece = left < GROWTH_BYTES ? left : GROWTH_BYTES;
        memmove(data + at + piece, data + at, left);
        return size + piece;
    }
    }
}

static bool run_mutations(const struct seed *seed)
{
    const size_t room = seed->size + 4 * GROWTH_BYTES;
    uint8_t *data = malloc(room);
    uint64_t state = hash(seed);
    bool is_ok = data != NULL;
    for (int i = 0; is_ok && i < MUTATIONS_PER_SEED; i++) {
        size_t size = seed->size;
        memcpy(data, seed->bytes, size);
        for (uint64_t steps = 1 + draw(&state) % 4; steps > 0; steps--)
            size = mutate(data, size, &state);
        is_ok = run(data, size);
    }
    free(data);
    return is_ok;
}

static bool read_seed(const char *path, struct seed *seed)
{
    FILE *file = fopen(path, "rb");
    if (file == NULL)
        return false;
    seed->bytes = malloc(SEED_MAX_BYTES);
    seed->size = seed->bytes == NULL ? 0 : fread(seed->bytes, 1, SEED_MAX_BYTES, file);
    const bool is_ok = seed->bytes != NULL && ferror(file) == 0 && feof(file) != 0;
    if (fclose(file) != 0 || !is_ok) {
        free(seed->bytes);
        return false;
    }
    return true;
}

static bool run_file(const char *path)
{
    struct seed seed;
    if (!read_seed(path, &seed)) {
        (void)fprintf(stderr, "driver: cannot read %s\n", path);
        return false;
    }
    /* Said before, because a crash leaves no later chance to name the seed. */
    (void)printf("%s\n", path);
    (void)fflush(stdout);
    const bool is_ok = run(seed.bytes, seed.size) && run_mutations(&seed);
    free(seed.bytes);
    return is_ok;
}

/* Returns the number of seeds, or -1. */
static int run_folder(const char *path)
{
    struct dirent **names = NULL;
    const int count = scandir(path, &names, NULL, alphasort);
    int seeds = 0;
    for (int i = 0; i < count; i++) {
        char full[4096];
        struct stat info;
        const int length = snprintf(full, sizeof(full), "%s/%s", path, names[i]->d_name);
        free(names[i]);
        if (seeds < 0 || length < 0 || (size_t)length >= sizeof(full))
            continue;
        if (stat(full, &info) == 0 && S_ISREG(info.st_mode))
            seeds = run_file(full) ? seeds + 1 : -1;
    }
    free(names);
    return count < 0 ? -1 : seeds;
}

int main(int argc, char **argv)
{
    int total = 0;
    for (int i = 1; i < argc; i++) {
        const int seeds = run_folder(argv[i]);
        if (seeds < 0) {
            (void)fprintf(stderr, "driver: %s failed\n", argv[i]);
            return EXIT_FAILURE;
        }
        total += seeds;
    }
    (void)printf("%d seeds, %d mutations each\n", total, MUTATIONS_PER_SEED);
    return total > 0 ? EXIT_SUCCESS : EXIT_FAILURE; /* no seed: a wrong path, not a pass */
}
