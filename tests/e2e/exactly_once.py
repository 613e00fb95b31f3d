# SPDX-License-Identifier: MIT
"""delivery: exactly_once, through crashes, a frozen worker and a broker restart: exactly one result per request, and the usage
events are the results' usage. Read with isolation.level=read_committed, as users of this mode do."""
import os
import random
import re
import signal
import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
from support.kafka import OwnKafka  # noqa: E402
from support.stack import Stack, expect, main, wait_for  # noqa: E402
from confluent_kafka import Consumer, TopicPartition  # noqa: E402
import json  # noqa: E402

JOBS = int(os.environ.get("BYOK_TEST_JOBS", "5000"))
USERS = int(os.environ.get("BYOK_TEST_USERS", "100"))
SEED = int(os.environ.get("BYOK_TEST_SEED", "0")) or random.randrange(1, 1 << 31)
LATENCY = ["--latency-ms", "20", "--latency-jitter-ms", "150"]  # calls overlap, and end out of order
SETTINGS = {"delivery": "exactly_once", "shards": 2, "ledger": "process"}  # a call that a crash has cut off is made again


def prepare(stack, jobs=JOBS, users=USERS):
    """Keys of all users; the jobs' ids."""
    names = [f"user{i}" for i in range(users)]
    stack.byok("key", "add", "--provider", "openai", "--batch", "-",
               input="".join(f"{user}\tsk-{user}-{'k7J6' * 6}\n" for user in names))
    return [(f"job{i}", names[i % users]) for i in range(jobs)]


def send(stack, jobs):
    stack.produce((user, {"id": id, "user": user, "capability": "chat", "provider": "openai", "prompt": f"Line {id}"})
                  for id, user in jobs)


class Watch:
    """Counts committed results as they come."""
    def __init__(self, stack):
        self.consumer = Consumer({"bootstrap.servers": stack.brokers, "group.id": "watch", "enable.auto.commit": False,
                                  "isolation.level": "read_committed", "auto.offset.reset": "earliest"})
        self.consumer.assign([TopicPartition(stack.prefix + "results", p, 0) for p in range(stack.partitions)])
        self.ids, self.count = set(), 0

    def reach(self, count, seconds=120):
        end = time.monotonic() + seconds
        while len(self.ids) < count:
            expect(time.monotonic() < end, f"{len(self.ids)} of {count} results after {seconds} s")
            for message in self.consumer.consume(1000, timeout=0.1):
                id = json.loads(message.value())["id"]
                if id.startswith("job"):
                    self.ids.add(id)


def check(stack, jobs):
    """One result per id, one usage event per call, the sums agree, the group is at the end."""
    wait_for("the group reaches the end", lambda: lag(stack) == 0, 60, every=0.5)
    found = {id: r for id, r in stack.results().items() if id.startswith("job")}
    missing = [id for id, _ in jobs if id not in found]
    doubled = {id: r for id, r in found.items() if len(r) > 1}
    expect(not missing, f"{len(missing)} results missing, e.g. {missing[:3]}")
    expect(not doubled, f"{len(doubled)} results doubled, e.g. {list(doubled.items())[:1]}")
    wrong = [r[0] for r in found.values() if r[0]["status"] != "ok"]
    expect(not wrong, f"{len(wrong)} not ok, e.g. {wrong[:1]}")
    events = [json.loads(m.value()) for m in stack.read("usage")]
    by_id = {}
    for event in events:
        by_id.setdefault(event["id"], []).append(event)
    by_id = {id: e for id, e in by_id.items() if id.startswith("job")}
    expect(by_id.keys() == found.keys(), f"{len(by_id)} ids with usage, {len(found)} with results")
    for id, result in found.items():
        attempts = [e["attempt"] for e in by_id[id]]
        expect(len(attempts) == len(set(attempts)), f"usage of {id} is there twice: {by_id[id]}")
        expect(sum(e.get("errors", 0) == 0 for e in by_id[id]) == 1, f"not one ok usage event of {id}: {by_id[id]}")
    totals = {key: (sum(r[0]["usage"][key] for r in found.values()),
                    sum(e.get(key, 0) for es in by_id.values() for e in es))
              for key in ("input_tokens", "output_tokens")}
    expect(all(a == b and a > 0 for a, b in totals.values()), f"sums of results and usage events differ: {totals}")
    return stack.sim_get("/sim/ledger")["calls"]


def lag(stack):
    consumer = Consumer({"bootstrap.servers": stack.brokers, "group.id": stack.prefix + "byokd", "isolation.level": "read_committed"})
    name = stack.prefix + "requests"
    left = 0
    for at in consumer.committed([TopicPartition(name, p) for p in range(stack.partitions)], timeout=30):
        low, high = consumer.get_watermark_offsets(TopicPartition(name, at.partition), timeout=30)
        left += high - max(at.offset, low)
    consumer.close()
    return left


