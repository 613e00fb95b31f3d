/* SPDX-License-Identifier: MIT */
/* tests/unit/worker/http_server.c - the provider of the HTTP port's tests. */
#include "http_server.h"

#include <arpa/inet.h>
#include <assert.h>
#include <netinet/in.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>

#define CONNECTIONS_MAX 320

struct http_server {
    int listener, port;
    pthread_t acceptor;
    pthread_t threads[CONNECTIONS_MAX];
    int fds[CONNECTIONS_MAX];
    atomic_int connections, requests;
    pthread_mutex_t lock; /* guards last_head, last_body and fds */
    char last_head[8192];
    uint32_t last_body;
    SSL_CTX *tls;
    X509 *certificate;
};

struct connection {
    struct http_server *server;
    int index, fd;
    SSL *ssl;
    int requests;
    int number;    /* of the last request, counted over all connections */
    uint32_t body; /* the last request's: http_server_sum() */
};

static bool put(struct connection *c, const char *bytes, size_t len)
{
    while (len > 0) {
        ssize_t n =
            c->ssl ? SSL_write(c->ssl, bytes, (int)len) : send(c->fd, bytes, len, MSG_NOSIGNAL);
        if (n <= 0)
            return false;
        bytes += n;
        len -= (size_t)n;
    }
    return true;
}

static ssize_t get(struct connection *c, char *bytes, size_t room)
{
    return c->ssl ? SSL_read(c->ssl, bytes, (int)room) : recv(c->fd, bytes, room, 0);
}

static bool put_text(struct connection *c, const char *text)
{
    return put(c, text, strlen(text));
}

uint32_t http_server_sum(uint32_t sum, const char *bytes, size_t len)
{
    for (size_t i = 0; i < len; i++) /* FNV-1a */
        sum = (sum ^ (unsigned char)bytes[i]) * 16777619u;
    return sum;
}

/* Reads a head and its body; false: the client has gone. */
static bool read_request(struct connection *c, char *head, size_t room)
{
    size_t len = 0;
    char *end = NULL;
    while (!end) {
        ssize_t n = get(c, head + len, room - 1 - len);
        if (n <= 0)
            return false;
        len += (size_t)n;
        head[len] = '\0';
        end = strstr(head, "\r\n\r\n");
    }
    const char *length = strstr(head, "Content-Length: ");
    size_t body = length && length < end ? strtoul(length + 16, NULL, 10) : 0;
    size_t have = len - (size_t)(end + 4 - head);
    *end = '\0';
    if (strncmp(head, "POST /early ", 12) == 0)
        put_text(c,
                 "HTTP/1.1 401 Unauthorized\r\nConnection: close\r\nContent-Length: 2\r\n\r\nno");
    c->body = http_server_sum(0, end + 4, have);
    while (have < body) {
        char sink[4096];
        ssize_t n = get(c, sink, sizeof sink);
        if (n <= 0)
            return false;
        c->body = http_server_sum(c->body, sink, (size_t)n);
        have += (size_t)n;
    }
    return true;
}

static bool answer_echo(struct connection *c, const char *head)
{
    const char *at = strstr(head, "Authorization: ");
    char value[1024] = "";
    if (at)
        sscanf(at + strlen("Authorization: "), "%1023[^\r]", value);
    char body[2048], answer[4096];
    snprintf(body, sizeof body, "{\"error\":\"no such key: %s\"}", value);
    snprintf(answer, sizeof answer,
             "HTTP/1.1 401 Unauthorized\r\nX-You-Sent: %s\r\nContent-Length: %zu\r\n\r\n%s", value,
             strlen(body), body);
    return put_text(c, answer);
}

/* The key in two chunks with time between them, and words around it: /stream-echo. */
static bool answer_stream(struct connection *c, const char *head)
{
    static const struct timespec pause = {0, 20000000};
    const char *at = strstr(head, "Authorization: Bearer ");
    char key[1024] = "", part[1100];
    if (at)
        sscanf(at + strlen("Authorization: Bearer "), "%1023[^\r]", key);
    const size_t half = strlen(key) / 2;
    put_text(c, "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n");
    snprintf(part, sizeof part, "%zx\r\nbegin %.*s\r\n", 6 + half, (int)half, key);
    put_text(c, part);
    nanosleep(&pause, NULL);
    snprintf(part, sizeof part, "%zx\r\n%s middle \r\n", strlen(key) - half + 8, key + half);
    put_text(c, part);
    nanosleep(&pause, NULL);
    return put_text(c, "3\r\nend\r\n0\r\n\r\n");
}

