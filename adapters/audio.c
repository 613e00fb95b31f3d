/* SPDX-License-Identifier: MIT */
/* adapters/audio.c - the units of speech. */
#include "adapters/audio.h"

#define SECONDS_MAX 1e9 /* no audio is 30 years long: a number above is none */
#define DIGITS_MAX 15

int64_t byok_audio_characters(const struct byok_adapter_call *call)
{
    struct byok_str text = byok_value_as_str(byok_kit_member(call, "text"));
    int64_t count = 0;
    for (size_t i = 0; i < text.len; i++)
        count += ((unsigned char)text.ptr[i] & 0xC0) != 0x80;
    return count;
}

int64_t byok_audio_header_count(const struct byok_http_response *response, const char *name)
{
    struct byok_str text = byok_str_trim(byok_http_header_of(response, name));
    int64_t count = 0;
    if (text.len == 0 || text.len > DIGITS_MAX)
        return -1;
    for (size_t i = 0; i < text.len; i++) {
        if (text.ptr[i] < '0' || text.ptr[i] > '9')
            return -1;
        count = count * 10 + (text.ptr[i] - '0');
    }
    return count;
}

static bool is_time(const struct byok_value *seconds, double *out)
{
    return byok_value_as_double(seconds, out) && *out >= 0 && *out <= SECONDS_MAX;
}

int64_t byok_audio_milliseconds(const struct byok_value *seconds)
{
    double number;
    return is_time(seconds, &number) ? (int64_t)(number * 1000 + 0.5) : -1;
}

void byok_audio_put_time(const struct byok_adapter_call *call, const struct byok_value *from,
                         const char *name, struct byok_value *out)
{
    double number;
    if (is_time(byok_value_find(from, name), &number))
        byok_value_set(call->arena, out, name, byok_value_float(number));
}
