/* SPDX-License-Identifier: MIT */
/* tests/unit/client/test_render.c - results as people read them. */
#include "client/render.h"

#include <stdlib.h>
#include <string.h>

#include <criterion/criterion.h>

#include "client/cli.h"
#include "schemas/codec.h"

/* The head and the body of a result given in JSON; the caller frees it. */
static char *render(const char *json)
{
    struct byok_arena arena;
    struct byok_value result;
    char *text = NULL;
    size_t len;
    byok_arena_init(&arena, 0);
    cr_assert_eq(byok_decode(&arena, BYOK_JSON, byok_str_of(json), &result, NULL), BYOK_E_OK);
    FILE *to = open_memstream(&text, &len);
    byok_render_head(to, &result);
    byok_render_body(to, &result, "  ");
    fclose(to);
    byok_arena_done(&arena);
    return text;
}

static const struct {
    const char *json, *text;
} cases[] = {
    {"{\"id\":\"1\",\"user\":\"alice\",\"type\":\"job\",\"status\":\"ok\",\"capability\":\"chat\","
     "\"provider\":\"openai\",\"model\":\"m\",\"text\":\"Hi\\nthere\",\"finish_reason\":\"stop\","
     "\"usage\":{\"input_tokens\":9,\"output_tokens\":2},\"created_ms\":1000,\"finished_ms\":1812}",
     "ok       alice  1  chat  openai/m  0.81 s  9+2 tokens\n  Hi\n  there\n"},
    {"{\"id\":\"5\",\"user\":\"a\",\"type\":\"job\",\"status\":\"error\",\"capability\":\"chat\","
     "\"error\":{\"code\":\"rate_limited\",\"message\":\"Slow down\",\"http_status\":429,"
     "\"retry_after_ms\":20000}}",
     "error    a  5  chat  rate_limited: Slow down  (HTTP 429)  (try again in 20.0 s)\n"},
    {"{\"id\":\"7\",\"user\":\"a\",\"type\":\"key.check\",\"status\":\"ok\",\"provider\":"
     "\"openai\","
     "\"key\":{\"label\":\"work\",\"fingerprint\":\"00ff\"}}",
     "ok       a  7  key.check  openai  key work  fingerprint 00ff\n"},
    {"{\"id\":\"4\",\"user\":\"a\",\"type\":\"job\",\"status\":\"ok\",\"capability\":\"embeddings\""
     ",\"embeddings\":[[0.5,-0.25],[1,2,3,4,5]]}",
     "ok       a  4  embeddings\n  0: 2 numbers: 0.5 -0.25\n  1: 5 numbers: 1 2 3 4 …\n"},
    {"{\"id\":\"2\",\"user\":\"a\",\"type\":\"job\",\"status\":\"ok\",\"capability\":\"chat\","
     "\"finish_reason\":\"tool_calls\",\"text\":\"\",\"tool_calls\":[{\"name\":\"weather\","
     "\"arguments\":{\"city\":\"Oslo\"}},{\"name\":\"none\"}]}",
     "ok       a  2  chat  ended by tool_calls\n  tool call weather {\"city\":\"Oslo\"}\n"
     "  tool call none\n"},
    {"{\"id\":\"3\",\"user\":\"a\",\"type\":\"job\",\"status\":\"ok\",\"capability\":"
     "\"text_to_speech\",\"audio\":\"UklGRg==\",\"media_type\":\"audio/wav\","
     "\"usage\":{\"characters\":13,\"seconds\":1.25}}",
     "ok       a  3  text_to_speech  13 characters  1.2 s of audio\n"
     "  audio/wav, 4 bytes (--json prints it as base64)\n"},
    {"{}", "       \n"},
};

Test(render, shows_what_a_person_wants_to_know)
{
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        char *text = render(cases[i].json);
        cr_assert_str_eq(text, cases[i].text);
        free(text);
    }
}

Test(render, no_text_of_others_reaches_the_terminal_as_control_characters)
{
    char *text = render("{\"id\":\"\\u001b[31m\",\"status\":\"ok\","
                        "\"media_type\":\"audio/\\u001b[2J\",\"audio\":\"UklGRg==\","
                        "\"provider\":\"\\u202elive\",\"model\":\"caf\\u00e9\","
                        "\"text\":\"a\\u001b]0;x\\u0007b\\u009bc\\rd\\u007f\"}");
    for (const char *at = text; *at != '\0'; at++)
        cr_assert((unsigned char)*at >= 0x20 || *at == '\n', "%s", text);
    cr_assert_null(strstr(text, "\xc2\x9b"));
    cr_assert_not_null(strstr(text, "a?]0;x?b?c d?"));
    cr_assert_not_null(strstr(text, "?live/caf\xc3\xa9"));
    free(text);
}

Test(render, what_is_not_utf8_does_not_reach_the_terminal)
{
    char *text = NULL;
    size_t len;
    FILE *to = open_memstream(&text, &len);
    byok_cli_print_text(to,
                        byok_str_of("a\x9b"
                                    "31m\xe2\x82\xac\xc2"),
                        true);
    byok_cli_print_text(to, byok_str_of("\xd7\xa9\xe2\x80\xae"), true);
    fclose(to);
    /* in a text of lines the order of its own characters is its own matter */
    cr_assert_str_eq(text, "a?31m\xe2\x82\xac?\xd7\xa9\xe2\x80\xae");
    free(text);
}

Test(render, json_is_the_same_with_its_controls_escaped)
{
    struct byok_cli cli = {0};
    char *text = NULL;
    size_t len;
    cli.out = open_memstream(&text, &len);
    byok_cli_print_json_text(&cli, byok_str_of("{\"a\":\n\"x\x7f\xc2\x9b\xc2\xa0\xe2\x80\xae\"}"));
    fclose(cli.out);
    cr_assert_str_eq(text, "{\"a\": \"x\\u007f\\u009b\xc2\xa0\\u202e\"}\n");
    free(text);
}

Test(render, times_are_utc)
{
    char text[BYOK_TIME_BYTES];
    byok_render_time(1796000000123, text);
    cr_assert_str_eq(text, "2026-11-30T00:53:20.123Z");
    byok_render_time(-1, text);
    cr_assert_str_eq(text, "-");
}
