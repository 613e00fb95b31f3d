/* SPDX-License-Identifier: MIT */
/* tests/unit/worker/test_notes_host.c - claims on this host's disk: answered when they are on it.
 *
 * A power failure is played by what this program knows of fsync: it notes how long RocksDB's log
 * was when it was last brought to the disk; a child writes claims and dies, and the log loses
 * everything behind that mark, or gets something else there.
 */
#define _DEFAULT_SOURCE /* syscall */
#include "tests/unit/vault_rocks/kit.h"

#include <fcntl.h>
#include <signal.h>
#include <stdatomic.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include <uv.h>

#include "actors/env.h"
#include "tests/unit/worker/notes_kit.h"
#include "vault_rocks/store.h"
#include "worker/ports/clock_system.h"
#include "worker/ports/notes_host.h"

#define NOTES 200
#define ANSWERED 100 /* claims that a child waits for before it dies */
#define LATER 30     /* that it writes afterwards, and nobody waits for */

/* ---- what is on the disk ---- */

/* RocksDB's log when it was synced last: its number and length. */
struct mark {
    long log;
    off_t bytes;
};

static struct mark synced;
static atomic_uint syncs;

/* Stands before libc's for RocksDB too. */
int fdatasync(int fd)
{
    char name[512], link[64];
    struct stat info;
    (void)snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
    ssize_t len = readlink(link, name, sizeof name - 1);
    if (len > 0 && fstat(fd, &info) == 0) {
        name[len] = '\0';
        const char *dot = strrchr(name, '.');
        if (dot && strcmp(dot, ".log") == 0) {
            synced = (struct mark){strtol(strrchr(name, '/') + 1, NULL, 10), info.st_size};
            atomic_fetch_add(&syncs, 1);
        }
    }
    return (int)syscall(SYS_fdatasync, fd);
}

/* ---- a loop with the port and its actor ---- */

static uv_loop_t loop;
static uv_async_t wake;
static struct byok_clock sys_clock;
static struct byok_env env;
static struct byok_system *actors;
static struct byok_actor *noter;
static struct byok_notes *port;
static struct kit_note notes[NOTES];
static char folder[256], path[400];

static void on_wake(uv_async_t *async)
{
    (void)async;
    while (byok_system_run(actors, 1000)) {
    }
}

static void send_wake(void *arg)
{
    (void)uv_async_send(arg);
}

static void begin(struct byok_store *store)
{
    byok_clock_system_init(&sys_clock);
    env.clock = &sys_clock;
    cr_assert_eq(uv_loop_init(&loop), 0);
    cr_assert_eq(uv_async_init(&loop, &wake, on_wake), 0);
    actors = byok_system_new(&env, &sys_clock, send_wake, &wake);
    noter = byok_spawn(actors, &kit_noter_behavior, NULL);
    port = byok_notes_host_new(&loop, store);
    cr_assert_not_null(port);
}

static void end(void)
{
    byok_notes_host_close(port);
    uv_close((uv_handle_t *)&wake, NULL);
    (void)uv_run(&loop, UV_RUN_DEFAULT);
    cr_assert_eq(uv_loop_close(&loop), 0);
    byok_system_free(actors);
}

static void claim(size_t i)
{
    kit_note_write(port, noter, &notes[i], 0, i, false);
}

static void until_answered(size_t i)
{
    while (notes[i].answered == 0)
        (void)uv_run(&loop, UV_RUN_ONCE);
    cr_assert_eq(notes[i].note.fault.code, BYOK_E_OK);
    cr_assert_eq(notes[i].note.offset, -1, "it stands on this disk only");
}

/* ---- with a disk that does as the test says ---- */

struct fake {
    struct byok_store store; /* first */
    uv_sem_t may;            /* a sync waits for it */
    atomic_uint began, ended;
    atomic_uint failures; /* so many fail */
};

static enum byok_err fake_sync(struct byok_store *store, struct byok_fault *fault)
{
    struct fake *fake = (struct fake *)store;
    atomic_fetch_add(&fake->began, 1);
    uv_sem_wait(&fake->may);
    atomic_fetch_add(&fake->ended, 1);
    if (atomic_load(&fake->failures) == 0)
        return BYOK_E_OK;
    atomic_fetch_sub(&fake->failures, 1);
    return byok_fault_set(fault, BYOK_E_STORE, "the test says so");
}

static const struct byok_store_ops fake_ops = {.name = "fake", .sync = fake_sync};
static struct fake fake;

static void begin_fake(void)
{
    fake = (struct fake){.store = {&fake_ops}};
    cr_assert_eq(uv_sem_init(&fake.may, 0), 0);
    begin(&fake.store);
}

