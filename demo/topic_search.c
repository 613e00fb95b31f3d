/* SPDX-License-Identifier: MIT */
/* demo/topic_search.c - byok-topic-search: does any record of these topics hold one of these texts?
 *
 * Reads the texts from standard input, one a line (so that they are in no process list), and every
 * record of the topics named, whole: key, value and headers.  Says how much it has read, because a
 * search that read nothing finds nothing.  Exit code 0: in none; 1: found; 2: could not look.
 */
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <librdkafka/rdkafka.h>

#define NEEDLES_MAX 32
#define NEEDLE_BYTES 600
#define TIMEOUT_MS 10000

struct search {
    char needles[NEEDLES_MAX][NEEDLE_BYTES];
    size_t count;
    unsigned long records, bytes, hits;
};

static void die(const char *what, const char *why)
{
    fprintf(stderr, "byok-topic-search: %s: %s\n", what, why);
    exit(2);
}

static void read_needles(struct search *search)
{
    while (search->count < NEEDLES_MAX &&
           fgets(search->needles[search->count], NEEDLE_BYTES, stdin)) {
        char *needle = search->needles[search->count];
        needle[strcspn(needle, "\n")] = '\0';
        search->count += *needle != '\0';
    }
    if (search->count == 0)
        die("standard input", "no text to search for");
}

static bool holds(const char *hay, size_t len, const char *needle)
{
    size_t wanted = strlen(needle);
    for (size_t i = 0; i + wanted <= len; i++) {
        if (memcmp(hay + i, needle, wanted) == 0)
            return true;
    }
    return false;
}

static void look(struct search *search, const char *topic, const void *bytes, size_t len)
{
    search->bytes += len;
    for (size_t i = 0; len > 0 && i < search->count; i++) {
        if (!holds(bytes, len, search->needles[i]))
            continue;
        search->hits++;
        printf("FOUND text %zu in topic %s\n", i + 1, topic);
    }
}

static void look_at(struct search *search, const rd_kafka_message_t *message)
{
    const char *topic = rd_kafka_topic_name(message->rkt);
    rd_kafka_headers_t *headers;
    search->records++;
    look(search, topic, message->key, message->key_len);
    look(search, topic, message->payload, message->len);
    if (rd_kafka_message_headers(message, &headers) != RD_KAFKA_RESP_ERR_NO_ERROR)
        return;
    const char *name;
    const void *value;
    size_t size;
    for (size_t i = 0;
         rd_kafka_header_get_all(headers, i, &name, &value, &size) == RD_KAFKA_RESP_ERR_NO_ERROR;
         i++)
        look(search, topic, value, size);
}

static void add_topic(rd_kafka_t *consumer, rd_kafka_topic_partition_list_t *list,
                      const char *topic)
{
    const struct rd_kafka_metadata *metadata;
    rd_kafka_topic_t *handle = rd_kafka_topic_new(consumer, topic, NULL);
    rd_kafka_resp_err_t err = rd_kafka_metadata(consumer, 0, handle, &metadata, TIMEOUT_MS);
    if (err)
        die(topic, rd_kafka_err2str(err));
    if (metadata->topics[0].err)
        die(topic, rd_kafka_err2str(metadata->topics[0].err));
    for (int i = 0; i < metadata->topics[0].partition_cnt; i++)
        rd_kafka_topic_partition_list_add(list, topic, i)->offset = RD_KAFKA_OFFSET_BEGINNING;
    rd_kafka_metadata_destroy(metadata);
    rd_kafka_topic_destroy(handle);
}

/* Reads all partitions at once, each to the end it has when it gets there. */
static void search_all(rd_kafka_t *consumer, struct search *search,
                       const rd_kafka_topic_partition_list_t *list)
{
    rd_kafka_assign(consumer, list);
    for (int left = list->cnt; left > 0;) {
        rd_kafka_message_t *message = rd_kafka_consumer_poll(consumer, TIMEOUT_MS);
        if (!message)
            die("the topics", "no record within 10 s");
        if (!message->err)
            look_at(search, message);
        else if (message->err == RD_KAFKA_RESP_ERR__PARTITION_EOF)
            left--;
        else
            die("the topics", rd_kafka_message_errstr(message));
        rd_kafka_message_destroy(message);
    }
}

static rd_kafka_t *open_consumer(const char *brokers)
{
    static const char *const settings[][2] = {
        {"group.id", "byok-topic-search"}, {"enable.auto.commit", "false"},
        {"enable.partition.eof", "true"},  {"isolation.level", "read_uncommitted"},
        {"auto.offset.reset", "earliest"}, {"fetch.wait.max.ms", "50"},
    };
    char why[256];
    rd_kafka_conf_t *conf = rd_kafka_conf_new();
    rd_kafka_conf_set(conf, "bootstrap.servers", brokers, NULL, 0);
    for (size_t i = 0; i < sizeof settings / sizeof settings[0]; i++)
        rd_kafka_conf_set(conf, settings[i][0], settings[i][1], NULL, 0);
    rd_kafka_t *consumer = rd_kafka_new(RD_KAFKA_CONSUMER, conf, why, sizeof why);
    if (!consumer)
        die("librdkafka", why);
    return consumer;
}

int main(int argc, char **argv)
{
    static struct search search;
    if (argc < 3) {
        fprintf(stderr, "usage: byok-topic-search BROKERS TOPIC... <texts\n");
        return 2;
    }
    read_needles(&search);
    rd_kafka_t *consumer = open_consumer(argv[1]);
    rd_kafka_topic_partition_list_t *list = rd_kafka_topic_partition_list_new(argc);
    for (int i = 2; i < argc; i++)
        add_topic(consumer, list, argv[i]);
    search_all(consumer, &search, list);
    rd_kafka_topic_partition_list_destroy(list);
    rd_kafka_consumer_close(consumer);
    rd_kafka_destroy(consumer);
    printf("%lu records, %lu bytes read in %d topics: %lu hits\n", search.records, search.bytes,
           argc - 2, search.hits);
    return search.hits > 0;
}
