/* SPDX-License-Identifier: MIT */
/* tests/unit/adapters/test_sse.c - every form of a line and of an event, cut anywhere. */
#include <criterion/criterion.h>
#include <stdio.h>

#include "adapters/sse.h"

#define CAP_BYTES ((size_t)1 << 16)

/* What is read, as "name|data;" for each event; `step`: bytes fed at once. */
static void read_all(struct byok_str bytes, size_t step, struct byok_buf *out)
{
    BYOK_AUTO(byok_sse) sse;
    struct byok_sse_event event;
    byok_sse_init(&sse, CAP_BYTES);
    byok_buf_init(out, CAP_BYTES);
    for (size_t at = 0; at < bytes.len; at += step) {
        struct byok_str piece = {bytes.ptr + at, bytes.len - at < step ? bytes.len - at : step};
        while (byok_sse_next(&sse, &piece, &event))
            byok_buf_printf(out, "%.*s|%.*s;", BYOK_STR_ARG(event.name), BYOK_STR_ARG(event.data));
        cr_assert_eq(piece.len, 0);
    }
    if (byok_sse_end(&sse, &event))
        byok_buf_printf(out, "%.*s|%.*s.", BYOK_STR_ARG(event.name), BYOK_STR_ARG(event.data));
}

static void assert_read(const char *text, const char *expected)
{
    struct byok_str bytes = byok_str_of(text);
    for (size_t step = 1; step <= bytes.len; step++) {
        BYOK_AUTO(byok_buf) got = {0};
        read_all(bytes, step, &got);
        cr_assert(byok_str_is(byok_buf_str(&got), expected), "by %zu: %s gives %.*s", step, text,
                  BYOK_STR_ARG(byok_buf_str(&got)));
    }
}

Test(sse, reads_events_cut_anywhere)
{
    static const struct {
        const char *text, *expected;
    } cases[] = {
        {"data: a\n\ndata: b\n\n", "|a;|b;"},
        {"data: a\r\n\r\ndata: b\r\n\r\n", "|a;|b;"},
        {"data: a\r\rdata: b\r\r", "|a;|b;"},
        {"data: a\n\r\ndata: b\r\n\n", "|a;|b;"},
        {"event: e\ndata: a\n\ndata: b\n\n", "e|a;|b;"},
        {"data: a\ndata: b\ndata:\ndata:  c\n\n", "|a\nb\n\n c;"},
        {"data\n\n", "|;"},
        {"data:\n\n", "|;"},
        {": comment\n\n:\n\ndata: a\n: in between\n\n", "|a;"},
        {"event: only a name\n\ndata: a\n\n", "|a;"},
        {"id: 1\nretry: 5\nunknown: x\nno colon\ndata: a\n\n", "|a;"},
        {"\xef\xbb\xbf"
         "data: a\n\n",
         "|a;"},
        {"data: \xef\xbb\xbf\n\n", "|\xef\xbb\xbf;"},
        {"\n\n\ndata: a\n\n\n\n", "|a;"},
        {"data: h\xc3\xa9\n\n", "|h\xc3\xa9;"},
        {"data: a\n\ndata: b\n", "|a;|b."},
        {"data: a\n\ndata: b", "|a;|b."},
        {"data: a\n\nevent: e", "|a;"},
        {"", ""},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
        assert_read(cases[i].text, cases[i].expected);
}

Test(sse, an_event_larger_than_the_cap_ends_the_reading)
{
    static const char *const texts[] = {"data: 0123456789\n\n", "0123456789abcdef",
                                        "data: 01234\ndata: 56789\ndata: 0\n\n"};
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        BYOK_AUTO(byok_sse) sse;
        struct byok_sse_event event;
        struct byok_str bytes = byok_str_of(texts[i]);
        bool overflow = false;
        byok_sse_init(&sse, 11);
        cr_assert(!byok_sse_next(&sse, &bytes, &event), "case %zu", i);
        cr_assert(byok_sse_failed(&sse, &overflow) && overflow, "case %zu", i);
        cr_assert(!byok_sse_end(&sse, &event), "case %zu", i);
    }
}
