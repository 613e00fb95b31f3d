# SPDX-License-Identifier: MIT
"""Workers that are killed, frozen, restarted, and that come and go, while jobs keep coming. BYOK_TEST_SEED repeats the
draws (not the timing). The long form runs by `./dev test --faults`."""
import os
import random
import signal
import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
from support.load import Load, pick  # noqa: E402
from support.stack import Stack, expect, main, wait_for  # noqa: E402

SEED = int(os.environ.get("BYOK_TEST_SEED", "0")) or random.randrange(1, 1 << 31)
SIM = ["--latency-ms", "20", "--latency-jitter-ms", "150"]  # calls overlap, and end out of order


def settings(stack, instance=None, **more):
    """A timeout of calls that is soon over: so long a claimed call's outcome may be awaited after a kill."""
    provider = {**stack.settings("w")["providers"][0], "timeout_ms": 3000}
    return {"providers": [provider], "shutdown": {"grace_ms": 5000}, **calm(instance), **more}


def calm(instance=None, **more):
    """Nothing is killed: every call ends and every drain, however long they take, and nothing is unclear."""
    kafka = {"instance_id": instance} if instance else {}
    return {"delivery": "exactly_once", "shards": 2, "kafka": {**kafka, "transaction_timeout_ms": 5000}, **more}


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
    """A zombie: stopped until the group has given its partitions away, then it goes on in the middle of its work."""
    with Stack(partitions=8, sim_options=SIM) as stack:
        first, second = (stack.worker(name, **settings(stack)) for name in ("w1", "w2"))
        with Load(stack) as load:
            for turn in range(pick(1, 5)):
                load.wait_done(200)
                load.send([f"job-heap{turn}-{i}" for i in range(1000)])  # so that it is stopped with its hands full
                os.kill(second.process.pid, signal.SIGSTOP)
                try:
                    time.sleep(9)  # its session ends after 6 s
                    load.wait_done(200)
                finally:
                    os.kill(second.process.pid, signal.SIGCONT)
            load.wait_done(500)
            load.finish()
            load.judge("SIGSTOP past the session, SIGCONT")
        for worker in (first, second):
            expect(worker.running() and worker.stop() == 0, f"{worker.name} lives on and ends with 0")


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
    main(killed_at_random_times, frozen_past_its_session, restarted_one_after_the_other, members_come_and_go, two_on_one_data_folder)
