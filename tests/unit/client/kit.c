/* SPDX-License-Identifier: MIT */
/* tests/unit/client/kit.c - see kit.h. */
#include "kit.h"

#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include <pthread.h>
#include <unistd.h>

#include <criterion/criterion.h>
#include <librdkafka/rdkafka.h>
#include <librdkafka/rdkafka_mock.h>
#include <sodium.h>

#include "base/buf.h"
#include "schemas/result.h"
#include "schemas/wire.h"
#include "vault_rocks/envelope.h"

#define WORDS_MAX 40

/* ---- running a command ---- */

static int input_of(const char *input)
{
    FILE *feed = tmpfile(); /* a file, since a pipe's room is smaller than some inputs */
    cr_assert_not_null(feed);
    if (input)
        fputs(input, feed);
    fflush(feed);
    int fd = dup(fileno(feed));
    lseek(fd, 0, SEEK_SET);
    fclose(feed);
    return fd;
}

/* "_" to a space, "__" to an underscore. */
static void unfold(char *word)
{
    char *to = word;
    for (; *word != '\0'; word++) {
        bool two = word[0] == '_' && word[1] == '_';
        *to++ = *word == '_' && !two ? ' ' : *word;
        word += two;
    }
    *to = '\0';
}

struct kit_run kit_byok(const char *line, const char *input)
{
    char *text = strdup(line), *rest = NULL;
    char *words[WORDS_MAX] = {text};
    int count = 1;
    struct kit_run run = {0};
    size_t out_len, err_len;
    for (char *word = strtok_r(text, " ", &rest); word; word = strtok_r(NULL, " ", &rest)) {
        unfold(word);
        cr_assert_lt(count, WORDS_MAX);
        words[count++] = word;
    }
    struct byok_cli cli = {.out = open_memstream(&run.out, &out_len),
                           .err = open_memstream(&run.err, &err_len),
                           .in = input_of(input)};
    run.code = byok_cli_run(&cli, count, words);
    fclose(cli.out);
    fclose(cli.err);
    close(cli.in);
    free(text);
    return run;
}

void kit_run_done(struct kit_run *run)
{
    free(run->out);
    free(run->err);
}

/* ---- the broker ---- */

struct kit_broker {
    rd_kafka_t *owner;
    rd_kafka_mock_cluster_t *cluster;
    rd_kafka_t *producer;
};

static rd_kafka_t *open_handle(rd_kafka_type_t type)
{
    char why[256];
    rd_kafka_conf_t *conf = rd_kafka_conf_new();
    const char *brokers = getenv("BYOK_BROKERS");
    if (brokers)
        rd_kafka_conf_set(conf, "bootstrap.servers", brokers, why, sizeof why);
    rd_kafka_conf_set(conf, "log_level", "0", why, sizeof why);
    if (type == RD_KAFKA_CONSUMER)
        rd_kafka_conf_set(conf, "enable.partition.eof", "true", why, sizeof why);
    rd_kafka_t *handle = rd_kafka_new(type, conf, why, sizeof why);
    cr_assert_not_null(handle, "%s", why);
    return handle;
}

struct kit_broker *kit_broker_new(void)
{
    struct kit_broker *broker = calloc(1, sizeof *broker);
    cr_assert_not_null(broker);
    unsetenv("BYOK_BROKERS");
    broker->owner = open_handle(RD_KAFKA_PRODUCER);
    broker->cluster = rd_kafka_mock_cluster_new(broker->owner, 1);
    cr_assert_not_null(broker->cluster);
    for (int t = 0; t < BYOK_TOPIC_COUNT; t++) {
        char name[64];
        snprintf(name, sizeof name, "byok.%s", byok_topic_suffix((enum byok_topic)t));
        cr_assert_eq(rd_kafka_mock_topic_create(broker->cluster, name, KIT_PARTITIONS, 1), 0);
    }
    setenv("BYOK_BROKERS", rd_kafka_mock_cluster_bootstraps(broker->cluster), 1);
    broker->producer = open_handle(RD_KAFKA_PRODUCER);
    return broker;
}

void kit_broker_free(struct kit_broker *broker)
{
    rd_kafka_flush(broker->producer, 10000);
    rd_kafka_destroy(broker->producer);
    rd_kafka_mock_cluster_destroy(broker->cluster);
    rd_kafka_destroy(broker->owner);
    free(broker);
}

