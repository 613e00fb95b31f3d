# SPDX-License-Identifier: MIT
"""Every provider in its own wire format, every capability that it has: one worker, one simulated service, one ledger."""
import base64
import hashlib
import io
import json
import sys
import tempfile
import wave
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
from support.stack import Stack, expect, main  # noqa: E402

MODELS = {"chat": "sim-chat", "embeddings": "voyage-embed-sim", "text_to_speech": "sim-voice", "speech_to_text": "sim-ears", "image_generation": "sim-pencil"}
# name: adapter, path of the simulator, a key, the capabilities that are not tried by "stream", those that are
CHATTY = ("chat", "embeddings", "text_to_speech", "speech_to_text", "image_generation")
PROVIDERS = {
    "openai": ("openai", "/v1", "sk-" + "0a" * 20, CHATTY, ("chat", "text_to_speech")),
    "anthropic": ("anthropic", "/anthropic/v1", "sk-ant-" + "1b" * 20, ("chat",), ("chat",)),
    "gemini": ("gemini", "/gemini/v1beta", "AIza" + "2c" * 18, ("chat", "embeddings", "text_to_speech", "image_generation"), ("chat",)),
    "elevenlabs": ("elevenlabs", "/elevenlabs/v1", "sk_" + "3d" * 20, ("text_to_speech", "speech_to_text"), ("text_to_speech",)),
    "compatible": ("openai", "/v1", "sk-" + "4e" * 20, CHATTY, ("chat",)),
    "azure": ("azure", "/azure", "5f" * 16, ("chat", "embeddings", "speech_to_text", "image_generation"), ("chat",)),
    "azure-v1": ("azure", "/azure/openai/v1", "6a" * 16, CHATTY, ("text_to_speech",)),
    "cohere": ("cohere", "/cohere", "7b" * 20, ("chat", "embeddings"), ()),
    "voyage": ("voyage", "/voyage/v1", "pa-" + "8c" * 20, ("embeddings",), ()),
    "deepgram": ("deepgram", "/deepgram/v1", "9d" * 20, ("text_to_speech", "speech_to_text"), ("text_to_speech",)),
}
CACHED = {"cache_control": {"type": "ephemeral", "ttl": "1h"}}  # the simulated one writes all of the prompt to it
# Waits of a second and more, in the words of those that tell one; the others' limits are of calls at once, or say nothing.
EVERY_FORM = ("retry_after=1", "retry_after_ms=1050", "retry_date=2", "reset_ms=1050")
WAITS = {"openai": EVERY_FORM, "anthropic": EVERY_FORM, "azure": EVERY_FORM, "compatible": ("reset_ms=1050",), "gemini": ("retry_after_ms=1050",)}
NO_MONEY_ERROR = ("voyage",)  # it documents none


def wav(seconds=1, rate=8000):
    out = io.BytesIO()
    with wave.open(out, "wb") as file:
        file.setparams((1, 2, rate, 0, "NONE", None))
        file.writeframes(b"\0\x10" * rate * seconds)
    return base64.b64encode(out.getvalue()).decode()


PICTURE = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="
ASKED = {
    "chat": lambda text: {"messages": [{"role": "user", "content": [{"type": "text", "text": text}, {"type": "image", "data": PICTURE}]}]},
    "embeddings": lambda text: {"input": [text, "another text"]},
    "text_to_speech": lambda text: {"text": text},
    "speech_to_text": lambda text: {"audio": wav(), "timestamps": "word"},
    "image_generation": lambda text: {"prompt": text},
}


def job(name, provider, capability, text, **more):
    return "alice", {"id": name, "user": "alice", "provider": provider, "capability": capability, **ASKED[capability](text), **more}


