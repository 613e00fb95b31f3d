# SPDX-License-Identifier: MIT
"""A provider that is away for a while, and records that can never succeed among good ones."""
import json
import sys
import time
import urllib.request
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
from support.load import Load, pick  # noqa: E402
from support.stack import Stack, expect, main, wait_for  # noqa: E402

SIM = ["--latency-ms", "20", "--latency-jitter-ms", "50"]


def settings(stack, **more):
    provider = {**stack.settings("w")["providers"][0], "timeout_ms": 3000}
    return {"delivery": "exactly_once", "shards": 2, "providers": [provider], **more}


def faults(stack, *rules):
    request = urllib.request.Request(stack.sim_url + "/sim/faults", data=json.dumps({"rules": rules}).encode(), method="POST")
    urllib.request.urlopen(request, timeout=30).close()


def an_outage_and_the_recovery():
    """503 to every call; jobs are tried again until it is over, and all end well."""
    with Stack(partitions=4, sim_options=SIM) as stack:
        for name in ("w1", "w2"):
            stack.worker(name, **settings(stack, retry={"attempts": 16, "backoff_ms": 200, "backoff_max_ms": 2000}))
        with Load(stack, rate=60) as load:
            load.wait_done(100)
            faults(stack, {"kind": "status", "status": 503})
            time.sleep(pick(3, 15))
            faults(stack)
            began = time.monotonic()
            load.wait_done(200)
            recovery = time.monotonic() - began
            load.finish()
            load.judge(f"{pick(3, 15)} s of 503, 200 results {recovery:.1f} s after it", statuses=("ok",))


def poison_among_good_ones():
    """Records that are no request, and jobs that the provider refuses for ever: the good ones are not held up."""
    with Stack(partitions=4, sim_options=SIM) as stack:
        worker = stack.worker("w1", **settings(stack))
        with Load(stack, rate=100) as load:
            load.wait_done(200)
            count = pick(100, 2000)
            stack.produce([(f"user{i % 40}", b"\xc1 poison") for i in range(count)])
            stack.produce([("user1", {"id": f"bad{i}", "user": "user1", "capability": "chat", "provider": "openai",
                                      "prompt": f"[[sim:status=400]] {i}"}) for i in range(count // 10)])
            load.wait_done(300)
            load.finish()
            wait_for("the poison is in the dlq", lambda: worker.metric("byok_dead_letters_total") == count, 30)
            expect(len(stack.read("dlq")) == count, "each once")
            refused = {id: r for id, r in stack.results().items() if id.startswith("bad")}
            expect(len(refused) == count // 10 and all(r[0]["status"] == "error" and len(r) == 1 for r in refused.values()), str(refused)[:500])
            load.judge(f"{count} poison records, {count // 10} refused jobs", statuses=("ok",))


if __name__ == "__main__":
    main(an_outage_and_the_recovery, poison_among_good_ones)
