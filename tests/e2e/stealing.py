# SPDX-License-Identifier: MIT
"""Requests, environments and providers that try to get at a key: each is refused or scrubbed, and the key stays where it belongs."""
import base64
import json
import os
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
from support.listener import Listener  # noqa: E402
from support.stack import BUILD, TOPICS, Stack, TlsStack, call, certificates, expect, main, wait_for  # noqa: E402

KEY = "sk-alice-" + "Zk4TqV9x" * 5


class Thief(Listener):
    """Keeps what it is sent, and answers by `answer(request)`."""
    def __init__(self, answer=None, tls=None):
        self.seen = []

        def keep(request):
            body = request.read()
            self.seen.append(f"{request.requestline} {dict(request.headers)} {body!r}")
            request.prompt = body and json.loads(body)["messages"][-1]["content"]
            if answer:
                answer(request)
            else:
                request.send_error(502)
        super().__init__(keep, tls)


def job(name, **more):
    return {"id": name, "user": "alice", "capability": "chat", "provider": "openai", "prompt": "Hi", **more}


def no_key_anywhere(stack, what, key=KEY):
    """In no topic, no log, no status page; in no form that gives it away."""
    raw = key.encode()
    forms = [raw, raw[6:30], base64.b64encode(raw)[:32], base64.b64encode(b"x" + raw)[4:36], raw.hex().encode()]
    places = {f"topic {t}": b"".join(str((m.key(), m.headers())).encode() + (m.value() or b"") for m in stack.read(t)) for t in TOPICS}
    places |= {str(path): path.read_bytes() for path in stack.folder.rglob("*") if path.is_file()}
    for place, content in places.items():
        for form in forms:
            expect(form not in content, f"{what}: the key stands in {place}")


def a_message_cannot_say_where_the_key_goes():
    """Base URL, host, path, headers, and what would become a header: refused, nothing is called."""
    with Stack() as stack, Thief() as thief:
        stack.worker("w1")
        stack.add_key("alice", KEY)
        before = stack.sim_get("/sim/ledger")["total"]["requests"]
        at = thief.url
        tries = [{"base_url": at}, {"url": at}, {"host": at}, {"headers": {"Host": "thief"}}, {"proxy": at}, {"api_key": "sk-somebody-elses"},
                 {"provider": at}, {"provider": "openai@thief"}, {"provider_options": {"base_url": at}},
                 {"provider_options": {"api_key": "sk-somebody-elses"}}, {"provider_options": {"Authorization": "Bearer x"}}]
        stack.produce([("alice", job(f"t{i}", **more)) for i, more in enumerate(tries)] + [("alice", job("last"))])
        stack.wait_results(["last"])
        wait_for("each is answered or a dead letter", lambda: len(stack.read("dlq")) + len(stack.results()) >= len(tries) + 2)
        found = stack.results()
        for i, more in enumerate(tries):
            expect(all(result["status"] == "error" for result in found.get(f"t{i}", ())), f"{more}: {found.get(f't{i}')}")
        expect(not thief.seen, thief.seen)
        expect(stack.sim_get("/sim/ledger")["total"]["requests"] == before + 1, "only the honest job was called")


def an_envelope_serves_its_owner_only_and_once():
    """Alice's registration copied under mallory's name, and sent again after she has a newer key."""
    with Stack() as stack:
        stack.worker("w1")
        stack.add_key("alice", KEY)
        first = next(m for m in stack.read("requests") if m.key() == b"alice" and b"key.register" in m.value())
        stolen = json.loads(first.value())
        stack.produce([("mallory", {**stolen, "id": "stolen", "user": "mallory"})])
        refused = stack.wait_results(["stolen"])["stolen"][0]
        expect(refused["error"]["code"] == "bad_envelope", refused)
        moved = {**stolen, "id": "moved", "key_label": "other"}
        replayed = {**stolen, "id": "replayed"}
        stack.add_key("alice", "sk-alice-" + "N3wKey00" * 5)
        stack.produce([("alice", moved), ("alice", replayed)])
        found = stack.wait_results(["moved", "replayed"])
        expect(found["moved"][0]["error"]["code"] == "bad_envelope" and found["replayed"][0]["error"]["code"] == "bad_envelope", found)


