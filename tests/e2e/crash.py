# SPDX-License-Identifier: MIT
"""20,000 jobs of 500 users, two workers, one ended by SIGTERM and one by SIGKILL on the way: none is missing."""
import os
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
from support.stack import SANITIZED, Stack, expect, main, wait_for  # noqa: E402

JOBS = int(os.environ.get("BYOK_TEST_JOBS", "20000"))
USERS = int(os.environ.get("BYOK_TEST_USERS", "500"))


def key_of(user):
    return f"sk-{user}-" + "k7J6" * 6


def every_job_has_a_result():
    with Stack(partitions=12, sim_options=["--latency-ms", "5", "--latency-jitter-ms", "20"]) as stack:
        first = stack.worker("w1", shards=2)
        second = stack.worker("w2", shards=2)
        users = [f"user{i}" for i in range(USERS)]
        registrations = "".join(f"{user}\t{key_of(user)}\n" for user in users)
        stack.byok("key", "add", "--provider", "openai", "--batch", "-", input=registrations)
        jobs = [(users[i % USERS], {"id": f"job{i}", "user": users[i % USERS], "capability": "chat", "provider": "openai",
                                    "prompt": f"Line {i}"}) for i in range(JOBS)]
        stack.produce(jobs)
        wait_for("a fifth is done", lambda: first.metric('byok_results_total{code="ok"}') + second.metric('byok_results_total{code="ok"}') > JOBS / 5, 120)
        expect(first.stop() == 0, "SIGTERM ends with 0")
        before = second.rss_mib()
        wait_for("half is done", lambda: second.metric('byok_results_total{code="ok"}') > JOBS / 4, 120)
        second.kill()
        third = stack.worker("w3", shards=2)
        found = stack.wait_results([f"job{i}" for i in range(JOBS)], 300)
        results = {k: v for k, v in found.items() if k.startswith("job")}
        expect(len(results) == JOBS, f"{JOBS - len(results)} missing")
        wrong = [v[0] for v in results.values() if v[0]["status"] != "ok"]
        expect(not wrong, f"{len(wrong)} not ok, e.g. {wrong[:2]}")
        repeated = sum(len(v) - 1 for v in results.values())
        calls = stack.sim_get("/sim/ledger")["calls"]
        print(f"   {JOBS} jobs, {calls} calls, {repeated} results delivered twice (at least once), "
              f"{third.rss_mib():.0f} MiB in the last worker, {before:.0f} in the killed one")
        if not SANITIZED:  # their shadow memory is several times the program's
            expect(third.rss_mib() < 600, "memory is bounded")


if __name__ == "__main__":
    main(every_job_has_a_result)
