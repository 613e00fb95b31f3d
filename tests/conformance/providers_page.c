/* SPDX-License-Identifier: MIT */
/* tests/conformance/providers_page.c - docs/PROVIDERS.md says what the adapters do, and each job of
 * docs/JOBS.md is one that its provider's adapter takes.
 *
 * The page is made here, by asking each adapter for the request of a job with each option: what it
 * builds is a mark, what it refuses is none.  BYOK_WRITE_PAGE=1 in the environment writes it anew.
 */
#include <stdio.h>
#include <stdlib.h>

#include <criterion/criterion.h>

#include "adapters/adapter.h"
#include "adapters/kit.h"
#include "calls.h"

#define PAGE_BYTES_MAX ((size_t)1 << 16)

/* A column: an adapter, with a model for each capability that shows most of what it can do. */
struct service {
    const char *title, *adapter, *base_url, *api;
    const char *models[BYOK_CAPABILITY_COUNT];
};

#define OPENAI_MODELS                                                                              \
    {"gpt-4o-mini", "gpt-4o-mini-tts", "whisper-1", "gpt-image-1", "text-embedding-3-small"}

static const struct service services[] = {
    {"OpenAI", "openai", NULL, NULL, OPENAI_MODELS},
    {"OpenAI, `\"api\": \"responses\"`", "openai", NULL, "responses", {"gpt-4o-mini"}},
    {"OpenAI-compatible", "openai", "https://compatible.example/v1", NULL, OPENAI_MODELS},
    {"Azure OpenAI", "azure", NULL, NULL, OPENAI_MODELS},
    {"Anthropic", "anthropic", NULL, NULL, {"claude-sonnet-4-5"}},
    {"Gemini",
     "gemini",
     NULL,
     NULL,
     {"gemini-2.5-flash", "gemini-2.5-flash-preview-tts", NULL, "gemini-2.5-flash-image",
      "gemini-embedding-001"}},
    {"Gemini, Imagen", "gemini", NULL, NULL, {NULL, NULL, NULL, "imagen-4.0-generate-001"}},
    {"ElevenLabs", "elevenlabs", NULL, NULL, {NULL, "eleven_multilingual_v2", "scribe_v1"}},
    {"Cohere", "cohere", NULL, NULL, {"command-a-03-2025", NULL, NULL, NULL, "embed-v4.0"}},
    {"Voyage", "voyage", NULL, NULL, {NULL, NULL, NULL, NULL, "voyage-3.5"}},
    {"Deepgram", "deepgram", NULL, NULL, {NULL, "aura-2-thalia-en", "nova-3"}},
};
#define SERVICES (sizeof services / sizeof services[0])

/* A row: what a job says beside the least.  Parts of messages stand alone, as their content. */
struct option {
    enum byok_capability capability;
    const char *title, *members, *part;
};