def an_older_record_put_back_is_refused():
    """Who may write to the vault's topic puts back what was replaced, what was deleted, and what another cluster has sealed."""
    def newest(user):
        return [m for m in stack.read("vault") if m.key().startswith(user.encode() + b"\0") and m.value()][-1]

    def put_back(message):
        producer = stack.producer()
        producer.produce(stack.prefix + "vault", key=message.key(), value=message.value(), partition=message.partition())
        producer.flush(30)

    with Stack() as stack:
        worker = stack.worker("w1")
        for user in ("alice", "bob", "carol"):
            stack.add_key(user, KEY.replace("alice", user))
        alice, bob = newest("alice"), newest("bob")
        stack.add_key("alice", "sk-alice-" + "N3wKey00" * 5)
        call(stack, "key", "delete", "--user", "bob", "--provider", "openai")
        worker.stop()
        put_back(alice)
        put_back(bob)
        calls = stack.sim_get("/sim/ledger")["total"]["requests"]
        worker = stack.worker("w2")  # an empty folder: it reads all of the topic
        stack.produce([(user, {**job(user), "user": user}) for user in ("alice", "bob", "carol")])
        found = stack.wait_results(["alice", "bob", "carol"])
        for user in ("alice", "bob"):
            expect(found[user][0].get("error", {}).get("code") == "key_outdated", found[user])
        expect(found["carol"][0]["status"] == "ok", found["carol"])
        expect(stack.sim_get("/sim/ledger")["total"]["requests"] == calls + 1, "only carol's job was called")
        expect(worker.err().count("event=sealed_key_outdated") >= 2, worker.err()[-2000:])
        audit = [json.loads(m.value()) for m in stack.read("audit")]
        expect({a["user"] for a in audit if a["event"] == "key.outdated"} == {"alice", "bob"}, audit)
        stack.add_key("alice", "sk-alice-" + "An0ther1" * 5)
        stack.produce([("alice", job("again"))])
        expect(stack.wait_results(["again"])["again"][0]["status"] == "ok", "a new key goes")
        worker.stop()
        worker = stack.worker("w3", vault={"realm": "another-cluster"})  # the same records, as if they were mirrored there
        stack.produce([("carol", {**job("mirrored"), "user": "carol"})])
        refused = stack.wait_results(["mirrored"])["mirrored"][0]
        expect(refused.get("error", {}).get("code") == "key_unreadable", refused)
        worker.stop()
        realm = next(line.split("realm=")[1].split()[0] for line in stack.processes[1].err().splitlines() if "event=vault_realm" in line)
        stack.worker("w4", vault={"realm": realm.strip('"')})  # how topics are moved: the old cluster's id is kept
        stack.produce([("carol", {**job("moved"), "user": "carol"})])
        expect(stack.wait_results(["moved"])["moved"][0]["status"] == "ok", "the old realm opens it")


def a_changed_origin_does_not_get_an_old_key():
    with Stack() as stack, Thief() as thief:
        worker = stack.worker("w1")
        stack.add_key("alice", KEY)
        worker.stop()
        provider = {**stack.settings("w1")["providers"][0], "base_url": f"{thief.url}/v1"}
        stack.worker("w1", providers=[provider])
        stack.produce([("alice", job("a"))])
        result = stack.wait_results(["a"])["a"][0]
        expect(result["status"] == "error" and result["error"]["code"].startswith("key_"), result)
        expect(not thief.seen, thief.seen)


