/* SPDX-License-Identifier: MIT */
/* tests/bench/vault.c - what sealing and opening cost, alone and through the vault's actor.
 *
 *     byok-bench-vault FOLDER RECORDS UNSEALS
 *
 * Seals and opens one key in a loop; fills a RocksDB in FOLDER with RECORDS sealed keys of as many
 * users; then an actor of this thread has the vault's actor, on its thread as in byokd, open UNSEALS
 * of them in random order, with IN_FLIGHT asked for at once.  Prints one line of JSON.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <semaphore.h>
#include <sys/resource.h>

#include <sodium.h>

#include "actors/env.h"
#include "base/mem.h"
#include "vault_rocks/rocks.h"
#include "worker/ports/clock_system.h"
#include "worker/vault_thread.h"

#define IN_FLIGHT 64
#define PARTITIONS 16
#define ALONE 200000
#define BATCH ((size_t)500)
#define ORIGIN "https://api.example.com"

static const char key_text[] = "sk-bench-b3N4b3N4b3N4b3N4b3N4b3N4b3N4b3N4";
static const struct byok_provider provider = {.name = "openai", .origin = ORIGIN};

struct bench {
    struct byok_keyring *ring;
    struct byok_rocks *rocks;
    struct byok_store *store;
    struct byok_slots *slots;
    struct byok_vault *vault;
    struct byok_vault_thread *thread;
    uint32_t records;
    uint64_t unseals, asked, done;
    char users[IN_FLIGHT][16]; /* of the tasks */
};

static void must(enum byok_err err, const char *what, const struct byok_fault *fault)
{
    if (err == BYOK_E_OK)
        return;
    fprintf(stderr, "byok-bench-vault: %s: %s\n", what, fault ? fault->text : "");
    exit(EXIT_FAILURE);
}

