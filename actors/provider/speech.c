/* SPDX-License-Identifier: MIT */
/* actors/provider/speech.c - see actors/provider/speech.h. */
#include "actors/provider/speech.h"

#include "adapters/audio_join.h"
#include "adapters/kit.h"
#include "adapters/speech_split.h"

#define CONTEXT_CHARACTERS 500

static struct byok_str text_of(const struct byok_request *request)
{
    return byok_value_as_str(byok_value_find(&request->root, "text"));
}

/* What the job says of its audio's format, in our word and in those of the providers. */
static enum byok_err check(const struct byok_task *task, uint32_t most, struct byok_fault *fault)
{
    static const char *const options[] = {"response_format", "output_format", "encoding",
                                          "container"};
    const struct byok_request *request = &task->request;
    struct byok_str format = byok_value_as_str(byok_value_find(&request->root, "format"));
    bool joins = byok_audio_joins(format);
    for (size_t i = 0; i < sizeof options / sizeof options[0]; i++)
        joins = joins && byok_audio_joins(byok_value_as_str(
                             byok_value_find(request->provider_options, options[i])));
    if (!joins)
        return byok_fault_set(fault, BYOK_E_UNSUPPORTED,
                              "member \"format\": a text of more than %u characters is spoken in "
                              "parts, and this format cannot be joined: take wav, mp3, pcm or ogg",
                              most);
    if (request->stream || request->raw)
        return byok_fault_set(fault, BYOK_E_UNSUPPORTED,
                              "member \"%s\": not with a text of more than %u characters, which is "
                              "spoken in parts",
                              request->stream ? "stream" : "raw", most);
    return BYOK_E_OK;
}

/* A part of nothing but white space has nothing to say. */
static enum byok_err split(struct byok_speech *speech, struct byok_str text, uint32_t most,
                           struct byok_fault *fault)
{
    while (text.len > 0) {
        struct byok_str part = byok_speech_first(text, most);
        text = (struct byok_str){text.ptr + part.len, text.len - part.len};
        if (byok_str_trim(part).len == 0)
            continue;
        if (speech->count == BYOK_SPEECH_PARTS_MAX)
            return byok_fault_set(fault, BYOK_E_TOO_LARGE,
                                  "member \"text\": at most %u parts of %u characters in one job; "
                                  "split it",
                                  BYOK_SPEECH_PARTS_MAX, most);
        speech->texts[speech->count++] = part;
    }
    return BYOK_E_OK;
}

static enum byok_err set_request(struct byok_task *task)
{
    struct byok_speech *speech = task->speech;
    struct byok_value root = byok_value_map();
    for (uint32_t i = 0; i < task->request.root.count; i++) {
        const struct byok_member *member = &task->request.root.as.members[i];
        bool is_text = byok_str_is(member->name, "text");
        byok_kit_put(&task->arena, &root, member->name,
                     is_text ? byok_value_string(speech->texts[speech->done]) : member->value);
    }
    speech->request = task->request;
    speech->request.root = root;
    if (!byok_arena_failed(&task->arena))
        return BYOK_E_OK;
    return task->arena.overflow ? BYOK_E_TOO_LARGE : BYOK_E_NOMEM;
}

enum byok_err byok_speech_look(struct byok_task *task, struct byok_fault *fault)
{
    const struct byok_request *request = &task->request;
    task->speech = NULL;
    if (request->type != BYOK_REQUEST_JOB || request->capability != BYOK_TEXT_TO_SPEECH)
        return BYOK_E_OK;
    const struct byok_adapter_ops *ops = &task->provider->adapter->ops[BYOK_TEXT_TO_SPEECH];
    const uint32_t most = ops->text_max ? ops->text_max(task->model) : 0;
    if (most == 0 || byok_speech_characters(text_of(request)) <= most)
        return BYOK_E_OK;
    enum byok_err err = check(task, most, fault);
    if (err != BYOK_E_OK)
        return err;
    struct byok_speech *speech = byok_arena_alloc(&task->arena, sizeof *speech);
    if (!speech)
        return BYOK_E_NOMEM;
    speech->usage = speech->last = BYOK_USAGE_UNSAID;
    err = split(speech, text_of(request), most, fault);
    if (err != BYOK_E_OK || speech->count < 2)
        return err;
    task->speech = speech;
    err = set_request(task);
    return err == BYOK_E_TOO_LARGE
               ? byok_fault_set(fault, err, "the request takes more memory than a job may have")
               : err;
}

