# SPDX-License-Identifier: MIT
"""A text that is longer than its provider takes: spoken in parts, joined into one file that a decoder reads, billed once."""
import base64
import io
import json
import sys
import wave
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
from support.stack import Stack, call, expect, main  # noqa: E402

KEY = "sk-speech-" + "a1B2" * 8


def submit(stack, name, text, **more):
    stack.produce([("alice", {"id": name, "user": "alice", "capability": "text_to_speech", "provider": "openai", "model": "tts-1", "text": text, **more})])
    return stack.wait_results([name])[name][0]


def wav_of(result):
    with wave.open(io.BytesIO(base64.b64decode(result["audio"]))) as file:
        return file.getparams(), file.readframes(file.getnframes())


def is_joined_into_one_file():
    with Stack() as stack:
        stack.worker("w1", delivery="exactly_once")
        stack.add_key("alice", KEY)
        sentences = [f"This is sentence number {i} of a long text. " for i in range(250)]
        text = "".join(sentences)
        expect(len(text) > 2 * 4096, "three parts")
        whole = submit(stack, "long", text, format="wav")
        expect(whole["status"] == "ok" and whole["media_type"] == "audio/wav", str(whole)[:300])
        expect(len(whole["attempts"]) == 3 and whole["usage"]["characters"] == len(text), str(whole["attempts"]) + str(whole["usage"]))
        params, frames = wav_of(whole)
        expect(params.nframes * params.sampwidth * params.nchannels == len(frames), "the header's sizes are right")
        # the simulated provider speaks each word by itself: the same words in short jobs are the same samples
        parts, rest = [], text
        while rest:
            end = len(rest) if len(rest) <= 4096 else rest.rindex(". ", 0, 4096) + 1
            parts.append(rest[:end])
            rest = rest[end:]
        alone = b"".join(wav_of(submit(stack, f"part{i}", part, format="wav"))[1] for i, part in enumerate(parts))
        expect(frames == alone, f"{len(frames)} bytes of samples, {len(alone)} of the parts alone")
        events = [json.loads(m.value()) for m in stack.read("usage")]
        mine = [e for e in events if e["id"] == "long"]
        expect(sum(e["calls"] for e in mine) == 3 and sum(e.get("characters", 0) for e in mine) == len(text), mine)
        usage = call(stack, "usage", "alice")
        expect(usage["total"]["calls"] == stack.sim_get("/sim/ledger")["calls"], usage)
        refused = submit(stack, "flac", text, format="flac")
        expect(refused["error"]["code"] == "unsupported" and "attempts" not in refused, str(refused)[:300])


if __name__ == "__main__":
    main(is_joined_into_one_file)
