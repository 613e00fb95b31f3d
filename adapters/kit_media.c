/* SPDX-License-Identifier: MIT */
/* adapters/kit_media.c - see kit_media.h.
 *
 * First bytes: RFC 9639 (FLAC), RFC 3533 (Ogg), RFC 9649 (WebP), ISO/IEC 14496-12 (MP4's "ftyp"),
 * ISO/IEC 11172-3 (MP3's frame), 13818-7 (AAC's ADTS), id3.org (ID3v2), the WHATWG's MIME sniffing.
 */
#include "adapters/kit_media.h"

#include <string.h>

#include "schemas/codec.h"

#define COUNT(table) (sizeof(table) / sizeof(table)[0])
#define STR(literal) ((struct byok_str)BYOK_STR(literal))

#define TYPE_MAX 64 /* bytes of a media type; the longest in use are about 40 */

/* What is written in place of a length by who does not know it yet: 0xFFFFFFFF, 0x7FFFF000, 0. */
#define WAV_LENGTH_MAX 0x7FFF0000u

enum { WAV, MP3, FLAC, OGG, WEBM, MP4, AAC, PCM, PNG, JPEG, WEBP, GIF, PDF };

static const struct byok_media media[] = {
    [WAV] = {"audio/wav", "wav"},       [MP3] = {"audio/mpeg", "mp3"},
    [FLAC] = {"audio/flac", "flac"},    [OGG] = {"audio/ogg", "ogg"},
    [WEBM] = {"audio/webm", "webm"},    [MP4] = {"audio/mp4", "m4a"},
    [AAC] = {"audio/aac", "aac"},       [PCM] = {"audio/pcm", "pcm"},
    [PNG] = {"image/png", "png"},       [JPEG] = {"image/jpeg", "jpg"},
    [WEBP] = {"image/webp", "webp"},    [GIF] = {"image/gif", "gif"},
    [PDF] = {"application/pdf", "pdf"},
};

/* Subtypes, and the words of providers. */
static const struct {
    const char *name;
    int of;
} names[] = {
    {"wav", WAV},   {"wave", WAV},  {"vnd.wave", WAV}, {"mpeg", MP3}, {"mp3", MP3},
    {"mpga", MP3},  {"flac", FLAC}, {"ogg", OGG},      {"opus", OGG}, {"oga", OGG},
    {"webm", WEBM}, {"mp4", MP4},   {"m4a", MP4},      {"aac", AAC},  {"pcm", PCM},
    {"l16", PCM},   {"png", PNG},   {"jpeg", JPEG},    {"jpg", JPEG}, {"webp", WEBP},
    {"gif", GIF},
};

static const struct {
    size_t at;
    struct byok_str bytes;
    int of;
} magic[] = {
    {8, BYOK_STR("WAVE"), WAV},
    {0, BYOK_STR("ID3"), MP3},
    {0, BYOK_STR("fLaC"), FLAC},
    {0, BYOK_STR("OggS"), OGG},
    {0, BYOK_STR("\x1A\x45\xDF\xA3"), WEBM},
    {4, BYOK_STR("ftyp"), MP4},
    {0, BYOK_STR("\x89PNG\r\n\x1A\n"), PNG},
    {0, BYOK_STR("\xFF\xD8\xFF"), JPEG},
    {8, BYOK_STR("WEBP"), WEBP},
    {0, BYOK_STR("GIF8"), GIF},
    {0, BYOK_STR("%PDF-"), PDF},
};

static bool stands_at(struct byok_str bytes, size_t at, struct byok_str wanted)
{
    return at + wanted.len <= bytes.len && memcmp(bytes.ptr + at, wanted.ptr, wanted.len) == 0;
}

const struct byok_media *byok_media_of_bytes(struct byok_str bytes)
{
    for (size_t i = 0; i < COUNT(magic); i++) {
        const bool is_riff = magic[i].at == 8;
        if (stands_at(bytes, magic[i].at, magic[i].bytes) &&
            (!is_riff || stands_at(bytes, 0, STR("RIFF"))))
            return &media[magic[i].of];
    }
    return NULL;
}

#define HEAD_BASE64 ((size_t)16) /* 12 bytes: as far as the table looks */

