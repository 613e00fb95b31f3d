/* SPDX-License-Identifier: MIT */
/* adapters/deepgram_listen.c - POST /listen: audio out as it is, a transcript back. */
#include "adapters/deepgram_parts.h"

#include "adapters/audio.h"
#include "adapters/kit_media.h"
#include "adapters/query.h"

static const char *const known[] = {"audio",      "media_type", "language",
                                    "timestamps", "diarize",    NULL};

/* ---- the request ---- */

static bool is_true(const struct byok_value *value)
{
    return byok_value_is(value, BYOK_VALUE_BOOL) && value->as.boolean;
}

static bool asks_for(const struct byok_adapter_call *call, const char *granularity)
{
    return byok_str_is(byok_value_as_str(byok_kit_member(call, "timestamps")), granularity);
}

static bool wants_words(const struct byok_adapter_call *call)
{
    return is_true(byok_kit_member(call, "timestamps")) || asks_for(call, "word") ||
           is_true(byok_kit_member(call, "diarize"));
}

static bool wants_segments(const struct byok_adapter_call *call)
{
    return asks_for(call, "segment") || is_true(byok_kit_member(call, "diarize"));
}

static enum byok_err put_query(const struct byok_adapter_call *call, struct byok_value *query,
                               struct byok_fault *fault)
{
    const struct byok_value *timestamps = byok_kit_member(call, "timestamps");
    const struct byok_value *language = byok_kit_member(call, "language");
    if (byok_value_is(timestamps, BYOK_VALUE_STRING) && !asks_for(call, "word") &&
        !asks_for(call, "segment"))
        return byok_fault_set(fault, BYOK_E_UNSUPPORTED,
                              "member \"timestamps\": Deepgram knows \"word\" and \"segment\"");
    byok_value_set(call->arena, query, "model", byok_value_string(call->model));
    /* punctuation and capital letters, as other providers give them unasked */
    byok_value_set(call->arena, query, "smart_format", byok_value_bool(true));
    if (language && byok_str_is(language->as.str, "auto"))
        byok_value_set(call->arena, query, "detect_language", byok_value_bool(true));
    else if (language)
        byok_value_set(call->arena, query, "language", *language);
    if (is_true(byok_kit_member(call, "diarize")))
        byok_value_set(call->arena, query, "diarize", byok_value_bool(true));
    if (wants_segments(call))
        byok_value_set(call->arena, query, "utterances", byok_value_bool(true));
    return byok_deepgram_put_options(call, query, fault);
}

/* What the audio is: as the job says, else by its first bytes; Deepgram looks for itself too. */
static enum byok_err media_type_of(const struct byok_adapter_call *call, struct byok_str audio,
                                   struct byok_str *out, struct byok_fault *fault)
{
    const struct byok_media *is = byok_media_of_bytes(audio);
    *out = byok_value_as_str(byok_kit_member(call, "media_type"));
    if (out->len == 0)
        *out = byok_str_of(is ? is->type : "application/octet-stream");
    else if (byok_media_of_type(*out))
        *out = byok_str_of(byok_media_of_type(*out)->type);
    else if (!byok_media_is_type(*out))
        return byok_fault_set(fault, BYOK_E_UNSUPPORTED,
                              "member \"media_type\": not a media type such as audio/wav");
    return BYOK_E_OK;
}

enum byok_err byok_deepgram_build_listen(const struct byok_adapter_call *call,
                                         struct byok_http_request *out, struct byok_fault *fault)
{
    struct byok_value query = byok_value_map();
    struct byok_str type = {NULL, 0};
    const struct byok_value *audio = byok_kit_member(call, "audio");
    enum byok_err err = byok_kit_check_members(call, known, fault);
    if (err == BYOK_E_OK && (!byok_value_is(audio, BYOK_VALUE_BYTES) || audio->as.str.len == 0))
        err = byok_fault_set(fault, BYOK_E_BAD_REQUEST, "member \"audio\": must be binary");
    if (err == BYOK_E_OK)
        err = put_query(call, &query, fault);
    if (err == BYOK_E_OK)
        err = media_type_of(call, audio->as.str, &type, fault);
    if (err != BYOK_E_OK)
        return err;
    byok_kit_begin(call, "POST", "/listen", NULL, out);
    byok_query_add(call->arena, &out->url, &query);
    if (!call->file)
        return byok_kit_end_body(call, type, audio->as.str, out, fault);
    struct byok_str *piece = byok_arena_alloc(call->arena, sizeof *piece);
    if (piece)
        *piece = byok_media_audio(call, audio->as.str);
    out->pieces = piece;
    out->piece_count = 1;
    return byok_kit_end_body(call, type, (struct byok_str){NULL, 0}, out, fault);
}

