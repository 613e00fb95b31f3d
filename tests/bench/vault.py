# SPDX-License-Identifier: MIT
"""The vault's numbers: sealing and opening alone, and opening through the actor with many records.

tests/bench/vault.c measures; its records are in a RocksDB of its own, opened in random order, so most are read from its files.
"""
import json
import subprocess
import tempfile

from support.stack import BUILD

UNSEALS = 200_000


def measure(options):
    with tempfile.TemporaryDirectory(prefix="byok-bench-") as folder:
        out = subprocess.run([BUILD / "tests/bench/byok-bench-vault", folder, str(options.records), str(UNSEALS)],
                             capture_output=True, text=True, check=True)
    found = json.loads(out.stdout)
    print(f"{'vault':>18}: {found['seal_ns']:8.0f} ns to seal a key, {found['open_ns']:.0f} ns to open it")
    print(f"{'vault actor':>18}: {found['unseals_per_second']:8.0f} unseals/s of {found['records']} records in RocksDB, at random, "
          f"{found['rss_mib']:.0f} MiB ({found['rss_empty_mib']:.0f} before there were any)", flush=True)
