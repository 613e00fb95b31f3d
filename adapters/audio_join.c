/* SPDX-License-Identifier: MIT */
/* adapters/audio_join.c - see adapters/audio_join.h; Ogg is in audio_ogg.c. */
#include "adapters/audio_join.h"

#include <stdint.h>
#include <string.h>

#include "adapters/kit.h"

#define STR(literal) ((struct byok_str)BYOK_STR(literal))

static uint32_t le16(const char *at)
{
    return (uint32_t)(unsigned char)at[0] | (uint32_t)(unsigned char)at[1] << 8;
}

static uint32_t le32(const char *at)
{
    return le16(at) | le16(at + 2) << 16;
}

static uint32_t be32(const char *at)
{
    const unsigned char *b = (const unsigned char *)at;
    return (uint32_t)b[0] << 24 | (uint32_t)b[1] << 16 | (uint32_t)b[2] << 8 | b[3];
}

static struct byok_str from(struct byok_str bytes, size_t at)
{
    return (struct byok_str){bytes.ptr + at, bytes.len - at};
}

static enum byok_err damaged(struct byok_fault *fault, size_t piece, const char *what)
{
    return byok_fault_set(fault, BYOK_E_BAD_ANSWER, "the audio of part %zu %s", piece + 1, what);
}

/* ---- bytes ---- */

/* `head`, then what of the pieces is in `parts`. */
static enum byok_err put_together(struct byok_arena *arena, struct byok_str head,
                                  const struct byok_str *parts, size_t count, struct byok_str *out)
{
    size_t len = head.len;
    for (size_t i = 0; i < count; i++)
        len += parts[i].len;
    char *bytes = byok_arena_alloc(arena, len + 1);
    if (!bytes)
        return arena->overflow ? BYOK_E_TOO_LARGE : BYOK_E_NOMEM;
    *out = (struct byok_str){bytes, len};
    if (head.len > 0)
        memcpy(bytes, head.ptr, head.len);
    bytes += head.len;
    for (size_t i = 0; i < count; i++) {
        if (parts[i].len > 0)
            memcpy(bytes, parts[i].ptr, parts[i].len);
        bytes += parts[i].len;
    }
    return BYOK_E_OK;
}

/* ---- WAV ---- */

/* RIFF: Multimedia Programming Interface and Data Specifications 1.0, IBM and Microsoft, 1991. */
struct wav {
    struct byok_str format, data; /* the contents of these chunks */
};

/* Who streams a WAV does not know its length: data that is said to be longer than the file is all of
 * the rest. */
static bool read_wav(struct byok_str bytes, struct wav *out)
{
    *out = (struct wav){{NULL, 0}, {NULL, 0}};
    if (bytes.len < 12)
        return false;
    for (size_t at = 12; bytes.len - at >= 8;) {
        const char *chunk = bytes.ptr + at;
        size_t len = le32(chunk + 4), left = bytes.len - at - 8;
        struct byok_str content = {chunk + 8, len < left ? len : left};
        if (memcmp(chunk, "fmt ", 4) == 0)
            out->format = content;
        if (memcmp(chunk, "data", 4) == 0) {
            if (len == 0) /* likewise */
                content.len = left;
            out->data = content;
            return out->format.len >= 16;
        }
        if (len + (len & 1) > left)
            break;
        at += 8 + len + (len & 1);
    }
    return false;
}

static void put32(char *to, size_t number)
{
    for (int i = 0; i < 4; i++)
        to[i] = (char)(number >> (8 * i) & 0xff);
}

static enum byok_err join_wav(struct byok_arena *arena, const struct byok_str *pieces, size_t count,
                              struct byok_str *out, struct byok_fault *fault)
{
    struct byok_str *data = byok_arena_alloc(arena, (count + 1) * sizeof *data);
    struct wav first = {{NULL, 0}, {NULL, 0}}, wav;
    size_t len = 0;
    if (!data)
        return BYOK_E_NOMEM;
    for (size_t i = 0; i < count; i++) {
        if (!read_wav(pieces[i], &wav))
            return damaged(fault, i, "is no whole WAV file");
        if (i == 0)
            first = wav;
        if (memcmp(wav.format.ptr, first.format.ptr, 16) != 0)
            return damaged(fault, i, "has another rate or sample than the first");
        const size_t sample = le16(first.format.ptr + 12);
        wav.data.len -= sample > 0 ? wav.data.len % sample : 0;
        data[i] = wav.data;
        len += wav.data.len;
    }
    const size_t head_len = 12 + 8 + first.format.len + (first.format.len & 1) + 8;
    if (len > UINT32_MAX - head_len)
        return byok_fault_set(fault, BYOK_E_TOO_LARGE, "the audio is longer than a WAV can hold");
    char *head = byok_arena_alloc(arena, head_len);
    if (!head)
        return BYOK_E_NOMEM;
    data[count] = (struct byok_str){"", len & 1}; /* chunks are even */
    memcpy(head, "RIFF....WAVEfmt ", 16);
    put32(head + 4, head_len - 8 + len + (len & 1));
    put32(head + 16, first.format.len);
    memcpy(head + 20, first.format.ptr, first.format.len);
    memcpy(head + head_len - 8, "data", 4);
    put32(head + head_len - 4, len);
    return put_together(arena, (struct byok_str){head, head_len}, data, count + 1, out);
}

/* ---- MP3 and ADTS ---- */