static void produce(rd_kafka_t *producer, const char *topic, struct byok_str key,
                    struct byok_str value, const char *const *headers, size_t header_count)
{
    rd_kafka_headers_t *list = rd_kafka_headers_new(header_count);
    for (size_t i = 0; i + 1 < header_count; i += 2)
        rd_kafka_header_add(list, headers[i], -1, headers[i + 1], -1);
    rd_kafka_vu_t parts[] = {
        {.vtype = RD_KAFKA_VTYPE_TOPIC, .u.cstr = topic},
        {.vtype = RD_KAFKA_VTYPE_PARTITION, .u.i32 = byok_partition_of(key, KIT_PARTITIONS)},
        {.vtype = RD_KAFKA_VTYPE_KEY, .u.mem = {(void *)(uintptr_t)key.ptr, key.len}},
        {.vtype = RD_KAFKA_VTYPE_VALUE, .u.mem = {(void *)(uintptr_t)value.ptr, value.len}},
        {.vtype = RD_KAFKA_VTYPE_MSGFLAGS, .u.i = RD_KAFKA_MSG_F_COPY},
        {.vtype = RD_KAFKA_VTYPE_HEADERS, .u.headers = list},
    };
    rd_kafka_error_t *error = rd_kafka_produceva(producer, parts, sizeof parts / sizeof parts[0]);
    cr_assert_null(error, "%s", rd_kafka_error_string(error));
}

void kit_produce(struct kit_broker *broker, const char *topic, const char *key, const char *value,
                 const char *const *headers, size_t header_count)
{
    produce(broker->producer, topic, byok_str_of(key), byok_str_of(value), headers, header_count);
    cr_assert_eq(rd_kafka_flush(broker->producer, 10000), 0);
}

void kit_produce_bytes(struct kit_broker *broker, const char *topic, struct byok_str user,
                       struct byok_str key, struct byok_str value)
{
    rd_kafka_resp_err_t err =
        rd_kafka_producev(broker->producer, RD_KAFKA_V_TOPIC(topic),
                          RD_KAFKA_V_PARTITION(byok_partition_of(user, KIT_PARTITIONS)),
                          RD_KAFKA_V_KEY((void *)(uintptr_t)key.ptr, key.len),
                          RD_KAFKA_V_VALUE((void *)(uintptr_t)value.ptr, value.len),
                          RD_KAFKA_V_MSGFLAGS(RD_KAFKA_MSG_F_COPY), RD_KAFKA_V_END);
    cr_assert_eq(err, RD_KAFKA_RESP_ERR_NO_ERROR);
    cr_assert_eq(rd_kafka_flush(broker->producer, 10000), 0);
}

static void write_record(const rd_kafka_message_t *message, struct byok_buf *out)
{
    rd_kafka_headers_t *headers = NULL;
    const char *name;
    const void *value;
    size_t len;
    byok_buf_add(out, message->key, message->key_len);
    byok_buf_printf(out, "|%.*s", (int)message->len, (const char *)message->payload);
    (void)rd_kafka_message_headers(message, &headers);
    for (size_t i = 0; headers && !rd_kafka_header_get_all(headers, i, &name, &value, &len); i++)
        byok_buf_printf(out, "|%s=%.*s", name, (int)len, (const char *)value);
    byok_buf_add(out, "\n", 1);
}

void kit_read(struct kit_broker *broker, const char *name, struct byok_buf *out)
{
    rd_kafka_t *consumer = open_handle(RD_KAFKA_CONSUMER);
    rd_kafka_topic_t *topic = rd_kafka_topic_new(consumer, name, NULL);
    rd_kafka_queue_t *queue = rd_kafka_queue_new(consumer);
    rd_kafka_flush(broker->producer, 10000);
    for (int32_t p = 0; p < KIT_PARTITIONS; p++)
        rd_kafka_consume_start_queue(topic, p, RD_KAFKA_OFFSET_BEGINNING, queue);
    for (int ended = 0; ended < KIT_PARTITIONS;) {
        rd_kafka_message_t *message = rd_kafka_consume_queue(queue, 10000);
        cr_assert_not_null(message);
        if (message->err == RD_KAFKA_RESP_ERR__PARTITION_EOF)
            ended++;
        else if (!message->err)
            write_record(message, out);
        rd_kafka_message_destroy(message);
    }
    for (int32_t p = 0; p < KIT_PARTITIONS; p++)
        rd_kafka_consume_stop(topic, p);
    rd_kafka_queue_destroy(queue);
    rd_kafka_topic_destroy(topic);
    rd_kafka_destroy(consumer);
}

/* ---- the worker ---- */

struct kit_worker {
    struct kit_worker_options options;
    pthread_t thread;
    atomic_bool stops;
    rd_kafka_t *consumer, *producer;
    rd_kafka_topic_t *topic;
    rd_kafka_queue_t *queue;
    struct byok_buf seen;
    size_t count, verified;
    char key[BYOK_KEY_MAX + 1];
};

