#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Every model that the documents, the demo and the containers name has a price in schemas/prices.json, or stands here with the reason why not."""
import json
import pathlib
import re
import sys

ROOT = pathlib.Path(__file__).resolve().parents[2]
UNPRICED = {("openai", "gpt-4o-mini-tts"): "is charged by tokens, and its answer does not say how many"}
# a provider, then its models: in the demo's and the containers' configuration
CONFIGURED = re.compile(r"name: (?P<provider>[\w-]+)(?:(?!name:).)*?models:(?P<models>(?:\s*\{[^}]*\}|(?:\s+[a-z_]+: [\w.-]+)+))", re.S)


def named():
    """(file, provider, model) of all that is named."""
    for path in [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]:
        text = path.read_text()
        for provider, model in re.findall(r'"provider": ?"([\w-]+)", ?"model": ?"([\w.-]+)"', text):
            yield path, provider, model
        for list_ in re.findall(r'"fallbacks": ?\[([^\]]*)\]', text):
            for provider, model in re.findall(r'"([\w-]+)/([\w./-]+)"', list_):
                yield path, provider, model
    for path in (ROOT / "demo" / "run", ROOT / "docker" / "byokd.yaml"):
        for found in CONFIGURED.finditer(path.read_text()):
            for model in re.findall(r": ([\w.-]+)", found["models"]):
                if not model.startswith("sim-"):  # the simulated providers'
                    yield path, found["provider"], model


def main():
    table = json.loads((ROOT / "schemas" / "prices.json").read_text())
    priced = {(p["provider"], p["model"]) for p in table["prices"]}
    seen = list(named())
    wrong = [f"{path.relative_to(ROOT)}: {provider}/{model} has no price" for path, provider, model in seen
             if (provider, model) not in priced and (provider, model) not in UNPRICED]
    wrong += [f"{provider}/{model} is named nowhere, or has a price" for provider, model in UNPRICED
              if (provider, model) in priced or (provider, model) not in {(p, m) for _, p, m in seen}]
    wrong += [f"{path.relative_to(ROOT)} names no model: is the search right?" for path in {ROOT / "README.md", ROOT / "docs" / "JOBS.md",
              ROOT / "demo" / "run", ROOT / "docker" / "byokd.yaml"} - {path for path, _, _ in seen}]
    print("\n".join(wrong) or f"{len({s[1:] for s in seen})} models, {len(table['prices'])} prices, version {table['version']}")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
