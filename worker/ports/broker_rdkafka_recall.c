/* SPDX-License-Identifier: MIT */
/* worker/ports/broker_rdkafka_recall.c - reminding librdkafka of its brokers.
 *
 * A broker that has just started may know of no other and not yet count itself: its metadata names
 * topics, and no brokers.  librdkafka then forgets all that it had, those of bootstrap.servers
 * too, asks nobody any more and says nothing of it, for good (its issue 5301, in 2.14 too): a
 * consumer's group goes on without it, a producer's records time out.  Seen after restarts of a
 * cluster's only broker.
 *
 * So each handle is asked from time to time, and one that has nobody to ask is told its bootstrap
 * servers again.  What it knows already it passes over; so that costs nothing while the brokers are
 * only away.
 */
#include "worker/ports/broker_rdkafka_inner.h"

#define ANSWER_MS 1000

void byok_rdk_recall(const struct byok_rdk_handle *handle)
{
    const struct rd_kafka_metadata *found = NULL;
    rd_kafka_resp_err_t err = rd_kafka_metadata(handle->rk, 0, NULL, &found, ANSWER_MS);
    if (err == RD_KAFKA_RESP_ERR_NO_ERROR)
        rd_kafka_metadata_destroy(found);
    else if (err == RD_KAFKA_RESP_ERR__TRANSPORT) /* no broker is up */
        (void)rd_kafka_brokers_add(handle->rk, handle->rdk->options.brokers);
}
