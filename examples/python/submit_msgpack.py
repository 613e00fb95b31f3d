#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Submit one chat job in msgpack and print its result, with confluent-kafka.

usage: BYOK_BROKERS=localhost:9092 python3 submit_msgpack.py USER PROMPT [MODEL]
"""
import os, sys, time, uuid
import msgpack
from confluent_kafka import Consumer, Producer, TopicPartition

BROKERS = os.environ.get("BYOK_BROKERS", "localhost:9092")
PREFIX = os.environ.get("BYOK_TOPIC_PREFIX", "byok.")


def call(user, job, timeout=60):
    """Send the job and return its result, read from the end of the results as it was before."""
    results = PREFIX + "results"
    consumer = Consumer({"bootstrap.servers": BROKERS, "group.id": f"example-{job['id']}",
                         "enable.auto.commit": False, "isolation.level": "read_committed"})
    # librdkafka's own default partitioner is another one than Java's, which byokd goes by
    producer = Producer({"bootstrap.servers": BROKERS, "partitioner": "murmur2_random"})
    try:
        start = []
        for partition in consumer.list_topics(results, 10).topics[results].partitions:
            end = consumer.get_watermark_offsets(TopicPartition(results, partition), 10)[1]
            start.append(TopicPartition(results, partition, end))
        consumer.assign(start)
        producer.produce(PREFIX + "requests", key=user, value=msgpack.packb(job),
                         headers={"content-type": "application/msgpack"})
        producer.flush(timeout)
        end_at = time.monotonic() + timeout
        while time.monotonic() < end_at:
            record = consumer.poll(1)
            if record is None or record.error():
                continue
            if dict(record.headers() or []).get("byok-request-id") == job["id"].encode():
                return msgpack.unpackb(record.value())
        raise TimeoutError("no result in time")
    finally:
        consumer.close()


def main():
    user, prompt = sys.argv[1:3]
    job = {"id": str(uuid.uuid4()), "user": user, "capability": "chat", "prompt": prompt}
    if len(sys.argv) > 3:
        job["model"] = sys.argv[3]
    result = call(user, job)
    print(result["status"], result.get("text") or result.get("error"))
    sys.exit(result["status"] != "ok")


if __name__ == "__main__":
    main()
