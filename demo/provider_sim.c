/* SPDX-License-Identifier: MIT */
/* demo/provider_sim.c - byok-provider-sim: a simulated AI provider with a ledger and faults.
 *
 * For demos, tests and benchmarks.  It is simulated and says so: in its banner and in the header
 * x-byok-sim of every answer.  demo/README.md lists its options, pages and faults.
 */
#define _GNU_SOURCE /* getopt_long */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <arpa/inet.h>
#include <getopt.h>
#include <netinet/in.h>
#include <signal.h>
#include <sys/resource.h>
#include <unistd.h>

#include <sodium.h>

#include "base/mem.h"
#include "demo/sim_server.h"

#define CONNECTIONS_MAX 60000u
#define CONNECTION_BYTES ((size_t)16 * 1024) /* headers in and out */
#define BACKLOG 4096u
#define FILE_CAP ((size_t)64 * 1024 * 1024)
#define SPARE_FILES 64u /* descriptors that are not connections */

struct options {
    const char *host, *tls_cert, *tls_key, *keys;
    uint64_t port, threads, ledger_max, latency_ms, jitter_ms, gap_ms, answer_words, seed;
    bool is_quiet;
};

static const char usage[] =
    "usage: byok-provider-sim [options]\n"
    "A SIMULATED provider that speaks the wire formats of real ones; no model is behind it.\n"
    "  --host ADDRESS          IPv4 address to listen on (127.0.0.1)\n"
    "  --port N                0: one the kernel gives (0); printed on stdout\n"
    "  --tls-cert F --tls-key F  serve https with this PEM certificate and key\n"
    "  --keys FILE             accepted keys, one a line (none: every key that looks like one)\n"
    "  --latency-ms N          answer after N ms (0)\n"
    "  --latency-jitter-ms N   and up to N ms more (0)\n"
    "  --gap-ms N              between the pieces of a streamed answer (0)\n"
    "  --answer-words N        words of a chat answer (24)\n"
    "  --threads N             (2)\n"
    "  --ledger-max N          calls listed in the ledger (2000000)\n"
    "  --seed N                of faults with a rate (1)\n"
    "  --quiet                 no line per call on stderr\n";

static bool read_number(const char *text, uint64_t max, uint64_t *ret_number)
{
    char *end = NULL;
    errno = 0;
    unsigned long long number = strtoull(text, &end, 10);
    if (errno != 0 || end == text || *end != '\0' || *text == '-' || number > max)
        return false;
    *ret_number = number;
    return true;
}

enum {
    HOST = 1,
    PORT,
    CERT,
    KEY,
    KEYS,
    LATENCY,
    JITTER,
    GAP,
    WORDS,
    THREADS,
    LEDGER,
    SEED,
    QUIET,
    HELP
};

static const struct option names[] = {
    {"host", required_argument, NULL, HOST},
    {"port", required_argument, NULL, PORT},
    {"tls-cert", required_argument, NULL, CERT},
    {"tls-key", required_argument, NULL, KEY},
    {"keys", required_argument, NULL, KEYS},
    {"latency-ms", required_argument, NULL, LATENCY},
    {"latency-jitter-ms", required_argument, NULL, JITTER},
    {"gap-ms", required_argument, NULL, GAP},
    {"answer-words", required_argument, NULL, WORDS},
    {"threads", required_argument, NULL, THREADS},
    {"ledger-max", required_argument, NULL, LEDGER},
    {"seed", required_argument, NULL, SEED},
    {"quiet", no_argument, NULL, QUIET},
    {"help", no_argument, NULL, HELP},
    {NULL, 0, NULL, 0},
};

static bool set_option(struct options *options, int which)
{
    switch (which) {
    case HOST:
        options->host = optarg;
        return true;
    case CERT:
        options->tls_cert = optarg;
        return true;
    case KEY:
        options->tls_key = optarg;
        return true;
    case KEYS:
        options->keys = optarg;
        return true;
    case QUIET:
        options->is_quiet = true;
        return true;
    case PORT:
        return read_number(optarg, UINT16_MAX, &options->port);
    case LATENCY:
        return read_number(optarg, INT32_MAX, &options->latency_ms);
    case JITTER:
        return read_number(optarg, INT32_MAX, &options->jitter_ms);
    case GAP:
        return read_number(optarg, 60000, &options->gap_ms);
    case WORDS:
        return read_number(optarg, 1000000, &options->answer_words);
    case THREADS:
        return read_number(optarg, 64, &options->threads) && options->threads > 0;
    case LEDGER:
        return read_number(optarg, 100000000, &options->ledger_max);
    case SEED:
        return read_number(optarg, UINT64_MAX, &options->seed);
    default:
        return false;
    }
}

