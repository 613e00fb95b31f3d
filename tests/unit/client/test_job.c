/* SPDX-License-Identifier: MIT */
/* tests/unit/client/test_job.c - requests made from flags and from lines of JSONL. */
#include "tests/support/folder.h"

#include "client/job.h"

#include <string.h>

#include <criterion/criterion.h>
#include <sodium.h>

#include "client/cli.h"

static struct byok_arena arena;
static struct byok_fault fault;
static struct byok_value tree;
static struct byok_job job;

static void begin(void)
{
    cr_assert_geq(sodium_init(), 0);
    byok_arena_init(&arena, 0);
}

static void end(void)
{
    byok_arena_done(&arena);
}

TestSuite(job, .init = begin, .fini = end);

static struct byok_job_flags flags_of(void)
{
    return (struct byok_job_flags){.user = "alice",
                                   .capability = "chat",
                                   .max_tokens = -1,
                                   .deadline_ms = -1,
                                   .format = "json"};
}

static bool has(const char *name, const char *text)
{
    return byok_str_is(byok_value_as_str(byok_value_path(&tree, name)), text);
}

Test(job, flags_become_members)
{
    const char *sets[] = {"top_p=0.5", "stop=[\"x\"]", "seed=7", "note=plain text"};
    struct byok_job_flags flags = flags_of();
    flags.prompt = "Say hi";
    flags.system = "Be brief";
    flags.model = "m";
    flags.max_tokens = 5;
    flags.temperature = "0.25";
    flags.deadline_ms = 30000;
    flags.options = "{\"service_tier\":\"flex\"}";
    flags.metadata = "{\"order\":7}";
    flags.sets = (struct byok_list){sets, 4};
    cr_assert_eq(byok_job_of_flags(&arena, &flags, -1, &tree, &fault), BYOK_E_OK, "%s", fault.text);
    cr_assert_eq(byok_job_finish(&arena, &tree, BYOK_JSON, &job, &fault), BYOK_E_OK, "%s",
                 fault.text);
    int64_t number;
    cr_assert(has("prompt", "Say hi") && has("system", "Be brief") && has("note", "plain text"));
    cr_assert(has("provider_options.service_tier", "flex"));
    cr_assert(byok_value_as_int(byok_value_find(&tree, "seed"), &number) && number == 7);
    cr_assert(byok_value_is(byok_value_find(&tree, "stop"), BYOK_VALUE_ARRAY));
    cr_assert_eq(job.wait_ms, 30000);
    cr_assert(byok_str_is(job.user, "alice"));
    cr_assert_eq(job.id.len, BYOK_REQUEST_ID_BYTES - 1);
}

Test(job, fallbacks_are_listed_in_order_and_a_line_may_have_its_own)
{
    const char *fallbacks[] = {"anthropic/claude-sonnet-4-5", "groq/llama"};
    struct byok_job_flags flags = flags_of();
    flags.prompt = "Say hi";
    flags.fallbacks = (struct byok_list){fallbacks, 2};
    cr_assert_eq(byok_job_of_flags(&arena, &flags, -1, &tree, &fault), BYOK_E_OK, "%s", fault.text);
    cr_assert_eq(byok_job_finish(&arena, &tree, BYOK_JSON, &job, &fault), BYOK_E_OK, "%s",
                 fault.text);
    const struct byok_value *list = byok_value_find(&tree, "fallbacks");
    cr_assert_eq(list->count, 2);
    cr_assert(byok_str_is(byok_value_as_str(&list->as.items[1]), "groq/llama"));
    cr_assert_eq(
        byok_job_of_line(&arena, &flags, byok_str_of("{\"fallbacks\":[\"a/b\"]}"), &tree, &fault),
        BYOK_E_OK);
    cr_assert_eq(byok_value_find(&tree, "fallbacks")->count, 1);
    fallbacks[0] = "anthropic";
    cr_assert_eq(byok_job_of_flags(&arena, &flags, -1, &tree, &fault), BYOK_E_OK);
    cr_assert_eq(byok_job_finish(&arena, &tree, BYOK_JSON, &job, &fault), BYOK_E_BAD_MESSAGE);
    cr_assert(strstr(fault.text, "provider/model"));
}

