/* SPDX-License-Identifier: MIT */
/* tests/unit/client/test_when.c - times on the command line. */
#include "client/when.h"

#include <criterion/criterion.h>

#define NOW 1796000000000

Test(when, a_time_or_a_duration)
{
    static const struct {
        const char *text;
        int64_t ms;
    } cases[] = {
        {"10m", NOW + 600000},
        {"500ms", NOW + 500},
        {"0s", NOW},
        {"1970-01-01T00:00:00Z", 0},
        {"2026-10-21T07:28:00Z", 1792567680000},
        {"2026-10-21t07:28:00z", 1792567680000},
        {"2026-10-21 07:28Z", 1792567680000},
        {"2026-10-21T07:28:00.25Z", 1792567680250},
        {"2026-10-21T07:28:00.123456Z", 1792567680123},
        {"2026-10-21T09:28:00+02:00", 1792567680000},
        {"2026-10-21T01:58:00-05:30", 1792567680000},
        {"2028-02-29T00:00:00Z", 1835395200000},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        int64_t ms = -1;
        cr_expect(byok_when_read(cases[i].text, NOW, &ms), "%s", cases[i].text);
        cr_expect_eq(ms, cases[i].ms, "%s: %lld", cases[i].text, (long long)ms);
    }
}

Test(when, what_is_none)
{
    static const char *const texts[] = {
        "",
        "soon",
        "10",
        "2026-10-21",
        "2026-10-21T07:28:00",
        "2026-13-21T07:28:00Z",
        "2026-10-32T07:28:00Z",
        "2027-02-29T07:28:00Z",
        "2026-10-21T24:28:00Z",
        "2026-10-21T07:60:00Z",
        "2026-10-21T07:28:61Z",
        "2026-10-21T07:28:00.Z",
        "2026-10-21T07:28:00+0200",
        "2026-10-21T07:28:00Zx",
        "1969-12-31T23:59:59Z",
        "1970-01-01T00:00:00+01:00",
        "99999999999999999d",
    };
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        int64_t ms;
        cr_expect_not(byok_when_read(texts[i], NOW, &ms), "%s", texts[i]);
    }
}