def a_provider_that_gives_the_key_back():
    """In headers, in bodies, in pieces, half, in base64, in a redirect: the answer goes on without it."""
    echoes = []

    def answer(request):
        value = request.headers.get("authorization", "").encode()
        key = value.removeprefix(b"Bearer ")
        if request.command == "GET":  # the check of the key
            return request.send_json(200, {"object": "list", "data": []})
        echoes.append(key)
        error = b'{"error": {"message": "Incorrect API key provided: %s", "type": "invalid_request_error", "code": "odd"}}'
        ordinary = {"id": "x", "object": "chat.completion", "model": key.decode(), "usage": {"prompt_tokens": 1, "completion_tokens": 1, "total_tokens": 2},
                    "choices": [{"index": 0, "finish_reason": "stop", "message": {"role": "assistant", "content": f"your key is {key.decode()}"}}]}
        which = len(echoes) % 6
        if which == 0:
            request.send(400, error % value, [("x-request-id", key.decode()), ("www-authenticate", value.decode())])
        elif which == 1:
            text = error % key
            request.send(400, headers=[("content-type", "application/json")], chunks=[text[i:i + 7] for i in range(0, len(text), 7)])
        elif which == 2:
            request.send(400, error % base64.b64encode(b"user:" + key), [("content-type", "application/json")])
        elif which == 3:
            request.send(400, error % (key[:14] + b"..." + key[-12:]))
        elif which == 4:
            request.send(200, json.dumps(ordinary).encode(), [("content-type", "application/json"), ("x-request-id", key.decode())])
        else:
            request.send(307, value, [("location", f"{provider.url}/{key.decode()}")])
    with Stack() as stack, Thief(answer) as provider:
        settings = stack.settings("w1")["providers"][0]
        worker = stack.worker("w1", log={"level": "debug"}, retry={"attempts": 1}, providers=[{**settings, "base_url": f"{provider.url}/v1"}])
        stack.add_key("alice", KEY)
        stack.produce([("alice", job(f"e{i}")) for i in range(12)])
        found = stack.wait_results([f"e{i}" for i in range(12)])
        expect(len(echoes) == 12 and set(echoes) == {KEY.encode()}, "the provider had the key each time, and no redirect was followed")
        texts = [result[0].get("text") for result in found.values() if result[0]["status"] == "ok"]
        expect(any(text and text.startswith("your key is ***") for text in texts), texts)
        expect(any("****" in result[0].get("error", {}).get("message", "") for result in found.values()), found)
        worker.stop()
        no_key_anywhere(stack, "an echo")


def spoken_by(stack):
    """The texts of the deltas, joined as a reader would."""
    spoken = {}
    for message in stack.read("streams"):
        delta = json.loads(message.value())
        for kind in ("text", "reasoning"):
            spoken[delta["id"], kind] = spoken.get((delta["id"], kind), "") + delta.get(kind, "")
        spoken[delta["id"], "tool"] = spoken.get((delta["id"], "tool"), "") + delta.get("tool_call", {}).get("arguments", "")
    return spoken


