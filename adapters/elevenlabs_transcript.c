/* SPDX-License-Identifier: MIT */
/* adapters/elevenlabs_transcript.c - POST /speech-to-text: a form with the audio out, a transcript
 * back. */
#include "adapters/elevenlabs_parts.h"

#include "adapters/audio.h"
#include "adapters/kit_media.h"
#include "adapters/multipart.h"
#include "adapters/query.h"

#define STR(literal) ((struct byok_str)BYOK_STR(literal))

static const char *const known[] = {"audio",      "media_type", "language",
                                    "timestamps", "diarize",    NULL};

/* ---- the request ---- */

static bool is_true(const struct byok_value *value)
{
    return byok_value_is(value, BYOK_VALUE_BOOL) && value->as.boolean;
}

static bool wants_speakers(const struct byok_adapter_call *call)
{
    return is_true(byok_kit_member(call, "diarize"));
}

static bool wants_times(const struct byok_adapter_call *call)
{
    const struct byok_value *timestamps = byok_kit_member(call, "timestamps");
    return is_true(timestamps) || byok_value_is(timestamps, BYOK_VALUE_STRING);
}

/* Left to itself ElevenLabs gives the times of all words, which make most of a long answer. */
static enum byok_err put_times(const struct byok_adapter_call *call, struct byok_value *fields,
                               struct byok_fault *fault)
{
    struct byok_str word = byok_value_as_str(byok_kit_member(call, "timestamps"));
    if (word.len > 0 && !byok_str_is(word, "word"))
        return byok_fault_set(fault, BYOK_E_UNSUPPORTED,
                              "member \"timestamps\": ElevenLabs knows \"word\"; its segments come "
                              "with \"diarize\"");
    const bool wanted = wants_times(call) || wants_speakers(call);
    byok_value_set(call->arena, fields, "timestamps_granularity",
                   byok_value_text(wanted ? "word" : "none"));
    if (wants_speakers(call))
        byok_value_set(call->arena, fields, "diarize", byok_value_bool(true));
    return BYOK_E_OK;
}

/* Options that would send the answer elsewhere, or other audio. */
static enum byok_err check_options(const struct byok_adapter_call *call, struct byok_fault *fault)
{
    static const char *const refused[] = {"webhook", "file", "cloud_storage_url", "source_url"};
    for (size_t i = 0; i < sizeof refused / sizeof refused[0]; i++) {
        if (byok_value_find(call->request->provider_options, refused[i]))
            return byok_fault_set(fault, BYOK_E_UNSUPPORTED,
                                  "provider_options \"%s\": the audio is the member \"audio\" and "
                                  "the answer must come back here; leave it out",
                                  refused[i]);
    }
    return BYOK_E_OK;
}

/* The one option that is a member of the query: as a field it would be passed over. */
#define LOGGING "enable_logging"

/* A list is the same field again (as FastAPI, which ElevenLabs runs on, reads it), not `name[]`. */
static void add_fields(struct byok_multipart *form, const struct byok_value *fields)
{
    for (uint32_t i = 0; i < fields->count; i++) {
        const struct byok_member *field = &fields->as.members[i];
        if (byok_str_is(field->name, LOGGING))
            continue;
        const bool is_list = field->value.type == BYOK_VALUE_ARRAY;
        const uint32_t count = is_list ? field->value.count : 1;
        for (uint32_t k = 0; k < count; k++) {
            const struct byok_value *value = is_list ? &field->value.as.items[k] : &field->value;
            if (value->type == BYOK_VALUE_STRING)
                byok_multipart_text(form, field->name, value->as.str);
            else if (value->type != BYOK_VALUE_NULL)
                byok_multipart_text(form, field->name, byok_kit_json(form->arena, value));
        }
    }
}

