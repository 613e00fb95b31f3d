# SPDX-License-Identifier: MIT
"""The main job at length: 20,000 jobs of 500 users (fewer but in `./dev test --faults`) through two workers, one of them ended by
SIGTERM and one by SIGKILL on the way. Every job has a result, in either mode of delivery, and memory stays flat. The long form
kills one more worker again and again."""
import os
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
from support.load import pick  # noqa: E402
from support.stack import SANITIZED, Stack, expect, main, wait_for  # noqa: E402

JOBS = int(os.environ.get("BYOK_TEST_JOBS", pick(4000, 20000)))
USERS = int(os.environ.get("BYOK_TEST_USERS", pick(100, 500)))
KILLS = int(os.environ.get("BYOK_TEST_KILLS", pick(0, 20)))  # more
JOBS_PER_KILL = 600
MEMORY_MIB = pick(48, 32)  # of growth once a worker is warm, which the short form is hardly: arenas and librdkafka's queues breathe


def key_of(user):
    return f"sk-{user}-" + "k7J6" * 6


def ok_results(worker):
    return worker.metric('byok_results_total{code="ok"}')


def reach(worker, count):
    wait_for(f"{worker.name} has {count:.0f} results", lambda: ok_results(worker) >= count, 240)


def add_keys(stack, users):
    stack.byok("key", "add", "--provider", "openai", "--batch", "-", input="".join(f"{user}\t{key_of(user)}\n" for user in users))


def submit(stack, users, numbers):
    stack.produce([(users[i % USERS], {"id": f"job{i}", "user": users[i % USERS], "capability": "chat", "provider": "openai",
                                       "prompt": f"Line {i}"}) for i in numbers])


def run(delivery):
    with Stack(partitions=12, sim_options=["--latency-ms", "5", "--latency-jitter-ms", "20"]) as stack:
        # so long a claimed call's outcome may be awaited after the kill
        provider = {**stack.settings("w")["providers"][0], "timeout_ms": 3000}
        settings, users = {"shards": 2, "delivery": delivery, "providers": [provider]}, [f"user{i}" for i in range(USERS)]
        first, second = (stack.worker(name, **settings) for name in ("w1", "w2"))
        add_keys(stack, users)
        submit(stack, users, range(JOBS // 2))
        reach(first, JOBS / 10)  # of about a quarter
        expect(first.stop() == 0, "SIGTERM ends with 0")
        third = stack.worker("w1", wait=False, **settings)
        reach(second, JOBS / 10)
        second.kill()
        last = stack.worker("w2", **settings)
        wait_for("w1 is ready", third.ready)
        submit(stack, users, range(JOBS // 2, JOBS))
        reach(third, JOBS / 8)
        early = third.rss_mib()
        jobs = JOBS
        for kill in range(KILLS):
            if kill == KILLS // 4:
                early = third.rss_mib()  # warm is who has had all partitions and their backlog, as after each kill
            submit(stack, users, range(jobs, jobs + JOBS_PER_KILL))
            jobs += JOBS_PER_KILL
            reach(last, JOBS_PER_KILL / 6)
            last.kill()
            last = stack.worker("w2", **settings)
        found = stack.wait_results([f"job{i}" for i in range(jobs)], 300)
        results = {k: v for k, v in found.items() if k.startswith("job")}
        missing = jobs - len(results)
        expect(missing == 0, f"{missing} missing")
        wrong = [v[0] for v in results.values() if v[0]["status"] not in ("ok", "unknown")]
        expect(not wrong, f"{len(wrong)} wrong, e.g. {wrong[:2]}")
        unknown = sum(v[0]["status"] == "unknown" for v in results.values())
        twice = sum(len(v) - 1 for v in results.values())
        calls, growth = stack.sim_get("/sim/ledger")["calls"], third.rss_mib() - early
        print(f"   {delivery}: {jobs} jobs of {USERS} users, {1 + KILLS} kills, {missing} missing, {twice} results delivered twice, {unknown} unknown, "
              f"{calls} calls, {third.rss_mib():.0f} and {last.rss_mib():.0f} MiB, {growth:+.1f} MiB of growth since it was warm")
        expect(delivery == "at_least_once" or twice == 0, "exactly once")
        expect(SANITIZED or growth < MEMORY_MIB, "memory stays flat")


def every_job_has_a_result():
    run("at_least_once")


def every_job_has_one_result():
    run("exactly_once")


if __name__ == "__main__":
    main(every_job_has_a_result, every_job_has_one_result)
