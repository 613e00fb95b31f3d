# SPDX-License-Identifier: MIT
"""Brokers that only one test takes down."""
import os
import shutil
import signal
import subprocess
import tempfile
import time
from pathlib import Path

from support.proxy import Proxy
from support.stack import ROOT


class OwnKafka:
    def __init__(self, nodes=1, proxied=False):
        """`proxied`: clients that take the addresses in `proxied` reach each broker by way of the proxy in proxies[node] only."""
        self.nodes = nodes
        self.proxies = {node: Proxy() for node in range(1, nodes + 1)} if proxied else {}
        self.proxied = ",".join(f"127.0.0.1:{proxy.port}" for proxy in self.proxies.values())

    def __enter__(self):
        self.folder = Path(tempfile.mkdtemp(prefix="byok-e2e-kafka-"))
        self.env = {**os.environ, "BYOK_KAFKA_DATA": str(self.folder / "kafka"), "BYOK_KAFKA_PORT": "0", "BYOK_KAFKA_TLS": "0",
                    "BYOK_KAFKA_NODES": str(self.nodes), "BYOK_KAFKA_PROXY": " ".join(str(p.port) for p in self.proxies.values())}
        self.brokers = self.run("start").split()[0]
        behind = dict(line.split("=", 1) for line in self.run("env").splitlines()).get("BYOK_TEST_KAFKA_BEHIND", "")
        for proxy, address in zip(self.proxies.values(), behind.split(",")):
            proxy.begin(address)
        return self

    def __exit__(self, *_):
        for proxy in self.proxies.values():
            proxy.end()
        self.run("destroy")
        shutil.rmtree(self.folder, ignore_errors=True)

    def run(self, *arguments):
        """A command of tools/kafka; its output."""
        return subprocess.run([ROOT / "tools" / "kafka", *map(str, arguments)], env=self.env, capture_output=True, text=True,
                              check=True).stdout.strip()

    def freeze(self, seconds, node=1):
        pid = int(self.run("pid", node))
        os.kill(pid, signal.SIGSTOP)
        time.sleep(seconds)
        os.kill(pid, signal.SIGCONT)
