# SPDX-License-Identifier: MIT
"""A key that the provider stops taking: its jobs wait, the audit says so, and they go on with the new key, once each."""
import json
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
from support.listener import Listener  # noqa: E402
from support.stack import Stack, expect, main, wait_for  # noqa: E402

WORK = "sk-alice-" + "W0rkKey0" * 4
OLD, NEW = "sk-alice-" + "0ldKey00" * 4, "sk-alice-" + "N3wKey00" * 4
GOOD = {"id": "x", "model": "m", "choices": [{"index": 0, "finish_reason": "stop", "message": {"role": "assistant", "content": "hi"}}],
        "usage": {"prompt_tokens": 1, "completion_tokens": 1, "total_tokens": 2}}
REFUSAL = {"error": {"message": "Incorrect API key provided", "type": "invalid_request_error", "code": "invalid_api_key"}}


class Provider(Listener):
    """Refuses the keys that are revoked."""
    def __init__(self):
        self.revoked, self.calls = set(), []
        super().__init__(self.answer)

    def answer(self, request):
        request.read()
        key = request.headers["authorization"].removeprefix("Bearer ")
        refused, asks = key in self.revoked, request.command == "POST"
        if asks:
            self.calls.append((key, refused))
        request.send_json(401 if refused else 200, REFUSAL if refused else GOOD if asks else {"data": []})


def job(name):
    return {"id": name, "user": "alice", "capability": "chat", "provider": "openai", "prompt": "Hi"}


def the_default_key(stack, provider):
    """A second key, made the default: jobs that name no label go with it, and the list says so."""
    stack.byok("key", "add", "--user", "alice", "--provider", "openai", "--label", "work", input=WORK + "\n")
    stack.byok("key", "default", "--user", "alice", "--provider", "openai", "--label", "work")
    stack.produce([("alice", job("default"))])
    result, = stack.wait_results(["default"])["default"]
    expect(result["key"]["label"] == "work" and provider.calls[-1] == (WORK, False), (result, provider.calls[-1]))
    stack.produce([("alice", {**job("named"), "key_label": "default"})])
    result, = stack.wait_results(["named"])["named"]
    expect(result["key"]["label"] == "default" and provider.calls[-1] == (NEW, False), (result, provider.calls[-1]))
    provider.revoked.add(WORK)
    stack.byok("key", "check", "--user", "alice", "--provider", "openai", ok=False)
    rows = {row["label"]: row for row in map(json.loads, stack.byok("key", "list", "--user", "alice", "--json").stdout.splitlines())}
    work, first = rows["work"], rows["default"]
    expect((work["state"], work["default"], first["state"], first["default"]) == ("refused", True, "valid", False), rows)
    expect(work["refused_ms"] > work["used_ms"] > work["checked_ms"] and first["used_ms"] > first["issued_ms"], rows)


def jobs_wait_for_the_new_key():
    with Stack() as stack, Provider() as provider:
        settings = {**stack.settings("w1")["providers"][0], "base_url": f"{provider.url}/v1"}
        worker = stack.worker("w1", providers=[settings], keys={"on_invalid": "wait", "recheck_s": 3600})
        stack.add_key("alice", OLD)
        stack.produce([("alice", job("before"))])
        stack.wait_results(["before"])
        provider.revoked.add(OLD)
        names = [f"j{i}" for i in range(20)]
        stack.produce([("alice", job(name)) for name in names])
        wait_for("the key is marked", lambda: worker.metric("byok_keys_invalid_total") == 1)
        expect(not set(names) & set(stack.results()), "none has failed")
        refusals = sum(refused for _, refused in provider.calls)
        expect(refusals < 2 * len(names) + 2, f"an invalid key is not sent again and again: {refusals}")
        stack.add_key("alice", NEW)
        found = stack.wait_results(names)
        expect(all(len(found[name]) == 1 and found[name][0]["status"] == "ok" for name in names), found)
        expect(all(key == NEW for key, refused in provider.calls if not refused and key != OLD), provider.calls)
        expect("event=key_invalid" in worker.err(), "the log says so")

        def noted():
            return [a for a in map(json.loads, (m.value() for m in stack.read("audit"))) if a["event"] == "key.invalid"]
        wait_for("the audit says so", lambda: len(noted()) == 1)
        expect(noted()[0]["user"] == "alice" and noted()[0]["code"] == "key_invalid", noted())
        the_default_key(stack, provider)


if __name__ == "__main__":
    main(jobs_wait_for_the_new_key)
