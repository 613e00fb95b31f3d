/* SPDX-License-Identifier: MIT */
/* tests/unit/payloads/test_store_folder.c - the folder: what was put is got, and what lies in wait. */
#define _GNU_SOURCE /* usleep */
#include "tests/support/folder.h"
#include "tests/support/folder_store.h"

#include <criterion/criterion.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <sodium.h>

#include "payloads/reader.h"

static char top[96], path[112];
static struct byok_payload_store *store;
static struct byok_payload_ref ref;
static struct byok_fault fault;

static void begin(void)
{
    folder_make(top, sizeof top);
    snprintf(path, sizeof path, "%s/store", top);
    store = folder_store_open(path);
    ref = (struct byok_payload_ref){0};
    byok_payload_identify(byok_str_of("alice"), byok_str_of("content"), &ref);
}

static void end(void)
{
    byok_payload_store_close(store);
    cr_assert_eq(folder_remove(top), 0);
}

TestSuite(store_folder, .init = begin, .fini = end);

static enum byok_err put(const char *content)
{
    byok_payload_identify(byok_str_of("alice"), byok_str_of(content), &ref);
    return store->ops->put(store, &ref, byok_str_of(content), &fault);
}

static enum byok_err read_all(struct byok_buf *buf)
{
    struct byok_payload_reader reader;
    enum byok_err err = byok_payload_reader_open(&reader, store, &ref, &fault);
    if (err == BYOK_E_OK)
        err = byok_payload_reader_keep(&reader, UINT64_MAX, SIZE_MAX, buf, &fault);
    byok_payload_reader_done(&reader);
    return err;
}

/* What is there by that reference, or its error in brackets. */
static const char *got(void)
{
    static char text[512];
    BYOK_AUTO(byok_buf) buf = {.cap_bytes = (size_t)ref.size};
    enum byok_err err = read_all(&buf);
    if (err != BYOK_E_OK)
        snprintf(text, sizeof text, "[%s: %s]", byok_err_name(err), fault.text);
    else
        snprintf(text, sizeof text, "%.*s", BYOK_STR_ARG(byok_buf_str(&buf)));
    return text;
}

static char *place(void)
{
    static char name[512];
    snprintf(name, sizeof name, "%s/%s", path, ref.name);
    return name;
}

static void write_file(const char *name, const char *content)
{
    FILE *file = fopen(name, "w");
    cr_assert_not_null(file, "%s", name);
    cr_assert_geq(fputs(content, file), 0);
    cr_assert_eq(fclose(file), 0);
}

static int count_entries(const char *folder)
{
    int count = 0;
    DIR *entries = opendir(folder);
    while (entries && readdir(entries))
        count++;
    if (entries)
        closedir(entries);
    return count - 2;
}

Test(store_folder, what_was_put_is_got_and_the_same_again_is_the_same)
{
    cr_assert_str_eq(got(), "[bad_request: the payload is not in the store]");
    cr_assert_eq(put("content"), BYOK_E_OK, "%s", fault.text);
    cr_assert_str_eq(got(), "content");
    cr_assert_eq(put("content"), BYOK_E_OK);
    cr_assert_str_eq(got(), "content");
    char *owner = place();
    owner[strlen(owner) - BYOK_PAYLOAD_OWNER_CHARS - 1] = '\0';
    cr_assert_eq(count_entries(owner), 1, "something was left over");
    struct byok_payload_ref others = {0};
    byok_payload_identify(byok_str_of("bob"), byok_str_of("content"), &others);
    ref = others;
    cr_assert_str_eq(got(), "[bad_request: the payload is not in the store]");
}

