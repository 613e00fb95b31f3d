/* SPDX-License-Identifier: MIT */
/* adapters/audio_ogg.c - Ogg/Opus streams, one after the other, as one logical stream.
 *
 * The first one's header pages, then the audio pages of all: one serial number, running page numbers,
 * positions that go on by the samples of the packets, so that the end that an encoder cut off a part
 * is played and no position goes back.  Later parts' headers are left out.
 * Sources: RFC 3533 (pages, the checksum), RFC 7845 (positions, headers), RFC 6716, 3.1 (packets).
 */
#include <stdint.h>
#include <string.h>

#include "adapters/audio_join.h"

#define HEAD_BYTES 27
#define FLAG_CONTINUED 1
#define FLAG_BEGIN 2
#define FLAG_END 4
#define NO_POSITION UINT64_MAX

struct page {
    const unsigned char *bytes;
    size_t len, body; /* `body`: where it begins */
    unsigned segments;
    const unsigned char *lacing;
};

struct stream {
    uint64_t samples; /* of the packets that have ended */
    uint64_t pending; /* of the one that goes on in the next page */
    size_t packet;    /* its number; 0 and 1 are headers */
    bool opened;      /* the packet goes on in the next page */
};

struct joining {
    char *out;
    size_t len;
    uint32_t serial, number;
    uint64_t before; /* samples of the parts before */
    char *last;      /* the page put last */
};

static uint64_t get(const unsigned char *at, unsigned bytes)
{
    uint64_t number = 0;
    for (unsigned i = bytes; i-- > 0;)
        number = number << 8 | at[i];
    return number;
}

static void put(char *at, uint64_t number, unsigned bytes)
{
    for (unsigned i = 0; i < bytes; i++, number >>= 8)
        at[i] = (char)(number & 0xff);
}

/* Polynomial 0x04c11db7, nothing reflected, begun with 0. */
static uint32_t checksum(const char *bytes, size_t len)
{
    uint32_t crc = 0;
    for (size_t i = 0; i < len; i++) {
        crc ^= (uint32_t)(unsigned char)bytes[i] << 24;
        for (int bit = 0; bit < 8; bit++)
            crc = crc & 0x80000000u ? crc << 1 ^ 0x04c11db7u : crc << 1;
    }
    return crc;
}

static void seal(char *page, size_t len)
{
    put(page + 22, 0, 4);
    put(page + 22, checksum(page, len), 4);
}

static bool read_page(struct byok_str bytes, size_t at, struct page *out)
{
    if (bytes.len - at < HEAD_BYTES || memcmp(bytes.ptr + at, "OggS", 5) != 0) /* and version 0 */
        return false;
    out->bytes = (const unsigned char *)bytes.ptr + at;
    out->segments = out->bytes[26];
    out->lacing = out->bytes + HEAD_BYTES;
    out->body = out->len = HEAD_BYTES + out->segments;
    if (bytes.len - at < out->body)
        return false;
    for (unsigned i = 0; i < out->segments; i++)
        out->len += out->lacing[i];
    return bytes.len - at >= out->len;
}

/* Samples at 48 kHz of a packet. */
static uint64_t samples_of(const unsigned char *packet, size_t len)
{
    static const uint16_t silk[4] = {480, 960, 1920, 2880}, celt[4] = {120, 240, 480, 960};
    if (len == 0)
        return 0;
    const unsigned config = packet[0] >> 3, code = packet[0] & 3;
    const uint64_t frame = config < 12   ? silk[config & 3]
                           : config < 16 ? (config & 1 ? 960 : 480)
                                         : celt[config & 3];
    return frame * (code == 0 ? 1 : code < 3 ? 2 : len > 1 ? packet[1] & 63u : 0);
}

/* Counts the packets of the page; the first bytes, which say how long one is, are where it begins. */
static void count_packets(struct stream *stream, const struct page *page)
{
    size_t at = page->body, begin = page->body;
    bool begins = !stream->opened;
    for (unsigned i = 0; i < page->segments; i++) {
        at += page->lacing[i];
        const bool ends = page->lacing[i] < 255;
        if (!ends && i + 1 < page->segments)
            continue;
        if (begins && stream->packet >= 2)
            stream->pending = samples_of(page->bytes + begin, at - begin);
        if (ends) {
            stream->samples += stream->pending;
            stream->pending = 0;
            stream->packet++;
        }
        stream->opened = !ends;
        begins = true;
        begin = at;
    }
}

