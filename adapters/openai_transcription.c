/* SPDX-License-Identifier: MIT */
/* adapters/openai_transcription.c - POST /audio/transcriptions: audio out as a form, a text back.
 *
 * OpenAI knows what the audio is by the end of the file's name.  Times come with the format
 * verbose_json, speakers with diarized_json; what is asked for decides which format is.
 */
#include <string.h>

#include "adapters/audio.h"
#include "adapters/kit_media.h"
#include "adapters/multipart.h"
#include "adapters/openai_parts.h"
#include "schemas/utf8.h"

#define STR(literal) ((struct byok_str)BYOK_STR(literal))

static const char *const known[] = {
    "audio", "media_type", "language", "prompt", "timestamps", "diarize", NULL,
};

/* ---- the request ---- */

/* "segment", "word", or NULL for none. */
static enum byok_err read_granularity(const struct byok_adapter_call *call, const char **out,
                                      struct byok_fault *fault)
{
    const struct byok_value *times = byok_kit_member(call, "timestamps");
    struct byok_str word = byok_value_as_str(times);
    *out = NULL;
    if (!times || (times->type == BYOK_VALUE_BOOL && !times->as.boolean))
        return BYOK_E_OK;
    if (times->type == BYOK_VALUE_BOOL || byok_str_is(word, "segment"))
        *out = "segment";
    else if (byok_str_is(word, "word"))
        *out = "word";
    return *out ? BYOK_E_OK
                : byok_fault_set(fault, BYOK_E_UNSUPPORTED,
                                 "member \"timestamps\": true, \"segment\" or \"word\"");
}

/* provider_options may ask for a format that is a text: "text", "srt", "vtt". */
static bool is_plain(const struct byok_adapter_call *call)
{
    struct byok_str format =
        byok_value_as_str(byok_value_find(call->request->provider_options, "response_format"));
    return byok_str_is(format, "text") || byok_str_is(format, "srt") || byok_str_is(format, "vtt");
}

/* A stream is the text alone, of OpenAI's models; Mistral has it at an address of its own. */
static enum byok_err put_stream(const struct byok_adapter_call *call, const char *format,
                                struct byok_value *form, struct byok_fault *fault)
{
    if (!call->request->stream)
        return BYOK_E_OK;
    if (!format || strcmp(format, "json") != 0 || is_plain(call))
        return byok_fault_set(fault, BYOK_E_UNSUPPORTED,
                              "member \"stream\": provider \"%s\" streams %s", call->provider->name,
                              format ? "a transcript without timestamps and speakers, as JSON"
                                     : "no transcripts");
    byok_value_set(call->arena, form, "stream", byok_value_bool(true));
    return BYOK_E_OK;
}

static enum byok_err put_detail(const struct byok_adapter_call *call, struct byok_value *form,
                                struct byok_fault *fault)
{
    const char *granularity;
    const struct byok_value *diarize = byok_kit_member(call, "diarize");
    const bool speakers = byok_value_is(diarize, BYOK_VALUE_BOOL) && diarize->as.boolean;
    enum byok_err err = read_granularity(call, &granularity, fault);
    if (err == BYOK_E_OK && byok_openai_is_mistral(call)) {
        err = put_stream(call, NULL, form, fault);
        return err != BYOK_E_OK ? err : byok_openai_mistral_form(call, form, fault);
    }
    if (err != BYOK_E_OK)
        return err;
    if (speakers && granularity && granularity[0] == 'w')
        return byok_fault_set(fault, BYOK_E_UNSUPPORTED,
                              "member \"timestamps\": with \"diarize\" there are none of words");
    const char *format = speakers ? "diarized_json" : granularity ? "verbose_json" : "json";
    byok_value_set(call->arena, form, "response_format", byok_value_text(format));
    if (speakers) { /* OpenAI wants to be told how to cut what is longer than 30 seconds */
        byok_value_set(call->arena, form, "chunking_strategy", byok_value_text("auto"));
    } else if (granularity) {
        struct byok_value list = byok_value_array();
        byok_value_push(call->arena, &list, byok_value_text(granularity));
        byok_value_set(call->arena, form, "timestamp_granularities[]", list);
    }
    return put_stream(call, format, form, fault);
}

