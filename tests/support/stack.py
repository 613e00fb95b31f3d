# SPDX-License-Identifier: MIT
"""A whole installation for an end-to-end test: workers, a simulated provider, topics of its own on a real Kafka.

Needs BYOK_TEST_KAFKA (host:port, set by `./dev test`) and BYOK_BUILD_DIR. Every stack has its own topic prefix and
folder, so tests may run beside each other. Nothing is left running: leaving the `with` block ends every process.
"""
import json
import os
import re
import secrets
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from pathlib import Path

SKIPPED = 77
ROOT = Path(__file__).resolve().parents[2]
BUILD = Path(os.environ.get("BYOK_BUILD_DIR", ROOT / "build" / "release"))
SANITIZED = os.environ.get("BYOK_SANITIZE", "")  # of the build under test: address,undefined or thread
KAFKA = os.environ.get("BYOK_TEST_KAFKA")
if not KAFKA:
    print("BYOK_TEST_KAFKA is not set: run ./dev test")
    sys.exit(SKIPPED)

from confluent_kafka import Consumer, KafkaException, Producer, TopicPartition  # noqa: E402  (only needed with a Kafka)
from confluent_kafka.admin import AdminClient  # noqa: E402

PATIENCE = 5  # a machine may be that much slower than those that the bounds below were found on, sanitizers included
TOPICS = ("requests", "results", "streams", "usage", "vault", "state", "dlq", "audit")


class Failure(Exception):
    """What a test found wrong."""


def expect(condition, text):
    if not condition:
        raise Failure(text)


def wait_for(what, test, seconds=60, every=0.05):
    """Until test() gives something true; its value. A bound, not a measurement: it is far above what is usual."""
    seconds *= PATIENCE
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        value = test()
        if value:
            return value
        time.sleep(every)
    raise Failure(f"not within {seconds} s: {what}")


def with_more_time(times, attempt):
    """For what happens only if the test is quick enough: attempt(time) with the first of the times, and the next one if that was too
    short, which it says by None."""
    for time_given in times:
        value = attempt(time_given)
        if value is not None:
            return value
    raise Failure(f"this machine is too slow even for {times[-1]}")


class Process:
    def __init__(self, name, command, folder, env=None):
        self.name = name
        self.out_path, self.err_path = folder / f"{name}.out", folder / f"{name}.err"
        self.process = subprocess.Popen([str(part) for part in command], stdin=subprocess.DEVNULL,
                                        stdout=self.out_path.open("ab"), stderr=self.err_path.open("ab"),
                                        env={**os.environ, **(env or {})})

    def out(self):
        return self.out_path.read_text(errors="replace")

    def err(self):
        return self.err_path.read_text(errors="replace")

    def running(self):
        return self.process.poll() is None

    def kill(self):
        self.process.kill()
        self.process.wait()

    def stop(self, seconds=60):
        """SIGTERM; the exit code."""
        if self.running():
            self.process.send_signal(signal.SIGTERM)
        seconds *= PATIENCE
        try:
            return self.process.wait(seconds)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
            raise Failure(f"{self.name} did not end within {seconds} s of SIGTERM") from None


class Worker(Process):
    def __init__(self, stack, name, settings):
        self.settings = settings
        path = stack.folder / f"{name}.yaml"
        path.write_text(json.dumps(settings, indent=1))  # JSON is YAML
        super().__init__(name, [BUILD / "worker" / "byokd", "--config", path], stack.folder)
        self.port = None

    def status_port(self):
        for line in self.err().splitlines():
            if "event=status_listening" in line:
                return int(line.split("port=")[1].split()[0])
        if not self.running():
            raise Failure(f"{self.name} ended: {self.err()[-2000:]}")
        return None

    def get(self, path):
        self.port = self.port or wait_for(f"{self.name} listens", self.status_port)
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{self.port}{path}", timeout=10 * PATIENCE) as answer:
                return answer.status, answer.read().decode()
        except urllib.error.HTTPError as error:
            return error.code, error.read().decode()

    def ready(self):
        return self.get("/readyz")[0] == 200

    def metric(self, name):
        for line in self.get("/metrics")[1].splitlines():
            if line.startswith(name + " "):
                return float(line.split()[1])
        raise Failure(f"no metric {name}")

    def rss_mib(self):
        for line in Path(f"/proc/{self.process.pid}/status").read_text().splitlines():
            if line.startswith("VmRSS:"):
                return int(line.split()[1]) / 1024
        return 0


