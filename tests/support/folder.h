/* SPDX-License-Identifier: MIT */
/* tests/support/folder.h - a scratch folder of a test; stands before other headers, for nftw(). */
#ifndef BYOK_TESTS_SUPPORT_FOLDER_H
#define BYOK_TESTS_SUPPORT_FOLDER_H

#if !defined(_GNU_SOURCE) && !defined(_XOPEN_SOURCE)
#define _XOPEN_SOURCE 700
#endif

#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <criterion/criterion.h>

/* A new one under TMPDIR or /tmp; the caller removes it. */
static inline void folder_make(char *out, size_t size)
{
    const char *base = getenv("TMPDIR");
    snprintf(out, size, "%s/byok-test-XXXXXX", base ? base : "/tmp");
    cr_assert_not_null(mkdtemp(out));
}

static inline int folder_remove_one(const char *path, const struct stat *info, int kind,
                                    struct FTW *where)
{
    (void)info;
    (void)kind;
    (void)where;
    return remove(path);
}

/* With all that is in it; not 0: it could not. */
static inline int folder_remove(const char *path)
{
    return nftw(path, folder_remove_one, 16, FTW_DEPTH | FTW_PHYS);
}

#endif
