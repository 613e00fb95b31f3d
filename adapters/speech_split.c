/* SPDX-License-Identifier: MIT */
/* adapters/speech_split.c - see adapters/speech_split.h. */
#include "adapters/speech_split.h"

#include <stdbool.h>
#include <stdint.h>
#include <string.h>

enum kind {
    OTHER,
    SPACE,
    LINE,       /* a line's end */
    STOP,       /* ends a sentence before white space */
    WIDE_STOP,  /* ends one by itself: scripts that put no space behind it */
    CLOSING     /* quotes and brackets that belong to what they close */
};

/* The code point at `at` and its bytes; an ill-formed byte is one by itself. */
static uint32_t code_at(struct byok_str text, size_t at, size_t *bytes)
{
    const unsigned char *b = (const unsigned char *)text.ptr + at;
    const size_t left = text.len - at;
    const size_t len = b[0] < 0x80 ? 1 : b[0] >= 0xf0 ? 4 : b[0] >= 0xe0 ? 3 : b[0] >= 0xc0 ? 2 : 1;
    *bytes = 1;
    if (len == 1 || len > left)
        return b[0];
    uint32_t code = b[0] & (0xffu >> (len + 1));
    for (size_t i = 1; i < len; i++) {
        if ((b[i] & 0xc0) != 0x80)
            return b[0];
        code = code << 6 | (b[i] & 0x3f);
    }
    *bytes = len;
    return code;
}

static bool is_among(uint32_t code, const uint32_t *codes)
{
    while (*codes != 0 && *codes != code)
        codes++;
    return *codes != 0;
}

static enum kind kind_of(uint32_t code)
{
    static const uint32_t spaces[] = {' ', '\t', 0x1680, 0x2028, 0x202f, 0x205f, 0x3000, 0};
    /* Latin; Arabic ?, Armenian, Devanagari danda, Ethiopic, Myanmar, ellipsis */
    static const uint32_t stops[] = {'.',    '!',    '?',    0x2026, 0x203c, 0x2047, 0x2048, 0x2049,
                                     0x061f, 0x06d4, 0x0589, 0x0964, 0x0965, 0x1362, 0x104b, 0};
    /* ideographic full stop, full and half width forms */
    static const uint32_t wide[] = {0x3002, 0xff01, 0xff1f, 0xff0e, 0xff61, 0};
    static const uint32_t closing[] = {'"',    '\'',   ')',    ']',    '}',    0xbb,   0x2019,
                                       0x201d, 0x203a, 0x300d, 0x300f, 0x3011, 0xff09, 0};
    if (code == '\n' || code == '\r' || code == 0x2029)
        return LINE;
    if (is_among(code, spaces) || (code >= 0x2000 && code <= 0x200a))
        return SPACE;
    return is_among(code, stops)     ? STOP
           : is_among(code, wide)    ? WIDE_STOP
           : is_among(code, closing) ? CLOSING
                                     : OTHER;
}

/* Where a part may end, found so far. */
struct ends {
    size_t sentence, word;        /* in bytes; 0: none */
    size_t sentence_at, word_at;  /* in characters */
    enum kind before;             /* STOP or WIDE_STOP, also behind closing marks */
};

/* The text up to `at` has ended with what was seen; now comes `kind`. */
static void look(struct ends *ends, enum kind kind, size_t at, size_t characters)
{
    const bool blank = kind == SPACE || kind == LINE;
    if ((ends->before == WIDE_STOP && kind != CLOSING && kind != WIDE_STOP && kind != STOP) ||
        (ends->before == STOP && blank) || (ends->before == LINE && kind != LINE)) {
        ends->sentence = at;
        ends->sentence_at = characters;
    }
    if (ends->before == SPACE && !blank) {
        ends->word = at;
        ends->word_at = characters;
    }
    if (kind == CLOSING && (ends->before == STOP || ends->before == WIDE_STOP))
        return;
    ends->before = kind;
}

size_t byok_speech_characters(struct byok_str text)
{
    size_t count = 0, bytes;
    for (size_t at = 0; at < text.len; at += bytes, count++)
        (void)code_at(text, at, &bytes);
    return count;
}

struct byok_str byok_speech_first(struct byok_str text, size_t most)
{
    struct ends ends = {.before = OTHER};
    size_t at = 0, characters = 0, bytes;
    for (; at < text.len; at += bytes, characters++) {
        look(&ends, kind_of(code_at(text, at, &bytes)), at, characters);
        if (characters == most)
            break;
    }
    if (at >= text.len)
        return text;
    size_t end = ends.sentence > 0 && ends.sentence_at >= most / 2 ? ends.sentence
                 : ends.word > 0 && ends.word_at >= most / 2       ? ends.word
                 : ends.sentence > 0                               ? ends.sentence
                 : ends.word > 0                                   ? ends.word
                                                                   : at;
    return (struct byok_str){text.ptr, end};
}