def crashes_leave_one_result_each():
    chance = random.Random(SEED)
    with Stack(partitions=8, sim_options=LATENCY) as stack:
        workers = {name: stack.worker(name, **SETTINGS) for name in ("w1", "w2")}
        jobs = prepare(stack)
        send(stack, jobs)
        watch, kills = Watch(stack), 0
        for step in range(1, 7):
            watch.reach(JOBS * step // 8)
            name = chance.choice(("w1", "w2"))
            time.sleep(chance.uniform(0, 0.3))
            if step == 3:
                expect(workers[name].stop() == 0, "SIGTERM ends with 0")
            else:
                workers[name].kill()
                kills += 1
            if chance.random() < 0.5:
                time.sleep(chance.uniform(0, 2))
            workers[name] = stack.worker(name, wait=False, **SETTINGS)
        watch.reach(JOBS)
        calls = check(stack, jobs)
        print(f"   seed {SEED}: {JOBS} jobs, {kills} SIGKILLs, 1 SIGTERM, {calls} calls")


def a_frozen_worker_publishes_nothing_twice():
    with Stack(partitions=8, sim_options=LATENCY) as stack:
        first, second = stack.worker("w1", **SETTINGS), stack.worker("w2", **SETTINGS)
        jobs = prepare(stack)
        send(stack, jobs)
        watch = Watch(stack)
        watch.reach(JOBS // 5)
        os.kill(second.process.pid, signal.SIGSTOP)
        try:
            time.sleep(9)  # its session ends after 6 s
            watch.reach(JOBS // 2)  # the other goes on with its partitions
        finally:
            os.kill(second.process.pid, signal.SIGCONT)
        watch.reach(JOBS)
        calls = check(stack, jobs)
        print(f"   {JOBS} jobs, {calls} calls, {second.metric('byok_commit_failures_total'):.0f} commits refused to the frozen one")
        for worker in (first, second):
            expect(worker.running(), f"{worker.name} lives on")
            expect(worker.stop() == 0, "SIGTERM ends with 0")


def two_workers_of_one_name_are_told():
    with Stack(partitions=2, sim_options=LATENCY) as stack:
        kafka = {**stack.settings("w1")["kafka"], "instance_id": "same"}
        first = stack.worker("w1", **SETTINGS, kafka=kafka)
        jobs = prepare(stack, 200, 8)
        stack.worker("w2", wait=False, **SETTINGS, kafka=kafka)
        send(stack, jobs)
        wait_for("the older one says what is wrong",
                 lambda: re.search(r"event=producer_fenced|FENCED_INSTANCE_ID|_FENCED", first.err()), 30)
        first.kill()
        Watch(stack).reach(len(jobs))
        check(stack, jobs)


def a_broker_restart_leaves_one_result_each():
    with OwnKafka() as kafka, Stack(partitions=8, sim_options=LATENCY, brokers=kafka.brokers) as stack:
        stack.worker("w1", **SETTINGS)
        stack.worker("w2", **SETTINGS)
        jobs = prepare(stack)
        send(stack, jobs)
        watch = Watch(stack)
        watch.reach(JOBS // 3)
        kafka.run("stop")
        kafka.run("start")
        watch.reach(JOBS)
        calls = check(stack, jobs)
        print(f"   {JOBS} jobs, {calls} calls")


def a_commit_without_an_answer_is_found_out():
    """The broker stands still, longer than a commit waits: its outcome is unclear, and it may even come to pass later."""
    chance = random.Random(SEED)
    with OwnKafka() as kafka, Stack(partitions=8, sim_options=LATENCY, brokers=kafka.brokers) as stack:
        short = {**stack.settings("w")["kafka"], "transaction_timeout_ms": 1000, "consumer_properties": []}
        settings = {**SETTINGS, "kafka": short, "publish": {"batch": 10, "linger_ms": 0}}
        workers = [stack.worker(name, **settings) for name in ("w1", "w2")]
        jobs = prepare(stack)
        send(stack, jobs)
        watch = Watch(stack)
        for step in range(1, 6):
            watch.reach(JOBS * step // 8)
            time.sleep(chance.uniform(0, 0.2))
            kafka.freeze(2.5)
        watch.reach(JOBS)
        calls = check(stack, jobs)
        logs = "".join(worker.err() for worker in workers)
        counts = {outcome: logs.count(f"event=transaction_found_out outcome={outcome}") for outcome in ("committed", "aborted")}
        print(f"   seed {SEED}: {JOBS} jobs, {calls} calls, unclear commits that were found out: {counts}")


if __name__ == "__main__":
    main(crashes_leave_one_result_each, a_frozen_worker_publishes_nothing_twice, two_workers_of_one_name_are_told,
         a_broker_restart_leaves_one_result_each, a_commit_without_an_answer_is_found_out)
