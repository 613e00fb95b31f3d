/* SPDX-License-Identifier: MIT */
/* tests/unit/worker/test_broker_recall.c - a broker that has just started and names no brokers.
 *
 * Neither librdkafka's mock cluster nor a real one does that when it is asked to, so here is one
 * that knows Metadata of version 0 and nothing else.
 */
#include <criterion/criterion.h>

#include <stdatomic.h>
#include <stdio.h>
#include <string.h>

#include <arpa/inet.h>
#include <netinet/in.h>
#include <pthread.h>
#include <sys/socket.h>
#include <unistd.h>

#include "tests/unit/worker/broker_kit.h"
#include "worker/ports/broker_rdkafka_inner.h"

#define SECONDS 120 /* a bound, not a measurement */
#define METADATA 3
#define FIND_COORDINATOR 10
#define COORDINATOR_NOT_AVAILABLE 15
#define LEADER_NOT_AVAILABLE 5
#define CONNECTIONS 256

static struct kit kit;
static int listener, port;
static _Atomic bool starting;
static _Atomic bool is_open[CONNECTIONS]; /* by file descriptor */
static atomic_int metadata_asked;
static atomic_int coordinator_asked; /* by the consumer, twice a second while it has a broker */

static bool read_all(int fd, void *out, size_t size)
{
    for (size_t got = 0; got < size;) {
        ssize_t n = recv(fd, (char *)out + got, size - got, 0);
        if (n <= 0)
            return false;
        got += (size_t)n;
    }
    return true;
}

static char *put16(char *at, int value)
{
    const uint16_t wire = htons((uint16_t)value);
    memcpy(at, &wire, sizeof wire);
    return at + sizeof wire;
}

static char *put32(char *at, int value)
{
    const uint32_t wire = htonl((uint32_t)value);
    memcpy(at, &wire, sizeof wire);
    return at + sizeof wire;
}

static char *put_text(char *at, const char *text)
{
    at = put16(at, (int)strlen(text));
    memcpy(at, text, strlen(text));
    return at + strlen(text);
}

/* https://kafka.apache.org/protocol: Metadata Response (Version: 0). */
static char *put_metadata(char *at)
{
    const bool whole = !atomic_load(&starting);
    at = put32(at, whole ? 1 : 0); /* brokers: id, host, port */
    if (whole)
        at = put32(put_text(put32(at, 1), "127.0.0.1"), port);
    at = put32(at, 1); /* topics: error, name, partitions */
    at = put_text(put16(at, 0), "t.requests");
    at = put32(at, 1); /* partitions: error, id, leader, replicas, in-sync ones */
    at = put32(put16(at, whole ? 0 : LEADER_NOT_AVAILABLE), 0);
    return put32(put32(put32(at, whole ? 1 : -1), 0), 0);
}

/* FindCoordinator Response (Version: 0) */
static char *put_no_coordinator(char *at)
{
    return put32(put_text(put32(put16(at, COORDINATOR_NOT_AVAILABLE), -1), ""), -1);
}

/* False: the connection is at its end. */
static bool serve_one(int fd)
{
    uint32_t size = 0, correlation = 0;
    uint16_t api = 0;
    char request[4096], answer[256];
    if (!read_all(fd, &size, sizeof size) || ntohl(size) > sizeof request || ntohl(size) < 8 ||
        !read_all(fd, request, ntohl(size)))
        return false;
    memcpy(&api, request, sizeof api);
    memcpy(&correlation, request + 4, sizeof correlation);
    char *end = put32(answer + 4, (int)ntohl(correlation));
    if (ntohs(api) == METADATA)
        end = put_metadata(end);
    else if (ntohs(api) == FIND_COORDINATOR)
        end = put_no_coordinator(end);
    else
        return true; /* and no answer */
    (void)put32(answer, (int)(end - answer) - 4);
    if (send(fd, answer, (size_t)(end - answer), MSG_NOSIGNAL) != end - answer)
        return false;
    atomic_fetch_add(ntohs(api) == METADATA ? &metadata_asked : &coordinator_asked, 1);
    return true;
}

static void *serve(void *arg)
{
    int fd = (int)(intptr_t)arg;
    while (serve_one(fd)) {
    }
    atomic_store(&is_open[fd], false);
    (void)close(fd);
    return NULL;
}

static void *accept_all(void *arg)
{
    (void)arg;
    for (int fd; (fd = accept(listener, NULL, NULL)) >= 0;) {
        pthread_t thread;
        cr_assert_lt(fd, CONNECTIONS);
        atomic_store(&is_open[fd], true);
        cr_assert_eq(pthread_create(&thread, NULL, serve, (void *)(intptr_t)fd), 0);
        cr_assert_eq(pthread_detach(thread), 0);
    }
    return NULL;
}

static void cut_all(void)
{
    for (int fd = 0; fd < CONNECTIONS; fd++) {
        if (atomic_load(&is_open[fd]))
            (void)shutdown(fd, SHUT_RDWR);
    }
}

static bool is_asked_on(void *arg)
{
    byok_rdk_of(((struct kit_member *)arg)->broker)->look_next_us = 0; /* at every tick */
    return atomic_load(&metadata_asked) >= 3 && atomic_load(&coordinator_asked) >= 5;
}

static void is_asked_again(struct kit_member *member)
{
    atomic_store(&metadata_asked, 0);
    atomic_store(&coordinator_asked, 0);
    cr_assert(kit_until(&kit, is_asked_on, member, SECONDS));
}

Test(broker_recall, is_asked_on_after_it_has_named_no_brokers, .timeout = 600)
{
    static char version[] = "api.version.request=false", old[] = "broker.version.fallback=0.9.0",
                often[] = "topic.metadata.refresh.interval.ms=500";
    static char *const items[] = {version, old, often};
    char brokers[64];
    pthread_t thread;
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr = {htonl(INADDR_LOOPBACK)}};
    socklen_t size = sizeof address;
    listener = socket(AF_INET, SOCK_STREAM, 0);
    cr_assert_eq(bind(listener, (struct sockaddr *)&address, size), 0);
    cr_assert_eq(getsockname(listener, (struct sockaddr *)&address, &size), 0);
    cr_assert_eq(listen(listener, 16), 0);
    port = ntohs(address.sin_port);
    cr_assert_eq(pthread_create(&thread, NULL, accept_all, NULL), 0);
    snprintf(brokers, sizeof brokers, "127.0.0.1:%d", port);
    kit_init(&kit, brokers, "t.");
    kit.options.properties = (struct byok_kafka_properties){items, 3};
    struct kit_member *member = kit_join(&kit, 0);
    is_asked_again(member);
    atomic_store(&starting, true);
    cut_all(); /* as if it were started anew */
    is_asked_again(member);
    atomic_store(&starting, false);
    is_asked_again(member);
    kit_done(&kit);
    (void)shutdown(listener, SHUT_RDWR);
    cr_assert_eq(pthread_join(thread, NULL), 0);
    cut_all();
    (void)close(listener);
}