static enum byok_err end_form(const struct byok_adapter_call *call, const struct byok_value *fields,
                              const struct byok_multipart_file *file, struct byok_http_request *out,
                              struct byok_fault *fault)
{
    struct byok_multipart form;
    struct byok_value query = byok_value_map();
    const struct byok_value *logging = byok_value_find(fields, LOGGING);
    byok_multipart_init(&form, call->arena);
    add_fields(&form, fields);
    byok_multipart_file(&form, STR("file"), file);
    byok_kit_begin(call, "POST", "/speech-to-text", NULL, out);
    if (logging)
        byok_value_set(call->arena, &query, LOGGING, *logging);
    byok_query_add(call->arena, &out->url, &query);
    return byok_media_end_form(call, &form, out, fault);
}

enum byok_err byok_elevenlabs_build_transcript(const struct byok_adapter_call *call,
                                               struct byok_http_request *out,
                                               struct byok_fault *fault)
{
    struct byok_value fields = byok_value_map();
    struct byok_multipart_file file;
    const struct byok_value *audio = byok_kit_member(call, "audio");
    const struct byok_value *language = byok_kit_member(call, "language");
    enum byok_err err = byok_kit_check_members(call, known, fault);
    if (err == BYOK_E_OK && (!byok_value_is(audio, BYOK_VALUE_BYTES) || audio->as.str.len == 0))
        err = byok_fault_set(fault, BYOK_E_BAD_REQUEST, "member \"audio\": must be binary");
    if (err == BYOK_E_OK)
        err = check_options(call, fault);
    byok_value_set_str(call->arena, &fields, "model_id", call->model);
    if (err == BYOK_E_OK)
        err = put_times(call, &fields, fault);
    if (err == BYOK_E_OK)
        err = byok_media_name_file(call, audio->as.str, &file, fault);
    if (err != BYOK_E_OK)
        return err;
    /* it finds the language out by itself, and knows no word for that */
    if (language && !byok_str_is(byok_value_as_str(language), "auto"))
        byok_value_set(call->arena, &fields, "language_code", *language);
    byok_kit_put_options(call, &fields);
    return end_form(call, &fields, &file, out, fault);
}

/* ---- the answer ---- */

static struct byok_str text_of(const struct byok_value *map, const char *name)
{
    return byok_value_as_str(byok_value_find(map, name));
}

/* {"text", "start", "end", "speaker"} of a word, or of the words from one to another. */
static struct byok_value make_span(const struct byok_adapter_call *call,
                                   const struct byok_value *first, const struct byok_value *last,
                                   struct byok_str text)
{
    struct byok_value out = byok_value_map();
    byok_value_set(call->arena, &out, "text", byok_value_string(text));
    byok_audio_put_time(call, first, "start", &out);
    byok_audio_put_time(call, last, "end", &out);
    byok_value_set_str(call->arena, &out, "speaker", text_of(first, "speaker_id"));
    return out;
}

/* The texts of items from one to another, the white space between them included. */
static struct byok_str join(const struct byok_adapter_call *call, const struct byok_value *words,
                            uint32_t from, uint32_t to)
{
    size_t len = 0;
    for (uint32_t i = from; i <= to; i++)
        len += text_of(&words->as.items[i], "text").len;
    char *joined = byok_arena_alloc(call->arena, len + 1);
    len = 0;
    for (uint32_t i = from; joined && i <= to; i++) {
        struct byok_str text = text_of(&words->as.items[i], "text");
        if (text.len > 0)
            memcpy(joined + len, text.ptr, text.len);
        len += text.len;
    }
    return (struct byok_str){joined, joined ? len : 0};
}

/* White space between words is an item too; what is no word ("audio_event") is kept. */
static bool is_spacing(const struct byok_value *word)
{
    return byok_str_is(text_of(word, "type"), "spacing");
}

static void read_words(const struct byok_adapter_call *call, const struct byok_value *words,
                       struct byok_value *list)
{
    for (uint32_t i = 0; byok_value_is(words, BYOK_VALUE_ARRAY) && i < words->count; i++) {
        const struct byok_value *word = &words->as.items[i];
        if (!is_spacing(word))
            byok_value_push(call->arena, list, make_span(call, word, word, text_of(word, "text")));
    }
}

