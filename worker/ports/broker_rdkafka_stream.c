/* SPDX-License-Identifier: MIT */
/* worker/ports/broker_rdkafka_stream.c - deltas: records that go out at once and may be lost.
 *
 * They have a producer of their own, because that of the results may be in a transaction at any
 * time.  It is idempotent for its order, not for its promise: what the brokers do not take within
 * some seconds is given up, since nobody waits for a preview that long.
 */
#include "worker/ports/broker_rdkafka_inner.h"

bool byok_rdk_stream(struct byok_broker *broker, const struct byok_out *out)
{
    struct byok_rdk *rdk = byok_rdk_of(broker);
    if (!byok_rdk_handle_ready(&rdk->handles[BYOK_RDK_STREAMER]))
        return false;
    rd_kafka_headers_t *headers = byok_rdk_headers(out);
    const rd_kafka_vu_t parts[] = {
        {.vtype = RD_KAFKA_VTYPE_TOPIC, .u.cstr = rdk->topics[out->topic]},
        {.vtype = RD_KAFKA_VTYPE_KEY, .u.mem = {byok_rdk_unconst(out->key.ptr), out->key.len}},
        {.vtype = RD_KAFKA_VTYPE_VALUE,
         .u.mem = {byok_rdk_unconst(out->value.ptr), out->value.len}},
        {.vtype = RD_KAFKA_VTYPE_MSGFLAGS, .u.i = RD_KAFKA_MSG_F_COPY},
        {.vtype = RD_KAFKA_VTYPE_HEADERS, .u.headers = headers},
    };
    rd_kafka_error_t *error = rd_kafka_produceva(rdk->handles[BYOK_RDK_STREAMER].rk, parts,
                                                 sizeof parts / sizeof parts[0]);
    if (!error)
        return true;
    rd_kafka_error_destroy(error);
    rd_kafka_headers_destroy(headers);
    return false;
}

void byok_rdk_on_stream_reports(struct byok_rdk *rdk, rd_kafka_event_t *event)
{
    const rd_kafka_message_t *message;
    while ((message = rd_kafka_event_message_next(event)) != NULL) {
        if (message->err != RD_KAFKA_RESP_ERR_NO_ERROR)
            byok_metric_add(rdk->env->metrics, BYOK_METRIC_DELTAS_DROPPED, 1);
    }
}
