# SPDX-License-Identifier: MIT
"""A worker is killed while its calls hang at the provider. The claims stand; the next owner reports what became of them as
unknown (on_unknown: report) or calls again (retry), and the provider's own ledger shows no second call that was not asked for."""
import contextlib
import json
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
from support.stack import Failure, Stack, expect, main, wait_for  # noqa: E402

JOBS = 6  # of each kind
KEY = "sk-alice-" + "k7J6" * 6
TIMEOUTS_MS = (8000, 32000, 128000)  # of the calls: the first one in which all of them hang at the kill


def settings(stack, name, timeout_ms=TIMEOUTS_MS[0], **more):
    provider = {**stack.settings(name)["providers"][0], "timeout_ms": timeout_ms}
    return {"delivery": "exactly_once", "providers": [provider], "limits": {"concurrency": 0}, **more}  # all calls at once


def calls_of(stack):
    """request id -> calls that reached the provider."""
    found = {}
    for call in stack.sim_get("/sim/ledger/calls?since=0"):
        id = call["client_request_id"].rsplit("/", 1)[0]
        found[id] = found.get(id, 0) + 1
    return found


def jobs_that_hang(kinds):
    for kind in kinds:
        for i in range(JOBS):
            # the first call of each prompt hangs, the next one is answered
            yield "alice", {"id": f"{kind}{i}", "user": "alice", "capability": "chat", "provider": "openai",
                            "on_unknown": kind, "prompt": f"[[sim:silent,times=1]] {kind} {i}"}


@contextlib.contextmanager
def killed_while_calls_hang(kinds=("report", "retry"), **more):
    """Stack, ids, and the settings of a next worker; none of the calls had ended by its timeout when the first worker was killed."""
    ids = [f"{kind}{i}" for kind in kinds for i in range(JOBS)]
    for timeout_ms in TIMEOUTS_MS:
        with Stack(partitions=2) as stack:
            own = settings(stack, "w1", timeout_ms, **more)
            first = stack.worker("w1", **own)
            stack.add_key("alice", KEY)
            stack.produce(jobs_that_hang(kinds))
            wait_for("all calls hang", lambda: set(calls_of(stack)) >= set(ids), 30)
            first.kill()
            if stack.results().keys() & set(ids) or max(calls_of(stack).values()) > 1:
                continue  # a slow machine: some had ended before the last one began
            yield stack, ids, own
            return
    raise Failure(f"this machine is too slow even for {TIMEOUTS_MS[-1]} ms")


def check(stack, ids):
    found, calls = stack.wait_results(ids, 90), calls_of(stack)
    for id in ids:
        expect(len(found[id]) == 1, f"{id} has {len(found[id])} results")
        result = found[id][0]
        if id.startswith("report"):
            expect(result["status"] == "unknown" and result["error"]["code"] == "outcome_lost", f"{id}: {result}")
            expect(calls[id] == 1, f"{id} was called {calls[id]} times")
            expect(result["attempts"][0]["sent"], f"{id}: {result}")
        else:
            expect(result["status"] == "ok", f"{id}: {result}")
            expect(calls[id] == 2, f"{id} was called {calls[id]} times")
    usage = {}
    for message in stack.read("usage"):
        event = json.loads(message.value())
        usage[event["id"]] = usage.get(event["id"], 0) + event["calls"]
    wrong = {id: (usage.get(id), calls[id]) for id in ids if usage.get(id) != calls[id]}
    expect(not wrong, f"usage events and the provider's ledger differ: {wrong}")
    return calls


def claims_left(stack):
    """Keys of claims whose last record has a value."""
    last = {}
    for message in stack.read("state"):
        last[message.key()] = message.value()
    return [key for key, value in last.items() if key.startswith(b"c\0") and value is not None]


def another_worker_knows_what_may_have_been_sent():
    with killed_while_calls_hang() as (stack, ids, own):
        second = stack.worker("w2", **own)
        calls = check(stack, ids)
        wait_for("no claim is left", lambda: not claims_left(stack), 30)
        counted = {name: second.metric(name) for name in ("byok_orphans_total", "byok_repeated_calls_total")}
        expect(counted == {"byok_orphans_total": 2 * JOBS, "byok_repeated_calls_total": JOBS}, f"{counted}")
        state = b"".join((m.key() or b"") + (m.value() or b"") for m in stack.read("state"))
        expect(KEY.encode() not in state and b"sim:silent" not in state, "a key or a prompt stands in the state topic")
        print(f"   {len(ids)} calls hung at the kill, {sum(calls.values())} calls in all, {len(ids) // 2} unknown, 0 called again blindly")


def the_same_host_knows_it_with_its_disk_alone():
    with killed_while_calls_hang(ledger="host") as (stack, ids, own):
        expect(not claims_left(stack), "ledger: host writes no claims into the state topic")
        stack.worker("w1", **own)
        check(stack, ids)


def without_a_ledger_the_calls_are_made_again():
    """What the others are good for: the same kill, and the provider is called twice for each job."""
    with killed_while_calls_hang(("report",), ledger="process") as (stack, ids, own):
        stack.worker("w2", **own)
        found, calls = stack.wait_results(ids, 90), calls_of(stack)
        expect(all(found[id][0]["status"] == "ok" and calls[id] == 2 for id in ids), f"{calls}")


def done_records_expire():
    with Stack(partitions=2) as stack:
        # DONE records must outlive envelopes, and one of a second may be too old on a slow machine: the key is added before
        first = stack.worker("w1", **settings(stack, "w1"))
        stack.add_key("alice", KEY)
        expect(first.stop() == 0, "SIGTERM ends with 0")
        worker = stack.worker("w1", **settings(stack, "w1", jobs={"done_keep_s": 2}, vault={"envelope_max_age_s": 1}))
        stack.produce(("alice", {"id": f"j{i}", "user": "alice", "capability": "chat", "provider": "openai", "prompt": "x"})
                      for i in range(50))
        stack.wait_results([f"j{i}" for i in range(50)])
        wait_for("they have expired", lambda: worker.metric("byok_done_expired_total") >= 50, 30)

        def done_left():
            last = {}
            for message in stack.read("state"):
                last[message.key()] = message.value()
            return [key for key, value in last.items() if key.startswith(b"d\0") and value is not None]
        wait_for("tombstones stand in the state topic", lambda: not done_left(), 30)
        expect(worker.stop() == 0, "SIGTERM ends with 0")


if __name__ == "__main__":
    main(another_worker_knows_what_may_have_been_sent, the_same_host_knows_it_with_its_disk_alone,
         without_a_ledger_the_calls_are_made_again, done_records_expire)
