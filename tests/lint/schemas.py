#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Holds schemas/ together: the JSON Schemas, the vectors, errors.def and asyncapi.yaml say the same.

Exit 77, which CTest takes as skipped, when a Python package is missing. The official JSON Schema of
AsyncAPI is used when the npm package @asyncapi/specs is in $BYOK_DEPS_DIR/node (or .deps/node).
"""
import base64
import json
import os
import pathlib
import re
import subprocess
import sys

try:
    import jsonschema
    import msgpack
    import referencing
    import yaml
except ImportError as missing:
    print(f"skipped: {missing}")
    sys.exit(77)

ROOT = pathlib.Path(__file__).resolve().parents[2]
SCHEMAS = ROOT / "schemas"
VECTORS = SCHEMAS / "vectors"
SCHEMA_OF_KIND = {"request": "request", "result": "result", "usage": "usage", "stream": "stream", "dead_letter": "dead_letter",
                  "audit": "audit", "user_record": "state", "done_record": "state",
                  "claim_record": "state", "parked_record": "state", "parked_marker": "state"}
passed, failed = 0, 0


def check(ok, what):
    global passed, failed
    passed += bool(ok)
    failed += not ok
    if not ok:
        print(f"FAILED: {what}")


def load_schemas():
    files = {p.name.removesuffix(".schema.json"): json.loads(p.read_text()) for p in sorted(SCHEMAS.glob("*.schema.json"))}
    registry = referencing.Registry()
    for schema in files.values():
        registry = registry.with_resource(schema["$id"], referencing.Resource.from_contents(schema))
    return files, {name: jsonschema.Draft202012Validator(schema, registry=registry) for name, schema in files.items()}


def check_schemas(files):
    for name, schema in files.items():
        try:
            jsonschema.Draft202012Validator.check_schema(schema)
            check(True, name)
        except jsonschema.SchemaError as error:
            check(False, f"{name}.schema.json is not a schema: {error.message}")


def check_error_codes(files):
    table = re.findall(r'^ERR\(\w+,\s*"(\w+)"', (SCHEMAS / "errors.def").read_text(), re.M)
    check(files["result"]["$defs"]["code"]["enum"] == table, "result.schema.json's error codes are not those of errors.def")


def in_json_form(tree):
    """msgpack's bin as the base64 it is in JSON."""
    if isinstance(tree, bytes):
        return base64.b64encode(tree).decode()
    if isinstance(tree, dict):
        return {k: in_json_form(v) for k, v in tree.items()}
    return [in_json_form(v) for v in tree] if isinstance(tree, list) else tree


def check_vector(entry, validator):
    name, bad = entry["name"], "error" in entry
    if bad and entry.get("beyond_schema"):
        return
    trees = []
    if "json" in entry:
        trees.append(json.loads((VECTORS / entry["json"]).read_text()))
    if "msgpack" in entry:
        trees.append(in_json_form(msgpack.unpackb((VECTORS / entry["msgpack"]).read_bytes())))
    check(len(trees) < 2 or trees[0] == trees[1], f"{name}: .json and .msgpack are not the same message")
    for tree in trees:
        errors = [f"{e.json_path}: {e.message}" for e in validator.iter_errors(tree)]
        check(bool(errors) == bad, f"{name}: " + ("the schema takes it" if bad else f"the schema refuses it: {errors}"))


def check_vectors(validators):
    made = subprocess.run([sys.executable, ROOT / "tests/lint/make_vectors.py", "--check"], capture_output=True, text=True, check=False)
    check(made.returncode == 0, made.stderr.strip())
    for entry in json.loads((VECTORS / "index.json").read_text())["vectors"]:
        check_vector(entry, validators[SCHEMA_OF_KIND[entry["kind"]]])


