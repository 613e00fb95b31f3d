# SPDX-License-Identifier: MIT
"""After a call, its connection kept alive, no piece of the key is in the memory of the worker."""
import os
import secrets
import string
import subprocess
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
from support import memory  # noqa: E402
from support.stack import SKIPPED, Stack, TlsStack, expect, main, wait_for  # noqa: E402

# What ends a call: an answer, a failure that is retried, an error that holds the key, a redirect, a broken answer.
PROMPTS = ["Hi", "[[sim:status=500,times=2]]", "[[sim:status=429,retry_after_ms=20,times=1]]", "[[sim:echo_key]]", "[[sim:status=401]]",
           "[[sim:redirect=http://127.0.0.1:1/]]", "[[sim:html]]", "[[sim:garbage]]", "[[sim:close]]", "[[sim:cut]]", "[[sim:big=40]]"]
TIMED_OUT = ["[[sim:silent]]", "[[sim:drip=1,gap_ms=300]]"]
CALL_MS = 2500


def random_key():
    return "sk-" + "".join(secrets.choice(string.ascii_letters + string.digits) for _ in range(48))


def job(user, name, prompt, provider="openai", **more):
    return user, {"id": f"{user}-{name}", "user": user, "capability": "chat", "provider": provider, "prompt": prompt, **more}


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
    """Calls of alice and bob, each ended in one of the ways; those of others stay under way."""
    jobs = [job("alice", f"p{i}", prompt) for i, prompt in enumerate(PROMPTS)]
    jobs += [job("bob", f"t{i}", prompt) for i, prompt in enumerate(TIMED_OUT)]
    jobs += [job("bob", "deadline", "[[sim:silent]]", timeout_ms=700), job("bob", "fine", "Hi")]
    stack.produce(jobs)
    found = stack.wait_results([message["id"] for _, message in jobs])
    wait_for("the calls have ended", lambda: worker.metric("byok_calls_in_flight") == calls_left)
    expect(found["bob-fine"][0]["status"] == "ok" and found["alice-p0"][0]["status"] == "ok", found)
    expect(found["bob-t0"][0]["error"]["code"] == "timeout", found["bob-t0"])


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


def search_all(stack, providers):
    """`providers`: those of the stack; a second one, patient, holds a call under way all the time."""
    providers = [{**providers[0], "timeout_ms": CALL_MS}, {**providers[0], "name": "patient", "adapter": "openai"}]
    worker = stack.worker("w1", providers=providers, retry={"attempts": 3})
    keys = register(stack, "openai", "alice", "bob")
    keys |= register(stack, "patient", "carol")
    clean(stack, worker, *keys.values())  # registered and checked
    stack.produce([job("carol", "held", "[[sim:silent]]", "patient")])
    wait_for("a call is under way", lambda: worker.metric("byok_calls_in_flight") == 1)
    found, _ = memory.scan(worker.process.pid, keys["carol"])
    expect(found[keys["carol"]], "the search does not find the key of a call that is under way")
    outcomes(stack, worker, 1)
    clean(stack, worker, keys["alice"], keys["bob"])
    fresh = register(stack, "openai", "alice")  # instead of the old one
    clean(stack, worker, keys["alice"], keys["bob"], fresh["alice"], a_crowd(stack, worker))


def plain():
    with Stack() as stack:
        search_all(stack, stack.settings("w1")["providers"])


def by_tls():
    with TlsStack() as stack:
        search_all(stack, stack.trusting())


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
