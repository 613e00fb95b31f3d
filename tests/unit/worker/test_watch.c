/* SPDX-License-Identifier: MIT */
/* tests/unit/worker/test_watch.c - what takes long is said, what ends is not. */
#include "worker/watch.h"

#include <string.h>
#include <unistd.h>

#include <criterion/criterion.h>

#include "worker/log.h"

static int ends[2];
static struct byok_log_file file;
static char text[8192];

static struct byok_watch *begin(int64_t every_ms)
{
    cr_assert_eq(pipe(ends), 0);
    byok_log_init(&file, ends[1], "info", "text");
    return byok_watch_begin(&file.log,
                            (struct byok_watched){"step_long", "/data", "look there", every_ms});
}

Test(watch, what_takes_long_is_said_again_and_again)
{
    struct byok_watch *watch = begin(1);
    const char *second = NULL;
    for (size_t len = 0; !second;) { /* reading waits for it */
        ssize_t got = read(ends[0], text + len, sizeof text - 1 - len);
        cr_assert_gt(got, 0);
        len += (size_t)got;
        text[len] = '\0';
        second = strstr(text, "for_ms=2");
    }
    cr_assert_not_null(strstr(text, "level=warn event=step_long what=/data for_ms=1 "));
    cr_assert_not_null(strstr(text, "hint=\"look there\""));
    byok_watch_end(watch);
}

Test(watch, what_ends_is_not_said)
{
    struct byok_watch *watch = begin(INT64_C(3600000));
    cr_assert_not_null(watch);
    byok_watch_end(watch);
    close(ends[1]);
    cr_assert_eq(read(ends[0], text, sizeof text), 0);
    byok_watch_end(NULL);
}
