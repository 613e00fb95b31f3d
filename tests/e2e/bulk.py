# SPDX-License-Identifier: MIT
"""Embedding jobs of one text each that share calls: each has its own vectors and its part of the usage, and the sums are the provider's."""
import json
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
from support.stack import Stack, expect, main  # noqa: E402

KEY = "sk-bulk-" + "a1B2" * 8


def job(name, text, user="alice", **more):
    return user, {"id": name, "user": user, "capability": "embeddings", "provider": "openai", "input": text, "dimensions": 8, **more}


def usage_of(stack, prefix):
    """Calls and tokens by the usage events of the jobs so named."""
    events = [json.loads(m.value()) for m in stack.read("usage")]
    mine = [e for e in events if e["id"].startswith(prefix)]
    return sum(e["calls"] for e in mine), sum(e.get("input_tokens", 0) for e in mine), len(mine)


def shares_calls_exactly():
    for delivery in ("exactly_once", "at_least_once"):
        with Stack(sim_options=["--latency-ms", "20"]) as stack:
            worker = stack.worker("w1", delivery=delivery)
            for user in ("alice", "bob"):
                stack.add_key(user, KEY + user)
            count = 1000
            texts = {f"e{i}": f"text number {i} {'and more ' * (i % 7)}" for i in range(count)}
            worker.stop()
            stack.produce([job(name, text, ("alice", "bob")[i % 2]) for i, (name, text) in enumerate(texts.items())])
            stack.worker("w1", delivery=delivery)
            found = stack.wait_results(texts)
            expect(all(len(r) == 1 and r[0]["status"] == "ok" for r in found.values()), "one good result each")
            before = stack.sim_get("/sim/ledger")
            expect(before["calls"] <= count / 10, f"{before['calls']} calls for {count} jobs of two users")
            calls, tokens, events = usage_of(stack, "e")
            paid = sum(key["input_tokens"] for key in before["keys"].values())
            expect((calls, tokens, events) == (before["calls"], paid, count),
                   f"usage says {calls} calls, {tokens} tokens; the provider {before}")
            # the same text alone has the same vector: nobody has another's
            stack.produce([job(f"alone{i}", texts[f"e{i}"], "alice", raw=True) for i in range(0, count, 100)])
            alone = stack.wait_results([f"alone{i}" for i in range(0, count, 100)])
            for i in range(0, count, 100):
                expect(alone[f"alone{i}"][0]["embeddings"] == found[f"e{i}"][0]["embeddings"], f"e{i} has another's vector")


def one_bad_text_fails_alone():
    with Stack(sim_options=["--latency-ms", "20"]) as stack:
        worker = stack.worker("w1")
        stack.add_key("alice", KEY)
        worker.stop()
        names = [f"p{i}" for i in range(100)]
        bad = "[[sim:status=400,billed=0]]"
        stack.produce([job(name, bad if i == 41 else f"good {i}") for i, name in enumerate(names)])
        stack.worker("w1")
        found = stack.wait_results(names)
        for i, name in enumerate(names):
            expect(found[name][0]["status"] == ("error" if i == 41 else "ok"), found[name][0])
        expect(found["p41"][0]["error"]["code"] == "bad_request", found["p41"][0])
        calls = stack.sim_get("/sim/ledger")["calls"]
        expect(calls < 50, f"{calls} calls: the good ones went one by one")


def is_switched_off_by_a_setting():
    with Stack() as stack:
        settings = stack.settings("w1")
        stack.worker("w1", providers=[{**settings["providers"][0], "bulk_texts": 1}])
        stack.add_key("alice", KEY)
        stack.produce([job(f"s{i}", f"text {i}") for i in range(20)])
        stack.wait_results([f"s{i}" for i in range(20)])
        expect(stack.sim_get("/sim/ledger")["calls"] == 20, "a call for each")


if __name__ == "__main__":
    main(shares_calls_exactly, one_bad_text_fails_alone, is_switched_off_by_a_setting)
