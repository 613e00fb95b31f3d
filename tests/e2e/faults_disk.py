# SPDX-License-Identifier: MIT
"""The worker's disk: full, read-only, slow; and local state that is damaged or not this cluster's. The topics hold all that
counts, so nothing is ever lost by it. Disks are small tmpfs, which needs the right to mount; without it those parts say so."""
import contextlib
import os
import subprocess
import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
from support.load import Load, pick  # noqa: E402
from support.stack import BUILD, SANITIZED, Stack, call, expect, main, wait_for  # noqa: E402

SIM = ["--latency-ms", "20", "--latency-jitter-ms", "50"]


def settings(**more):
    return {"delivery": "exactly_once", "shards": 2, **more}


@contextlib.contextmanager
def disk(stack, name, mib):
    """A folder on a file system of its own, or None."""
    folder = stack.folder / name
    folder.mkdir()
    if subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={mib}m,mode=700", "byok-test", folder], capture_output=True).returncode != 0:
        print("   no right to mount a file system: skipped")
        yield None
        return
    try:
        yield folder
    finally:
        subprocess.run(["umount", "--lazy", folder], check=True)


def fill(folder):
    """Every byte that is left."""
    with (folder / "ballast").open("wb", buffering=0) as file:
        with contextlib.suppress(OSError):
            while file.write(b"\0" * 65536):
                pass
        with contextlib.suppress(OSError):
            while file.write(b"\0"):
                pass


def cannot_write_for_a_while(stack, what, start, begin, end, says):
    """The worker of `start` stops taking and says so; another one goes on; when the first can write again, a restart later, all is
    worked off. `begin` breaks its disk and `end` mends it, `says` stands in the log."""
    # so long a claimed call's outcome may be awaited
    hasty = {"providers": [{**stack.settings("w")["providers"][0], "timeout_ms": 3000}], "shutdown": {"grace_ms": 5000}}
    first = start(hasty)
    stack.worker("w2", **settings(**hasty))
    with Load(stack, rate=100) as load:
        load.wait_done(200)
        begin()
        wait_for(f"{what} is seen", lambda: first.metric("byok_store_broken") > 0, 60)
        expect(not first.ready(), "/readyz says no")
        expect(says in first.err(), "the log says why")
        time.sleep(pick(1, 10))
        end()
        first.stop()
        start(hasty)
        load.wait_done(200)
        load.finish()
        load.judge(what)


def a_full_disk():
    with Stack(partitions=4, sim_options=SIM) as stack, disk(stack, "small", 12) as folder:  # too small for RocksDB to set its log's room aside
        def start(more):
            return stack.worker("w1", **settings(data_dir=str(folder / "data"), **more))
        if folder:
            cannot_write_for_a_while(stack, "a full disk", start, lambda: fill(folder), (folder / "ballast").unlink, "full")


@contextlib.contextmanager
def bad_disk(**more):
    """What is started in it has the library of tests/e2e/bad_disk.c."""
    more["LD_PRELOAD"] = str(BUILD / "tests" / "e2e" / "libbyok_bad_disk.so")
    os.environ |= more
    try:
        yield {"sandbox": {"preload": True}}
    finally:
        for name in more:
            del os.environ[name]


def a_disk_that_becomes_read_only():
    """As file systems do that have found an error."""
    if SANITIZED:
        print("   a sanitizer wants to be loaded first: skipped")
        return
    with Stack(partitions=4, sim_options=SIM) as stack:
        flag = stack.folder / "read-only"

        def start(more):
            with bad_disk(BYOK_READ_ONLY_IF=str(flag)) as preload:
                return stack.worker("w1", **settings(**preload, **more))
        cannot_write_for_a_while(stack, "a disk that has become read-only", start, flag.touch, flag.unlink, "Read-only file system")


