/* SPDX-License-Identifier: MIT */
/* client/submit.c - `byok submit`: one job by flags; submit_lines.c has the many. */
#include "client/submit.h"

#include <stddef.h>

#include "client/call.h"
#include "client/payloads.h"
#include "client/render.h"
#include "client/streamed.h"

struct submit_flags {
    struct byok_job_flags job;
    const char *file, *output;
    bool wait;
};

static const struct submit_flags defaults = {
    .job = {.max_tokens = -1, .deadline_ms = -1, .format = "json"},
};

#define AT(member) offsetof(struct submit_flags, member)

static const struct byok_option options[] = {
    {"user", 'u', BYOK_OPTION_TEXT, "USER", "whose key is used", AT(job.user)},
    {"capability", 'c', BYOK_OPTION_TEXT, "NAME",
     "chat (default), embeddings, text_to_speech, speech_to_text, image_generation",
     AT(job.capability)},
    {"provider", 'p', BYOK_OPTION_TEXT, "NAME", "default: the user's choice", AT(job.provider)},
    {"model", 'm', BYOK_OPTION_TEXT, "NAME", "default: the user's, then the provider's choice",
     AT(job.model)},
    {"fallback", 0, BYOK_OPTION_LIST, "PROVIDER/MODEL",
     "where it goes when that is overloaded or away; may be repeated", AT(job.fallbacks)},
    {"label", 'l', BYOK_OPTION_TEXT, "LABEL", "which of the user's keys", AT(job.label)},
    {"prompt", 0, BYOK_OPTION_TEXT, "TEXT", "chat, image_generation", AT(job.prompt)},
    {"attach", 0, BYOK_OPTION_LIST, "FILE",
     "chat: a picture, sound, video, PDF or text that goes with the prompt; may be repeated",
     AT(job.attached)},
    {"system", 0, BYOK_OPTION_TEXT, "TEXT", "chat: the instruction before it", AT(job.system)},
    {"max-tokens", 0, BYOK_OPTION_COUNT, "N", "chat: the longest answer", AT(job.max_tokens)},
    {"temperature", 0, BYOK_OPTION_TEXT, "NUMBER", "chat", AT(job.temperature)},
    {"input", 'i', BYOK_OPTION_LIST, "TEXT", "embeddings; may be repeated", AT(job.inputs)},
    {"input-file", 0, BYOK_OPTION_TEXT, "FILE|-", "embeddings: one input per line",
     AT(job.input_file)},
    {"text", 0, BYOK_OPTION_TEXT, "TEXT", "text_to_speech", AT(job.text)},
    {"voice", 0, BYOK_OPTION_TEXT, "NAME", "text_to_speech", AT(job.voice)},
    {"audio", 0, BYOK_OPTION_TEXT, "FILE|-", "speech_to_text", AT(job.audio)},
    {"language", 0, BYOK_OPTION_TEXT, "CODE", "speech_to_text, text_to_speech", AT(job.language)},
    {"size", 0, BYOK_OPTION_TEXT, "WxH", "image_generation", AT(job.size)},
    {"set", 0, BYOK_OPTION_LIST, "NAME=VALUE",
     "any other member of the request; VALUE is JSON, or else a text", AT(job.sets)},
    {"options", 0, BYOK_OPTION_TEXT, "JSON", "an object that goes to the provider unchanged",
     AT(job.options)},
    {"metadata", 0, BYOK_OPTION_TEXT, "JSON", "an object that comes back with the result",
     AT(job.metadata)},
    {"deadline", 0, BYOK_OPTION_DURATION, "TIME", "the job is void after that, e.g. 30s",
     AT(job.deadline_ms)},
    {"not-before", 0, BYOK_OPTION_TEXT, "TIME",
     "the job is not sent before, e.g. 10m or 2026-12-24T18:00:00Z; a deadline counts from it",
     AT(job.not_before)},
    {"on-unknown", 0, BYOK_OPTION_TEXT, "report|retry",
     "when it cannot be known whether the call was carried out (default report)",
     AT(job.on_unknown)},
    {"id", 0, BYOK_OPTION_TEXT, "ID", "the request's id (default: a new one)", AT(job.id)},
    {"format", 0, BYOK_OPTION_TEXT, "json|msgpack", "of the request and its result",
     AT(job.format)},
    {"file", 'f', BYOK_OPTION_TEXT, "FILE|-", "JSONL: a request per line", AT(file)},
    {"wait", 'w', BYOK_OPTION_ON, NULL, "wait for the result and print it", AT(wait)},
    {"output", 'o', BYOK_OPTION_TEXT, "FILE",
     "with --wait: write the answer's audio or image there; of several images FILE.1, FILE.2, …",
     AT(output)},
    {"stream", 0, BYOK_OPTION_ON, NULL, "print the answer while it comes, then the result",
     AT(job.stream)},
};

/* What is said about an answer whose text is printed already, and the rest of it. */
static void print_rest(struct byok_cli *cli, struct byok_value *result)
{
    enum byok_exit code = byok_exit_of_result(result);
    if (cli->set.json) {
        byok_cli_print_json(cli, result);
        return;
    }
    for (uint32_t i = 0; i < result->count; i++) {
        if (byok_str_is(result->as.members[i].name, "text"))
            result->as.members[i].value = byok_value_null();
    }
    byok_render_body(cli->out, result, "");
    fflush(cli->out);
    if (code != BYOK_EXIT_OK || !cli->set.quiet)
        byok_render_head(cli->err, result);
}