Test(job, one_format_says_what_the_other_says)
{
    struct byok_job_flags flags = flags_of();
    flags.prompt = "Say hi";
    flags.id = "1";
    cr_assert_eq(byok_job_of_flags(&arena, &flags, -1, &tree, &fault), BYOK_E_OK);
    cr_assert_eq(byok_job_finish(&arena, &tree, BYOK_MSGPACK, &job, &fault), BYOK_E_OK);
    cr_assert_eq((unsigned char)job.bytes.ptr[0] & 0xf0, 0x80);
    cr_assert(byok_str_is(job.id, "1"));
}

Test(job, mistakes_are_told_before_anything_is_sent)
{
    struct byok_job_flags flags = flags_of();
    cr_assert_eq(byok_job_of_flags(&arena, &flags, -1, &tree, &fault), BYOK_E_OK);
    cr_assert_eq(byok_job_finish(&arena, &tree, BYOK_JSON, &job, &fault), BYOK_E_BAD_MESSAGE);
    flags.prompt = "x";
    flags.options = "[1]";
    cr_assert_eq(byok_job_of_flags(&arena, &flags, -1, &tree, &fault), BYOK_E_BAD_REQUEST);
    cr_assert_not_null(strstr(fault.text, "--options takes a JSON object"));
    flags.options = "{";
    cr_assert_eq(byok_job_of_flags(&arena, &flags, -1, &tree, &fault), BYOK_E_BAD_REQUEST);
    flags.options = NULL;
    flags.temperature = "warm";
    cr_assert_eq(byok_job_of_flags(&arena, &flags, -1, &tree, &fault), BYOK_E_BAD_REQUEST);
}

Test(job, a_line_says_more_than_the_flags)
{
    struct byok_job_flags flags = flags_of();
    flags.provider = "openai";
    flags.deadline_ms = 5000;
    cr_assert_eq(byok_job_of_line(&arena, &flags,
                                  byok_str_of("{\"user\":\"bob\",\"id\":\"7\",\"prompt\":\"x\","
                                              "\"provider\":null,\"deadline_ms\":null}"),
                                  &tree, &fault),
                 BYOK_E_OK);
    cr_assert_eq(byok_job_finish(&arena, &tree, BYOK_JSON, &job, &fault), BYOK_E_OK, "%s",
                 fault.text);
    cr_assert(has("user", "bob") && has("id", "7") && has("provider", "openai"));
    cr_assert(has("capability", "chat"));
}

Test(job, a_line_may_be_a_command)
{
    struct byok_job_flags flags = flags_of();
    cr_assert_eq(byok_job_of_line(&arena, &flags,
                                  byok_str_of("{\"type\":\"key.check\",\"provider\":\"openai\"}"),
                                  &tree, &fault),
                 BYOK_E_OK);
    cr_assert_eq(byok_job_finish(&arena, &tree, BYOK_JSON, &job, &fault), BYOK_E_OK, "%s",
                 fault.text);
    cr_assert_null(byok_value_find(&tree, "capability"));
}

Test(job, a_line_that_is_no_request_is_refused)
{
    static const char *const wrong[] = {"", "{", "[]", "{\"prompt\":\"x\",\"api_key\":\"k\"}",
                                        "{\"user\":7,\"prompt\":\"x\"}"};
    struct byok_job_flags flags = flags_of();
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        enum byok_err err = byok_job_of_line(&arena, &flags, byok_str_of(wrong[i]), &tree, &fault);
        if (err == BYOK_E_OK)
            err = byok_job_finish(&arena, &tree, BYOK_JSON, &job, &fault);
        cr_assert_neq(err, BYOK_E_OK, "%s", wrong[i]);
    }
}

Test(job, new_ids_differ_and_have_the_form_of_a_uuid_of_version_7)
{
    char one[BYOK_REQUEST_ID_BYTES], two[BYOK_REQUEST_ID_BYTES];
    byok_new_id(one);
    byok_new_id(two);
    cr_assert_str_neq(one, two);
    cr_assert_eq(strlen(one), 36);
    cr_assert_eq(one[14], '7');
    cr_assert_not_null(strchr("89ab", one[19]));
}