def cells():
    """The table: a job for each of its crosses; OpenAI's chat by both of its interfaces."""
    for name, (_, _, _, whole, streamed) in PROVIDERS.items():
        for capability in whole:
            yield job(f"{name} {capability}", name, capability, f"Tell {name} of {capability}")
        for capability in streamed:
            yield job(f"{name} {capability} stream", name, capability, f"Stream {name} of {capability}", stream=True)
    for stream in (False, True):
        yield job(f"anthropic cache {stream}", "anthropic", "chat", f"Keep {stream}", provider_options=CACHED, stream=stream)
        yield job(f"openai responses {stream}", "openai", "chat", f"Respond {stream}", api="responses", stream=stream)


def check_answer(name, result):
    expect(result["status"] == "ok", f"{name}: {str(result)[:600]}")
    capability = result["capability"]
    if name.startswith("anthropic cache"):
        usage = result["usage"]
        expect(usage["cache_write_tokens"] == usage["cache_write_1h_tokens"] == usage["input_tokens"] > 0, f"{name}: {usage}")
    if capability == "chat":
        expect(result["text"].startswith("Simulated answer") and result["finish_reason"] == "stop", result)
    elif capability == "embeddings":
        expect(len(result["embeddings"]) == 2 and len(result["embeddings"][0]) >= 1024 and result["embeddings"][0] != result["embeddings"][1], name)
    elif capability == "text_to_speech":
        audio = base64.b64decode(result["audio"])
        expect(audio[:4] == b"RIFF" if result["media_type"] == "audio/wav" else audio[0] == 0xff, f"{name}: {result['media_type']} {audio[:8]}")
    elif capability == "speech_to_text":
        expect("bytes of audio" in result["text"] and len(result["words"]) == len(result["text"].split()), result)
        expect(abs(result["words"][-1]["end"] - 1) < 0.01, f"{name}: a second of audio: {result['words'][-1]}")
    else:
        expect(base64.b64decode(result["images"][0]["data"])[1:4] == b"PNG", name)


def compare_with_the_ledger(stack, results):
    """Calls and tokens of each key: what the service would have billed is what byokd says was used."""
    ledger = stack.sim_get("/sim/ledger")["keys"]
    calls = stack.sim_get("/sim/ledger/calls?since=0")
    events = [json.loads(m.value()) for m in stack.read("usage")]
    for name, (_, _, key, *_) in PROVIDERS.items():
        fingerprint = hashlib.sha256(key.encode()).hexdigest()[:16]
        mine = [e for e in events if e["provider"] == name]
        checks = int(name == "voyage")  # whose only check of a key is a call, and no job's
        expect(ledger[fingerprint]["calls"] - checks == sum(e["calls"] for e in mine), f"{name}: {ledger[fingerprint]} {mine}")
        for capability, endpoint in (("chat", "chat"), ("embeddings", "embeddings")):
            if (name, capability) == ("gemini", "embeddings"):
                continue  # Gemini does not say
            billed = [c for c in calls if c["key"] == fingerprint and c["endpoint"] == endpoint]
            said = [r["usage"] for r in results.values() if r["provider"] == name and r.get("capability") == capability]
            if capability == "embeddings":
                billed = billed[checks:]
            for unit in ("input_tokens", "output_tokens"):
                theirs, ours = sum(c[unit] for c in billed), sum(u.get(unit, 0) for u in said)
                expect(theirs == ours, f"{name} {capability} {unit}: {theirs} by the ledger, {ours} in results")


def check_waits(stack):
    """byokd waits as long as it is told; by itself it would try again after half a second at most."""
    jobs = [job(f"wait {name} {form}", name, "chat", f"[[sim:error=rate_limited,times=1,{form}]] {name}") for name, forms in WAITS.items() for form in forms]
    stack.produce(jobs)
    for id, found in stack.wait_results([j["id"] for _, j in jobs]).items():
        if id.startswith("wait "):
            expect(found[0]["status"] == "ok" and len(found[0]["attempts"]) == 2, f"{id}: {found[0]}")
            before, after = found[0]["attempts"]
            expect(after["started_ms"] - before["started_ms"] >= 1000, f"{id}: did not wait: {before} {after}")