static enum byok_err end_form(const struct byok_adapter_call *call, const struct byok_value *fields,
                              const struct byok_multipart_file *file, struct byok_http_request *out,
                              struct byok_fault *fault)
{
    struct byok_multipart form;
    byok_multipart_init(&form, call->arena);
    byok_multipart_map(&form, fields);
    byok_multipart_file(&form, STR("file"), file);
    byok_openai_begin(call, "POST", "/audio/transcriptions", "application/json", out);
    return byok_media_end_form(call, &form, out, fault);
}

enum byok_err byok_openai_build_transcription(const struct byok_adapter_call *call,
                                              struct byok_http_request *out,
                                              struct byok_fault *fault)
{
    static const char *const same[] = {"language", "prompt"};
    struct byok_value fields = byok_value_map();
    struct byok_multipart_file file;
    const struct byok_value *audio = byok_kit_member(call, "audio");
    enum byok_err err = byok_kit_check_members(call, known, fault);
    if (err == BYOK_E_OK && !byok_value_is(audio, BYOK_VALUE_BYTES))
        err = byok_fault_set(fault, BYOK_E_BAD_REQUEST, "member \"audio\": must be binary");
    byok_value_set_str(call->arena, &fields, "model", call->model);
    if (err == BYOK_E_OK)
        err = put_detail(call, &fields, fault);
    if (err == BYOK_E_OK)
        err = byok_media_name_file(call, audio->as.str, &file, fault);
    if (err == BYOK_E_OK)
        err = byok_openai_check_options(call, fault);
    if (err != BYOK_E_OK)
        return err;
    for (size_t i = 0; i < sizeof same / sizeof same[0]; i++) {
        const struct byok_value *value = byok_kit_member(call, same[i]);
        /* it finds the language out by itself, and knows no word for that */
        if (value && (i > 0 || !byok_str_is(byok_value_as_str(value), "auto")))
            byok_value_set(call->arena, &fields, same[i], *value);
    }
    byok_kit_put_options(call, &fields);
    return end_form(call, &fields, &file, out, fault);
}

/* ---- the answer ---- */

static void put_time(const struct byok_adapter_call *call, struct byok_value *out,
                     const struct byok_value *from, const char *name)
{
    const struct byok_value *time = byok_value_find(from, name);
    if (byok_audio_milliseconds(time) >= 0)
        byok_value_set(call->arena, out, name, *time);
}

/* {"text", "start", "end", "speaker"} of each; false: the list holds something else. */
static bool put_timed(const struct byok_adapter_call *call, const struct byok_value *root,
                      const char *name, const char *text_name, struct byok_value *output)
{
    const struct byok_value *list = byok_value_find(root, name);
    struct byok_value out = byok_value_array();
    if (!byok_value_is(list, BYOK_VALUE_ARRAY) || list->count == 0)
        return true;
    for (uint32_t i = 0; i < list->count; i++) {
        const struct byok_value *from = &list->as.items[i];
        const struct byok_value *text = byok_value_find(from, text_name);
        struct byok_value item = byok_value_map();
        if (!byok_value_is(text, BYOK_VALUE_STRING))
            return false;
        byok_value_set(call->arena, &item, "text", *text);
        put_time(call, &item, from, "start");
        put_time(call, &item, from, "end");
        struct byok_str speaker = byok_value_as_str(byok_value_find(from, "speaker"));
        if (speaker.len == 0) /* Mistral */
            speaker = byok_value_as_str(byok_value_find(from, "speaker_id"));
        byok_value_set_str(call->arena, &item, "speaker", speaker);
        byok_value_push(call->arena, &out, item);
    }
    byok_value_set(call->arena, output, name, out);
    return true;
}

