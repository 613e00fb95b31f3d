/* SPDX-License-Identifier: MIT */
/* tests/bench/bare.c - the bare limit: what the same libraries do with nothing in between.
 *
 * One thread: consume a request, make the HTTP call (curl multi, HTTP/1.1 kept alive), produce the
 * result, commit offsets now and then.  No vault, no users, no limits, no retries, no state, one
 * key for all: byokd is measured against this, it is not a worker.  Ends after --count results.
 * With --texts N the jobs are embeddings of one text each, and N of them go in one call, whoever
 * asked for them.
 * With --transactional ID results and positions go in transactions, as in byokd's exactly_once: the
 * limit of that mode.  Committing blocks this loop, but the provider goes on answering.
 * With --same-records PREFIX too, it writes also what byokd does (bare_same.h): a second limit.
 * Prints one line of JSON: jobs, seconds (from the first record to the last acknowledgement), CPU.
 */
#define _GNU_SOURCE /* getopt_long */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <curl/curl.h>
#include <getopt.h>
#include <librdkafka/rdkafka.h>
#include <sys/resource.h>
#include <unistd.h>

#include "base/mem.h"
#include "tests/bench/bare_record.h"
#include "tests/bench/bare_same.h"
#include "tests/bench/bare_vectors.h"

#define ANSWER_CAP ((size_t)4 * 1024 * 1024)
#define COMMIT_EVERY 500u
#define CONSUME_AT_ONCE 256u
#define WAIT_MS 60000

struct call {
    CURL *easy;
    struct byok_buf body, answer, result;
    struct bare_job *jobs; /* room for those of one call */
    unsigned long job_count;
    struct call *next; /* of the free ones */
};

struct bare;

/* What the jobs are. */
struct work {
    bool (*read)(struct byok_str record, struct bare_job *job, struct byok_buf *body);
    void (*end)(struct byok_buf *body); /* NULL: a body is whole as it is read */
    void (*answer)(struct bare *bare, struct call *call, unsigned status);
};

struct bare {
    const struct work *work;
    const char *brokers, *requests, *results, *group, *url, *transactional, *prefix;
    struct bare_same *same; /* or NULL */
    unsigned long count, concurrency, jobs_per_call;
    rd_kafka_t *consumer, *producer;
    rd_kafka_queue_t *queue;
    CURLM *multi;
    struct curl_slist *headers;
    struct call *calls, *free, *filling; /* filling: has jobs, and room for more */
    unsigned long in_flight; /* calls */
    unsigned long taken, finished, acknowledged, committed; /* jobs */
};