/* The end of a text, from a whole character on. */
static struct byok_str tail(struct byok_str text, size_t bytes)
{
    size_t at = text.len > bytes ? text.len - bytes : 0;
    while (at < text.len && ((unsigned char)text.ptr[at] & 0xc0) == 0x80)
        at++;
    return (struct byok_str){text.ptr + at, text.len - at};
}

void byok_speech_context(const struct byok_task *task, struct byok_str *before,
                         struct byok_str *after)
{
    const struct byok_speech *speech = task->speech;
    *before = *after = (struct byok_str){NULL, 0};
    if (!speech)
        return;
    if (speech->done > 0)
        *before = tail(speech->texts[speech->done - 1], CONTEXT_CHARACTERS);
    if (speech->done + 1 < speech->count)
        *after = byok_speech_first(speech->texts[speech->done + 1], CONTEXT_CHARACTERS);
}

static void add_usage(struct byok_usage *sum, const struct byok_usage *more)
{
    sum->input_tokens = byok_kit_sum(sum->input_tokens, more->input_tokens);
    sum->cached_tokens = byok_kit_sum(sum->cached_tokens, more->cached_tokens);
    sum->cache_write_tokens = byok_kit_sum(sum->cache_write_tokens, more->cache_write_tokens);
    sum->cache_write_1h_tokens =
        byok_kit_sum(sum->cache_write_1h_tokens, more->cache_write_1h_tokens);
    sum->output_tokens = byok_kit_sum(sum->output_tokens, more->output_tokens);
    sum->reasoning_tokens = byok_kit_sum(sum->reasoning_tokens, more->reasoning_tokens);
    sum->characters = byok_kit_sum(sum->characters, more->characters);
    sum->milliseconds = byok_kit_sum(sum->milliseconds, more->milliseconds);
    sum->images = byok_kit_sum(sum->images, more->images);
}

static enum byok_err join(struct byok_task *task, struct byok_str type)
{
    const struct byok_speech *speech = task->speech;
    struct byok_fault fault = {0};
    struct byok_str audio;
    enum byok_err err =
        byok_audio_join(&task->arena, speech->audio, speech->count, type, &audio, &fault);
    if (err == BYOK_E_NOMEM)
        return err;
    task->answer.output = byok_value_map();
    if (err == BYOK_E_OK) {
        byok_value_set(&task->arena, &task->answer.output, "audio", byok_value_bytes(audio));
        byok_value_set(&task->arena, &task->answer.output, "media_type", byok_value_string(type));
        return task->arena.failed && !task->arena.overflow ? BYOK_E_NOMEM : BYOK_E_OK;
    }
    if (fault.code == BYOK_E_OK)
        (void)byok_fault_set(&fault, err, "the joined audio takes more memory than a job may have");
    if (fault.code == BYOK_E_BAD_ANSWER) /* all of it is paid for: not to be made again */
        fault.code = BYOK_E_UNSUPPORTED;
    task->fault = fault;
    return BYOK_E_OK;
}

enum byok_err byok_speech_took(const struct byok_settings *settings, struct byok_task *task)
{
    struct byok_speech *speech = task->speech;
    const struct byok_usage usage = task->answer.usage;
    struct byok_str audio = byok_value_find(&task->answer.output, "audio")
                                ? byok_value_find(&task->answer.output, "audio")->as.str
                                : (struct byok_str){"", 0};
    struct byok_str type = byok_value_as_str(byok_value_find(&task->answer.output, "media_type"));
    const bool good = task->fault.code == BYOK_E_OK;
    enum byok_err err = BYOK_E_OK;
    if (good && speech->audio_bytes + audio.len > settings->answer_max_bytes) {
        (void)byok_fault_set(&task->fault, BYOK_E_TOO_LARGE,
                             "the audio of all parts is larger than an answer may be "
                             "(jobs.answer_max_bytes)");
    } else if (good) {
        speech->audio[speech->done] = audio;
        err = speech->done + 1 == speech->count ? join(task, type) : BYOK_E_OK;
    }
    if (err != BYOK_E_OK)
        return err;
    if (good && task->fault.code == BYOK_E_OK && speech->done + 1 < speech->count) {
        speech->done++;
        err = set_request(task);
        if (err == BYOK_E_NOMEM) {
            speech->done--;
            return err;
        }
        speech->audio_bytes += audio.len;
        task->more = true;
        task->answer.output = byok_value_map();
    }
    speech->last = usage;
    add_usage(&speech->usage, &usage);
    task->answer.usage = speech->usage;
    return BYOK_E_OK;
}
