/* SPDX-License-Identifier: MIT */
/* worker/ports/broker_rdkafka_notice.c - what librdkafka reports, as log events.
 *
 * A broker that is away makes a line per try and connection; here it is one event a minute, and
 * one when it is back.
 */
#include "worker/ports/broker_rdkafka_inner.h"

#define QUIET_US ((int64_t)60000000)

/* From a connection that fails to brokers that know each other again, when Kafka starts on a slow
 * machine.  librdkafka tells failures that go on every 30 s at least. */
#define TROUBLE_US ((int64_t)120000000)

/* syslog(3) levels, as librdkafka uses them */
#define SYSLOG_WARNING 4
#define SYSLOG_DEBUG 7

static const char *const role_names[BYOK_RDK_ROLES] = {[BYOK_RDK_CONSUMER] = "consumer",
                                                       [BYOK_RDK_PRODUCER] = "producer",
                                                       [BYOK_RDK_RESTORER] = "restorer",
                                                       [BYOK_RDK_NOTER] = "noter",
                                                       [BYOK_RDK_STREAMER] = "streamer"};

bool byok_rdk_may_say(struct byok_rdk *rdk, enum byok_rdk_notice notice)
{
    int64_t now = byok_rdk_now_us(rdk);
    if (now < rdk->quiet_until_us[notice])
        return false;
    rdk->quiet_until_us[notice] = now + QUIET_US;
    return true;
}

void byok_rdk_seen(struct byok_rdk *rdk)
{
    if (atomic_load_explicit(&rdk->up, memory_order_relaxed))
        return;
    atomic_store_explicit(&rdk->up, true, memory_order_relaxed);
    if (rdk->was_unreachable)
        byok_log_event(rdk->env->log, BYOK_LOG_INFO, "broker_back",
                       BYOK_F_TEXT("brokers", rdk->options.brokers));
    rdk->was_unreachable = false;
    rdk->quiet_until_us[BYOK_RDK_NOTICE_UNREACHABLE] = 0;
}

static void unreachable(struct byok_rdk *rdk, rd_kafka_event_t *event)
{
    /* not by ALL_BROKERS_DOWN alone, which does not come when a broker shuts down in order: any
     * trouble makes us ask, and no answer says that it is away */
    if (rd_kafka_event_error(event) == RD_KAFKA_RESP_ERR__ALL_BROKERS_DOWN)
        atomic_store_explicit(&rdk->up, false, memory_order_relaxed);
    rdk->look_next_us = 0;
    rdk->trouble_until_us = byok_rdk_now_us(rdk) + TROUBLE_US;
    if (!byok_rdk_may_say(rdk, BYOK_RDK_NOTICE_UNREACHABLE))
        return;
    rdk->was_unreachable = true;
    byok_log_event(rdk->env->log, BYOK_LOG_WARN, "broker_unreachable",
                   BYOK_F_TEXT("brokers", rdk->options.brokers),
                   BYOK_F_TEXT("error", rd_kafka_event_error_string(event)));
}

static void on_fatal(struct byok_rdk_handle *handle)
{
    char text[256] = "";
    rd_kafka_resp_err_t err = rd_kafka_fatal_error(handle->rk, text, sizeof text);
    byok_log_event(handle->rdk->env->log, BYOK_LOG_ERROR, "kafka_client_replaced",
                   BYOK_F_TEXT("client", role_names[handle->role]),
                   BYOK_F_TEXT("code", rd_kafka_err2name(err)), BYOK_F_TEXT("error", text));
    byok_rdk_handle_retire(handle);
}

void byok_rdk_on_error(struct byok_rdk_handle *handle, rd_kafka_event_t *event)
{
    struct byok_rdk *rdk = handle->rdk;
    if (handle->role == BYOK_RDK_RESTORER && byok_rdk_on_changelog_error(rdk, event))
        return;
    switch (rd_kafka_event_error(event)) {
    case RD_KAFKA_RESP_ERR__FATAL:
        on_fatal(handle);
        break;
    case RD_KAFKA_RESP_ERR__ALL_BROKERS_DOWN:
    case RD_KAFKA_RESP_ERR__TRANSPORT:
    case RD_KAFKA_RESP_ERR__RESOLVE:
    case RD_KAFKA_RESP_ERR__TIMED_OUT:
        if (handle->role == BYOK_RDK_PRODUCER)
            rdk->txn.trouble = true;
        unreachable(rdk, event);
        break;
    default:
        if (rd_kafka_event_error_is_fatal(event)) {
            on_fatal(handle);
        } else if (byok_rdk_may_say(rdk, BYOK_RDK_NOTICE_ERROR)) {
            byok_log_event(rdk->env->log, BYOK_LOG_WARN, "kafka_error",
                           BYOK_F_TEXT("client", role_names[handle->role]),
                           BYOK_F_TEXT("code", rd_kafka_err2name(rd_kafka_event_error(event))),
                           BYOK_F_TEXT("error", rd_kafka_event_error_string(event)));
        }
        break;
    }
}

void byok_rdk_on_log(const struct byok_rdk_handle *handle, rd_kafka_event_t *event)
{
    const char *facility = NULL, *text = NULL;
    int severity = SYSLOG_DEBUG;
    if (rd_kafka_event_log(event, &facility, &text, &severity) != 0)
        return;
    /* connections that fail come as error events too, and are told from there */
    bool connection =
        byok_str_is(byok_str_of(facility), "FAIL") || byok_str_is(byok_str_of(facility), "ERROR");
    enum byok_log_level level = severity <= SYSLOG_WARNING && !connection ? BYOK_LOG_WARN
                                : severity < SYSLOG_DEBUG && !connection  ? BYOK_LOG_INFO
                                                                          : BYOK_LOG_DEBUG;
    byok_log_event(handle->rdk->env->log, level, "kafka_log",
                   BYOK_F_TEXT("client", role_names[handle->role]),
                   BYOK_F_TEXT("facility", facility), BYOK_F_TEXT("text", text));
}
