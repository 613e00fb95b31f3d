/* SPDX-License-Identifier: MIT */
/* worker/ports/broker_rdkafka_cut.c - getting librdkafka out of a wait for the group's coordinator.
 *
 * rd_kafka_send_offsets_to_transaction() keeps no time-out (librdkafka's issue 5456, in 2.14 too).
 * It waits for the group's coordinator, and looks for it again only when one of the handle's
 * connections comes up or goes down.  The coordinator that it remembers may be a dead broker, which
 * librdkafka has given up (issue 5511), so that nothing changes any more, for ever.  The same goes
 * for asking what the group has committed.
 *
 * So when such a wait is long, one of the handle's connections is shut down: librdkafka sees that,
 * looks for the coordinator, and connects again.  One at a time, since the question goes over
 * another one.  A request that was under way on it is sent again, which a transaction withstands:
 * its producer is replaced after the commit (broker_rdkafka_txn.c).
 */
#define _GNU_SOURCE /* SOCK_CLOEXEC */
#include <sys/socket.h>
#include <unistd.h>

#include "worker/ports/broker_rdkafka_inner.h"

/* Far above an election of a coordinator in a healthy cluster, far below a session of the group;
 * librdkafka itself looks again after a second at the earliest. */
#define PATIENCE_US ((int64_t)3000000)
#define AGAIN_US ((int64_t)2000000)

/* ---- which sockets there are: librdkafka's threads ---- */

static int on_socket(int domain, int type, int protocol, void *opaque)
{
    struct byok_rdk_sockets *sockets = opaque;
    int fd = socket(domain, type | SOCK_CLOEXEC, protocol);
    uv_mutex_lock(&sockets->lock);
    if (fd >= 0 && sockets->count < sizeof sockets->fds / sizeof sockets->fds[0])
        sockets->fds[sockets->count++] = fd;
    uv_mutex_unlock(&sockets->lock);
    return fd;
}

/* Closed under the lock: the number may be another file's at once. */
static int on_close(int fd, void *opaque)
{
    struct byok_rdk_sockets *sockets = opaque;
    uv_mutex_lock(&sockets->lock);
    unsigned kept = 0;
    for (unsigned i = 0; i < sockets->count; i++) {
        if (sockets->fds[i] != fd)
            sockets->fds[kept++] = sockets->fds[i];
    }
    sockets->count = kept;
    int err = close(fd);
    uv_mutex_unlock(&sockets->lock);
    return err;
}

void byok_rdk_sockets_watch(struct byok_rdk_sockets *sockets, rd_kafka_conf_t *conf)
{
    rd_kafka_conf_set_opaque(conf, sockets);
    rd_kafka_conf_set_socket_cb(conf, on_socket);
    rd_kafka_conf_set_closesocket_cb(conf, on_close);
}

/* ---- the wait ---- */

void byok_rdk_waits_begin(struct byok_rdk_txn *txn)
{
    atomic_store_explicit(&txn->waits_since_us, byok_rdk_fresh_us(), memory_order_relaxed);
}

void byok_rdk_waits_end(struct byok_rdk_txn *txn)
{
    atomic_store_explicit(&txn->waits_since_us, 0, memory_order_relaxed);
}

/* False: there is none. */
static bool cut_one(struct byok_rdk_sockets *sockets)
{
    uv_mutex_lock(&sockets->lock);
    bool any = sockets->count > 0;
    if (any)
        (void)shutdown(sockets->fds[sockets->cuts++ % sockets->count], SHUT_RDWR);
    uv_mutex_unlock(&sockets->lock);
    return any;
}

void byok_rdk_cut_tick(struct byok_rdk *rdk)
{
    struct byok_rdk_txn *txn = &rdk->txn;
    int64_t since = atomic_load_explicit(&txn->waits_since_us, memory_order_relaxed);
    int64_t now = byok_rdk_fresh_us();
    if (since == 0 || now - since < PATIENCE_US || now < txn->cut_not_before_us)
        return;
    txn->cut_not_before_us = now + AGAIN_US;
    if (cut_one(&txn->sockets) && byok_rdk_may_say(rdk, BYOK_RDK_NOTICE_COORDINATOR))
        byok_log_event(rdk->env->log, BYOK_LOG_WARN, "coordinator_awaited",
                       BYOK_F_INT("ms", (now - since) / 1000),
                       BYOK_F_TEXT("hint", "the group's coordinator is away or being elected; a "
                                           "connection is made anew to look for it"));
}
