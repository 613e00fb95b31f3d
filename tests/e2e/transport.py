# SPDX-License-Identifier: MIT
"""TLS to the broker and to the provider, a broker that goes away and comes back, a disk that is full."""
import os
import subprocess
import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
from support.kafka import OwnKafka  # noqa: E402
from support.stack import Stack, TlsStack, call, expect, main, wait_for  # noqa: E402

KEY = "sk-alice-" + "a1B2" * 8


def submit(stack, prompt, ok=True):
    return call(stack, "submit", "--user", "alice", "--capability", "chat", "--provider", "openai", "--prompt", prompt, "--wait", ok=ok)


def a_provider_by_tls():
    with TlsStack() as stack:
        expect(stack.sim_url.startswith("https:"), stack.sim_url)
        worker = stack.worker("w1", providers=stack.trusting())
        stack.add_key("alice", KEY)
        expect(submit(stack, "Hi")["status"] == "ok", "by TLS")
        worker.stop()
        stack.worker("w1", retry={"attempts": 1})  # the system's authorities do not know this one
        refused = submit(stack, "Hi", ok=False)
        expect(refused["error"]["code"] == "unreachable" and "certificate" in refused["error"]["message"], refused)


def a_broker_by_tls():
    address, ca = os.environ.get("BYOK_TEST_KAFKA_TLS"), os.environ.get("BYOK_TEST_KAFKA_CA")
    if not address:
        print("   the test's Kafka has no TLS listener: skipped")
        return
    with Stack() as stack:
        properties = ["security.protocol=SSL", f"ssl.ca.location={ca}"]
        kafka = {**stack.settings("w1")["kafka"], "brokers": address, "properties": properties}
        stack.worker("w1", kafka=kafka)
        stack.add_key("alice", KEY)
        expect(submit(stack, "Hi")["status"] == "ok", "by TLS")


def a_broker_that_goes_away():
    with OwnKafka() as kafka, Stack(brokers=kafka.brokers) as stack:
        # the group does not forget the worker meanwhile
        worker = stack.worker("w1", kafka={"brokers": stack.brokers, "consumer_properties": ["session.timeout.ms=300000"]})
        stack.add_key("alice", KEY)
        stack.produce([("alice", {"id": f"a{i}", "user": "alice", "capability": "chat", "provider": "openai",
                                  "prompt": "[[sim:delay_ms=3000]]"}) for i in range(4)])
        wait_for("calls are under way", lambda: len(stack.sim_get("/sim/ledger/calls?since=0")) == 4)
        kafka.run("stop")
        wait_for("the worker says it is not ready", lambda: not worker.ready(), 60)
        time.sleep(3)  # their results have nowhere to go meanwhile
        kafka.run("start")
        found = stack.wait_results([f"a{i}" for i in range(4)], 90)
        expect(all(r[0]["status"] == "ok" for k, r in found.items() if k.startswith("a")), found)
        expect(stack.sim_get("/sim/ledger")["calls"] == 4, "no call was made twice")
        wait_for("the worker is ready again", worker.ready, 60)
        expect(submit(stack, "after")["status"] == "ok", "after")


if __name__ == "__main__":
    main(a_provider_by_tls, a_broker_by_tls, a_broker_that_goes_away)
