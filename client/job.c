/* SPDX-License-Identifier: MIT */
/* client/job.c - see client/job.h. */
#include "client/job.h"

#include <stdlib.h>
#include <string.h>

#include "base/limits.h"
#include "client/attach.h"
#include "client/cli.h"
#include "client/file.h"
#include "client/when.h"

#define FILE_BYTES_MAX ((size_t)BYOK_REQUEST_BYTES_MAX)

static enum byok_err no_memory(struct byok_fault *fault)
{
    return byok_fault_set(fault, BYOK_E_NOMEM, "no memory for the request");
}

static bool is_given(const struct byok_value *tree, const char *name)
{
    const struct byok_value *value = byok_value_find(tree, name);
    return value && value->type != BYOK_VALUE_NULL;
}

/* Set a member that is absent, or null, which is as good as absent. */
static void set_missing(struct byok_arena *arena, struct byok_value *tree, const char *name,
                        struct byok_value value)
{
    if (is_given(tree, name))
        return;
    for (uint32_t i = 0; i < tree->count; i++) {
        if (byok_str_is(tree->as.members[i].name, name)) {
            tree->as.members[i].value = value;
            return;
        }
    }
    byok_value_set(arena, tree, name, value);
}

static void set_text(struct byok_arena *arena, struct byok_value *tree, const char *name,
                     const char *text)
{
    if (text)
        set_missing(arena, tree, name, byok_value_text(text));
}

static enum byok_err set_json(struct byok_arena *arena, struct byok_value *tree, const char *name,
                              const char *flag, const char *text, struct byok_fault *fault)
{
    struct byok_value value;
    struct byok_fault why;
    if (!text)
        return BYOK_E_OK;
    if (byok_decode(arena, BYOK_JSON, byok_str_of(text), &value, &why) != BYOK_E_OK)
        return byok_fault_set(fault, BYOK_E_BAD_REQUEST, "--%s is not JSON: %.200s", flag,
                              why.text);
    if (value.type != BYOK_VALUE_MAP)
        return byok_fault_set(fault, BYOK_E_BAD_REQUEST,
                              "--%s takes a JSON object, e.g. '{\"name\": 1}'", flag);
    set_missing(arena, tree, name, value);
    return BYOK_E_OK;
}

static void set_fallbacks(struct byok_arena *arena, struct byok_value *tree,
                          const struct byok_list *fallbacks)
{
    struct byok_value list = byok_value_array();
    for (size_t i = 0; i < fallbacks->count; i++)
        byok_value_push(arena, &list, byok_value_text(fallbacks->items[i]));
    if (list.count > 0)
        set_missing(arena, tree, "fallbacks", list);
}

/* What flags and lines have in common. */
static enum byok_err set_common(struct byok_arena *arena, const struct byok_job_flags *flags,
                                struct byok_value *tree, struct byok_fault *fault)
{
    int64_t start_ms = 0;
    if (flags->not_before && !byok_when_read(flags->not_before, byok_wall_ms(), &start_ms))
        return byok_fault_set(fault, BYOK_E_BAD_REQUEST,
                              "--not-before takes a duration, e.g. 10m, or a time, e.g. "
                              "2026-12-24T18:00:00Z");
    set_text(arena, tree, "user", flags->user);
    set_text(arena, tree, "provider", flags->provider);
    set_text(arena, tree, "model", flags->model);
    set_text(arena, tree, "key_label", flags->label);
    if (byok_str_is(byok_value_as_str(byok_value_find(tree, "type")), "job") ||
        !is_given(tree, "type")) {
        set_text(arena, tree, "capability", flags->capability);
        set_text(arena, tree, "on_unknown", flags->on_unknown);
        set_fallbacks(arena, tree, &flags->fallbacks);
        if (flags->stream)
            set_missing(arena, tree, "stream", byok_value_bool(true));
        if (start_ms > 0)
            set_missing(arena, tree, "not_before_ms", byok_value_int(start_ms));
    }
    if (flags->deadline_ms > 0 && !is_given(tree, "deadline_ms"))
        set_missing(arena, tree, "timeout_ms", byok_value_int(flags->deadline_ms));
    return BYOK_E_OK;
}

/* ---- flags ---- */

static void push_lines(struct byok_arena *arena, struct byok_value *list, struct byok_str text)
{
    while (text.len > 0) {
        const char *end = memchr(text.ptr, '\n', text.len);
        size_t len = end ? (size_t)(end - text.ptr) : text.len;
        struct byok_str line = byok_str_trim((struct byok_str){text.ptr, len});
        if (line.len > 0)
            byok_value_push(arena, list, byok_value_string(line));
        text.ptr += end ? len + 1 : len;
        text.len -= end ? len + 1 : len;
    }
}

