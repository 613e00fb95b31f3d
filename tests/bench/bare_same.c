/* SPDX-License-Identifier: MIT */
/* tests/bench/bare_same.c - see tests/bench/bare_same.h. */
#include "tests/bench/bare_same.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "schemas/state.h"

#define TOPIC_BYTES 250
#define VALUE_BYTES ((size_t)4096)
#define USER_RECORD_EVERY 8
#define ZEROS_64 "0000000000000000000000000000000000000000000000000000000000000000"

struct bare_same {
    rd_kafka_t *claims;
    void (*on_claim)(void *opaque, void *call);
    void *opaque;
    char state[TOPIC_BYTES], usage[TOPIC_BYTES], audit[TOPIC_BYTES];
    struct byok_buf claim, done, user; /* the same bytes for every job */
    struct byok_buf event;             /* the one that is being written */
    unsigned long jobs;
};

/* Where a record goes, and the job that it is of. */
struct target {
    rd_kafka_t *producer;
    const char *topic, *type; /* type: a header's, NULL: no headers */
    int32_t partition;
    const char *request_id; /* another header's, or NULL */
    void *opaque;
};

static void die(const char *what, const char *why)
{
    fprintf(stderr, "bare: %s: %s\n", what, why);
    exit(EXIT_FAILURE);
}

static void give(const struct target *to, struct byok_str key, struct byok_str value)
{
    rd_kafka_headers_t *headers = to->type ? rd_kafka_headers_new(2) : NULL;
    if (to->type)
        rd_kafka_header_add(headers, "content-type", -1, to->type, -1);
    if (to->request_id)
        rd_kafka_header_add(headers, "byok-request-id", -1, to->request_id, -1);
    rd_kafka_vu_t parts[] = {
        {.vtype = RD_KAFKA_VTYPE_TOPIC, .u.cstr = to->topic},
        {.vtype = RD_KAFKA_VTYPE_PARTITION, .u.i32 = to->partition},
        {.vtype = RD_KAFKA_VTYPE_MSGFLAGS, .u.i = RD_KAFKA_MSG_F_COPY | RD_KAFKA_MSG_F_BLOCK},
        {.vtype = RD_KAFKA_VTYPE_KEY, .u.mem = {(void *)(uintptr_t)key.ptr, key.len}},
        {.vtype = RD_KAFKA_VTYPE_VALUE, .u.mem = {(void *)(uintptr_t)value.ptr, value.len}},
        {.vtype = RD_KAFKA_VTYPE_OPAQUE, .u.ptr = to->opaque},
        {.vtype = RD_KAFKA_VTYPE_HEADERS, .u.headers = headers},
    };
    const size_t count = sizeof parts / sizeof parts[0] - (headers == NULL);
    rd_kafka_error_t *error = rd_kafka_produceva(to->producer, parts, count);
    if (error)
        die("produce", rd_kafka_error_string(error));
}

/* ---- state records ---- */

/* All of one job, under their keys: what its DONE record says, that its claim is over, and at times
 * its user's record. */
static void give_state(const struct bare_same *same, rd_kafka_t *producer,
                       const struct bare_job *job)
{
    BYOK_AUTO(byok_arena) arena = {0};
    const struct byok_str user = byok_str_of(job->user), id = byok_str_of(job->id);
    const struct target to = {
        .producer = producer, .topic = same->state, .partition = job->partition};
    give(&to, byok_done_key(&arena, user, id), byok_buf_str(&same->done));
    if (same->jobs % USER_RECORD_EVERY == 0)
        give(&to, byok_user_key(&arena, user), byok_buf_str(&same->user));
    give(&to, byok_claim_key(&arena, user, id), (struct byok_str){0});
}

static void make_user_record(struct byok_buf *out)
{
    BYOK_AUTO(byok_arena) arena = {0};
    struct byok_user_record record;
    struct byok_user_key *key;
    byok_user_record_init(&record);
    struct byok_counter *counter = byok_user_record_counter(
        &record, "2026-01-01", byok_str_of("openai"), byok_str_of("gpt-4o-mini"), 7);
    enum byok_err err =
        byok_user_key_add(&record, byok_str_of("openai"), byok_str_of("default"), &key);
    if (!counter || err != BYOK_E_OK)
        die("records", "no memory");
    counter->calls = counter->input_tokens = counter->output_tokens = 1000;
    key->issued_wall_ms = key->used_wall_ms = key->checked_wall_ms = INT64_C(1795846709745);
    record.saved_wall_ms = INT64_C(1795846709745);
    if (byok_user_record_encode(&record, &arena, out) != BYOK_E_OK)
        die("records", "no memory");
    byok_user_record_done(&record);
}

