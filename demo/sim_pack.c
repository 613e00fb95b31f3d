/* SPDX-License-Identifier: MIT */
/* demo/sim_pack.c - FLAC (RFC 9639) of verbatim samples; Ogg (RFC 3533) with Opus (RFC 7845). */
#include "demo/sim_pack.h"

#define FLAC_BLOCK 4096u      /* samples of a frame; the last may have fewer */
#define OPUS_PRE_SKIP 312u    /* samples that a decoder throws away at the begin */
#define OPUS_PACKET 960u      /* samples: 20 ms */
#define OGG_PAGE_PACKETS 50u  /* a second */
#define OGG_SERIAL 0x006b7962u

/* The checks of both formats: highest bit first, from zero, nothing inverted. */
static uint32_t crc(const char *bytes, size_t len, uint32_t polynomial, unsigned bits)
{
    const uint32_t top = 1u << (bits - 1);
    uint32_t value = 0;
    for (size_t i = 0; i < len; i++) {
        value ^= (uint32_t)(unsigned char)bytes[i] << (bits - 8);
        for (int bit = 0; bit < 8; bit++)
            value = (value & top) ? (value << 1) ^ polynomial : value << 1;
    }
    return value & (top | (top - 1));
}

void sim_add_little(struct byok_buf *out, uint64_t number, unsigned bytes)
{
    for (unsigned i = 0; i < bytes; i++) {
        const char byte = (char)(unsigned char)(number >> (8 * i));
        byok_buf_add(out, &byte, 1);
    }
}

static void add_big(struct byok_buf *out, uint64_t number, unsigned bytes)
{
    while (bytes-- > 0)
        sim_add_little(out, number >> (8 * bytes), 1);
}

/* ---- FLAC ---- */

/* A frame's number, in the form that UTF-8 gives to characters; enough for 65,536 of them. */
static void add_coded(struct byok_buf *out, uint32_t number)
{
    if (number < 0x80) {
        add_big(out, number, 1);
    } else if (number < 0x800) {
        add_big(out, 0xc0 | number >> 6, 1);
        add_big(out, 0x80 | (number & 0x3f), 1);
    } else {
        add_big(out, 0xe0 | (number >> 12 & 0xf), 1);
        add_big(out, 0x80 | (number >> 6 & 0x3f), 1);
        add_big(out, 0x80 | (number & 0x3f), 1);
    }
}

static void add_flac_frame(struct byok_str pcm, uint32_t number, struct byok_buf *out)
{
    const size_t from = out->len;
    add_big(out, 0xfff87008, 4); /* blocks of one size, told below; the rate of the head; 16 bits */
    add_coded(out, number);
    add_big(out, pcm.len / 2 - 1, 2);
    if (out->failed)
        return;
    add_big(out, crc(out->ptr + from, out->len - from, 0x07, 8), 1);
    add_big(out, 0x02, 1); /* a verbatim subframe */
    for (size_t i = 0; i + 1 < pcm.len; i += 2) {
        byok_buf_add(out, pcm.ptr + i + 1, 1);
        byok_buf_add(out, pcm.ptr + i, 1);
    }
    if (!out->failed)
        add_big(out, crc(out->ptr + from, out->len - from, 0x8005, 16), 2);
}

void sim_add_flac(struct byok_str pcm, uint32_t rate, struct byok_buf *out)
{
    static const char no_digest[16];
    byok_buf_add(out, "fLaC", 4);
    add_big(out, 0x80000022, 4); /* the last block of metadata: stream info, 34 bytes */
    add_big(out, FLAC_BLOCK, 2);
    add_big(out, FLAC_BLOCK, 2);
    add_big(out, 0, 6); /* the frames' sizes are not told */
    add_big(out, (uint64_t)rate << 44 | (uint64_t)(16 - 1) << 36 | pcm.len / 2, 8);
    byok_buf_add(out, no_digest, sizeof no_digest);
    for (uint32_t number = 0; pcm.len > 1; number++) {
        const size_t len = pcm.len < (size_t)FLAC_BLOCK * 2 ? pcm.len : (size_t)FLAC_BLOCK * 2;
        add_flac_frame((struct byok_str){pcm.ptr, len}, number, out);
        pcm = (struct byok_str){pcm.ptr + len, pcm.len - len};
    }
}

/* ---- Opus in Ogg ---- */

struct page {
    unsigned flags; /* 2: the first, 4: the last */
    uint32_t number;
    uint64_t granule; /* samples up to its end */
};

/* A page of `count` packets of `bytes` each, at most 254. */
static void add_page(struct byok_buf *out, struct page page, const char *packet, size_t bytes,
                     uint32_t count)
{
    const size_t from = out->len;
    byok_buf_add(out, "OggS", 5); /* and version 0 */
    sim_add_little(out, page.flags, 1);
    sim_add_little(out, page.granule, 8);
    sim_add_little(out, OGG_SERIAL, 4);
    sim_add_little(out, page.number, 4);
    const size_t check_at = out->len;
    sim_add_little(out, 0, 4);
    sim_add_little(out, count, 1);
    for (uint32_t i = 0; i < count; i++)
        sim_add_little(out, bytes, 1);
    for (uint32_t i = 0; i < count; i++)
        byok_buf_add(out, packet, bytes);
    if (out->failed)
        return;
    const uint32_t check = crc(out->ptr + from, out->len - from, 0x04c11db7, 32);
    for (unsigned i = 0; i < 4; i++)
        out->ptr[check_at + i] = (char)(unsigned char)(check >> (8 * i));
}

void sim_add_opus(uint32_t samples, struct byok_buf *out)
{
    /* version 1, one channel, pre-skip 312, 48,000 a second, no gain, mapping 0 */
    static const char head[] = "OpusHead\x01\x01\x38\x01\x80\xbb\0\0\0\0";
    static const char tags[] = "OpusTags\x09\0\0\0simulated\0\0\0";
    static const char silence[] = {(char)0xf8, (char)0xff,
                                   (char)0xfe}; /* CELT, 20 ms, one channel */
    const uint64_t end = OPUS_PRE_SKIP + (uint64_t)samples;
    uint64_t left = (end + OPUS_PACKET - 1) / OPUS_PACKET;
    struct page page = {.flags = 2};
    add_page(out, page, head, sizeof head, 1);
    page = (struct page){.number = 1};
    add_page(out, page, tags, sizeof tags, 1);
    while (left > 0) {
        const uint32_t count = left < OGG_PAGE_PACKETS ? (uint32_t)left : OGG_PAGE_PACKETS;
        left -= count;
        page.number++;
        page.granule = left > 0 ? page.granule + (uint64_t)count * OPUS_PACKET : end;
        page.flags = left > 0 ? 0 : 4;
        add_page(out, page, silence, sizeof silence, count);
    }
}