static void vault_keys(uint8_t public_key[static 32], uint8_t secret_key[static 32])
{
    const uint8_t seed[crypto_box_SEEDBYTES] = "the test's vault";
    crypto_box_seed_keypair(public_key, secret_key, seed);
}

const char *kit_vault_key(void)
{
    static char text[64];
    uint8_t public_key[32], secret_key[32];
    vault_keys(public_key, secret_key);
    sodium_bin2base64(text, sizeof text, public_key, sizeof public_key,
                      sodium_base64_VARIANT_ORIGINAL);
    return text;
}

static enum byok_err open_envelope(struct kit_worker *worker, struct byok_arena *arena,
                                   const struct byok_request *request, struct byok_fault *fault)
{
    uint8_t public_key[32], secret_key[32];
    struct byok_envelope inside;
    struct byok_slot slot;
    vault_keys(public_key, secret_key);
    enum byok_err err =
        byok_envelope_open(public_key, secret_key, request->envelope, arena, &inside, &slot, fault);
    if (err != BYOK_E_OK)
        return err;
    memcpy(worker->key, slot.key, slot.len);
    worker->key[slot.len] = '\0';
    if (!byok_str_eq(inside.owner.user, request->user) ||
        !byok_str_eq(inside.owner.provider, request->provider) ||
        !byok_str_eq(inside.owner.label, request->label))
        return byok_fault_set(fault, BYOK_E_BAD_ENVELOPE, "another owner");
    return BYOK_E_OK;
}

/* Fills what differs by the request; the rest of `result` is set. */
static void carry_out(struct kit_worker *worker, struct byok_arena *arena,
                      const struct byok_request *request, struct byok_result *result,
                      struct byok_answer *answer, struct byok_fault *fault)
{
    struct byok_str prompt = byok_value_as_str(byok_value_find(&request->root, "prompt"));
    if (byok_request_stores_key(request->type)) {
        if (open_envelope(worker, arena, request, fault) != BYOK_E_OK)
            result->status = BYOK_STATUS_ERROR;
        result->key_fingerprint = (struct byok_str)BYOK_STR("00ff00ff00ff00ff");
    } else if (request->type == BYOK_REQUEST_KEY_CHECK) {
        result->status = BYOK_STATUS_ERROR;
        byok_fault_set(fault, BYOK_E_NO_KEY, "no such key");
    } else if (request->type == BYOK_REQUEST_JOB_CANCEL) {
        const char *outcome = byok_str_is(request->job_id, "waits") ? "cancelled" : "sent";
        *answer = (struct byok_answer){.usage = BYOK_USAGE_UNSAID, .output = byok_value_map()};
        byok_value_set_str(arena, &answer->output, "job_id", request->job_id);
        byok_value_set(arena, &answer->output, "outcome", byok_value_text(outcome));
        result->answer = answer;
    } else if (byok_str_is(prompt, "fail")) {
        result->status = BYOK_STATUS_ERROR;
        byok_fault_set(fault, BYOK_E_KEY_INVALID, "the provider refuses the key");
    } else if (byok_str_is(prompt, "unclear")) {
        result->status = BYOK_STATUS_UNKNOWN;
        byok_fault_set(fault, BYOK_E_CUT_OFF, "the connection broke");
    } else if (request->type == BYOK_REQUEST_JOB) {
        struct byok_str text = byok_arena_printf(arena, "echo: %.*s", BYOK_STR_ARG(prompt));
        answer->output = byok_value_map();
        answer->usage = BYOK_USAGE_UNSAID;
        answer->usage.input_tokens = 3;
        answer->usage.output_tokens = 5;
        byok_value_set(arena, &answer->output, "text", byok_value_string(text));
        result->answer = answer;
    }
}

static void publish(struct kit_worker *worker, const struct byok_request *request,
                    const char *topic, const struct byok_value *value)
{
    char id[BYOK_ID_MAX + 1];
    struct byok_buf bytes;
    snprintf(id, sizeof id, "%.*s", BYOK_STR_ARG(request->id));
    const char *headers[] = {"content-type", byok_format_content_type(request->format),
                             "byok-request-id", id};
    byok_buf_init(&bytes, 1 << 20);
    cr_assert_eq(byok_encode(request->format, value, &bytes), BYOK_E_OK);
    produce(worker->producer, topic, request->user, byok_buf_str(&bytes), headers, 4);
    byok_buf_done(&bytes);
}

