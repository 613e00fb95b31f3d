/* SPDX-License-Identifier: MIT */
/* tests/unit/adapters/test_audio.c - the units of speech. */
#include <criterion/criterion.h>

#include "adapters/audio.h"
#include "calls.h"

Test(audio, characters_are_code_points)
{
    struct call c;
    call_init(&c, "deepgram", NULL,
              "{\"id\":\"1\",\"user\":\"alice\",\"capability\":\"text_to_speech\","
              "\"text\":\"Gr\xC3\xBC\xC3\x9F"
              "e \xF0\x9F\x91\x8B\"}");
    cr_assert_eq(byok_audio_characters(&c.call), 7);
    call_done(&c);
}

Test(audio, a_header_that_is_no_count_says_nothing)
{
    static const struct {
        const char *value;
        int64_t count;
    } cases[] = {
        {"0", 0},
        {" 12 ", 12},
        {"", -1},
        {"-1", -1},
        {"1.5", -1},
        {"1e3", -1},
        {"999999999999999", 999999999999999},
        {"9999999999999999", -1},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct byok_http_header header = {BYOK_STR("n"), byok_str_of(cases[i].value)};
        const struct byok_http_response response = {.headers = &header, .header_count = 1};
        cr_expect_eq(byok_audio_header_count(&response, "n"), cases[i].count, "%s", cases[i].value);
        cr_expect_eq(byok_audio_header_count(&response, "m"), -1);
    }
}

Test(audio, seconds_become_milliseconds_when_they_are_a_time)
{
    struct byok_value second = byok_value_float(3.7125), none = byok_value_text("3"),
                      negative = byok_value_int(-1), huge = byok_value_float(1e300);
    cr_expect_eq(byok_audio_milliseconds(&second), 3713);
    cr_expect_eq(byok_audio_milliseconds(&none), -1);
    cr_expect_eq(byok_audio_milliseconds(&negative), -1);
    cr_expect_eq(byok_audio_milliseconds(&huge), -1);
    cr_expect_eq(byok_audio_milliseconds(NULL), -1);
}

Test(audio, a_time_that_is_none_is_left_out)
{
    struct call c;
    struct byok_value out = byok_value_map();
    call_init(&c, "deepgram", NULL, NULL);
    struct byok_value from =
        json_of(&c.arena, byok_str_of("{\"a\":1.5,\"b\":-0.5,\"c\":1e300,\"d\":\"1\"}"));
    static const char *const names[] = {"a", "b", "c", "d", "e"};
    for (size_t i = 0; i < 5; i++)
        byok_audio_put_time(&c.call, &from, names[i], &out);
    cr_expect_eq(out.count, 1);
    call_done(&c);
}