/* ---- the answer ---- */

/* {"text", "start", "end", "speaker"}; a speaker is a number with Deepgram, a name with us. */
static struct byok_value read_span(const struct byok_adapter_call *call,
                                   const struct byok_value *from, struct byok_str text)
{
    struct byok_value out = byok_value_map();
    int64_t speaker;
    byok_value_set(call->arena, &out, "text", byok_value_string(text));
    byok_audio_put_time(call, from, "start", &out);
    byok_audio_put_time(call, from, "end", &out);
    if (byok_value_as_int(byok_value_find(from, "speaker"), &speaker))
        byok_value_set(
            call->arena, &out, "speaker",
            byok_value_string(byok_arena_printf(call->arena, "%lld", (long long)speaker)));
    return out;
}

static struct byok_str text_of(const struct byok_value *map, const char *name)
{
    return byok_value_as_str(byok_value_find(map, name));
}

static void read_words(const struct byok_adapter_call *call, const struct byok_value *words,
                       struct byok_value *list)
{
    for (uint32_t i = 0; byok_value_is(words, BYOK_VALUE_ARRAY) && i < words->count; i++) {
        const struct byok_value *word = &words->as.items[i];
        struct byok_str text = text_of(word, "punctuated_word");
        byok_value_push(call->arena, list,
                        read_span(call, word, text.len > 0 ? text : text_of(word, "word")));
    }
}

static void read_utterances(const struct byok_adapter_call *call, const struct byok_value *list,
                            struct byok_answer *out)
{
    struct byok_value segments = byok_value_array();
    if (!byok_value_is(list, BYOK_VALUE_ARRAY))
        return;
    for (uint32_t i = 0; i < list->count; i++)
        byok_value_push(
            call->arena, &segments,
            read_span(call, &list->as.items[i], text_of(&list->as.items[i], "transcript")));
    byok_value_set(call->arena, &out->output, "segments", segments);
}

/* The best alternative of each channel; more than one channel only with the option multichannel.
 * False: the answer holds none. */
static bool read_channels(const struct byok_adapter_call *call, const struct byok_value *channels,
                          struct byok_answer *out)
{
    struct byok_value words = byok_value_array();
    struct byok_str text = {NULL, 0};
    if (!byok_value_is(channels, BYOK_VALUE_ARRAY) || channels->count == 0)
        return false;
    for (uint32_t i = 0; i < channels->count && !byok_arena_failed(call->arena); i++) {
        const struct byok_value *list = byok_value_find(&channels->as.items[i], "alternatives");
        if (!byok_value_is(list, BYOK_VALUE_ARRAY) || list->count == 0 ||
            !byok_value_is(byok_value_find(&list->as.items[0], "transcript"), BYOK_VALUE_STRING))
            return false;
        struct byok_str said = text_of(&list->as.items[0], "transcript");
        text = i == 0 ? said
                      : byok_arena_printf(call->arena, "%.*s\n%.*s", BYOK_STR_ARG(text),
                                          BYOK_STR_ARG(said));
        read_words(call, byok_value_find(&list->as.items[0], "words"), &words);
    }
    byok_value_set(call->arena, &out->output, "text", byok_value_string(text));
    byok_value_set_str(call->arena, &out->output, "language",
                       text_of(&channels->as.items[0], "detected_language"));
    if (wants_words(call))
        byok_value_set(call->arena, &out->output, "words", words);
    return true;
}

enum byok_err byok_deepgram_parse_listen(const struct byok_adapter_call *call,
                                         const struct byok_http_response *response,
                                         struct byok_answer *out, struct byok_fault *fault)
{
    struct byok_value root;
    *out = (struct byok_answer){.output = byok_value_map(), .usage = BYOK_USAGE_UNSAID};
    out->provider_request_id = byok_kit_header(call, response, "dg-request-id");
    enum byok_err err = byok_kit_read(call, response, &root, fault);
    if (err != BYOK_E_OK)
        return err;
    if (out->provider_request_id.len == 0)
        out->provider_request_id = byok_value_as_str(byok_value_path(&root, "metadata.request_id"));
    out->usage.milliseconds = byok_audio_milliseconds(byok_value_path(&root, "metadata.duration"));
    if (call->request->raw)
        out->raw = root;
    if (!read_channels(call, byok_value_path(&root, "results.channels"), out)) {
        if (byok_arena_failed(call->arena))
            return byok_kit_check_memory(call, fault);
        return byok_fault_set(fault, BYOK_E_BAD_ANSWER,
                              "the answer of provider \"%s\" holds no transcript",
                              call->provider->name);
    }
    if (wants_segments(call))
        read_utterances(call, byok_value_path(&root, "results.utterances"), out);
    return byok_kit_check_memory(call, fault);
}