static const struct option options[] = {
    {BYOK_CHAT, "`stream`", "{\"stream\":true}", NULL},
    {BYOK_CHAT, "`system`", "{\"system\":\"x\"}", NULL},
    {BYOK_CHAT, "`max_tokens`", "{\"max_tokens\":64}", NULL},
    {BYOK_CHAT, "`temperature`", "{\"temperature\":0.5}", NULL},
    {BYOK_CHAT, "`top_p`", "{\"top_p\":0.5}", NULL},
    {BYOK_CHAT, "`stop`", "{\"stop\":[\"x\"]}", NULL},
    {BYOK_CHAT, "`seed`", "{\"seed\":7}", NULL},
    {BYOK_CHAT, "`tools`", "{\"tools\":[{\"name\":\"f\",\"parameters\":{\"type\":\"object\"}}]}",
     NULL},
    {BYOK_CHAT, "`tool_choice`: a name",
     "{\"tools\":[{\"name\":\"f\",\"parameters\":{\"type\":\"object\"}}],\"tool_choice\":\"f\"}",
     NULL},
    {BYOK_CHAT, "`response_format`: `json`", "{\"response_format\":\"json\"}", NULL},
    {BYOK_CHAT, "`response_format`: `json_schema`",
     "{\"response_format\":{\"type\":\"json_schema\",\"schema\":{\"type\":\"object\"}}}", NULL},
    {BYOK_CHAT, "image, `data`", NULL,
     "{\"type\":\"image\",\"media_type\":\"image/png\",\"data\":\"iVBORw0KGgo=\"}"},
    {BYOK_CHAT, "image, `url`", NULL, "{\"type\":\"image\",\"url\":\"https://x.example/a.png\"}"},
    {BYOK_CHAT, "audio, `data`", NULL,
     "{\"type\":\"audio\",\"media_type\":\"audio/wav\",\"data\":\"UklGRg==\"}"},
    {BYOK_CHAT, "video, `data`", NULL,
     "{\"type\":\"video\",\"media_type\":\"video/mp4\",\"data\":\"AAAA\"}"},
    {BYOK_CHAT, "document (PDF), `data`", NULL,
     "{\"type\":\"document\",\"media_type\":\"application/pdf\",\"data\":\"JVBERi0=\"}"},
    {BYOK_CHAT, "document, `url`", NULL,
     "{\"type\":\"document\",\"url\":\"https://x.example/a.pdf\"}"},
    {BYOK_TEXT_TO_SPEECH, "`stream`", "{\"stream\":true}", NULL},
    {BYOK_TEXT_TO_SPEECH, "`voice`", "{\"voice\":\"x\"}", NULL},
    {BYOK_TEXT_TO_SPEECH, "`format`: `mp3`", "{\"format\":\"mp3\"}", NULL},
    {BYOK_TEXT_TO_SPEECH, "`format`: `wav`", "{\"format\":\"wav\"}", NULL},
    {BYOK_TEXT_TO_SPEECH, "`format`: `ogg`", "{\"format\":\"ogg\"}", NULL},
    {BYOK_TEXT_TO_SPEECH, "`format`: `flac`", "{\"format\":\"flac\"}", NULL},
    {BYOK_TEXT_TO_SPEECH, "`format`: `aac`", "{\"format\":\"aac\"}", NULL},
    {BYOK_TEXT_TO_SPEECH, "`format`: `pcm`", "{\"format\":\"pcm\"}", NULL},
    {BYOK_TEXT_TO_SPEECH, "`speed`", "{\"speed\":1.1}", NULL},
    {BYOK_TEXT_TO_SPEECH, "`language`", "{\"language\":\"en\"}", NULL},
    {BYOK_TEXT_TO_SPEECH, "`instructions`", "{\"instructions\":\"x\"}", NULL},
    {BYOK_SPEECH_TO_TEXT, "`stream`", "{\"stream\":true}", NULL},
    {BYOK_SPEECH_TO_TEXT, "`language`", "{\"language\":\"en\"}", NULL},
    {BYOK_SPEECH_TO_TEXT, "`prompt`", "{\"prompt\":\"x\"}", NULL},
    {BYOK_SPEECH_TO_TEXT, "`timestamps`: `segment`", "{\"timestamps\":\"segment\"}", NULL},
    {BYOK_SPEECH_TO_TEXT, "`timestamps`: `word`", "{\"timestamps\":\"word\"}", NULL},
    {BYOK_SPEECH_TO_TEXT, "`diarize`", "{\"diarize\":true}", NULL},
    {BYOK_IMAGE_GENERATION, "`size`", "{\"size\":\"1024x1024\"}", NULL},
    {BYOK_IMAGE_GENERATION, "`quality`", "{\"quality\":\"high\"}", NULL},
    {BYOK_IMAGE_GENERATION, "`count` above 1", "{\"count\":2}", NULL},
    {BYOK_IMAGE_GENERATION, "`format`: `png`", "{\"format\":\"png\"}", NULL},
    {BYOK_IMAGE_GENERATION, "`format`: `jpeg`", "{\"format\":\"jpeg\"}", NULL},
    {BYOK_IMAGE_GENERATION, "`format`: `webp`", "{\"format\":\"webp\"}", NULL},
    {BYOK_IMAGE_GENERATION, "`background`", "{\"background\":\"opaque\"}", NULL},
    {BYOK_EMBEDDINGS, "`input`: a list", "{\"input\":[\"a\",\"b\"]}", NULL},
    {BYOK_EMBEDDINGS, "`dimensions`", "{\"dimensions\":256}", NULL},
    {BYOK_EMBEDDINGS, "`input_type`", "{\"input_type\":\"query\"}", NULL},
};
#define OPTIONS (sizeof options / sizeof options[0])