static double seconds_now(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

static double rss_mib(void)
{
    FILE *file = fopen("/proc/self/status", "r");
    char line[256];
    double kib = 0;
    while (file && fgets(line, sizeof line, file)) {
        if (strncmp(line, "VmRSS:", 6) == 0)
            kib = strtod(line + 6, NULL);
    }
    if (file)
        fclose(file);
    return kib / 1024;
}

static void name_user(uint32_t number, char out[static 16])
{
    snprintf(out, 16, "user%" PRIu32, number);
}

static struct byok_owner owner_of(const char *user)
{
    return (struct byok_owner){byok_str_of(user), byok_str_of(provider.name),
                               byok_str_of("default")};
}

static void open_all(struct bench *bench, const char *folder)
{
    struct byok_fault fault;
    uint8_t master[BYOK_MASTER_KEY_BYTES];
    must(byok_keyring_new(&bench->ring, &fault), "key ring", &fault);
    randombytes_buf(master, sizeof master);
    must(byok_keyring_add(bench->ring, 1, (struct byok_str){(char *)master, sizeof master}, &fault),
         "master key", &fault);
    sodium_memzero(master, sizeof master);
    must(byok_keyring_bind(bench->ring, byok_str_of("bench"), &fault), "realm", &fault);
    must(byok_rocks_open(folder, &bench->rocks, &fault), "database", &fault);
    must(byok_slots_new(2 * IN_FLIGHT, &bench->slots, &fault), "slots", &fault);
    bench->store = byok_store_rocks_new(bench->rocks, "vault");
    must(bench->store ? BYOK_E_OK : BYOK_E_NOMEM, "store", NULL);
    must(byok_vault_new(bench->ring, bench->store, bench->slots, &bench->vault, &fault), "vault",
         &fault);
}

static void seal(struct bench *bench, const char *user, const struct byok_slot *slot,
                 struct byok_arena *arena, struct byok_str *out)
{
    const struct byok_owner owner = owner_of(user);
    const struct byok_key_info info = {
        .issued_wall_ms = 1, .created_wall_ms = 1, .origin = byok_str_of(ORIGIN)};
    must(byok_seal(bench->ring, &owner, &info, 0, slot, arena, out), "seal", NULL);
}

/* Nanoseconds of one seal and one opening, without a store. */
static void measure_alone(struct bench *bench, double *seal_ns, double *open_ns)
{
    struct byok_slot *slot = byok_slots_lease(bench->slots), *opened;
    struct byok_str record = {NULL, 0};
    const struct byok_owner owner = owner_of("alice");
    BYOK_AUTO(byok_arena) arena = {0};
    must(byok_slot_set(slot, byok_str_of(key_text)), "key", NULL);
    double began = seconds_now();
    for (int i = 0; i < ALONE; i++) {
        byok_arena_done(&arena);
        seal(bench, "alice", slot, &arena, &record);
    }
    *seal_ns = (seconds_now() - began) / ALONE * 1e9;
    began = seconds_now();
    for (int i = 0; i < ALONE; i++) {
        struct byok_fault fault;
        opened = byok_slots_lease(bench->slots);
        must(byok_seal_open(bench->ring, &owner, record, opened, NULL, &fault), "open", &fault);
        byok_slots_release(bench->slots, &opened); /* wiping it is part of what a call costs */
    }
    *open_ns = (seconds_now() - began) / ALONE * 1e9;
    byok_slots_release(bench->slots, &slot);
}

static void fill(struct bench *bench)
{
    struct byok_slot *slot = byok_slots_lease(bench->slots);
    struct byok_write writes[BATCH];
    struct byok_fault fault;
    must(byok_slot_set(slot, byok_str_of(key_text)), "key", NULL);
    for (uint32_t partition = 0; partition < PARTITIONS; partition++) {
        for (uint32_t number = partition; number < bench->records;) {
            BYOK_AUTO(byok_arena) arena = {0};
            size_t count = 0;
            for (; count < BATCH && number < bench->records; number += PARTITIONS, count++) {
                char user[16];
                name_user(number, user);
                const struct byok_owner owner = owner_of(user);
                writes[count] = (struct byok_write){.key = byok_vault_record_key(&arena, &owner)};
                seal(bench, user, slot, &arena, &writes[count].value);
            }
            must(bench->store->ops->apply(bench->store, (int32_t)partition, writes, count, number,
                                          &fault),
                 "write", &fault);
        }
    }
    must(bench->store->ops->sync(bench->store, &fault), "sync", &fault);
    byok_slots_release(bench->slots, &slot);
}

/* ---- through the actor ---- */

static void ask(struct byok_ctx *ctx, struct bench *bench, struct byok_task *task)
{
    uint32_t number = randombytes_uniform(bench->records);
    char *user = bench->users[task->offset];
    name_user(number, user);
    task->request.user = byok_str_of(user);
    task->partition = (int32_t)(number % PARTITIONS);
    task->slot = byok_slots_lease(bench->slots);
    bench->asked++;
    byok_send_task(ctx, byok_vault_thread_actor(bench->thread), BYOK_MSG_UNSEAL, &task);
}

static enum byok_err receive(struct byok_ctx *ctx, void *state, struct byok_msg **msg)
{
    struct bench *bench = *(struct bench **)state;
    struct byok_task *task = (struct byok_task *)*msg;
    *msg = NULL; /* measure_actor's */
    if (task->msg.kind == BYOK_MSG_OPENED) {
        must(task->fault.code, "open", &task->fault);
        must(byok_str_is((struct byok_str){task->slot->key, task->slot->len}, key_text)
                 ? BYOK_E_OK
                 : BYOK_E_KEY_UNREADABLE,
             "another key", NULL);
        byok_slots_release(bench->slots, &task->slot);
        bench->done++;
    }
    if (bench->asked < bench->unseals)
        ask(ctx, bench, task);
    return BYOK_E_OK;
}

static enum byok_err init(struct byok_ctx *ctx, void *state, void *arg)
{
    (void)ctx;
    *(struct bench **)state = arg;
    return BYOK_E_OK;
}

static const struct byok_behavior asker = {
    .name = "asker", .state_size = sizeof(struct bench *), .init = init, .receive = receive};

static void wake(void *arg)
{
    sem_post(arg);
}

static void log_nothing(struct byok_log *log, enum byok_log_level level, const char *event,
                        const struct byok_log_field *fields, size_t count)
{
    (void)log;
    (void)level;
    (void)event;
    (void)fields;
    (void)count;
}

/* Openings a second. */
static double measure_actor(struct bench *bench)
{
    static const struct byok_log_ops quiet = {.event = log_nothing};
    static struct byok_task tasks[IN_FLIGHT];
    struct byok_log log = {.ops = &quiet, .level = BYOK_LOG_ERROR};
    struct byok_settings settings = {0};
    struct byok_metrics metrics = {0};
    struct byok_clock clock;
    struct byok_env env = {
        .settings = &settings, .clock = &clock, .log = &log, .metrics = &metrics};
    struct byok_fault fault;
    sem_t mail;
    sem_init(&mail, 0, 0);
    byok_clock_system_init(&clock);
    must(byok_vault_thread_start(bench->vault, &settings, &log, &bench->thread, &fault), "thread",
         &fault);
    struct byok_system *system = byok_system_new(&env, &clock, wake, &mail);
    struct byok_actor *actor = byok_spawn(system, &asker, bench);
    double began = seconds_now();
    for (size_t i = 0; i < IN_FLIGHT; i++) {
        tasks[i].provider = &provider;
        tasks[i].slots = bench->slots;
        tasks[i].request.label = byok_str_of("default");
        tasks[i].offset = (int64_t)i;
        struct byok_msg *msg = &tasks[i].msg;
        byok_post(actor, BYOK_MSG_UNSEAL, &msg);
    }
    while (bench->done < bench->unseals) {
        if (!byok_system_run(system, 256) && bench->done < bench->unseals)
            sem_wait(&mail);
    }
    double seconds = seconds_now() - began;
    byok_vault_thread_stop(bench->thread);
    byok_system_free(system);
    sem_destroy(&mail);
    return (double)bench->unseals / seconds;
}

static void close_all(struct bench *bench)
{
    byok_vault_free(bench->vault);
    bench->store->ops->free(bench->store);
    byok_rocks_close(bench->rocks);
    byok_slots_free(bench->slots);
    byok_keyring_free(bench->ring);
}

int main(int argc, char **argv)
{
    struct bench bench = {0};
    bench.records = argc == 4 ? (uint32_t)strtoul(argv[2], NULL, 10) : 0;
    bench.unseals = argc == 4 ? strtoull(argv[3], NULL, 10) : 0;
    if (bench.records == 0 || bench.unseals == 0 || sodium_init() < 0) {
        fprintf(stderr, "usage: byok-bench-vault FOLDER RECORDS UNSEALS\n");
        return 2;
    }
    double seal_ns, open_ns;
    open_all(&bench, argv[1]);
    measure_alone(&bench, &seal_ns, &open_ns);
    double empty = rss_mib(), began = seconds_now();
    fill(&bench);
    double filled = seconds_now() - began;
    double rate = measure_actor(&bench);
    struct rusage usage;
    getrusage(RUSAGE_SELF, &usage);
    printf("{\"seal_ns\": %.0f, \"open_ns\": %.0f, \"records\": %" PRIu32
           ", \"fill_seconds\": %.1f, "
           "\"unseals\": %" PRIu64 ", \"unseals_per_second\": %.0f, \"rss_empty_mib\": %.0f, "
           "\"rss_mib\": %.0f, \"rss_max_mib\": %.0f}\n",
           seal_ns, open_ns, bench.records, filled, bench.unseals, rate, empty, rss_mib(),
           (double)usage.ru_maxrss / 1024);
    close_all(&bench);
    return 0;
}
