# SPDX-License-Identifier: MIT
"""Sealed keys on a server: it outlives the workers' folders, is killed while jobs run, is copied, and shows no password or key."""
import json
import shutil
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
from support.servers import SKIPPED, Missing, MongoDB, PostgreSQL  # noqa: E402
from support.stack import BUILD, PATIENCE, Stack, expect, main, wait_for  # noqa: E402

KEY = "sk-alice-" + "a1B2" * 8


def job(user, number):
    return user, {"id": f"{user}-{number}", "user": user, "capability": "chat", "provider": "openai", "model": "sim-chat", "prompt": "Hi"}


def ok(stack, ids):
    for name, found in stack.wait_results(ids).items():
        if name in ids:
            expect(found[0]["status"] == "ok", f"{name}: {found[0]}")


def url_of(stack, server, name):
    """The file that holds the URL of a place of the server."""
    path = stack.folder / f"{name}.url"
    path.write_text(server.url(name) + "\n")
    path.chmod(0o600)
    return path


def an_outage(stack, server, worker):
    stack.add_key("goer", KEY)
    server.kill()
    stack.produce([job("user0", 3)])  # in the cache: it needs no server
    ok(stack, ["user0-3"])
    stack.produce([("goer", {"type": "key.delete", "id": "goer-d", "user": "goer", "provider": "openai"})])
    ok(stack, ["goer-d"])  # it is committed, and cannot be written
    stack.produce([job(user, "beside") for user in ("user0", "user1", "user2")])
    ok(stack, [f"user{i}-beside" for i in range(3)])
    wait_for("the store is away", lambda: worker.metric("byok_store_broken") == 1)
    stack.byok("key", "add", "--user", "late", "--provider", "openai", "--no-wait", input=KEY + "\n")
    stack.produce([job("late", 1)])
    expect(worker.running(), "an outage ends no process")
    server.start()
    ok(stack, ["late-1"])


def moved(stack, source, target, keys):
    """The sealed keys to a folder, and from there to another place of the server; a worker on each. The last of them."""
    def copy(*arguments, ok=True):
        return stack.byok("--json", "vault", "copy", *arguments, ok=ok)
    folder = f"rocks:{stack.folder / 'w3'}"
    said = json.loads(copy(f"@{source}", folder).stdout)
    expect(said["whole"] and said["records"] == said["written"] == keys, f"{keys} keys: {said}")
    expect(json.loads(copy(folder, f"@{target}").stdout)["whole"], "and on")
    again = copy(folder, f"@{target}", ok=False)
    expect(again.returncode == 2 and "--merge" in again.stderr, f"a target in use: {again.stderr}")
    expect(json.loads(copy(folder, f"@{target}", "--merge").stdout)["written"] == 0, "all of it is there")
    for name, vault in ("w3", {}), ("w4", {"store": "postgresql", "store_url_file": str(target)}):
        worker = stack.worker(name, delivery="exactly_once", vault=vault)
        stack.produce([job("user0", name)])
        ok(stack, [f"user0-{name}"])
        if name == "w3":
            expect(worker.stop() == 0, "its end")
    return worker


def the_life_of_a_store(server, secret, whole):
    with server, Stack(partitions=4) as stack:
        url_file = url_of(stack, server, "installation")
        vault = {"store": server.kind, "store_url_file": str(url_file), "store_timeout_ms": 5000}
        users = [f"user{i}" for i in range(3)]

        server.kill()  # that it is away at the start is no reason to end
        first = stack.worker("w1", wait=False, delivery="exactly_once", vault=vault)
        wait_for("it says that it waits", lambda: "event=vault_store_away" in first.err())
        server.start()
        if server.kind == "postgresql":  # nor that there is no such schema yet
            wait_for("it says what it waits for now", lambda: "no schema" in first.err())
        server.place("installation")
        wait_for("w1 is ready", first.ready)
        for user in users:
            stack.add_key(user, KEY)
        stack.produce([job(user, 1) for user in users])
        ok(stack, [f"{user}-1" for user in users])
        stack.produce([job(user, 2) for user in users])
        ok(stack, [f"{user}-2" for user in users])
        expect(first.metric("byok_vault_cache_hits") > 0, "a key that was used is in the cache")
        if whole:
            an_outage(stack, server, first)

        # another worker, with nothing on its disk: the keys are on the server, and none is read from the topic again
        first.stop()
        shutil.rmtree(stack.folder / "w1")
        second = stack.worker("w2", delivery="exactly_once", vault=vault)
        stack.produce([job(user, 4) for user in users])
        ok(stack, [f"{user}-4" for user in users])
        stack.byok("key", "delete", "--user", "user1", "--provider", "openai")
        stack.produce([job("user1", 5)])
        result = stack.wait_results(["user1-5"])["user1-5"][0]
        expect(result["error"]["code"] == "no_key", f"a deleted key: {result}")

        shown = stack.run([BUILD / "worker" / "byokd", "--config", stack.folder / f"{second.name}.yaml", "--print-settings"],
                          env={"BYOKD_VAULT_STORE_URL": server.url("installation")})
        expect(shown.returncode == 0 and server.kind in shown.stdout, shown.stderr)
        expect(second.stop() == 0, "its end")
        if whole:
            server.place("moved")
            expect(moved(stack, url_file, url_of(stack, server, "moved"), keys=3).stop() == 0, "its end")  # one deleted, one late
        for text in (shown.stdout, shown.stderr, *(process.out() + process.err() for process in stack.processes)):
            expect(not secret or secret not in text, "the password is nowhere")
            expect(KEY not in text, "the key is nowhere")
        server.kill()
        for path in server.folder.rglob("*"):
            if path.is_file():
                expect(KEY.encode() not in path.read_bytes(), f"{path} holds a raw key")

        server.start()  # of another cluster, as it were
        stack.prefix += "other."
        foreign = stack.worker("w5", wait=False, delivery="exactly_once", vault=vault)
        expect(foreign.process.wait(60 * PATIENCE) != 0 and "other topics" in foreign.err(), foreign.err()[-500:])


def sealed_keys_on_postgresql():
    server = PostgreSQL()
    the_life_of_a_store(server, server.password, whole=True)


def sealed_keys_on_mongodb():
    """Shorter: what is the same code above the store, the other one shows; an outage of it, tests/conformance/store_server.c."""
    try:
        the_life_of_a_store(MongoDB(), "", whole=False)
    except Missing as why:
        print(f"SKIPPED: {why}")
        sys.exit(SKIPPED)


if __name__ == "__main__":
    main(sealed_keys_on_postgresql, sealed_keys_on_mongodb)
