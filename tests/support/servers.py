#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Servers for the stores of sealed keys, each for one test and on a Unix socket in a scratch folder.

    servers.py KIND COMMAND...   runs COMMAND beside a server and ends it; exit code 77: there is no such server here

COMMAND gets BYOK_TEST_STORE (the kind), BYOK_TEST_STORE_URL (PLACE in it stands for a schema or database) and
BYOK_TEST_STORE_CONTROL, a socket that takes one word a connection and answers "ok": `place NAME` makes one, `kill` is kill -9 of
the server and all its processes, `backends` of the latter only, `start`, `freeze`, `thaw`.
BYOK_TEST_POSTGRESQL_URL and BYOK_TEST_MONGODB_URL name a server that is there already (without control).
"""
import os
import pwd
import secrets
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

SKIPPED = 77


class Missing(Exception):
    """This machine has no such server."""


class Server:
    kind = ""

    def __init__(self):
        self.folder = Path(tempfile.mkdtemp(prefix=f"byok-{self.kind}-"))
        self.process = None

    def __enter__(self):
        try:
            self.prepare()
            self.start()
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_):
        self.kill()
        shutil.rmtree(self.folder, ignore_errors=True)

    def prepare(self):
        pass

    def command(self):
        raise NotImplementedError

    def answers(self):
        raise NotImplementedError

    def place(self, name):
        pass

    def popen(self, command):
        with (self.folder / "log").open("ab") as log:
            return subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True)

    def start(self):
        self.process = self.popen(self.command())
        end = time.monotonic() + 240
        while not self.answers():
            if self.process.poll() is not None or time.monotonic() > end:
                raise RuntimeError(f"{self.kind} does not start: {(self.folder / 'log').read_text(errors='replace')[-2000:]}")
            time.sleep(0.05)

    def signal_all(self, number):
        """The server and its children, some of which lead groups of their own."""
        found = [self.process.pid, *children(self.process.pid)]
        for pid in found:
            try:
                os.kill(pid, number)
            except ProcessLookupError:
                pass
        return found

    def kill(self):
        if self.process and self.process.poll() is None:
            found = self.signal_all(signal.SIGKILL)
            self.process.wait()
            end = time.monotonic() + 120
            while any(Path(f"/proc/{pid}").exists() for pid in found) and time.monotonic() < end:
                time.sleep(0.01)

    def backends(self):
        for pid in children(self.process.pid):
            try:
                os.kill(pid, signal.SIGKILL)
            except ProcessLookupError:
                pass

    def freeze(self):
        """Returns when every thread stands still: until then the server may answer."""
        found = self.signal_all(signal.SIGSTOP)
        end = time.monotonic() + 120
        while not all(is_stopped(pid) for pid in found):
            if time.monotonic() > end:
                raise RuntimeError(f"{self.kind} does not stop")
            time.sleep(0.01)

    def thaw(self):
        self.signal_all(signal.SIGCONT)


def is_stopped(pid):
    """So is a process that is gone meanwhile."""
    for path in Path(f"/proc/{pid}/task").glob("*/stat"):
        try:
            if path.read_text().rsplit(")", 1)[1].split()[0] not in "TZX":
                return False
        except OSError:
            pass
    return True


def children(pid):
    found = []
    for path in Path("/proc").glob("[0-9]*/stat"):
        try:
            fields = path.read_text().rsplit(")", 1)[1].split()
        except OSError:
            continue
        if fields[1] == str(pid):
            found += [int(path.parent.name), *children(int(path.parent.name))]
    return found


class PostgreSQL(Server):
    """Debian's. It refuses to run as root, so root becomes the user that the package made."""
    kind = "postgresql"
    password = secrets.token_hex(12)

    def prepare(self):
        found = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"), key=lambda path: int(path.parts[-3]))
        if not found:
            raise Missing("no PostgreSQL is installed: tools/deps test")
        self.bin = found[-1].parent
        self.become = []
        if os.geteuid() == 0:
            user = pwd.getpwnam("postgres")
            self.become = ["setpriv", f"--reuid={user.pw_uid}", f"--regid={user.pw_gid}", "--clear-groups"]
            os.chown(self.folder, user.pw_uid, user.pw_gid)
        secret = self.folder / "password"
        secret.write_text(self.password)
        os.chmod(secret, 0o644)
        os.chmod(self.folder, 0o755)
        subprocess.run([*self.become, self.bin / "initdb", "-D", self.folder / "data", "-U", "byok", "-A", "scram-sha-256",
                        "--pwfile", secret, "--no-sync", "-E", "UTF8", "--locale=C"], check=True, capture_output=True)

    def command(self):
        # without fsync: what is killed is the server, never the machine; what is acknowledged must outlive that even so
        return [*self.become, self.bin / "postgres", "-D", self.folder / "data", "-k", self.folder, "-c", "listen_addresses=",
                "-c", "fsync=off", "-c", "synchronous_commit=off", "-c", "max_connections=40", "-c", "shared_buffers=16MB"]

    def psql_command(self, *arguments):
        return [self.bin / "psql", "-X", "-q", "-A", "-t", f"host={self.folder} user=byok dbname=postgres", *arguments]

    def psql_env(self):
        return {**os.environ, "PGPASSWORD": self.password, "PGOPTIONS": "-c synchronous_commit=on"}

    def psql(self, *arguments):
        return subprocess.run(self.psql_command(*arguments), env=self.psql_env(), capture_output=True, text=True)

    def answers(self):
        return self.psql("-c", "SELECT 1").returncode == 0

    def place(self, name):
        done = self.psql("-c", f'CREATE SCHEMA IF NOT EXISTS "{name}"')
        if done.returncode != 0:
            raise RuntimeError(done.stderr)

    def lock(self, place):
        """Nobody reads the records of a place until unlock."""
        self.locker = subprocess.Popen(self.psql_command(), env=self.psql_env(), stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        self.locker.stdin.write(f'BEGIN; LOCK TABLE "{place}".byok_records; SELECT 1;\n')
        self.locker.stdin.flush()
        if self.locker.stdout.readline() != "1\n":
            raise RuntimeError("no lock")

    def unlock(self):
        self.locker.communicate()

    def gave_up(self):
        """Waits until no session of byokd waits for a lock."""
        end = time.monotonic() + 120
        query = "SELECT count(*) FROM pg_stat_activity WHERE application_name = 'byokd' AND wait_event_type = 'Lock'"
        while self.psql("-c", query).stdout != "0\n":
            if time.monotonic() > end:
                raise RuntimeError("a statement waits that nobody waits for")
            time.sleep(0.05)

    def url(self, place="PLACE"):
        return f"postgresql://byok:{self.password}@/postgres?host={self.folder}&options=-csearch_path%3D{place}"


class MongoDB(Server):
    """FerretDB, which speaks MongoDB's protocol and keeps its data in SQLite; tools/deps builds it where Go is new enough."""
    kind = "mongodb"

    def prepare(self):
        deps = Path(os.environ.get("BYOK_DEPS_DIR", Path(__file__).resolve().parents[2] / ".deps"))
        self.program = deps / "bin" / "mongodb-server"
        if not self.program.exists():
            raise Missing("no MongoDB-compatible server: tools/deps test builds one, or name one by BYOK_TEST_MONGODB_URL")

    def command(self):
        return [self.program, self.folder]

    def answers(self):
        with socket.socket(socket.AF_UNIX) as probe:
            return probe.connect_ex(str(self.folder / "server.sock")) == 0

    def backends(self):
        pass  # it is one process

    def start(self):
        (self.folder / "server.sock").unlink(missing_ok=True)
        super().start()

    def url(self, place="PLACE"):
        return f"mongodb://{str(self.folder / 'server.sock').replace('/', '%2F')}/{place}"


KINDS = {"postgresql": PostgreSQL, "mongodb": MongoDB}


def serve(server, listener):
    """Words from the control socket; an exception is the answer."""
    while True:
        connection, _ = listener.accept()
        with connection:
            words = connection.recv(200).decode().split()
            try:
                getattr(server, words[0])(*words[1:])
                answer = b"ok"
            except Exception as error:  # the test says what it got
                answer = str(error).encode()[:400] or b"?"
            try:
                connection.sendall(answer)
            except OSError:
                pass  # the test has failed meanwhile


def main(kind, command):
    given = os.environ.get(f"BYOK_TEST_{kind.upper()}_URL")
    if given:
        return subprocess.run(command, env={**os.environ, "BYOK_TEST_STORE": kind, "BYOK_TEST_STORE_URL": given}).returncode
    try:
        with KINDS[kind]() as server, socket.socket(socket.AF_UNIX) as listener:
            control = server.folder / "control"
            listener.bind(str(control))
            listener.listen()
            threading.Thread(target=serve, args=(server, listener), daemon=True).start()
            return subprocess.run(command, env={**os.environ, "BYOK_TEST_STORE": kind, "BYOK_TEST_STORE_URL": server.url(),
                                                "BYOK_TEST_STORE_CONTROL": str(control)}).returncode
    except Missing as why:
        print(f"SKIPPED: {why}")
        return SKIPPED


if __name__ == "__main__":
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    sys.exit(main(sys.argv[1], sys.argv[2:]))
