/* SPDX-License-Identifier: MIT */
/* client/render.c - see client/render.h. */
#include "client/render.h"

#include <inttypes.h>
#include <string.h>

#include "base/limits.h"
#include "client/cli.h"
#include "schemas/codec.h"
#include "schemas/result.h"

#define NUMBERS_SHOWN 4 /* of a vector: enough to see that it is one */

void byok_render_time(int64_t wall_ms, char out[static BYOK_TIME_BYTES])
{
    char day[11];
    if (wall_ms < 0) {
        memcpy(out, "-", 2);
        return;
    }
    byok_day_of(wall_ms, day);
    unsigned ms = (unsigned)(wall_ms % 86400000);
    snprintf(out, BYOK_TIME_BYTES, "%.10sT%02u:%02u:%02u.%03uZ", day, ms / 3600000 % 24,
             ms / 60000 % 60, ms / 1000 % 60, ms % 1000);
}

static struct byok_str text_of(const struct byok_value *result, const char *path)
{
    return byok_value_as_str(byok_value_path(result, path));
}

/* "  <before><text>", when there is a text */
static void print_part(FILE *to, const char *before, struct byok_str text)
{
    if (text.len == 0)
        return;
    fputs(before, to);
    byok_cli_print_text(to, text, false);
}

static bool number_of(const struct byok_value *result, const char *path, int64_t *out)
{
    return byok_value_as_int(byok_value_path(result, path), out);
}

static void print_error(FILE *to, const struct byok_value *result)
{
    int64_t number;
    print_part(to, "  ", text_of(result, "error.code"));
    print_part(to, ": ", text_of(result, "error.message"));
    if (number_of(result, "error.http_status", &number))
        fprintf(to, "  (HTTP %" PRId64 ")", number);
    if (number_of(result, "error.retry_after_ms", &number))
        fprintf(to, "  (try again in %.1f s)", (double)number / 1000.0);
}

static void print_usage(FILE *to, const struct byok_value *result)
{
    int64_t input = 0, output = 0, number;
    double seconds;
    bool in = number_of(result, "usage.input_tokens", &input);
    bool out = number_of(result, "usage.output_tokens", &output);
    if (in && out)
        fprintf(to, "  %" PRId64 "+%" PRId64 " tokens", input, output);
    else if (in || out)
        fprintf(to, "  %" PRId64 " tokens", input + output);
    if (number_of(result, "usage.characters", &number))
        fprintf(to, "  %" PRId64 " characters", number);
    if (byok_value_as_double(byok_value_path(result, "usage.seconds"), &seconds))
        fprintf(to, "  %.1f s of audio", seconds);
    if (number_of(result, "usage.images", &number))
        fprintf(to, "  %" PRId64 " images", number);
}

void byok_render_head(FILE *to, const struct byok_value *result)
{
    struct byok_str what = text_of(result, "capability");
    struct byok_str model = text_of(result, "model_answered");
    int64_t created, finished;
    struct byok_str status = text_of(result, "status");
    byok_cli_print_text(to, status, false);
    fprintf(to, "%*s", status.len < 7 ? 7 - (int)status.len : 0, "");
    print_part(to, "  ", text_of(result, "user"));
    print_part(to, "  ", text_of(result, "id"));
    print_part(to, "  ", what.len > 0 ? what : text_of(result, "type"));
    print_part(to, "  ", text_of(result, "provider"));
    print_part(to, "/", model.len > 0 ? model : text_of(result, "model"));
    if (number_of(result, "created_ms", &created) && number_of(result, "finished_ms", &finished))
        fprintf(to, "  %.2f s", (double)(finished - created) / 1000.0);
    print_usage(to, result);
    if (what.len == 0) { /* a key command speaks of a key */
        print_part(to, "  key ", text_of(result, "key.label"));
        print_part(to, "  fingerprint ", text_of(result, "key.fingerprint"));
    }
    struct byok_str finish = text_of(result, "finish_reason");
    if (finish.len > 0 && !byok_str_is(finish, "stop"))
        print_part(to, "  ended by ", finish);
    print_error(to, result);
    fputc('\n', to);
}

/* ---- the answer ---- */

