/* SPDX-License-Identifier: MIT */
/* demo/sim_picture.c - the pictures of demo/sim_answer.h. */
#include "base/mem.h"
#include "demo/sim_answer.h"
#include "demo/sim_text.h"

#define SIDE 16u /* of an image, in pixels */
#define IMAGE_CAP 65536u

static void add_big(struct byok_buf *out, uint32_t number)
{
    for (unsigned i = 0; i < 4; i++) {
        char byte = (char)(unsigned char)(number >> (24 - 8 * i));
        byok_buf_add(out, &byte, 1);
    }
}

/* Of a PNG's part: its length, its type, what is in it, and their CRC (W3C PNG, 5.3 and D). */
static void add_chunk(struct byok_buf *out, const char *type, struct byok_str data)
{
    uint32_t crc = UINT32_MAX;
    add_big(out, (uint32_t)data.len);
    const size_t from = out->len;
    byok_buf_add(out, type, 4);
    byok_buf_add_str(out, data);
    for (size_t i = from; i < out->len; i++) {
        crc ^= (unsigned char)out->ptr[i];
        for (int bit = 0; bit < 8; bit++)
            crc = crc >> 1 ^ (crc & 1 ? 0xedb88320u : 0);
    }
    add_big(out, ~crc);
}

/* zlib's form (RFC 1950) around one block that is not compressed (RFC 1951, 3.2.4). */
static void add_stored(struct byok_buf *out, struct byok_str data)
{
    uint32_t a = 1, b = 0;
    byok_buf_add(out, "\x78\x01\x01", 3);
    for (unsigned i = 0; i < 4; i++) { /* the length, then its complement */
        size_t len = i < 2 ? data.len : ~data.len;
        char byte = (char)(unsigned char)(len >> (8 * (i % 2)) & 0xff);
        byok_buf_add(out, &byte, 1);
    }
    byok_buf_add_str(out, data);
    for (size_t i = 0; i < data.len; i++) {
        a = (a + (unsigned char)data.ptr[i]) % 65521;
        b = (b + a) % 65521;
    }
    add_big(out, b << 16 | a);
}

/* Stripes from one colour to another, both drawn from `random`. */
static void add_pixels(uint64_t random, struct byok_buf *out)
{
    const uint64_t from = sim_random(&random), to = sim_random(&random);
    for (uint32_t y = 0; y < SIDE; y++) {
        byok_buf_add(out, "", 1); /* the line's filter: none */
        for (uint32_t x = 0; x < SIDE; x++) {
            for (unsigned channel = 0; channel < 24; channel += 8) {
                uint32_t one = (from >> channel) & 0xff, other = (to >> channel) & 0xff;
                char mixed = (char)(unsigned char)((one * (SIDE - 1 - x) + other * x) / (SIDE - 1));
                byok_buf_add(out, &mixed, 1);
            }
        }
    }
}

static void add_png(const struct sim_request *request, uint32_t number, struct byok_buf *out)
{
    BYOK_AUTO(byok_buf) head = {.cap_bytes = IMAGE_CAP};
    BYOK_AUTO(byok_buf) pixels = {.cap_bytes = IMAGE_CAP};
    BYOK_AUTO(byok_buf) packed = {.cap_bytes = IMAGE_CAP};
    byok_buf_add(out, "\x89PNG\r\n\x1a\n", 8);
    add_big(&head, SIDE);
    add_big(&head, SIDE);
    byok_buf_add(&head, "\x08\x02\x00\x00\x00", 5); /* 8 bits, RGB */
    add_chunk(out, "IHDR", byok_buf_str(&head));
    add_pixels(sim_hash(byok_buf_str(&request->prompt)) + number, &pixels);
    add_stored(&packed, byok_buf_str(&pixels));
    add_chunk(out, "IDAT", byok_buf_str(&packed));
    add_chunk(out, "IEND", SIM_STR(""));
}

void sim_add_picture(const struct sim_request *request, uint32_t number, struct byok_buf *out)
{
    BYOK_AUTO(byok_buf) png = {.cap_bytes = IMAGE_CAP};
    add_png(request, number, &png);
    sim_add_base64(byok_buf_str(&png), out);
}