static const char *const capability_titles[BYOK_CAPABILITY_COUNT] = {
    "Chat", "Text to speech", "Speech to text", "Image generation", "Embeddings"};

static void put_members(struct call *c, const char *json)
{
    struct byok_value more = json_of(&c->arena, byok_str_of(json));
    for (uint32_t i = 0; i < more.count; i++)
        byok_kit_put(&c->arena, &c->request.root, more.as.members[i].name,
                     more.as.members[i].value);
    const struct byok_value *stream = byok_value_find(&more, "stream");
    c->request.stream = stream && stream->as.boolean;
}

static void put_option(struct call *c, const struct option *option)
{
    if (option->members)
        put_members(c, option->members);
    if (!option->part)
        return;
    struct byok_str message = byok_arena_printf(
        &c->arena, "{\"prompt\":null,\"messages\":[{\"role\":\"user\",\"content\":[\"x\",%s]}]}",
        option->part);
    put_members(c, message.ptr);
}

/* Whether the service takes the option. */
static bool takes(const struct service *service, const struct option *option)
{
    struct call c;
    struct byok_http_request request;
    call_init(&c, service->adapter, service->base_url, smallest_job(option->capability));
    c.call.model = byok_str_of(service->models[option->capability]);
    if (service->api)
        byok_kit_put(&c.arena, &c.request.root, byok_str_of("api"), byok_value_text(service->api));
    const struct byok_adapter_ops *ops = &c.provider.adapter->ops[option->capability];
    put_option(&c, option);
    enum byok_err err = c.request.stream && !byok_adapter_streams(ops)
                            ? BYOK_E_UNSUPPORTED
                            : ops->build(&c.call, &request, &c.fault);
    cr_assert(err == BYOK_E_OK || err == BYOK_E_UNSUPPORTED, "%s: %s: %s", service->title,
              option->title, c.fault.text);
    call_done(&c);
    return err == BYOK_E_OK;
}

/* ---- the page ---- */

static void write_head(FILE *page, enum byok_capability capability)
{
    fprintf(page, "\n## %s\n\n| |", capability_titles[capability]);
    size_t columns = 0;
    for (size_t i = 0; i < SERVICES; i++) {
        if (services[i].models[capability]) {
            fprintf(page, " %s |", services[i].title);
            columns++;
        }
    }
    fprintf(page, "\n|---|");
    for (size_t i = 0; i < columns; i++)
        fprintf(page, ":-:|");
    fprintf(page, "\n");
}

static void write_texts_max(FILE *page)
{
    fprintf(page, "| characters in one call; longer texts are spoken in parts |");
    for (size_t i = 0; i < SERVICES; i++) {
        const char *model = services[i].models[BYOK_TEXT_TO_SPEECH];
        if (!model)
            continue;
        uint32_t (*text_max)(struct byok_str) =
            byok_adapter_find(services[i].adapter)->ops[BYOK_TEXT_TO_SPEECH].text_max;
        uint32_t max = text_max ? text_max(byok_str_of(model)) : 0;
        if (max > 0)
            fprintf(page, " %u |", max);
        else
            fprintf(page, " not split |");
    }
    fprintf(page, "\n");
}