/* The answer on standard output as a call would give it, what is said about it on the other. */
static void print(struct byok_cli *cli, const struct byok_value *result)
{
    enum byok_exit code = byok_exit_of_result(result);
    if (cli->set.json) {
        byok_cli_print_json(cli, result);
        return;
    }
    if (code != BYOK_EXIT_OK || !cli->set.quiet)
        byok_render_head(cli->err, result);
    byok_render_body(cli->out, result, "");
}

static enum byok_exit submit_one(struct byok_cli *cli, const struct submit_flags *flags,
                                 enum byok_format format)
{
    struct byok_job job;
    struct byok_fault fault;
    struct byok_value tree, result;
    enum byok_err err = byok_job_of_flags(&cli->arena, &flags->job, cli->in, &tree, &fault);
    if (err == BYOK_E_OK)
        err = byok_payloads_put(cli, &tree, &fault);
    if (err == BYOK_E_OK)
        err = byok_job_finish(&cli->arena, &tree, format, &job, &fault);
    if (err == BYOK_E_OK && flags->job.stream)
        err = byok_call_streamed(cli, &job, &result, &fault);
    else if (err == BYOK_E_OK && flags->wait)
        err = byok_call(cli, &job, &cli->arena, &result, &fault);
    else if (err == BYOK_E_OK)
        err = byok_post(cli, &job, &fault);
    if (err != BYOK_E_OK)
        return byok_cli_fault(cli, &fault);
    if (flags->job.stream)
        print_rest(cli, &result);
    else if (flags->wait)
        print(cli, &result);
    if (flags->job.stream || flags->wait)
        return byok_payloads_output(cli, &result, flags->output);
    fprintf(cli->out, "%.*s\n", BYOK_STR_ARG(job.id));
    return BYOK_EXIT_OK;
}

static bool has_content(const struct byok_job_flags *job)
{
    return job->prompt || job->text || job->audio || job->input_file || job->inputs.count > 0 ||
           job->attached.count > 0 || job->sets.count > 0;
}

static enum byok_exit run(struct byok_cli *cli, const void *values)
{
    struct submit_flags flags = *(const struct submit_flags *)values;
    enum byok_format format;
    if (cli->words.count > 0)
        return byok_cli_misused(cli,
                                "'%.64s' is no option; quote a prompt of several words: "
                                "--prompt \"…\"",
                                cli->words.items[0]);
    if (!byok_format_read(flags.job.format, &format))
        return byok_cli_misused(cli, "--format is json or msgpack");
    if (flags.file && has_content(&flags.job))
        return byok_cli_misused(cli, "with --file the content of the jobs stands in the lines");
    if (flags.file && flags.job.id)
        return byok_cli_misused(cli, "with --file the ids stand in the lines");
    if (flags.file && flags.output)
        return byok_cli_misused(cli, "--output is for one job");
    if (flags.file && flags.job.stream)
        return byok_cli_misused(cli,
                                "--stream is for one job; in a file \"stream\": true stands in "
                                "the lines, and the deltas are on the streams topic");
    if (flags.file)
        return byok_submit_lines(cli, &flags.job, flags.file, format, flags.wait);
    if (!flags.job.user)
        return byok_cli_misused(cli, "--user is needed");
    if (flags.output && !flags.wait && !flags.job.stream)
        return byok_cli_misused(cli, "--output needs --wait; `byok results --id … --output FILE` "
                                     "writes it later");
    if (byok_payloads_given(cli))
        flags.job.file_max = BYOK_PAYLOAD_BYTES_MAX;
    if (!has_content(&flags.job))
        return byok_cli_misused(cli, "there is nothing to do: give --prompt, --input, --text, "
                                     "--audio, or --file");
    if (!flags.job.capability)
        flags.job.capability = flags.job.inputs.count > 0 || flags.job.input_file ? "embeddings"
                               : flags.job.text                                   ? "text_to_speech"
                               : flags.job.audio                                  ? "speech_to_text"
                                                                                  : "chat";
    return submit_one(cli, &flags, format);
}

const struct byok_command byok_command_submit = {
    .name = "submit",
    .summary = "send a job, or a file of jobs",
    .usage = "--user USER --prompt TEXT [OPTION…]  |  --file FILE [OPTION…]",
    .about =
        "Without --wait it prints the request's id. With --wait it prints the answer on standard\n"
        "output, and what is said about it on standard error; --json prints the whole result.\n"
        "In a file each line is a request (schemas/request.schema.json); ids that are missing are\n"
        "made, and --user, --capability, --provider, --model, --fallback, --label, --deadline,\n"
        "--not-before and --on-unknown hold for lines that do not say otherwise. With --wait the "
        "results are\n"
        "printed as they come.\n"
        "\nexamples:\n"
        "  byok submit --user alice --prompt \"Say hi\" --wait\n"
        "  byok submit --user alice --prompt \"Tell a story\" --stream\n"
        "  byok submit --user alice --prompt \"What is this?\" --attach photo.jpg --wait\n"
        "  byok submit --user alice --prompt \"Say hi\" --fallback anthropic/claude-sonnet-4-5 "
        "--wait\n"
        "  byok submit --user alice --input \"a text\" --input \"another\" --wait --json\n"
        "  byok submit --user alice --text \"Good morning\" --wait --output morning.mp3\n"
        "  byok submit --user alice --capability chat --file jobs.jsonl --wait --json >out.jsonl\n",
    .options = options,
    .option_count = sizeof options / sizeof options[0],
    .defaults = &defaults,
    .values_size = sizeof defaults,
    .run = run,
};
