# SPDX-License-Identifier: MIT
"""Large content by reference: in a folder and in an S3 service that checks signatures; attacks; crashes."""
import hashlib
import json
import os
import secrets
import struct
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
from support.listener import Listener  # noqa: E402
from support.stack import SANITIZED, Process, Stack, call, expect, main, wait_for  # noqa: E402

import boto3  # noqa: E402  (only needed with a Kafka)

KEY = "sk-alice-" + "a1B2" * 8
WAV = b"RIFF" + struct.pack("<I", 992) + b"WAVEfmt " + struct.pack("<IHHIIHH", 16, 1, 1, 24000, 48000, 2, 16) + b"data" + struct.pack("<I", 956)
TEXT = "word " * 200  # about 570 kB of sound
MODELS = {"chat": "sim-chat", "embeddings": "sim-embedding", "text_to_speech": "sim-speech", "speech_to_text": "sim-listen"}


def name_of(user, content):
    return hashlib.sha256(user.encode()).hexdigest() + "/" + hashlib.sha256(content).hexdigest()


def reference(user, content, **more):
    return {"ref": name_of(user, content), "size": len(content), "sha256": hashlib.sha256(content).hexdigest(), **more}


def speak(id, text=TEXT, **more):
    return {"id": id, "user": "alice", "capability": "text_to_speech", "provider": "openai", "text": text, "voice": "alloy", "format": "wav", **more}


def listen(id, audio, user="alice"):
    return {"id": id, "user": user, "capability": "speech_to_text", "provider": "openai", "audio": audio}


def providers(stack):
    return [{**stack.settings("w1")["providers"][0], "models": MODELS}]


def start(stack, name="w1", **payloads):
    # With a ledger that outlives a kill, the next owner would wait for the claims of all that was under way.
    return stack.worker(name, delivery="exactly_once", ledger="process", providers=providers(stack),
                        payloads={"inline_max_bytes": 65536, **payloads})


def result_of(stack, id):
    found = stack.wait_results([id])[id]
    expect(len(found) == 1, f"{len(found)} results of {id}")
    return found[0]


def check_content(result, read):
    """The result's audio, got and compared with what its reference says."""
    audio = result["audio"]
    expect(isinstance(audio, dict) and set(audio) == {"ref", "size", "sha256", "type"}, str(audio)[:200])
    content = read(audio["ref"])
    expect(audio["ref"] == name_of(result["user"], content), f"{audio}: another name")
    expect(len(content) == audio["size"] and hashlib.sha256(content).hexdigest() == audio["sha256"], f"{audio}: other content")
    expect(content[:4] == b"RIFF" and audio["type"] == "audio/wav", audio["type"])
    return content


def put(folder, user, content):
    path = folder / name_of(user, content)
    path.parent.mkdir(exist_ok=True)
    path.write_bytes(content)
    return path


def by_the_client(stack, store, read):
    """A file that is too large for a message is put and referred to; an answer's content is got, checked and written."""
    recording, answer = stack.folder / "recording.wav", stack.folder / "answer.wav"
    recording.write_bytes(WAV + bytes(600000))
    own = ["--user", "alice", "--provider", "openai", "--payloads", store, "--wait"]
    heard = call(stack, "submit", *own, "--audio", recording)
    expect(heard["status"] == "ok" and heard["text"], heard)
    expect(read(name_of("alice", recording.read_bytes())) == recording.read_bytes(), "the recording is not in the store")
    spoken = call(stack, "submit", *own, "--text", TEXT, "--set", "voice=alloy", "--set", "format=wav", "--output", answer)
    expect(answer.read_bytes() == read(spoken["audio"]["ref"]), "another file")


