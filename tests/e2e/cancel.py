# SPDX-License-Identifier: MIT
"""job.cancel on a real Kafka: what waits is taken back wherever it is, what was sent goes on, what is done stays."""
import json
import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
from support.stack import Stack, call, expect, main, wait_for, with_more_time  # noqa: E402

KEY = "sk-cancel-" + "Y2Fu" * 8


def chat(name, **more):
    return {"id": name, "user": "alice", "capability": "chat", "provider": "openai", "prompt": f"Job {name}", **more}


def cancel(stack, job):
    answer = stack.byok("--json", "cancel", "--user", "alice", "--id", job, "--wait", ok=False)
    expect(answer.stdout.strip(), f"no result: {answer.stderr}")
    outcome = json.loads(answer.stdout.splitlines()[-1])["outcome"]
    expect((answer.returncode == 0) == (outcome == "cancelled"), f"exit {answer.returncode}: {outcome}")
    return outcome


def called(stack):
    return {entry["client_request_id"].rsplit("/", 1)[0] for entry in stack.sim_get("/sim/ledger/calls?since=0")}


def what_waits(delivery):
    with Stack(partitions=2) as stack:
        jobs = {"park_after_ms": 1500, "queue": 50}
        worker = stack.worker("first", delivery=delivery, jobs=jobs)
        stack.add_key("alice", KEY)
        call(stack, "submit", "--user", "alice", "--capability", "chat", "--provider", "openai", "--prompt", "one", "--wait", "--id", "first")
        stack.byok("configure", "--user", "alice", "--requests-per-minute", "1")
        later = int(time.time() * 1000) + 3600_000
        stack.produce([("alice", chat("scheduled", not_before_ms=later))] + [("alice", chat(f"q{i}")) for i in range(400)])
        wait_for("the queue is in the state", lambda: worker.metric("byok_parked_total") >= 300, every=0.2)
        expect(cancel(stack, "scheduled") == "cancelled", "a scheduled job")
        expect(cancel(stack, "q399") == "cancelled", "the last of the queue")
        expect(cancel(stack, "q10") == "cancelled", "one near its turn")
        expect(cancel(stack, "scheduled") == "done", "once more")
        expect(cancel(stack, "first") == "done", "a job that has its answer")
        expect(cancel(stack, "nobody") == "unknown", "a job that never came")
        worker.stop()
        stack.worker("second", delivery=delivery, jobs=jobs)  # with an empty folder
        expect(cancel(stack, "q398") == "cancelled", "taken up by the next owner")
        stack.byok("configure", "--user", "alice", "--requests-per-minute", "none", "--concurrency", "none")
        found = stack.wait_results([f"q{i}" for i in range(400)] + ["scheduled"])
        for name, results in found.items():
            expect(len(results) == 1 or delivery == "at_least_once", f"{name}: {len(results)} results")
        for name in ("scheduled", "q399", "q10", "q398"):
            expect(found[name][0]["error"]["code"] == "cancelled", found[name])
            expect("attempts" not in found[name][0], f"{name} was sent: {found[name]}")
        expect(all(found[f"q{i}"][0]["status"] == "ok" for i in range(400) if i not in (10, 398, 399)), "the others went out")
        expect(called(stack).isdisjoint(("scheduled", "q399", "q10", "q398")), "a cancelled job was sent")


def what_is_under_way(delivery):
    with Stack(partitions=2) as stack:
        stack.worker("first", delivery=delivery)
        stack.add_key("alice", KEY)

        def slow(delay_ms):
            id = f"slow{delay_ms}"
            stack.produce([("alice", chat(id, prompt=f"[[sim:delay_ms={delay_ms}]] slow"))])
            wait_for("it is sent", lambda: id in called(stack))
            outcome = cancel(stack, id)
            result = stack.wait_results([id])[id]
            expect(len(result) == 1 and result[0]["status"] == "ok", result)
            expect(outcome in ("sent", "done"), f"a job that was sent: {outcome}")
            return True if outcome == "sent" else None  # it has its answer already
        with_more_time((2000, 8000, 32000), slow)


def exactly_once():
    what_waits("exactly_once")
    what_is_under_way("exactly_once")


def at_least_once():
    what_waits("at_least_once")
    what_is_under_way("at_least_once")


main(exactly_once, at_least_once)