struct byok_str byok_media_type_of_part(const struct byok_adapter_call *call,
                                        const struct byok_value *part)
{
    struct byok_str type = byok_value_as_str(byok_value_find(part, "media_type"));
    const struct byok_value *data = byok_value_find(part, "data");
    struct byok_str head = {NULL, 0};
    if (type.len > 0)
        return type;
    if (byok_value_is(data, BYOK_VALUE_BYTES)) {
        head = data->as.str;
    } else if (byok_value_is(data, BYOK_VALUE_STRING)) {
        struct byok_str text = data->as.str;
        text.len = text.len > HEAD_BASE64 ? HEAD_BASE64 : text.len;
        if (!byok_base64_decode(call->arena, text, &head))
            head = (struct byok_str){NULL, 0};
    }
    const struct byok_media *found = byok_media_of_bytes(head);
    return found ? byok_str_of(found->type) : (struct byok_str){NULL, 0};
}

/* A frame without a tag before it: eleven or twelve bits, so other bytes may look like it. */
static const struct byok_media *of_frame(struct byok_str bytes)
{
    const unsigned char *b = (const unsigned char *)bytes.ptr;
    if (bytes.len < 4 || b[0] != 0xFF)
        return NULL;
    if ((b[1] & 0xF6) == 0xF0)
        return &media[AAC];
    const bool is_layer_3 = (b[1] & 0xE6) == 0xE2 && (b[1] & 0x18) != 0x08;
    return is_layer_3 && (b[2] & 0xF0) != 0xF0 && (b[2] & 0x0C) != 0x0C ? &media[MP3] : NULL;
}

static struct byok_str without_parameters(struct byok_str type)
{
    const char *end = type.len > 0 ? memchr(type.ptr, ';', type.len) : NULL;
    if (end)
        type.len = (size_t)(end - type.ptr);
    return byok_str_trim(type);
}

const struct byok_media *byok_media_of_type(struct byok_str type)
{
    struct byok_str name = without_parameters(type);
    const char *slash = name.len > 0 ? memchr(name.ptr, '/', name.len) : NULL;
    if (slash)
        name = (struct byok_str){slash + 1, name.len - (size_t)(slash + 1 - name.ptr)};
    if (name.len > 2 && (name.ptr[0] == 'x' || name.ptr[0] == 'X') && name.ptr[1] == '-')
        name = (struct byok_str){name.ptr + 2, name.len - 2};
    for (size_t i = 0; i < COUNT(names); i++) {
        if (byok_str_eq_nocase(name, byok_str_of(names[i].name)))
            return &media[names[i].of];
    }
    return NULL;
}

bool byok_media_is_type(struct byok_str type)
{
    size_t slashes = 0;
    for (size_t i = 0; i < type.len; i++) {
        const char c = type.ptr[i];
        slashes += c == '/';
        if (c <= ' ' || c >= 0x7f || memchr("()<>@,;:\\\"[]?=", c, 14))
            return false;
    }
    return slashes == 1 && type.len <= TYPE_MAX && type.ptr[0] != '/' &&
           type.ptr[type.len - 1] != '/';
}

/* ---- answers ---- */

static bool is_cut_wav(struct byok_str bytes)
{
    const unsigned char *b = (const unsigned char *)bytes.ptr;
    if (!stands_at(bytes, 0, STR("RIFF")) || bytes.len < 12)
        return false;
    uint32_t length =
        (uint32_t)b[4] | (uint32_t)b[5] << 8 | (uint32_t)b[6] << 16 | (uint32_t)b[7] << 24;
    return length < WAV_LENGTH_MAX && bytes.len - 8 < length;
}

/* What the answer calls itself: true for audio, and for bytes of which nothing is said. */
static bool may_be_audio(struct byok_str type)
{
    return byok_str_starts(type, STR("audio/")) || byok_str_starts(type, STR("video/")) ||
           byok_str_is(type, "application/octet-stream") || byok_str_is(type, "application/ogg") ||
           byok_str_is(type, "binary/octet-stream");
}

