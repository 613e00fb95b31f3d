/* SPDX-License-Identifier: MIT */
/* demo/sim_text.c - hashes, fingerprints and JSON text for the simulated provider. */
#include "demo/sim_text.h"

#include <sodium.h>

#include "base/mem.h"

void sim_fingerprint(struct byok_str key, char out[static SIM_FINGERPRINT_BYTES])
{
    unsigned char digest[crypto_hash_sha256_BYTES];
    crypto_hash_sha256(digest, (const unsigned char *)key.ptr, key.len);
    sodium_bin2hex(out, SIM_FINGERPRINT_BYTES, digest, (SIM_FINGERPRINT_BYTES - 1) / 2);
}

uint64_t sim_hash(struct byok_str text)
{
    /* FNV-1a, mixed at the end because its low bits alone are weak. */
    uint64_t hash = 14695981039346656037u;
    for (size_t i = 0; i < text.len; i++)
        hash = (hash ^ (uint8_t)text.ptr[i]) * 1099511628211u;
    return sim_random(&hash);
}

uint64_t sim_random(uint64_t *state)
{
    uint64_t x = *state += 0x9e3779b97f4a7c15u;
    x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9u;
    x = (x ^ (x >> 27)) * 0x94d049bb133111ebu;
    return x ^ (x >> 31);
}

static void escape(struct byok_buf *out, unsigned char c)
{
    switch (c) {
    case '"':
        byok_buf_add(out, "\\\"", 2);
        break;
    case '\\':
        byok_buf_add(out, "\\\\", 2);
        break;
    case '\n':
        byok_buf_add(out, "\\n", 2);
        break;
    default:
        byok_buf_printf(out, "\\u%04x", c);
        break;
    }
}

void sim_json_string(struct byok_buf *out, struct byok_str text)
{
    size_t plain = 0; /* where the run that needs no escape began */
    byok_buf_add(out, "\"", 1);
    for (size_t i = 0; i < text.len; i++) {
        unsigned char c = (unsigned char)text.ptr[i];
        if (c >= 0x20 && c != '"' && c != '\\')
            continue;
        byok_buf_add(out, text.ptr + plain, i - plain);
        escape(out, c);
        plain = i + 1;
    }
    if (text.len > plain)
        byok_buf_add(out, text.ptr + plain, text.len - plain);
    byok_buf_add(out, "\"", 1);
}

void sim_json_or_null(struct byok_buf *out, const char *text)
{
    if (text && *text)
        sim_json_string(out, byok_str_of(text));
    else
        byok_buf_add(out, "null", 4);
}

void sim_copy(char *out, size_t room, struct byok_str text)
{
    size_t len = text.len < room ? text.len : room - 1;
    if (len > 0)
        memcpy(out, text.ptr, len);
    out[len] = '\0';
}

void sim_add_base64(struct byok_str bytes, struct byok_buf *out)
{
    size_t room = sodium_base64_ENCODED_LEN(bytes.len, sodium_base64_VARIANT_ORIGINAL);
    char *text = byok_new(room, 1);
    if (text) {
        sodium_bin2base64(text, room, (const unsigned char *)bytes.ptr, bytes.len,
                          sodium_base64_VARIANT_ORIGINAL);
        byok_buf_printf(out, "\"%s\"", text);
    }
    byok_delete(text);
}