def to_a_folder_and_back():
    with Stack() as stack:
        folder = stack.folder / "payloads"
        worker = start(stack, store="folder", folder=str(folder))
        stack.add_key("alice", KEY)
        stack.produce([("alice", speak("large")), ("alice", speak("small", "hi"))])
        large, small = result_of(stack, "large"), result_of(stack, "small")
        expect(large["status"] == "ok", large)
        sound = check_content(large, lambda name: (folder / name).read_bytes())
        expect(isinstance(small["audio"], str), "a small answer was put into the store")
        stack.produce([("alice", listen("heard", large["audio"]))])
        heard = result_of(stack, "heard")
        expect(heard["status"] == "ok" and heard["text"], heard)
        stack.produce([("alice", listen("inline", small["audio"]))])
        expect(result_of(stack, "inline")["status"] == "ok", "an inline job failed")
        expect(worker.metric("byok_payloads_put_total") == 1 and worker.metric("byok_payloads_got_total") == 1, "metrics")
        by_the_client(stack, f"folder:{folder}", lambda name: (folder / name).read_bytes())
        print(f"   {len(sound)} bytes of sound by reference; the result has {len(json.dumps(large))} bytes")


def what_is_not_the_users_own_content_is_refused():
    with Stack() as stack:
        folder = stack.folder / "payloads"
        start(stack, store="folder", folder=str(folder), max_bytes=100000)
        stack.add_key("alice", KEY)
        secret = stack.folder / "secret"
        secret.write_bytes(b"RIFF not for alice")
        good, bobs, cut, other, linked = (WAV + secrets.token_bytes(1000 - len(WAV)) for _ in range(5))
        put(folder, "bob", bobs)
        put(folder, "alice", good)
        put(folder, "alice", cut).write_bytes(cut[:500])
        put(folder, "alice", other).write_bytes(good)
        put(folder, "alice", linked).unlink()
        (folder / name_of("alice", linked)).symlink_to(secret)
        mine = reference("alice", good)
        jobs = {
            "another's": (reference("bob", bobs), "bad_request"),
            "up": ({**mine, "ref": "../secret"}, "bad_request"),
            "up-further": ({**mine, "ref": name_of("alice", good)[:64] + "/../../secret"}, "bad_request"),
            "absolute": ({**mine, "ref": str(secret)}, "bad_request"),
            "address": ({**mine, "ref": "http://169.254.169.254/latest"}, "bad_request"),
            "missing": (reference("alice", b"never put"), "bad_request"),
            "truncated": (reference("alice", cut), "bad_request"),
            "changed": (reference("alice", other), "bad_request"),
            "linked": (reference("alice", linked), "bad_request"),
            "longer": ({**mine, "size": 1001}, "bad_request"),
            "huge": ({**mine, "size": 1 << 60}, "too_large"),
            "no-size": ({"ref": mine["ref"], "sha256": mine["sha256"]}, "bad_request"),
        }
        stack.produce([("alice", listen(id, audio)) for id, (audio, _) in jobs.items()])
        stack.produce([("alice", listen("good", mine))])
        results = stack.wait_results([*jobs, "good"])
        for id, (_, code) in jobs.items():
            result = results[id][0]
            expect(result["status"] == "error" and result["error"]["code"] == code, f"{id}: {result.get('error') or result}")
            expect("not for alice" not in json.dumps(result), f"{id}: {result}")
        expect(results["good"][0]["status"] == "ok", results["good"][0])


def every_result_of_a_killed_worker_names_what_is_there():
    with Stack() as stack:
        folder = stack.folder / "payloads"
        settings = {"store": "folder", "folder": str(folder), "inline_max_bytes": 1000}
        worker = start(stack, **settings)
        stack.add_key("alice", KEY)
        ids = [f"s{i}" for i in range(40)]
        stack.produce([("alice", speak(id, f"{id} " * 5, on_unknown="retry")) for id in ids])
        for life in range(3):
            wait_for("some results", lambda n=life: len(stack.results()) > 3 + 8 * n)
            worker.kill()
            for result in (found[0] for found in stack.results().values() if found[0]["id"] in ids):
                check_content(result, lambda name: (folder / name).read_bytes())
            worker = start(stack, **settings)
        results = stack.wait_results(ids)
        for id in ids:
            expect(len(results[id]) == 1 and results[id][0]["status"] == "ok", results[id])
            check_content(results[id][0], lambda name: (folder / name).read_bytes())
        names = {results[id][0]["audio"]["ref"] for id in ids}
        print(f"   {len(names)} payloads, {sum(p.is_file() for p in folder.rglob('*'))} files after 3 kills")