/* An object of JSON, whatever the answer calls itself.  Raw samples may begin so but not go on. */
static bool is_json(const struct byok_adapter_call *call, struct byok_str body)
{
    struct byok_str text = byok_str_trim(body);
    struct byok_value root;
    return text.len > 1 && text.len < ((size_t)1 << 16) && text.ptr[0] == '{' &&
           text.ptr[text.len - 1] == '}' &&
           byok_decode(call->arena, BYOK_JSON, text, &root, NULL) == BYOK_E_OK;
}

/* Its media type, or the empty slice: no audio. */
static struct byok_str type_of(const struct byok_adapter_call *call,
                               const struct byok_http_response *response,
                               const struct byok_media *asked)
{
    struct byok_str said = without_parameters(byok_http_header_of(response, "content-type"));
    const struct byok_media *found = byok_media_of_bytes(response->body);
    const bool is_said = may_be_audio(said);
    if (found)
        return byok_str_of(found->type);
    if ((said.len > 0 && !is_said) || is_json(call, response->body))
        return (struct byok_str){NULL, 0};
    if (is_said && !byok_kit_mentions(said, "octet-stream") && byok_media_is_type(said))
        return byok_arena_copy(call->arena, said);
    found = of_frame(response->body);
    if (!found && is_said)
        found = asked;
    if (found)
        return byok_str_of(found->type);
    return is_said ? STR("application/octet-stream") : (struct byok_str){NULL, 0};
}

enum byok_err byok_kit_read_audio(const struct byok_adapter_call *call,
                                  const struct byok_http_response *response,
                                  const struct byok_media *asked, struct byok_value *output,
                                  struct byok_fault *fault)
{
    const char *name = call->provider->name;
    struct byok_str type = type_of(call, response, asked);
    if (response->body.len == 0 || type.len == 0) {
        enum byok_err err = byok_kit_check_memory(call, fault);
        return err != BYOK_E_OK
                   ? err
                   : byok_fault_set(fault, BYOK_E_BAD_ANSWER,
                                    "provider \"%s\" answered without audio (%zu bytes): check its "
                                    "base_url",
                                    name, response->body.len);
    }
    if (byok_str_is(type, "audio/wav") && is_cut_wav(response->body))
        return byok_fault_set(fault, BYOK_E_BAD_ANSWER,
                              "the audio of provider \"%s\" is cut off after %zu bytes", name,
                              response->body.len);
    struct byok_str audio = byok_arena_copy(call->arena, response->body);
    byok_value_set(call->arena, output, "audio", byok_value_bytes(audio));
    byok_value_set(call->arena, output, "media_type", byok_value_string(type));
    return byok_kit_check_memory(call, fault);
}

struct byok_str byok_media_audio(const struct byok_adapter_call *call, struct byok_str audio)
{
    return call->file ? (struct byok_str){NULL, (size_t)call->file->size} : audio;
}

enum byok_err byok_media_name_file(const struct byok_adapter_call *call, struct byok_str audio,
                                   struct byok_multipart_file *out, struct byok_fault *fault)
{
    struct byok_str type = byok_value_as_str(byok_kit_member(call, "media_type"));
    const struct byok_media *is =
        type.len > 0 ? byok_media_of_type(type) : byok_media_of_bytes(audio);
    *out = (struct byok_multipart_file){
        .file_name = STR("audio"),
        .media_type = STR("application/octet-stream"),
        .bytes = byok_media_audio(call, audio),
    };
    if (call->file)
        out->sha256 = byok_payload_hash_of(call->file);
    if (is) {
        out->file_name = byok_arena_printf(call->arena, "audio.%s", is->extension);
        out->media_type = byok_str_of(is->type);
    } else if (byok_media_is_type(type)) {
        out->media_type = type;
    } else if (type.len > 0) {
        return byok_fault_set(fault, BYOK_E_UNSUPPORTED,
                              "member \"media_type\": not a media type such as audio/wav");
    }
    return BYOK_E_OK;
}

enum byok_err byok_media_end_form(const struct byok_adapter_call *call, struct byok_multipart *form,
                                  struct byok_http_request *out, struct byok_fault *fault)
{
    struct byok_str content_type = STR("");
    enum byok_err err = byok_multipart_end(form, out, &content_type, fault);
    if (err == BYOK_E_NOMEM)
        return byok_kit_check_memory(call, fault);
    if (err != BYOK_E_OK)
        return err;
    return byok_kit_end_body(call, content_type, STR(""), out, fault);
}
