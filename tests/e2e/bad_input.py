# SPDX-License-Identifier: MIT
"""What bad input gets: the dlq with its reason, or a result with an error code; and the partition moves on."""
import json
import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
from support.stack import Stack, expect, main, wait_for, with_more_time  # noqa: E402

KEY = "sk-good-" + "x9Y8" * 8


def job(name, **more):
    base = {"id": name, "user": "alice", "capability": "chat", "provider": "openai", "model": "m", "prompt": "Hi"}
    return {k: v for k, v in {**base, **more}.items() if v is not None}


def headers(message):
    return {name: value.decode() for name, value in message.headers() or []}


def dead_letters():
    with Stack() as stack:
        worker = stack.worker("w1", jobs={"request_max_bytes": 100000})
        stack.add_key("alice", KEY)
        big = json.dumps(job("big", prompt="x" * 150000)).encode()
        raw = "sk-THIS-STANDS-IN-A-LOG-NOW-1234567890"
        cases = [
            (b"\x00\xff not a message", "bad_message"), (b"{\"id\": \"cut", "bad_message"),
            (job("a", id=None), "bad_message"), (job("b", capability=None), "bad_message"),
            (job("c", capability="dancing"), "bad_message"), (job("d", prompt=17), "bad_message"),
            (job("e", user="bob"), "record_key_mismatch"), (big, "too_large"),
            (job("f", api_key=raw), "raw_key_refused"), (None, "bad_message"),
        ]
        stack.produce([("alice", value) for value, _ in cases])
        stack.produce([("", job("nokey"))])
        stack.produce([("alice", job("last"))])
        stack.wait_results(["last"])
        letters = wait_for("all dead letters", lambda: (lambda found: found if len(found) == len(cases) + 1 else None)(stack.read("dlq")), 30)
        codes = sorted(headers(m)["__byok.errors.code"] for m in letters)
        expect(codes == sorted([code for _, code in cases] + ["record_key_mismatch"]), codes)
        for letter in letters:
            why = headers(letter)
            expect(why["__byok.errors.message"] and why["__byok.errors.offset"].isdigit(), why)
            if why["__byok.errors.code"] in ("too_large", "raw_key_refused"):
                expect(letter.value() is None, "no second copy")
            expect(raw not in str(why) and raw.encode() not in (letter.value() or b""), "the raw key is copied nowhere")
        replayed(stack, worker)


def listed(stack, *filters):
    return [json.loads(line) for line in stack.byok("dlq", "list", "--json", *filters).stdout.splitlines()]


def replayed(stack, worker):
    """What cannot be taken comes back once, whatever is sent again; what can be taken by now is carried out once."""
    before = len(listed(stack))
    dancing = next(row for row in listed(stack, "--code", "bad_message") if row.get("id") == "c")
    shown = json.loads(stack.byok("dlq", "show", dancing["position"], "--json").stdout)
    expect(shown["content"]["capability"] == "dancing" and shown["headers"]["__byok.errors.code"] == "bad_message", shown)
    for _ in range(2):  # the second time it is the newer letter that goes
        stack.byok("dlq", "replay", "c")
        before += 1
        wait_for("it comes back", lambda: len(listed(stack)) == before, 30)
    came = [row for row in listed(stack) if row.get("replayed_from")]
    expect([row["id"] for row in came] == ["c", "c"] and came[0]["replayed_from"] == dancing["position"]
           and came[1]["replayed_from"] == came[0]["position"], came)
    stack.produce([("alice", job("again"))], topic="dlq")  # as an older byokd would have refused it
    for _ in range(2):
        stack.byok("dlq", "replay", "again")
    stack.produce([("alice", job("behind"))])
    stack.wait_results(["again", "behind"])
    expect(worker.metric("byok_duplicates_total") == 1, "the second replay was passed over")
    expect(len(stack.results()["again"]) == 1, "one result")


def errors_as_results():
    with Stack() as stack:
        providers = [*stack.settings("w1")["providers"], {"name": "claude", "adapter": "anthropic"}]
        stack.worker("w1", providers=providers, retry={"attempts": 2, "backoff_ms": 20, "backoff_max_ms": 50})
        stack.add_key("alice", KEY)
        past = int(time.time() * 1000) - 60000
        cases = {
            "nobody": (job("nobody", user="nobody"), "no_key"), "unknown": (job("unknown", provider="acme"), "unknown_provider"),
            "none": (job("none", provider=None), "no_provider"),
            "vectors": (job("vectors", provider="claude", capability="embeddings", prompt=None, input="Hi"), "unsupported"),
            "late": (job("late", deadline_ms=past), "deadline_exceeded"),
            "broke": (job("broke", prompt="[[sim:error=out_of_money]]"), "out_of_money"),
            "down": (job("down", prompt="[[sim:status=503]]"), "overloaded"),
            "garbage": (job("garbage", prompt="[[sim:garbage]]"), "bad_answer"),
            "html": (job("html", prompt="[[sim:html]]"), "bad_answer"),
            "cut": (job("cut", prompt="[[sim:cut]]"), "cut_off"),
            "badkey": (job("badkey", prompt="[[sim:echo_key]]"), "key_invalid"),
            "long": (job("long", prompt="[[sim:status=400,code=context_length_exceeded]]"), "context_too_long"),
        }
        stack.produce([(message["user"], message) for message, _ in cases.values()])
        stack.produce([("alice", job("flaky", prompt="[[sim:status=500,times=1]]"))])
        found = stack.wait_results([*cases, "flaky"], 60)
        for name, (_, code) in cases.items():
            result = found[name][0]
            expect(result["status"] in ("error", "unknown") and result["error"]["code"] == code, f"{name}: {result}")
            expect(KEY not in json.dumps(result), f"{name}: the key stands in the error")
        expect(found["flaky"][0]["status"] == "ok" and len(found["flaky"][0]["attempts"]) == 2, found["flaky"])
        # what may have been carried out is unknown
        for prompt, status, code in (("silent", "unknown", "timeout"), ("status=429,retry_after=1", "error", "rate_limited")):
            with_more_time((1500, 6000, 24000), lambda ms: ends_in_time(stack, prompt, ms, (status, code)))


def ends_in_time(stack, prompt, timeout_ms, want):
    """A job's time runs from its record's: on a slow machine it may be over before the call has left, or while it is made again."""
    id = f"{prompt[:6]}{timeout_ms}"
    stack.produce([("alice", job(id, prompt=f"[[sim:{prompt}]]", timeout_ms=timeout_ms))])
    result = stack.wait_results([id])[id][0]
    found = result["status"], result["error"]["code"]
    if found != want and found[1] in ("deadline_exceeded", "timeout"):
        return None
    expect(found == want, result)
    return True


def a_provider_that_is_not_there():
    with Stack() as stack:
        settings = {"providers": [{"name": "openai", "adapter": "openai", "base_url": "http://127.0.0.1:1/v1"}]}
        stack.worker("w1", **settings, retry={"attempts": 2, "backoff_ms": 20})
        refused = stack.byok("--json", "key", "add", "--user", "alice", "--provider", "openai", input=KEY + "\n", ok=False)
        expect(refused.returncode == 1 and json.loads(refused.stdout)["error"]["code"] == "unreachable", refused.stdout + refused.stderr)


if __name__ == "__main__":
    main(dead_letters, errors_as_results, a_provider_that_is_not_there)
