# SPDX-License-Identifier: MIT
"""A provider that is away for a while, and records that can never succeed among good ones."""
import json
import sys
import time
import urllib.request
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
from support.load import Load, pick  # noqa: E402
from support.stack import BUILD, Process, Stack, call, expect, main, wait_for  # noqa: E402

SIM = ["--latency-ms", "20", "--latency-jitter-ms", "50"]


def settings(stack, **more):
    return {"delivery": "exactly_once", "shards": 2, "providers": stack.settings("w")["providers"], **more}


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


def an_outage_costs_few_calls():
    """While the provider is away its breaker lets through probes only; jobs wait, and all end well when it is back."""
    with Stack(partitions=4, sim_options=SIM) as stack:
        own = settings(stack, retry={"attempts": 16, "backoff_ms": 200, "backoff_max_ms": 2000})
        own["providers"][0]["breaker"] = {"open_ms": 500, "open_max_ms": 2000}
        workers = [stack.worker(name, **own) for name in ("w1", "w2")]

        def total(name):
            return sum(worker.metric(name) for worker in workers)
        with Load(stack, rate=60) as load:
            load.wait_done(100)
            faults(stack, {"kind": "status", "status": 503})
            wait_for("the breakers of all shards are open", lambda: total("byok_breakers_open") == 4, 120)  # a partition each
            calls, sent = total("byok_provider_calls_total"), len(load.sent)
            wait_for("jobs come while it is away", lambda: len(load.sent) > sent + pick(300, 2000), 120)
            calls, sent = total("byok_provider_calls_total") - calls, len(load.sent) - sent
            expect(calls < sent / 2, f"{calls} calls to a provider that is away, while {sent} jobs came")
            faults(stack)
            load.finish()
            load.judge(f"{calls:.0f} calls while it was away and {sent} jobs came", statuses=("ok",))
            wait_for("all breakers are closed", lambda: total("byok_breakers_open") == 0, 30)


def an_overloaded_provider_and_a_spare_one():
    """Jobs that name a fallback go there, with the user's own key for it; who has none for it is tried again, and fails."""
    with Stack(sim_options=SIM) as stack:
        spare = stack.add(Process("spare", [BUILD / "demo" / "byok-provider-sim", "--quiet"], stack.folder))
        url = wait_for("the spare provider listens", lambda: spare.out().split()[1] if "listening" in spare.out() else None)
        own = settings(stack, retry={"attempts": 3})
        own["providers"].append({**own["providers"][0], "name": "spare", "base_url": url + "/v1"})
        stack.worker("w1", **own)
        stack.add_key("alice", "sk-alice-" + "a1B2" * 8)
        stack.add_key("bob", "sk-bob-" + "c3D4" * 8)
        stack.byok("key", "add", "--user", "alice", "--provider", "spare", input="sk-alices-other-" + "e5F6" * 8 + "\n")
        faults(stack, {"kind": "status", "status": 503})
        job = ["--capability", "chat", "--provider", "openai", "--prompt", "Say hi", "--fallback", "spare/sim-other", "--wait"]
        done = call(stack, "submit", "--user", "alice", *job)
        expect((done["status"], done["provider"], done["model"]) == ("ok", "spare", "sim-other"), done)
        went = [(a["provider"], a["model"], a["code"]) for a in done["attempts"]]
        expect(went == [("openai", "sim-chat", "overloaded"), ("spare", "sim-other", "ok")], done)
        usage = {row["provider"]: (row["calls"], row["errors"]) for row in call(stack, "usage", "alice")["rows"]}
        expect(usage == {"openai": (1, 1), "spare": (1, 0)}, usage)
        failed = call(stack, "submit", "--user", "bob", *job, ok=False)
        codes = [(a["provider"], a["code"]) for a in failed["attempts"]]
        expect(failed["error"]["code"] == "overloaded" and codes[:2] == [("openai", "overloaded"), ("spare", "no_key")] and len(codes) == 4, failed)


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
    main(an_overloaded_provider_and_a_spare_one, an_outage_and_the_recovery, an_outage_costs_few_calls, poison_among_good_ones)
