# SPDX-License-Identifier: MIT
"""After a call, its connection kept alive, no piece of the key is in the memory of the worker: answered, streamed, failed, timed out, cancelled,
redirected, and when the provider gives the key back."""
import base64
import json
import os
import secrets
import string
import subprocess
import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
from support import memory  # noqa: E402
from support.listener import Listener  # noqa: E402
from support.stack import SKIPPED, Stack, TlsStack, expect, main, wait_for  # noqa: E402

# What ends a call: an answer, a failure that is retried, an error that holds the key, a redirect, a broken answer.
PROMPTS = ["Hi", "[[sim:status=500,times=2]]", "[[sim:status=429,retry_after_ms=20,times=1]]", "[[sim:echo_key]]", "[[sim:status=401]]",
           "[[sim:redirect=http://127.0.0.1:1/]]", "[[sim:html]]", "[[sim:garbage]]", "[[sim:close]]", "[[sim:cut]]", "[[sim:big=40]]"]
TIMED_OUT = ["[[sim:silent]]", "[[sim:drip=1,gap_ms=300]]"]
CALL_MS = 2500
# How a provider gives the key back: in a stream (whole, by three bytes, in escapes, cut off, stalled), in errors, in headers.
ECHOES = ["whole", "pieces", "escaped", "cut", "stalled", "error", "chunks", "base64", "redirect", "header"]


def random_key():
    return "sk-" + "".join(secrets.choice(string.ascii_letters + string.digits) for _ in range(48))


def job(user, name, prompt, provider="openai", **more):
    return user, {"id": f"{user}-{name}", "user": user, "capability": "chat", "provider": provider, "prompt": prompt, **more}


class Echoes:
    """Answers with the key that it was called with, as the prompt says; over TLS it would speak HTTP/2."""
    def __init__(self):
        self.protocols = set()

    def __call__(self, handler):
        if hasattr(handler.connection, "selected_alpn_protocol"):
            self.protocols.add(handler.connection.selected_alpn_protocol())
        if handler.command == "GET":  # the check of the key
            return handler.send(200, b'{"object": "list", "data": []}')
        key = handler.headers["authorization"].removeprefix("Bearer ")
        which = json.loads(handler.read())["messages"][-1]["content"]
        error = f'{{"error": {{"message": "no such key: {key}", "code": "odd"}}}}'.encode()
        if which in ("error", "header"):
            return handler.send(400, error, [("x-request-id", key), ("www-authenticate", f"Bearer {key}")] if which == "header" else ())
        if which == "chunks":
            return handler.send(400, chunks=[error[i:i + 7] for i in range(0, len(error), 7)])
        if which == "base64":
            return handler.send(400, error.replace(key.encode(), base64.b64encode(b":" + key.encode())))
        if which == "redirect":
            return handler.send(307, error, [("location", f"http://127.0.0.1:1/{key}")])
        return self.stream(handler, key, which)

    @staticmethod
    def stream(handler, key, which):
        text = "".join(f"\\u{ord(c):04x}" for c in key) if which == "escaped" else key
        size = 3 if which == "pieces" else len(text)
        events = [b'data: {"choices": [{"index": 0, "delta": {"content": "%s"}}]}\n\n' % text[i:i + size].encode() for i in range(0, len(text), size)]
        if which not in ("cut", "stalled"):
            end = [b'data: {"choices": [{"index": 0, "delta": {}, "finish_reason": "stop"}]}\n\n', b"data: [DONE]\n\n"]
            return handler.send(200, headers=[("content-type", "text/event-stream")], chunks=events + end)
        handler.send_response(200)
        handler.send_header("content-type", "text/event-stream")
        handler.end_headers()
        handler.wfile.write(events[0])
        handler.wfile.flush()
        time.sleep(0 if which == "cut" else 2 * CALL_MS / 1000)
        handler.close_connection = True
        return None


def clean(stack, worker, *keys):
    """None of the keys has a piece in memory or in a register."""
    found, looked = memory.scan(worker.process.pid, *keys)
    expect(looked > 10 << 20, f"only {looked} bytes could be read")
    hits = [place for places in found.values() for place in places]
    expect(not hits, f"{len(hits)} pieces of a key in memory: " + "; ".join(hits[:12]))
    registers = memory.registers(worker.process.pid, stack.folder)
    expect(b"CORE" in registers and len(registers) > 1000, f"{len(registers)} bytes of registers")
    hits = [hit for key in keys for hit in memory.search(registers, key)]
    expect(not hits, f"{len(hits)} pieces of a key in registers: {hits[:12]}")


def register(stack, provider, *users):
    keys = {user: random_key() for user in users}
    for user, key in keys.items():
        stack.byok("key", "add", "--user", user, "--provider", provider, input=key + "\n")
    return keys


