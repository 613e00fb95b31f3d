# SPDX-License-Identifier: MIT
"""Brokers that restart, die and come back, on one node and on three (3 replicas, 2 of them in sync at least), and a topic
that forgets requests. The long form runs by `./dev test --faults`."""
import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
from support.kafka import OwnKafka  # noqa: E402
from support.load import Load, pick  # noqa: E402
from support.stack import Stack, expect, main  # noqa: E402
from confluent_kafka import Consumer, TopicPartition  # noqa: E402

SIM = ["--latency-ms", "20", "--latency-jitter-ms", "150"]


def settings(stack, **kafka):
    """With the usual session timeout: the group does not forget the workers while its coordinator is away."""
    provider = {**stack.settings("w")["providers"][0], "timeout_ms": 3000}
    return {"delivery": "exactly_once", "shards": 2, "providers": [provider], "shutdown": {"grace_ms": 5000},
            "kafka": {"consumer_properties": [], **kafka}}


def one_broker_restarts():
    with OwnKafka() as kafka, Stack(partitions=8, sim_options=SIM, brokers=kafka.brokers) as stack:
        for name in ("w1", "w2"):
            stack.worker(name, **settings(stack))
        with Load(stack) as load:
            for turn, how in enumerate(pick(("kill",), ("stop", "kill") * 3)):
                load.wait_done(200)
                load.send([f"job-heap{turn}-{i}" for i in range(1000)])  # more than is done when the broker goes
                kafka.run(how)
                time.sleep(1)
                kafka.run("start")
            load.wait_done(300)
            load.finish()
            load.judge(f"{pick(1, 6)} restarts of the only broker")


def one_broker_of_three_is_lost():
    """Each in turn, by SIGKILL; work goes on without it."""
    with OwnKafka(nodes=3) as kafka, Stack(partitions=6, sim_options=SIM, brokers=kafka.brokers) as stack:
        for name in ("w1", "w2"):
            stack.worker(name, **settings(stack, replication=3))
        with Load(stack, rate=pick(60, 150)) as load:
            for node in pick((2,), (1, 2, 3)):
                load.wait_done(100)
                kafka.run("kill", node)
                load.wait_done(300)  # on two
                kafka.run("start", node)
            load.wait_done(100)
            load.finish()
            load.judge(f"{pick(1, 3)} of three brokers lost", kills=pick(1, 3))


def on_requests(stack, question):
    """An answer about the only partition of the requests topic."""
    consumer = Consumer({"bootstrap.servers": stack.brokers, "group.id": stack.prefix + "byokd"})
    answer = question(consumer, TopicPartition(stack.prefix + "requests", 0))
    consumer.close()
    return answer


def requests_trimmed_under_the_committed_offset():
    """Retention has taken requests that nobody had read: they are gone, what is left is worked off, and nothing hangs."""
    with Stack(partitions=1, sim_options=SIM) as stack:
        calm = {"delivery": "exactly_once", "shards": 2}  # no call is cut off
        worker = stack.worker("w1", **calm)
        with Load(stack, users=4, rate=0) as load:
            load.send([f"job-a{i}" for i in range(40)])
            load.finish()
            expect(worker.stop() == 0, "SIGTERM ends with 0")
            before = on_requests(stack, lambda consumer, at: consumer.get_watermark_offsets(at, timeout=30))[1]
            gone, left = ([f"job-{name}{i}" for i in range(20)] for name in ("b", "c"))
            stack.produce([(load.users[0], load.request(id, load.users[0])) for id in gone])
            cut = before + len(gone)
            admin = stack.admin()  # lives until its answers are there
            for future in admin.delete_records([TopicPartition(stack.prefix + "requests", 0, cut)]).values():
                future.result(30)
            at = on_requests(stack, lambda consumer, at: consumer.committed([at], timeout=30))[0].offset
            expect(0 < at < cut, f"the group is at {at}, the log begins at {cut}")
            load.send(left)
            stack.worker("w1", **calm)
            load.finish()
            load.judge(f"{len(gone)} waiting requests trimmed", statuses=("ok",))


if __name__ == "__main__":
    main(one_broker_restarts, one_broker_of_three_is_lost, requests_trimmed_under_the_committed_offset)
