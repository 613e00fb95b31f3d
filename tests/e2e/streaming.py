# SPDX-License-Identifier: MIT
"""Answers are published while they come: in order, before their result, once more whole; broken ones by attempt."""
import json
import sys
import urllib.request
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
from support.stack import Stack, expect, main, wait_for  # noqa: E402

GAP_MS = 100


def pace(stack, **more):
    """Every event of a stream comes GAP_MS after the one before it."""
    rule = {"kind": "none", "gap_ms": GAP_MS, **more}
    request = urllib.request.Request(stack.sim_url + "/sim/faults", data=json.dumps({"rules": [rule]}).encode(), method="POST")
    urllib.request.urlopen(request, timeout=30).close()


def deltas_of(stack, id):
    """(timestamp, delta) in the order of the topic."""
    records = [(r.timestamp()[1], json.loads(r.value())) for r in stack.read("streams")]
    return [(at, delta) for at, delta in records if delta["id"] == id]


def deltas_come_while_the_answer_does():
    for delivery in ("exactly_once", "at_least_once"):
        with Stack() as stack:
            worker = stack.worker("w1", delivery=delivery)
            stack.add_key("alice", "sk-alice-" + "a1B2" * 8)
            pace(stack)
            job = {"id": "s1", "user": "alice", "capability": "chat", "provider": "openai", "prompt": "Say hi", "stream": True}
            stack.produce([("alice", job)])
            results = wait_for("the result", lambda: [r for r in stack.read("results") if json.loads(r.value())["id"] == "s1"])
            expect(len(results) == 1, f"{len(results)} results")
            result, deltas = json.loads(results[0].value()), deltas_of(stack, "s1")
            expect(result["status"] == "ok" and result["text"], result)
            expect([d["sequence"] for _, d in deltas] == list(range(len(deltas))), f"out of order: {deltas}")
            expect("".join(d.get("text", "") for _, d in deltas) == result["text"], f"{deltas}\n{result}")
            expect(deltas[-1][1].get("finish_reason") == "stop", deltas[-1])
            expect(len(deltas) > 3, f"only {len(deltas)} deltas")
            expect(deltas[-1][0] <= results[0].timestamp()[1], "a delta came behind the result")
            ahead = results[0].timestamp()[1] - deltas[0][0]
            expect(ahead > 5 * GAP_MS, f"the first delta came only {ahead} ms before the result")
            expect(result["usage"]["input_tokens"] > 0 and result["usage"]["output_tokens"] > 0, result["usage"])
            expect(worker.metric("byok_stream_deltas_dropped_total") == 0, "deltas were dropped")
            print(f"   {delivery}: {len(deltas)} deltas over {deltas[-1][0] - deltas[0][0]} ms, then the result")


def the_client_prints_them():
    with Stack() as stack:
        stack.worker("w1")
        stack.add_key("alice", "sk-alice-" + "a1B2" * 8)
        whole = stack.byok("submit", "--user", "alice", "--provider", "openai", "--prompt", "Say hi", "--stream")
        expect("Simulated answer" in whole.stdout and whole.stdout.count("Simulated answer") == 1, whole.stdout)
        lines = stack.byok("submit", "--user", "alice", "--provider", "openai", "--prompt", "Say hi", "--stream", "--json").stdout
        records = [json.loads(line) for line in lines.splitlines()]
        expect(records[-1]["status"] == "ok", records[-1])
        expect("".join(r.get("text", "") for r in records[:-1]) == records[-1]["text"], lines)


if __name__ == "__main__":
    main(deltas_come_while_the_answer_does, the_client_prints_them)
