/* SPDX-License-Identifier: MIT */
/* adapters/anthropic_answer.c - reading the answer of POST /messages. */
#include "adapters/anthropic_parts.h"

static struct byok_str text_of(const struct byok_value *map, const char *path)
{
    return byok_value_as_str(byok_value_path(map, path));
}

enum byok_finish byok_anthropic_finish(struct byok_str stop_reason)
{
    static const struct {
        const char *word;
        enum byok_finish finish;
    } words[] = {
        {"end_turn", BYOK_FINISH_STOP},       {"stop_sequence", BYOK_FINISH_STOP},
        {"max_tokens", BYOK_FINISH_LENGTH},   {"model_context_window_exceeded", BYOK_FINISH_LENGTH},
        {"pause_turn", BYOK_FINISH_LENGTH}, /* of a server's tool: not at its end, to be gone on */
        {"tool_use", BYOK_FINISH_TOOL_CALLS}, {"refusal", BYOK_FINISH_REFUSAL},
    };
    for (size_t i = 0; i < sizeof words / sizeof words[0]; i++) {
        if (byok_str_is(stop_reason, words[i].word))
            return words[i].finish;
    }
    return BYOK_FINISH_NONE;
}

/* input_tokens leaves out what was read from or written to a cache.  How long it is kept stands in
 * cache_creation, which the last event of a stream leaves out. */
struct byok_usage byok_anthropic_usage(const struct byok_value *usage)
{
    struct byok_usage out = BYOK_USAGE_UNSAID;
    out.cached_tokens = byok_kit_count(usage, "cache_read_input_tokens");
    out.cache_write_tokens = byok_kit_count(usage, "cache_creation_input_tokens");
    out.cache_write_1h_tokens = byok_kit_count(usage, "cache_creation.ephemeral_1h_input_tokens");
    out.input_tokens = byok_kit_sum(byok_kit_count(usage, "input_tokens"),
                                    byok_kit_sum(out.cache_write_tokens, out.cached_tokens));
    out.output_tokens = byok_kit_count(usage, "output_tokens");
    out.reasoning_tokens = byok_kit_count(usage, "output_tokens_details.thinking_tokens");
    return out;
}

static bool is_block(const struct byok_value *block, const char *type)
{
    return byok_str_is(text_of(block, "type"), type);
}

/* The texts joined; thinking is no part of the answer. */
static struct byok_str read_text(const struct byok_adapter_call *call,
                                 const struct byok_value *content)
{
    size_t len = 0;
    for (uint32_t i = 0; i < content->count; i++) {
        if (is_block(&content->as.items[i], "text"))
            len += text_of(&content->as.items[i], "text").len;
    }
    char *joined = byok_arena_alloc(call->arena, len + 1);
    len = 0;
    for (uint32_t i = 0; joined && i < content->count; i++) {
        struct byok_str text = text_of(&content->as.items[i], "text");
        if (!is_block(&content->as.items[i], "text") || text.len == 0)
            continue;
        memcpy(joined + len, text.ptr, text.len);
        len += text.len;
    }
    return (struct byok_str){joined, joined ? len : 0};
}

static struct byok_value read_tool_calls(const struct byok_adapter_call *call,
                                         const struct byok_value *content)
{
    struct byok_value list = byok_value_array();
    for (uint32_t i = 0; i < content->count; i++) {
        const struct byok_value *block = &content->as.items[i];
        const struct byok_value *input = byok_value_find(block, "input");
        struct byok_value out = byok_value_map();
        if (!is_block(block, "tool_use") || text_of(block, "name").len == 0)
            continue;
        byok_value_set_str(call->arena, &out, "id", text_of(block, "id"));
        byok_value_set(call->arena, &out, "name", byok_value_string(text_of(block, "name")));
        byok_value_set(call->arena, &out, "arguments", input ? *input : byok_value_map());
        byok_value_push(call->arena, &list, out);
    }
    return list;
}

static void read_head(const struct byok_adapter_call *call,
                      const struct byok_http_response *response, const struct byok_value *root,
                      struct byok_answer *out)
{
    out->usage = byok_anthropic_usage(byok_value_find(root, "usage"));
    out->model = text_of(root, "model");
    out->provider_request_id = byok_kit_header(call, response, "request-id");
    if (out->provider_request_id.len == 0)
        out->provider_request_id = text_of(root, "id");
    if (call->request->raw)
        out->raw = *root;
}

static void read_message(const struct byok_adapter_call *call, const struct byok_value *root,
                         const struct byok_value *content, struct byok_answer *out)
{
    struct byok_value calls = read_tool_calls(call, content);
    out->finish = byok_anthropic_finish(text_of(root, "stop_reason"));
    byok_value_set(call->arena, &out->output, "text", byok_value_string(read_text(call, content)));
    if (calls.count > 0)
        byok_value_set(call->arena, &out->output, "tool_calls", calls);
    if (out->finish == BYOK_FINISH_REFUSAL)
        byok_value_set_str(call->arena, &out->output, "refusal",
                           text_of(root, "stop_details.explanation"));
}

enum byok_err byok_anthropic_parse_chat(const struct byok_adapter_call *call,
                                        const struct byok_http_response *response,
                                        struct byok_answer *out, struct byok_fault *fault)
{
    struct byok_value root;
    *out = (struct byok_answer){.output = byok_value_map(), .usage = BYOK_USAGE_UNSAID};
    enum byok_err err = byok_kit_read(call, response, &root, fault);
    if (err != BYOK_E_OK)
        return err;
    read_head(call, response, &root, out);
    if (byok_value_is(byok_value_find(&root, "error"), BYOK_VALUE_MAP)) {
        struct byok_fault said;
        byok_anthropic_classify_body(call, response, &root, &said);
        if (fault)
            *fault = said;
        return said.code;
    }
    const struct byok_value *content = byok_value_find(&root, "content");
    if (!byok_value_is(content, BYOK_VALUE_ARRAY))
        return byok_fault_set(fault, BYOK_E_BAD_ANSWER,
                              "the answer of provider \"%s\" holds no content",
                              call->provider->name);
    read_message(call, &root, content, out);
    return byok_kit_check_memory(call, fault);
}