Test(store_folder, lets_the_group_in_whatever_the_mask_is)
{
    umask(077);
    struct stat info;
    cr_assert_eq(put("content"), BYOK_E_OK);
    cr_assert_eq(stat(place(), &info), 0);
    cr_assert_eq(info.st_mode & 0777, 0660);
    char *owner = place();
    owner[strlen(owner) - BYOK_PAYLOAD_OWNER_CHARS - 1] = '\0';
    cr_assert_eq(stat(owner, &info), 0);
    cr_assert_eq(info.st_mode & 0777, 0770);
    cr_assert_eq(stat(path, &info), 0);
    cr_assert_eq(info.st_mode & 0777, 0700, "the folder itself says who may come in");
}

Test(store_folder, what_is_not_what_its_name_says_is_refused)
{
    cr_assert_eq(put("content"), BYOK_E_OK);
    cr_assert_eq(chmod(place(), 0600), 0);
    write_file(place(), "c0ntent");
    cr_expect(strstr(got(), "sha256"), "%s", got());
    write_file(place(), "con");
    cr_expect(strstr(got(), "has 3 bytes"), "%s", got());
    write_file(place(), "content and more");
    cr_expect(strstr(got(), "has 16 bytes"), "%s", got());
    write_file(place(), "");
    cr_expect(strstr(got(), "has 0 bytes"), "%s", got());
}

Test(store_folder, follows_no_link_and_waits_for_no_pipe)
{
    char secret[256];
    cr_assert_eq(put("content"), BYOK_E_OK);
    snprintf(secret, sizeof secret, "%s/secret", top);
    write_file(secret, "content");
    cr_assert_eq(unlink(place()), 0);
    cr_assert_eq(symlink(secret, place()), 0);
    cr_expect(strstr(got(), "no plain file"), "%s", got());
    cr_assert_eq(put("content"), BYOK_E_OK, "a link is replaced, not written through");
    write_file(secret, "changed");
    cr_expect_str_eq(got(), "content");
    cr_assert_eq(unlink(place()), 0);
    cr_assert_eq(mkfifo(place(), 0600), 0);
    cr_expect(strstr(got(), "no plain file"), "%s", got());
    cr_assert_eq(unlink(place()), 0);
    cr_assert_eq(mkdir(place(), 0700), 0);
    cr_expect(strstr(got(), "no plain file"), "%s", got());
    cr_expect_eq(put("content"), BYOK_E_STORE);
}

Test(store_folder, does_not_go_into_a_linked_folder)
{
    char owner[256], elsewhere[256];
    snprintf(owner, sizeof owner, "%s/%.*s", path, BYOK_PAYLOAD_OWNER_CHARS, ref.name);
    snprintf(elsewhere, sizeof elsewhere, "%s/elsewhere", top);
    cr_assert_eq(mkdir(elsewhere, 0700), 0);
    cr_assert_eq(symlink(elsewhere, owner), 0);
    cr_expect_eq(put("content"), BYOK_E_STORE);
    cr_expect_eq(count_entries(elsewhere), 0);
    snprintf(elsewhere, sizeof elsewhere, "%s/elsewhere/%s", top,
             ref.name + BYOK_PAYLOAD_OWNER_CHARS + 1);
    write_file(elsewhere, "content");
    cr_expect(strstr(got(), "no plain file"), "%s", got());
}

static void age(const char *name, time_t seconds)
{
    const struct timespec times[2] = {{time(NULL) - seconds, 0}, {time(NULL) - seconds, 0}};
    cr_assert_eq(utimensat(AT_FDCWD, name, times, AT_SYMLINK_NOFOLLOW), 0);
}