static void write_bulk(FILE *page)
{
    fprintf(page, "| texts of jobs that share a call |");
    for (size_t i = 0; i < SERVICES; i++) {
        if (services[i].models[BYOK_EMBEDDINGS])
            fprintf(page, " %u |",
                    byok_adapter_find(services[i].adapter)->ops[BYOK_EMBEDDINGS].bulk.texts);
    }
    fprintf(page, "\n");
}

static void write_capability(FILE *page, enum byok_capability capability)
{
    write_head(page, capability);
    for (size_t o = 0; o < OPTIONS; o++) {
        if (options[o].capability != capability)
            continue;
        fprintf(page, "| %s |", options[o].title);
        for (size_t i = 0; i < SERVICES; i++) {
            if (services[i].models[capability])
                fprintf(page, " %s |", takes(&services[i], &options[o]) ? "x" : " ");
        }
        fprintf(page, "\n");
    }
    if (capability == BYOK_TEXT_TO_SPEECH)
        write_texts_max(page);
    if (capability == BYOK_EMBEDDINGS)
        write_bulk(page);
}

static void write_adapters(FILE *page)
{
    fprintf(page, "| `adapter` | its own address | capabilities | a key is checked by |\n"
                  "|---|---|---|---|\n");
    const struct byok_adapter *adapter;
    for (size_t i = 0; (adapter = byok_adapter_at(i)); i++) {
        fprintf(page, "| `%s` | `%s` |", adapter->name, adapter->base_url);
        const char *between = "";
        for (int c = 0; c < BYOK_CAPABILITY_COUNT; c++) {
            if (adapter->ops[c].build) {
                fprintf(page, "%s `%s`", between, byok_capability_name((enum byok_capability)c));
                between = ",";
            }
        }
        fprintf(page, " | %s |\n",
                adapter->key_check_is_billed ? "the smallest call, which is billed"
                                             : "a free call that reads");
    }
}

static void write_page(FILE *page)
{
    fprintf(
        page,
        "<!-- Made by tests/conformance/providers_page.c - do not edit. -->\n\n"
        "# Providers\n\n"
        "What each adapter takes of the members that [JOBS.md](JOBS.md) describes. What it does "
        "not take it refuses by name (`unsupported`);\n"
        "`provider_options` goes through at all of them. A mark says that byokd has a request "
        "for it: a model may still refuse it.\n\n");
    write_adapters(page);
    fprintf(page,
            "\nAny OpenAI-compatible service (Ollama, vLLM, Groq, Mistral, DeepSeek, OpenRouter, "
            "Together, …) is the adapter `openai` with a `base_url`.\n"
            "Tried with the models");
    for (size_t i = 0; i < SERVICES; i++) {
        for (int c = 0; c < BYOK_CAPABILITY_COUNT && !services[i].api && !services[i].base_url;
             c++) {
            if (services[i].models[c] && strcmp(services[i].adapter, "azure") != 0)
                fprintf(page, "%s `%s`", i + (size_t)c > 0 ? "," : "", services[i].models[c]);
        }
    }
    fprintf(page, ".\n");
    for (int c = 0; c < BYOK_CAPABILITY_COUNT; c++)
        write_capability(page, (enum byok_capability)c);
}

Test(providers_page, says_what_the_adapters_take)
{
    BYOK_AUTO(byok_arena) arena = {.cap_bytes = 0};
    char *made = NULL;
    size_t len = 0;
    FILE *page = open_memstream(&made, &len);
    cr_assert_not_null(page);
    write_page(page);
    cr_assert_eq(fclose(page), 0);
    if (getenv("BYOK_WRITE_PAGE")) {
        FILE *file = fopen(BYOK_DOCS_DIR "/PROVIDERS.md", "w");
        cr_assert_not_null(file);
        cr_assert_eq(fwrite(made, 1, len, file), len);
        cr_assert_eq(fclose(file), 0);
    }
    struct byok_str there = file_of(&arena, BYOK_DOCS_DIR "/PROVIDERS.md");
    cr_assert(
        byok_str_eq(there, (struct byok_str){made, len}),
        "docs/PROVIDERS.md is not what the adapters do: run this test with BYOK_WRITE_PAGE=1");
    free(made);
}

