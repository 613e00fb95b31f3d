/* SPDX-License-Identifier: MIT */
/* vault_rocks/rocks_log.c - cuts off what would keep RocksDB from ever opening a database again.
 *
 * RocksDB 9.10 (Debian 13) reads a log for ever in which something has the type of a record of a
 * recycled log (5 to 8, and 11).  Ours are never recycled, so such a byte stands behind a torn end only,
 * where all that follows is void in any version (recovery ends at the first record that is damaged).
 * Source of the format: RocksDB's wiki, Write Ahead Log File Format: blocks of 32 KiB of records, a
 * record is crc (4 bytes), length (2, little endian), type (1) and its bytes, and none spans blocks.
 */
#include <dirent.h>
#include <string.h>

#include <fcntl.h>
#include <unistd.h>

#include "base/mem.h"
#include "vault_rocks/rocks_inner.h"

#define BLOCK_BYTES ((size_t)32768)
#define HEAD_BYTES ((size_t)7)

static bool is_recycled(uint8_t type)
{
    return (type >= 5 && type <= 8) || type == 11;
}

/* Where in the block something recycled begins; `len`: nowhere. */
static size_t find_recycled(const uint8_t *block, size_t len)
{
    for (size_t at = 0; at + HEAD_BYTES <= len;) {
        size_t bytes = block[at + 4] | (size_t)block[at + 5] << 8;
        uint8_t type = block[at + 6];
        if (is_recycled(type))
            return at;
        if (type == 0 && bytes == 0) /* made ready and not written: nothing more in this block */
            return len;
        at += HEAD_BYTES + bytes;
    }
    return len;
}

static void cut_log(int fd, uint8_t *block)
{
    ssize_t got;
    for (off_t from = 0; (got = pread(fd, block, BLOCK_BYTES, from)) > 0; from += got) {
        size_t at = find_recycled(block, (size_t)got);
        if (at == (size_t)got)
            continue;
        if (ftruncate(fd, from + (off_t)at) == 0)
            (void)fsync(fd);
        return;
    }
}

void byok_rocks_cut_logs(const char *path)
{
    DIR *folder = opendir(path);
    uint8_t *block = byok_new(BLOCK_BYTES, 1);
    const struct dirent *entry;
    while (folder && block && (entry = readdir(folder)) != NULL) {
        size_t digits = strspn(entry->d_name, "0123456789");
        if (digits == 0 || strcmp(entry->d_name + digits, ".log") != 0)
            continue;
        int fd = openat(dirfd(folder), entry->d_name, O_RDWR | O_CLOEXEC | O_NOFOLLOW);
        if (fd < 0)
            continue;
        cut_log(fd, block);
        (void)close(fd);
    }
    byok_delete(block);
    if (folder)
        (void)closedir(folder);
}
