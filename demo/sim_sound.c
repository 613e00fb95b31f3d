/* SPDX-License-Identifier: MIT */
/* demo/sim_sound.c - the recordings and transcripts of demo/sim_answer.h. */
#include <inttypes.h>
#include <stdio.h>

#include "demo/sim_answer.h"
#include "demo/sim_pack.h"
#include "demo/sim_text.h"

#define TONES_S 20u /* tones of words in a second */
#define GAPS_S 100u /* as long as the gap behind each */
#define LOUDNESS 8000
#define SOUND_CAP ((size_t)256 * 1024 * 1024)

static uint32_t little(struct byok_str bytes, size_t at)
{
    uint32_t number = 0;
    for (unsigned i = 0; i < 4; i++)
        number |= (uint32_t)(unsigned char)bytes.ptr[at + i] << (8 * i);
    return number;
}

struct byok_str sim_next_word(struct byok_str *text)
{
    size_t from = 0, to;
    while (from < text->len && sim_is_space(text->ptr[from]))
        from++;
    for (to = from; to < text->len && !sim_is_space(text->ptr[to]);)
        to++;
    const struct byok_str word = {text->ptr + from, to - from};
    *text = (struct byok_str){text->ptr + to, text->len - to};
    return word;
}

uint32_t sim_count_words(struct byok_str text)
{
    uint32_t count = 0;
    while (sim_next_word(&text).len > 0)
        count++;
    return count;
}

/* Samples of a word, its gap included. */
static uint32_t word_samples(uint32_t rate)
{
    return rate / TONES_S + rate / GAPS_S;
}

/* A triangle wave: whole numbers only, so that all machines agree. */
static void add_tone(uint64_t pitch, uint32_t rate, struct byok_buf *out)
{
    const int32_t period = (int32_t)(rate / (220 + pitch % 660));
    const uint32_t tone = rate / TONES_S;
    for (uint32_t i = 0; i < word_samples(rate); i++) {
        int32_t at = (int32_t)i % period;
        int32_t up = at < period / 2 ? at : period - at;
        int32_t sample = i < tone ? LOUDNESS * (4 * up - period) / period : 0;
        sim_add_little(out, (uint32_t)sample, 2);
    }
}

static void add_wav_head(uint32_t bytes, uint32_t rate, struct byok_buf *out)
{
    byok_buf_add(out, "RIFF", 4);
    sim_add_little(out, bytes + 36, 4);
    byok_buf_add(out, "WAVEfmt ", 8);
    sim_add_little(out, 16, 4); /* of this part */
    sim_add_little(out, 1, 2);  /* PCM */
    sim_add_little(out, 1, 2);  /* channel */
    sim_add_little(out, rate, 4);
    sim_add_little(out, rate * 2, 4);
    sim_add_little(out, 2, 2);  /* bytes of a sample */
    sim_add_little(out, 16, 2); /* bits */
    byok_buf_add(out, "data", 4);
    sim_add_little(out, bytes, 4);
}

/* Frames of MPEG audio, layer III, one channel (ISO 11172-3, 2.4.1; 13818-3): a side information of
 * zeros says that no data follows, which is silence.  The bytes of a frame are samples / 8 * bits a
 * second / rate. */
static void add_mp3(uint32_t samples, uint32_t rate, struct byok_buf *out)
{
    static const struct {
        uint32_t rate, samples, bytes;
        unsigned char head[4];
    } kinds[] = {
        {44100, 1152, 417, {0xff, 0xfb, 0x90, 0xc4}}, /* 128 kbit/s */
        {24000, 576, 192, {0xff, 0xf3, 0x84, 0xc4}}, /* 64 kbit/s */
        {22050, 576, 104, {0xff, 0xf3, 0x40, 0xc4}}, /* 32 kbit/s */
    };
    size_t kind = 0;
    while (kind + 1 < sizeof kinds / sizeof kinds[0] && kinds[kind].rate != rate)
        kind++;
    for (uint32_t done = 0; done < samples; done += kinds[kind].samples) {
        static const unsigned char silence[512];
        byok_buf_add(out, kinds[kind].head, sizeof kinds[kind].head);
        byok_buf_add(out, silence, kinds[kind].bytes - sizeof kinds[kind].head);
    }
}

const char *sim_answer_sound(const struct sim_request *request, struct byok_buf *out)
{
    static const char *const types[] = {[SIM_WAV] = "audio/wav",
                                        [SIM_PCM] = "audio/pcm",
                                        [SIM_MP3] = "audio/mpeg",
                                        [SIM_FLAC] = "audio/flac",
                                        [SIM_OPUS] = "audio/ogg"};
    BYOK_AUTO(byok_buf) pcm = {.cap_bytes = SOUND_CAP};
    const struct sim_sound sound = request->sound;
    struct byok_str text = byok_buf_str(&request->prompt), word;
    const uint32_t samples = sim_count_words(text) * word_samples(sound.rate);
    switch (sound.codec) {
    case SIM_MP3:
        add_mp3(samples, sound.rate, out);
        return types[sound.codec];
    case SIM_OPUS:
        sim_add_opus(samples, out);
        return types[sound.codec];
    case SIM_WAV:
    case SIM_PCM:
    case SIM_FLAC:
        break;
    }
    while ((word = sim_next_word(&text)).len > 0)
        add_tone(sim_hash(word), sound.rate, &pcm);
    if (sound.codec == SIM_FLAC) {
        sim_add_flac(byok_buf_str(&pcm), sound.rate, out);
        return types[sound.codec];
    }
    if (sound.codec == SIM_WAV)
        add_wav_head(samples * 2, sound.rate, out);
    byok_buf_add_str(out, byok_buf_str(&pcm));
    return types[sound.codec];
}

uint32_t sim_sound_ms(struct byok_str audio)
{
    uint32_t rate = 16000; /* bytes per second, where nothing better is known: 128 kbit/s */
    size_t len = audio.len;
    if (len >= 44 && byok_str_starts(audio, SIM_STR("RIFF"))) {
        rate = little(audio, 28);
        len -= 44;
    }
    uint64_t ms = rate > 0 ? (uint64_t)len * 1000 / rate : 0;
    return ms > UINT32_MAX ? UINT32_MAX : (uint32_t)ms;
}

struct byok_str sim_answer_transcript(struct byok_str audio, char room[static SIM_TRANSCRIPT_BYTES])
{
    snprintf(room, SIM_TRANSCRIPT_BYTES,
             "Simulated transcript %08" PRIx32 " of %zu bytes of audio.", (uint32_t)sim_hash(audio),
             audio.len);
    return byok_str_of(room);
}

uint32_t sim_word_ms(uint32_t ms, uint32_t i, uint32_t count)
{
    return (uint32_t)((uint64_t)ms * i / count);
}

void sim_add_seconds(uint32_t ms, struct byok_buf *out)
{
    byok_buf_printf(out, "%" PRIu32 ".%03" PRIu32, ms / 1000, ms % 1000);
}

void sim_add_span(uint32_t from_ms, uint32_t to_ms, struct byok_buf *out)
{
    byok_buf_printf(out, "\"start\":");
    sim_add_seconds(from_ms, out);
    byok_buf_printf(out, ",\"end\":");
    sim_add_seconds(to_ms, out);
}
