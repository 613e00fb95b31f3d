/* SPDX-License-Identifier: MIT */
/* demo/sim_openai_responses.c - OpenAI's responses, whole and as a stream of events.
 *
 * Source: https://platform.openai.com/docs/api-reference/responses, .../responses-streaming, and the
 * answers recorded in tests/golden/openai.
 */
#include <inttypes.h>

#include <yyjson.h>

#include "demo/sim_answer.h"
#include "demo/sim_openai.h"
#include "demo/sim_text.h"

static const struct sim_member members[] = {
    {"metadata", SIM_OBJECT, 0, 0},
    {"top_logprobs", SIM_WHOLE, 0, 20},
    {"temperature", SIM_NUMBER, 0, 2},
    {"top_p", SIM_NUMBER, 0, 1},
    {"user", SIM_TEXT, 0, 0},
    {"safety_identifier", SIM_TEXT, 0, 0},
    {"prompt_cache_key", SIM_TEXT, 0, 0},
    {"prompt_cache_retention", SIM_TEXT, 0, 0},
    {"prompt_cache_options", SIM_OBJECT, 0, 0},
    {"previous_response_id", SIM_TEXT, 0, 0},
    {"model", SIM_TEXT, 0, 0},
    {"background", SIM_BOOL, 0, 0},
    {"max_tool_calls", SIM_WHOLE, 0, 0},
    {"text", SIM_OBJECT, 0, 0},
    {"tools", SIM_LIST, 0, 0},
    {"tool_choice", SIM_ANY, 0, 0},
    {"prompt", SIM_OBJECT, 0, 0},
    {"service_tier", SIM_TEXT, 0, 0},
    {"truncation", SIM_TEXT, 0, 0},
    {"reasoning", SIM_OBJECT, 0, 0},
    {"input", SIM_ANY, 0, 0},
    {"include", SIM_LIST, 0, 0},
    {"parallel_tool_calls", SIM_BOOL, 0, 0},
    {"store", SIM_BOOL, 0, 0},
    {"instructions", SIM_TEXT, 0, 0},
    {"moderation", SIM_OBJECT, 0, 0},
    {"stream", SIM_BOOL, 0, 0},
    {"stream_options", SIM_OBJECT, 0, 0},
    {"conversation", SIM_ANY, 0, 0},
    {"context_management", SIM_LIST, 0, 0},
    {"max_output_tokens", SIM_WHOLE, 16, 1e9},
    {NULL, SIM_ANY, 0, 0},
};

/* A text, or messages whose content is a text or an array of parts. */
bool sim_openai_read_response(const struct sim_input *in, struct sim_request *request,
                              struct sim_error *error)
{
    static const char *const parts[] = {"input_text",  "input_image", "input_file", "input_audio",
                                        "output_text", "refusal",     NULL};
    yyjson_val *root = sim_openai_read_body(in, members, request, error);
    if (!root)
        return false;
    size_t i, count;
    yyjson_val *item, *input = yyjson_obj_get(root, "input");
    sim_add_content(request, yyjson_obj_get(root, "instructions"));
    if (!yyjson_is_str(input) && yyjson_arr_size(input) == 0)
        return sim_openai_refuse(error, "input", "missing_required_parameter",
                                 "Missing required parameter: 'input'.");
    if (yyjson_is_str(input))
        sim_add_text(request, sim_text_of(input));
    yyjson_arr_foreach(input, i, count, item)
    {
        if (!sim_are_parts(yyjson_obj_get(item, "content"), parts))
            return sim_openai_refuse(error, "input", "invalid_value",
                                     "Invalid value: 'input[].content[].type'.");
        sim_add_content(request, yyjson_obj_get(item, "content"));
    }
    yyjson_arr_foreach(yyjson_obj_get(root, "tools"), i, count, item)
    {
        if (yyjson_equals_str(yyjson_obj_get(item, "type"), "function") &&
            sim_member_text(item, "name").len == 0)
            return sim_openai_refuse(error, "tools", "missing_required_parameter",
                                     "Missing required parameter: 'tools[].name'.");
    }
    request->wants_stream = yyjson_is_true(yyjson_obj_get(root, "stream"));
    request->max_tokens = sim_small_number(yyjson_obj_get(root, "max_output_tokens"));
    return true;
}

