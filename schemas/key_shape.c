/* SPDX-License-Identifier: MIT */
/* schemas/key_shape.c - see schemas/key_shape.h. */
#include "schemas/key_shape.h"

#define PREFIXED_KEY_MIN 16 /* "sk-learn" is no key */
#define BARE_KEY_MIN 32     /* ElevenLabs' keys are 32 hex digits */

/* How the keys of common providers begin, from their documentation and dashboards. */
static const char *const key_beginnings[] = {
    "sk-", "sk_", "AIza", "xai-", "gsk_", "pa-", "r8_", "hf_", "pplx-", "nvapi-", "key-", "csk-",
};

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

static bool is_letter(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

static bool is_of_key(char c)
{
    return is_letter(c) || is_digit(c) || c == '-' || c == '_';
}

/* One run of letters and digits, of both kinds: a word is too short, a UUID has dashes. */
static bool is_bare_key(struct byok_str text)
{
    bool letters = false, digits = false;
    for (size_t i = 0; i < text.len; i++) {
        letters |= is_letter(text.ptr[i]);
        digits |= is_digit(text.ptr[i]);
        if (!is_letter(text.ptr[i]) && !is_digit(text.ptr[i]) && text.ptr[i] != '_')
            return false;
    }
    return text.len >= BARE_KEY_MIN && letters && digits;
}

static bool has_beginning(struct byok_str text)
{
    for (size_t i = 0; i < sizeof key_beginnings / sizeof key_beginnings[0]; i++) {
        if (byok_str_starts(text, byok_str_of(key_beginnings[i])))
            return true;
    }
    return false;
}

bool byok_looks_like_key(struct byok_str text)
{
    if (text.len < PREFIXED_KEY_MIN)
        return false;
    return has_beginning(text) || is_bare_key(text);
}

bool byok_holds_key(struct byok_str bytes)
{
    while (bytes.len >= PREFIXED_KEY_MIN) {
        bool letters = false, digits = false;
        size_t len = 0;
        for (; has_beginning(bytes) && len < bytes.len && is_of_key(bytes.ptr[len]); len++) {
            letters |= is_letter(bytes.ptr[len]);
            digits |= is_digit(bytes.ptr[len]);
        }
        if (len >= PREFIXED_KEY_MIN && letters && digits)
            return true;
        len = len > 0 ? len : 1; /* what begins within it ends with it, and holds no more */
        bytes = (struct byok_str){bytes.ptr + len, bytes.len - len};
    }
    return false;
}
