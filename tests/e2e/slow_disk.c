/* SPDX-License-Identifier: MIT */
/* tests/e2e/slow_disk.c - a slow disk, by LD_PRELOAD: each write and sync of a regular file takes
 * BYOK_SLOW_US longer.  Standard output and error stay quick. */
#define _GNU_SOURCE /* RTLD_NEXT */
#include <dlfcn.h>
#include <stdlib.h>
#include <time.h>

#include <sys/stat.h>
#include <unistd.h>

static void delay(int fd)
{
    struct stat info;
    const char *text = getenv("BYOK_SLOW_US");
    if (fd <= STDERR_FILENO || !text || fstat(fd, &info) != 0 || !S_ISREG(info.st_mode))
        return;
    int64_t us = strtoll(text, NULL, 10);
    struct timespec pause = {.tv_sec = (time_t)(us / 1000000),
                             .tv_nsec = (long)(us % 1000000) * 1000};
    (void)nanosleep(&pause, NULL);
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
    delay(fd);
    return (union symbol){dlsym(RTLD_NEXT, "write")}.write(fd, bytes, count);
}

ssize_t pwrite(int fd, const void *bytes, size_t count, off_t offset)
{
    delay(fd);
    return (union symbol){dlsym(RTLD_NEXT, "pwrite")}.pwrite(fd, bytes, count, offset);
}

int fsync(int fd)
{
    delay(fd);
    return (union symbol){dlsym(RTLD_NEXT, "fsync")}.sync(fd);
}

int fdatasync(int fd)
{
    delay(fd);
    return (union symbol){dlsym(RTLD_NEXT, "fdatasync")}.sync(fd);
}
