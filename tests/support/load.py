# SPDX-License-Identifier: MIT
"""Jobs that come at a steady rate while a test breaks something, and the judgement afterwards.

The judge knows nothing of byokd's insides: it puts the requests that were sent beside the results that a reader with
isolation.level=read_committed sees, the usage events, the users' counters in the state topic, and the ledger of the simulated
provider, which is what a provider would have billed.
"""
import json
import os
import threading
import time

import msgpack
from confluent_kafka import Consumer, TopicPartition

from support.stack import PATIENCE, Failure, expect, wait_for

LONG = bool(os.environ.get("BYOK_TEST_FAULTS"))  # ./dev test --faults
MASK = (1 << 64) - 1


def pick(short, long):
    return long if LONG else short


def prompt_hash(text):
    """As the simulator's ledger names a prompt (demo/sim_text.c)."""
    x = 14695981039346656037
    for byte in text.encode():
        x = (x ^ byte) * 1099511628211 & MASK
    x = x + 0x9e3779b97f4a7c15 & MASK
    x = (x ^ x >> 30) * 0xbf58476d1ce4e5b9 & MASK
    x = (x ^ x >> 27) * 0x94d049bb133111eb & MASK
    return f"{x ^ x >> 31:016x}"


def prompt_of(id):
    return f"Line {id}"


def tokens(usage):
    return usage["input_tokens"], usage["output_tokens"]