Test(job, not_before_is_a_time_of_the_job)
{
    struct byok_job_flags flags = flags_of();
    int64_t ms = 0, now = byok_wall_ms();
    flags.prompt = "hi";
    flags.not_before = "10m";
    flags.deadline_ms = 5000;
    cr_assert_eq(byok_job_of_flags(&arena, &flags, 0, &tree, &fault), BYOK_E_OK);
    cr_assert(byok_value_as_int(byok_value_find(&tree, "not_before_ms"), &ms));
    cr_assert(ms >= now + 600000 && ms < now + 660000);
    cr_assert_eq(byok_job_finish(&arena, &tree, BYOK_JSON, &job, &fault), BYOK_E_OK);
    cr_assert_gt(job.start_ms, 500000);
    cr_assert_gt(job.wait_ms, job.start_ms, "the deadline counts from it");
    flags.not_before = "soon";
    cr_assert_eq(byok_job_of_flags(&arena, &flags, 0, &tree, &fault), BYOK_E_BAD_REQUEST);
    cr_assert_not_null(strstr(fault.text, "--not-before"));
}

/* ---- files with a prompt ---- */

static void write_file(const char *path, const char *text)
{
    FILE *file = fopen(path, "w");
    cr_assert_not_null(file);
    fputs(text, file);
    cr_assert_eq(fclose(file), 0);
}

static enum byok_err attach(const char *folder, const char *name, const char *text)
{
    static char path[512];
    static const char *files[1];
    struct byok_job_flags flags = flags_of();
    snprintf(path, sizeof path, "%s/%s", folder, name);
    files[0] = path;
    if (text)
        write_file(path, text);
    flags.attached = (struct byok_list){files, 1};
    flags.prompt = "What is this?";
    enum byok_err err = byok_job_of_flags(&arena, &flags, -1, &tree, &fault);
    return err == BYOK_E_OK ? byok_job_finish(&arena, &tree, BYOK_JSON, &job, &fault) : err;
}

Test(job, files_go_with_the_prompt_as_parts_of_a_message)
{
    char folder[256];
    folder_make(folder, sizeof folder);
    cr_assert_eq(attach(folder, "a.PNG", "\x89PNG"), BYOK_E_OK, "%s", fault.text);
    const struct byok_value *messages = byok_value_find(&tree, "messages");
    const struct byok_value *parts = byok_value_find(&messages->as.items[0], "content");
    cr_assert(!byok_value_find(&tree, "prompt") && parts->count == 2);
    cr_assert(byok_str_is(byok_value_as_str(&parts->as.items[0]), "What is this?"));
    const struct byok_value *part = &parts->as.items[1];
    cr_assert(byok_str_is(byok_value_as_str(byok_value_find(part, "type")), "image"));
    cr_assert(byok_str_is(byok_value_as_str(byok_value_find(part, "media_type")), "image/png"));
    cr_assert(byok_value_is(byok_value_find(part, "data"), BYOK_VALUE_BYTES));
    cr_assert(byok_str_find(job.bytes, byok_str_of("iVBORw==")) != SIZE_MAX); /* base64 of it */
    cr_assert_eq(attach(folder, "b.pdf", "%PDF-1.4"), BYOK_E_OK, "%s", fault.text);
    cr_assert(byok_str_find(job.bytes, byok_str_of("\"title\":\"b.pdf\"")) != SIZE_MAX);
    folder_remove(folder);
}

Test(job, a_file_that_cannot_go_along_is_named)
{
    char folder[256];
    folder_make(folder, sizeof folder);
    cr_assert_eq(attach(folder, "a.exe", "MZ"), BYOK_E_BAD_REQUEST);
    cr_assert(strstr(fault.text, "a.exe"));
    cr_assert_eq(attach(folder, "a.png", ""), BYOK_E_BAD_REQUEST);
    cr_assert(strstr(fault.text, "empty"));
    cr_assert_eq(attach(folder, "none.png", NULL), BYOK_E_BAD_REQUEST);
    cr_assert(strstr(fault.text, "none.png"));
    folder_remove(folder);
}
