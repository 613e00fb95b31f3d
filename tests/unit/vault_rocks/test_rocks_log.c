/* SPDX-License-Identifier: MIT */
/* tests/unit/vault_rocks/test_rocks_log.c - logs that RocksDB would read for ever, and those that it would not. */
#include "kit.h"

#include <sys/stat.h>

#include "vault_rocks/rocks_inner.h"

#define BLOCK ((size_t)32768)

static char folder[256], path[300];
static uint8_t bytes[3 * BLOCK];
static size_t length;

static void set_up(void)
{
    folder_make(folder, sizeof folder);
    snprintf(path, sizeof path, "%s/000012.log", folder);
    memset(bytes, 0, sizeof bytes);
    length = 0;
}

static void tear_down(void)
{
    (void)folder_remove(folder);
}

TestSuite(rocks_log, .init = set_up, .fini = tear_down);

/* The record's own bytes look like heads of recycled records, which they are not. */
static void add(uint8_t type, size_t len)
{
    bytes[length + 4] = (uint8_t)(len & 255);
    bytes[length + 5] = (uint8_t)(len >> 8);
    bytes[length + 6] = type;
    memset(bytes + length + 7, 6, len);
    length += 7 + len;
}

static size_t cut(const char *name)
{
    char file_path[300];
    struct stat info;
    snprintf(file_path, sizeof file_path, "%s/%s", folder, name);
    FILE *file = fopen(file_path, "wb");
    cr_assert_not_null(file);
    cr_assert_eq(fwrite(bytes, 1, length, file), length);
    fclose(file);
    byok_rocks_cut_logs(folder);
    cr_assert_eq(stat(file_path, &info), 0);
    return (size_t)info.st_size;
}

Test(rocks_log, a_sound_one_stays_as_it_is)
{
    add(1, 100);
    add(2, BLOCK - 107 - 7 - 3); /* three bytes are left, too few for a head */
    bytes[length + 2] = 6;
    length = BLOCK;
    add(3, BLOCK - 7);
    add(4, 1000);
    cr_assert_eq(cut("000012.log"), length);
    length += 500; /* made ready for more */
    cr_assert_eq(cut("000012.log"), length);
    length -= 700; /* torn */
    cr_assert_eq(cut("000012.log"), length);
}

Test(rocks_log, what_looks_recycled_is_cut_off)
{
    static const uint8_t types[] = {5, 6, 7, 8, 11};
    for (size_t i = 0; i < sizeof types; i++) {
        length = 0;
        add(2, BLOCK - 7);
        add(4, 20);
        size_t sound = length;
        add(types[i], 40);
        cr_assert_eq(cut("000012.log"), sound);
    }
}

Test(rocks_log, other_files_are_left_alone)
{
    add(5, 40);
    cr_assert_eq(cut("000012.sst"), length);
    cr_assert_eq(cut("LOG"), length);
    cr_assert_eq(cut(".log"), length);
    byok_rocks_cut_logs("/nonexistent");
}