static double seconds_now(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

static void die(const char *what, const char *why)
{
    fprintf(stderr, "bare: %s: %s\n", what, why);
    exit(EXIT_FAILURE);
}

static void set(rd_kafka_conf_t *conf, const char *name, const char *value)
{
    char why[256];
    if (rd_kafka_conf_set(conf, name, value, why, sizeof why) != RD_KAFKA_CONF_OK)
        die(name, why);
}

static void on_report(rd_kafka_t *producer, const rd_kafka_message_t *message, void *opaque)
{
    (void)producer;
    if (message->err)
        die("produce", rd_kafka_err2str(message->err));
    if (message->_private) /* a result */
        ((struct bare *)opaque)->acknowledged++;
}

static void check(const char *what, rd_kafka_error_t *error)
{
    if (error)
        die(what, rd_kafka_error_string(error));
}

static rd_kafka_t *open_handle(rd_kafka_type_t type, rd_kafka_conf_t *conf)
{
    char why[256];
    rd_kafka_t *handle = rd_kafka_new(type, conf, why, sizeof why);
    if (!handle)
        die("librdkafka", why);
    return handle;
}

static void open_kafka(struct bare *bare)
{
    rd_kafka_conf_t *conf = rd_kafka_conf_new();
    set(conf, "bootstrap.servers", bare->brokers);
    set(conf, "group.id", bare->group);
    set(conf, "enable.auto.commit", "false");
    set(conf, "auto.offset.reset", "earliest");
    bare->consumer = open_handle(RD_KAFKA_CONSUMER, conf);
    rd_kafka_poll_set_consumer(bare->consumer);
    bare->queue = rd_kafka_queue_get_consumer(bare->consumer);
    rd_kafka_topic_partition_list_t *topics = rd_kafka_topic_partition_list_new(1);
    rd_kafka_topic_partition_list_add(topics, bare->requests, RD_KAFKA_PARTITION_UA);
    rd_kafka_resp_err_t err = rd_kafka_subscribe(bare->consumer, topics);
    if (err)
        die("subscribe", rd_kafka_err2str(err));
    rd_kafka_topic_partition_list_destroy(topics);
    conf = rd_kafka_conf_new();
    set(conf, "bootstrap.servers", bare->brokers);
    set(conf, "enable.idempotence", "true");
    set(conf, "linger.ms", "5");
    if (bare->transactional)
        set(conf, "transactional.id", bare->transactional);
    rd_kafka_conf_set_dr_msg_cb(conf, on_report);
    rd_kafka_conf_set_opaque(conf, bare);
    bare->producer = open_handle(RD_KAFKA_PRODUCER, conf);
    if (bare->transactional) {
        check("init_transactions", rd_kafka_init_transactions(bare->producer, WAIT_MS));
        check("begin", rd_kafka_begin_transaction(bare->producer));
    }
}

/* What is finished and what was consumed; an offset too far does not matter to a measurement. */
static void commit_transaction(struct bare *bare)
{
    rd_kafka_topic_partition_list_t *positions;
    rd_kafka_resp_err_t err = rd_kafka_assignment(bare->consumer, &positions);
    if (!err)
        err = rd_kafka_position(bare->consumer, positions);
    if (err)
        die("position", rd_kafka_err2str(err));
    rd_kafka_consumer_group_metadata_t *member = rd_kafka_consumer_group_metadata(bare->consumer);
    check("offsets",
          rd_kafka_send_offsets_to_transaction(bare->producer, positions, member, WAIT_MS));
    check("commit", rd_kafka_commit_transaction(bare->producer, WAIT_MS));
    check("begin", rd_kafka_begin_transaction(bare->producer));
    rd_kafka_consumer_group_metadata_destroy(member);
    rd_kafka_topic_partition_list_destroy(positions);
    bare->committed = bare->finished;
}

static size_t on_body(char *bytes, size_t size, size_t count, void *opaque)
{
    struct call *call = opaque;
    return byok_buf_add(&call->answer, bytes, size * count) ? size * count : 0;
}

static void open_http(struct bare *bare)
{
    bare->multi = curl_multi_init();
    bare->calls = byok_new(bare->concurrency, sizeof *bare->calls);
    if (!bare->multi || !bare->calls)
        die("curl", "no memory");
    curl_multi_setopt(bare->multi, CURLMOPT_MAXCONNECTS, (long)bare->concurrency);
    for (unsigned long i = 0; i < bare->concurrency; i++) {
        struct call *call = &bare->calls[i];
        byok_buf_init(&call->body, ANSWER_CAP);
        byok_buf_init(&call->answer, ANSWER_CAP);
        byok_buf_init(&call->result, ANSWER_CAP);
        call->jobs = byok_new(bare->jobs_per_call, sizeof *call->jobs);
        call->easy = curl_easy_init();
        if (!call->easy || !call->jobs)
            die("curl", "no memory");
        curl_easy_setopt(call->easy, CURLOPT_URL, bare->url);
        curl_easy_setopt(call->easy, CURLOPT_HTTPHEADER, bare->headers);
        curl_easy_setopt(call->easy, CURLOPT_HTTP_VERSION, CURL_HTTP_VERSION_1_1);
        curl_easy_setopt(call->easy, CURLOPT_WRITEFUNCTION, on_body);
        curl_easy_setopt(call->easy, CURLOPT_WRITEDATA, call);
        curl_easy_setopt(call->easy, CURLOPT_PRIVATE, call);
        curl_easy_setopt(call->easy, CURLOPT_PROXY, "");
        curl_easy_setopt(call->easy, CURLOPT_NOSIGNAL, 1L);
        call->next = bare->free;
        bare->free = call;
    }
}

static void send_call(struct bare *bare, struct call *call)
{
    if (bare->work->end)
        bare->work->end(&call->body);
    curl_easy_setopt(call->easy, CURLOPT_POSTFIELDS, call->body.ptr);
    curl_easy_setopt(call->easy, CURLOPT_POSTFIELDSIZE, (long)call->body.len);
    bare->filling = NULL;
    bare->in_flight++;
    if (bare->same)
        bare_same_claim(bare->same, call->jobs, call);
    else
        curl_multi_add_handle(bare->multi, call->easy);
}

static void on_claim(void *opaque, void *claimed)
{
    const struct call *call = claimed;
    curl_multi_add_handle(((struct bare *)opaque)->multi, call->easy);
}

static void take(struct bare *bare, const rd_kafka_message_t *message)
{
    struct call *call = bare->filling;
    if (!call) {
        call = bare->filling = bare->free;
        bare->free = call->next;
        byok_buf_clear(&call->body);
        byok_buf_clear(&call->answer);
        call->job_count = 0;
    }
    const struct byok_str record = {message->payload, message->len};
    struct bare_job *job = &call->jobs[call->job_count];
    if (!bare->work->read(record, job, &call->body))
        return;
    job->partition = message->partition;
    call->job_count++;
    bare->taken++;
    if (call->job_count == bare->jobs_per_call || bare->taken == bare->count)
        send_call(bare, call);
}

static unsigned long room(const struct bare *bare)
{
    unsigned long calls = bare->concurrency - bare->in_flight, left = bare->count - bare->taken;
    unsigned long jobs =
        calls * bare->jobs_per_call - (bare->filling ? bare->filling->job_count : 0);
    if (jobs > left)
        jobs = left;
    return jobs < CONSUME_AT_ONCE ? jobs : CONSUME_AT_ONCE;
}

static void consume(struct bare *bare)
{
    rd_kafka_message_t *messages[CONSUME_AT_ONCE];
    ssize_t count = CONSUME_AT_ONCE;
    for (size_t most; count == CONSUME_AT_ONCE && (most = room(bare)) > 0;) {
        count = rd_kafka_consume_batch_queue(bare->queue, bare->in_flight == 0 ? 20 : 0, messages,
                                             most);
        for (ssize_t i = 0; i < count; i++) {
            if (!messages[i]->err)
                take(bare, messages[i]);
            rd_kafka_message_destroy(messages[i]);
        }
    }
}

static void produce(struct bare *bare, const struct bare_job *job, const struct byok_buf *result)
{
    rd_kafka_resp_err_t err;
    do { /* a call's worth of results may be more than the queue holds */
        err = rd_kafka_producev(
            bare->producer, RD_KAFKA_V_TOPIC(bare->results),
            RD_KAFKA_V_MSGFLAGS(RD_KAFKA_MSG_F_COPY), RD_KAFKA_V_KEY(job->user, strlen(job->user)),
            RD_KAFKA_V_VALUE(result->ptr, result->len), RD_KAFKA_V_OPAQUE(bare), RD_KAFKA_V_END);
        if (err == RD_KAFKA_RESP_ERR__QUEUE_FULL)
            rd_kafka_poll(bare->producer, 1);
    } while (err == RD_KAFKA_RESP_ERR__QUEUE_FULL);
    if (err)
        die("produce", rd_kafka_err2str(err));
}

static void answer_chat(struct bare *bare, struct call *call, unsigned status)
{
    byok_buf_clear(&call->result);
    if (!bare_write_result(call->jobs, status, byok_buf_str(&call->answer), &call->result))
        die("answer", "cannot be read");
    produce(bare, call->jobs, &call->result);
    if (bare->same)
        bare_same_write(bare->same, bare->producer, call->jobs);
}

static void answer_texts(struct bare *bare, struct call *call, unsigned status)
{
    struct bare_vectors vectors;
    if (status != 200 || !bare_vectors_open(byok_buf_str(&call->answer), call->job_count, &vectors))
        die("answer", "holds no vector for each text");
    for (unsigned long i = 0; i < call->job_count; i++) {
        byok_buf_clear(&call->result);
        if (!bare_vectors_write(&vectors, &call->jobs[i], &call->result))
            die("answer", "cannot be read");
        produce(bare, &call->jobs[i], &call->result);
    }
    bare_vectors_done(&vectors);
}

static const struct work chats = {bare_read_record, NULL, answer_chat};
static const struct work texts = {bare_add_text, bare_end_texts, answer_texts};

static void count_finished(struct bare *bare, unsigned long jobs)
{
    const unsigned long before = bare->finished / COMMIT_EVERY;
    bare->finished += jobs;
    if (bare->finished / COMMIT_EVERY > before && !bare->transactional)
        rd_kafka_commit(bare->consumer, NULL, 1);
}

static void finish_calls(struct bare *bare)
{
    int running, left;
    curl_multi_perform(bare->multi, &running);
    const CURLMsg *message;
    while ((message = curl_multi_info_read(bare->multi, &left)) != NULL) {
        struct call *call;
        if (message->data.result != CURLE_OK)
            die("call", curl_easy_strerror(message->data.result));
        curl_easy_getinfo(message->easy_handle, CURLINFO_PRIVATE, (char **)&call);
        curl_multi_remove_handle(bare->multi, call->easy);
        long status = 0;
        curl_easy_getinfo(call->easy, CURLINFO_RESPONSE_CODE, &status);
        bare->work->answer(bare, call, (unsigned)status);
        call->next = bare->free;
        bare->free = call;
        bare->in_flight--;
        count_finished(bare, call->job_count);
    }
}

static double run(struct bare *bare)
{
    double began = 0;
    while (bare->acknowledged < bare->count) {
        if (bare->taken < bare->count)
            consume(bare);
        if (began == 0 && bare->in_flight > 0)
            began = seconds_now();
        finish_calls(bare);
        rd_kafka_poll(bare->producer, 0);
        if (bare->same)
            bare_same_poll(bare->same);
        if (bare->transactional && (bare->finished - bare->committed >= COMMIT_EVERY ||
                                    (bare->finished == bare->count && bare->in_flight == 0)))
            commit_transaction(bare);
        if (bare->in_flight > 0)
            curl_multi_poll(bare->multi, NULL, 0, 1, NULL);
    }
    return seconds_now() - began;
}

static void read_options(int argc, char **argv, struct bare *bare, const char **key)
{
    static const struct option names[] = {
        {"brokers", required_argument, NULL, 'b'},
        {"requests", required_argument, NULL, 'i'},
        {"results", required_argument, NULL, 'o'},
        {"group", required_argument, NULL, 'g'},
        {"url", required_argument, NULL, 'u'},
        {"key", required_argument, NULL, 'k'},
        {"count", required_argument, NULL, 'n'},
        {"concurrency", required_argument, NULL, 'c'},
        {"transactional", required_argument, NULL, 't'},
        {"same-records", required_argument, NULL, 's'},
        {"texts", required_argument, NULL, 'x'},
        {NULL, 0, NULL, 0},
    };
    int which;
    while ((which = getopt_long(argc, argv, "", names, NULL)) != -1) {
        switch (which) {
        case 'b':
            bare->brokers = optarg;
            break;
        case 'i':
            bare->requests = optarg;
            break;
        case 'o':
            bare->results = optarg;
            break;
        case 'g':
            bare->group = optarg;
            break;
        case 'u':
            bare->url = optarg;
            break;
        case 'k':
            *key = optarg;
            break;
        case 'n':
            bare->count = strtoul(optarg, NULL, 10);
            break;
        case 'c':
            bare->concurrency = strtoul(optarg, NULL, 10);
            break;
        case 't':
            bare->transactional = optarg;
            break;
        case 's':
            bare->prefix = optarg;
            break;
        case 'x':
            bare->jobs_per_call = strtoul(optarg, NULL, 10);
            bare->work = &texts;
            break;
        default:
            exit(2);
        }
    }
    if (!bare->brokers || !bare->requests || !bare->results || !bare->group || !bare->url ||
        !*key || bare->count == 0 || bare->concurrency == 0 || bare->jobs_per_call == 0)
        die("usage", "all of --brokers --requests --results --group --url --key --count "
                     "--concurrency are needed");
    if (bare->prefix && (!bare->transactional || bare->work != &chats))
        die("usage", "--same-records is for chats, with --transactional");
}

int main(int argc, char **argv)
{
    struct bare bare = {.work = &chats, .jobs_per_call = 1};
    const char *key = NULL;
    char header[600];
    read_options(argc, argv, &bare, &key);
    curl_global_init(CURL_GLOBAL_ALL);
    snprintf(header, sizeof header, "Authorization: Bearer %s", key);
    bare.headers = curl_slist_append(NULL, header);
    bare.headers = curl_slist_append(bare.headers, "Content-Type: application/json");
    open_kafka(&bare);
    open_http(&bare);
    if (bare.prefix)
        bare.same = bare_same_open(bare.brokers, bare.prefix, on_claim, &bare);
    double seconds = run(&bare);
    struct rusage used;
    getrusage(RUSAGE_SELF, &used);
    double cpu = (double)(used.ru_utime.tv_sec + used.ru_stime.tv_sec) +
                 (double)(used.ru_utime.tv_usec + used.ru_stime.tv_usec) / 1e6;
    printf("{\"jobs\":%lu,\"seconds\":%.3f,\"cpu_seconds\":%.3f}\n", bare.count, seconds, cpu);
    fflush(stdout);
    /* the commit of what was consumed, then straight out: nothing here is worth an orderly end */
    rd_kafka_commit(bare.consumer, NULL, 0);
    _exit(EXIT_SUCCESS);
}
