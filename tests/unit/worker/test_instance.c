/* SPDX-License-Identifier: MIT */
/* tests/unit/worker/test_instance.c - the name that a worker's transactions have after a restart. */
#include "tests/support/folder.h"

#include <criterion/criterion.h>
#include <ctype.h>
#include <stdio.h>
#include <string.h>

#include <sodium.h>
#include <sys/stat.h>

#include "worker/instance.h"

static char folder[64];

static void set_up(void)
{
    cr_assert_geq(sodium_init(), 0);
    folder_make(folder, sizeof folder);
}

static void tear_down(void)
{
    cr_assert_eq(folder_remove(folder), 0);
}

TestSuite(instance, .init = set_up, .fini = tear_down);

Test(instance, has_the_same_name_at_each_start)
{
    char first[BYOK_INSTANCE_BYTES], second[BYOK_INSTANCE_BYTES];
    byok_instance_derive(folder, first);
    byok_instance_derive(folder, second);
    cr_assert_str_eq(first, second);
    cr_assert_eq(strlen(first), BYOK_INSTANCE_BYTES - 1);
    for (const char *at = first; *at; at++)
        cr_assert(isxdigit((unsigned char)*at));
}

Test(instance, has_another_name_with_another_folder)
{
    char first[BYOK_INSTANCE_BYTES], second[BYOK_INSTANCE_BYTES], other[80];
    (void)snprintf(other, sizeof other, "%s/other", folder);
    byok_instance_derive(folder, first);
    byok_instance_derive(other, second);
    cr_assert_str_neq(first, second);
}

/* Containers that share the host's network and name have folders of one path. */
Test(instance, has_another_name_with_another_folder_of_the_same_path)
{
    char first[BYOK_INSTANCE_BYTES], second[BYOK_INSTANCE_BYTES], path[80], aside[80];
    (void)snprintf(path, sizeof path, "%s/data", folder);
    (void)snprintf(aside, sizeof aside, "%s/aside", folder);
    cr_assert_eq(mkdir(path, 0700), 0);
    byok_instance_derive(path, first);
    cr_assert_eq(rename(path, aside), 0); /* else the new one might get its inode */
    cr_assert_eq(mkdir(path, 0700), 0);
    byok_instance_derive(path, second);
    cr_assert_str_neq(first, second);
}