def a_provider_that_spells_the_key():
    """In events of 1 to 3 bytes, in JSON's escapes, in percents, in the arguments of a tool: whole only when it is decoded."""
    def event(delta):
        return b"data: " + json.dumps({"choices": [{"index": 0, "delta": delta}]}).encode() + b"\n\n"

    def escaped(key):
        return "".join(f"\\u{ord(c):04x}" for c in key)

    def answer(request):
        if request.command == "GET":  # the check of the key
            return request.send_json(200, {"object": "list", "data": []})
        key = request.headers["authorization"].removeprefix("Bearer ")
        which, _, size = request.prompt.partition(" ")
        size = int(size or 1)
        end = [b'data: {"choices": [{"index": 0, "delta": {}, "finish_reason": "stop"}]}\n\n', b"data: [DONE]\n\n"]
        if which == "events":
            chunks = [event({"content": key[i:i + size]}) for i in range(0, len(key), size)] + end
        elif which == "reasoning":  # two texts that take turns
            chunks = [event(d) for i in range(0, len(key), size) for d in ({"content": key[i:i + size]}, {"reasoning_content": key[i:i + size]})] + end
        elif which == "tool":
            text = '{"a": "' + escaped(key) + '"}'
            chunks = [event({"tool_calls": [{"index": 0, "id": "c", "function": {"name": "f", "arguments": text[i:i + size]}}]}) for i in range(0, len(text), size)] + end
        else:
            text = escaped(key) if which == "json" else "".join(f"%{ord(c):02x}" for c in key)
            body = '{"id": "x", "model": "%s", "choices": [{"index": 0, "finish_reason": "stop", "message": {"role": "assistant", "content": "key %s"}}]}' % (text, text)
            if which.startswith("error"):
                return request.send(400, ('{"error": {"message": "no %s", "code": "odd"}}' % escaped(key)).encode(), [("content-type", "application/json")])
            return request.send(200, body.encode(), [("content-type", "application/json")])
        return request.send(200, headers=[("content-type", "text/event-stream")], chunks=chunks)
    prompts = [f"{which} {size}" for which in ("events", "reasoning", "tool") for size in (1, 2, 3, 7)] + ["json", "percent", "error"]
    with Stack() as stack, Thief(answer) as provider:
        settings = stack.settings("w1")["providers"][0]
        worker = stack.worker("w1", log={"level": "debug"}, retry={"attempts": 1}, providers=[{**settings, "base_url": f"{provider.url}/v1"}])
        stack.add_key("alice", KEY)
        jobs = {f"s{i}{'s' if streams else ''}": {"prompt": prompt, "raw": True, "stream": streams} for i, prompt in enumerate(prompts) for streams in (False, True)}
        stack.produce([("alice", job(name, **more)) for name, more in jobs.items()])
        found = stack.wait_results(list(jobs))
        stars = "*" * len(KEY)
        streamed = [name for name, more in jobs.items() if more["stream"] and more["prompt"].startswith("events")]
        # a delta may come after its result
        wait_for("all deltas are there", lambda: all(len(spoken_by(stack).get((name, "text"), "")) >= len(stars) for name in streamed), every=0.3)
        worker.stop()
        spoken = spoken_by(stack)
        texts = [json.dumps(result) for results in found.values() for result in results] + list(spoken.values())
        pieces = {KEY[i:i + 8] for i in range(len(KEY) - 7)}
        pieces |= {"".join(f"%{ord(c):02x}" for c in piece) for piece in pieces}
        for text in texts + [text.encode().decode("unicode_escape") for text in texts]:
            expect(not any(piece in text for piece in pieces), text)
        expect(all(found[name][0].get("text") == stars and spoken[name, "text"] == stars for name in streamed), (found, spoken))
        no_key_anywhere(stack, "a spelled key")


def a_header_of_another_name_is_not_forwarded_either():
    """libcurl would strip Authorization on a redirect to elsewhere, and send on what is called otherwise."""
    with Stack() as stack, Thief() as thief:
        def answer(request):
            if request.command == "GET":
                return request.send_json(200, {"object": "list", "data": []})
            return request.send(307, b"", [("location", f"{thief.url}/v1/chat/completions")])
        with Thief(answer) as provider:
            settings = {**stack.settings("w1")["providers"][0], "base_url": f"{provider.url}/v1", "auth_header": "x-api-key"}
            stack.worker("w1", retry={"attempts": 1}, providers=[settings])
            stack.add_key("alice", KEY)
            stack.produce([("alice", job("a"))])
            result = stack.wait_results(["a"])["a"][0]
            expect(result["status"] == "error" and any("x-api-key" in seen.lower() for seen in provider.seen), result)
            expect(not thief.seen, thief.seen)