class Load:
    """`with Load(stack, users) as load:` keys are registered, jobs come until the block ends or `stop`."""

    def __init__(self, stack, users=40, rate=150, on_unknown="report"):
        self.stack, self.rate, self.on_unknown = stack, rate, on_unknown
        self.users = [f"user{i}" for i in range(users)]
        self.sent = {}  # id -> user
        self.seen = {}  # id -> (status, count)
        self.lock = threading.Lock()
        self.last = {}  # partition -> when its last result came
        self.stalls = []  # seconds
        self.ending = self.feeding = False
        self.trouble = None

    def __enter__(self):
        wait_for("all topics have leaders", lambda: self.stack.byok("doctor", ok=False).returncode == 0, every=0.5)
        self.stack.byok("key", "add", "--provider", "openai", "--batch", "-", timeout=300 * PATIENCE,
                        input="".join(f"{user}\tsk-{user}-{'k7J6' * 6}\n" for user in self.users))
        self.watcher = threading.Thread(target=self._guard, args=(self._watch,))
        self.feeder = threading.Thread(target=self._guard, args=(self._feed,))
        self.watcher.start()
        self.feeding = True
        self.feeder.start()
        return self

    def __exit__(self, *_):
        self.feeding, self.ending = False, True
        self.feeder.join()
        self.watcher.join()

    def _guard(self, run):
        try:
            run()
        except Exception as error:  # told by the test's own thread
            self.trouble = error

    # ---- sending
    def request(self, id, user):
        return {"id": id, "user": user, "capability": "chat", "provider": "openai", "prompt": prompt_of(id),
                "on_unknown": self.on_unknown}

    def _feed(self):
        producer = self.stack.producer(**{"enable.idempotence": True, "log_level": 0})
        began, number = time.monotonic(), 0
        while self.feeding:
            while number < (time.monotonic() - began) * self.rate:
                id, user = f"job{number}", self.users[number % len(self.users)]
                producer.produce(self.stack.prefix + "requests", key=user, value=json.dumps(self.request(id, user)))
                with self.lock:
                    self.sent[id] = user
                number += 1
            producer.poll(0.02)
        expect(producer.flush(120 * PATIENCE) == 0, "the test's own jobs were not all delivered")

    def send(self, ids):
        """More jobs, besides those of the rate."""
        jobs = [(self.users[i % len(self.users)], id) for i, id in enumerate(ids)]
        self.stack.produce([(user, self.request(id, user)) for user, id in jobs])
        with self.lock:
            self.sent.update({id: user for user, id in jobs})

    # ---- watching
    def _watch(self):
        consumer = Consumer({"bootstrap.servers": self.stack.brokers, "group.id": "watch", "enable.auto.commit": False, "log_level": 0,
                             "isolation.level": "read_committed", "auto.offset.reset": "earliest"})
        consumer.assign([TopicPartition(self.stack.prefix + "results", p, 0) for p in range(self.stack.partitions)])
        while not self.ending:
            for message in consumer.consume(500, timeout=0.1):
                if message.error():
                    continue
                result = json.loads(message.value())
                if not result["id"].startswith("job"):
                    continue
                now = time.monotonic()
                with self.lock:
                    count = self.seen.get(result["id"], (None, 0))[1]
                    self.seen[result["id"]] = (result["status"], count + 1)
                    before = self.last.get(message.partition())
                    self.last[message.partition()] = now
                if before:
                    self.stalls.append(now - before)
        consumer.close()

    def open(self):
        with self.lock:
            return len(self.sent.keys() - self.seen.keys())

    def done(self):
        return len(self.seen)

    def wait_done(self, more, seconds=120):
        """So many more results than now."""
        self.reach(self.done() + more, seconds)

    def reach(self, count, seconds=120):
        """So many results in all."""
        self._wait(f"{count} results", lambda: self.done() >= count, seconds)

    def _wait(self, what, test, seconds):
        def look():
            if self.trouble:
                raise Failure(f"the load: {self.trouble!r}")
            return test()
        wait_for(what, look, seconds)

    # ---- the judgement
    def finish(self, seconds=180):
        """No more jobs; all that were sent get their results."""
        self.feeding = False
        self.feeder.join()
        try:
            self._wait("every request has a result", lambda: self.open() == 0, seconds)
        except Failure as failure:
            missing = sorted(self.sent.keys() - self.seen.keys())
            raise Failure(f"{failure}; {len(missing)} of {len(self.sent)} missing, e.g. {missing[:5]}") from None

    def ledger(self):
        """prompt hash -> its calls, each (input tokens, output tokens) as billed"""
        calls, page = {}, None
        since = 0
        while page is None or page:
            page = self.stack.sim_get(f"/sim/ledger/calls?since={since}&limit=10000")
            since += len(page)
            for call in page:
                calls.setdefault(call["prompt"], []).append(tokens(call))
        return calls

    def counters(self):
        """The users' own counters: calls, errors, input tokens, output tokens; summed."""
        latest = {}
        for message in self.stack.read("state"):
            if message.key().startswith(b"u\0"):
                latest[message.key()] = message.value()
        rows = [row for value in latest.values() if value for row in msgpack.unpackb(value).get("counters", [])]
        return [sum(row[i] for row in rows) for i in (3, 4, 5, 6)]

    def judge(self, what, kills=None, double_sends=0, statuses=("ok", "unknown")):
        """One result each, usage and counters agree, no call was sent twice (double_sends=None: any number was), the group is at the
        end. Prints the numbers."""
        results = {id: r for id, r in self.stack.results().items() if id.startswith("job")}
        lost = self.sent.keys() - results.keys()
        doubled = [id for id, r in results.items() if len(r) > 1]
        by_status = {}
        for r in results.values():
            by_status[r[0]["status"]] = by_status.get(r[0]["status"], 0) + 1
        calls = self.ledger()
        billed = {id: calls.get(prompt_hash(prompt_of(id)), []) for id in self.sent}
        twice = sum(max(0, len(of_id) - 1) for of_id in billed.values())
        worst = max(self.stalls, default=0)
        print(f"   {what}: {len(self.sent)} jobs, " + (f"{kills} kills, " if kills is not None else "") +
              f"lost {len(lost)}, duplicates {len(doubled)}, double sends {twice}, "
              f"results {by_status}, worst stall of a partition {worst:.1f} s", flush=True)
        expect(not lost, f"{len(lost)} lost, e.g. {sorted(lost)[:5]}")
        expect(not doubled, f"{len(doubled)} have several results, e.g. {[results[id] for id in doubled[:1]]}")
        strange = [r[0] for r in results.values() if r[0]["status"] not in statuses]
        expect(not strange, f"{len(strange)} results are neither of {statuses}, e.g. {strange[:1]}")
        expect(double_sends is None or twice <= double_sends, f"{twice} calls were sent twice, e.g. {[id for id, of_id in billed.items() if len(of_id) > 1][:5]}")
        expect(2 * by_status.get("ok", 0) > len(self.sent), "most calls were not cut off by anything, so most results are ok")
        self._judge_usage(results, billed)
        wait_for("the group reaches the end", lambda: self.lag() == 0, 60, every=0.5)

    def lag(self):
        """Records of the requests topic that the group has not put behind it."""
        consumer = Consumer({"bootstrap.servers": self.stack.brokers, "group.id": self.stack.prefix + "byokd",
                             "isolation.level": "read_committed"})
        left = 0
        for at in consumer.committed([TopicPartition(self.stack.prefix + "requests", p) for p in range(self.stack.partitions)], timeout=30 * PATIENCE):
            low, high = consumer.get_watermark_offsets(TopicPartition(at.topic, at.partition), timeout=30 * PATIENCE)
            left += high - max(at.offset, low)
        consumer.close()
        return left

    def _judge_usage(self, results, billed):
        events = {}
        for message in self.stack.read("usage"):
            event = json.loads(message.value())
            events.setdefault(event["id"], []).append(event)
        for id, of_id in events.items():
            attempts = [e["attempt"] for e in of_id]
            expect(len(attempts) == len(set(attempts)), f"usage of {id} is there twice: {of_id}")
        for id, (result, *_) in results.items():
            good = [e for e in events.get(id, []) if e["errors"] == 0]
            if result["status"] == "ok":
                expect(len(good) == 1 and billed[id], f"{id}: {len(good)} usage events, {len(billed[id])} billed calls")
                expect(tokens(good[0]) == tokens(result["usage"]), f"{id}: {good[0]} and {result['usage']}")
                expect(tokens(good[0]) in billed[id], f"{id}: {good[0]}, and in the provider's ledger {billed[id]}")
            else:
                expect(not good, f"{id} is {result['status']}, but has usage {good}")
        all_events = [e for of_id in events.values() for e in of_id]
        sums = [len(all_events), sum(e["errors"] for e in all_events),
                *(sum(e.get(unit, 0) for e in all_events) for unit in ("input_tokens", "output_tokens"))]
        expect(sums == self.counters(), f"usage events sum up to {sums}, the users' counters to {self.counters()}")
