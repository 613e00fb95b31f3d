/* SPDX-License-Identifier: MIT */
/* demo/embedded_broker.c - byok-embedded-broker: librdkafka's mock cluster as a process of its own.
 *
 * Lets the demo and the tests run without Apache Kafka.  Everything is in memory, at most 100,000
 * records or 5 MiB per partition (the oldest go first); offsets committed in a transaction are not
 * kept and aborted records are seen, so byokd uses it in its mode at_least_once only.
 */
#define _GNU_SOURCE /* getopt_long */
#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <getopt.h>
#include <pthread.h>
#include <signal.h>

#include <librdkafka/rdkafka.h>
#include <librdkafka/rdkafka_mock.h>

#define PARTITIONS 6 /* of a topic named without a count */
#define PARTITIONS_MAX 1000
#define TOPIC_MAX 249 /* Kafka's own limit on a topic's name */

static const char usage[] =
    "usage: byok-embedded-broker [--topics NAME[:PARTITIONS],...] [--port-file FILE]\n"
    "A Kafka broker for demos and tests; prints 'listening 127.0.0.1:PORT' and runs until "
    "SIGTERM.\n"
    "It keeps everything in memory: at most 100,000 records or 5 MiB per partition.\n";

struct options {
    char *topics; /* NULL: none; clients may still create topics by writing to them */
    const char *port_file;
};

static bool read_options(int argc, char **argv, struct options *options)
{
    static const struct option names[] = {
        {"topics", required_argument, NULL, 't'},
        {"port-file", required_argument, NULL, 'p'},
        {"help", no_argument, NULL, 'h'},
        {NULL, 0, NULL, 0},
    };
    int which;
    *options = (struct options){0};
    while ((which = getopt_long(argc, argv, "", names, NULL)) != -1) {
        switch (which) {
        case 't':
            options->topics = optarg;
            break;
        case 'p':
            options->port_file = optarg;
            break;
        case 'h':
            fputs(usage, stdout);
            exit(EXIT_SUCCESS);
        default:
            fputs(usage, stderr);
            return false;
        }
    }
    return true;
}

/* One "name:partitions" of the list; cuts `text` at the colon. */
static bool create_topic(rd_kafka_mock_cluster_t *cluster, char *text)
{
    int partitions = PARTITIONS;
    char *colon = strchr(text, ':');
    if (colon) {
        char *end = NULL;
        *colon = '\0';
        unsigned long count = strtoul(colon + 1, &end, 10);
        if (*end != '\0' || count < 1 || count > PARTITIONS_MAX) {
            fprintf(stderr, "byok-embedded-broker: %s: 1 to %d partitions\n", text, PARTITIONS_MAX);
            return false;
        }
        partitions = (int)count;
    }
    size_t len = strlen(text);
    if (len == 0 || len > TOPIC_MAX) {
        fprintf(stderr, "byok-embedded-broker: '%s' is not a topic's name\n", text);
        return false;
    }
    rd_kafka_resp_err_t err = rd_kafka_mock_topic_create(cluster, text, partitions, 1);
    if (err)
        fprintf(stderr, "byok-embedded-broker: %s: %s\n", text, rd_kafka_err2str(err));
    return !err;
}

static bool create_topics(rd_kafka_mock_cluster_t *cluster, char *list)
{
    char *rest = NULL;
    if (!list)
        return true;
    for (char *text = strtok_r(list, ",", &rest); text; text = strtok_r(NULL, ",", &rest)) {
        if (!create_topic(cluster, text))
            return false;
    }
    return true;
}

/* Written beside and renamed, so that a reader never sees half an address. */
static bool write_port_file(const char *path, const char *address)
{
    char beside[4096];
    int len = snprintf(beside, sizeof beside, "%s.new", path);
    if (len < 0 || (size_t)len >= sizeof beside)
        return false;
    FILE *file = fopen(beside, "w");
    if (!file)
        return false;
    bool ok = fprintf(file, "%s\n", address) > 0;
    ok = fclose(file) == 0 && ok;
    return ok && rename(beside, path) == 0;
}

static bool serve(const struct options *options, rd_kafka_mock_cluster_t *cluster,
                  const sigset_t *ends)
{
    const char *address = rd_kafka_mock_cluster_bootstraps(cluster);
    if (!create_topics(cluster, options->topics))
        return false;
    if (options->port_file && !write_port_file(options->port_file, address)) {
        fprintf(stderr, "byok-embedded-broker: %s: %s\n", options->port_file, strerror(errno));
        return false;
    }
    fprintf(stderr, "byok-embedded-broker: for demos and tests; everything is in memory only, at "
                    "most 100,000 records or 5 MiB per partition\n");
    printf("listening %s\n", address);
    fflush(stdout);
    int end = 0;
    sigwait(ends, &end);
    return true;
}

int main(int argc, char **argv)
{
    struct options options;
    char why[256];
    sigset_t ends;
    if (!read_options(argc, argv, &options))
        return EXIT_FAILURE;
    /* blocked before librdkafka starts its threads, so that only sigwait sees them */
    sigemptyset(&ends);
    sigaddset(&ends, SIGINT);
    sigaddset(&ends, SIGTERM);
    pthread_sigmask(SIG_BLOCK, &ends, NULL);
    signal(SIGPIPE, SIG_IGN);

    rd_kafka_t *owner = rd_kafka_new(RD_KAFKA_PRODUCER, rd_kafka_conf_new(), why, sizeof why);
    rd_kafka_mock_cluster_t *cluster = owner ? rd_kafka_mock_cluster_new(owner, 1) : NULL;
    if (!cluster) {
        fprintf(stderr, "byok-embedded-broker: cannot start the mock cluster\n");
        if (owner)
            rd_kafka_destroy(owner);
        return EXIT_FAILURE;
    }
    bool ok = serve(&options, cluster, &ends);
    rd_kafka_mock_cluster_destroy(cluster);
    rd_kafka_destroy(owner);
    return ok ? EXIT_SUCCESS : EXIT_FAILURE;
}
