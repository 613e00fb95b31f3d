# SPDX-License-Identifier: MIT
"""Workers that are killed, frozen, cut off, restarted, and that come and go, while jobs keep coming. BYOK_TEST_SEED repeats the
draws (not the timing). The long form runs by `./dev test --faults`."""
import os
import random
import signal
import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
from support.kafka import OwnKafka  # noqa: E402
from support.load import Load, pick  # noqa: E402
from support.stack import PATIENCE, Stack, expect, main, wait_for, with_more_time  # noqa: E402
from confluent_kafka import KafkaException  # noqa: E402
from confluent_kafka.admin import NewTopic  # noqa: E402

SEED = int(os.environ.get("BYOK_TEST_SEED", "0")) or random.randrange(1, 1 << 31)
SIM = ["--latency-ms", "20", "--latency-jitter-ms", "150"]  # calls overlap, and end out of order


def settings(stack, instance=None, **more):
    """A timeout of calls that is soon over: so long a claimed call's outcome may be awaited after a kill."""
    provider = {**stack.settings("w")["providers"][0], "timeout_ms": 3000}
    return {"providers": [provider], "shutdown": {"grace_ms": 5000}, **calm(instance, **more)}


def calm(instance=None, kafka=None, **more):
    """Nothing is killed: every call ends and every drain, however long they take, and nothing is unclear."""
    named = {"instance_id": instance} if instance else {}
    return {"delivery": "exactly_once", "shards": 2, "kafka": {**named, "transaction_timeout_ms": 5000, **(kafka or {})}, **more}


def killed_at_random_times():
    """Two static members and one that is not; each is killed at any moment, its own start included."""
    chance, kills = random.Random(SEED), pick(12, 100)
    with Stack(partitions=8, sim_options=SIM) as stack:
        names = {"w1": "w1", "w2": "w2", "w3": None}
        workers = {name: stack.worker(name, **settings(stack, instance)) for name, instance in names.items()}
        with Load(stack, rate=pick(150, 100)) as load:
            load.wait_done(100)
            for _ in range(kills):
                time.sleep(chance.uniform(0, 2))
                name = chance.choices(list(names), (4, 4, 1))[0]
                workers[name].kill()
                if chance.random() < 0.2:
                    time.sleep(chance.uniform(0, 2))
                workers[name] = stack.worker(name, wait=False, **settings(stack, names[name]))
            load.wait_done(pick(200, 1000))
            load.finish()
            load.judge(f"seed {SEED}", kills)


def frozen_past_its_session():
    """A zombie: stopped until the group has given its partitions away, then it goes on in the middle of its work. Its transaction was
    ended by its time-out meanwhile, or is open still, and then it is the group that does not take its positions."""
    for timeout_ms in pick((60000,), (5000, 60000)):
        frozen_with_a_transaction_of(timeout_ms)


def frozen_with_a_transaction_of(timeout_ms):
    with Stack(partitions=8, sim_options=SIM) as stack:
        first, second = (stack.worker(name, **settings(stack, kafka={"transaction_timeout_ms": timeout_ms})) for name in ("w1", "w2"))
        with Load(stack) as load:
            for turn in range(pick(1, 4)):
                load.wait_done(200)
                load.send([f"job-heap{turn}-{i}" for i in range(1000)])  # so that it is stopped with its hands full
                os.kill(second.process.pid, signal.SIGSTOP)
                try:
                    time.sleep(9)  # its session ends after 6 s
                    if timeout_ms < 9000:
                        load.wait_done(200)  # an open one holds up who reads what is committed
                finally:
                    os.kill(second.process.pid, signal.SIGCONT)
            load.wait_done(500)
            load.finish()
            load.judge(f"SIGSTOP past the session, SIGCONT, transactions of {timeout_ms // 1000} s")
        for worker in (first, second):
            lives = worker.running()
            code = worker.stop()
            expect(lives and code == 0, f"{worker.name} lives on and ends with 0: {'SIGTERM' if lives else 'before it'}, {code}")


def coordinator_of(stack):
    """The broker that coordinates the workers' group; None: not yet, which is Kafka's answer to the first questions."""
    admin, group = stack.admin(), stack.prefix + "byokd"  # it lives until its answer is there
    try:
        return admin.describe_consumer_groups([group])[group].result(30 * PATIENCE).coordinator.id
    except KafkaException:
        return None


def lead_by_others(stack, node, nodes):
    """Partitions of requests and of state are not led by that node."""
    others = [[other] for other in range(1, nodes + 1) if other != node]
    leaders = [others[p % len(others)] for p in range(stack.partitions)]
    topics = [NewTopic(stack.prefix + name, stack.partitions, replica_assignment=leaders, config=config)
              for name, config in (("requests", {}), ("state", {"cleanup.policy": "compact"}))]
    admin = stack.admin()
    for future in admin.create_topics(topics).values():
        future.result(30 * PATIENCE)


def claimed_by_both(stack, ids):
    claims = {}
    for message in stack.read("state"):
        if message.key().startswith(b"c\0") and message.value():
            claims.setdefault(message.key().split(b"\0", 2)[2].decode(), set()).add(message.value())
    return sum(len(claims.get(id, ())) > 1 for id in ids)


