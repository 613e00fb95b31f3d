/* SPDX-License-Identifier: MIT */
/* tests/unit/payloads/test_reader.c - an object read piece by piece, whole or not to its end. */
#include "tests/support/folder.h"
#include "tests/support/folder_store.h"

#include "payloads/reader.h"

#include <criterion/criterion.h>
#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

#define BYTES 1000

static char folder[64], place[256], content[BYTES + 1];
static struct byok_payload_store *store;
static struct byok_payload_ref ref;
static struct byok_payload_reader reader;
static struct byok_fault fault;

static void begin(void)
{
    folder_make(folder, sizeof folder);
    store = folder_store_open(folder);
    for (size_t i = 0; i < BYTES; i++)
        content[i] = (char)('a' + i % 23);
    ref = (struct byok_payload_ref){0};
    byok_payload_identify(byok_str_of("alice"), byok_str_of(content), &ref);
    cr_assert_eq(store->ops->put(store, &ref, byok_str_of(content), &fault), BYOK_E_OK);
    snprintf(place, sizeof place, "%s/%s", folder, ref.name);
    reader.fd = -1;
}

static void end(void)
{
    byok_payload_reader_done(&reader);
    byok_payload_reader_done(&reader);
    byok_payload_store_close(store);
    cr_assert_eq(folder_remove(folder), 0);
}

TestSuite(reader, .init = begin, .fini = end);

static void change_byte(off_t at)
{
    int fd = open(place, O_WRONLY);
    cr_assert_geq(fd, 0);
    cr_assert_eq(pwrite(fd, "#", 1, at), 1);
    cr_assert_eq(close(fd), 0);
}

/* Reads in pieces of that size; how many bytes were given before the end or an error. */
static size_t give(size_t room, enum byok_err *err)
{
    char to[BYTES + 1];
    size_t sum = 0;
    *err = BYOK_E_OK;
    while (*err == BYOK_E_OK && !byok_payload_reader_ended(&reader)) {
        size_t len = 0;
        *err = byok_payload_reader_next(&reader, to, room, &len, &fault);
        if (*err != BYOK_E_OK)
            return sum;
        cr_assert_eq(memcmp(to, content + sum, len), 0);
        sum += len;
    }
    return sum;
}

Test(reader, gives_all_of_it_in_pieces_of_any_size)
{
    static const size_t rooms[] = {1, 7, BYTES / 2, BYTES - 1, BYTES, BYTES + 1};
    for (size_t i = 0; i < sizeof rooms / sizeof rooms[0]; i++) {
        enum byok_err err;
        cr_assert_eq(byok_payload_reader_open(&reader, store, &ref, &fault), BYOK_E_OK);
        cr_expect_eq(give(rooms[i], &err), BYTES, "pieces of %zu", rooms[i]);
        cr_expect_eq(err, BYOK_E_OK, "%s", fault.text);
        byok_payload_reader_done(&reader);
    }
}

Test(reader, never_gives_the_end_of_something_else)
{
    static const size_t rooms[] = {1, 7, BYTES / 2, BYTES - 1, BYTES};
    change_byte(BYTES / 3);
    content[BYTES / 3] = '#';
    for (size_t i = 0; i < sizeof rooms / sizeof rooms[0]; i++) {
        enum byok_err err;
        cr_assert_eq(byok_payload_reader_open(&reader, store, &ref, &fault), BYOK_E_OK);
        cr_expect_lt(give(rooms[i], &err), BYTES, "pieces of %zu", rooms[i]);
        cr_expect_eq(err, BYOK_E_BAD_REQUEST);
        cr_expect(strstr(fault.text, "sha256"), "%s", fault.text);
        byok_payload_reader_done(&reader);
    }
}

Test(reader, notices_what_changes_while_it_is_read)
{
    enum byok_err err;
    char to[BYTES];
    size_t len;
    cr_assert_eq(byok_payload_reader_open(&reader, store, &ref, &fault), BYOK_E_OK);
    cr_assert_eq(byok_payload_reader_next(&reader, to, 500, &len, &fault), BYOK_E_OK);
    cr_assert_eq(len, 500);
    change_byte(700);
    err = byok_payload_reader_next(&reader, to, sizeof to, &len, &fault);
    cr_expect_eq(err, BYOK_E_BAD_REQUEST);
}

Test(reader, one_that_is_cut_while_it_is_read_ends_as_an_error)
{
    char to[BYTES];
    size_t len;
    cr_assert_eq(byok_payload_reader_open(&reader, store, &ref, &fault), BYOK_E_OK);
    cr_assert_eq(byok_payload_reader_next(&reader, to, 500, &len, &fault), BYOK_E_OK);
    cr_assert_eq(truncate(place, 600), 0);
    cr_expect_eq(byok_payload_reader_next(&reader, to, sizeof to, &len, &fault),
                 BYOK_E_BAD_REQUEST);
    cr_expect(strstr(fault.text, "ends after 600 bytes, its reference says 1000"), "%s",
              fault.text);
}

Test(reader, one_that_grows_while_it_is_read_is_what_it_was)
{
    enum byok_err err;
    cr_assert_eq(byok_payload_reader_open(&reader, store, &ref, &fault), BYOK_E_OK);
    cr_assert_eq(truncate(place, BYTES + 100), 0);
    cr_expect_eq(give(300, &err), BYTES);
    cr_expect_eq(err, BYOK_E_OK);
}

Test(reader, a_disk_that_fails_is_a_passing_failure)
{
    char to[10];
    size_t len;
    cr_assert_eq(byok_payload_reader_open(&reader, store, &ref, &fault), BYOK_E_OK);
    int folder_fd = open(folder, O_RDONLY | O_DIRECTORY); /* read() fails with EISDIR */
    cr_assert_geq(dup2(folder_fd, reader.fd), 0);
    cr_assert_eq(close(folder_fd), 0);
    cr_expect_eq(byok_payload_reader_next(&reader, to, sizeof to, &len, &fault), BYOK_E_STORE);
    cr_expect(strstr(fault.text, "cannot be read"), "%s", fault.text);
}

Test(reader, keeps_the_beginning_and_checks_all)
{
    BYOK_AUTO(byok_buf) buf = {.cap_bytes = BYTES};
    cr_assert_eq(byok_payload_reader_open(&reader, store, &ref, &fault), BYOK_E_OK);
    cr_assert_eq(byok_payload_reader_keep(&reader, UINT64_MAX, 10, &buf, &fault), BYOK_E_OK);
    cr_expect(byok_payload_reader_ended(&reader));
    cr_expect(byok_str_eq(byok_buf_str(&buf), (struct byok_str){content, 10}));
    byok_payload_reader_done(&reader);
    change_byte(BYTES - 1);
    byok_buf_clear(&buf);
    cr_assert_eq(byok_payload_reader_open(&reader, store, &ref, &fault), BYOK_E_OK);
    cr_expect_eq(byok_payload_reader_keep(&reader, UINT64_MAX, 10, &buf, &fault),
                 BYOK_E_BAD_REQUEST);
}

Test(reader, what_the_buffer_does_not_take_is_an_error)
{
    BYOK_AUTO(byok_buf) buf = {.cap_bytes = 10};
    cr_assert_eq(byok_payload_reader_open(&reader, store, &ref, &fault), BYOK_E_OK);
    cr_expect_eq(byok_payload_reader_keep(&reader, UINT64_MAX, BYTES, &buf, &fault), BYOK_E_NOMEM);
}
