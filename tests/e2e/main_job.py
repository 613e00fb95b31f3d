# SPDX-License-Identifier: MIT
"""The main job, as a user of the system sees it."""
import json
import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
from support.stack import BUILD, Stack, call, expect, main, wait_for  # noqa: E402

ALICE, BOB = "sk-alice-" + "a1B2" * 8, "sk-bob-" + "c3D4" * 8


def two_users_with_their_own_keys():
    with Stack() as stack:
        stack.worker("w1")
        stack.add_key("alice", ALICE)
        stack.add_key("bob", BOB)
        chat = call(stack, "submit", "--user", "alice", "--capability", "chat", "--provider", "openai",
                    "--prompt", "Say hi", "--metadata", '{"order":7}', "--wait")
        expect(chat["status"] == "ok" and chat["text"], chat)
        expect(chat["metadata"] == {"order": 7}, chat)
        expect(chat["usage"]["input_tokens"] > 0 and chat["cost"] is None, f"no table knows the model: {chat}")
        priced = call(stack, "submit", "--user", "alice", "--capability", "chat", "--provider", "openai",
                      "--model", "gpt-4o-mini", "--prompt", "Say hi", "--wait")
        expect(priced["cost"]["amount"] > 0 and priced["cost"]["price_table"], priced)
        vectors = call(stack, "submit", "--user", "bob", "--capability", "embeddings", "--provider", "openai",
                       "--input", "one", "--input", "two", "--wait")
        expect(vectors["status"] == "ok" and len(vectors["embeddings"]) == 2, str(vectors)[:300])
        ledger = stack.sim_get("/sim/ledger")
        expect(len(ledger["keys"]) == 2, f"each user's call used the user's own key: {ledger}")
        for user, calls in (("alice", 2), ("bob", 1)):
            usage = call(stack, "usage", user)
            expect(usage["total"]["calls"] == calls and len(usage["rows"]) == calls, usage)


def key_commands():
    with Stack() as stack:
        stack.worker("w1")
        added = json.loads(stack.byok("--json", "key", "add", "--user", "alice", "--provider", "openai", input=ALICE + "\n").stdout)
        expect(added["status"] == "ok" and added["key"]["fingerprint"], added)
        checked = call(stack, "key", "check", "--user", "alice", "--provider", "openai")
        expect(checked["status"] == "ok" and checked["key"]["fingerprint"] == added["key"]["fingerprint"], checked)
        refused = stack.byok("--json", "key", "add", "--user", "mallory", "--provider", "openai", input="no-key-of-this-provider\n", ok=False)
        expect(refused.returncode == 1 and json.loads(refused.stdout)["error"]["code"] == "key_invalid", refused.stdout + refused.stderr)
        call(stack, "key", "delete", "--user", "alice", "--provider", "openai")
        gone = call(stack, "submit", "--user", "alice", "--capability", "chat", "--provider", "openai", "--prompt", "x", "--wait", ok=False)
        expect(gone["error"]["code"] == "no_key", gone)


def state_survives_a_restart():
    with Stack() as stack:
        first = stack.worker("w1")
        stack.add_key("alice", ALICE)
        stack.byok("configure", "--user", "alice", "--provider", "chat=openai")
        expect(call(stack, "submit", "--user", "alice", "--capability", "chat", "--prompt", "1", "--id", "once", "--wait")["status"] == "ok", "first")
        expect(first.stop() == 0, "exit code of SIGTERM")
        stack.worker("w1")  # the same folder
        expect(call(stack, "submit", "--user", "alice", "--capability", "chat", "--prompt", "2", "--wait")["status"] == "ok", "same folder")
        stack.processes[-1].stop()
        stack.worker("w2")  # an empty folder: all from the changelogs
        expect(call(stack, "submit", "--user", "alice", "--capability", "chat", "--prompt", "3", "--wait")["status"] == "ok", "empty folder")
        before = stack.sim_get("/sim/ledger")["calls"]
        stack.produce([("alice", {"id": "once", "user": "alice", "capability": "chat", "prompt": "1"})])
        worker = stack.processes[-1]
        wait_for("the repeat is recognised", lambda: worker.metric("byok_duplicates_total") == 1)
        expect(stack.sim_get("/sim/ledger")["calls"] == before, "a repeated id is not called again")


