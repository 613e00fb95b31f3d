# SPDX-License-Identifier: MIT
"""The simulated services as any client sees them: audio that real decoders take, streams that are paced, models that do not exist.

usage: sim_server.py BYOK_PROVIDER_SIM     Without opus-tools and mpg123 the decoders' part is left out.
"""
import array
import json
import shutil
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
import wave
from pathlib import Path

HEADERS = {"Authorization": "Bearer sk-1", "xi-api-key": "sk_1", "x-goog-api-key": "AIza1", "Content-Type": "application/json"}
WORDS = "jobs are not lost and results come once"
SECONDS = len(WORDS.split()) * 0.06  # a word and the gap behind it
FORM = "\r\n".join(["--b", 'Content-Disposition: form-data; name="model"', "", "does-not-exist", "--b",
                    'Content-Disposition: form-data; name="file"; filename="a.wav"', "", "x", "--b--", ""])


def ask(url, body, **headers):
    """Status, content type, body."""
    data = body.encode() if isinstance(body, str) else json.dumps(body).encode()
    try:
        with urllib.request.urlopen(urllib.request.Request(url, data, {**HEADERS, **headers}), timeout=30) as answer:
            return answer.status, answer.headers["content-type"], answer.read()
    except urllib.error.HTTPError as error:
        return error.code, error.headers["content-type"], error.read()


def run(*command):
    done = subprocess.run([str(part) for part in command], capture_output=True, text=True, check=False)
    assert done.returncode == 0, f"{command}: exit {done.returncode}: {done.stdout}{done.stderr}"
    return done.stdout + done.stderr


def hear(path):
    """Seconds, and how loud the loudest sample is."""
    with wave.open(str(path), "rb") as file:
        samples = array.array("h", file.readframes(file.getnframes()))
        return file.getnframes() / file.getframerate(), max(map(abs, samples))


def check_audio(url, folder):
    speech = {"model": "tts-1", "voice": "alloy", "input": WORDS}
    token = {"Authorization": "Token 0123456789abcdef"}
    cases = [
        ("openai.opus", ask(f"{url}/v1/audio/speech", {**speech, "response_format": "opus"})),
        ("openai.flac", ask(f"{url}/v1/audio/speech", {**speech, "response_format": "flac"})),
        ("openai.mp3", ask(f"{url}/v1/audio/speech", speech)),
        ("elevenlabs.opus", ask(f"{url}/elevenlabs/v1/text-to-speech/v?output_format=opus_48000_64", {"text": WORDS})),
        ("deepgram.opus", ask(f"{url}/deepgram/v1/speak?encoding=opus&container=ogg", {"text": WORDS}, **token)),
        ("deepgram.flac", ask(f"{url}/deepgram/v1/speak?encoding=flac&sample_rate=16000", {"text": WORDS}, **token)),
        ("long.opus", ask(f"{url}/v1/audio/speech", {**speech, "input": WORDS * 60, "response_format": "opus"})),
        ("long.flac", ask(f"{url}/v1/audio/speech", {**speech, "input": WORDS * 60, "response_format": "flac"})),
    ]
    for name, (status, _, audio) in cases:
        path, decoded = folder / name, folder / f"{name}.wav"
        assert status == 200, f"{name}: {status} {audio[:200]}"
        path.write_bytes(audio)
        if name.endswith("mp3"):
            run("mpg123", "-q", "-w", decoded, path)
        elif name.endswith("flac"):  # opusenc's decoder of FLAC, which fails at a wrong check sum
            run("opusenc", "--quiet", path, folder / f"{name}.opus")
            run("opusdec", "--quiet", folder / f"{name}.opus", decoded)
        else:
            told = run("opusinfo", path)
            assert "WARNING" not in told and "ERROR" not in told, f"{name}: {told}"
            run("opusdec", "--quiet", path, decoded)
        wanted = (len((WORDS * 60).split()) * 0.06) if name.startswith("long") else SECONDS
        seconds, loudest = hear(decoded)
        assert abs(seconds - wanted) < 0.06, f"{name}: {seconds} s of {wanted}"
        assert (loudest > 4000) == name.endswith("flac"), f"{name}: {loudest}"


def check_pace(url):
    """A stream's events come one by one, however their service ends a line; streamed audio in pieces."""
    turn = "[[sim:gap_ms=100,answer_words=3]]"
    streams = [
        (f"{url}/gemini/v1beta/models/m:streamGenerateContent?alt=sse", {"contents": [{"parts": [{"text": turn}]}]}),
        (f"{url}/v1/chat/completions", {"model": "m", "stream": True, "messages": [{"role": "user", "content": turn}]}),
        (f"{url}/elevenlabs/v1/text-to-speech/v/stream?output_format=pcm_24000", {"text": turn + WORDS}),
    ]
    for stream, body in streams:
        began = time.monotonic()
        status, _, answer = ask(stream, body)
        pieces = max(answer.count(b"data: "), len(answer) // 4096)
        assert status == 200 and pieces >= 4, f"{stream}: {status} {answer[:300]}"
        assert time.monotonic() - began >= 0.1 * pieces, f"{stream}: {pieces} pieces in {time.monotonic() - began} s"


def check_model(url):
    status, _, answer = ask(f"{url}/v1/audio/transcriptions", FORM, **{"Content-Type": "multipart/form-data; boundary=b"})
    assert status == 404 and json.loads(answer)["error"]["code"] == "model_not_found", f"{status} {answer}"


def main():
    with tempfile.TemporaryDirectory(prefix="byok-sim-") as folder, \
            subprocess.Popen([sys.argv[1], "--quiet"], stdout=subprocess.PIPE, text=True) as sim:
        try:
            url = sim.stdout.readline().split()[1]
            check_model(url)
            check_pace(url)
            if all(map(shutil.which, ("opusenc", "opusdec", "opusinfo", "mpg123"))):
                check_audio(url, Path(folder))
            else:
                print("no opus-tools or mpg123: the audio is not decoded")
        finally:
            sim.kill()


if __name__ == "__main__":
    main()