static bool read_options(int argc, char **argv, struct options *options)
{
    int which;
    *options = (struct options){
        .host = "127.0.0.1", .threads = 2, .ledger_max = 2000000, .answer_words = 24, .seed = 1};
    while ((which = getopt_long(argc, argv, "", names, NULL)) != -1) {
        if (which == HELP) {
            fputs(usage, stdout);
            exit(EXIT_SUCCESS);
        }
        if (!set_option(options, which)) {
            fputs(usage, stderr);
            return false;
        }
    }
    if (optind == argc && !options->tls_cert == !options->tls_key)
        return true;
    fputs(usage, stderr);
    return false;
}

static bool read_file(const char *path, struct byok_buf *ret_contents)
{
    char block[4096];
    FILE *file = fopen(path, "rb");
    if (!file) {
        fprintf(stderr, "byok-provider-sim: %s: %s\n", path, strerror(errno));
        return false;
    }
    byok_buf_init(ret_contents, FILE_CAP);
    size_t len;
    while ((len = fread(block, 1, sizeof block, file)) > 0)
        byok_buf_add(ret_contents, block, len);
    bool ok = !ferror(file) && byok_buf_add(ret_contents, "", 1); /* for who wants a C string */
    fclose(file);
    return ok;
}

static int compare_keys(const void *a, const void *b)
{
    return memcmp(a, b, SIM_FINGERPRINT_BYTES);
}

/* Keeps the keys' fingerprints only. */
static bool read_keys(const char *path, struct sim_server *server)
{
    BYOK_AUTO(byok_buf) file = {0};
    if (!read_file(path, &file))
        return false;
    size_t lines = 1;
    for (size_t i = 0; i < file.len; i++)
        lines += file.ptr[i] == '\n';
    char(*keys)[SIM_FINGERPRINT_BYTES] = byok_new(lines, SIM_FINGERPRINT_BYTES);
    if (!keys)
        return false;
    char *rest = NULL;
    for (char *line = strtok_r(file.ptr, "\n", &rest); line; line = strtok_r(NULL, "\n", &rest)) {
        struct byok_str key = byok_str_trim(byok_str_of(line));
        if (key.len > 0 && key.ptr[0] != '#')
            sim_fingerprint(key, keys[server->key_count++]);
    }
    qsort(keys, server->key_count, SIM_FINGERPRINT_BYTES, compare_keys);
    server->keys = (const char(*)[SIM_FINGERPRINT_BYTES])keys;
    return true;
}

/* As many connections as descriptors allow. */
static unsigned connection_limit(void)
{
    struct rlimit files;
    if (getrlimit(RLIMIT_NOFILE, &files) != 0)
        return 512;
    files.rlim_cur = files.rlim_max;
    (void)setrlimit(RLIMIT_NOFILE, &files);
    if (files.rlim_cur > CONNECTIONS_MAX + SPARE_FILES)
        return CONNECTIONS_MAX;
    return files.rlim_cur > 2 * SPARE_FILES ? (unsigned)files.rlim_cur - SPARE_FILES : SPARE_FILES;
}