def limits_make_jobs_wait():
    with Stack() as stack:
        stack.worker("w1", limits={"requests_per_minute": 60, "burst_percent": 10})
        stack.add_key("alice", ALICE)
        jobs = [("alice", {"id": f"j{i}", "user": "alice", "capability": "chat", "provider": "openai", "prompt": "x"}) for i in range(10)]
        stack.produce(jobs)
        found = stack.wait_results([f"j{i}" for i in range(10)], 60)
        expect(all(r[0]["status"] == "ok" for r in found.values()), "none is refused")
        starts = sorted(r[0]["attempts"][0]["started_ms"] for k, r in found.items() if k.startswith("j"))
        expect(starts[9] - starts[0] >= 3000, f"6 at once, then one each 1.09 s: {starts[9] - starts[0]} ms")


def budgets_hold_and_can_be_raised():
    """What gpt-4o-mini may cost is 0.000615 for 1,024 tokens; what it costs here is far less."""
    with Stack() as stack:
        stack.worker("w1")
        stack.add_key("alice", ALICE)
        job = {"user": "alice", "capability": "chat", "provider": "openai", "model": "gpt-4o-mini", "prompt": "x"}
        stack.byok("configure", "--user", "alice", "--budget", "0.001/month")
        stack.produce([("alice", {**job, "id": f"b{i}"}) for i in range(5)] + [("alice", {**job, "id": "no-price", "model": "not-in-the-table"}),
                                                                              ("alice", {**job, "id": "large", "max_tokens": 100000})])
        found = stack.wait_results([f"b{i}" for i in range(5)] + ["no-price", "large"], 60)
        expect(all(found[f"b{i}"][0]["status"] == "ok" for i in range(5)), found)
        calls = sorted((a["started_ms"], a["started_ms"] + a["duration_ms"]) for i in range(5) for a in found[f"b{i}"][0]["attempts"])
        expect(all(calls[i][1] <= calls[i + 1][0] + 1 for i in range(4)), f"there is room for one call at once: {calls}")
        expect(found["no-price"][0]["error"]["code"] == "bad_configuration" and "prices" in found["no-price"][0]["error"]["message"], found)
        expect(found["large"][0]["error"]["code"] == "over_budget", found)
        stack.byok("configure", "--user", "alice", "--budget", "0.00062/month")
        stack.produce([("alice", {**job, "id": "waits"})])
        time.sleep(3)
        lifted_ms = time.time() * 1000
        stack.byok("configure", "--user", "alice", "--budget", "none")
        waited = stack.wait_results(["waits"], 30)["waits"][0]
        expect(waited["status"] == "ok" and waited["attempts"][0]["started_ms"] >= lifted_ms - 1, f"it goes when the budget is lifted: {waited}")


def a_sender_that_partitions_in_another_way():
    """Its records go to partitions that are not their users': they are forwarded, and worked on once."""
    users = [f"user{i}" for i in range(12)]
    with Stack() as stack:
        worker = stack.worker("w1")
        stack.byok("key", "add", "--provider", "openai", "--batch", "-", input="".join(f"{user}\t{ALICE}\n" for user in users))
        jobs = [(user, {"id": f"of-{user}", "user": user, "capability": "chat", "provider": "openai", "prompt": user}) for user in users]
        stack.produce(jobs)
        homes = {message.key(): message.partition() for message in stack.read("requests")}
        stack.produce([(user, {**job, "id": "again-" + job["id"]}) for user, job in jobs], partitioner="consistent_random")
        found = stack.wait_results([prefix + job["id"] for _, job in jobs for prefix in ("", "again-")])
        expect(all(len(r) == 1 and r[0]["status"] == "ok" for r in found.values()), found)
        away = [m for m in stack.read("requests") if m.partition() != homes[m.key()]]
        expect(away and worker.metric("byok_forwarded_total") == len(away), f"{len(away)} of another partition were forwarded")
        expect({m.partition() for m in stack.read("results") if m.key() == users[0].encode()} == {homes[users[0].encode()]}, "a user's results stay in one partition")


def a_worker_with_a_wrong_master_key_does_not_start():
    with Stack() as stack:
        stack.worker("w1").stop()
        other = stack.folder / "other.key"
        stack.run([BUILD / "worker" / "byokd", "--new-master-key", other])
        worker = stack.worker("w1", wait=False, vault={"master_keys": [{"id": 1, "file": str(other)}]})
        wait_for("it ends", lambda: not worker.running())
        expect(worker.process.returncode != 0 and "master key" in worker.err(), worker.err())


if __name__ == "__main__":
    main(two_users_with_their_own_keys, key_commands, state_survives_a_restart, limits_make_jobs_wait, budgets_hold_and_can_be_raised,
         a_sender_that_partitions_in_another_way, a_worker_with_a_wrong_master_key_does_not_start)
