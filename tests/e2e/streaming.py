# SPDX-License-Identifier: MIT
"""Answers are published while they come: in order, before their result, once more whole; broken ones by attempt."""
import json
import sys
import urllib.request
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
from support.stack import Stack, expect, main, wait_for, with_more_time  # noqa: E402

def pace(stack, gap_ms):
    """Every event of a stream comes so long after the one before it."""
    rule = {"kind": "none", "gap_ms": gap_ms}
    request = urllib.request.Request(stack.sim_url + "/sim/faults", data=json.dumps({"rules": [rule]}).encode(), method="POST")
    urllib.request.urlopen(request, timeout=30).close()


def deltas_of(stack, id):
    """(timestamp, delta) in the order of the topic."""
    records = [(r.timestamp()[1], json.loads(r.value())) for r in stack.read("streams")]
    return [(at, delta) for at, delta in records if delta["id"] == id]


def is_ahead(stack, gap_ms):
    """True: the first delta came long before the result."""
    id = f"s{gap_ms}"
    pace(stack, gap_ms)
    stack.produce([("alice", {"id": id, "user": "alice", "capability": "chat", "provider": "openai", "prompt": "Say hi", "stream": True})])
    results = wait_for("the result", lambda: [r for r in stack.read("results") if json.loads(r.value())["id"] == id])
    wait_for("the last delta", lambda: any("finish_reason" in delta for _, delta in deltas_of(stack, id)))
    expect(len(results) == 1, f"{len(results)} results")
    result, deltas = json.loads(results[0].value()), deltas_of(stack, id)
    expect(result["status"] == "ok" and result["text"], result)
    expect([d["sequence"] for _, d in deltas] == list(range(len(deltas))), f"out of order: {deltas}")
    expect("".join(d.get("text", "") for _, d in deltas) == result["text"], f"{deltas}\n{result}")
    expect(deltas[-1][1].get("finish_reason") == "stop", deltas[-1])
    expect(deltas[-1][0] <= results[0].timestamp()[1], "a delta came behind the result")
    expect(result["usage"]["input_tokens"] > 0 and result["usage"]["output_tokens"] > 0, result["usage"])
    ahead = results[0].timestamp()[1] - deltas[0][0]
    print(f"   {len(deltas)} deltas over {deltas[-1][0] - deltas[0][0]} ms, the first one {ahead} ms before the result")
    return True if len(deltas) > 3 and ahead > 5 * gap_ms else None


def deltas_come_while_the_answer_does():
    for delivery in ("exactly_once", "at_least_once"):
        with Stack() as stack:
            worker = stack.worker("w1", delivery=delivery)
            stack.add_key("alice", "sk-alice-" + "a1B2" * 8)
            with_more_time((100, 400, 1600), lambda gap_ms: is_ahead(stack, gap_ms))
            expect(worker.metric("byok_stream_deltas_dropped_total") == 0, "deltas were dropped")


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
