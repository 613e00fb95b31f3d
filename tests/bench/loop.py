# SPDX-License-Identifier: MIT
"""What all measurements of jobs share: the bare loop, and how long results took."""
import json
import subprocess

from support.stack import BUILD, expect


STEADY = 0.8  # of the results: those in the middle


def stamps_of(stack, topic, count, skip):
    stamps = sorted(m.timestamp()[1] for m in stack.read(topic))[skip:]
    expect(len(stamps) >= count, f"{len(stamps)} results of {count} jobs in {topic}")
    return stamps


def seconds_between(stack, topic, count, skip=0):
    """From the first to the last of `count` results, behind `skip` others of the topic."""
    stamps = stamps_of(stack, topic, count, skip)
    return max((stamps[-1] - stamps[0]) / 1000, 0.001)


def seconds_steady(stack, topic, count, skip=0):
    """What `count` results would take at the pace of those in the middle, between the start and the end of the work."""
    stamps = stamps_of(stack, topic, count, skip)
    edge = round(count * (1 - STEADY) / 2)
    return max((stamps[count - 1 - edge] - stamps[edge]) / 1000, 0.001) * count / (count - 1 - 2 * edge)


def run_bare(stack, delivery, requests, results, *options):
    """tests/bench/bare.c over a filled topic; what it says of itself. The limit of exactly_once is that of a loop with transactions."""
    transactional = ["--transactional", f"{stack.prefix}bare"] if delivery == "exactly_once" else []
    out = subprocess.run([BUILD / "tests/bench/byok-bench-bare", "--brokers", stack.brokers, "--requests", stack.prefix + requests,
                          "--results", stack.prefix + results, "--group", stack.prefix + requests, *map(str, options), *transactional],
                         capture_output=True, text=True, check=True)
    return json.loads(out.stdout)