def a_read_only_disk():
    """At the start: an error that says what to do."""
    with Stack(partitions=4, sim_options=SIM) as stack, disk(stack, "small", 12) as folder:  # too small for RocksDB to set its log's room aside
        if not folder:
            return
        worker = stack.worker("w1", **settings(data_dir=str(folder / "data")))
        with Load(stack, rate=100) as load:
            load.wait_done(100)
            expect(worker.stop() == 0, "SIGTERM ends with 0")
            subprocess.run(["mount", "-o", "remount,ro", folder], check=True)
            refused = stack.worker("w1", wait=False, **settings(data_dir=str(folder / "data")))
            wait_for("it ends", lambda: not refused.running())
            expect(refused.process.returncode != 0 and "can be written" in refused.err(), refused.err())
            subprocess.run(["mount", "-o", "remount,rw", folder], check=True)
            stack.worker("w1", **settings(data_dir=str(folder / "data")))
            load.wait_done(100)
            load.finish()
            load.judge("a read-only disk", statuses=("ok",))


def a_slow_disk():
    """20 ms for every write: slower, nothing else."""
    if SANITIZED:
        print("   a sanitizer wants to be loaded first: skipped")
        return
    with Stack(partitions=4, sim_options=SIM) as stack:
        with bad_disk(BYOK_SLOW_US="20000") as preload:
            stack.worker("w1", **settings(**preload))
        with Load(stack, rate=pick(40, 100)) as load:
            load.wait_done(pick(200, 2000))
            load.finish()
            load.judge("20 ms for every write", statuses=("ok",))


def calls_of_repeats(stack, load):
    """The same requests again: known from the state, they cost no call."""
    before = stack.sim_get("/sim/ledger")["calls"]
    stack.produce([(user, load.request(id, user)) for id, user in load.sent.items()])
    load.send(["job-last"])
    load.finish()
    return stack.sim_get("/sim/ledger")["calls"] - before


def damaged_local_state():
    """Bytes that rotted in every file of the database: it is set aside, and filled again from the changelogs."""
    with Stack(partitions=2, sim_options=SIM) as stack:
        worker = stack.worker("w1", **settings())
        with Load(stack, users=8, rate=0) as load:
            load.send([f"job-a{i}" for i in range(100)])
            load.finish()
            expect(worker.stop() == 0, "SIGTERM ends with 0")
            for file in (stack.folder / "w1").glob("MANIFEST-*"):
                data = bytearray(file.read_bytes())
                data[len(data) // 2:len(data) // 2 + 20] = b"X" * 20
                file.write_bytes(data)
            worker = stack.worker("w1", **settings())
            expect("event=local_state_set_aside" in worker.err(), worker.err())
            expect(list((stack.folder / "w1").glob("set-aside-*/MANIFEST-*")), "it is kept")
            expect(calls_of_repeats(stack, load) == 1, "what was done is known")
            load.judge("a damaged database", statuses=("ok",))


def local_state_of_other_topics():
    """The topics were deleted and made again: what the folder holds is a copy of others, and is not served from."""
    with Stack(partitions=2, sim_options=SIM) as stack:
        worker = stack.worker("w1", **settings())
        stack.add_key("alice", "sk-alice-" + "a1B2" * 8)
        expect(worker.stop() == 0, "SIGTERM ends with 0")
        stack.delete_topics()
        admin = stack.admin()
        wait_for("the broker, not only its controller, knows no topics", lambda: not stack.topics(admin), 30, every=0.05)
        worker = stack.worker("w1", **settings())
        expect("event=local_state_set_aside" in worker.err(), worker.err())
        refused = call(stack, "submit", "--user", "alice", "--capability", "chat", "--provider", "openai", "--prompt", "x", "--wait", ok=False)
        expect(refused["error"]["code"] == "no_key", f"a key of the other topics: {refused}")
        expect(worker.stop() == 0, "SIGTERM ends with 0")
        worker = stack.worker("w1", **settings())
        expect("event=local_state_set_aside" not in worker.err(), "once")


if __name__ == "__main__":
    main(a_full_disk, a_disk_that_becomes_read_only, a_read_only_disk, a_slow_disk, damaged_local_state, local_state_of_other_topics)