Test(providers_page, has_a_column_for_each_capability_of_each_adapter)
{
    const struct byok_adapter *adapter;
    for (size_t i = 0; (adapter = byok_adapter_at(i)); i++) {
        for (int c = 0; c < BYOK_CAPABILITY_COUNT; c++) {
            bool shown = false;
            for (size_t s = 0; s < SERVICES; s++)
                shown |= strcmp(services[s].adapter, adapter->name) == 0 && services[s].models[c];
            cr_assert_eq(shown, adapter->ops[c].build != NULL, "%s: %s", adapter->name,
                         byok_capability_name((enum byok_capability)c));
        }
    }
}

/* ---- the examples of docs/JOBS.md ---- */

static void builds(const struct byok_value *job, struct byok_str text)
{
    struct call c;
    struct byok_http_request request;
    struct byok_str provider = byok_value_as_str(byok_value_find(job, "provider"));
    struct byok_str capability = byok_value_as_str(byok_value_find(job, "capability"));
    char adapter[32] = "openai", line[4096];
    if (provider.len > 0)
        snprintf(adapter, sizeof adapter, "%.*s", BYOK_STR_ARG(provider));
    snprintf(line, sizeof line, "%.*s", BYOK_STR_ARG(text));
    call_init(&c, adapter, NULL, line);
    cr_assert(byok_str_is(capability, byok_capability_name(c.request.capability)));
    cr_expect_eq(c.provider.adapter->ops[c.request.capability].build(&c.call, &request, &c.fault),
                 BYOK_E_OK, "%s: %s", line, c.fault.text);
    call_done(&c);
}

/* A text of one message, or of one in each line. */
static size_t check_block(struct byok_str block)
{
    BYOK_AUTO(byok_arena) arena = {.cap_bytes = 0};
    size_t jobs = 0;
    bool whole = byok_str_starts(block, byok_str_of("{\n"));
    while (block.len > 0) {
        size_t end = whole ? block.len : byok_str_find(block, byok_str_of("\n"));
        struct byok_str text = {block.ptr, end < block.len ? end : block.len};
        struct byok_value message = json_of(&arena, text);
        bool is_job =
            byok_value_find(&message, "capability") && !byok_value_find(&message, "status");
        if (is_job && !byok_value_path(&message, "audio.ref")) {
            builds(&message, text);
            jobs++;
        }
        size_t taken = text.len < block.len ? text.len + 1 : block.len;
        block = (struct byok_str){block.ptr + taken, block.len - taken};
    }
    return jobs;
}

Test(providers_page, takes_the_jobs_that_the_documents_show)
{
    BYOK_AUTO(byok_arena) arena = {.cap_bytes = 0};
    const struct byok_str begin = BYOK_STR("```json\n"), end = BYOK_STR("```\n");
    struct byok_str rest = file_of(&arena, BYOK_DOCS_DIR "/JOBS.md");
    size_t jobs = 0;
    cr_assert_gt(rest.len, 0);
    for (size_t at; (at = byok_str_find(rest, begin)) != SIZE_MAX;) {
        rest = (struct byok_str){rest.ptr + at + begin.len, rest.len - at - begin.len};
        size_t len = byok_str_find(rest, end);
        cr_assert_neq(len, SIZE_MAX);
        jobs += check_block((struct byok_str){rest.ptr, len});
        rest = (struct byok_str){rest.ptr + len, rest.len - len};
    }
    cr_assert_geq(jobs, 10, "%zu jobs found", jobs);
}