static bool answer_big(struct connection *c)
{
    static char block[65536];
    memset(block, 'x', sizeof block);
    if (!put_text(c, "HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n"))
        return false;
    for (int i = 0; i < 160; i++) {
        if (!put(c, block, sizeof block))
            return false;
    }
    return false;
}

/* Until the last of these `count` requests is there, for 10 s at most. */
static void hold(const struct connection *c, int count)
{
    static const struct timespec pause = {0, 1000000};
    const int last = (c->number + count - 1) / count * count;
    for (int i = 0; i < 10000 && c->server->requests < last; i++)
        nanosleep(&pause, NULL);
}

/* True: the connection is kept alive. */
static bool answer(struct connection *c, const char *head)
{
    char path[64] = "";
    sscanf(head, "%*s %63s", path);
    if (strcmp(path, "/slow") == 0) {
        char byte;
        (void)!get(c, &byte, 1);
        return false;
    }
    if (strcmp(path, "/drop") == 0 || (strcmp(path, "/once") == 0 && c->requests > 1))
        return false;
    int count;
    if (sscanf(path, "/held/%d", &count) == 1 && count > 0)
        hold(c, count);
    if (strcmp(path, "/garbage") == 0)
        return put_text(c, "SSH-2.0-OpenSSH_9.2\r\n\r\nwhat?\r\n") && false;
    if (strcmp(path, "/cut") == 0)
        return put_text(c, "HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhalf") && false;
    if (strcmp(path, "/big") == 0)
        return answer_big(c);
    if (strcmp(path, "/stream-echo") == 0)
        return answer_stream(c, head);
    if (strcmp(path, "/echo") == 0)
        return answer_echo(c, head);
    if (strcmp(path, "/redirect") == 0)
        return put_text(c, "HTTP/1.1 307 Temporary Redirect\r\nLocation: /ok\r\n"
                           "Content-Length: 0\r\n\r\n");
    if (strcmp(path, "/html") == 0)
        return put_text(c, "HTTP/1.1 502 Bad Gateway\r\nContent-Type: text/html\r\n"
                           "Content-Length: 20\r\n\r\n<html>sorry!</html>\n");
    if (strcmp(path, "/chunked") == 0)
        return put_text(c, "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
                           "3\r\none\r\n4\r\n two\r\n6\r\n three\r\n0\r\n\r\n");
    return put_text(c, "HTTP/1.1 200 OK\r\nX-Request-ID:  r-1 \r\nContent-Length: 11\r\n\r\n"
                       "{\"ok\":true}");
}

static void *serve(void *arg)
{
    struct connection *c = arg;
    struct http_server *server = c->server;
    char head[8192];
    bool open = true;
    if (server->tls) {
        c->ssl = SSL_new(server->tls);
        SSL_set_fd(c->ssl, c->fd);
        open = SSL_accept(c->ssl) == 1;
    }
    while (open && read_request(c, head, sizeof head)) {
        pthread_mutex_lock(&server->lock);
        memcpy(server->last_head, head, sizeof head);
        server->last_body = c->body;
        pthread_mutex_unlock(&server->lock);
        c->number = ++server->requests;
        c->requests++;
        open = answer(c, head);
    }
    if (c->ssl)
        SSL_free(c->ssl);
    pthread_mutex_lock(&server->lock);
    server->fds[c->index] = -1;
    close(c->fd);
    pthread_mutex_unlock(&server->lock);
    free(c);
    return NULL;
}

static void *accept_all(void *arg)
{
    struct http_server *server = arg;
    for (;;) {
        int fd = accept(server->listener, NULL, NULL);
        if (fd < 0)
            return NULL;
        int index = server->connections++;
        assert(index < CONNECTIONS_MAX);
        struct connection *c = calloc(1, sizeof *c);
        *c = (struct connection){.server = server, .index = index, .fd = fd};
        server->fds[index] = fd;
        pthread_create(&server->threads[index], NULL, serve, c);
    }
}

