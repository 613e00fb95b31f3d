# SPDX-License-Identifier: MIT
"""Brokers that only one test takes down."""
import os
import shutil
import signal
import subprocess
import tempfile
import time
from pathlib import Path

from support.stack import ROOT


class OwnKafka:
    def __init__(self, nodes=1):
        self.nodes = nodes

    def __enter__(self):
        self.folder = Path(tempfile.mkdtemp(prefix="byok-e2e-kafka-"))
        self.env = {**os.environ, "BYOK_KAFKA_DATA": str(self.folder / "kafka"), "BYOK_KAFKA_PORT": "0", "BYOK_KAFKA_TLS": "0",
                    "BYOK_KAFKA_NODES": str(self.nodes)}
        self.brokers = self.run("start").split()[0]
        return self

    def __exit__(self, *_):
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
