/* SPDX-License-Identifier: MIT */
/* tests/conformance/store_server.c - what the stores on servers must do besides: other workers write
 * to them, and they are killed and come back. */
#include "store_kit.h"

#include <stdatomic.h>
#include <stdio.h>
#include <string.h>

#include <pthread.h>
#include <sched.h>
#include <time.h>
#include <unistd.h>

#include "vault_rocks/copy.h"

#define ONLY_SHARED(f)                                                                             \
    do {                                                                                           \
        if (!(f)->store->ops->shared)                                                              \
            return;                                                                                \
    } while (0)

static struct byok_write write_of(const char *key, const char *value)
{
    return (struct byok_write){
        .key = text(key), .value = text(value ? value : ""), .erase = !value};
}

CASE(a_batch_that_is_contained_already_changes_nothing)
{
    ONLY_SHARED(f);
    const struct byok_write newer[] = {write_of("a", "new"), write_of("gone", NULL)};
    const struct byok_write older[] = {write_of("a", "old"), write_of("gone", "back"),
                                       write_of("only old", "x")};
    put(f, 0, "gone", "there");
    apply(f, 0, newer, 2, 20);
    apply(f, 0, older, 3, 19); /* of a worker that does not know that it lost the partition */
    apply(f, 0, newer, 2, 20);
    cr_assert(has(f, 0, "a", "new"));
    cr_assert(has(f, 0, "gone", NULL));
    cr_assert_eq(position(f, 0), 20);
    apply(f, 0, older, 1, 21);
    cr_assert(has(f, 0, "a", "old"), "a newer one counts");
}

CASE(a_key_that_is_too_long_is_refused)
{
    ONLY_SHARED(f);
    static char bytes[BYOK_STORE_KEY_MAX + 1];
    const struct byok_write write = {.key = {bytes, sizeof bytes}, .value = text("v")};
    cr_assert_eq(f->store->ops->apply(f->store, 0, &write, 1, 3, &f->fault), BYOK_E_STORE);
    cr_assert_eq(position(f, 0), -1);
}

/* The i-th entry of a changelog that is a function of i. */
static struct byok_write entry_of(int i, char key[static 8], char value[static 16])
{
    uint32_t dice = (uint32_t)i * 2654435761u;
    snprintf(key, 8, "k%u", (dice >> 8) % 5);
    snprintf(value, 16, "%d", i);
    return write_of(key, (dice >> 28) < 6 ? NULL : value);
}

enum { ENTRIES = 300 };

struct owner {
    struct fixture f; /* a store of its own: another process, as it were */
    int batch;
};

/* All of the changelog from its beginning, in batches; what fails is made again. */
static void *follow(void *arg)
{
    struct owner *self = arg;
    char keys[16][8], values[16][16];
    struct byok_write writes[16];
    for (int i = 0; i < ENTRIES;) {
        int count = 0;
        while (count < self->batch && i + count < ENTRIES) {
            writes[count] = entry_of(i + count, keys[count], values[count]);
            count++;
        }
        while (self->f.store->ops->apply(self->f.store, 4, writes, (size_t)count, i + count, NULL))
            sched_yield();
        i += count;
    }
    return NULL;
}

CASE(owners_that_follow_one_changelog_at_once_end_where_it_ends)
{
    ONLY_SHARED(f);
    enum { OWNERS = 4 };
    static struct owner owners[OWNERS];
    pthread_t threads[OWNERS];
    for (int i = 0; i < OWNERS; i++) {
        owners[i].f = *f;
        owners[i].batch = 1 + 4 * i;
        store_reopen(&owners[i].f);
        cr_assert_eq(pthread_create(&threads[i], NULL, follow, &owners[i]), 0);
    }
    for (int i = 0; i < OWNERS; i++) {
        pthread_join(threads[i], NULL);
        owners[i].f.store->ops->free(owners[i].f.store);
    }
    struct byok_store *model = byok_store_memory_new();
    for (int i = 0; i < ENTRIES; i++) {
        char key[8], value[16];
        const struct byok_write write = entry_of(i, key, value);
        cr_assert_eq(model->ops->apply(model, 4, &write, 1, i + 1, NULL), BYOK_E_OK);
    }
    struct byok_buf want;
    byok_buf_init(&want, 1 << 16);
    cr_assert_eq(model->ops->scan(model, 4, text(""), list, &want, NULL), BYOK_E_OK);
    byok_buf_add(&want, "", 1);
    scan_is(f, 4, "", want.ptr);
    cr_assert_eq(position(f, 4), ENTRIES);
    byok_buf_done(&want);
    model->ops->free(model);
}

