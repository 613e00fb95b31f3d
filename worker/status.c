/* SPDX-License-Identifier: MIT */
/* worker/status.c - the status server on libmicrohttpd. */
#include "worker/status.h"

#include <netdb.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

#include <microhttpd.h>
#include <sodium.h>

#include "base/mem.h"

#define PAGE_BYTES_MAX ((size_t)256 * 1024)
#define CONNECTIONS_MAX 64u
#define CONNECTIONS_OF_ONE_MAX                                                                     \
    16u /* so that who holds his open takes none from a probe elsewhere */
#define IDLE_SECONDS 10u

struct byok_status_server {
    struct byok_status_source source;
    struct MHD_Daemon *daemon;
};

struct page {
    unsigned status;
    const char *type;
};

static struct page make_metrics(const struct byok_status_source *source, struct byok_buf *out)
{
    byok_status_metrics(source, out);
    return (struct page){MHD_HTTP_OK, "text/plain; version=0.0.4; charset=utf-8"};
}

static struct page make_health(const struct byok_status_source *source, struct byok_buf *out)
{
    (void)source;
    byok_buf_printf(out, "ok\n");
    return (struct page){MHD_HTTP_OK, "text/plain"};
}

static struct page make_ready(const struct byok_status_source *source, struct byok_buf *out)
{
    bool ready = byok_status_ready(source, out);
    return (struct page){ready ? MHD_HTTP_OK : MHD_HTTP_SERVICE_UNAVAILABLE, "text/plain"};
}

static struct page make_public_key(const struct byok_status_source *source, struct byok_buf *out)
{
    char
        key[sodium_base64_ENCODED_LEN(BYOK_VAULT_PUBLIC_KEY_BYTES, sodium_base64_VARIANT_ORIGINAL)];
    uint8_t id[BYOK_VAULT_KEY_ID_BYTES];
    char id_hex[2 * BYOK_VAULT_KEY_ID_BYTES + 1];
    sodium_bin2base64(key, sizeof key, source->public_key, sizeof source->public_key,
                      sodium_base64_VARIANT_ORIGINAL);
    byok_vault_key_id(source->public_key, id);
    sodium_bin2hex(id_hex, sizeof id_hex, id, sizeof id);
    byok_buf_printf(out, "{\"key_id\":\"%s\",\"public_key\":\"%s\"}\n", id_hex, key);
    return (struct page){MHD_HTTP_OK, "application/json"};
}

static const struct {
    const char *path;
    struct page (*make)(const struct byok_status_source *source, struct byok_buf *out);
} pages[] = {
    {"/metrics", make_metrics},
    {"/healthz", make_health},
    {"/readyz", make_ready},
    {"/vault/public-key", make_public_key},
};

static struct page make_page(const struct byok_status_source *source, const char *path,
                             struct byok_buf *out)
{
    for (size_t i = 0; i < sizeof pages / sizeof pages[0]; i++) {
        if (strcmp(path, pages[i].path) == 0)
            return pages[i].make(source, out);
    }
    byok_buf_printf(out, "there is /metrics, /healthz, /readyz and /vault/public-key\n");
    return (struct page){MHD_HTTP_NOT_FOUND, "text/plain"};
}

static enum MHD_Result on_request(void *arg, struct MHD_Connection *connection, const char *path,
                                  const char *method, const char *version, const char *upload,
                                  size_t *upload_size, void **state)
{
    static const struct page not_allowed = {MHD_HTTP_METHOD_NOT_ALLOWED, "text/plain"};
    (void)version;
    (void)upload;
    (void)state;
    struct byok_status_server *status = arg;
    if (*upload_size > 0) { /* a body that nobody wants */
        *upload_size = 0;
        return MHD_YES;
    }
    BYOK_AUTO(byok_buf) body = {0};
    byok_buf_init(&body, PAGE_BYTES_MAX);
    bool readable = strcmp(method, "GET") == 0 || strcmp(method, "HEAD") == 0;
    struct page page = readable ? make_page(&status->source, path, &body) : not_allowed;
    if (byok_buf_failed(&body))
        return MHD_NO; /* closes the connection: there is no memory for a page */
    struct MHD_Response *response =
        MHD_create_response_from_buffer(body.len, body.ptr, MHD_RESPMEM_MUST_COPY);
    if (!response)
        return MHD_NO;
    MHD_add_response_header(response, "Content-Type", page.type);
    enum MHD_Result result = MHD_queue_response(connection, page.status, response);
    MHD_destroy_response(response);
    return result;
}

