#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Check the known answers of the vault's tests against an independent implementation.

    check_vault_vectors.py [path of vectors.def]
    check_vault_vectors.py --make     print vectors.def anew (only when the format changes)

Uses hashlib's BLAKE2b and the package `cryptography` (OpenSSL) for AES-GCM, ChaCha20-Poly1305 and
X25519; HChaCha20, XSalsa20 and Poly1305 are written out below from their specifications.  Nothing
of libsodium.  Exit status 77 (skipped) when `cryptography` is not installed.
"""

import hashlib
import pathlib
import re
import struct
import sys

try:
    from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey
    from cryptography.hazmat.primitives.ciphers.aead import AESGCM, ChaCha20Poly1305
    from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
except ImportError:
    print("skipped: the Python package cryptography is not installed")
    sys.exit(77)

DEFAULT = pathlib.Path(__file__).resolve().parent.parent / "unit/vault_rocks/vectors.def"
SIGMA = struct.unpack("<4I", b"expand 32-byte k")


def text(value):
    return struct.pack(">H", len(value)) + value


def keyed(key, data, size):
    return hashlib.blake2b(data, key=key, digest_size=size).digest()


def rotl(x, n):
    return ((x << n) | (x >> (32 - n))) & 0xFFFFFFFF


def chacha_rounds(s):
    def quarter(a, b, c, d):
        for x, y, z, n in ((a, b, d, 16), (c, d, b, 12), (a, b, d, 8), (c, d, b, 7)):
            s[x] = (s[x] + s[y]) & 0xFFFFFFFF
            s[z] = rotl(s[z] ^ s[x], n)
    for _ in range(10):
        for q in ((0, 4, 8, 12), (1, 5, 9, 13), (2, 6, 10, 14), (3, 7, 11, 15),
                  (0, 5, 10, 15), (1, 6, 11, 12), (2, 7, 8, 13), (3, 4, 9, 14)):
            quarter(*q)
    return s


def hchacha20(key, nonce16):
    s = list(SIGMA) + list(struct.unpack("<8I", key)) + list(struct.unpack("<4I", nonce16))
    s = chacha_rounds(s)
    return struct.pack("<8I", *(s[:4] + s[12:]))


def salsa_rounds(x):
    def quarter(a, b, c, d):
        for y, p, q, n in ((b, a, d, 7), (c, b, a, 9), (d, c, b, 13), (a, d, c, 18)):
            x[y] ^= rotl((x[p] + x[q]) & 0xFFFFFFFF, n)
    for _ in range(10):
        for q in ((0, 4, 8, 12), (5, 9, 13, 1), (10, 14, 2, 6), (15, 3, 7, 11),
                  (0, 1, 2, 3), (5, 6, 7, 4), (10, 11, 8, 9), (15, 12, 13, 14)):
            quarter(*q)
    return x


def salsa_state(key, block16):
    k, n = struct.unpack("<8I", key), struct.unpack("<4I", block16)
    return [SIGMA[0], *k[:4], SIGMA[1], *n, SIGMA[2], *k[4:], SIGMA[3]]


def hsalsa20(key, nonce16):
    x = salsa_rounds(salsa_state(key, nonce16))
    return struct.pack("<8I", *(x[i] for i in (0, 5, 10, 15, 6, 7, 8, 9)))


def salsa20_stream(key, nonce8, size):
    out = b""
    while len(out) < size:
        start = salsa_state(key, nonce8 + struct.pack("<Q", len(out) // 64))
        end = salsa_rounds(list(start))
        out += struct.pack("<16I", *((a + b) & 0xFFFFFFFF for a, b in zip(start, end)))
    return out[:size]


def poly1305(key, data):
    r = int.from_bytes(key[:16], "little") & 0x0FFFFFFC0FFFFFFC0FFFFFFC0FFFFFFF
    total = 0
    for i in range(0, len(data), 16):
        total = (total + int.from_bytes(data[i:i + 16] + b"\1", "little")) * r % ((1 << 130) - 5)
    return ((total + int.from_bytes(key[16:], "little")) & ((1 << 128) - 1)).to_bytes(16, "little")


def aead(algorithm, key, nonce, plain, ad):
    if algorithm == 1:
        return AESGCM(key).encrypt(nonce, plain, ad)
    subkey = hchacha20(key, nonce[:16])
    return ChaCha20Poly1305(subkey).encrypt(b"\0\0\0\0" + nonce[16:], plain, ad)


def record(v, salt, nonce):
    both = keyed(v["master"], salt + v["user"], 64)
    key, commitment = both[:32], both[32:]
    print_key = keyed(v["master"], b"byok fingerprint v1", 32)
    fingerprint = keyed(print_key, v["provider"] + b"\0" + v["key"], 32)[:8]
    head = (bytes([1, v["algorithm"]]) + struct.pack(">Iqq", v["id"], v["issued"], v["created"]) +
            fingerprint + text(v["origin"]) + salt + commitment + nonce)
    ad = head + text(v["user"]) + text(v["provider"]) + text(v["label"])
    return head + aead(v["algorithm"], key, nonce, v["key"], ad), fingerprint


def box_pair(master):
    seed = keyed(master, b"byok envelope v1", 32)
    secret = X25519PrivateKey.from_private_bytes(hashlib.sha512(seed).digest()[:32])
    return secret, secret.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw)


def secretbox(key, nonce24, body):
    stream = salsa20_stream(hsalsa20(key, nonce24[:16]), nonce24[16:], 32 + len(body))
    return stream[:32], bytes(a ^ b for a, b in zip(body, stream[32:]))


def shared_and_nonce(own, other, ephemeral, public):
    shared = own.exchange(X25519PublicKey.from_public_bytes(other))
    nonce = hashlib.blake2b(ephemeral + public, digest_size=24).digest()
    return hsalsa20(shared, bytes(16)), nonce


def seal_envelope(v, ephemeral_secret, nonce16):
    _, public = box_pair(v["master"])
    own = X25519PrivateKey.from_private_bytes(ephemeral_secret)
    ephemeral = own.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw)
    plain = (bytes([1]) + struct.pack(">q", v["issued"]) + nonce16 + text(v["user"]) +
             text(v["provider"]) + text(v["label"]) + text(v["origin"]) + text(v["key"]))
    key, nonce = shared_and_nonce(own, public, ephemeral, public)
    mac_key, body = secretbox(key, nonce, plain)
    return (bytes([1]) + hashlib.blake2b(public, digest_size=32).digest()[:8] + ephemeral +
            poly1305(mac_key, body) + body)


def check_envelope(v):
    secret, public = box_pair(v["master"])
    wire = v["bytes"]
    assert wire[0] == 1 and wire[1:9] == hashlib.blake2b(public, digest_size=32).digest()[:8]
    ephemeral, tag, body = wire[9:41], wire[41:57], wire[57:]
    key, nonce = shared_and_nonce(secret, ephemeral, ephemeral, public)
    mac_key, plain = secretbox(key, nonce, body)
    assert poly1305(mac_key, body) == tag, "tag"
    want = (bytes([1]) + struct.pack(">q", v["issued"]) + plain[9:25] + text(v["user"]) +
            text(v["provider"]) + text(v["label"]) + text(v["origin"]) + text(v["key"]))
    assert plain == want, "inside"


def check_record(v):
    at = 1 + 1 + 4 + 8 + 8 + 8 + 2 + len(v["origin"])
    size = 12 if v["algorithm"] == 1 else 24
    salt, nonce = v["bytes"][at:at + 16], v["bytes"][at + 48:at + 48 + size]
    made, fingerprint = record(v, salt, nonce)
    assert made == v["bytes"], "record"
    assert fingerprint.hex() == v["fingerprint"].decode(), "fingerprint"


FIELDS = {
    "RECORD": ("name", "algorithm", "master", "id", "user", "provider", "label", "origin", "issued",
               "created", "key", "fingerprint", "bytes"),
    "ENVELOPE": ("name", "master", "user", "provider", "label", "origin", "issued", "key", "bytes"),
}


def parse(path):
    source = re.sub(r"/\*.*?\*/", "", path.read_text(), flags=re.S)
    for kind, body in re.findall(r"^(RECORD|ENVELOPE)\((.*?)\)$", source, flags=re.S | re.M):
        tokens = re.findall(r'((?:"[^"]*"\s*)+)|(\d+)', body)
        values = ["".join(re.findall(r'"([^"]*)"', t)) if t else int(n) for t, n in tokens]
        v = dict(zip(FIELDS[kind], values, strict=True))
        for name, value in v.items():
            if isinstance(value, str):
                v[name] = bytes.fromhex(value) if name in ("master", "bytes") else value.encode()
        yield kind, v


def c_hex(value):
    digits = value.hex()
    return "\n       ".join(f'"{digits[i:i + 76]}"' for i in range(0, len(digits), 76))


def make():
    rows = [
        (1, bytes(range(32)), 1, b"user-1", b"openai", b"default", b"https://api.openai.com",
         b"sk-proj-0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJ"),
        (2, bytes(range(32, 64)), 4000000000, "Zoë".encode(), b"anthropic", b"",
         b"https://api.anthropic.com:8443", b"sk-ant-api03-!#$%&'()*+,-./:;<=>?@[]^_`{|}~"),
        (1, bytes(range(64, 96)), 7, b"u", b"p", b"l", b"", b"12345678"),
    ]
    print("/* SPDX-License-Identifier: MIT */\n"
          "/* Known answers, made and checked by tests/support/check_vault_vectors.py. */")
    for n, (algorithm, master, ident, user, provider, label, origin, key) in enumerate(rows):
        v = dict(algorithm=algorithm, master=master, id=ident, user=user, provider=provider,
                 label=label, origin=origin, issued=1790000000000 + n, created=1790000000500 + n,
                 key=key)
        salt = hashlib.sha256(b"salt%d" % n).digest()[:16]
        nonce = hashlib.sha256(b"nonce%d" % n).digest()[:12 if algorithm == 1 else 24]
        made, fingerprint = record(v, salt, nonce)
        quoted = [s.decode().replace("\\", "\\\\").replace('"', '\\"')
                  for s in (user, provider, label, origin, key)]
        assert '"' not in "".join(quoted), "parse() knows no escapes"
        u, p, l, o, k = quoted
        print(f'RECORD("record {n}", {algorithm}, "{master.hex()}", {ident},'
              f'\n       "{u}", "{p}", "{l}",'
              f'\n       "{o}", {v["issued"]}, {v["created"]},\n       "{k}", '
              f'"{fingerprint.hex()}",\n       {c_hex(made)})')
        wire = seal_envelope(v, hashlib.sha256(b"eph%d" % n).digest(),
                             hashlib.sha256(b"in%d" % n).digest()[:16])
        print(f'ENVELOPE("envelope {n}", "{master.hex()}",\n       "{u}", "{p}", "{l}",\n       "{o}", '
              f'{v["issued"]},\n       "{k}",\n       {c_hex(wire)})')


def main():
    if "--make" in sys.argv[1:]:
        make()
        return 0
    path = pathlib.Path(sys.argv[1]) if len(sys.argv) > 1 else DEFAULT
    count = 0
    for kind, v in parse(path):
        (check_record if kind == "RECORD" else check_envelope)(v)
        count += 1
        print(f"{v['name'].decode()}: right")
    assert count > 0, "no vectors found"
    return 0


if __name__ == "__main__":
    sys.exit(main())