/* Bytes of the ID3v2 tag at the beginning (ID3v2.4.0, 3.1: its size has seven bits a byte). */
static size_t tag_len(struct byok_str bytes)
{
    if (bytes.len < 10 || memcmp(bytes.ptr, "ID3", 3) != 0)
        return 0;
    const unsigned char *b = (const unsigned char *)bytes.ptr + 6;
    size_t len = (size_t)(b[0] & 0x7f) << 21 | (size_t)(b[1] & 0x7f) << 14 |
                 (size_t)(b[2] & 0x7f) << 7 | (size_t)(b[3] & 0x7f);
    len += 10 + ((bytes.ptr[5] & 0x10) ? 10u : 0u); /* a footer */
    return len < bytes.len ? len : bytes.len;
}

/* Bytes of an MPEG audio frame of layer III by its header; 0: it is none.  ISO 11172-3, 2.4.2.3, and
 * 13818-3, 2.4.2.3 for the lower rates. */
static size_t frame_len(struct byok_str bytes)
{
    static const uint16_t kbits[2][16] = {
        {0, 32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320, 0},
        {0, 8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160, 0}};
    static const uint32_t rates[4] = {44100, 48000, 32000, 0};
    if (bytes.len < 4)
        return 0;
    const uint32_t head = be32(bytes.ptr);
    const uint32_t version = head >> 19 & 3; /* 3: MPEG 1, 2: 2, 0: 2.5 */
    const bool low = version != 3;
    if (head >> 21 != 0x7ff || version == 1 || (head >> 17 & 3) != 1)
        return 0;
    const uint32_t rate = rates[head >> 10 & 3] >> (version == 3 ? 0 : version == 2 ? 1 : 2);
    const uint32_t kbit = kbits[low][head >> 12 & 15];
    if (rate == 0 || kbit == 0)
        return 0;
    return (low ? 72u : 144u) * kbit * 1000 / rate + (head >> 9 & 1);
}

/* The frame that says how long the file is, which is true no more: "Xing" or "Info" behind the side
 * information, or "VBRI" 32 bytes behind the header. */
static bool is_index(struct byok_str frame)
{
    static const size_t places[] = {4 + 9, 4 + 17, 4 + 32}; /* by version and channels */
    for (size_t i = 0; i < sizeof places / sizeof places[0]; i++) {
        const char *at = frame.ptr + places[i];
        if (frame.len >= places[i] + 4 &&
            (memcmp(at, "Xing", 4) == 0 || memcmp(at, "Info", 4) == 0))
            return true;
    }
    return frame.len >= 40 && memcmp(frame.ptr + 36, "VBRI", 4) == 0;
}

static struct byok_str frames_of(struct byok_str bytes)
{
    for (size_t len; (len = tag_len(bytes)) > 0;)
        bytes = from(bytes, len);
    if (bytes.len >= 128 && memcmp(bytes.ptr + bytes.len - 128, "TAG", 3) == 0)
        bytes.len -= 128; /* ID3v1 */
    size_t len = frame_len(bytes);
    if (len > 0 && len <= bytes.len && is_index((struct byok_str){bytes.ptr, len}))
        bytes = from(bytes, len);
    return bytes;
}

static bool is_adts(struct byok_str bytes)
{
    return bytes.len >= 7 && (be32(bytes.ptr) & 0xfff60000u) == 0xfff00000u;
}

static bool is_framed(struct byok_str bytes)
{
    return frame_len(bytes) > 0 || is_adts(bytes);
}

static enum byok_err join_frames(struct byok_arena *arena, const struct byok_str *pieces,
                                 size_t count, struct byok_str *out, struct byok_fault *fault)
{
    struct byok_str *frames = byok_arena_alloc(arena, count * sizeof *frames);
    if (!frames)
        return BYOK_E_NOMEM;
    for (size_t i = 0; i < count; i++) {
        frames[i] = frames_of(pieces[i]);
        if (!is_framed(frames[i]) || is_adts(frames[i]) != is_adts(frames[0]))
            return damaged(fault, i, "does not begin with a frame like the first one's");
    }
    return put_together(arena, STR(""), frames, count, out);
}

/* ---- which it is ---- */

static bool is_raw(struct byok_str type)
{
    static const char *const raw[] = {"pcm", "l16", "ulaw", "alaw", "basic", "linear16"};
    for (size_t i = 0; i < sizeof raw / sizeof raw[0]; i++) {
        if (byok_kit_mentions(type, raw[i]))
            return true;
    }
    return false;
}

bool byok_audio_joins(struct byok_str format)
{
    static const char *const not[] = {"flac", "mp4", "m4a", "webm", "aiff", "vorbis"};
    for (size_t i = 0; i < sizeof not/ sizeof not[0]; i++) {
        if (byok_kit_mentions(format, not[i]))
            return false;
    }
    return true;
}

enum byok_err byok_audio_join(struct byok_arena *arena, const struct byok_str *pieces, size_t count,
                              struct byok_str type, struct byok_str *out, struct byok_fault *fault)
{
    const struct byok_str first = pieces[0];
    if (count == 1) {
        *out = first;
        return BYOK_E_OK;
    }
    if (byok_str_starts(first, STR("RIFF")))
        return join_wav(arena, pieces, count, out, fault);
    if (byok_str_starts(first, STR("OggS")))
        return byok_audio_join_opus(arena, pieces, count, out, fault);
    if (is_raw(type))
        return put_together(arena, STR(""), pieces, count, out);
    if (byok_str_starts(first, STR("ID3")) || is_framed(first))
        return join_frames(arena, pieces, count, out, fault);
    return byok_fault_set(fault, BYOK_E_UNSUPPORTED,
                          "audio of type %.*s cannot be joined: ask for wav, mp3, pcm or ogg",
                          BYOK_STR_ARG(type));
}
