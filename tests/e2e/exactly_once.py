# SPDX-License-Identifier: MIT
"""delivery: exactly_once on a real Kafka, with all jobs there at once: workers crash, brokers stand still, and every request has one
committed result. More faults, at a steady rate, and at length: faults_workers.py, faults_brokers.py."""
import contextlib
import os
import random
import re
import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
from support.kafka import OwnKafka  # noqa: E402
from support.load import Load  # noqa: E402
from support.stack import Stack, expect, main, wait_for  # noqa: E402

JOBS = int(os.environ.get("BYOK_TEST_JOBS", "5000"))
USERS = int(os.environ.get("BYOK_TEST_USERS", "100"))
SEED = int(os.environ.get("BYOK_TEST_SEED", "0")) or random.randrange(1, 1 << 31)
LATENCY = ["--latency-ms", "20", "--latency-jitter-ms", "150"]  # calls overlap, and end out of order


def settings(stack, **more):
    """A timeout of calls that is soon over: so long a claimed call's outcome may be awaited after a crash."""
    provider = {**stack.settings("w")["providers"][0], "timeout_ms": 3000}
    return {"delivery": "exactly_once", "shards": 2, "providers": [provider], **more}


@contextlib.contextmanager
def full(stack, jobs=JOBS, users=USERS):
    """A load whose jobs are all there from the beginning."""
    with Load(stack, users=users, rate=0) as load:
        load.send([f"job{i}" for i in range(jobs)])
        yield load


def crashes_leave_one_result_each():
    """A restart must end the transaction that a crash has left open: its time-out comes when the test has long failed."""
    chance, kills = random.Random(SEED), 0
    patient = {"kafka": {"transaction_timeout_ms": 600000}}
    with Stack(partitions=8, sim_options=LATENCY) as stack:
        workers = {name: stack.worker(name, **settings(stack, **patient)) for name in ("w1", "w2")}
        with full(stack) as load:
            for step in range(1, 7):
                load.reach(JOBS * step // 8)
                name = chance.choice(("w1", "w2"))
                time.sleep(chance.uniform(0, 0.3))
                if step == 3:
                    wait_for("it listens", workers[name].status_port)  # before that a signal ends it at once
                    expect(workers[name].stop() == 0, "SIGTERM ends with 0")
                else:
                    workers[name].kill()
                    kills += 1
                if chance.random() < 0.5:
                    time.sleep(chance.uniform(0, 2))
                workers[name] = stack.worker(name, wait=False, **settings(stack, **patient))
            load.finish()
            load.judge(f"seed {SEED}, 1 SIGTERM", kills)


def two_workers_of_one_name_are_told():
    with Stack(partitions=2, sim_options=LATENCY) as stack:
        kafka = {"instance_id": "same"}
        first = stack.worker("w1", **settings(stack, kafka=kafka))
        with full(stack, 600, 8) as load:
            stack.worker("w2", wait=False, **settings(stack, kafka=kafka))
            wait_for("the older one says what is wrong",
                     lambda: re.search(r"event=producer_fenced|FENCED_INSTANCE_ID|_FENCED", first.err()), 30)
            first.kill()
            load.finish()
            load.judge("two workers of one name")


def a_commit_without_an_answer_is_found_out():
    """The broker stands still, longer than a commit waits: its outcome is unclear, and it may even come to pass later."""
    chance = random.Random(SEED)
    with OwnKafka() as kafka, Stack(partitions=8, sim_options=LATENCY, brokers=kafka.brokers) as stack:
        short = {"transaction_timeout_ms": 1000, "consumer_properties": []}
        workers = [stack.worker(name, **settings(stack, kafka=short, publish={"batch": 10, "linger_ms": 0, "interval_ms": 0})) for name in ("w1", "w2")]
        with full(stack) as load:
            for step in range(1, 6):
                load.reach(JOBS * step // 8)
                time.sleep(chance.uniform(0, 0.2))
                kafka.freeze(2.5)
            load.finish()
            logs = "".join(worker.err() for worker in workers)
            counts = {outcome: logs.count(f"event=transaction_found_out outcome={outcome}") for outcome in ("committed", "aborted")}
            load.judge(f"seed {SEED}, unclear commits that were found out: {counts}")


if __name__ == "__main__":
    main(crashes_leave_one_result_each, two_workers_of_one_name_are_told, a_commit_without_an_answer_is_found_out)