static enum byok_err set_inputs(struct byok_arena *arena, const struct byok_job_flags *flags,
                                int in, struct byok_value *tree, struct byok_fault *fault)
{
    struct byok_value list = byok_value_array();
    for (size_t i = 0; i < flags->inputs.count; i++)
        byok_value_push(arena, &list, byok_value_text(flags->inputs.items[i]));
    if (flags->input_file) {
        struct byok_str text;
        enum byok_err err =
            byok_file_read(arena, flags->input_file, in, FILE_BYTES_MAX, &text, fault);
        if (err != BYOK_E_OK)
            return err;
        push_lines(arena, &list, text);
    }
    if (list.count > 0)
        byok_value_set(arena, tree, "input", list);
    return BYOK_E_OK;
}

static size_t file_max(const struct byok_job_flags *flags)
{
    return flags->file_max > 0 ? flags->file_max : FILE_BYTES_MAX;
}

static enum byok_err set_prompt(struct byok_arena *arena, const struct byok_job_flags *flags,
                                struct byok_value *tree, struct byok_fault *fault)
{
    struct byok_value messages;
    if (flags->attached.count == 0) {
        set_text(arena, tree, "prompt", flags->prompt);
        return BYOK_E_OK;
    }
    enum byok_err err =
        byok_attach(arena, flags->prompt, &flags->attached, file_max(flags), &messages, fault);
    if (err == BYOK_E_OK)
        byok_value_set(arena, tree, "messages", messages);
    return err;
}

static enum byok_err set_audio(struct byok_arena *arena, const struct byok_job_flags *flags, int in,
                               struct byok_value *tree, struct byok_fault *fault)
{
    struct byok_str bytes;
    if (!flags->audio)
        return BYOK_E_OK;
    enum byok_err err = byok_file_read(arena, flags->audio, in, file_max(flags), &bytes, fault);
    if (err == BYOK_E_OK)
        byok_value_set(arena, tree, "audio", byok_value_bytes(bytes));
    return err;
}

static enum byok_err set_members(struct byok_arena *arena, const struct byok_list *sets,
                                 struct byok_value *tree, struct byok_fault *fault)
{
    for (size_t i = 0; i < sets->count; i++) {
        const char *text = sets->items[i], *equals = strchr(text, '=');
        if (!equals || equals == text)
            return byok_fault_set(fault, BYOK_E_BAD_REQUEST,
                                  "--set takes NAME=VALUE, e.g. --set top_p=0.9");
        struct byok_str name =
            byok_arena_copy(arena, (struct byok_str){text, (size_t)(equals - text)});
        struct byok_value value;
        if (!name.ptr)
            return no_memory(fault);
        if (is_given(tree, name.ptr))
            return byok_fault_set(fault, BYOK_E_BAD_REQUEST, "'%.64s' is given twice", name.ptr);
        if (byok_decode(arena, BYOK_JSON, byok_str_of(equals + 1), &value, NULL) != BYOK_E_OK)
            value = byok_value_text(equals + 1);
        byok_value_set(arena, tree, name.ptr, value);
    }
    return BYOK_E_OK;
}

static enum byok_err set_numbers(struct byok_arena *arena, const struct byok_job_flags *flags,
                                 struct byok_value *tree, struct byok_fault *fault)
{
    if (flags->max_tokens >= 0)
        byok_value_set(arena, tree, "max_tokens", byok_value_int(flags->max_tokens));
    if (!flags->temperature)
        return BYOK_E_OK;
    char *end = NULL;
    double number = strtod(flags->temperature, &end);
    if (end == flags->temperature || *end != '\0')
        return byok_fault_set(fault, BYOK_E_BAD_REQUEST, "--temperature takes a number, e.g. 0.2");
    byok_value_set(arena, tree, "temperature", byok_value_float(number));
    return BYOK_E_OK;
}