def check_documents(validators):
    """The messages that docs/JOBS.md shows: one in a block, or one in each line of it."""
    blocks = re.findall(r"^```json\n(.*?)^```$", (ROOT / "docs/JOBS.md").read_text(), re.M | re.S)
    for block in blocks:
        for text in [block] if block.startswith("{\n") else block.splitlines():
            message = json.loads(text)
            kind = "stream" if "sequence" in message else "result" if "status" in message else "request"
            errors = [f"{e.json_path}: {e.message}" for e in validators[kind].iter_errors(message)]
            check(not errors, f"docs/JOBS.md: a {kind} of id {message['id']}: {errors}")
    check(len(blocks) > 10, "docs/JOBS.md has too few examples")


def references(node, path=""):
    """Every $ref of a document, with where it stands."""
    if isinstance(node, dict):
        for key, value in node.items():
            if key == "$ref":
                yield path, value
            else:
                yield from references(value, f"{path}/{key}")
    elif isinstance(node, list):
        for i, value in enumerate(node):
            yield from references(value, f"{path}/{i}")


def resolve(ref, document):
    """What a reference points to, None when it points to nothing."""
    file, _, pointer = ref.partition("#")
    node = json.loads((SCHEMAS / file).read_text()) if file else document
    for part in pointer.strip("/").split("/") if pointer.strip("/") else []:
        part = part.replace("~1", "/").replace("~0", "~")
        if not isinstance(node, dict) or part not in node:
            return None
        node = node[part]
    return node


def check_asyncapi_officially(document):
    deps = pathlib.Path(os.environ.get("BYOK_DEPS_DIR", ROOT / ".deps"))
    official = deps / "node/node_modules/@asyncapi/specs/schemas/3.0.0-without-$id.json"
    if not official.exists():
        print("note: @asyncapi/specs is not installed; asyncapi.yaml is checked for its structure only")
        return
    errors = jsonschema.Draft7Validator(json.loads(official.read_text())).iter_errors(document)
    found = [f"{e.json_path}: {e.message[:200]}" for e in errors]
    check(not found, f"asyncapi.yaml against AsyncAPI 3.0.0: {found}")


def check_asyncapi(validators):
    document = yaml.safe_load((SCHEMAS / "asyncapi.yaml").read_text())
    check(document["asyncapi"].startswith("3.0"), "asyncapi.yaml is not AsyncAPI 3.0")
    topics = re.findall(r'\[BYOK_TOPIC_\w+\] = "(\w+)"', (SCHEMAS / "wire.c").read_text())
    check(list(document["channels"]) == topics, "asyncapi.yaml's channels are not the topics of wire.c")
    for name, channel in document["channels"].items():
        check(channel["address"] == f"byok.{name}", f"channel {name} has another address")
        bindings = channel["bindings"]
        bindings = resolve(bindings["$ref"], document) if "$ref" in bindings else bindings
        check(bindings and bindings.get("kafka"), f"channel {name} has no Kafka binding")
    for path, ref in references(document):
        check(resolve(ref, document) is not None, f"asyncapi.yaml{path}: {ref} points to nothing")
    used = {ref["$ref"].rsplit("/", 1)[1] for channel in document["channels"].values() for ref in channel["messages"].values()}
    check(used == set(document["components"]["messages"]), "a message of asyncapi.yaml is on no channel")
    for name, message in document["components"]["messages"].items():
        for example in message.get("examples", []):
            validator = validators[message["payload"]["$ref"].split("/")[1].split(".")[0]]
            errors = [e.message for e in validator.iter_errors(example["payload"])]
            check(not errors, f"asyncapi.yaml: example of {name}: {errors}")
    check_asyncapi_officially(document)


def check_headers(files):
    macros = re.findall(r'#define BYOK_HEADER_\w+ "([^"]+)"', (SCHEMAS / "wire.h").read_text())
    check(set(macros) == set(files["dead_letter"]["properties"]), "dead_letter.schema.json's headers are not those of wire.h")


def main():
    files, validators = load_schemas()
    check_schemas(files)
    check_error_codes(files)
    check_headers(files)
    check_vectors(validators)
    check_documents(validators)
    check_asyncapi(validators)
    print(f"{passed} passed, {failed} failed")
    sys.exit(1 if failed else 0)


if __name__ == "__main__":
    main()
