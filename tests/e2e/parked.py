# SPDX-License-Identifier: MIT
"""One user's long queue waits in the state: others are served at once, memory stays small, a new worker takes it up, and it comes
out in order. The long form (`./dev test --faults`) has 1,000,000 jobs; BYOK_PARKED_JOBS says another number."""
import json
import os
import statistics
import sys
import threading
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
from support.load import pick  # noqa: E402
from support.stack import SANITIZED, Stack, expect, main, wait_for  # noqa: E402
from confluent_kafka import Consumer, TopicPartition  # noqa: E402

JOBS = int(os.environ.get("BYOK_PARKED_JOBS", pick(5000, 1000000)))
BEGUN = 10  # jobs that may have begun, or be about to, while their user may make one call a minute
CALLS = 64  # providers[].concurrency: so many may begin within a millisecond, and when each did is known no better
MEMORY_MIB = 400  # of growth: the budget of one shard (jobs.memory_mb) and the database's own


def job(user, id):
    return {"id": id, "user": user, "capability": "chat", "provider": "openai", "prompt": f"Question {id}: what is the answer?"}


class Beside:
    """`with Beside(stack, user, name) as beside:` single jobs of another user, one after the other; how long each takes."""
    def __init__(self, stack, user, name):
        self.stack, self.user, self.name, self.took, self.ending = stack, user, name, [], False
        self.thread = threading.Thread(target=self._run)

    def __enter__(self):
        self.thread.start()
        return self

    def __exit__(self, *_):
        self.ending = True
        self.thread.join()

    def _run(self):
        stack, producer = self.stack, self.stack.producer(**{"linger.ms": 0})
        consumer = Consumer({"bootstrap.servers": stack.brokers, "group.id": "beside", "enable.auto.commit": False,
                             "isolation.level": "read_committed"})
        places = [TopicPartition(stack.prefix + "results", p) for p in range(stack.partitions)]
        for place in places:
            place.offset = consumer.get_watermark_offsets(place, timeout=30)[1]
        consumer.assign(places)
        while not self.ending:
            id, began = f"{self.name}{len(self.took)}", time.monotonic()
            producer.produce(stack.prefix + "requests", key=self.user, value=json.dumps(job(self.user, id)))
            producer.poll(0)
            while not self.ending:
                message = consumer.poll(0.05)
                if message and not message.error() and json.loads(message.value())["id"] == id:
                    break
            self.took.append(time.monotonic() - began)  # the last one: so long at least
            time.sleep(0.1)
        consumer.close()
        producer.flush(10)

    def text(self):
        return f"{1000 * statistics.median(self.took):.0f} ms (median), {1000 * max(self.took):.0f} ms (worst of {len(self.took)})"


def watch_parking(worker):
    """Until all are parked; the highest memory, and the rate of the first and the last tenth."""
    most, steps, began = 0, [(time.monotonic(), 0)], time.monotonic()
    while steps[-1][1] < JOBS - BEGUN:
        expect(time.monotonic() < began + 1800, f"{steps[-1][1]:.0f} of {JOBS} jobs parked")
        steps.append((time.monotonic(), worker.metric("byok_parked_total")))
        most = max(most, worker.rss_mib())
        time.sleep(0.2)

    def rate(low, high):
        inside = [(at, count) for at, count in steps if low * JOBS <= count <= high * JOBS]
        return (inside[-1][1] - inside[0][1]) / max(0.001, inside[-1][0] - inside[0][0]) if len(inside) > 1 else 0
    return most, steps[-1][0] - began, rate(0.05, 0.2), rate(0.8, 0.95)


def disorder(stack):
    """How many places from where it stood a job of the queue began, at most; the number of results."""
    began = []
    for message in stack.each("results"):
        result = json.loads(message.value())
        if result["id"].startswith("q"):
            began.append((result["attempts"][0]["started_ms"], int(result["id"][1:])))
    return max((abs(i - place) for place, (_, i) in enumerate(sorted(began))), default=0), len(began)


def one_users_long_queue():
    with Stack() as stack:
        settings = {"delivery": "exactly_once", "limits": {"concurrency": 0}, "jobs": {"park_after_ms": 2000}}
        worker = stack.worker("first", **settings)
        for user in ("alice", "bob"):
            stack.add_key(user, f"sk-{user}-" + "b3N4" * 8)
        stack.byok("configure", "--user", "alice", "--requests-per-minute", "1")
        with Beside(stack, "bob", "alone") as alone:
            wait_for("bob's jobs", lambda: len(alone.took) >= 10)
        before = worker.rss_mib()
        feeder = threading.Thread(target=stack.produce, args=((("alice", job("alice", f"q{i}")) for i in range(JOBS)),))
        feeder.start()
        with Beside(stack, "bob", "beside") as beside:
            most, took, first, last = watch_parking(worker)
        feeder.join()
        print(f"   {JOBS} jobs of one user produced and parked in {took:.1f} s ({first:.0f} jobs/s early, {last:.0f} late), "
              f"{before:.0f} -> {most:.0f} MiB at most\n   another user's job: alone {alone.text()}, beside them {beside.text()}", flush=True)
        # who had to wait for the queue would wait until it is parked at least
        bound = statistics.median(alone.took) + max(2, took / 4)
        expect(len(beside.took) > 0 and statistics.median(beside.took) < bound, "another user waits for the queue")
        expect(SANITIZED or most < before + MEMORY_MIB, "more memory than the budget says")
        expect(worker.stop() == 0, "SIGTERM ends with 0")
        began = time.monotonic()
        second = stack.worker("second", **settings)  # with an empty folder
        wait_for("it runs", lambda: second.metric("byok_partitions") == stack.partitions, 600, every=0.2)
        ready = time.monotonic() - began
        stack.byok("configure", "--user", "alice", "--requests-per-minute", "none")
        began = time.monotonic()
        wait_for("all are worked off", lambda: second.metric('byok_results_total{code="ok"}') >= JOBS - 100, 3600, every=0.5)
        took = time.monotonic() - began
        wait_for("all results are there", lambda: disorder(stack)[1] >= JOBS, 60, every=5)
        worst, count = disorder(stack)
        print(f"   an empty folder was filled after {ready:.1f} s; the queue worked off in {took:.1f} s ({JOBS / took:.0f} jobs/s, "
              f"{second.rss_mib():.0f} MiB), begun at most {worst} places from where they stood", flush=True)
        expect(count == JOBS, f"{count} results of {JOBS} jobs")
        expect(worst <= 4 * CALLS, "out of the order that README.md promises")


main(one_users_long_queue)
