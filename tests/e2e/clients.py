# SPDX-License-Identifier: MIT
"""Producers and consumers not written here submit jobs and read results: every program of examples/."""
import os
import shutil
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
from support.stack import ROOT, Stack, expect, main  # noqa: E402

DEPS = Path(os.environ.get("BYOK_DEPS_DIR", ROOT / ".deps"))
EXAMPLES = ROOT / "examples"


def commands():
    """name -> how to run it."""
    jars = sorted((DEPS / "kafka").glob("*/kafka-clients-*.jar"))
    yield "kcat", [EXAMPLES / "kcat.sh"]
    yield "python", [sys.executable, EXAMPLES / "python" / "submit.py"]
    yield "python, msgpack", [sys.executable, EXAMPLES / "python" / "submit_msgpack.py"]
    yield "node", ["node", EXAMPLES / "node" / "submit.mjs"]
    if shutil.which("javac") and jars:  # a runtime alone cannot run a source file
        yield "java", ["java", "-cp", f"{jars[0].parent}/*", EXAMPLES / "java" / "Submit.java"]


def every_example_gets_its_result():
    with Stack() as stack:
        stack.worker("w1")
        stack.add_key("alice", "sk-alice-" + "a1B2" * 8)
        stack.byok("configure", "--user", "alice", "--provider", "chat=openai")
        env = {"BYOK_BROKERS": stack.brokers, "BYOK_TOPIC_PREFIX": stack.prefix, "NODE_PATH": str(DEPS / "node" / "node_modules")}
        node = stack.folder / "node"  # modules are found beside the program, not by NODE_PATH
        node.mkdir()
        shutil.copy(EXAMPLES / "node" / "submit.mjs", node)
        (node / "node_modules").symlink_to(DEPS / "node" / "node_modules")
        for name, command in commands():
            if name == "node":
                command = ["node", node / "submit.mjs"]
            answer = stack.run([*command, "alice", f'Say "hi" to {name}'], env=env)
            expect(answer.returncode == 0, f"{name}: exit {answer.returncode}: {answer.stderr[-2000:]} {answer.stdout}")
            expect("Simulated answer" in answer.stdout, f"{name}: {answer.stdout}")
            print(f"   {name}")


if __name__ == "__main__":
    main(every_example_gets_its_result)
