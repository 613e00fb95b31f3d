# SPDX-License-Identifier: MIT
"""Embeddings in bulk: jobs of one text each, of one user and of many, with and without calls that are shared, each beside its bare limit.

The bare limit is tests/bench/bare.c with as many calls at once and as many texts in each as byokd may have: it takes the jobs off the topic,
calls, and writes a result for each text; it does not look at whose they are, and has no state, no claims, no usage. Texts/s are between the first
and the last result's timestamp, as for the other rows; calls are those that the provider has counted.
"""
from bench import loop
from support.stack import Stack, wait_for

KEY = "sk-bulk-" + "b3N4" * 8
TEXTS_PER_CALL = 2048  # OpenAI's limit
DIMENSIONS = 64
USER_CALLS = 8  # at once


def jobs(name, count, users):
    for i in range(count):
        user = f"user{i % users}"
        yield user, {"id": f"{name}-{i}", "user": user, "capability": "embeddings", "provider": "openai", "model": "text-embedding-3-small",
                     "dimensions": DIMENSIONS, "input": f"Text number {i}: what is it about?"}


def calls_made(stack):
    return stack.sim_get("/sim/ledger")["calls"]


def run_bare(stack, count, users, texts_per_call, concurrency, delivery):
    stack.worker("topics").stop()  # makes the topics
    stack.produce(jobs("bare", count, users))
    loop.run_bare(stack, delivery, "requests", "results", "--url", stack.sim_url + "/v1/embeddings", "--key", KEY, "--count", count,
                  "--concurrency", min(concurrency, USER_CALLS * users), "--texts", texts_per_call)
    return count / loop.seconds_between(stack, "results", count), calls_made(stack)


def run_byokd(stack, count, users, texts_per_call, concurrency, delivery):
    settings = stack.settings("w")
    provider = {**settings["providers"][0], "concurrency": concurrency, "bulk_texts": texts_per_call}
    settings = {"delivery": delivery, "providers": [provider], "limits": {"concurrency": USER_CALLS}, "vault": {**settings["vault"], "slots": 2 * concurrency}}
    worker = stack.worker("w", **settings)
    stack.byok("key", "add", "--provider", "openai", "--batch", "-", input="".join(f"user{i}\t{KEY}\n" for i in range(users)))
    worker.stop()
    registrations = len(stack.read("results"))
    stack.produce(jobs("byokd", count, users))
    worker = stack.worker("w", wait=False, **settings)
    wait_for("all jobs are done", lambda: worker.metric('byok_results_total{code="ok"}') >= count, 900, every=0.5)
    worker.stop()
    return count / loop.seconds_between(stack, "results", count, registrations), calls_made(stack)


def measure(options, sim):
    count, delivery = options.texts, options.delivery[0]
    print(f"{count} embedding jobs of one text ({DIMENSIONS} numbers), {delivery}, {USER_CALLS} calls at once of a user", flush=True)
    for users in (1, options.users):
        rates = {}
        whole_calls = max(1, min(TEXTS_PER_CALL, count // users))  # a call holds texts of one user
        for name, texts_per_call, bare_texts in (("alone", 1, 1), ("in bulk", 0, whole_calls)):
            with Stack(sim_options=sim) as stack:
                limit, limit_calls = run_bare(stack, count, users, bare_texts, options.concurrency, delivery)
            with Stack(sim_options=sim) as stack:
                rates[name], calls = run_byokd(stack, count, users, texts_per_call, options.concurrency, delivery)
            print(f"{'bare ' + name + f', {users} users':>24}: {limit:8.0f} texts/s, {limit_calls:6} calls")
            print(f"{name + f', {users} users':>24}: {rates[name]:8.0f} texts/s, {calls:6} calls, {rates[name] / limit:.2f} of its bare limit's texts/s",
                  flush=True)
        print(f"{'ratio':>24}: {rates['in bulk'] / rates['alone']:8.2f} of the texts/s with a call for each")
