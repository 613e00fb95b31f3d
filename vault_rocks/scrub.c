/* SPDX-License-Identifier: MIT */
/* vault_rocks/scrub.c - see vault_rocks/scrub.h.
 *
 * A run of 8 or more of the key's bytes is a union of 8-byte windows of the key, so it is enough
 * to ask of each window of the text whether it is one of the key's: a hash table of them, at most
 * one look-up per byte however the text is made.  Most bytes are not even looked at: every window
 * covers exactly one of the places 4, 9, 14, ..., so only there the 4 bytes are tried against a
 * bitmap of the key's 4-byte pieces.
 * The same is done for the base64 forms of the key (three, by where in the encoder's groups of
 * three bytes it began), because a provider that echoes a Basic header echoes that.
 * In texts there may be escapes; where there are, the same windows are looked for once more in
 * what the escapes stand for.
 */
#include "vault_rocks/scrub.h"

#include <assert.h>
#include <string.h>

#include <sodium.h>

#define WINDOW ((size_t)8)
#define PIECE ((size_t)4)
#define STRIDE (WINDOW - PIECE + 1)

/* base64 of at most 2 bytes of lead-in and the key */
#define BASE64_MAX (((size_t)BYOK_KEY_MAX + 2 + 2) / 3 * 4 + 1)
#define FORMS_BYTES ((size_t)BYOK_KEY_MAX + 3 * BASE64_MAX)
#define BITMAP_BITS 14
#define TABLE_BITS 13 /* 8,192 places for at most 2,600 windows */

/* All that is derived from the key; on the stack, wiped when done. */
struct byok_needles {
    char forms[FORMS_BYTES]; /* the key and its base64 forms, end to end */
    size_t len;
    uint8_t bitmap[(1u << BITMAP_BITS) / 8];
    uint16_t table[1u << TABLE_BITS]; /* window's place in `forms` + 1; 0: free */
    unsigned table_bits;              /* used of it: few for a short key, as it must be wiped */
};

static_assert(FORMS_BYTES < UINT16_MAX, "a place fits the table");

static uint32_t piece_hash(const char *p)
{
    uint32_t v;
    memcpy(&v, p, sizeof v);
    return (v * 2654435761u) >> (32 - BITMAP_BITS);
}

static uint32_t window_hash(const char *p, unsigned bits)
{
    uint64_t v;
    memcpy(&v, p, sizeof v);
    return (uint32_t)((v * 0x9E3779B97F4A7C15u) >> (64 - bits));
}

static bool may_hold(const struct byok_needles *needles, const char *p)
{
    uint32_t h = piece_hash(p);
    return ((unsigned)needles->bitmap[h / 8] >> (h % 8)) & 1u;
}

/* The place of a window in the table, or the free one where it would stand. */
static uint16_t *find(struct byok_needles *needles, const char *p)
{
    uint32_t mask = (1u << needles->table_bits) - 1;
    uint32_t at = window_hash(p, needles->table_bits);
    while (needles->table[at] != 0 &&
           memcmp(needles->forms + needles->table[at] - 1, p, WINDOW) != 0)
        at = (at + 1) & mask;
    return &needles->table[at];
}

static void add_windows(struct byok_needles *needles, size_t from, size_t to)
{
    for (size_t i = from; i + PIECE <= to; i++) {
        uint32_t h = piece_hash(needles->forms + i);
        needles->bitmap[h / 8] |= (uint8_t)(1u << (h % 8));
    }
    for (size_t i = from; i + WINDOW <= to; i++)
        *find(needles, needles->forms + i) = (uint16_t)(i + 1);
}

/* The base64 characters that depend on the key alone, when `lead` bytes came before it. */
static void add_base64(struct byok_needles *needles, const struct byok_slot *slot, size_t lead)
{
    char text[BASE64_MAX];
    unsigned char bytes[BYOK_KEY_MAX + 2] = {0};
    memcpy(bytes + lead, slot->key, slot->len);
    sodium_bin2base64(text, sizeof text, bytes, lead + slot->len,
                      sodium_base64_VARIANT_ORIGINAL_NO_PADDING);
    size_t from = (lead * 8 + 5) / 6;
    size_t to = (lead + slot->len) * 8 / 6;
    size_t start = needles->len;
    memcpy(needles->forms + start, text + from, to - from);
    needles->len += to - from;
    add_windows(needles, start, needles->len);
    sodium_memzero(text, sizeof text);
    sodium_memzero(bytes, sizeof bytes);
}

static void prepare(struct byok_needles *needles, const struct byok_slot *slot)
{
    needles->len = 0;
    memset(needles->bitmap, 0, sizeof needles->bitmap);
    needles->table_bits = slot->len <= 100 ? TABLE_BITS - 3 : TABLE_BITS;
    memset(needles->table, 0, sizeof needles->table[0] << needles->table_bits);
    if (slot->len < WINDOW)
        return;
    memcpy(needles->forms, slot->key, slot->len);
    needles->len = slot->len;
    add_windows(needles, 0, needles->len);
    for (size_t lead = 0; lead < 3; lead++)
        add_base64(needles, slot, lead);
}

static void wipe(struct byok_needles *needles)
{
    sodium_memzero(needles->forms, needles->len);
    sodium_memzero(needles->bitmap, sizeof needles->bitmap);
    sodium_memzero(needles->table, sizeof needles->table[0] << needles->table_bits);
}

/* A stretch to be starred out; windows that overlap grow it. */
struct stretch {
    size_t from, to;
};

