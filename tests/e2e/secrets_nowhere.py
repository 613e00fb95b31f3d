# SPDX-License-Identifier: MIT
"""A raw key stands in no topic, file, log or error; and a record copied onto another user's does not open."""
import json
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
from support.stack import TOPICS, Stack, expect, main, wait_for  # noqa: E402

KEY = "sk-secret-" + "Q5w6E7r8" * 5


def pieces(key):
    """The key, and forms in which it might hide."""
    import base64
    raw = key.encode()
    return [raw, raw[::-1], raw.hex().encode(), base64.b64encode(raw)[:40], raw[8:40]]


def dump(stack, worker):
    """A core file of the living worker, by ptrace as root may; whether there is one."""
    size = next(line for line in Path(f"/proc/{worker.process.pid}/status").read_text().splitlines() if line.startswith("VmSize"))
    if int(size.split()[1]) > 100 << 20:  # KiB: a sanitizer's shadow memory, terabytes of it
        return False
    return stack.run(["gcore", "-o", stack.folder / "core", str(worker.process.pid)]).returncode == 0


def nothing_holds_the_key():
    with Stack() as stack:
        worker = stack.worker("w1", log={"level": "debug"})
        stack.add_key("alice", KEY)
        prompts = ["Hi", "[[sim:echo_key]]", "[[sim:status=401]]", "[[sim:html]]", "[[sim:cut]]"]
        for i, prompt in enumerate(prompts):
            stack.byok("submit", "--user", "alice", "--capability", "chat", "--provider", "openai", "--prompt", prompt, "--wait", ok=False)
        expect(stack.sim_get("/sim/ledger")["total"]["requests"] >= len(prompts), "the key was really used")
        status = "".join(worker.get(path)[1] for path in ("/metrics", "/healthz", "/readyz", "/vault/public-key"))
        dumped = dump(stack, worker)
        worker.stop()
        places = {"status pages": status.encode()}
        for topic in TOPICS:
            places[f"topic {topic}"] = b"".join(str((m.key(), m.headers())).encode() + (m.value() or b"") for m in stack.read(topic))
        for path in stack.folder.rglob("*"):
            if path.is_file():
                places[str(path)] = path.read_bytes()
        for place, content in places.items():
            for piece in pieces(KEY):
                expect(piece not in content, f"the key, or a form of it, stands in: {place}")
        expect(len(places) > 12 and dumped == any("core." in place for place in places), "looked everywhere")


def a_copied_record_does_not_open():
    with Stack(partitions=1) as stack:
        worker = stack.worker("w1")
        stack.add_key("alice", KEY)
        worker.stop()
        sealed = next(m for m in stack.read("vault") if m.key().startswith(b"alice\0"))
        producer = stack.producer()
        producer.produce(stack.prefix + "vault", key=sealed.key().replace(b"alice", b"mallory"), value=sealed.value(), partition=0)
        producer.flush(30)
        worker = stack.worker("w1")
        stack.produce([(user, {"id": user, "user": user, "capability": "chat", "provider": "openai", "prompt": "x"}) for user in ("alice", "mallory")])
        found = stack.wait_results(["alice", "mallory"], 30)
        expect(found["alice"][0]["status"] == "ok", found["alice"])
        expect(found["mallory"][0]["error"]["code"] == "key_unreadable", found["mallory"])


if __name__ == "__main__":
    main(nothing_holds_the_key, a_copied_record_does_not_open)