static void end_fake(void)
{
    end();
    uv_sem_destroy(&fake.may);
}

TestSuite(notes_host, .timeout = 600);

Test(notes_host, all_that_come_during_a_sync_share_the_next_one, .init = begin_fake,
     .fini = end_fake)
{
    cr_assert_not(port->shared);
    for (size_t i = 0; i < NOTES; i++)
        claim(i);
    uv_sem_post(&fake.may);
    until_answered(0);
    cr_assert_eq(notes[1].answered, 0, "its own sync has not ended");
    uv_sem_post(&fake.may);
    until_answered(NOTES - 1);
    for (size_t i = 0; i < NOTES; i++)
        cr_assert_eq(notes[i].place, i + 1);
    cr_assert_eq(atomic_load(&fake.ended), 2);
}

Test(notes_host, a_failed_sync_answers_nothing_and_is_made_again, .init = begin_fake,
     .fini = end_fake)
{
    atomic_store(&fake.failures, 2);
    claim(0);
    for (int i = 0; i < 3; i++)
        uv_sem_post(&fake.may);
    until_answered(0);
    cr_assert_eq(atomic_load(&fake.ended), 3);
    claim(1);
    uv_sem_post(&fake.may);
    until_answered(1);
    cr_assert_eq(notes[0].answered, 1);
}

Test(notes_host, closes_during_a_sync_without_an_answer, .init = begin_fake, .fini = end_fake)
{
    claim(0);
    claim(1);
    while (atomic_load(&fake.began) == 0)
        (void)uv_run(&loop, UV_RUN_NOWAIT);
    byok_notes_host_close(port);
    uv_sem_post(&fake.may);
    uv_unref((uv_handle_t *)&wake);
    (void)uv_run(&loop, UV_RUN_DEFAULT);
    cr_assert_eq(notes[0].answered + notes[1].answered, 0);
    port = NULL;
}

/* ---- with a database ---- */

static void make_folder(void)
{
    folder_make(folder, sizeof folder);
    (void)snprintf(path, sizeof path, "%s/data", folder);
}

static void remove_folder(void)
{
    (void)folder_remove(folder);
}

static struct byok_rocks *open_it(struct byok_store **store)
{
    struct byok_rocks *rocks = NULL;
    struct byok_fault fault = {0};
    cr_assert_eq(byok_rocks_open(path, &rocks, &fault), BYOK_E_OK, "%s", fault.text);
    *store = byok_store_rocks_new(rocks, "state");
    cr_assert_not_null(*store);
    return rocks;
}

static void close_it(struct byok_rocks *rocks, struct byok_store *store)
{
    store->ops->free(store);
    byok_rocks_close(rocks);
}

/* To the table and no further; as actors/publisher/ledger.c does before it tells the port. */
static void put(struct byok_store *store, size_t i, bool erased)
{
    char key[32];
    (void)snprintf(key, sizeof key, "c/user/id%zu", i);
    const struct byok_write write = {byok_str_of(key), byok_str_of("a claim"), erased};
    cr_assert_eq(store->ops->apply(store, 0, &write, 1, -1, NULL), BYOK_E_OK);
}

static bool has(struct byok_store *store, size_t i)
{
    BYOK_AUTO(byok_arena) arena = {0};
    struct byok_str found = {NULL, 0};
    char key[32];
    (void)snprintf(key, sizeof key, "c/user/id%zu", i);
    cr_assert_eq(store->ops->get(store, 0, byok_str_of(key), &arena, &found, NULL), BYOK_E_OK);
    return found.ptr != NULL;
}