def outcomes(stack, worker, calls_left):
    """Calls of alice and bob, and dave's of the one who echoes, each ended in one of the ways; those of others stay under way."""
    jobs = [job("bob", "cancelled", "[[sim:silent]]", timeout_ms=CALL_MS), job("bob", "taken_back", "[[sim:status=503,retry_after=2]]")]
    stack.produce(jobs)
    wait_for("they are under way", lambda: worker.metric("byok_calls_in_flight") > calls_left)
    jobs += [("bob", {"type": "job.cancel", "id": f"bob-c{i}", "user": "bob", "job_id": message["id"]}) for i, (_, message) in enumerate(jobs)]
    stack.produce(jobs[2:])
    jobs += [job("dave", f"{which}{stream}", which, "echoes", stream=stream, timeout_ms=CALL_MS) for which in ECHOES for stream in (False, True)]
    jobs += [job("alice", f"s{i}", prompt, stream=True) for i, prompt in enumerate(PROMPTS)]
    stack.produce(jobs[4:])
    jobs += [job("alice", f"p{i}", prompt) for i, prompt in enumerate(PROMPTS)]
    jobs += [job("bob", f"t{i}{stream}", prompt, stream=stream) for i, prompt in enumerate(TIMED_OUT) for stream in (False, True)]
    jobs += [job("bob", "deadline", "[[sim:silent]]", timeout_ms=700), job("bob", "fine", "Hi")]
    stack.produce(jobs)
    found = stack.wait_results([message["id"] for _, message in jobs])
    wait_for("the calls have ended", lambda: worker.metric("byok_calls_in_flight") == calls_left)
    expect(found["bob-fine"][0]["status"] == "ok" and found["alice-p0"][0]["status"] == "ok", found)
    expect(found["bob-t0False"][0]["error"]["code"] == "timeout", found["bob-t0False"])
    expect(found["bob-c0"][0]["outcome"] == "sent" and found["bob-c1"][0]["outcome"] in ("sent", "cancelled", "done"), (found["bob-c0"], found["bob-c1"]))
    expect("***" in json.dumps(found["dave-errorFalse"]) and "***" in found["dave-piecesTrue"][0]["text"], found)


def a_crowd(stack, worker):
    """Many users at once, their keys with the same random letters in the middle: those are looked for."""
    stem, users = random_key()[3:27], [f"user{i}" for i in range(24)]
    for user in users:
        stack.add_key(user, f"sk-{secrets.token_hex(4)}{stem}{secrets.token_hex(4)}")
    jobs = [job(user, f"{i}", PROMPTS[i % len(PROMPTS)] if i % 3 else f"Hi {i}") for user in users for i in range(8)]
    stack.produce(jobs)
    stack.wait_results([message["id"] for _, message in jobs])
    wait_for("the calls have ended", lambda: worker.metric("byok_calls_in_flight") == 1)
    return stem


def search_all(stack, providers, port, tls=False):
    """`providers`: those of the stack; a second one, patient, holds a call under way all the time, a third one, on `port`, echoes."""
    ordinary, scheme = {**providers[0], "breaker": {"calls": 0}}, "https" if tls else "http"  # all fail on purpose, none is to wait
    providers = [{**ordinary, "timeout_ms": CALL_MS}, {**ordinary, "name": "patient", "adapter": "openai"},
                 {**ordinary, "name": "echoes", "adapter": "openai", "base_url": f"{scheme}://127.0.0.1:{port}/v1", "timeout_ms": CALL_MS}]
    worker = stack.worker("w1", providers=providers, retry={"attempts": 3})
    keys = register(stack, "openai", "alice", "bob") | register(stack, "echoes", "dave")
    keys |= register(stack, "patient", "carol")
    clean(stack, worker, *keys.values())  # registered and checked
    stack.produce([job("carol", "held", "[[sim:silent]]", "patient")])
    wait_for("a call is under way", lambda: worker.metric("byok_calls_in_flight") == 1)
    found, _ = memory.scan(worker.process.pid, keys["carol"])
    expect(found[keys["carol"]], "the search does not find the key of a call that is under way")
    outcomes(stack, worker, 1)
    clean(stack, worker, keys["alice"], keys["bob"], keys["dave"])
    fresh = register(stack, "openai", "alice")  # instead of the old one
    clean(stack, worker, keys["alice"], keys["bob"], keys["dave"], fresh["alice"], a_crowd(stack, worker))


def plain():
    with Stack() as stack, Listener(Echoes()) as echoes:
        search_all(stack, stack.settings("w1")["providers"], echoes.port)


def by_tls():
    answers = Echoes()
    with TlsStack() as stack, Listener(answers, tls=stack.tls) as echoes:
        search_all(stack, stack.trusting(), echoes.port, tls=True)
        # its compression keeps headers as long as the connection lives
        expect(answers.protocols <= {"http/1.1", None}, f"HTTP/2 was offered: {answers.protocols}")


def the_search_finds_a_piece():
    """A process that holds 16 bytes of a secret is found; one that it does not hold is not."""
    secret, absent = random_key(), random_key()
    planted = bytes(byte ^ 1 for byte in secret[20:36].encode())  # not in the command itself
    holder = subprocess.Popen([sys.executable, "-c", "import sys; held = bytes(b ^ 1 for b in sys.stdin.buffer.read(16));"
                               "print('held', flush=True); sys.stdin.read()"], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    try:
        holder.stdin.write(planted)
        holder.stdin.flush()
        holder.stdout.readline()
        found, _ = memory.scan(holder.pid, secret, absent)
        expect(found[secret] and not found[absent], found)
    finally:
        holder.kill()
        holder.wait()


if __name__ == "__main__":
    if os.geteuid() != 0 or os.environ.get("BYOK_SANITIZE"):
        print("reading the memory of a process that is not dumpable takes root and no sanitizer: skipped")
        sys.exit(SKIPPED)
    main(the_search_finds_a_piece, plain, by_tls)