/* "host:port", "[::1]:port" */
static struct addrinfo *resolve(const char *listen, struct byok_fault *fault)
{
    char host[256];
    const char *colon = strrchr(listen, ':');
    size_t len = colon ? (size_t)(colon - listen) : 0;
    if (!colon || len == 0 || len >= sizeof host) {
        (void)byok_fault_set(fault, BYOK_E_CONFIG, "status.listen is \"%.80s\", not host:port",
                             listen);
        return NULL;
    }
    bool brackets = listen[0] == '[' && listen[len - 1] == ']';
    snprintf(host, sizeof host, "%.*s", (int)(brackets ? len - 2 : len), listen + brackets);
    const struct addrinfo hints = {.ai_socktype = SOCK_STREAM,
                                   .ai_flags = AI_PASSIVE | AI_NUMERICSERV};
    struct addrinfo *found = NULL;
    int code = getaddrinfo(host, colon + 1, &hints, &found);
    if (code != 0) {
        (void)byok_fault_set(fault, BYOK_E_CONFIG, "status.listen is \"%.80s\": %s", listen,
                             gai_strerror(code));
        return NULL;
    }
    return found;
}

/* What libmicrohttpd has to say goes nowhere: it is about its clients' bytes. */
static void on_words(void *arg, const char *format, va_list args)
{
    (void)arg;
    (void)format;
    (void)args;
}

static struct MHD_Daemon *start_daemon(struct byok_status_server *status, const struct addrinfo *at)
{
    unsigned flags = MHD_USE_INTERNAL_POLLING_THREAD | MHD_USE_AUTO | MHD_USE_ERROR_LOG;
    if (at->ai_family == AF_INET6)
        flags |= MHD_USE_IPv6;
    return MHD_start_daemon(flags, 0, NULL, NULL, on_request, status, MHD_OPTION_EXTERNAL_LOGGER,
                            on_words, NULL, MHD_OPTION_SOCK_ADDR, at->ai_addr,
                            MHD_OPTION_CONNECTION_LIMIT, CONNECTIONS_MAX,
                            MHD_OPTION_PER_IP_CONNECTION_LIMIT, CONNECTIONS_OF_ONE_MAX,
                            MHD_OPTION_CONNECTION_TIMEOUT, IDLE_SECONDS, MHD_OPTION_END);
}

enum byok_err byok_status_start(const char *listen, const struct byok_status_source *source,
                                struct byok_log *log, struct byok_status_server **out,
                                struct byok_fault *fault)
{
    struct byok_status_server *status = byok_new(1, sizeof *status);
    if (!status)
        return byok_fault_set(fault, BYOK_E_NOMEM, "no memory for the status server");
    status->source = *source;
    struct addrinfo *at = resolve(listen, fault);
    if (!at) {
        byok_delete(status);
        return BYOK_E_CONFIG;
    }
    status->daemon = start_daemon(status, at);
    freeaddrinfo(at);
    if (!status->daemon) {
        byok_delete(status);
        return byok_fault_set(fault, BYOK_E_CONFIG,
                              "status.listen: cannot listen at %.80s (is another process there?)",
                              listen);
    }
    *out = status;
    byok_log_event(log, BYOK_LOG_INFO, "status_listening", BYOK_F_TEXT("listen", listen),
                   BYOK_F_INT("port", byok_status_port(status)));
    return BYOK_E_OK;
}

uint16_t byok_status_port(const struct byok_status_server *status)
{
    const union MHD_DaemonInfo *info =
        MHD_get_daemon_info(status->daemon, MHD_DAEMON_INFO_BIND_PORT);
    return info ? info->port : 0;
}

void byok_status_stop(struct byok_status_server *status)
{
    if (!status)
        return;
    MHD_stop_daemon(status->daemon);
    byok_delete(status);
}