/* A child that dies with ANSWERED claims answered and LATER more written. */
static struct mark die_with_claims(void)
{
    int ends[2];
    cr_assert_eq(pipe(ends), 0);
    pid_t child = fork();
    if (child == 0) {
        struct byok_store *store;
        (void)open_it(&store);
        begin(store);
        for (size_t i = 0; i < ANSWERED; i++) {
            put(store, i, false);
            claim(i);
        }
        until_answered(ANSWERED - 1);
        struct mark mark = synced;
        for (size_t i = ANSWERED; i < ANSWERED + LATER; i++)
            put(store, i, false);
        if (write(ends[1], &mark, sizeof mark) == sizeof mark)
            raise(SIGKILL);
        _exit(1);
    }
    struct mark mark = {0, 0};
    int status;
    close(ends[1]);
    cr_assert_eq(read(ends[0], &mark, sizeof mark), (ssize_t)sizeof mark);
    close(ends[0]);
    cr_assert_eq(waitpid(child, &status, 0), child);
    cr_assert(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
    cr_assert_gt(mark.bytes, 0, "nothing was synced");
    return mark;
}

static void log_path(const struct mark *mark, char out[static 512])
{
    (void)snprintf(out, 512, "%s/%06ld.log", path, mark->log);
}

/* All answered claims are there, and of the later ones the first so many, at least and at most. */
static void holds(size_t least, size_t most)
{
    struct byok_store *store;
    struct byok_rocks *rocks = open_it(&store);
    size_t later = 0;
    for (size_t i = 0; i < ANSWERED; i++)
        cr_assert(has(store, i), "claim %zu was answered and has gone", i);
    for (size_t i = ANSWERED; i < ANSWERED + LATER; i++) {
        cr_assert(!has(store, i) || i == ANSWERED + later, "a gap before %zu", i);
        later += has(store, i);
    }
    cr_assert(least <= later && later <= most, "%zu later claims", later);
    put(store, 0, true);
    cr_assert_not(has(store, 0), "it goes on");
    close_it(rocks, store);
}

Test(notes_host, an_answered_claim_survives_its_process, .init = make_folder, .fini = remove_folder)
{
    (void)die_with_claims();
    holds(LATER, LATER);
}

Test(notes_host, an_answered_claim_survives_a_power_failure, .init = make_folder,
     .fini = remove_folder)
{
    char log[512];
    struct mark mark = die_with_claims();
    log_path(&mark, log);
    cr_assert_eq(truncate(log, mark.bytes), 0);
    holds(0, 0);
}

static const int bytes_left[] = {1, 5, 6, 7, 40, 100, 333, 1000};

Test(notes_host, a_log_torn_behind_the_answered_claims_is_no_obstacle)
{
    for (size_t i = 0; i < sizeof bytes_left / sizeof bytes_left[0]; i++) {
        char log[512];
        make_folder();
        struct mark mark = die_with_claims();
        log_path(&mark, log);
        cr_assert_eq(truncate(log, mark.bytes + bytes_left[i]), 0);
        holds(0, LATER - 1);
        remove_folder();
    }
}

Test(notes_host, garbage_behind_the_answered_claims_is_no_obstacle)
{
    for (size_t i = 0; i < sizeof bytes_left / sizeof bytes_left[0]; i++) {
        char log[512], garbage[64];
        make_folder();
        struct mark mark = die_with_claims();
        log_path(&mark, log);
        randombytes_buf_deterministic(garbage, sizeof garbage,
                                      (unsigned char[randombytes_SEEDBYTES]){(unsigned char)i});
        if (bytes_left[i] <=
            6) /* as of a recycled log, which RocksDB 9.10 (Debian 13) reads for ever */
            garbage[6 - bytes_left[i]] = (char)(5 + i % 4);
        int fd = open(log, O_WRONLY);
        cr_assert_eq(pwrite(fd, garbage, sizeof garbage, mark.bytes + bytes_left[i]),
                     (ssize_t)sizeof garbage);
        close(fd);
        holds(0, LATER - 1);
        remove_folder();
    }
}

static off_t bytes_in_folder;

static int add_size(const char *name, const struct stat *info, int kind, struct FTW *where)
{
    (void)name;
    (void)where;
    bytes_in_folder += kind == FTW_F ? (off_t)info->st_blocks * 512 : 0;
    return 0;
}

/* Each claim is erased with its result, so what is left of a million is next to nothing. */
Test(notes_host, erased_claims_leave_the_files, .init = make_folder, .fini = remove_folder)
{
    enum { ROUND = 200, ROUNDS = 2500 };
    static struct byok_write writes[ROUND];
    static char keys[ROUND][32], value[200];
    struct byok_store *store;
    struct byok_rocks *rocks = open_it(&store);
    memset(value, 'v', sizeof value);
    for (size_t round = 0; round < ROUNDS; round++) {
        for (size_t i = 0; i < ROUND; i++) {
            (void)snprintf(keys[i], sizeof keys[i], "c/user/id%zu", round * ROUND + i);
            writes[i] = (struct byok_write){byok_str_of(keys[i]), {value, sizeof value}, false};
        }
        cr_assert_eq(store->ops->apply(store, 0, writes, ROUND, -1, NULL), BYOK_E_OK);
        for (size_t i = 0; i < ROUND; i++)
            writes[i].erase = true;
        cr_assert_eq(store->ops->apply(store, 0, writes, ROUND, -1, NULL), BYOK_E_OK);
    }
    close_it(rocks, store);
    rocks = open_it(&store); /* what was logged is in the tables now */
    close_it(rocks, store);
    cr_assert_eq(nftw(path, add_size, 8, FTW_PHYS), 0);
    cr_assert_lt(bytes_in_folder, (off_t)32 << 20, "%lld bytes are left of 150 MB",
                 (long long)bytes_in_folder);
}