/* Tries until the server is there again; the pauses of an outage are at most 5 s. */
static void apply_at_last(struct fixture *f, const struct byok_write *writes, size_t count,
                          int64_t at)
{
    const struct timespec pause = {.tv_nsec = 20 * 1000 * 1000};
    enum byok_err err = BYOK_E_STORE;
    for (int i = 0; i < 3000 && err != BYOK_E_OK; i++) {
        err = f->store->ops->apply(f->store, 0, writes, count, at, &f->fault);
        cr_assert(err == BYOK_E_OK || err == BYOK_E_STORE);
        if (err)
            nanosleep(&pause, NULL);
    }
    cr_assert_eq(err, BYOK_E_OK, "%s", f->fault.text);
}

struct killer {
    const char *word;
    bool starts;
    atomic_bool done;
};

static void *kill_it(void *arg)
{
    struct killer *self = arg;
    const struct timespec soon = {.tv_nsec = 30 * 1000 * 1000};
    nanosleep(&soon, NULL); /* into the writes; any moment will do */
    store_control(self->word);
    if (self->starts)
        store_control("start");
    atomic_store(&self->done, true); /* with write_through's load */
    return NULL;
}

/* Batches of three keys, one of them its own, until the server is there again. */
static void write_through(struct fixture *f, const char *word, bool starts, int *number)
{
    struct killer killer = {.word = word, .starts = starts};
    pthread_t thread;
    cr_assert_eq(pthread_create(&thread, NULL, kill_it, &killer), 0);
    while (!atomic_load(&killer.done)) { /* with kill_it's store */
        char key[16], value[16];
        snprintf(value, sizeof value, "%d", ++*number);
        snprintf(key, sizeof key, "own %05d", *number);
        const struct byok_write writes[] = {write_of("a", value), write_of(key, value),
                                            write_of("b", value)};
        apply_at_last(f, writes, 3, *number);
    }
    pthread_join(thread, NULL);
    const struct byok_write last = write_of("last", "of the round");
    apply_at_last(f, &last, 1, ++*number); /* another process of the server may just go */
}

/* Every batch's own key, and the last one's in the common ones. */
static void nothing_is_lost(struct fixture *f, int number)
{
    struct byok_buf all;
    byok_buf_init(&all, 1 << 22);
    cr_assert_eq(f->store->ops->scan(f->store, 0, text("own "), list, &all, &f->fault), BYOK_E_OK,
                 "%s", f->fault.text);
    byok_buf_add(&all, "", 1);
    const char *at = all.ptr;
    int seen = 0, missing = 0;
    for (int i = 1; i <= number; i++) {
        char entry[48];
        snprintf(entry, sizeof entry, "own %05d=%d ", i, i);
        bool there = strncmp(at, entry, strlen(entry)) == 0;
        at += there ? strlen(entry) : 0;
        seen += there;
        missing += !there;
    }
    cr_assert_eq(missing, 6,
                 "one number of each round has no key of its own: %d of %d are there: %s", seen,
                 number, all.ptr);
    byok_buf_done(&all);
    cr_assert(byok_str_eq(get(f, 0, text("a")), get(f, 0, text("b"))));
    cr_assert_eq(position(f, 0), number);
}

CASE(a_server_that_is_killed_in_a_batch_comes_back_with_all_that_was_acknowledged)
{
    ONLY_SHARED(f);
    int number = 0;
    const struct byok_write first = write_of("a", "0");
    apply(f, 0, &first, 1, 0); /* the tables are made: FerretDB does not get over a kill in that */
    for (int i = 0; i < 3; i++)
        write_through(f, "kill", true, &number);
    for (int i = 0; i < 3; i++)
        write_through(f, "backends", false, &number);
    nothing_is_lost(f, number);
}

/* No batch was written behind them, which would take them along. */
CASE(tables_that_were_just_made_outlive_the_server)
{
    if (strcmp(f->name, "postgresql") != 0) /* see above */
        return;
    const struct byok_write write = write_of("a", "1");
    cr_assert_eq(position(f, 0), -1);
    store_control("kill");
    store_control("start");
    apply_at_last(f, &write, 1, 1);
    cr_assert(has(f, 0, "a", "1"));
}

static bool go_on(void *arg, const struct byok_copy_tally *tally)
{
    (void)arg;
    (void)tally;
    return true;
}