static void add_message(const struct sim_answer *answer, struct byok_buf *out)
{
    byok_buf_printf(
        out,
        "{\"id\":\"msg_sim%016" PRIx64 "\",\"type\":\"message\",\"status\":\"completed\","
        "\"role\":\"assistant\",\"content\":[{\"type\":\"output_text\",\"annotations\":[],"
        "\"text\":",
        answer->number);
    sim_json_string(out, byok_buf_str(&answer->text->text));
    byok_buf_printf(out, "}]}");
}

/* The response as it stands; before its end it has neither output nor usage. */
static void add_response(const struct sim_answer *answer, bool is_done, struct byok_buf *out)
{
    const uint32_t input = answer->request->input_tokens, output = answer->text->tokens;
    const bool is_cut = answer->text->is_cut;
    byok_buf_printf(out,
                    "{\"id\":\"resp_sim%016" PRIx64 "\",\"object\":\"response\",\"created_at\":"
                    "%" PRId64 ",\"status\":\"%s\",\"error\":null,\"incomplete_details\":%s,"
                    "\"model\":",
                    answer->number, answer->now_s,
                    !is_done ? "in_progress"
                    : is_cut ? "incomplete"
                             : "completed",
                    is_done && is_cut ? "{\"reason\":\"max_output_tokens\"}" : "null");
    sim_json_string(out, answer->request->model);
    byok_buf_printf(out, ",\"output\":[");
    if (!is_done) {
        byok_buf_printf(out, "],\"usage\":null}");
        return;
    }
    add_message(answer, out);
    byok_buf_printf(out,
                    "],\"usage\":{\"input_tokens\":%" PRIu32
                    ",\"input_tokens_details\":{\"cached_tokens\":0},\"output_tokens\":%" PRIu32
                    ",\"output_tokens_details\":{\"reasoning_tokens\":0},\"total_tokens\":%" PRIu32
                    "}}",
                    input, output, input + output);
}

/* "event: NAME" and its data's type and number; the caller goes on within the data. */
static void begin_event(const char *name, uint32_t *number, struct byok_buf *out)
{
    byok_buf_printf(out, "event: %s\ndata: {\"type\":\"%s\",\"sequence_number\":%" PRIu32, name,
                    name, (*number)++);
}

static const char *stream(const struct sim_answer *answer, struct byok_buf *out)
{
    struct byok_str rest = byok_buf_str(&answer->text->text), piece;
    uint32_t number = 0;
    begin_event("response.created", &number, out);
    byok_buf_printf(out, ",\"response\":");
    add_response(answer, false, out);
    byok_buf_printf(out, "}\n\n");
    while (sim_next_piece(&rest, &piece)) {
        begin_event("response.output_text.delta", &number, out);
        byok_buf_printf(out,
                        ",\"item_id\":\"msg_sim%016" PRIx64 "\",\"output_index\":0,"
                        "\"content_index\":0,\"delta\":",
                        answer->number);
        sim_json_string(out, piece);
        byok_buf_printf(out, "}\n\n");
    }
    begin_event("response.output_item.done", &number, out);
    byok_buf_printf(out, ",\"output_index\":0,\"item\":");
    add_message(answer, out);
    byok_buf_printf(out, "}\n\n");
    begin_event(answer->text->is_cut ? "response.incomplete" : "response.completed", &number, out);
    byok_buf_printf(out, ",\"response\":");
    add_response(answer, true, out);
    byok_buf_printf(out, "}\n\n");
    return "text/event-stream; charset=utf-8";
}

const char *sim_openai_response(const struct sim_answer *answer, struct byok_buf *out)
{
    if (answer->request->wants_stream)
        return stream(answer, out);
    add_response(answer, true, out);
    return "application/json";
}