/* `out` NULL: it is only counted. */
static size_t star(char *out, const struct stretch *stretch)
{
    if (out)
        memset(out + stretch->from, '*', stretch->to - stretch->from);
    return stretch->to > stretch->from;
}

/* A window more; one that begins behind the stretch ends it, since none to come reaches into it. */
static size_t grow(struct stretch *open, char *out, size_t from, size_t to)
{
    size_t places = 0;
    if (from >= open->to) {
        places = star(out, open);
        open->from = from;
    }
    open->to = to;
    return places;
}

/* The bytes as they stand. `out` may be where they are. */
static size_t scrub_plain(struct byok_needles *needles, struct byok_str text, char *out)
{
    size_t places = 0;
    struct stretch open = {0, 0};
    for (size_t p = WINDOW - PIECE; p + PIECE <= text.len; p += STRIDE) {
        if (!may_hold(needles, text.ptr + p))
            continue;
        for (size_t i = p - (WINDOW - PIECE); i <= p && i + WINDOW <= text.len; i++) {
            if (*find(needles, text.ptr + i) != 0)
                places += grow(&open, out, i, i + WINDOW);
        }
    }
    return places + star(out, &open);
}

static int hex_of(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    c = (char)((unsigned char)c | 0x20);
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* The byte that two digits behind `prefix` stand for; 0: there are none (a key holds no NUL). */
static char escaped(struct byok_str text, const char *prefix)
{
    size_t len = strlen(prefix);
    if (text.len < len + 2 || memcmp(text.ptr, prefix, len) != 0)
        return '\0';
    int high = hex_of(text.ptr[len]), low = hex_of(text.ptr[len + 1]);
    return high < 0 || low < 0 ? '\0' : (char)(high * 16 + low);
}

/* What the text begins with, one character or an escape: returns how many bytes it takes. */
static size_t read_char(struct byok_str text, char *out)
{
    static const char *const prefixes[] = {"\\u00", "\\x", "%"};
    *out = text.ptr[0];
    if (*out != '\\' && *out != '%')
        return 1;
    for (size_t i = 0; i < sizeof prefixes / sizeof prefixes[0]; i++) {
        char c = escaped(text, prefixes[i]);
        if (c == '\0')
            continue;
        *out = c;
        return strlen(prefixes[i]) + 2;
    }
    if (text.len < 2 || !memchr("/\"\\", text.ptr[1], 3) || *out == '%')
        return 1;
    *out = text.ptr[1];
    return 2;
}

static bool has_escape(struct byok_str text)
{
    return text.len > 0 && (memchr(text.ptr, '\\', text.len) || memchr(text.ptr, '%', text.len));
}

/* What escapes stand for. */
static size_t scrub_escaped(struct byok_needles *needles, struct byok_str text, char *out)
{
    char last[WINDOW] = {0};
    size_t from[WINDOW] = {0}, places = 0, count = 0;
    struct stretch open = {0, 0};
    for (size_t at = 0; at < text.len; count++) {
        memmove(last, last + 1, WINDOW - 1);
        memmove(from, from + 1, (WINDOW - 1) * sizeof from[0]);
        from[WINDOW - 1] = at;
        at += read_char((struct byok_str){text.ptr + at, text.len - at}, &last[WINDOW - 1]);
        if (count + 1 >= WINDOW && may_hold(needles, last + WINDOW - PIECE) &&
            *find(needles, last) != 0)
            places += grow(&open, out, from[0], at);
    }
    sodium_memzero(last, sizeof last);
    return places + star(out, &open);
}

void byok_slot_look(const struct byok_slot *slot, byok_look look, void *arg)
{
    struct byok_needles needles;
    prepare(&needles, slot);
    look(arg, &needles);
    wipe(&needles);
}

size_t byok_needles_scrub(struct byok_needles *needles, struct byok_str text, char *out)
{
    size_t places = 0;
    if (text.len < WINDOW)
        return 0;
    if (has_escape(text)) /* first: what is starred out is no context any more */
        places = scrub_escaped(needles, text, out);
    return places + scrub_plain(needles, text, out);
}

size_t byok_needles_tail(const struct byok_needles *needles, struct byok_str text)
{
    struct byok_str tail = {text.ptr + text.len, 0};
    while (tail.len < text.len && tail.len < BYOK_SCRUB_TAIL_MAX && tail.ptr[-1] >= 0x21 &&
           tail.ptr[-1] <= 0x7e) {
        tail.ptr--;
        tail.len++;
    }
    if (has_escape(tail))
        return tail.len;
    const struct byok_str forms = {needles->forms, needles->len};
    for (size_t len = tail.len < WINDOW ? tail.len : WINDOW - 1; len > 0; len--) {
        const struct byok_str end = {text.ptr + text.len - len, len};
        if (byok_str_find(forms, end) != SIZE_MAX)
            return len;
    }
    return 0;
}

size_t byok_slot_scrub_all(const struct byok_slot *slot, const struct byok_span *texts,
                           size_t count)
{
    size_t places = 0;
    struct byok_needles needles;
    prepare(&needles, slot);
    for (size_t i = 0; i < count; i++) {
        const struct byok_str text = {texts[i].ptr, texts[i].len};
        places += scrub_plain(&needles, text, texts[i].ptr);
    }
    wipe(&needles);
    return places;
}

size_t byok_slot_scrub(const struct byok_slot *slot, char *bytes, size_t len)
{
    return len < WINDOW ? 0 : byok_slot_scrub_all(slot, &(struct byok_span){bytes, len}, 1);
}