def an_environment_that_leads_elsewhere():
    with TlsStack() as stack, Thief() as proxy:
        home = stack.folder / "home"
        home.mkdir()
        (home / ".netrc").write_text("machine 127.0.0.1 login thief password stolen\ndefault login thief password stolen\n")
        (stack.folder / "bad.cnf").write_text("openssl_conf = nonsense\n[nonsense]\nproviders = missing\n")
        log = stack.folder / "tls-secrets"
        at = proxy.url
        env = {name: at for name in ("http_proxy", "https_proxy", "HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "all_proxy")}
        env |= {"SSLKEYLOGFILE": str(log), "HOME": str(home), "NETRC": str(home / ".netrc"), "CURL_HOME": str(home), "OPENSSL_CONF": str(stack.folder / "bad.cnf")}
        before = dict(os.environ)
        os.environ.update(env)
        try:
            worker = stack.worker("w1", wait=False, providers=stack.trusting())
        finally:
            os.environ.clear()
            os.environ.update(before)
        wait_for("it is ready", worker.ready)
        stack.add_key("alice", KEY)
        stack.produce([("alice", job("a"))])
        result = stack.wait_results(["a"])["a"][0]
        expect(result["status"] == "ok", result)
        expect(not proxy.seen, proxy.seen)
        expect(not log.exists(), "the secrets of TLS were written down")
        worker.stop()
        no_key_anywhere(stack, "the environment")


def a_preloaded_library_stops_the_start():
    if os.environ.get("BYOK_SANITIZE"):
        return  # a sanitizer's own runtime ends a program with another library before it
    with Stack() as stack:
        config = stack.folder / "w9.yaml"
        for allowed, code in ((False, 2), (True, 0)):
            config.write_text(json.dumps(stack.settings("w9", sandbox={"preload": allowed})))
            for name in ("LD_PRELOAD", "LD_AUDIT") if not allowed else ("LD_PRELOAD",):
                done = stack.run([BUILD / "worker" / "byokd", "--config", config, "--check"], env={name: "libm.so.6"})
                expect(done.returncode == code, f"{name}, allowed {allowed}: {done.returncode} {done.stderr}")
                expect(allowed or f"{name} is set" in done.stderr, done.stderr)


def certificates_that_are_not_the_providers():
    """For another name, of nobody's authority, expired: refused before the first byte of the request."""
    with TlsStack() as stack:
        worker = stack.worker("w1", providers=stack.trusting())
        stack.add_key("alice", KEY)
        worker.stop()
        good = stack.trusting()[0]
        servers = {}
        for name, made in (("wrong_name", {"name": "127.0.0.2"}), ("untrusted", {"ca": "other"}), ("expired", {"days": 0})):
            folder = stack.folder / name
            folder.mkdir()
            if name != "untrusted":
                for part in ("ca.crt", "ca.key"):
                    (folder / part).write_bytes((stack.tls / part).read_bytes())
            certificates(folder, **made)
            servers[name] = Thief(tls=folder)
        try:
            # the same origin would be needed for the key to open at all: so each server has a provider and a key of its own
            providers = [{**good, "name": name, "adapter": "openai", "base_url": f"{server.url}/v1"} for name, server in servers.items()]
            stack.worker("w1", providers=[good, *providers], retry={"attempts": 1})
            for name, server in servers.items():
                refused = call(stack, "key", "add", "--user", "alice", "--provider", name, ok=False, input=KEY + "\n")
                expect(refused["status"] == "error" and refused["error"]["code"] == "unreachable" and "certificate" in refused["error"]["message"], f"{name}: {refused}")
                expect(not server.seen, f"{name}: {server.seen}")
        finally:
            for server in servers.values():
                server.__exit__()
        no_key_anywhere(stack, "certificates")


if __name__ == "__main__":
    main(a_message_cannot_say_where_the_key_goes, an_envelope_serves_its_owner_only_and_once, an_older_record_put_back_is_refused, a_changed_origin_does_not_get_an_old_key,
         a_provider_that_gives_the_key_back, a_provider_that_spells_the_key, a_header_of_another_name_is_not_forwarded_either, an_environment_that_leads_elsewhere,
         a_preloaded_library_stops_the_start, certificates_that_are_not_the_providers)
