# SPDX-License-Identifier: MIT
"""Joined audio by the judgement of real decoders: pieces are encoded (opusenc, lame), joined as byokd joins them, and decoded.

usage: audio_join.py JOIN_AUDIO     Skips (77) what its Debian package (opus-tools, lame, mpg123) is not there for.
"""
import array
import math
import re
import shutil
import subprocess
import sys
import tempfile
import wave
from pathlib import Path

RATE, SECONDS = 48000, (0.9, 1.37, 0.5)
TONES = (440, 660, 880)
JOIN = sys.argv[1]


def run(*command, ok=True):
    done = subprocess.run([str(part) for part in command], capture_output=True, text=True, check=False)
    if ok and done.returncode != 0:
        raise SystemExit(f"{command}: exit {done.returncode}: {done.stdout}{done.stderr}")
    return done.stdout + done.stderr


def tone(path, hertz, seconds):
    samples = array.array("h", (int(12000 * math.sin(2 * math.pi * hertz * i / RATE)) for i in range(int(RATE * seconds))))
    with wave.open(str(path), "wb") as out:
        out.setnchannels(1)
        out.setsampwidth(2)
        out.setframerate(RATE)
        out.writeframes(samples.tobytes())


def read(path):
    with wave.open(str(path), "rb") as file:
        samples = array.array("h", file.readframes(file.getnframes()))
        return samples, file.getframerate(), file.getnchannels()


def crossings(samples, rate):
    """Hertz, by the changes of sign."""
    changes = sum(a < 0 <= b for a, b in zip(samples, samples[1:]))
    return changes * rate / max(len(samples), 1)


def check_tones(path, what, slack=0.12):
    """The three tones one after the other, nothing lost and nothing much between them."""
    samples, rate, channels = read(path)
    samples = samples[::channels]
    seconds = len(samples) / rate
    assert abs(seconds - sum(SECONDS)) < slack, f"{what}: {seconds:.3f} s of {sum(SECONDS):.3f}"
    at = 0.0
    for hertz, length in zip(TONES, SECONDS):
        middle = samples[int((at + length * 0.25) * rate):int((at + length * 0.75) * rate)]
        heard = crossings(middle, rate)
        assert abs(heard - hertz) < hertz * 0.05, f"{what}: {heard:.0f} Hz where {hertz} Hz should be"
        at += length
    print(f"ok      {what}: {seconds:.3f} s")


def main():
    skipped = []
    with tempfile.TemporaryDirectory(prefix="byok-join-") as folder:
        folder = Path(folder)
        pieces = [folder / f"{i}.wav" for i in range(len(TONES))]
        for path, hertz, seconds in zip(pieces, TONES, SECONDS):
            tone(path, hertz, seconds)
        run(JOIN, "audio/wav", folder / "joined.wav", *pieces)
        check_tones(folder / "joined.wav", "wav", 1e-9)
        if shutil.which("opusenc") and shutil.which("opusdec") and shutil.which("opusinfo"):
            for name, options in (("opus", ()), ("opus, short pages", ("--max-delay", "20", "--framesize", "10"))):
                for i, path in enumerate(pieces):
                    run("opusenc", "--quiet", "--serial", i + 7, *options, path, folder / f"{i}.opus")
                run(JOIN, "audio/ogg", folder / "joined.opus", *(folder / f"{i}.opus" for i in range(len(pieces))))
                info = run("opusinfo", folder / "joined.opus")
                assert not re.search("WARNING|ERROR|Error", info), info
                assert info.count("New logical stream") == 1, info
                run("opusdec", "--quiet", folder / "joined.opus", folder / "opus.wav")
                check_tones(folder / "opus.wav", name)
        else:
            skipped.append("opus")
        if shutil.which("lame") and shutil.which("mpg123"):
            for name, options in (("mp3", ("-b", "64")), ("mp3, variable rate", ("-V", "4"))):
                for i, path in enumerate(pieces):
                    run("lame", "--quiet", "--add-id3v2", "--tt", f"part {i}", *options, path, folder / f"{i}.mp3")
                run(JOIN, "audio/mpeg", folder / "joined.mp3", *(folder / f"{i}.mp3" for i in range(len(pieces))))
                said = run("mpg123", "-q", "-w", folder / "mp3.wav", folder / "joined.mp3")
                assert not re.search("(?i)error|warning|resync|junk", said), said
                assert (folder / "joined.mp3").read_bytes().count(b"ID3") == 0, "a tag is left"
                check_tones(folder / "mp3.wav", name, 0.25)
        else:
            skipped.append("mp3")
        for i, path in enumerate(pieces):
            (folder / f"{i}.pcm").write_bytes(read(path)[0].tobytes())
        run(JOIN, "audio/pcm", folder / "joined.pcm", *(folder / f"{i}.pcm" for i in range(len(pieces))))
        assert (folder / "joined.pcm").read_bytes() == read(folder / "joined.wav")[0].tobytes()
        print("ok      pcm")
    if skipped:
        print(f"skipped: {skipped}: their programs are not installed")
        sys.exit(77)


main()