static void make_certificate(struct http_server *server)
{
    EVP_PKEY *key = EVP_EC_gen("P-256");
    X509 *x = X509_new();
    X509_set_version(x, 2);
    ASN1_INTEGER_set(X509_get_serialNumber(x), 1);
    X509_gmtime_adj(X509_getm_notBefore(x), -60);
    X509_gmtime_adj(X509_getm_notAfter(x), 3600);
    X509_set_pubkey(x, key);
    X509_NAME *name = X509_get_subject_name(x);
    X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_ASC, (const unsigned char *)"localhost", -1, -1,
                               0);
    X509_set_issuer_name(x, name);
    X509_EXTENSION *alt = X509V3_EXT_conf_nid(NULL, NULL, NID_subject_alt_name, "DNS:localhost");
    X509_add_ext(x, alt, -1);
    X509_EXTENSION_free(alt);
    X509_sign(x, key, EVP_sha256());
    server->tls = SSL_CTX_new(TLS_server_method());
    SSL_CTX_use_certificate(server->tls, x);
    SSL_CTX_use_PrivateKey(server->tls, key);
    EVP_PKEY_free(key);
    server->certificate = x;
}

static int listen_on_loopback(int *port)
{
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    struct sockaddr_in at = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t len = sizeof at;
    int rc = bind(fd, (struct sockaddr *)&at, sizeof at);
    assert(rc == 0);
    rc = listen(fd, CONNECTIONS_MAX);
    assert(rc == 0);
    rc = getsockname(fd, (struct sockaddr *)&at, &len);
    assert(rc == 0);
    *port = ntohs(at.sin_port);
    return fd;
}

struct http_server *http_server_start(bool tls)
{
    signal(SIGPIPE, SIG_IGN);
    struct http_server *server = calloc(1, sizeof *server);
    pthread_mutex_init(&server->lock, NULL);
    for (int i = 0; i < CONNECTIONS_MAX; i++)
        server->fds[i] = -1;
    if (tls)
        make_certificate(server);
    server->listener = listen_on_loopback(&server->port);
    pthread_create(&server->acceptor, NULL, accept_all, server);
    return server;
}

void http_server_stop(struct http_server *server)
{
    shutdown(server->listener, SHUT_RDWR);
    pthread_join(server->acceptor, NULL);
    close(server->listener);
    pthread_mutex_lock(&server->lock);
    for (int i = 0; i < CONNECTIONS_MAX; i++) {
        if (server->fds[i] >= 0)
            shutdown(server->fds[i], SHUT_RDWR);
    }
    pthread_mutex_unlock(&server->lock);
    for (int i = 0; i < server->connections; i++)
        pthread_join(server->threads[i], NULL);
    X509_free(server->certificate);
    SSL_CTX_free(server->tls);
    pthread_mutex_destroy(&server->lock);
    free(server);
}

int http_server_port(const struct http_server *server)
{
    return server->port;
}

int http_server_connections(struct http_server *server)
{
    return server->connections;
}

int http_server_requests(struct http_server *server)
{
    return server->requests;
}

const char *http_server_last_head(struct http_server *server)
{
    static char copy[sizeof server->last_head];
    pthread_mutex_lock(&server->lock);
    memcpy(copy, server->last_head, sizeof copy);
    pthread_mutex_unlock(&server->lock);
    return copy;
}

uint32_t http_server_last_body(struct http_server *server)
{
    pthread_mutex_lock(&server->lock);
    const uint32_t sum = server->last_body;
    pthread_mutex_unlock(&server->lock);
    return sum;
}

void http_server_write_certificate(const struct http_server *server, const char *path)
{
    FILE *file = fopen(path, "w");
    assert(file);
    PEM_write_X509(file, server->certificate);
    fclose(file);
}

int http_refused_port(void)
{
    int port;
    close(listen_on_loopback(&port));
    return port;
}

struct http_full_port http_full_port(void)
{
    struct http_full_port full = {.listener = listen_on_loopback(&full.port)};
    const size_t most = sizeof full.waiting / sizeof full.waiting[0];
    struct sockaddr_in to = {.sin_family = AF_INET,
                             .sin_port = htons((uint16_t)full.port),
                             .sin_addr = {htonl(INADDR_LOOPBACK)}};
    (void)listen(full.listener, 0);
    for (size_t i = 0; i < most; i++) {
        full.waiting[i] = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
        (void)connect(full.waiting[i], (const struct sockaddr *)&to, sizeof to);
    }
    return full;
}

void http_full_port_close(struct http_full_port *full)
{
    for (size_t i = 0; i < sizeof full->waiting / sizeof full->waiting[0]; i++)
        close(full->waiting[i]);
    close(full->listener);
}
