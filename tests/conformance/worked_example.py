# SPDX-License-Identifier: MIT
"""CONTRIBUTING.md's worked example, out of that page alone: put into a copy of the sources it builds and passes, and nothing else is touched.

usage: worked_example.py CMAKE_OPTION...   (those of the build under test: compiler, libraries, sanitizers)
"""
import os
import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
SECTION = re.compile(r"^## Adding a provider, worked\n(.*?)^## ", re.M | re.S)
BLOCK = re.compile(r"^```\w+ (\S+)\n(.*?)^```$", re.M | re.S)  # those that name a file
TABLE, COLUMNS = "adapters/providers.def", "tests/conformance/providers_page.c"
END_OF_COLUMNS = "};\n#define SERVICES"
TESTS = ("test_conformance_providers_page", "test_adapters_registry", "test_adapters_golden", "test_conformance_adapter")


def expect(condition, text):
    if not condition:
        sys.exit(f"CONTRIBUTING.md's worked example: {text}")


def run(*command, **more):
    done = subprocess.run([str(part) for part in command], capture_output=True, text=True, check=False, **more)
    expect(done.returncode == 0, f"{command[0]}: exit {done.returncode}\n{done.stdout[-6000:]}{done.stderr[-6000:]}")


def put_into(copy):
    files = dict(BLOCK.findall(SECTION.search((ROOT / "CONTRIBUTING.md").read_text())[1]))
    row, column = files.pop(TABLE, ""), files.pop(COLUMNS, "")
    name = re.fullmatch(r"PROVIDER\((\w+)\)\n", row)
    expect(name and column.count("\n") == 1, f"no line for {TABLE}, or none for {COLUMNS}")
    code = [path for path in files if not path.startswith("tests/")]
    expect(code == [f"adapters/{name[1]}.c"], f"beside its table line, tests and docs it is one file, not {code}")
    (copy / TABLE).write_text((copy / TABLE).read_text() + row)
    (copy / COLUMNS).write_text((copy / COLUMNS).read_text().replace(END_OF_COLUMNS, column + END_OF_COLUMNS))
    for path, text in files.items():
        expect(not (copy / path).exists(), f"{path} is there already")
        (copy / path).parent.mkdir(parents=True, exist_ok=True)
        (copy / path).write_text(text)


def main():
    with tempfile.TemporaryDirectory(prefix="byok-example-") as folder:
        copy, build = Path(folder) / "source", Path(folder) / "build"
        shutil.copytree(ROOT, copy, ignore=shutil.ignore_patterns("build", ".*"))
        put_into(copy)
        run("cmake", "-S", copy, "-B", build, "-G", "Ninja", *sys.argv[1:])
        run("cmake", "--build", build, "--target", *TESTS)
        for test in TESTS:
            program, = build.rglob(test)
            run(program, "--jobs=1", env={**os.environ, "BYOK_WRITE_PAGE": "1"})
        expect("Parrot" in (copy / "docs/PROVIDERS.md").read_text(), "no column in docs/PROVIDERS.md")


if __name__ == "__main__":
    main()