Test(store_folder, removes_what_is_old_and_nothing_else)
{
    char other[256], kept[300];
    const int64_t before = (int64_t)time(NULL) - 1000;
    cr_assert_eq(put("old"), BYOK_E_OK);
    age(place(), 5000);
    cr_assert_eq(put("new"), BYOK_E_OK);
    snprintf(other, sizeof other, "%s/notes", path);
    cr_assert_eq(mkdir(other, 0700), 0);
    snprintf(kept, sizeof kept, "%s/old", other);
    write_file(kept, "mine");
    age(kept, 5000);
    cr_assert_eq(store->ops->sweep(store, before), 1);
    cr_assert_str_eq(got(), "new");
    cr_assert_eq(access(kept, F_OK), 0, "what is no payload is not touched");
    byok_payload_identify(byok_str_of("alice"), byok_str_of("old"), &ref);
    cr_assert_str_eq(got(), "[bad_request: the payload is not in the store]");
    cr_assert_eq(put("old"), BYOK_E_OK, "what is put again is young again");
    cr_assert_eq(store->ops->sweep(store, before), 0);
}

Test(store_folder, an_owner_without_anything_goes_and_comes_back)
{
    cr_assert_eq(put("old"), BYOK_E_OK);
    cr_assert_eq(store->ops->sweep(store, (int64_t)time(NULL) + 1000), 1);
    cr_assert_eq(count_entries(path), 0);
    cr_assert_eq(put("old"), BYOK_E_OK);
    cr_assert_str_eq(got(), "old");
}

static atomic_bool putting;

static void *sweep_on(void *arg)
{
    (void)arg;
    while (atomic_load(&putting)) /* with the test's store */
        (void)store->ops->sweep(store, (int64_t)time(NULL) - 1000);
    return NULL;
}

/* It takes away what is empty, such as the folder that was just made for it. */
Test(store_folder, a_sweep_beside_it_makes_no_put_fail)
{
    pthread_t sweeper;
    atomic_store(&putting, true);
    cr_assert_eq(pthread_create(&sweeper, NULL, sweep_on, NULL), 0);
    for (int i = 0; i < 300; i++) {
        fault = (struct byok_fault){.code = BYOK_E_OK};
        cr_assert_eq(put("content"), BYOK_E_OK, "%s", fault.text);
        cr_assert_eq(fault.code, BYOK_E_OK, "a put that went well says: %s", fault.text);
        cr_assert_eq(unlink(place()), 0);
    }
    atomic_store(&putting, false); /* with sweep_on's load */
    cr_assert_eq(pthread_join(sweeper, NULL), 0);
}

/* Killed at any moment, a writer leaves the whole content or none under the name. */
Test(store_folder, a_writer_that_dies_leaves_no_half_payload)
{
    static char large[512 * 1024];
    memset(large, 'x', sizeof large - 1);
    byok_payload_identify(byok_str_of("alice"), byok_str_of(large), &ref);
    for (int i = 0; i < 12; i++) {
        pid_t child = fork();
        if (child == 0) {
            for (;;)
                (void)!store->ops->put(store, &ref, byok_str_of(large), &fault);
        }
        usleep((useconds_t)(1000 + 1700 * i));
        cr_assert_eq(kill(child, SIGKILL), 0);
        cr_assert_eq(waitpid(child, NULL, 0), child);
        BYOK_AUTO(byok_buf) buf = {.cap_bytes = sizeof large};
        enum byok_err err = read_all(&buf);
        cr_assert(err == BYOK_E_OK ? byok_payload_is(&ref, byok_buf_str(&buf))
                                   : strstr(fault.text, "not in the store") != NULL,
                  "%s", fault.text);
    }
    /* what such writers leave beside it goes with time */
    (void)store->ops->sweep(store, (int64_t)time(NULL) + 1000);
    cr_assert_eq(count_entries(path), 0);
}

Test(store_folder, says_what_is_wrong_with_a_folder)
{
    struct byok_payload_store *other;
    char name[256];
    snprintf(name, sizeof name, "%s/file", top);
    write_file(name, "");
    const char *const wrong[] = {"", NULL, name, "/no/such/folder"};
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        const struct byok_payload_options options = {.store = "folder", .folder = wrong[i]};
        cr_expect_eq(byok_payload_store_open(&options, &other, &fault), BYOK_E_CONFIG);
        cr_expect(strstr(fault.text, "folder"), "%s", fault.text);
    }
}