CASE(a_copy_that_the_end_of_the_server_cuts_off_is_finished_by_the_same_copy)
{
    ONLY_SHARED(f);
    enum { COPIED = 800 };
    const struct byok_copy_plan plan = {.source = "a test", .go_on = go_on};
    const struct timespec pause = {.tv_nsec = 20 * 1000 * 1000};
    struct byok_store *from = byok_store_memory_new(), *back = byok_store_memory_new();
    struct byok_copy_tally tally;
    put(f, 3, "a", "1"); /* see above */
    cr_assert_eq(f->store->ops->drop(f->store, 3, &f->fault), BYOK_E_OK);
    for (int i = 0; i < COPIED; i++) {
        char key[16], value[16];
        snprintf(key, sizeof key, "%05d", i);
        snprintf(value, sizeof value, "%d", i);
        const struct byok_write write = write_of(key, value);
        cr_assert_eq(from->ops->apply(from, i % 2, &write, 1, i, NULL), BYOK_E_OK);
    }
    struct killer killer = {.word = "kill", .starts = true};
    pthread_t thread;
    cr_assert_eq(pthread_create(&thread, NULL, kill_it, &killer), 0);
    enum byok_err err = BYOK_E_STORE;
    for (int i = 0; i < 3000 && err == BYOK_E_STORE; i++) {
        err = byok_store_copy(from, f->store, &plan, &tally, &f->fault);
        if (err)
            nanosleep(&pause, NULL);
    }
    pthread_join(thread, NULL);
    cr_assert_eq(err, BYOK_E_OK, "%s", f->fault.text);
    cr_assert_eq(tally.records, COPIED);
    do
        err = byok_store_copy(f->store, back, &plan, &tally, &f->fault);
    while (err == BYOK_E_STORE && nanosleep(&pause, NULL) == 0);
    cr_assert_eq(err, BYOK_E_OK, "%s", f->fault.text);
    cr_assert_eq(byok_store_copy(from, back, &(struct byok_copy_plan){"a test", true, go_on, NULL},
                                 &tally, &f->fault),
                 BYOK_E_OK);
    cr_assert(tally.records == COPIED && tally.written == 0 && tally.erased == 0);
    from->ops->free(from);
    back->ops->free(back);
}

/* As a standby does, which may lag behind.  (MongoDB's primary is asked whatever the URL says.) */
CASE(a_server_that_takes_no_writes_is_not_read_either)
{
    if (strcmp(f->name, "postgresql") != 0 || !strstr(f->url, "options=-c")) /* they end ours */
        return;
    put(f, 0, "a", "1");
    f->store->ops->free(f->store);
    char url[sizeof f->url + 64];
    snprintf(url, sizeof url, "%s%%20-cdefault_transaction_read_only%%3Don", f->url);
    const struct byok_store_place place = {.url = url, .timeout_ms = 10000};
    struct byok_str out;
    cr_assert_eq(byok_store_open(f->name, &place, &f->store, &f->fault), BYOK_E_OK);
    cr_assert_eq(f->store->ops->get(f->store, 0, text("a"), &f->arena, &out, &f->fault),
                 BYOK_E_STORE);
    cr_assert_not_null(strstr(f->fault.text, "read-only"), "%s", f->fault.text);
}

CASE(a_server_that_does_not_answer_is_an_error_in_time_and_then_comes_back)
{
    ONLY_SHARED(f);
    put(f, 0, "a", "1");
    f->store->ops->free(f->store);
    const struct byok_store_place place = {.url = f->url, .timeout_ms = 300};
    cr_assert_eq(byok_store_open(f->name, &place, &f->store, &f->fault), BYOK_E_OK);
    const struct byok_write again = write_of("a", "1");
    apply_at_last(f, &again, 1, 0); /* a slow machine's first connection may take longer */
    store_control("freeze");
    struct byok_str out;
    for (int i = 0; i < 200; i++) /* each would be 300 ms, if it were not known that it is away */
        cr_assert_eq(f->store->ops->get(f->store, 0, text("a"), &f->arena, &out, &f->fault),
                     BYOK_E_STORE);
    cr_assert(strlen(f->fault.text) > 0);
    store_control("thaw");
    const struct byok_write write = write_of("a", "2");
    apply_at_last(f, &write, 1, 1);
    f->store->ops->free(f->store);
    store_reopen(f); /* with more patience */
    cr_assert(has(f, 0, "a", "2"));
}

/* A statement that a worker has given up would else hold its session, and what it waits for, for good. */
CASE(what_was_given_up_is_ended_on_the_server_too)
{
    if (strcmp(f->name, "postgresql") != 0) /* with locks that a test can take */
        return;
    char lock[64];
    struct byok_store *hasty = NULL;
    struct byok_str out;
    const struct byok_store_place place = {.table = "vault", .url = f->url, .timeout_ms = 1000};
    put(f, 0, "a", "1");
    snprintf(lock, sizeof lock, "lock t%d", (int)getpid());
    store_control(lock);
    cr_assert_eq(byok_store_open(f->name, &place, &hasty, &f->fault), BYOK_E_OK);
    cr_assert_eq(hasty->ops->get(hasty, 0, text("a"), &f->arena, &out, &f->fault), BYOK_E_STORE);
    store_control("gave_up");
    store_control("unlock");
    hasty->ops->free(hasty);
    cr_assert(has(f, 0, "a", "1"));
}
