/* SPDX-License-Identifier: MIT */
/* tests/unit/worker/http_server.h - a provider on loopback that answers as its path says.
 *
 * One thread for accepting, one per connection.  Paths:
 *   /ok       200, JSON, kept alive              /chunked  200 in three chunks
 *   /slow     no answer until the client goes    /cut      half of the promised body, then closed
 *   /html     502 with a page                    /big      10 MiB without a length
 *   /redirect 307 to /ok                         /echo     the Authorization header, everywhere
 *   /drop     closed without an answer           /garbage  what is not HTTP
 *   /stream-echo  the key cut in two by a pause, words before and behind it
 *   /held/N   200 as /ok, when N requests are there, or 2 N and so on
 *   /early    401 before the body is read, which goes on until the client closes
 *   /once     200 for the first request of a connection, closed without an answer at the next
 */
#ifndef BYOK_TESTS_UNIT_WORKER_HTTP_SERVER_H
#define BYOK_TESTS_UNIT_WORKER_HTTP_SERVER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct http_server;

/* `tls`: with a certificate for "localhost" made now, by itself. */
struct http_server *http_server_start(bool tls);
void http_server_stop(struct http_server *server);

int http_server_port(const struct http_server *server);
int http_server_connections(struct http_server *server); /* accepted */
int http_server_requests(struct http_server *server);    /* read whole */
/* The last request's head, in static memory. */
const char *http_server_last_head(struct http_server *server);
/* The sum of its body's bytes, and how such a sum, from 0 on, grows. */
uint32_t http_server_last_body(struct http_server *server);
uint32_t http_server_sum(uint32_t sum, const char *bytes, size_t len);
/* Its certificate as PEM, into a file. */
void http_server_write_certificate(const struct http_server *server, const char *path);

/* A port of loopback that nobody listens on. */
int http_refused_port(void);

/* One where no connection comes about, nor is refused: nobody accepts, and no more may wait. */
struct http_full_port {
    int port, listener, waiting[8];
};
struct http_full_port http_full_port(void);
void http_full_port_close(struct http_full_port *full);

#endif