class Hearing(Listener):
    """A provider that hashes a form's file while it comes, keeping none of it."""
    def __init__(self):
        self.heard = []  # of each: bytes of the file, their digest, bytes that did not come
        super().__init__(self.answer)

    def answer(self, request):
        if request.command == "GET":
            return request.send_json(200, {"data": []})
        boundary = b"\r\n--" + request.headers["Content-Type"].split("boundary=")[1].encode()
        first = request.read(4096)
        at = first.index(b"\r\n\r\n", first.index(b'name="file"')) + 4
        digest, held, size = hashlib.sha256(), first[at:], 0
        while more := request.read(1 << 20):
            held += more
            digest.update(held[:-200])  # behind the file there is only the form's end
            size += len(held[:-200])
            held = held[-200:]
        end = held.rfind(boundary + b"--")
        digest.update(held[:end])
        self.heard.append((size + end, digest.hexdigest(), request.left))
        if request.left == 0:
            request.send_json(200, {"text": "heard"})


def peak_kb(worker):
    """The most memory that the process ever had."""
    status = Path(f"/proc/{worker.process.pid}/status").read_text()
    return int(next(line.split()[1] for line in status.splitlines() if line.startswith("VmHWM")))


def a_file_is_sent_from_the_store_whatever_its_size():
    with Stack() as stack, Hearing() as provider:
        folder = stack.folder / "payloads"
        folder.mkdir(mode=0o700)
        block = WAV + secrets.token_bytes((1 << 20) - len(WAV))
        size, digest = 200 << 20, hashlib.sha256()
        for _ in range(200):
            digest.update(block)
        name = hashlib.sha256(b"alice").hexdigest() + "/" + digest.hexdigest()
        (folder / name).parent.mkdir()
        with (folder / name).open("wb") as file:
            for _ in range(200):
                file.write(block)
        own = [{**settings, "base_url": f"{provider.url}/v1"} for settings in providers(stack)]
        worker = stack.worker("w1", delivery="exactly_once", ledger="process", providers=own,
                              payloads={"store": "folder", "folder": str(folder), "max_bytes": 300 << 20})
        stack.add_key("alice", KEY)
        small = put(folder, "alice", WAV * 100)
        stack.produce([("alice", listen("small", reference("alice", small.read_bytes())))])
        expect(result_of(stack, "small")["status"] == "ok", result_of(stack, "small"))
        before = peak_kb(worker)
        large = {"ref": name, "size": size, "sha256": digest.hexdigest()}
        stack.produce([("alice", listen("large", large))])
        result = result_of(stack, "large")
        grown = peak_kb(worker) - before
        expect(result["status"] == "ok" and result["text"] == "heard", result)
        expect(provider.heard[-1] == (size, digest.hexdigest(), 0), provider.heard)
        # with ThreadSanitizer 2.5 MiB twice, and 40 once, for a reason that is not known
        expect(grown < (64 << 10 if SANITIZED == "thread" else 16 << 10), f"the worker has grown by {grown} KiB")
        print(f"   200 MiB of sound were sent; the worker has grown by {grown} KiB")


def old_payloads_are_removed():
    with Stack() as stack:
        folder = stack.folder / "payloads"
        folder.mkdir(mode=0o700)
        old, new = put(folder, "alice", b"old"), put(folder, "alice", b"new")
        os.utime(old, (1, 1))
        start(stack, store="folder", folder=str(folder), keep_s=3600)
        wait_for("the old one is removed", lambda: not old.exists())
        expect(new.exists(), "a new one was removed")