static void print_lines(FILE *to, struct byok_str text, const char *indent)
{
    while (text.len > 0) {
        const char *end = memchr(text.ptr, '\n', text.len);
        size_t len = end ? (size_t)(end - text.ptr) : text.len;
        fputs(indent, to);
        byok_cli_print_text(to, (struct byok_str){text.ptr, len}, true);
        fputc('\n', to);
        text.ptr += end ? len + 1 : len;
        text.len -= end ? len + 1 : len;
    }
}

static uint32_t vector_count(const struct byok_value *vector)
{
    return vector->type == BYOK_VALUE_FLOATS || vector->type == BYOK_VALUE_ARRAY ? vector->count
                                                                                 : 0;
}

static double vector_at(const struct byok_value *vector, uint32_t i)
{
    double number = 0;
    if (vector->type == BYOK_VALUE_FLOATS)
        return (double)vector->as.floats[i];
    byok_value_as_double(&vector->as.items[i], &number);
    return number;
}

static void print_vectors(FILE *to, const struct byok_value *vectors, const char *indent)
{
    if (!byok_value_is(vectors, BYOK_VALUE_ARRAY))
        return;
    for (uint32_t i = 0; i < vectors->count; i++) {
        const struct byok_value *vector = &vectors->as.items[i];
        uint32_t count = vector_count(vector);
        fprintf(to, "%s%u: %u numbers", indent, i, count);
        for (uint32_t n = 0; n < count && n < NUMBERS_SHOWN; n++)
            fprintf(to, "%s%g", n == 0 ? ": " : " ", vector_at(vector, n));
        fputs(count > NUMBERS_SHOWN ? " …\n" : "\n", to);
    }
}

static void print_json_line(FILE *to, const struct byok_value *value, const char *indent)
{
    BYOK_AUTO(byok_buf) text = {.cap_bytes = BYOK_ANSWER_BYTES_MAX};
    if (byok_encode(BYOK_JSON, value, &text) == BYOK_E_OK)
        print_lines(to, byok_buf_str(&text), indent);
}

static void print_tool_calls(FILE *to, const struct byok_value *calls, const char *indent)
{
    if (!byok_value_is(calls, BYOK_VALUE_ARRAY))
        return;
    for (uint32_t i = 0; i < calls->count; i++) {
        const struct byok_value *arguments = byok_value_find(&calls->as.items[i], "arguments");
        fprintf(to, "%stool call ", indent);
        byok_cli_print_text(to, text_of(&calls->as.items[i], "name"), false);
        fputs(arguments ? " " : "\n", to);
        if (arguments)
            print_json_line(to, arguments, "");
    }
}

/* Bytes, or base64 (RFC 4648, padded) in JSON. */
static size_t size_of_media(const struct byok_value *value)
{
    const struct byok_str text = value->as.str;
    size_t padding = 0;
    if (value->type == BYOK_VALUE_BYTES)
        return text.len;
    while (padding < 2 && padding < text.len && text.ptr[text.len - 1 - padding] == '=')
        padding++;
    return text.len / 4 * 3 - padding;
}

static void print_media(FILE *to, const struct byok_value *result, const char *indent)
{
    const struct byok_value *audio = byok_value_find(result, "audio");
    const struct byok_value *images = byok_value_find(result, "images");
    struct byok_str type = text_of(result, "media_type");
    if (audio && (audio->type == BYOK_VALUE_BYTES || audio->type == BYOK_VALUE_STRING)) {
        fputs(indent, to);
        byok_cli_print_text(to, type, false);
        fprintf(to, ", %zu bytes (--json prints it as base64)\n", size_of_media(audio));
    }
    if (byok_value_is(images, BYOK_VALUE_ARRAY))
        fprintf(to, "%s%u images (--json prints them)\n", indent, images->count);
}

void byok_render_body(FILE *to, const struct byok_value *result, const char *indent)
{
    print_lines(to, text_of(result, "text"), indent);
    print_tool_calls(to, byok_value_find(result, "tool_calls"), indent);
    print_vectors(to, byok_value_find(result, "embeddings"), indent);
    print_media(to, result, indent);
}
