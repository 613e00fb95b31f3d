/* SPDX-License-Identifier: MIT */
/* worker/shard.c - one thread with its loop, ports and actors.
 *
 * A turn of the loop runs the actors for a bounded number of messages; when more wait, an idle
 * handle keeps the loop from sleeping, so that I/O and actors take turns.
 *
 * The end: byok_shard_stop posts BYOK_MSG_STOP to the intake; when the intake has let go of
 * everything it calls env.stopped; then the ports are closed, the loop runs out of handles, and
 * the thread returns.
 */
#include "worker/shard.h"

#include <pthread.h>
#include <stdatomic.h>
#include <string.h>

#include <uv.h>

#include "actors/partition/partition.h"
#include "base/mem.h"
#include "worker/ports/clock_system.h"
#include "worker/ports/notes_host.h"
#include "worker/ports/payloads_uv.h"

#define MESSAGES_A_TURN 96
#define READY_MS 500

struct byok_shard {
    struct byok_shard_options options;
    struct byok_clock clock;
    struct byok_env env;
    struct byok_metrics metrics;
    struct byok_notes *host_notes; /* ledger: host */
    struct byok_system *system;
    struct byok_msg stop_msg;
    uv_loop_t loop;
    bool loop_made;
    uv_async_t wake;
    uv_idle_t more;  /* active while mail waits */
    uv_timer_t timer; /* the system's next timer */
    uv_timer_t ready_timer;
    bool ending;
    pthread_t thread;
    bool began, ended; /* the thread; `ended`: and was waited for */
    _Atomic bool stop_asked;
    _Atomic bool ready;
};

static void run_actors(struct byok_shard *shard);

static void on_more(uv_idle_t *idle)
{
    run_actors(idle->data);
}

static void on_timer(uv_timer_t *timer)
{
    run_actors(timer->data);
}

static void close_all(struct byok_shard *shard);

static void set_timer(struct byok_shard *shard)
{
    int64_t due_us = byok_system_next_timer_us(shard->system);
    if (due_us == INT64_MAX) {
        (void)uv_timer_stop(&shard->timer);
        return;
    }
    int64_t left_us = due_us - shard->clock.ops->now_us(&shard->clock);
    uint64_t left_ms = left_us <= 0 ? 0 : (uint64_t)(left_us + 999) / 1000;
    uv_update_time(&shard->loop);
    (void)uv_timer_start(&shard->timer, on_timer, left_ms, 0);
}

static void run_actors(struct byok_shard *shard)
{
    if (shard->ending)
        return;
    bool more = byok_system_run(shard->system, MESSAGES_A_TURN);
    if (shard->ending) {
        close_all(shard);
        return;
    }
    if (more)
        (void)uv_idle_start(&shard->more, on_more);
    else
        (void)uv_idle_stop(&shard->more);
    set_timer(shard);
}

static void on_wake(uv_async_t *async)
{
    run_actors(async->data);
}

/* From any thread: byok_post gave the system its first message. */
static void wake(void *arg)
{
    struct byok_shard *shard = arg;
    (void)uv_async_send(&shard->wake);
}

static void on_ready(uv_timer_t *timer)
{
    struct byok_shard *shard = timer->data;
    atomic_store_explicit(&shard->ready,
                          byok_broker_rdkafka_ready(shard->env.broker) &&
                              !shard->env.partitions->store_broken,
                          memory_order_relaxed);
}

/* From the intake, in a message's handling: the closing waits until the system has returned. */
static void on_stopped(void *arg)
{
    struct byok_shard *shard = arg;
    shard->ending = true;
}

static void close_handle(struct byok_shard *shard, uv_handle_t *handle)
{
    if (handle->data != shard || uv_is_closing(handle))
        return;
    uv_close(handle, NULL);
}

static void close_all(struct byok_shard *shard)
{
    atomic_store_explicit(&shard->ready, false, memory_order_relaxed);
    byok_broker_rdkafka_close(shard->env.broker);
    byok_payloads_uv_close(shard->env.payload_port);
    byok_http_curl_close(shard->env.http);
    byok_notes_host_close(shard->host_notes);
    shard->host_notes = NULL;
    close_handle(shard, (uv_handle_t *)&shard->more);
    close_handle(shard, (uv_handle_t *)&shard->timer);
    close_handle(shard, (uv_handle_t *)&shard->ready_timer);
    /* `wake` stays until the ports' own work is done: a port may still post */
    if (shard->wake.data == shard)
        uv_unref((uv_handle_t *)&shard->wake);
}

static void *run(void *arg)
{
    struct byok_shard *shard = arg;
    run_actors(shard);
    (void)uv_run(&shard->loop, UV_RUN_DEFAULT);
    return NULL;
}

static enum byok_err make_loop(struct byok_shard *shard, struct byok_fault *fault)
{
    if (uv_loop_init(&shard->loop) != 0)
        return byok_fault_set(fault, BYOK_E_NOMEM, "The event loop cannot be made");
    shard->loop_made = true;
    if (uv_async_init(&shard->loop, &shard->wake, on_wake) != 0)
        return byok_fault_set(fault, BYOK_E_NOMEM, "The event loop cannot be woken");
    (void)uv_idle_init(&shard->loop, &shard->more); /* these three cannot fail */
    (void)uv_timer_init(&shard->loop, &shard->timer);
    (void)uv_timer_init(&shard->loop, &shard->ready_timer);
    shard->wake.data = shard->more.data = shard->timer.data = shard->ready_timer.data = shard;
    (void)uv_timer_start(&shard->ready_timer, on_ready, 0, READY_MS);
    return BYOK_E_OK;
}

