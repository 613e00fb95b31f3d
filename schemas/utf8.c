/* SPDX-License-Identifier: MIT */
/* schemas/utf8.c - see schemas/utf8.h. */
#include "schemas/utf8.h"

#include <stdint.h>
#include <string.h>

/* Length of the well-formed sequence at p (`left` > 0 bytes), or 0. */
static size_t sequence(const unsigned char *p, size_t left)
{
    if (p[0] < 0x80)
        return 1;
    if (p[0] < 0xC2 || p[0] > 0xF4)
        return 0;
    size_t len = p[0] < 0xE0 ? 2 : p[0] < 0xF0 ? 3 : 4;
    if (left < len)
        return 0;
    unsigned char low = p[0] == 0xE0 ? 0xA0 : p[0] == 0xF0 ? 0x90 : 0x80;
    unsigned char high = p[0] == 0xED ? 0x9F : p[0] == 0xF4 ? 0x8F : 0xBF;
    if (p[1] < low || p[1] > high)
        return 0;
    for (size_t i = 2; i < len; i++) {
        if ((p[i] & 0xC0) != 0x80)
            return 0;
    }
    return len;
}

size_t byok_utf8_valid(struct byok_str text)
{
    const unsigned char *p = (const unsigned char *)text.ptr;
    size_t i = 0;
    while (i < text.len) {
        uint64_t eight;
        /* most texts are ASCII for long stretches */
        if (text.len - i >= sizeof eight) {
            memcpy(&eight, p + i, sizeof eight);
            if ((eight & 0x8080808080808080u) == 0) {
                i += sizeof eight;
                continue;
            }
        }
        size_t len = sequence(p + i, text.len - i);
        if (len == 0)
            return i;
        i += len;
    }
    return i;
}

size_t byok_utf8_steers(struct byok_str text, bool bidi, unsigned *out)
{
    const unsigned char *p = (const unsigned char *)text.ptr;
    if (text.len >= 1 && (p[0] < 0x20 || p[0] == 0x7F)) {
        *out = p[0];
        return 1;
    }
    if (text.len >= 2 && p[0] == 0xC2 && p[1] >= 0x80 && p[1] < 0xA0) {
        *out = p[1];
        return 2;
    }
    if (!bidi || text.len < 3 || p[0] != 0xE2)
        return 0;
    *out = 0x2000u | (p[1] & 0x3Fu) << 6 | (p[2] & 0x3Fu);
    bool steers = (p[1] == 0x80 && p[2] >= 0xAA && p[2] <= 0xAE) ||
                  (p[1] == 0x81 && p[2] >= 0xA6 && p[2] <= 0xA9);
    return steers ? 3 : 0;
}

struct byok_str byok_utf8_repair(struct byok_arena *arena, struct byok_str text)
{
    static const char replacement[] = {'\xEF', '\xBF', '\xBD'};
    size_t good = byok_utf8_valid(text);
    if (good == text.len)
        return text;
    /* the worst case: every further byte becomes three */
    char *copy = byok_arena_alloc(arena, good + (text.len - good) * sizeof replacement);
    if (!copy)
        return (struct byok_str){NULL, 0};
    memcpy(copy, text.ptr, good);
    size_t len = good;
    for (size_t i = good; i < text.len;) {
        size_t step = sequence((const unsigned char *)text.ptr + i, text.len - i);
        memcpy(copy + len, step ? text.ptr + i : replacement, step ? step : sizeof replacement);
        len += step ? step : sizeof replacement;
        i += step ? step : 1;
    }
    return (struct byok_str){copy, len};
}
