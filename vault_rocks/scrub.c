/* SPDX-License-Identifier: MIT */
/* vault_rocks/scrub.c - finds a key, or pieces of it, in bytes from outside, and stars them out.
 *
 * A run of 8 or more of the key's bytes is a union of 8-byte windows of the key, so it is enough
 * to ask of each window of the text whether it is one of the key's: a hash table of them, at most
 * one look-up per byte however the text is made.  Most bytes are not even looked at: every window
 * covers exactly one of the places 4, 9, 14, ..., so only there the 4 bytes are tried against a
 * bitmap of the key's 4-byte pieces.
 * The same is done for the base64 forms of the key (three, by where in the encoder's groups of
 * three bytes it began), because a provider that echoes a Basic header echoes that.
 */
#include "vault_rocks/slot.h"

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
struct needles {
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

static bool may_hold(const struct needles *needles, const char *p)
{
    uint32_t h = piece_hash(p);
    return ((unsigned)needles->bitmap[h / 8] >> (h % 8)) & 1u;
}

/* The place of a window in the table, or the free one where it would stand. */
static uint16_t *find(struct needles *needles, const char *p)
{
    uint32_t mask = (1u << needles->table_bits) - 1;
    uint32_t at = window_hash(p, needles->table_bits);
    while (needles->table[at] != 0 &&
           memcmp(needles->forms + needles->table[at] - 1, p, WINDOW) != 0)
        at = (at + 1) & mask;
    return &needles->table[at];
}

static void add_windows(struct needles *needles, size_t from, size_t to)
{
    for (size_t i = from; i + PIECE <= to; i++) {
        uint32_t h = piece_hash(needles->forms + i);
        needles->bitmap[h / 8] |= (uint8_t)(1u << (h % 8));
    }
    for (size_t i = from; i + WINDOW <= to; i++)
        *find(needles, needles->forms + i) = (uint16_t)(i + 1);
}

/* The base64 characters that depend on the key alone, when `lead` bytes came before it. */
static void add_base64(struct needles *needles, const struct byok_slot *slot, size_t lead)
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

static void prepare(struct needles *needles, const struct byok_slot *slot)
{
    needles->len = 0;
    memset(needles->bitmap, 0, sizeof needles->bitmap);
    needles->table_bits = slot->len <= 100 ? TABLE_BITS - 3 : TABLE_BITS;
    memset(needles->table, 0, sizeof needles->table[0] << needles->table_bits);
    memcpy(needles->forms, slot->key, slot->len);
    needles->len = slot->len;
    add_windows(needles, 0, needles->len);
    for (size_t lead = 0; lead < 3; lead++)
        add_base64(needles, slot, lead);
}

static void wipe(struct needles *needles)
{
    sodium_memzero(needles->forms, needles->len);
    sodium_memzero(needles->bitmap, sizeof needles->bitmap);
    sodium_memzero(needles->table, sizeof needles->table[0] << needles->table_bits);
}

/* A stretch to be starred out; windows that overlap grow it. */
struct stretch {
    size_t from, to;
};

static size_t star(char *bytes, const struct stretch *stretch)
{
    memset(bytes + stretch->from, '*', stretch->to - stretch->from);
    return stretch->to > stretch->from;
}

size_t byok_slot_scrub(const struct byok_slot *slot, char *bytes, size_t len)
{
    if (len < WINDOW || slot->len < WINDOW)
        return 0;
    struct needles needles;
    prepare(&needles, slot);
    size_t places = 0;
    struct stretch open = {0, 0};
    for (size_t p = WINDOW - PIECE; p + PIECE <= len; p += STRIDE) {
        if (!may_hold(&needles, bytes + p))
            continue;
        for (size_t i = p - (WINDOW - PIECE); i <= p && i + WINDOW <= len; i++) {
            if (*find(&needles, bytes + i) == 0)
                continue;
            if (i >= open.to) { /* behind it: no window to come reaches into it */
                places += star(bytes, &open);
                open.from = i;
            }
            open.to = i + WINDOW;
        }
    }
    places += star(bytes, &open);
    wipe(&needles);
    return places;
}