static void answer_request(struct kit_worker *worker, struct byok_arena *arena,
                           const struct byok_request *request)
{
    struct byok_fault fault = {.code = BYOK_E_OK};
    struct byok_answer answer = {.finish = BYOK_FINISH_STOP};
    const struct byok_attempt attempt = {1796000000000, 800, 200, BYOK_E_OK, true, false, 0};
    struct byok_result result = {.request = request,
                                 .status = BYOK_STATUS_OK,
                                 .fault = &fault,
                                 .provider = request->provider,
                                 .model = request->model,
                                 .attempts = &attempt,
                                 .attempt_count = 1,
                                 .created_wall_ms = 1796000000000,
                                 .finished_wall_ms = 1796000000812};
    carry_out(worker, arena, request, &result, &answer, &fault);
    struct byok_value value = byok_result_value(arena, &result);
    for (int i = 0; i <= worker->options.twice; i++)
        publish(worker, request, "byok.results", &value);
    if (request->type == BYOK_REQUEST_JOB) {
        value = byok_usage_event_value(arena, &result, &attempt);
        publish(worker, request, "byok.usage", &value);
    }
}

static bool is_signed(const struct kit_worker *worker, const struct byok_request *request)
{
    const struct byok_command_text text = byok_command_text_of(request);
    return worker->options.signer &&
           byok_command_verify(worker->options.signer, &text, request->signature.value);
}

static void take(struct kit_worker *worker, const rd_kafka_message_t *message)
{
    struct byok_arena arena;
    struct byok_request request;
    struct byok_fault fault;
    struct byok_str key = {message->key, message->key_len};
    struct byok_str value = {message->payload, message->len};
    rd_kafka_headers_t *headers = NULL;
    const void *type = "";
    size_t type_len = 0;
    byok_buf_add_str(&worker->seen, key);
    byok_buf_add_str(&worker->seen, value);
    worker->count++;
    if (!rd_kafka_message_headers(message, &headers))
        rd_kafka_header_get_last(headers, "content-type", &type, &type_len);
    byok_buf_add(&worker->seen, type, type_len);
    if (worker->options.silent)
        return;
    cr_assert_eq(message->partition, byok_partition_of(key, KIT_PARTITIONS));
    byok_arena_init(&arena, 0);
    cr_assert_eq(byok_request_decode(&arena, (struct byok_str){type, type_len}, key, value,
                                     1796000000000, &request, &fault),
                 BYOK_E_OK, "%s", fault.text);
    worker->verified += is_signed(worker, &request);
    answer_request(worker, &arena, &request);
    byok_arena_done(&arena);
}

static void *work(void *context)
{
    struct kit_worker *worker = context;
    while (!worker->stops) {
        rd_kafka_message_t *message = rd_kafka_consume_queue(worker->queue, 20);
        if (message && !message->err)
            take(worker, message);
        if (message)
            rd_kafka_message_destroy(message);
        rd_kafka_poll(worker->producer, 0);
    }
    return NULL;
}

struct kit_worker *kit_worker_new(struct kit_broker *broker,
                                  const struct kit_worker_options *options)
{
    struct kit_worker *worker = calloc(1, sizeof *worker);
    cr_assert_not_null(worker);
    (void)broker;
    if (options)
        worker->options = *options;
    byok_buf_init(&worker->seen, (size_t)64 << 20);
    worker->consumer = open_handle(RD_KAFKA_CONSUMER);
    worker->producer = open_handle(RD_KAFKA_PRODUCER);
    worker->topic = rd_kafka_topic_new(worker->consumer, "byok.requests", NULL);
    worker->queue = rd_kafka_queue_new(worker->consumer);
    for (int32_t p = 0; p < KIT_PARTITIONS; p++)
        cr_assert_eq(rd_kafka_consume_start_queue(worker->topic, p, RD_KAFKA_OFFSET_BEGINNING,
                                                  worker->queue),
                     0);
    cr_assert_eq(pthread_create(&worker->thread, NULL, work, worker), 0);
    return worker;
}

void kit_worker_stop(struct kit_worker *worker)
{
    worker->stops = true;
    pthread_join(worker->thread, NULL);
    rd_kafka_flush(worker->producer, 10000);
    for (int32_t p = 0; p < KIT_PARTITIONS; p++)
        rd_kafka_consume_stop(worker->topic, p);
    rd_kafka_queue_destroy(worker->queue);
    rd_kafka_topic_destroy(worker->topic);
    rd_kafka_destroy(worker->consumer);
    rd_kafka_destroy(worker->producer);
}

void kit_worker_free(struct kit_worker *worker)
{
    byok_buf_done(&worker->seen);
    free(worker);
}

size_t kit_worker_count(const struct kit_worker *worker)
{
    return worker->count;
}

bool kit_worker_saw(const struct kit_worker *worker, const char *text)
{
    return byok_str_find(byok_buf_str(&worker->seen), byok_str_of(text)) != SIZE_MAX;
}

const char *kit_worker_key(const struct kit_worker *worker)
{
    return worker->key;
}

size_t kit_worker_verified(const struct kit_worker *worker)
{
    return worker->verified;
}