/* What one speaker says in a row is a segment. */
static void read_turns(const struct byok_adapter_call *call, const struct byok_value *words,
                       struct byok_value *list)
{
    uint32_t i = 0, last;
    while (byok_value_is(words, BYOK_VALUE_ARRAY) && i < words->count) {
        const struct byok_value *first = &words->as.items[i];
        if (is_spacing(first)) {
            i++;
            continue;
        }
        last = i;
        for (uint32_t k = i + 1; k < words->count; k++) {
            if (is_spacing(&words->as.items[k]))
                continue;
            if (!byok_str_eq(text_of(&words->as.items[k], "speaker_id"),
                             text_of(first, "speaker_id")))
                break;
            last = k;
        }
        byok_value_push(call->arena, list,
                        make_span(call, first, &words->as.items[last], join(call, words, i, last)));
        i = last + 1;
    }
}

/* One transcript, or (option use_multi_channel) one for each channel.  False: neither. */
static bool read_transcripts(const struct byok_adapter_call *call, const struct byok_value *root,
                             struct byok_answer *out)
{
    const struct byok_value *many = byok_value_find(root, "transcripts");
    const struct byok_value *items = byok_value_is(many, BYOK_VALUE_ARRAY) ? many->as.items : root;
    const uint32_t count = byok_value_is(many, BYOK_VALUE_ARRAY) ? many->count : 1;
    struct byok_value words = byok_value_array(), segments = byok_value_array();
    struct byok_str text = {NULL, 0};
    for (uint32_t i = 0; i < count && !byok_arena_failed(call->arena); i++) {
        if (!byok_value_is(byok_value_find(&items[i], "text"), BYOK_VALUE_STRING))
            return false;
        struct byok_str said = text_of(&items[i], "text");
        text = i == 0 ? said
                      : byok_arena_printf(call->arena, "%.*s\n%.*s", BYOK_STR_ARG(text),
                                          BYOK_STR_ARG(said));
        read_words(call, byok_value_find(&items[i], "words"), &words);
        read_turns(call, byok_value_find(&items[i], "words"), &segments);
    }
    if (count == 0)
        return false;
    byok_value_set(call->arena, &out->output, "text", byok_value_string(text));
    byok_value_set_str(call->arena, &out->output, "language", text_of(&items[0], "language_code"));
    if (wants_times(call) || wants_speakers(call))
        byok_value_set(call->arena, &out->output, "words", words);
    if (wants_speakers(call))
        byok_value_set(call->arena, &out->output, "segments", segments);
    return true;
}

enum byok_err byok_elevenlabs_parse_transcript(const struct byok_adapter_call *call,
                                               const struct byok_http_response *response,
                                               struct byok_answer *out, struct byok_fault *fault)
{
    struct byok_value root;
    *out = (struct byok_answer){.output = byok_value_map(), .usage = BYOK_USAGE_UNSAID};
    out->provider_request_id = byok_kit_header(call, response, "request-id");
    enum byok_err err = byok_kit_read(call, response, &root, fault);
    if (err != BYOK_E_OK)
        return err;
    out->usage.milliseconds =
        byok_audio_milliseconds(byok_value_find(&root, "audio_duration_secs"));
    if (out->provider_request_id.len == 0)
        out->provider_request_id = text_of(&root, "transcription_id");
    if (call->request->raw)
        out->raw = root;
    if (read_transcripts(call, &root, out))
        return byok_kit_check_memory(call, fault);
    if (byok_arena_failed(call->arena))
        return byok_kit_check_memory(call, fault);
    return byok_fault_set(fault, BYOK_E_BAD_ANSWER,
                          "the answer of provider \"%s\" holds no transcript",
                          call->provider->name);
}
