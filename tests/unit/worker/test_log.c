/* SPDX-License-Identifier: MIT */
/* tests/unit/worker/test_log.c - lines of the log, read back from a pipe. */
#include "worker/log.h"

#include <string.h>
#include <unistd.h>

#include <criterion/criterion.h>
#include <yyjson.h>

static int ends[2];
static struct byok_log_file file;
static char line[8192];

static void begin(const char *level, const char *format)
{
    cr_assert_eq(pipe(ends), 0);
    byok_log_init(&file, ends[1], level, format);
}

/* What was written so far; the pipe ends with it. */
static const char *written(void)
{
    close(ends[1]);
    ssize_t len = read(ends[0], line, sizeof line - 1);
    close(ends[0]);
    line[len > 0 ? len : 0] = '\0';
    return line;
}

Test(log, a_line_has_time_level_event_and_fields)
{
    begin("info", "text");
    byok_log_event(&file.log, BYOK_LOG_WARN, "thing_happened", BYOK_F_INT("partition", -3),
                   BYOK_F_TEXT("topic", "byok.requests"));
    const char *text = written();
    cr_assert_eq(strncmp(text, "ts=20", 5), 0);
    cr_assert_not_null(
        strstr(text, "Z level=warn event=thing_happened partition=-3 topic=byok.requests\n"));
}

Test(log, outside_text_cannot_break_out_of_its_field)
{
    begin("info", "text");
    byok_log_event(&file.log, BYOK_LOG_INFO, "e", BYOK_F_TEXT("a", "x y"), BYOK_F_TEXT("b", ""),
                   BYOK_F_TEXT("c", "1\nts=0 level=error \"\\\x1b[31m"),
                   BYOK_F_STR("d", ((struct byok_str){"\xff\xfe", 2})));
    cr_assert_not_null(strstr(written(), " a=\"x y\" b=\"\" "
                                         "c=\"1\\nts=0 level=error \\\"\\\\\\u001b[31m\" "
                                         "d=\"??\"\n"));
    cr_assert_eq(strchr(line, '\n'), line + strlen(line) - 1);
}

Test(log, outside_text_steers_no_terminal_and_turns_no_order_round)
{
    begin("info", "text");
    byok_log_event(&file.log, BYOK_LOG_INFO, "e",
                   BYOK_F_TEXT("a", "\xc2\x9b"
                                    "31m\x7f \xe2\x80\xae\xe2\x81\xa6 caf\xc3\xa9"));
    cr_assert_not_null(strstr(written(), " a=\"\\u009b31m\\u007f \\u202e\\u2066 caf\xc3\xa9\"\n"));
}

Test(log, json_lines_parse)
{
    begin("info", "json");
    byok_log_event(&file.log, BYOK_LOG_INFO, "e", BYOK_F_INT("n", 7),
                   BYOK_F_TEXT("t", "a\"\n\x01\xc3\xa9"),
                   BYOK_F_STR("bad", ((struct byok_str){"\xff", 1})));
    const char *text = written();
    yyjson_doc *doc = yyjson_read(text, strlen(text), 0);
    cr_assert_not_null(doc, "%s", text);
    yyjson_val *root = yyjson_doc_get_root(doc);
    cr_assert_eq(yyjson_get_int(yyjson_obj_get(root, "n")), 7);
    cr_assert_str_eq(yyjson_get_str(yyjson_obj_get(root, "t")), "a\"\n\x01\xc3\xa9");
    cr_assert_str_eq(yyjson_get_str(yyjson_obj_get(root, "level")), "info");
    yyjson_doc_free(doc);
}

Test(log, below_the_level_nothing_is_written)
{
    begin("error", "text");
    byok_log_event(&file.log, BYOK_LOG_WARN, "quiet", BYOK_F_INT("n", 1));
    byok_log_event(&file.log, BYOK_LOG_ERROR, "loud", BYOK_F_INT("n", 1));
    const char *text = written();
    cr_assert_null(strstr(text, "quiet"));
    cr_assert_not_null(strstr(text, "loud"));
}

Test(log, a_line_that_is_too_long_loses_whole_fields)
{
    static char huge[10000];
    for (int json = 0; json < 2; json++) {
        memset(huge, 'x', sizeof huge - 1);
        begin("info", json ? "json" : "text");
        byok_log_event(&file.log, BYOK_LOG_INFO, "e", BYOK_F_INT("n", 1), BYOK_F_TEXT("big", huge),
                       BYOK_F_INT("after", 2));
        const char *text = written();
        cr_assert_null(strstr(text, "big"));
        cr_assert_not_null(
            strstr(text, json ? "\"n\":1,\"truncated\":true}\n" : " n=1 truncated=true\n"));
    }
}