class Bucket:
    """An S3 service with one bucket and one key; it computes each signature itself and refuses others."""
    SETTING_UP = 4  # actions before signatures count

    def __init__(self, stack):
        self.process = stack.add(Process("s3", [Path(sys.executable).parent / "moto_server", "-p", "0"], stack.folder,
                                         env={"INITIAL_NO_AUTH_ACTION_COUNT": str(self.SETTING_UP)}))
        line = wait_for("the S3 service listens", lambda: next((x for x in self.process.err().splitlines() if "Running on" in x), None))
        self.endpoint = line.split()[-1]
        iam = self.client("iam", "any", "any")
        iam.create_user(UserName="byokd")
        made = iam.create_access_key(UserName="byokd")["AccessKey"]
        self.id, self.secret = made["AccessKeyId"], made["SecretAccessKey"]
        allow = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "s3:*", "Resource": "*"}]}
        iam.put_user_policy(UserName="byokd", PolicyName="all", PolicyDocument=json.dumps(allow))
        self.client("s3", "any", "any").create_bucket(Bucket="payloads")
        self.s3 = self.client("s3", self.id, self.secret)

    def client(self, service, id, secret):
        return boto3.client(service, endpoint_url=self.endpoint, region_name="us-east-1", aws_access_key_id=id, aws_secret_access_key=secret)

    def read(self, name):
        return self.s3.get_object(Bucket="payloads", Key=name)["Body"].read()

    def settings(self, stack, secret=None):
        path = stack.folder / "s3.key"
        path.write_text(f"{self.id}:{secret or self.secret}\n")
        path.chmod(0o600)
        return {"store": "s3", "endpoint": self.endpoint, "bucket": "payloads", "credentials_file": str(path)}


def to_s3_and_back_signed():
    with Stack() as stack:
        bucket = Bucket(stack)
        worker = start(stack, **bucket.settings(stack))
        stack.add_key("alice", KEY)
        stack.produce([("alice", speak("large"))])
        large = result_of(stack, "large")
        expect(large["status"] == "ok", large)
        sound = check_content(large, bucket.read)
        wrong = reference("alice", b"never put")
        stack.produce([("alice", listen("heard", large["audio"])), ("alice", listen("missing", wrong)),
                       ("alice", listen("shorter", {**large["audio"], "size": len(sound) - 1}))])
        expect(result_of(stack, "heard")["status"] == "ok", result_of(stack, "heard"))
        for id in ("missing", "shorter"):
            expect(result_of(stack, id)["error"]["code"] == "bad_request", result_of(stack, id))
        os.environ["BYOK_PAYLOADS_CREDENTIALS"] = f"{bucket.id}:{bucket.secret}"
        by_the_client(stack, f"s3:{bucket.endpoint}/payloads", bucket.read)
        expect(bucket.secret not in worker.err() and "AWS4-HMAC" not in worker.err(), "a credential in the log")


def an_answer_that_s3_refuses_stays_in_its_result():
    with Stack() as stack:
        bucket = Bucket(stack)
        worker = start(stack, **bucket.settings(stack, "wrong-secret"), timeout_ms=5000)
        stack.add_key("alice", KEY)
        stack.produce([("alice", speak("large"))])
        large = result_of(stack, "large")
        expect(large["status"] == "ok" and isinstance(large["audio"], str), str(large)[:300])
        expect("refuses the credentials" in worker.err() and "wrong-secret" not in worker.err(), worker.err()[-500:])
        stack.produce([("alice", listen("heard", reference("alice", b"x")))])
        expect(result_of(stack, "heard")["error"]["code"] == "bad_configuration", result_of(stack, "heard"))


if __name__ == "__main__":
    main(to_a_folder_and_back, what_is_not_the_users_own_content_is_refused, every_result_of_a_killed_worker_names_what_is_there,
         a_file_is_sent_from_the_store_whatever_its_size, old_payloads_are_removed, to_s3_and_back_signed, an_answer_that_s3_refuses_stays_in_its_result)
