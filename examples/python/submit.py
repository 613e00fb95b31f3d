#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Submit one chat job in JSON and print its result, with aiokafka.

usage: BYOK_BROKERS=localhost:9092 python3 submit.py USER PROMPT [MODEL]
"""
import asyncio, json, os, sys, uuid
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition
from aiokafka.partitioner import murmur2

BROKERS = os.environ.get("BYOK_BROKERS", "localhost:9092")
PREFIX = os.environ.get("BYOK_TOPIC_PREFIX", "byok.")


async def call(user, job, timeout=60):
    """Send the job and return its result. It lies on the user's partition, so only that is read."""
    results = PREFIX + "results"
    consumer = AIOKafkaConsumer(bootstrap_servers=BROKERS, isolation_level="read_committed")
    producer = AIOKafkaProducer(bootstrap_servers=BROKERS, acks="all")  # its partitioner is murmur2
    await consumer.start()
    try:
        await producer.start()
        consumer.subscribe([results])  # only to learn how many partitions there are
        while not (partitions := consumer.partitions_for_topic(results)):
            await asyncio.sleep(0.1)
        consumer.unsubscribe()
        mine = TopicPartition(results, (murmur2(user.encode()) & 0x7FFFFFFF) % len(partitions))
        consumer.assign([mine])
        consumer.seek(mine, (await consumer.end_offsets([mine]))[mine])  # before sending
        await producer.send_and_wait(PREFIX + "requests", json.dumps(job).encode(), key=user.encode(),
                                     headers=[("content-type", b"application/json")])
        async with asyncio.timeout(timeout):
            async for record in consumer:
                if dict(record.headers).get("byok-request-id") == job["id"].encode():
                    return json.loads(record.value)
    finally:
        await producer.stop()
        await consumer.stop()


def main():
    user, prompt = sys.argv[1:3]
    job = {"id": str(uuid.uuid4()), "user": user, "capability": "chat", "prompt": prompt}
    if len(sys.argv) > 3:
        job["model"] = sys.argv[3]
    result = asyncio.run(call(user, job))
    print(result["status"], result.get("text") or result.get("error"))
    sys.exit(result["status"] != "ok")


if __name__ == "__main__":
    main()
