/* SPDX-License-Identifier: MIT */
/* tests/unit/client/test_payloads.c - large content to a folder and back, by whole commands. */
#include "tests/support/folder.h"

#include "client/payloads.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <criterion/criterion.h>
#include <time.h>
#include <unistd.h>

#include "base/str.h"
#include "kit.h"
#include "schemas/payload.h"

static struct kit_broker *broker;
static struct kit_worker *worker;
static struct kit_run run;
static char folder[128];
static char line[1000];

static void begin(void)
{
    unsetenv("BYOK_TOPIC_PREFIX");
    unsetenv("BYOK_KAFKA_PROPERTIES");
    unsetenv("BYOK_PAYLOADS");
    folder_make(folder, sizeof folder);
    broker = kit_broker_new();
}

static void end(void)
{
    if (worker) {
        kit_worker_stop(worker);
        kit_worker_free(worker);
    }
    kit_run_done(&run);
    kit_broker_free(broker);
    cr_assert_eq(folder_remove(folder), 0);
}

TestSuite(payloads, .init = begin, .fini = end, .timeout = 600);

static void byok(const char *words)
{
    kit_run_done(&run);
    run = kit_byok(words, NULL);
}

static const char *path_of(const char *name)
{
    static char path[300];
    snprintf(path, sizeof path, "%s/%s", folder, name);
    return path;
}

static void write_to(const char *path, struct byok_str bytes)
{
    FILE *file = fopen(path, "we");
    cr_assert(file);
    cr_assert_eq(fwrite(bytes.ptr, 1, bytes.len, file), bytes.len);
    cr_assert_eq(fclose(file), 0);
}

static bool is_file(const char *name, struct byok_str bytes)
{
    char *found = calloc(1, bytes.len + 1);
    FILE *file = fopen(path_of(name), "re");
    size_t len = file ? fread(found, 1, bytes.len + 1, file) : 0;
    bool same = file && len == bytes.len && memcmp(found, bytes.ptr, len) == 0;
    if (file)
        fclose(file);
    free(found);
    return same;
}

/* A payload of alice that lies in the store. */
static struct byok_payload_ref put(struct byok_str content)
{
    char path[400];
    struct byok_payload_ref ref = {.size = 0};
    byok_payload_identify(byok_str_of("alice"), content, &ref);
    snprintf(path, sizeof path, "mkdir -p %s/store/%.*s", folder, BYOK_PAYLOAD_OWNER_CHARS,
             ref.name);
    cr_assert_eq(system(path), 0);
    snprintf(path, sizeof path, "%s/store/%s", folder, ref.name);
    write_to(path, content);
    return ref;
}

static void produce_result(const char *id, const char *audio)
{
    char value[1000];
    snprintf(value, sizeof value,
             "{\"id\":\"%s\",\"user\":\"alice\",\"type\":\"job\",\"status\":\"ok\",\"capability\":"
             "\"text_to_speech\",\"audio\":%s,\"created_ms\":1,\"finished_ms\":2}",
             id, audio);
    kit_produce(broker, "byok.results", "alice", value, NULL, 0);
}

static void produce_reference(const char *id, const struct byok_payload_ref *ref, size_t size)
{
    char audio[400];
    snprintf(audio, sizeof audio, "{\"ref\":\"%s\",\"size\":%zu,\"sha256\":\"%s\"}", ref->name,
             size, ref->name + BYOK_PAYLOAD_OWNER_CHARS + 1);
    produce_result(id, audio);
}

static void show(const char *id, const char *store)
{
    snprintf(line, sizeof line, "results --user alice --id %s --output %s/out.wav%s%s", id, folder,
             store ? " --payloads " : "", store ? store : "");
    byok(line);
}

static const char *store_of(void)
{
    static char store[300];
    snprintf(store, sizeof store, "folder:%s/store", folder);
    return store;
}