def cut_off(proxy, seconds):
    """Who reaches that broker by the proxy sends it nothing more, and is expelled when the session ends; but the answer to the last
    heartbeat is held back, and when it comes the session begins anew, for the worker alone."""
    proxy.answers.clear()
    time.sleep(seconds / 8)  # a heartbeat arrives
    proxy.requests.clear()
    time.sleep(seconds * 0.7)
    proxy.answers.set()


def cut_off_from_the_coordinator():
    """A zombie that nothing stops: the group's coordinator is all that it does not reach. It takes itself for a member when another
    worker has its partitions, reads their new jobs as well, and its claims are acknowledged."""
    with_more_time((6, 12, 24), cut_off_for_a_session)


def cut_off_for_a_session(seconds):
    session = {"consumer_properties": [f"session.timeout.ms={seconds * 1000}", f"heartbeat.interval.ms={seconds * 1000 // 24}"]}
    with OwnKafka(nodes=2, proxied=True) as kafka, Stack(partitions=8, sim_options=SIM, brokers=kafka.brokers) as stack:
        coordinator = wait_for("the group has a coordinator", lambda: coordinator_of(stack))
        lead_by_others(stack, coordinator, kafka.nodes)
        first, second = (stack.worker(name, **settings(stack, kafka={**session, "brokers": brokers}))
                         for name, brokers in (("w1", kafka.proxied), ("w2", kafka.brokers)))

        def owned():
            return [worker.metric("byok_partitions") for worker in (first, second)]

        def claims():
            return first.metric("byok_claims_total")
        with Load(stack, rate=0) as load:
            both = 0
            for turn in range(pick(1, 6)):
                wait_for("both have partitions", lambda: min(owned()) > 0 and sum(owned()) == stack.partitions)
                load.send([f"job-before{turn}-{i}" for i in range(200)])
                idle = turn % 2 == 0  # else it is cut off with its hands full, and may have none free for more
                if idle:
                    load.reach(len(load.sent))
                cut_off(kafka.proxies[coordinator], seconds)
                wait_for("the other one has all partitions", lambda: owned()[1] == stack.partitions, every=0.01)
                ids, before = [f"job-during{turn}-{i}" for i in range(400)], claims()
                load.send(ids)
                load.reach(len(load.sent))
                wait_for("it goes on with them", lambda: claims() > before or owned()[0] == 0)
                new = claimed_by_both(stack, ids) if claims() > before else 0
                kafka.proxies[coordinator].requests.set()
                if idle and new == 0:
                    return None  # a slow machine: by its own clock too the session was over before the other one had all
                both += new
            load.send([f"job-after{i}" for i in range(200)])
            load.finish()
            load.judge(f"cut off from the coordinator, {both} jobs claimed by both workers")
    return True


def restarted_one_after_the_other():
    """A rolling restart: SIGTERM, the next start, the other one; nothing stands in doubt, so every result is ok."""
    with Stack(partitions=8, sim_options=SIM) as stack:
        workers = {name: stack.worker(name, **calm(name)) for name in ("w1", "w2")}
        with Load(stack) as load:
            load.wait_done(200)
            for _ in range(pick(1, 5)):
                for name in workers:
                    expect(workers[name].stop() == 0, "SIGTERM ends with 0")
                    workers[name] = stack.worker(name, **calm(name))
                    load.wait_done(100)
            load.finish()
            load.judge(f"{pick(2, 10)} restarts by SIGTERM", statuses=("ok",))


def members_come_and_go():
    """A rebalance storm: every few seconds one more worker, or one less."""
    chance = random.Random(SEED)
    with Stack(partitions=8, sim_options=SIM) as stack:
        stack.worker("w0", **calm())
        guests = []
        with Load(stack) as load:
            load.wait_done(100)
            for step in range(pick(4, 30)):
                if len(guests) < 1 or (len(guests) < 3 and chance.random() < 0.5):
                    guests.append(stack.worker(f"g{step}", wait=False, **calm()))
                else:
                    guest = guests.pop(chance.randrange(len(guests)))
                    wait_for(f"{guest.name} listens", guest.status_port)  # before that a signal ends it at once
                    expect(guest.stop() == 0, "SIGTERM ends with 0")
                time.sleep(chance.uniform(0.5, 3))
            load.wait_done(100)
            load.finish()
            load.judge(f"seed {SEED}, {pick(4, 30)} joins and leaves", statuses=("ok",))


def two_on_one_data_folder():
    with Stack(partitions=2, sim_options=SIM) as stack:
        first = stack.worker("w1", **calm())
        with Load(stack, users=8) as load:
            second = stack.worker("w2", wait=False, **calm(data_dir=str(stack.folder / "w1")))
            wait_for("the second one ends", lambda: not second.running())
            expect(second.process.returncode != 0 and "two processes on one data folder" in second.err(), second.err())
            load.wait_done(100)
            load.finish()
            load.judge("two processes on one data folder", statuses=("ok",))
        expect(first.running(), "the first one goes on")


if __name__ == "__main__":
    main(killed_at_random_times, frozen_past_its_session, cut_off_from_the_coordinator, restarted_one_after_the_other, members_come_and_go, two_on_one_data_folder)