class Stack:
    def __init__(self, partitions=6, sim_options=(), brokers=KAFKA):
        self.brokers, self.partitions, self.sim_options = brokers, partitions, list(sim_options)
        self.prefix = f"t{secrets.token_hex(4)}."
        self.processes = []

    def __enter__(self):
        self.folder = Path(tempfile.mkdtemp(prefix="byok-e2e-"))
        self.keep = bool(os.environ.get("BYOK_TEST_KEEP"))
        self.master_key = self.folder / "master.key"
        self.run([BUILD / "worker" / "byokd", "--new-master-key", self.master_key])
        self.sim = self.add(Process("sim", [BUILD / "demo" / "byok-provider-sim", "--quiet", *self.sim_options], self.folder))
        self.sim_url = wait_for("the provider simulator listens",
                                lambda: self.sim.out().split()[1] if "listening" in self.sim.out() else None)
        return self

    def __exit__(self, kind, *_):
        failed = kind is not None
        if failed:
            self.print_state()
        for process in reversed(self.processes):
            if process.running():
                process.kill()
        if failed:
            for process in self.processes:
                print(f"---- {process.name}: last lines of its log\n{process.err()[-4000:]}", file=sys.stderr)
        reports = [p.name for p in self.processes if re.search("Sanitizer|runtime error:", p.err())]
        for process in self.processes:
            if process.name in reports:
                print(process.err()[-20000:], file=sys.stderr)
        self.delete_topics()
        if self.keep:
            print(f"kept: {self.folder}", file=sys.stderr)
        else:
            shutil.rmtree(self.folder, ignore_errors=True)
        if reports and not failed:
            raise Failure(f"a sanitizer reports: {reports}")

    def print_state(self):
        """Where things stand when a test fails: the offsets of each topic, and what each worker counts. No question waits for
        long: the broker or a worker may be what has failed."""
        consumer = Consumer({"bootstrap.servers": self.brokers, "group.id": "none"})
        try:
            for name in (self.prefix + topic for topic in TOPICS):
                partitions = consumer.list_topics(name, timeout=5).topics[name].partitions
                offsets = [consumer.get_watermark_offsets(TopicPartition(name, p), timeout=5) for p in partitions]
                print(f"---- {name}: offsets {offsets}", file=sys.stderr)
        except KafkaException as error:
            print(f"---- Kafka: {error}", file=sys.stderr)
        consumer.close()
        for worker in self.processes:
            if not isinstance(worker, Worker) or not worker.running() or not worker.port:
                continue
            try:
                lines = worker.get("/readyz")[1].splitlines() + worker.get("/metrics")[1].splitlines()
            except OSError as error:
                lines = [str(error)]
            shown = [line for line in lines if not line.startswith("#") and not line.endswith(" 0")]
            print(f"---- {worker.name}: {'; '.join(shown)}", file=sys.stderr)

    def add(self, process):
        self.processes.append(process)
        return process

    def run(self, command, input=None, env=None, timeout=120 * PATIENCE):
        return subprocess.run([str(part) for part in command], input=input, capture_output=True, text=True,
                              timeout=timeout, env={**os.environ, **(env or {})}, check=False)

    # ---- workers
    def settings(self, name, **more):
        provider = {"name": "openai", "adapter": "openai", "base_url": self.sim_url + "/v1",
                    "models": {"chat": "sim-chat", "embeddings": "sim-embedding"}}
        settings = {
            "kafka": {"brokers": self.brokers, "group": self.prefix + "byokd", "topic_prefix": self.prefix,
                      "create_topics": True, "partitions": self.partitions, "replication": 1,
                      "consumer_properties": ["session.timeout.ms=6000", "heartbeat.interval.ms=500"]},
            "delivery": "at_least_once", "shards": 1, "data_dir": str(self.folder / name),
            "vault": {"master_keys": [{"id": 1, "file": str(self.master_key)}]},
            "retry": {"backoff_ms": 50, "backoff_max_ms": 500},
            "providers": [provider], "status": {"listen": "127.0.0.1:0"}, "log": {"level": "info"},
        }
        for section, values in more.items():
            if isinstance(values, dict):
                settings[section] = {**settings.get(section, {}), **values}
            else:
                settings[section] = values
        return settings

    def worker(self, name, wait=True, **more):
        again = sum(p.name.split("#")[0] == name for p in self.processes)  # a restart in the same folder
        worker = self.add(Worker(self, f"{name}#{again}", self.settings(name, **more)))
        if wait:
            wait_for(f"{name} is ready", worker.ready)
        return worker

    # ---- the client
    def byok(self, *arguments, input=None, ok=True, timeout=180 * PATIENCE):
        env = {"BYOK_BROKERS": self.brokers, "BYOK_TOPIC_PREFIX": self.prefix}
        if not hasattr(self, "public_key"):
            worker = next(p for p in self.processes if isinstance(p, Worker))
            answer = self.run([BUILD / "worker" / "byokd", "--config", self.folder / f"{worker.name}.yaml", "--public-key"])
            expect(answer.returncode == 0, f"byokd --public-key: {answer.stderr}")
            self.public_key = answer.stdout.split()[0]
        env["BYOK_VAULT_KEY"] = self.public_key
        if "doctor" not in arguments:  # which the tests ask again and again
            arguments = *arguments, "--timeout", f"{60 * PATIENCE}s"
        answer = self.run([BUILD / "client" / "byok", *arguments], input=input, env=env, timeout=timeout)
        if ok:
            expect(answer.returncode == 0, f"byok {' '.join(map(str, arguments))}: exit {answer.returncode}: {answer.stderr} {answer.stdout[-500:]}")
        return answer

    def add_key(self, user, key, wait=True):
        options = [] if wait else ["--no-wait"]
        return self.byok("key", "add", "--user", user, "--provider", "openai", *options, input=key + "\n")

    # ---- Kafka
    def admin(self):
        return AdminClient({"bootstrap.servers": self.brokers})

    def topics(self, admin):
        """The names of this stack's, as the broker knows them."""
        return [name for name in admin.list_topics(timeout=5).topics if name.startswith(self.prefix)]

    def delete_topics(self):
        """Those of this stack; a broker that the test has ended has none any more."""
        admin = self.admin()
        try:
            names = self.topics(admin)
            for future in admin.delete_topics(names, operation_timeout=10).values() if names else ():
                future.result(15)
        except KafkaException:
            pass

    def producer(self, **more):
        return Producer({"bootstrap.servers": self.brokers, "partitioner": "murmur2_random", "linger.ms": 5, **more})

    def produce(self, records, topic="requests", **more):
        """(user, message or bytes) each; JSON by default."""
        producer = self.producer(**more)
        for user, message in records:
            value = message if isinstance(message, (bytes, type(None))) else json.dumps(message).encode()
            while True:
                try:
                    producer.produce(self.prefix + topic, key=user, value=value, on_delivery=self._delivered)
                    break
                except BufferError:
                    producer.poll(0.1)
            producer.poll(0)
        expect(producer.flush(60 * PATIENCE) == 0, "the test's own records were not all delivered")

    @staticmethod
    def _delivered(error, _):
        expect(error is None, f"produce: {error}")

    def read(self, topic):
        """Every committed record of a topic up to its end now."""
        return list(self.each(topic))

    def each(self, topic):
        """The same one after the other, for more than memory should hold."""
        consumer = Consumer({"bootstrap.servers": self.brokers, "group.id": "none", "enable.auto.commit": False,
                             "isolation.level": "read_committed", "enable.partition.eof": True,
                             "auto.offset.reset": "earliest", "fetch.wait.max.ms": 10})  # the ends are told at once
        name = self.prefix + topic
        partitions = consumer.list_topics(name, timeout=30 * PATIENCE).topics[name].partitions
        consumer.assign([TopicPartition(name, p, 0) for p in partitions])
        left = set(partitions)
        while left:
            for message in consumer.consume(1000, timeout=0.05):  # it waits so long for a thousand
                if message.error():
                    left.discard(message.partition())
                else:
                    yield message
        consumer.close()

    def results(self):
        """request id -> the results it has."""
        found = {}
        for message in self.read("results"):
            result = json.loads(message.value())
            found.setdefault(result["id"], []).append(result)
        return found

    def wait_results(self, ids, seconds=120):
        ids = set(ids)

        missing = ids

        def all_there():
            nonlocal missing
            found = self.results()
            missing = ids - found.keys()
            return None if missing else found
        try:
            return wait_for("", all_there, seconds, every=0.3)
        except Failure as failure:
            raise Failure(f"{failure}results of {len(ids)} requests; missing {sorted(missing)[:10]}") from None

    # ---- the provider
    def sim_get(self, path):
        with urllib.request.urlopen(self.sim_url + path, timeout=30 * PATIENCE) as answer:
            return json.load(answer)


