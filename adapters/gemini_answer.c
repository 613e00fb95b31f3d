/* SPDX-License-Identifier: MIT */
/* adapters/gemini_answer.c - reading the answer of :generateContent. */
#include "adapters/gemini_parts.h"
#include "adapters/kit_media.h"
#include "schemas/codec.h"

static struct byok_str text_of(const struct byok_value *map, const char *path)
{
    return byok_value_as_str(byok_value_path(map, path));
}

enum byok_finish byok_gemini_finish(struct byok_str reason)
{
    static const struct {
        const char *word;
        enum byok_finish finish;
    } words[] = {
        {"STOP", BYOK_FINISH_STOP},
        {"MAX_TOKENS", BYOK_FINISH_LENGTH},
        {"SAFETY", BYOK_FINISH_CONTENT_FILTER},
        {"RECITATION", BYOK_FINISH_CONTENT_FILTER},
        {"BLOCKLIST", BYOK_FINISH_CONTENT_FILTER},
        {"PROHIBITED_CONTENT", BYOK_FINISH_CONTENT_FILTER},
        {"SPII", BYOK_FINISH_CONTENT_FILTER},
        {"IMAGE_SAFETY", BYOK_FINISH_CONTENT_FILTER},
        {"IMAGE_PROHIBITED_CONTENT", BYOK_FINISH_CONTENT_FILTER},
        {"IMAGE_RECITATION", BYOK_FINISH_CONTENT_FILTER},
        {"MODEL_ARMOR", BYOK_FINISH_CONTENT_FILTER},
        {"LANGUAGE", BYOK_FINISH_ERROR},
        {"OTHER", BYOK_FINISH_ERROR},
        {"IMAGE_OTHER", BYOK_FINISH_ERROR},
        {"NO_IMAGE", BYOK_FINISH_ERROR},
        {"MALFORMED_FUNCTION_CALL", BYOK_FINISH_ERROR},
        {"UNEXPECTED_TOOL_CALL", BYOK_FINISH_ERROR},
        {"TOO_MANY_TOOL_CALLS", BYOK_FINISH_ERROR},
        {"MISSING_THOUGHT_SIGNATURE", BYOK_FINISH_ERROR},
        {"MALFORMED_RESPONSE", BYOK_FINISH_ERROR},
    };
    for (size_t i = 0; i < sizeof words / sizeof words[0]; i++) {
        if (byok_str_is(reason, words[i].word))
            return words[i].finish;
    }
    return BYOK_FINISH_NONE;
}

/* NULL: none. */
static const struct byok_value *first_candidate(const struct byok_value *root)
{
    const struct byok_value *candidates = byok_value_find(root, "candidates");
    if (!byok_value_is(candidates, BYOK_VALUE_ARRAY) || candidates->count == 0)
        return NULL;
    return &candidates->as.items[0];
}

bool byok_gemini_candidate(const struct byok_value *root, const struct byok_value **parts,
                           enum byok_finish *finish)
{
    static const struct byok_value none = {.type = BYOK_VALUE_ARRAY};
    const struct byok_value *candidate = first_candidate(root);
    *parts = &none;
    *finish = BYOK_FINISH_CONTENT_FILTER;
    if (!candidate)
        return text_of(root, "promptFeedback.blockReason").len > 0;
    const struct byok_value *found = byok_value_path(candidate, "content.parts");
    struct byok_str reason = text_of(candidate, "finishReason");
    if (byok_value_is(found, BYOK_VALUE_ARRAY))
        *parts = found;
    *finish = byok_gemini_finish(reason);
    return *parts != &none || reason.len > 0;
}

/* A thought has texts and even images of its own. */
static bool is_thought(const struct byok_value *part)
{
    const struct byok_value *thought = byok_value_find(part, "thought");
    return byok_value_is(thought, BYOK_VALUE_BOOL) && thought->as.boolean;
}

struct byok_str byok_gemini_text(const struct byok_adapter_call *call,
                                 const struct byok_value *parts)
{
    size_t len = 0;
    for (uint32_t i = 0; i < parts->count; i++)
        len += text_of(&parts->as.items[i], "text").len;
    char *joined = byok_arena_alloc(call->arena, len + 1);
    len = 0;
    for (uint32_t i = 0; joined && i < parts->count; i++) {
        struct byok_str text = text_of(&parts->as.items[i], "text");
        if (text.len == 0 || is_thought(&parts->as.items[i]))
            continue;
        memcpy(joined + len, text.ptr, text.len);
        len += text.len;
    }
    return (struct byok_str){joined, joined ? len : 0};
}

/* ---- media ---- */