def check_faults(stack):
    """By class, each in the provider's own status, words and headers."""
    first = {name: whole[0] for name, (_, _, _, whole, _) in PROVIDERS.items()}
    asked = {
        "limited": "[[sim:error=rate_limited,times=1]]",
        "overloaded": "[[sim:error=overloaded,times=1]]",
        "poor": "[[sim:error=out_of_money]]",
        "garbage": "[[sim:garbage]]",
        "cut": "[[sim:cut]]",
    }
    jobs = [job(f"{kind} {name}", name, first[name], f"{directive} {name}", **({"stream": True} if kind == "cut" and PROVIDERS[name][4] else {}))
            for kind, directive in asked.items() for name in PROVIDERS if not (kind == "poor" and name in NO_MONEY_ERROR)]
    stack.produce(jobs)
    results = {id: found[0] for id, found in stack.wait_results([j["id"] for _, j in jobs]).items()}
    for name in PROVIDERS:
        for kind, firsts in (("limited", ("rate_limited", "concurrency_limited")), ("overloaded", ("overloaded",))):
            result = results[f"{kind} {name}"]
            check_answer(f"{kind} {name}", result)
            expect(len(result["attempts"]) == 2 and result["attempts"][0]["code"] in firsts, f"{kind} {name}: {result['attempts']}")
        if name not in NO_MONEY_ERROR:
            expect(results[f"poor {name}"]["error"]["code"] == "out_of_money", f"{name}: {results[f'poor {name}']}")
        expect(results[f"garbage {name}"]["error"]["code"] == "bad_answer", f"{name}: {results[f'garbage {name}']}")
        expect(results[f"cut {name}"]["error"]["code"] == "cut_off", f"{name}: {results[f'cut {name}']}")
    check_waits(stack)
    # the last, for the key is under suspicion afterwards
    stack.produce(job(f"refused {name}", name, first[name], f"[[sim:error=invalid_key]] {name}") for name in PROVIDERS)
    for id, found in stack.wait_results([f"refused {name}" for name in PROVIDERS]).items():
        if id.startswith("refused "):
            expect(found[0]["error"]["code"] == "key_invalid", f"{id}: {found[0]}")


def in_their_own_words():
    with tempfile.NamedTemporaryFile("w", prefix="byok-keys-") as keys:
        keys.writelines(key + "\n" for _, _, key, *_ in PROVIDERS.values())
        keys.flush()
        every_cell(keys.name)


def every_cell(keys):
    with Stack(partitions=2, sim_options=["--keys", keys]) as stack:
        stack.worker("w1", providers=[{"name": name, "adapter": adapter, "base_url": stack.sim_url + path, "models": MODELS, "bulk_texts": 2}
                                      for name, (adapter, path, *_) in PROVIDERS.items()])

        def register(name):
            wrong = stack.byok("--json", "key", "add", "--user", "alice", "--provider", name, input=PROVIDERS[name][2][:-1] + "x\n", ok=False)
            expect(json.loads(wrong.stdout)["error"]["code"] == "key_invalid", f"{name}: {wrong.stdout} {wrong.stderr}")
            stack.byok("key", "add", "--user", "alice", "--provider", name, input=PROVIDERS[name][2] + "\n")
        with ThreadPoolExecutor(5) as pool:
            list(pool.map(register, PROVIDERS))
        jobs = list(cells())
        stack.produce(jobs)
        results = {id: found[0] for id, found in stack.wait_results([j["id"] for _, j in jobs]).items()}
        for _, asked in jobs:
            check_answer(asked["id"], results[asked["id"]])
        compare_with_the_ledger(stack, results)
        print(f"   {len(jobs)} jobs for {len(PROVIDERS)} providers, as their ledger has it")
        check_faults(stack)


if __name__ == "__main__":
    main(in_their_own_words)
