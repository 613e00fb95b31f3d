/* SPDX-License-Identifier: MIT */
/* tests/unit/worker/test_status.c - the status server over loopback. */
#include "worker/status.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#include <criterion/criterion.h>

static struct byok_metrics shards[2], vault;
static bool ready[2] = {true, true};
static struct byok_status_server *status;
static char answer[65536];

static void ignore(struct byok_log *log, enum byok_log_level level, const char *event,
                   const struct byok_log_field *fields, size_t count)
{
    (void)log;
    (void)level;
    (void)event;
    (void)fields;
    (void)count;
}

static const struct byok_log_ops log_ops = {.event = ignore};
static struct byok_log test_log = {.ops = &log_ops};

static const struct byok_metrics *metrics_of(void *arg, uint32_t shard)
{
    (void)arg;
    return &shards[shard];
}

static bool ready_of(void *arg, uint32_t shard)
{
    (void)arg;
    return ready[shard];
}

static void begin(void)
{
    const struct byok_status_source source = {
        .shard_count = 2,
        .shard_metrics = metrics_of,
        .shard_ready = ready_of,
        .vault_metrics = &vault,
    };
    cr_assert_eq(byok_status_start("127.0.0.1:0", &source, &test_log, &status, NULL), BYOK_E_OK);
    cr_assert_neq(byok_status_port(status), 0);
}

static void end(void)
{
    byok_status_stop(status);
}

TestSuite(status, .init = begin, .fini = end);

/* A connection from 127.0.0.`host` whose reads end after 5 s. */
static int dial(uint32_t host)
{
    const struct timeval limit = {.tv_sec = 5};
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    struct sockaddr_in from = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(0x7f000000u + host)};
    struct sockaddr_in at = {.sin_family = AF_INET,
                             .sin_addr.s_addr = htonl(INADDR_LOOPBACK),
                             .sin_port = htons(byok_status_port(status))};
    cr_assert_eq(setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit), 0);
    cr_assert_eq(bind(fd, (struct sockaddr *)&from, sizeof from), 0);
    cr_assert_eq(connect(fd, (struct sockaddr *)&at, sizeof at), 0);
    return fd;
}

static const char *ask(const char *method, const char *path)
{
    int fd = dial(1);
    char request[256];
    snprintf(request, sizeof request, "%s %s HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n",
             method, path);
    cr_assert_eq(write(fd, request, strlen(request)), (ssize_t)strlen(request));
    size_t len = 0;
    ssize_t n;
    while ((n = read(fd, answer + len, sizeof answer - 1 - len)) > 0)
        len += (size_t)n;
    answer[len] = '\0';
    close(fd);
    return answer;
}

static bool has(const char *what)
{
    return strstr(answer, what) != NULL;
}

Test(status, metrics_are_summed_over_the_shards)
{
    byok_metric_add(&shards[0], BYOK_METRIC_RECORDS, 3);
    byok_metric_add(&shards[1], BYOK_METRIC_RECORDS, 4);
    byok_metric_add(&vault, BYOK_METRIC_UNSEALS, 2);
    atomic_store(&shards[1].results_by_code[BYOK_E_TIMEOUT], 5);
    ask("GET", "/metrics");
    cr_assert(has(" 200 "));
    cr_assert(has("text/plain; version=0.0.4"));
    cr_assert(has("# TYPE byok_records_total counter\nbyok_records_total 7\n"));
    cr_assert(has("byok_unseals_total 2\n"));
    cr_assert(has("byok_results_total{code=\"timeout\"} 5\n"));
    cr_assert(has("byok_results_total{code=\"ok\"} 0\n"));
    cr_assert(has("byok_build_info{version=\"" BYOK_VERSION "\"} 1\n"));
    cr_assert(has("process_resident_memory_bytes "));
}

Test(status, it_is_healthy_while_it_answers)
{
    ask("GET", "/healthz");
    cr_assert(has(" 200 "));
}

Test(status, it_is_ready_when_all_shards_are)
{
    ask("GET", "/readyz");
    cr_assert(has(" 200 "));
}

Test(status, it_says_which_shard_has_no_broker)
{
    ready[1] = false;
    ask("GET", "/readyz");
    cr_assert(has(" 503 "));
    cr_assert(has("shard 1: broker"));
    cr_assert_not(has("shard 0"));
}

Test(status, it_says_which_shard_cannot_write_its_state)
{
    byok_metric_set(&shards[0], BYOK_METRIC_STORE_BROKEN, 1);
    ask("GET", "/readyz");
    cr_assert(has(" 503 "));
    cr_assert(has("shard 0: store"));
}

Test(status, the_public_key_comes_with_its_id)
{
    ask("GET", "/vault/public-key");
    cr_assert(has(" 200 "));
    cr_assert(has("\"public_key\":\"AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=\""));
    cr_assert(has("\"key_id\":\""));
}

Test(status, anything_else_is_not_found_or_not_allowed)
{
    ask("GET", "/");
    cr_assert(has(" 404 "));
    ask("DELETE", "/metrics");
    cr_assert(has(" 405 "));
    ask("HEAD", "/healthz");
    cr_assert(has(" 200 "));
}

Test(status, a_wrong_address_is_refused)
{
    static const char *const wrong[] = {"nowhere", ":1", "no-such-host.invalid:1", "127.0.0.1:x"};
    const struct byok_status_source source = {.shard_count = 0};
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        struct byok_status_server *none = NULL;
        struct byok_fault fault = {0};
        cr_assert_eq(byok_status_start(wrong[i], &source, &test_log, &none, &fault), BYOK_E_CONFIG);
        cr_assert_not_null(strstr(fault.text, wrong[i]));
    }
}

Test(status, an_address_in_use_is_named)
{
    char taken[32];
    struct byok_status_server *none = NULL;
    struct byok_fault fault = {0};
    const struct byok_status_source source = {.shard_count = 0};
    snprintf(taken, sizeof taken, "127.0.0.1:%d", byok_status_port(status));
    cr_assert_eq(byok_status_start(taken, &source, &test_log, &none, &fault), BYOK_E_CONFIG);
    cr_assert_not_null(strstr(fault.text, taken));
}

/* Half a request each, more than the server takes at once; it ends one after 10 s only. */
Test(status, who_holds_connections_open_takes_none_from_the_others)
{
    int held[80];
    for (size_t i = 0; i < 80; i++) {
        held[i] = dial(2);
        (void)!send(held[i], "GET /healthz HTTP/1.1\r\nX: ", 26, MSG_NOSIGNAL);
    }
    ask("GET", "/healthz");
    cr_assert(has("200 OK"), "%s", answer);
    for (size_t i = 0; i < 80; i++)
        close(held[i]);
}
