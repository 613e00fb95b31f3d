# SPDX-License-Identifier: MIT
"""Finds pieces of a secret in all that a living process has in memory. For root (the worker is not dumpable).

A secret is looked for as 8-byte pieces of its raw form, cut at multiples of 9, so every run of 16 of its bytes is found and
many a shorter one; and of its base64 forms, every run of 24 characters. A secret must be random: then no hit is chance.
"""
import base64
import os
import struct
import subprocess
from pathlib import Path

PAGE = os.sysconf("SC_PAGE_SIZE")
PIECE = 8
PRESENT_OR_SWAPPED = 3 << 62  # Linux, Documentation/admin-guide/mm/pagemap.rst


def pieces(secret):
    """piece -> (form, its place in the form); base64 as a Basic header or a careless encoder makes it, in three phases."""
    raw = secret.encode()
    found = {raw[at:at + PIECE]: ("raw", at) for at in range(0, len(raw) - PIECE + 1, PIECE + 1)}
    for lead in range(3):
        text = base64.b64encode(b"\0" * lead + raw)[(lead * 8 + 5) // 6:(lead + len(raw)) * 8 // 6]
        found |= {text[at:at + PIECE]: (f"base64+{lead}", at) for at in range(0, len(text) - PIECE + 1, 17)}
    return found


def search(memory, secret):
    """[(form, place in the form, offset in `memory`)] of every piece found."""
    found = []
    for piece, (form, place) in pieces(secret).items():
        at = memory.find(piece)
        while at >= 0:
            found.append((form, place, at))
            at = memory.find(piece, at + 1)
    return found


def regions(pid):
    """(start, end, what) of every mapping that can be read, guard pages too."""
    for line in Path(f"/proc/{pid}/maps").read_text().splitlines():
        bounds, *rest = line.split(None, 5)
        start, end = (int(part, 16) for part in bounds.split("-"))
        name = rest[4] if len(rest) > 4 else "anonymous"
        if name not in ("[vvar]", "[vvar_vclock]", "[vsyscall]"):
            yield start, end, f"{name} {rest[0]}"


def runs(pagemap, start, end):
    """The stretches of a mapping that have memory behind them: a reserved arena has terabytes of nothing."""
    pagemap.seek(start // PAGE * 8)
    entries = pagemap.read((end - start) // PAGE * 8)
    open_at = None
    for i in range(len(entries) // 8 + 1):
        there = i < len(entries) // 8 and struct.unpack_from("<Q", entries, i * 8)[0] & PRESENT_OR_SWAPPED
        if there and open_at is None:
            open_at = i
        elif not there and open_at is not None:
            yield start + open_at * PAGE, (i - open_at) * PAGE
            open_at = None


def scan(pid, *secrets):
    """secret -> where pieces of it are; and how many bytes were looked at."""
    found, looked = {secret: [] for secret in secrets}, 0
    with open(f"/proc/{pid}/mem", "rb", buffering=0) as mem, open(f"/proc/{pid}/pagemap", "rb", buffering=0) as pagemap:
        for start, end, what in regions(pid):
            for address, size in runs(pagemap, start, end):
                try:
                    mem.seek(address)
                    memory = mem.read(size)
                except (OSError, ValueError, OverflowError):
                    continue  # unmapped meanwhile, or of a device
                looked += len(memory)
                for secret in secrets:
                    found[secret] += [f"{form}[{place}] at {address + at:#x} in {what}" for form, place, at in search(memory, secret)]
    return found, looked


def registers(pid, folder):
    """The notes of a core file: the registers of every thread, vectors too. By gdb, of a core without memory."""
    filter_path, path = Path(f"/proc/{pid}/coredump_filter"), Path(folder) / f"registers.{pid}"
    before = filter_path.read_text()
    filter_path.write_text("0\n")
    done = subprocess.run(["gdb", "-batch", "-nx", "-p", str(pid), "-ex", f"generate-core-file {path}", "-ex", "detach"],
                          capture_output=True, text=True, timeout=300)
    filter_path.write_text(f"0x{before.strip()}\n")
    if not path.exists():
        raise RuntimeError(f"gdb made no core: {done.stderr[-1000:]}")
    notes = path.read_bytes()
    path.unlink()
    return notes