static void make_records(struct bare_same *same)
{
    const struct byok_done_record done = {INT64_C(1795846709745), BYOK_STATUS_OK};
    const struct byok_claim_record claim = {.claimed_wall_ms = INT64_C(1795846709745),
                                            .deadline_wall_ms = INT64_C(1795846769745),
                                            .attempt = 1,
                                            .provider = "openai",
                                            .owner = "host/1",
                                            .nonce = INT64_MAX};
    struct byok_buf *all[] = {&same->claim, &same->done, &same->user, &same->event};
    for (size_t i = 0; i < sizeof all / sizeof all[0]; i++)
        byok_buf_init(all[i], VALUE_BYTES);
    if (byok_done_record_encode(&done, &same->done) != BYOK_E_OK ||
        byok_claim_record_encode(&claim, &same->claim) != BYOK_E_OK)
        die("records", "no memory");
    make_user_record(&same->user);
}

/* ---- events ---- */

static void give_event(struct bare_same *same, const struct target *to, const struct bare_job *job)
{
    if (byok_buf_failed(&same->event))
        die("event", "no memory");
    give(to, byok_str_of(job->user), byok_buf_str(&same->event));
    byok_buf_clear(&same->event);
}

/* The names of the benchmark's users and jobs need no escapes. */
static void give_usage(struct bare_same *same, rd_kafka_t *producer, const struct bare_job *job)
{
    const struct target to = {.producer = producer,
                              .topic = same->usage,
                              .type = "application/json",
                              .request_id = job->id,
                              .partition = RD_KAFKA_PARTITION_UA};
    byok_buf_printf(&same->event,
                    "{\"id\":\"%s\",\"attempt\":1,\"user\":\"%s\",\"provider\":\"openai\","
                    "\"model\":\"%s\",\"capability\":\"chat\",\"day\":\"2026-01-01\","
                    "\"at_ms\":%" PRId64 ",\"calls\":1,\"errors\":0,\"code\":\"ok\","
                    "\"input_tokens\":10,\"cached_tokens\":0,\"output_tokens\":47,"
                    "\"reasoning_tokens\":0,\"cost\":null}",
                    job->id, job->user, job->model, job->started_wall_ms);
    give_event(same, &to, job);
}

static void give_audit(struct bare_same *same, rd_kafka_t *producer, const struct bare_job *job)
{
    const struct target to = {.producer = producer,
                              .topic = same->audit,
                              .type = "application/json",
                              .partition = job->partition};
    byok_buf_printf(&same->event,
                    "{\"version\":1,\"number\":%lu,\"prev\":\"" ZEROS_64 "\",\"at_ms\":%" PRId64
                    ",\"event\":\"key.use\",\"user\":\"%s\",\"provider\":\"openai\","
                    "\"label\":\"default\",\"fingerprint\":\"0123456789abcdef\","
                    "\"request_id\":\"%s\",\"code\":\"ok\",\"calls\":1}",
                    same->jobs, job->started_wall_ms, job->user, job->id);
    give_event(same, &to, job);
}

void bare_same_write(struct bare_same *same, rd_kafka_t *producer, const struct bare_job *job)
{
    same->jobs++;
    give_usage(same, producer, job);
    give_state(same, producer, job);
    give_audit(same, producer, job);
}

/* ---- claims ---- */

void bare_same_claim(struct bare_same *same, const struct bare_job *job, void *call)
{
    BYOK_AUTO(byok_arena) arena = {0};
    const struct target to = {.producer = same->claims,
                              .topic = same->state,
                              .partition = job->partition,
                              .opaque = call};
    give(&to, byok_claim_key(&arena, byok_str_of(job->user), byok_str_of(job->id)),
         byok_buf_str(&same->claim));
}

static void on_report(rd_kafka_t *producer, const rd_kafka_message_t *message, void *opaque)
{
    (void)producer;
    struct bare_same *same = opaque;
    if (message->err)
        die("claim", rd_kafka_err2str(message->err));
    same->on_claim(same->opaque, message->_private);
}

void bare_same_poll(struct bare_same *same)
{
    rd_kafka_poll(same->claims, 0);
}

/* The producer as byokd's: worker/ports/broker_rdkafka_conf.c. */
struct bare_same *bare_same_open(const char *brokers, const char *prefix,
                                 void (*on_claim)(void *opaque, void *call), void *opaque)
{
    char why[256];
    struct bare_same *same = byok_new(1, sizeof *same);
    if (!same)
        die("claims", "no memory");
    same->on_claim = on_claim;
    same->opaque = opaque;
    snprintf(same->state, sizeof same->state, "%sstate", prefix);
    snprintf(same->usage, sizeof same->usage, "%susage", prefix);
    snprintf(same->audit, sizeof same->audit, "%saudit", prefix);
    make_records(same);
    rd_kafka_conf_t *conf = rd_kafka_conf_new();
    if (rd_kafka_conf_set(conf, "bootstrap.servers", brokers, why, sizeof why) ||
        rd_kafka_conf_set(conf, "enable.idempotence", "true", why, sizeof why) ||
        rd_kafka_conf_set(conf, "linger.ms", "1", why, sizeof why))
        die("claims", why);
    rd_kafka_conf_set_dr_msg_cb(conf, on_report);
    rd_kafka_conf_set_opaque(conf, same);
    same->claims = rd_kafka_new(RD_KAFKA_PRODUCER, conf, why, sizeof why);
    if (!same->claims)
        die("claims", why);
    return same;
}