static void fill_env(struct byok_shard *shard)
{
    const struct byok_shard_options *options = &shard->options;
    shard->env = (struct byok_env){
        .settings = options->settings,
        .providers = options->providers,
        .provider_settings = options->provider_settings,
        .provider_count = options->provider_count,
        .clock = &shard->clock,
        .log = options->log,
        .metrics = &shard->metrics,
        .owner = options->owner,
        .state = options->state,
        .slots = options->slots,
        .vault = options->vault,
        .stopped = on_stopped,
        .stopped_arg = shard,
    };
}

static enum byok_err make_payloads(struct byok_shard *shard, struct byok_fault *fault)
{
    const struct byok_payloads_options options = {
        .store = shard->options.payloads,
        .http = shard->env.http,
        .route = shard->options.payloads_route,
        .keep_s = shard->options.payloads_keep_s,
    };
    if (!options.store)
        return BYOK_E_OK;
    if (options.store->ops->open_object)
        byok_http_curl_uploads(shard->env.http, options.store);
    shard->env.payload_port = byok_payloads_uv_new(&shard->loop, &options);
    return shard->env.payload_port ? BYOK_E_OK
                                   : byok_fault_set(fault, BYOK_E_NOMEM, "No memory for payloads");
}

static enum byok_err make_actors(struct byok_shard *shard, struct byok_fault *fault)
{
    shard->env.partitions = byok_partitions_new();
    shard->system = byok_system_new(&shard->env, &shard->clock, wake, shard);
    if (!shard->env.partitions || !shard->system ||
        byok_shard_actors(shard->system, &shard->env) != BYOK_E_OK)
        return byok_fault_set(fault, BYOK_E_NOMEM, "No memory for the actors of a shard");
    return BYOK_E_OK;
}

static enum byok_err make_notes(struct byok_shard *shard, struct byok_fault *fault)
{
    const char *ledger = shard->options.ledger;
    if (strcmp(ledger, "process") == 0)
        return BYOK_E_OK;
    if (strcmp(ledger, "cluster") == 0) {
        shard->env.notes = byok_broker_rdkafka_notes(shard->env.broker);
        return BYOK_E_OK;
    }
    shard->host_notes = byok_notes_host_new(&shard->loop, shard->options.state);
    shard->env.notes = shard->host_notes;
    return shard->host_notes ? BYOK_E_OK
                             : byok_fault_set(fault, BYOK_E_NOMEM, "No memory for the ledger");
}

/* The ports come first, for the actors may look at them when they begin; nothing is posted before
 * the loop runs. */
static enum byok_err make(struct byok_shard *shard, struct byok_fault *fault)
{
    byok_clock_system_init(&shard->clock);
    fill_env(shard);
    enum byok_err err = make_loop(shard, fault);
    if (!err)
        err = byok_http_curl_new(&shard->loop, shard->options.routes, shard->options.route_count,
                                 &shard->env.http, fault);
    if (!err)
        err = byok_broker_rdkafka_new(&shard->loop, &shard->options.kafka, &shard->env,
                                      &shard->env.broker, fault);
    if (!err)
        err = make_notes(shard, fault);
    if (!err)
        err = make_payloads(shard, fault);
    if (!err)
        err = make_actors(shard, fault);
    if (err)
        return err;
    shard->began = pthread_create(&shard->thread, NULL, run, shard) == 0;
    return shard->began ? BYOK_E_OK
                        : byok_fault_set(fault, BYOK_E_NOMEM, "A shard's thread cannot be started");
}

/* The thread has ended, or never began. */
static void release(struct byok_shard *shard)
{
    if (shard->loop_made) {
        if (!shard->began) {
            close_all(shard);
            (void)uv_run(&shard->loop, UV_RUN_DEFAULT);
        }
        close_handle(shard, (uv_handle_t *)&shard->wake);
        (void)uv_run(&shard->loop, UV_RUN_DEFAULT);
        (void)uv_loop_close(&shard->loop);
    }
    byok_system_free(shard->system);
    byok_partitions_free(shard->env.partitions);
    byok_delete(shard->env.provider_actors);
    byok_delete(shard);
}

enum byok_err byok_shard_start(const struct byok_shard_options *options, struct byok_shard **out,
                               struct byok_fault *fault)
{
    *out = NULL;
    struct byok_shard *shard = byok_new(1, sizeof *shard);
    if (!shard)
        return byok_fault_set(fault, BYOK_E_NOMEM, "No memory for a shard");
    shard->options = *options;
    enum byok_err err = make(shard, fault);
    if (err) {
        release(shard);
        return err;
    }
    *out = shard;
    return BYOK_E_OK;
}

void byok_shard_stop(struct byok_shard *shard)
{
    if (atomic_exchange_explicit(&shard->stop_asked, true, memory_order_relaxed))
        return; /* the message is on its way */
    struct byok_msg *msg = &shard->stop_msg;
    byok_post(shard->env.intake, BYOK_MSG_STOP, &msg);
}

void byok_shard_wait(struct byok_shard *shard)
{
    if (shard->began && !shard->ended)
        shard->ended = pthread_join(shard->thread, NULL) == 0;
}

void byok_shard_join(struct byok_shard *shard)
{
    if (!shard)
        return;
    byok_shard_wait(shard);
    release(shard);
}

bool byok_shard_ready(const struct byok_shard *shard)
{
    return atomic_load_explicit(&shard->ready, memory_order_relaxed);
}

const struct byok_metrics *byok_shard_metrics(const struct byok_shard *shard)
{
    return &shard->metrics;
}
