# SPDX-License-Identifier: MIT
"""Embeddings in bulk: jobs of one text each, of one user and of many, with and without calls that are shared, beside an ideal client.

The ideal client knows what no worker may assume: all texts are one user's. It takes as many as a call holds off the topic, makes one call
after the other on one connection, and writes a result for each text; no state, no claims, no usage, no transactions. Texts/s are between the first
and the last result's timestamp, as for the other rows; calls are those that the provider has counted.
"""
import base64
import http.client
import json
import struct
from urllib.parse import urlsplit

from support.stack import Stack, expect, wait_for

KEY = "sk-bulk-" + "b3N4" * 8
TEXTS_PER_CALL = 2048  # OpenAI's limit
DIMENSIONS = 64


def jobs(name, count, users):
    for i in range(count):
        user = f"user{i % users}"
        yield user, {"id": f"{name}-{i}", "user": user, "capability": "embeddings", "provider": "openai", "model": "text-embedding-3-small",
                     "dimensions": DIMENSIONS, "input": f"Text number {i}: what is it about?"}


def seconds(stack, topic, count, skip=0):
    stamps = sorted(m.timestamp()[1] for m in stack.read(topic))[skip:]
    expect(len(stamps) >= count, f"{len(stamps)} results of {count} jobs in {topic}")
    return max((stamps[-1] - stamps[0]) / 1000, 0.001)


def calls_made(stack):
    return stack.sim_get("/sim/ledger")["calls"]


def run_ideal(stack, count):
    from confluent_kafka import Consumer
    stack.worker("topics").stop()  # makes the topics
    stack.produce(jobs("ideal", count, 1))
    consumer = Consumer({"bootstrap.servers": stack.brokers, "group.id": stack.prefix + "ideal", "auto.offset.reset": "earliest"})
    consumer.subscribe([stack.prefix + "requests"])
    producer = stack.producer()
    connection = http.client.HTTPConnection(urlsplit(stack.sim_url).netloc)
    headers = {"Authorization": f"Bearer {KEY}", "Content-Type": "application/json"}
    done = 0
    while done < count:
        batch = [json.loads(m.value()) for m in consumer.consume(TEXTS_PER_CALL, timeout=1) if not m.error()]
        if not batch:
            continue
        body = {"model": batch[0]["model"], "dimensions": DIMENSIONS, "encoding_format": "base64", "input": [job["input"] for job in batch]}
        connection.request("POST", "/v1/embeddings", json.dumps(body), headers)
        answer = json.load(connection.getresponse())
        for job, row in zip(batch, answer["data"]):
            vector = struct.unpack(f"<{DIMENSIONS}f", base64.b64decode(row["embedding"]))
            producer.produce(stack.prefix + "results", key=job["user"], value=json.dumps({"id": job["id"], "status": "ok", "embeddings": [vector]}))
            producer.poll(0)
        done += len(batch)
    producer.flush(60)
    consumer.commit(asynchronous=False)
    consumer.close()
    return count / seconds(stack, "results", count), calls_made(stack)


def run_byokd(stack, count, users, texts_per_call, concurrency, delivery):
    settings = stack.settings("w")
    provider = {**settings["providers"][0], "concurrency": concurrency, "bulk_texts": texts_per_call}
    settings = {"delivery": delivery, "providers": [provider], "limits": {"concurrency": 8}, "vault": {**settings["vault"], "slots": 2 * concurrency}}
    worker = stack.worker("w", **settings)
    stack.byok("key", "add", "--provider", "openai", "--batch", "-", input="".join(f"user{i}\t{KEY}\n" for i in range(users)))
    worker.stop()
    registrations = len(stack.read("results"))
    stack.produce(jobs("byokd", count, users))
    worker = stack.worker("w", wait=False, **settings)
    wait_for("all jobs are done", lambda: worker.metric('byok_results_total{code="ok"}') >= count, 900, every=0.5)
    worker.stop()
    return count / seconds(stack, "results", count, registrations), calls_made(stack)


def measure(options, sim):
    count, delivery = options.texts, options.delivery[0]
    print(f"{count} embedding jobs of one text ({DIMENSIONS} numbers), {delivery}, 8 calls at once of a user", flush=True)
    with Stack(sim_options=sim) as stack:
        ideal, calls = run_ideal(stack, count)
    print(f"{'ideal client':>18}: {ideal:8.0f} texts/s, {calls:6} calls, all of one user, one after the other")
    for users in (1, options.users):
        rates = {}
        for name, texts_per_call in (("alone", 1), ("in bulk", 0)):
            with Stack(sim_options=sim) as stack:
                rates[name], calls = run_byokd(stack, count, users, texts_per_call, options.concurrency, delivery)
            print(f"{name + f', {users} users':>18}: {rates[name]:8.0f} texts/s, {calls:6} calls, {rates[name] / ideal:.2f} of the ideal client's texts/s",
                  flush=True)
        print(f"{'ratio':>18}: {rates['in bulk'] / rates['alone']:8.2f} of the texts/s with a call for each")
