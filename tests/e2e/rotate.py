# SPDX-License-Identifier: MIT
"""Rotation of the master key on a real Kafka while jobs run: workers are ended by SIGKILL on the way, no key is lost."""
import json
import os
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
from support.stack import BUILD, PATIENCE, Stack, expect, main, wait_for  # noqa: E402

USERS = int(os.environ.get("BYOK_TEST_USERS", "600"))
KILLS = int(os.environ.get("BYOK_TEST_KILLS", "6"))


def master_keys_rotate_while_jobs_run_and_workers_are_killed():
    with Stack(partitions=4, sim_options=["--latency-ms", "5"]) as stack:
        worker = stack.worker("w1", delivery="exactly_once", kafka={"transaction_timeout_ms": 2000})
        users = [f"user{i}" for i in range(USERS)]
        lines = "".join(f"{user}\tsk-{user}-{'k7J6' * 6}\n" for user in users)
        stack.byok("key", "add", "--provider", "openai", "--batch", "-", input=lines)
        second = stack.folder / "second.key"
        stack.run([BUILD / "worker" / "byokd", "--new-master-key", second])
        # what is under way at a kill is called again, as soon as its time is over
        jobs = {"capability": "chat", "provider": "openai", "prompt": "hi", "on_unknown": "retry"}
        hasty = {"delivery": "exactly_once", "kafka": {"transaction_timeout_ms": 2000},
                 "providers": [{**stack.settings("w")["providers"][0], "timeout_ms": 3000}], "retry": {"attempts": 16}}
        old, new = {"id": 1, "file": str(stack.master_key)}, {"id": 2, "file": str(second)}
        both = {"master_keys": [new, old]}
        expect(worker.stop() == 0, "SIGTERM ends with 0")
        ids = []
        for kill in range(KILLS):
            worker = stack.worker("w1", vault=both, log={"level": "debug"}, **hasty)
            batch = [(user, {"id": f"{user}-{kill}", "user": user, **jobs}) for user in users[kill::KILLS]]
            stack.produce(batch)
            ids += [message["id"] for _, message in batch]
            wanted = 30 * (kill + 1)
            wait_for("some keys are sealed anew, or all are",
                     lambda: worker.metric("byok_rewrapped_total") >= min(wanted, 60) or
                     worker.err().count("event=partition_rewrapped") == 4, 60, every=0.01)
            worker.kill()
        left = stack.byok("vault", "status", "--to", "2", ok=False).stdout
        print("   after the last kill: " + ", ".join(left.splitlines()[:2]))
        worker = stack.worker("w1", vault=both, **hasty)
        said = stack.byok("vault", "rotate", "--to", "2").stdout
        expect(f"master key 2: {USERS} keys" in said and "no other master key is needed" in said, said)
        expect(worker.stop() == 0, "SIGTERM ends with 0")
        # an empty folder, the old key dropped; what was under way at several kills has had many attempts
        worker = stack.worker("w2", vault={"master_keys": [new]}, **hasty)
        stack.produce([(user, {"id": f"{user}-last", "user": user, **jobs}) for user in users])
        ids += [f"{user}-last" for user in users]
        found = stack.wait_results(ids)
        wrong = [found[i] for i in ids if len(found[i]) != 1 or found[i][0]["status"] != "ok"]
        expect(not wrong, f"{len(wrong)} of {len(ids)} are not one good result, e.g. {wrong[:1]}")
        audited = stack.byok("audit", "verify")
        print("   audit: " + audited.stderr.strip())
        events = [json.loads(message.value())["event"] for message in stack.read("audit")]
        expect(events.count("key.register") == USERS and events.count("key.rewrap") == USERS, "each key is registered and sealed anew once")
        expect(events.count("key.use") == len(ids), f"{events.count('key.use')} uses noted of {len(ids)}")
        listed = stack.byok("key", "list").stdout.splitlines()
        expect(len(listed) == USERS and not any("sk-" in line for line in listed), "byok key list")


def a_wrong_master_key_stops_the_start():
    with Stack(partitions=1) as stack:
        worker = stack.worker("w1")
        expect(worker.stop() == 0, "SIGTERM ends with 0")
        second = stack.folder / "second.key"
        stack.run([BUILD / "worker" / "byokd", "--new-master-key", second])
        for keys in ([{"id": 1, "file": str(second)}], [{"id": 2, "file": str(second)}]):
            worker = stack.worker("w1", wait=False, vault={"master_keys": keys})
            expect(worker.process.wait(30 * PATIENCE) != 0, "it does not start")
            expect("master key 1" in worker.err(), worker.err())


if __name__ == "__main__":
    main(master_keys_rotate_while_jobs_run_and_workers_are_killed, a_wrong_master_key_stops_the_start)
