# SPDX-License-Identifier: MIT
"""One user's long queue waits in the state: others are served at once, memory stays small, a new worker takes it up.

BYOK_PARKED_JOBS says how many jobs (1,000,000 takes some minutes).
"""
import os
import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
from support.stack import Stack, call, expect, main, wait_for  # noqa: E402

KEY = "sk-parked-" + "b3N4" * 8
JOBS = int(os.environ.get("BYOK_PARKED_JOBS", "5000"))


def quick(stack, prompt):
    began = time.monotonic()
    answer = call(stack, "submit", "--user", "bob", "--capability", "chat", "--provider", "openai", "--prompt", prompt, "--wait")
    expect(answer["status"] == "ok", answer)
    return time.monotonic() - began


def one_users_long_queue():
    with Stack() as stack:
        worker = stack.worker("first")
        stack.add_key("alice", KEY)
        stack.add_key("bob", KEY)
        stack.byok("configure", "--user", "alice", "--requests-per-minute", "1")
        alone, before = quick(stack, "alone"), worker.rss_mib()
        began = time.monotonic()
        stack.produce(("alice", {"id": f"q{i}", "user": "alice", "capability": "chat", "provider": "openai",
                                 "prompt": f"Question number {i}: what is the answer?"}) for i in range(JOBS))
        wait_for("the queue is in the state", lambda: worker.metric("byok_parked_total") >= JOBS - 1100, 600, every=0.2)
        took, rss, beside = time.monotonic() - began, worker.rss_mib(), quick(stack, "beside")
        print(f"{JOBS} jobs queued and parked in {took:.1f} s: {before:.0f} -> {rss:.0f} MiB; "
              f"another user's job {1000 * alone:.0f} ms alone, {1000 * beside:.0f} ms beside them")
        expect(beside < alone + 5, "another user waits for the queue")
        expect(rss < before + 400, "more than the budget of one shard (jobs.memory_mb) and the database's own is in memory")
        worker.stop()
        began = time.monotonic()
        stack.worker("second")  # with an empty folder
        print(f"a worker with an empty folder was ready after {time.monotonic() - began:.1f} s")
        stack.byok("configure", "--user", "alice", "--requests-per-minute", "none")
        if JOBS <= 20000:
            stack.wait_results([f"q{i}" for i in range(0, JOBS, 50)], 120)


main(one_users_long_queue)