static void put_page(struct joining *joining, const struct page *page, uint64_t position)
{
    char *to = joining->out + joining->len;
    memcpy(to, page->bytes, page->len);
    to[5] = (char)(page->bytes[5] & FLAG_CONTINUED);
    if (joining->number == 0)
        to[5] = (char)(to[5] | FLAG_BEGIN);
    put(to + 6, position, 8);
    put(to + 14, joining->serial, 4);
    put(to + 18, joining->number++, 4);
    seal(to, page->len);
    joining->last = to;
    joining->len += page->len;
}

static bool is_like(struct byok_str piece, struct byok_str first)
{
    struct page a, b;
    /* "OpusHead", version, channels; the mapping family 9 bytes behind them */
    return read_page(piece, 0, &a) && read_page(first, 0, &b) && a.len - a.body >= 19 &&
           b.len - b.body >= 19 && memcmp(a.bytes + a.body, "OpusHead", 8) == 0 &&
           a.bytes[a.body + 9] == b.bytes[b.body + 9] &&
           a.bytes[a.body + 18] == b.bytes[b.body + 18];
}

/* What is wrong with the piece, or NULL. */
static const char *put_piece(struct joining *joining, struct byok_str piece, bool is_first,
                             bool is_last)
{
    struct stream stream = {.samples = 0};
    struct page page;
    uint32_t serial = 0;
    for (size_t at = 0; at < piece.len; at += page.len) {
        if (!read_page(piece, at, &page))
            return "is cut, or no Ogg";
        if (at == 0)
            serial = (uint32_t)get(page.bytes + 14, 4);
        if (serial != (uint32_t)get(page.bytes + 14, 4))
            return "holds more than one stream";
        const bool is_head = stream.packet < 2;
        count_packets(&stream, &page);
        if (is_head && stream.packet > 2)
            return "has its headers and audio in one page";
        if (is_head && !is_first)
            continue;
        uint64_t position = get(page.bytes + 6, 8);
        const bool cuts = is_last && (page.bytes[5] & FLAG_END) && position < stream.samples;
        if (!is_head && position != NO_POSITION)
            position = joining->before + (cuts ? position : stream.samples);
        put_page(joining, &page, position);
    }
    joining->before += stream.samples;
    return stream.packet < 2 || stream.opened ? "is cut" : NULL;
}

enum byok_err byok_audio_join_opus(struct byok_arena *arena, const struct byok_str *pieces,
                                   size_t count, struct byok_str *out, struct byok_fault *fault)
{
    struct joining joining = {.number = 0};
    struct page page;
    size_t len = 0;
    for (size_t i = 0; i < count; i++) {
        if (!is_like(pieces[i], pieces[0]))
            return byok_fault_set(
                fault, i == 0 ? BYOK_E_UNSUPPORTED : BYOK_E_BAD_ANSWER,
                "the Ogg audio of part %zu is not Opus, or has other channels than the first",
                i + 1);
        len += pieces[i].len;
    }
    joining.out = byok_arena_alloc(arena, len + 1);
    if (!joining.out)
        return arena->overflow ? BYOK_E_TOO_LARGE : BYOK_E_NOMEM;
    if (read_page(pieces[0], 0, &page))
        joining.serial = (uint32_t)get(page.bytes + 14, 4);
    for (size_t i = 0; i < count; i++) {
        const char *wrong = put_piece(&joining, pieces[i], i == 0, i + 1 == count);
        if (wrong)
            return byok_fault_set(fault, BYOK_E_BAD_ANSWER, "the Ogg audio of part %zu %s", i + 1,
                                  wrong);
    }
    if (joining.last) {
        struct byok_str left = {joining.last, (size_t)(joining.out + joining.len - joining.last)};
        joining.last[5] = (char)(joining.last[5] | FLAG_END);
        seal(joining.last, left.len);
    }
    *out = (struct byok_str){joining.out, joining.len};
    return BYOK_E_OK;
}