enum byok_err byok_gemini_no_media(const struct byok_adapter_call *call,
                                   const struct byok_value *root, const char *what,
                                   struct byok_fault *fault)
{
    const struct byok_value *parts;
    enum byok_finish finish;
    const bool said = byok_gemini_candidate(root, &parts, &finish);
    struct byok_str reason = text_of(root, "promptFeedback.blockReason");
    if (reason.len == 0)
        reason = text_of(first_candidate(root), "finishReason");
    reason = byok_kit_clean(call->arena, reason);
    if (said && finish == BYOK_FINISH_CONTENT_FILTER)
        return byok_fault_set(fault, BYOK_E_CONTENT_REFUSED,
                              "provider \"%s\" made no %s of it: %.*s", call->provider->name, what,
                              BYOK_STR_ARG(reason));
    return byok_fault_set(fault, BYOK_E_BAD_ANSWER,
                          "the answer of provider \"%s\" holds no %s%s%.*s", call->provider->name,
                          what, reason.len > 0 ? ": " : "", BYOK_STR_ARG(reason));
}

bool byok_gemini_push_image(const struct byok_adapter_call *call, struct byok_str media_type,
                            struct byok_str base64, struct byok_value *images)
{
    struct byok_value image = byok_value_map();
    struct byok_str bytes;
    if (base64.len == 0 || !byok_base64_decode(call->arena, base64, &bytes))
        return false;
    const struct byok_media *seen = byok_media_of_bytes(bytes);
    if (media_type.len == 0) /* PNG is what the API documents where it says nothing */
        media_type = byok_str_of(seen ? seen->type : "image/png");
    byok_value_set(call->arena, &image, "media_type", byok_value_string(media_type));
    byok_value_set(call->arena, &image, "data", byok_value_bytes(bytes));
    byok_value_push(call->arena, images, image);
    return true;
}

struct byok_value byok_gemini_images(const struct byok_adapter_call *call,
                                     const struct byok_value *parts)
{
    struct byok_value images = byok_value_array();
    for (uint32_t i = 0; i < parts->count; i++) {
        const struct byok_value *part = &parts->as.items[i];
        struct byok_str type = text_of(part, "inlineData.mimeType");
        if (byok_str_starts(type, (struct byok_str)BYOK_STR("image/")) && !is_thought(part))
            (void)byok_gemini_push_image(call, type, text_of(part, "inlineData.data"), &images);
    }
    return images;
}

/* ---- chat ---- */

static struct byok_value read_tool_calls(const struct byok_adapter_call *call,
                                         const struct byok_value *parts)
{
    struct byok_value list = byok_value_array();
    for (uint32_t i = 0; i < parts->count; i++) {
        const struct byok_value *part = &parts->as.items[i];
        const struct byok_value *function = byok_value_find(part, "functionCall");
        const struct byok_value *args = byok_value_find(function, "args");
        struct byok_value out = byok_value_map();
        if (text_of(function, "name").len == 0)
            continue;
        byok_value_set_str(call->arena, &out, "id", text_of(function, "id"));
        byok_value_set(call->arena, &out, "name", byok_value_string(text_of(function, "name")));
        byok_value_set(call->arena, &out, "arguments", args ? *args : byok_value_map());
        byok_value_set_str(call->arena, &out, "thought_signature",
                           text_of(part, "thoughtSignature"));
        byok_value_push(call->arena, &list, out);
    }
    return list;
}

static void read_content(const struct byok_adapter_call *call, const struct byok_value *parts,
                         struct byok_answer *out)
{
    struct byok_value calls = read_tool_calls(call, parts);
    struct byok_value images = byok_gemini_images(call, parts);
    byok_value_set(call->arena, &out->output, "text",
                   byok_value_string(byok_gemini_text(call, parts)));
    if (calls.count > 0) {
        byok_value_set(call->arena, &out->output, "tool_calls", calls);
        if (out->finish == BYOK_FINISH_STOP || out->finish == BYOK_FINISH_NONE)
            out->finish = BYOK_FINISH_TOOL_CALLS; /* the API has no word for it */
    }
    if (images.count > 0) {
        byok_value_set(call->arena, &out->output, "images", images);
        out->usage.images = images.count;
    }
}

enum byok_err byok_gemini_parse_chat(const struct byok_adapter_call *call,
                                     const struct byok_http_response *response,
                                     struct byok_answer *out, struct byok_fault *fault)
{
    struct byok_value root;
    const struct byok_value *parts;
    enum byok_err err = byok_gemini_read(call, response, &root, out, fault);
    if (err != BYOK_E_OK)
        return err;
    if (!byok_gemini_candidate(&root, &parts, &out->finish))
        return byok_fault_set(fault, BYOK_E_BAD_ANSWER,
                              "the answer of provider \"%s\" holds no candidate",
                              call->provider->name);
    read_content(call, parts, out);
    return byok_kit_check_memory(call, fault);
}
