/* SPDX-License-Identifier: MIT */
/* adapters/gemini_stream.c - :streamGenerateContent?alt=sse, each event a whole answer's form.
 *
 * Source: https://ai.google.dev/api/generate-content#method:-models.streamgeneratecontent and
 * recorded streams.  There is no last event: the answer is whole when a reason for its end is said.
 */
#include "adapters/gemini_parts.h"
#include "adapters/kit.h"
#include "adapters/stream.h"
#include "schemas/codec.h"

static struct byok_str text_of(const struct byok_value *map, const char *path)
{
    return byok_value_as_str(byok_value_path(map, path));
}

/* A call comes whole, in one part. */
static void put_call(const struct byok_adapter_call *call, const struct byok_value *part,
                     struct byok_stream *stream)
{
    const struct byok_value *function = byok_value_find(part, "functionCall");
    const struct byok_value *args = byok_value_find(function, "args");
    const struct byok_tool_part tool = {
        .id = text_of(function, "id"),
        .name = text_of(function, "name"),
        .arguments = args ? byok_kit_json(call->arena, args) : (struct byok_str){NULL, 0},
        .signature = text_of(part, "thoughtSignature"),
    };
    if (tool.name.len > 0)
        byok_stream_put_tool(stream, stream->tool_count, &tool);
}

static void put_part(const struct byok_adapter_call *call, const struct byok_value *part,
                     struct byok_stream *stream)
{
    const struct byok_str image = BYOK_STR("image/");
    const struct byok_value *thought = byok_value_find(part, "thought");
    const bool hidden = byok_value_is(thought, BYOK_VALUE_BOOL) && thought->as.boolean;
    byok_stream_put(stream, hidden ? BYOK_DELTA_REASONING : BYOK_DELTA_TEXT, text_of(part, "text"));
    put_call(call, part, stream);
    struct byok_media_part media = {.media_type = text_of(part, "inlineData.mimeType")};
    if (hidden || !byok_str_starts(media.media_type, image) ||
        !byok_base64_decode(call->arena, text_of(part, "inlineData.data"), &media.bytes))
        return;
    byok_stream_put_image(stream, &media);
    if (stream->image_count > 0)
        stream->usage.images = stream->image_count;
}

/* A blocked prompt has no candidate, and that is its end. */
static bool says_why(const struct byok_value *root)
{
    const struct byok_value *candidates = byok_value_find(root, "candidates");
    if (!byok_value_is(candidates, BYOK_VALUE_ARRAY) || candidates->count == 0)
        return true;
    return text_of(&candidates->as.items[0], "finishReason").len > 0;
}

enum byok_err byok_gemini_event_head(const struct byok_adapter_call *call,
                                     const struct byok_value *root, const struct byok_value **parts,
                                     struct byok_stream *stream, struct byok_fault *fault)
{
    enum byok_finish finish;
    if (byok_value_is(byok_value_find(root, "error"), BYOK_VALUE_MAP)) {
        struct byok_fault said;
        byok_gemini_classify_body(call, stream->response, root, &said);
        if (fault)
            *fault = said;
        return said.code;
    }
    const struct byok_usage usage = byok_gemini_usage(byok_value_find(root, "usageMetadata"));
    byok_stream_usage(stream, &usage);
    byok_stream_say(stream, &stream->model, text_of(root, "modelVersion"));
    byok_stream_say(stream, &stream->id, text_of(root, "responseId"));
    if (!byok_gemini_candidate(root, parts, &finish))
        return BYOK_E_OK;
    if (finish != BYOK_FINISH_NONE)
        stream->finish = finish;
    stream->ended |= says_why(root);
    return BYOK_E_OK;
}

enum byok_err byok_gemini_event(const struct byok_adapter_call *call,
                                const struct byok_sse_event *event, const struct byok_value *root,
                                struct byok_stream *stream, struct byok_fault *fault)
{
    const struct byok_value *parts;
    (void)event;
    enum byok_err err = byok_gemini_event_head(call, root, &parts, stream, fault);
    for (uint32_t i = 0; err == BYOK_E_OK && i < parts->count; i++)
        put_part(call, &parts->as.items[i], stream);
    return err;
}