enum byok_err byok_job_of_flags(struct byok_arena *arena, const struct byok_job_flags *flags,
                                int in, struct byok_value *out, struct byok_fault *fault)
{
    struct byok_value tree = byok_value_map();
    set_text(arena, &tree, "id", flags->id);
    enum byok_err err = set_common(arena, flags, &tree, fault);
    if (err != BYOK_E_OK)
        return err;
    set_text(arena, &tree, "system", flags->system);
    set_text(arena, &tree, "text", flags->text);
    set_text(arena, &tree, "voice", flags->voice);
    set_text(arena, &tree, "size", flags->size);
    set_text(arena, &tree, "language", flags->language);
    err = set_prompt(arena, flags, &tree, fault);
    if (err == BYOK_E_OK)
        err = set_inputs(arena, flags, in, &tree, fault);
    if (err == BYOK_E_OK)
        err = set_audio(arena, flags, in, &tree, fault);
    if (err == BYOK_E_OK)
        err = set_numbers(arena, flags, &tree, fault);
    if (err == BYOK_E_OK)
        err = set_json(arena, &tree, "provider_options", "options", flags->options, fault);
    if (err == BYOK_E_OK)
        err = set_json(arena, &tree, "metadata", "metadata", flags->metadata, fault);
    if (err == BYOK_E_OK)
        err = set_members(arena, &flags->sets, &tree, fault);
    if (err == BYOK_E_OK && byok_arena_failed(arena))
        err = no_memory(fault);
    *out = tree;
    return err;
}

/* ---- lines ---- */

enum byok_err byok_job_of_line(struct byok_arena *arena, const struct byok_job_flags *flags,
                               struct byok_str line, struct byok_value *out,
                               struct byok_fault *fault)
{
    struct byok_value tree;
    enum byok_err err = byok_decode(arena, BYOK_JSON, line, &tree, fault);
    if (err != BYOK_E_OK)
        return err;
    if (tree.type != BYOK_VALUE_MAP)
        return byok_fault_set(fault, BYOK_E_BAD_MESSAGE, "the line is not a JSON object");
    err = set_common(arena, flags, &tree, fault);
    if (err != BYOK_E_OK)
        return err;
    *out = tree;
    return byok_arena_failed(arena) ? no_memory(fault) : BYOK_E_OK;
}

/* ---- both ---- */

bool byok_format_read(const char *text, enum byok_format *out)
{
    if (strcmp(text, "json") == 0)
        *out = BYOK_JSON;
    else if (strcmp(text, "msgpack") == 0)
        *out = BYOK_MSGPACK;
    else
        return false;
    return true;
}

static enum byok_err check(struct byok_arena *arena, const struct byok_value *tree,
                           struct byok_job *job, struct byok_fault *fault)
{
    struct byok_request request;
    const int64_t now = byok_wall_ms();
    struct byok_str user = byok_value_as_str(byok_value_find(tree, "user"));
    if (user.len == 0)
        return byok_fault_set(fault, BYOK_E_BAD_MESSAGE,
                              "no user is named: give --user, or \"user\" in the line");
    enum byok_err err =
        byok_request_decode(arena, byok_str_of(byok_format_content_type(job->format)), user,
                            job->bytes, now, &request, fault);
    if (err != BYOK_E_OK)
        return err;
    job->user = request.user;
    job->id = request.id;
    job->wait_ms = request.deadline_wall_ms > 0 ? request.deadline_wall_ms - now : -1;
    if (request.deadline_wall_ms > 0 && job->wait_ms < 0)
        job->wait_ms = 0;
    job->start_ms = request.not_before_wall_ms > now ? request.not_before_wall_ms - now : 0;
    return BYOK_E_OK;
}

enum byok_err byok_job_finish(struct byok_arena *arena, struct byok_value *tree,
                              enum byok_format format, struct byok_job *out,
                              struct byok_fault *fault)
{
    char id[BYOK_REQUEST_ID_BYTES];
    if (!is_given(tree, "id")) {
        byok_new_id(id);
        struct byok_str copy = byok_arena_copy(arena, byok_str_of(id));
        set_missing(arena, tree, "id", byok_value_string(copy));
    }
    if (byok_arena_failed(arena))
        return no_memory(fault);
    BYOK_AUTO(byok_buf) bytes = {.cap_bytes = BYOK_REQUEST_BYTES_MAX};
    enum byok_err err = byok_encode(format, tree, &bytes);
    if (err == BYOK_E_TOO_LARGE)
        return byok_fault_set(fault, err, "the request has more than %u bytes",
                              BYOK_REQUEST_BYTES_MAX);
    *out = (struct byok_job){.format = format};
    out->bytes = byok_arena_copy(arena, byok_buf_str(&bytes));
    if (err != BYOK_E_OK || !out->bytes.ptr)
        return no_memory(fault);
    return check(arena, tree, out, fault);
}
