/* SPDX-License-Identifier: MIT */
/* tests/unit/client/test_file.c - lines as they come through a pipe. */
#include "client/file.h"

#include <stdio.h>
#include <string.h>

#include <unistd.h>

#include <criterion/criterion.h>

static int ends[2];
static struct byok_lines *lines;
static struct byok_str line;

static void begin(void)
{
    cr_assert_eq(pipe(ends), 0);
    lines = byok_lines_new(ends[0], 16);
    cr_assert_not_null(lines);
}

static void end(void)
{
    byok_lines_free(lines);
    close(ends[0]);
}

TestSuite(lines, .init = begin, .fini = end);

static void feed(const char *text)
{
    cr_assert_eq(write(ends[1], text, strlen(text)), (ssize_t)strlen(text));
}

Test(lines, come_one_by_one_without_their_ends)
{
    feed("one\ntwo\r\n\nlast");
    close(ends[1]);
    cr_assert_eq(byok_lines_next(lines, 1000, &line), BYOK_LINE);
    cr_assert(byok_str_is(line, "one"));
    cr_assert_eq(byok_lines_next(lines, 1000, &line), BYOK_LINE);
    cr_assert(byok_str_is(line, "two"));
    cr_assert_eq(byok_lines_next(lines, 1000, &line), BYOK_LINE);
    cr_assert_eq(line.len, 0);
    cr_assert_eq(byok_lines_next(lines, 1000, &line), BYOK_LINE);
    cr_assert(byok_str_is(line, "last"));
    cr_assert_eq(byok_lines_number(lines), 4);
    cr_assert_eq(byok_lines_next(lines, 1000, &line), BYOK_LINE_END);
}

Test(lines, an_unfinished_line_is_waited_for)
{
    feed("ha");
    cr_assert_eq(byok_lines_next(lines, 0, &line), BYOK_LINE_LATER);
    feed("lf\n");
    cr_assert_eq(byok_lines_next(lines, 1000, &line), BYOK_LINE);
    cr_assert(byok_str_is(line, "half"));
    cr_assert_eq(byok_lines_next(lines, 0, &line), BYOK_LINE_LATER);
    close(ends[1]);
    cr_assert_eq(byok_lines_next(lines, 1000, &line), BYOK_LINE_END);
}

Test(lines, a_line_over_the_cap_is_skipped_and_counted)
{
    feed("0123456789abcdef\n0123456789abcdefg\nnext\n");
    close(ends[1]);
    cr_assert_eq(byok_lines_next(lines, 1000, &line), BYOK_LINE);
    cr_assert_eq(line.len, 16);
    cr_assert_eq(byok_lines_next(lines, 1000, &line), BYOK_LINE_TOO_LONG);
    cr_assert_eq(byok_lines_next(lines, 1000, &line), BYOK_LINE);
    cr_assert(byok_str_is(line, "next"));
    cr_assert_eq(byok_lines_number(lines), 3);
}

Test(lines, a_very_long_line_takes_no_more_memory_than_the_cap)
{
    FILE *file = tmpfile();
    for (int i = 0; i < 1000000; i++)
        fputc('x', file);
    fputs("\nnext", file);
    rewind(file);
    byok_lines_free(lines);
    lines = byok_lines_new(fileno(file), 16);
    cr_assert_eq(byok_lines_next(lines, 1000, &line), BYOK_LINE_TOO_LONG);
    cr_assert_eq(byok_lines_next(lines, 1000, &line), BYOK_LINE);
    cr_assert(byok_str_is(line, "next"));
    fclose(file);
    close(ends[1]);
}

Test(lines, many_lines_come_through_a_file)
{
    FILE *file = tmpfile();
    for (int i = 0; i < 30000; i++)
        fprintf(file, "line %d\n", i);
    rewind(file);
    byok_lines_free(lines);
    lines = byok_lines_new(fileno(file), 16);
    for (int i = 0; i < 30000; i++) {
        char want[16];
        snprintf(want, sizeof want, "line %d", i);
        cr_assert_eq(byok_lines_next(lines, 1000, &line), BYOK_LINE);
        cr_assert(byok_str_is(line, want));
    }
    cr_assert_eq(byok_lines_next(lines, 1000, &line), BYOK_LINE_END);
    fclose(file);
    close(ends[1]);
}

Test(file, a_file_that_is_not_there_or_too_large_is_named)
{
    struct byok_arena arena;
    struct byok_str text;
    struct byok_fault fault;
    byok_arena_init(&arena, 0);
    cr_assert_eq(byok_file_read(&arena, "/nonexistent/x", -1, 10, &text, &fault),
                 BYOK_E_BAD_REQUEST);
    cr_assert_not_null(strstr(fault.text, "/nonexistent/x"));
    cr_assert_eq(byok_file_read(&arena, "/proc/self/environ", -1, 1, &text, &fault),
                 BYOK_E_BAD_REQUEST);
    cr_assert_not_null(strstr(fault.text, "more than 1 bytes"));
    byok_arena_done(&arena);
}