static struct MHD_Daemon *start(const struct options *options, struct sim_server *server)
{
    struct sockaddr_in address = {.sin_family = AF_INET,
                                  .sin_port = htons((uint16_t)options->port)};
    if (inet_pton(AF_INET, options->host, &address.sin_addr) != 1) {
        fprintf(stderr, "byok-provider-sim: %s is not an IPv4 address\n", options->host);
        return NULL;
    }
    BYOK_AUTO(byok_buf) cert = {0};
    BYOK_AUTO(byok_buf) key = {0};
    unsigned flags = MHD_USE_EPOLL_INTERNAL_THREAD | MHD_ALLOW_SUSPEND_RESUME | MHD_USE_TURBO;
    struct MHD_OptionItem tls[] = {
        {MHD_OPTION_END, 0, NULL}, {MHD_OPTION_END, 0, NULL}, {MHD_OPTION_END, 0, NULL}};
    if (options->tls_cert) {
        if (!read_file(options->tls_cert, &cert) || !read_file(options->tls_key, &key))
            return NULL;
        flags |= MHD_USE_TLS;
        tls[0] = (struct MHD_OptionItem){MHD_OPTION_HTTPS_MEM_CERT, 0, cert.ptr};
        tls[1] = (struct MHD_OptionItem){MHD_OPTION_HTTPS_MEM_KEY, 0, key.ptr};
    }
    struct MHD_Daemon *daemon = MHD_start_daemon(
        flags, 0, NULL, NULL, sim_on_request, server, MHD_OPTION_NOTIFY_COMPLETED, sim_on_done,
        server, MHD_OPTION_SOCK_ADDR, (struct sockaddr *)&address, MHD_OPTION_THREAD_POOL_SIZE,
        options->threads > 1 ? (unsigned)options->threads : 0u, MHD_OPTION_CONNECTION_LIMIT,
        connection_limit(), MHD_OPTION_CONNECTION_MEMORY_LIMIT, CONNECTION_BYTES,
        MHD_OPTION_LISTEN_BACKLOG_SIZE, BACKLOG, MHD_OPTION_ARRAY, tls, MHD_OPTION_END);
    if (!daemon)
        fprintf(stderr, "byok-provider-sim: cannot listen on %s:%" PRIu64 "\n", options->host,
                options->port);
    return daemon;
}

static bool fill_server(const struct options *options, struct sim_server *server)
{
    server->latency_ms = (int64_t)options->latency_ms;
    server->jitter_ms = (int64_t)options->jitter_ms;
    server->gap_ms = (int64_t)options->gap_ms;
    server->answer_words = (uint32_t)options->answer_words;
    server->is_quiet = options->is_quiet;
    if (options->keys && !read_keys(options->keys, server))
        return false;
    server->clock = sim_clock_new();
    server->ledger = sim_ledger_new((uint32_t)options->ledger_max);
    server->faults = sim_faults_new(options->seed);
    return server->clock && server->ledger && server->faults;
}

static void serve(const struct options *options, struct sim_server *server, const sigset_t *ends)
{
    struct MHD_Daemon *daemon = start(options, server);
    const union MHD_DaemonInfo *info =
        daemon ? MHD_get_daemon_info(daemon, MHD_DAEMON_INFO_BIND_PORT) : NULL;
    int end = 0;
    if (info) {
        fprintf(stderr, "byok-provider-sim: this provider is SIMULATED (x-byok-sim: 1)\n");
        printf("listening %s://%s:%u\n", options->tls_cert ? "https" : "http", options->host,
               (unsigned)info->port);
        fflush(stdout);
        sigwait(ends, &end);
    }
    /* what waits is let go first: libmicrohttpd does not stop with suspended connections */
    if (server->clock)
        sim_clock_stop(server->clock);
    if (daemon)
        MHD_stop_daemon(daemon);
    if (!info)
        exit(EXIT_FAILURE);
}

int main(int argc, char **argv)
{
    struct options options;
    struct sim_server server = {0};
    sigset_t ends;
    if (!read_options(argc, argv, &options) || sodium_init() < 0)
        return EXIT_FAILURE;
    /* blocked before any thread begins, so that only sigwait sees them */
    sigemptyset(&ends);
    sigaddset(&ends, SIGINT);
    sigaddset(&ends, SIGTERM);
    pthread_sigmask(SIG_BLOCK, &ends, NULL);
    signal(SIGPIPE, SIG_IGN);
    if (!fill_server(&options, &server)) {
        fprintf(stderr, "byok-provider-sim: cannot start\n");
        return EXIT_FAILURE;
    }
    serve(&options, &server, &ends);
    sim_faults_free(server.faults);
    sim_ledger_free(server.ledger);
    sim_clock_free(server.clock);
    byok_delete((void *)(uintptr_t)server.keys);
    return EXIT_SUCCESS;
}