Test(payloads, a_large_file_goes_to_the_store_and_a_small_one_into_the_job)
{
    static char bytes[BYOK_PAYLOAD_INLINE_MAX + 1];
    memset(bytes, 'R', sizeof bytes);
    const struct byok_str large = {bytes, sizeof bytes};
    struct byok_payload_ref ref;
    byok_payload_identify(byok_str_of("alice"), large, &ref);
    put(byok_str_of("so that the folder is there"));
    worker = kit_worker_new(broker, &(struct kit_worker_options){.silent = true});
    write_to(path_of("large.wav"), large);
    write_to(path_of("small.wav"), (struct byok_str){bytes, 1000});
    snprintf(line, sizeof line, "submit --user alice --audio %s/large.wav --payloads %s", folder,
             store_of());
    byok(line);
    cr_assert_eq(run.code, BYOK_EXIT_OK, "%s", run.err);
    snprintf(line, sizeof line, "store/%s", ref.name);
    cr_assert(is_file(line, large));
    snprintf(line, sizeof line, "submit --user alice --audio %s/small.wav --payloads %s", folder,
             store_of());
    byok(line);
    cr_assert_eq(run.code, BYOK_EXIT_OK, "%s", run.err);
    while (kit_worker_count(worker) < 2)
        nanosleep(&(struct timespec){.tv_nsec = 10000000}, NULL);
    kit_worker_stop(worker);
    cr_assert(kit_worker_saw(worker, ref.name));
    cr_assert(kit_worker_saw(worker, "\"audio\":\"UlJS"), "the small one as base64");
    kit_worker_free(worker);
    worker = NULL;
}

Test(payloads, what_an_answer_refers_to_is_got_checked_and_written)
{
    const struct byok_str sound = BYOK_STR("RIFF some\0sound");
    const struct byok_payload_ref ref = put(sound);
    produce_reference("good", &ref, sound.len);
    show("good", store_of());
    cr_assert_eq(run.code, BYOK_EXIT_OK, "%s", run.err);
    cr_assert(is_file("out.wav", sound));
    cr_assert(strstr(run.err, "15 bytes"));
}

Test(payloads, what_is_not_as_the_reference_says_is_not_written)
{
    const struct byok_str sound = BYOK_STR("RIFF some sound");
    const struct byok_payload_ref ref = put(sound);
    struct byok_payload_ref none = ref;
    byok_payload_identify(byok_str_of("alice"), byok_str_of("never put"), &none);
    produce_reference("shorter", &ref, sound.len - 1);
    produce_reference("missing", &none, 9);
    show("shorter", store_of());
    cr_assert_eq(run.code, BYOK_EXIT_USAGE, "%s", run.err);
    show("missing", store_of());
    cr_assert_eq(run.code, BYOK_EXIT_USAGE, "%s", run.err);
    snprintf(line, sizeof line, "%s/store/%s", folder, ref.name);
    write_to(line, byok_str_of("RIFF some sauna"));
    produce_reference("changed", &ref, sound.len);
    show("changed", store_of());
    cr_assert_eq(run.code, BYOK_EXIT_USAGE, "%s", run.err);
    cr_assert(strstr(run.err, "sha256"), "%s", run.err);
    byok_payload_identify(byok_str_of("bob"), sound, &none);
    produce_reference("anothers", &none, sound.len);
    show("anothers", store_of());
    cr_assert_eq(run.code, BYOK_EXIT_USAGE, "%s", run.err);
    cr_assert_neq(access(path_of("out.wav"), F_OK), 0, "nothing was written");
}

Test(payloads, an_answer_with_its_content_needs_no_store)
{
    produce_result("inline", "\"UklGRg==\"");
    show("inline", NULL);
    cr_assert_eq(run.code, BYOK_EXIT_OK, "%s", run.err);
    cr_assert(is_file("out.wav", byok_str_of("RIFF")));
}

Test(payloads, what_is_missing_is_told)
{
    const struct byok_payload_ref ref = put(byok_str_of("RIFF"));
    produce_reference("ref", &ref, 4);
    show("ref", NULL);
    cr_assert_eq(run.code, BYOK_EXIT_USAGE);
    cr_assert(strstr(run.err, "--payloads"), "%s", run.err);
    show("ref", "tape:1");
    cr_assert(strstr(run.err, "folder:PATH"), "%s", run.err);
    show("ref", "s3:http://localhost:1/bucket");
    cr_assert(strstr(run.err, "credentials"), "%s", run.err);
    kit_produce(
        broker, "byok.results", "alice",
        "{\"id\":\"text\",\"user\":\"alice\",\"type\":\"job\",\"status\":\"ok\",\"text\":\"Hi\"}",
        NULL, 0);
    show("text", store_of());
    cr_assert(strstr(run.err, "no audio or image"), "%s", run.err);
    byok("results --user alice --output x");
    cr_assert_eq(run.code, BYOK_EXIT_USAGE);
    byok("submit --user alice --text x --output x");
    cr_assert_eq(run.code, BYOK_EXIT_USAGE);
}
