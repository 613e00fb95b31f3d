/* SPDX-License-Identifier: MIT */
/* tests/e2e/bad_disk.c - a bad disk, by LD_PRELOAD: each write and sync of a regular file takes
 * BYOK_SLOW_US longer, and fails, as on a file system that has become read-only, while there is a file
 * BYOK_READ_ONLY_IF.  Standard output and error stay as they are. */
#define _GNU_SOURCE /* RTLD_NEXT */
#include <dlfcn.h>
#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <time.h>

#include <sys/stat.h>
#include <unistd.h>

static void delay(const char *us_text)
{
    int64_t us = strtoll(us_text, NULL, 10);
    struct timespec pause = {.tv_sec = (time_t)(us / 1000000),
                             .tv_nsec = (long)(us % 1000000) * 1000};
    (void)nanosleep(&pause, NULL);
}

/* After its time; false, with errno: it fails. */
static bool passes(int fd)
{
    struct stat info;
    const char *us = getenv("BYOK_SLOW_US"), *flag = getenv("BYOK_READ_ONLY_IF");
    if (fd <= STDERR_FILENO || fstat(fd, &info) != 0 || !S_ISREG(info.st_mode))
        return true;
    if (us)
        delay(us);
    bool is_read_only = flag && stat(flag, &info) == 0;
    errno = is_read_only ? EROFS : 0;
    return !is_read_only;
}

/* ISO C has no cast from an object's pointer to a function's, POSIX's dlsym needs it. */
union symbol {
    void *object;
    ssize_t (*write)(int fd, const void *bytes, size_t count);
    ssize_t (*pwrite)(int fd, const void *bytes, size_t count, off_t offset);
    int (*sync)(int fd);
};

ssize_t write(int fd, const void *bytes, size_t count)
{
    return passes(fd) ? (union symbol){dlsym(RTLD_NEXT, "write")}.write(fd, bytes, count) : -1;
}

ssize_t pwrite(int fd, const void *bytes, size_t count, off_t offset)
{
    return passes(fd) ? (union symbol){dlsym(RTLD_NEXT, "pwrite")}.pwrite(fd, bytes, count, offset)
                      : -1;
}

int fsync(int fd)
{
    return passes(fd) ? (union symbol){dlsym(RTLD_NEXT, "fsync")}.sync(fd) : -1;
}

int fdatasync(int fd)
{
    return passes(fd) ? (union symbol){dlsym(RTLD_NEXT, "fdatasync")}.sync(fd) : -1;
}