def certificates(folder, name="127.0.0.1", days=2, ca="ca"):
    """A CA (made when it is not there) and a certificate for the address, signed by it: FOLDER/sim.crt and .key."""
    def openssl(*arguments):
        subprocess.run(["openssl", *arguments], cwd=folder, check=True, capture_output=True)
    if not (folder / f"{ca}.crt").exists():
        openssl("req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", f"/CN=test-{ca}", "-keyout", f"{ca}.key", "-out", f"{ca}.crt")
    openssl("req", "-newkey", "rsa:2048", "-nodes", "-subj", f"/CN={name}", "-keyout", "sim.key", "-out", "sim.csr")
    (folder / "ext").write_text(f"subjectAltName=IP:{name}\n")
    openssl("x509", "-req", "-in", "sim.csr", "-CA", f"{ca}.crt", "-CAkey", f"{ca}.key", "-CAcreateserial", "-days", str(days), "-extfile", "ext", "-out", "sim.crt")


class TlsStack(Stack):
    """The provider speaks TLS, with a certificate of a CA of this stack."""
    def __enter__(self):
        self.tls = Path(tempfile.mkdtemp(prefix="byok-tls-"))
        certificates(self.tls)
        self.sim_options += ["--tls-cert", self.tls / "sim.crt", "--tls-key", self.tls / "sim.key"]
        return super().__enter__()

    def __exit__(self, *exception):
        super().__exit__(*exception)
        shutil.rmtree(self.tls)

    def trusting(self):
        """The providers of the settings, with this CA."""
        return [{**provider, "ca_file": str(self.tls / "ca.crt")} for provider in self.settings("w1")["providers"]]


def call(stack, *arguments, ok=True, input=None):
    """A client command's one JSON answer."""
    answer = stack.byok("--json", *arguments, ok=ok, input=input)
    return json.loads(answer.stdout.splitlines()[-1]) if answer.stdout.strip() else {}


def main(*tests):
    """Run the test functions given, or those named on the command line; the exit code says how it went."""
    wanted = sys.argv[1:]
    failed = 0
    for test in tests:
        if wanted and test.__name__ not in wanted:
            continue
        began = time.monotonic()
        try:
            test()
        except Failure as failure:
            failed += 1
            print(f"FAILED {test.__name__}: {str(failure)[:2000]}")
        else:
            print(f"ok {test.__name__} ({time.monotonic() - began:.1f} s)")
        sys.stdout.flush()
    sys.exit(1 if failed else 0)