/* OpenAI's usage of type "duration", Mistral's, or the length of the audio in verbose_json. */
static int64_t read_milliseconds(const struct byok_value *root)
{
    static const char *const paths[] = {"usage.seconds", "usage.prompt_audio_seconds", "duration"};
    int64_t ms = -1;
    for (size_t i = 0; i < sizeof paths / sizeof paths[0] && ms < 0; i++)
        ms = byok_audio_milliseconds(byok_value_path(root, paths[i]));
    return ms;
}

static enum byok_err read_plain(const struct byok_adapter_call *call,
                                const struct byok_http_response *response, struct byok_answer *out,
                                struct byok_fault *fault)
{
    *out = (struct byok_answer){.output = byok_value_map(), .usage = BYOK_USAGE_UNSAID};
    out->provider_request_id = byok_kit_header(call, response, "x-request-id");
    if (byok_kit_is_html(response))
        return byok_fault_set(fault, BYOK_E_BAD_ANSWER,
                              "provider \"%s\" answered with an HTML page: check its base_url",
                              call->provider->name);
    struct byok_str text = byok_utf8_repair(call->arena, response->body);
    byok_value_set(call->arena, &out->output, "text",
                   byok_value_string(byok_arena_copy(call->arena, text)));
    return byok_kit_check_memory(call, fault);
}

enum byok_err byok_openai_parse_transcription(const struct byok_adapter_call *call,
                                              const struct byok_http_response *response,
                                              struct byok_answer *out, struct byok_fault *fault)
{
    struct byok_value root;
    struct byok_str type = byok_http_header_of(response, "content-type");
    if (is_plain(call) && !byok_kit_mentions(type, "json"))
        return read_plain(call, response, out, fault);
    enum byok_err err = byok_openai_read(call, response, &root, out, fault);
    if (err != BYOK_E_OK)
        return err;
    out->usage.milliseconds = read_milliseconds(&root);
    const struct byok_value *text = byok_value_find(&root, "text");
    if (!byok_value_is(text, BYOK_VALUE_STRING))
        return byok_fault_set(fault, BYOK_E_BAD_ANSWER,
                              "the answer of provider \"%s\" holds no transcript",
                              call->provider->name);
    byok_value_set(call->arena, &out->output, "text", *text);
    byok_value_set_str(call->arena, &out->output, "language",
                       byok_value_as_str(byok_value_find(&root, "language")));
    if (!put_timed(call, &root, "segments", "text", &out->output) ||
        !put_timed(call, &root, "words", "word", &out->output))
        return byok_fault_set(fault, BYOK_E_BAD_ANSWER,
                              "the answer of provider \"%s\" holds segments or words without text",
                              call->provider->name);
    return byok_kit_check_memory(call, fault);
}

/* ---- the stream ---- */

enum byok_err byok_openai_transcription_event(const struct byok_adapter_call *call,
                                              const struct byok_sse_event *event,
                                              const struct byok_value *root,
                                              struct byok_stream *stream, struct byok_fault *fault)
{
    const struct byok_str type = byok_value_as_str(byok_value_find(root, "type"));
    enum byok_err err = byok_openai_event_error(call, event, root, stream, fault);
    if (err != BYOK_E_OK)
        return err;
    if (byok_str_is(type, "transcript.text.delta"))
        byok_stream_put(stream, BYOK_DELTA_TEXT, byok_value_as_str(byok_value_find(root, "delta")));
    if (!byok_str_is(type, "transcript.text.done"))
        return BYOK_E_OK;
    if (stream->text_bytes == 0) /* a service that says it all at once */
        byok_stream_put(stream, BYOK_DELTA_TEXT, byok_value_as_str(byok_value_find(root, "text")));
    const struct byok_usage usage = byok_openai_usage(byok_value_find(root, "usage"));
    byok_stream_usage(stream, &usage);
    stream->usage.milliseconds = read_milliseconds(root);
    stream->ended = true;
    return BYOK_E_OK;
}
