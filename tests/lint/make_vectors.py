#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Writes schemas/vectors: every example message in both formats, and index.json.

`make_vectors.py` writes them anew, `make_vectors.py --check` fails when the tree's differ.
The unit tests, the fuzz corpora and the schema lint all read what is written here.

A good message says what it must decode to ("expect", names as in tests/unit/schemas/expect.c);
a bad one which error it must give and how the fault's text begins. "beyond_schema" marks what
JSON Schema cannot see (byte lengths, duplicate names).
"""
import base64
import json
import pathlib
import sys

import msgpack

ROOT = pathlib.Path(__file__).resolve().parents[2]
OUT = ROOT / "schemas" / "vectors"
NOW = 1796000000000  # the record timestamp of all requests
BINARY = ("audio", "envelope", "request")  # base64 in JSON, bin in msgpack

vectors = []  # (index entry, JSON bytes or None, msgpack bytes or None)


def to_msgpack(tree):
    """base64 members become bin."""
    if isinstance(tree, dict):
        tree = {k: base64.b64decode(v, validate=True) if k in BINARY and is_base64(v) else v for k, v in tree.items()}
    return msgpack.packb(tree, use_single_float=False)


def is_base64(text):
    try:
        return isinstance(text, str) and base64.b64encode(base64.b64decode(text, validate=True)).decode() == text
    except ValueError:
        return False


def pretty(tree):
    return (json.dumps(tree, indent=2, ensure_ascii=False) + "\n").encode()


def good(name, kind, tree, **more):
    vectors.append(({"name": name, "kind": kind, **more}, pretty(tree), None if kind in ("dead_letter", "audit") else to_msgpack(tree)))


def request(name, tree, **expect):
    tree = {"id": name, "user": "alice", **tree}
    expect = {"id": tree["id"], "user": "alice", "type": "job", **expect}
    good(name, "request", tree, record_key="alice", expect=expect)


def refused(name, text, tree, error="bad_message", **more):
    """A request that both formats can say and that must be refused."""
    base = {"id": name, "user": "alice", "capability": "chat", "prompt": "Hi"}
    tree = {k: v for k, v in {**base, **tree}.items() if v is not REMOVED}
    vectors.append(({"name": f"bad_{name}", "kind": "request", "record_key": "alice", "error": error, "text": text, **more},
                    pretty(tree), to_msgpack(tree)))


def broken(name, text, as_json=None, as_msgpack=None):
    """Bytes that are no message at all."""
    vectors.append(({"name": f"bad_{name}", "kind": "request", "record_key": "alice", "error": "bad_message", "text": text,
                     "beyond_schema": True}, as_json, as_msgpack))


REMOVED = object()
WAV = base64.b64encode(b"RIFF\x2c\0\0\0WAVEfmt \x10\0\0\0\1\0\1\0\x40\x1f\0\0\x80\x3e\0\0\2\0\x10\0data\x08\0\0\0\0\0\xff\x7f\0\0\1\x80").decode()
ENVELOPE = base64.b64encode(bytes([1]) + bytes(range(120))).decode()
SIGNATURE = {"signer": "00112233aabbccdd", "at_ms": 1796000000000, "value": base64.b64encode(bytes(range(64))).decode()}


def requests():
    request("chat_prompt", {"capability": "chat", "prompt": "Say hi"}, capability="chat", key_label="default", on_unknown="report",
            deadline_ms=0, raw=False)
    request("chat_messages", {
        "capability": "chat", "provider": "openai", "model": "gpt-4o-mini", "key_label": "work", "timeout_ms": 30000,
        "messages": [
            {"role": "system", "content": "You are brief."},
            {"role": "user", "content": [{"type": "text", "text": "Grüße an die 世界 👋"}]},
            {"role": "assistant", "content": None, "tool_calls": [{"id": "call_1", "name": "weather", "arguments": {"city": "Oslo"}}]},
            {"role": "tool", "tool_call_id": "call_1", "content": "{\"celsius\": -3.5}"}]},
        capability="chat", provider="openai", model="gpt-4o-mini", key_label="work", deadline_ms=NOW + 30000)
    request("chat_options", {
        "type": "job", "capability": "chat", "prompt": "List three colours as JSON.", "system": "", "max_tokens": 64,
        "temperature": 0.25, "top_p": 1, "stop": ["\n\n"], "seed": -7, "tools": [{"name": "weather", "parameters": {"type": "object"}}],
        "tool_choice": "auto", "response_format": {"type": "json_object"}, "provider_options": {"logit_bias": {"50256": -100}},
        "on_unknown": "retry", "raw": True, "timeout_ms": 60000, "deadline_ms": NOW + 5000,
        "traceparent": "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
        "metadata": {"order": 18446744073709551615, "lowest": -9223372036854775808, "share": 0.1, "tags": ["a", None, True, {}, []]}},
        capability="chat", on_unknown="retry", raw=True, deadline_ms=NOW + 5000,
        traceparent="00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01")
    request("chat_later", {"capability": "chat", "prompt": "Hi", "not_before_ms": NOW + 60000, "timeout_ms": 5000}, capability="chat",
            not_before_ms=NOW + 60000, deadline_ms=NOW + 65000)
    request("chat_fallbacks", {"capability": "chat", "prompt": "Hi", "provider": "openai",
                               "fallbacks": ["anthropic/claude-sonnet-4-5", "openrouter/meta-llama/llama-3.3-70b"]},
            capability="chat", fallbacks="anthropic|claude-sonnet-4-5 openrouter|meta-llama/llama-3.3-70b")
    request("chat_unknown_members", {"capability": "chat", "prompt": "Hi", "x_new": {"a": 1}, "priority": 3, "key\0": 1, "": 2}, capability="chat")
    request("chat_nulls", {"type": None, "capability": "chat", "prompt": "Hi", "messages": None, "model": None, "metadata": None,
                           "timeout_ms": None, "raw": None}, capability="chat", model="", raw=False, deadline_ms=0)
    request("text_to_speech", {"capability": "text_to_speech", "text": "Good morning.", "provider": "elevenlabs", "voice": "rachel",
                               "format": "mp3", "speed": 1.1, "language": "en"}, capability="text_to_speech", provider="elevenlabs")
    request("speech_to_text", {"capability": "speech_to_text", "audio": WAV, "media_type": "audio/wav", "language": "en",
                               "timestamps": True, "diarize": False}, capability="speech_to_text", audio_bytes=len(base64.b64decode(WAV)))
    request("image_generation", {"capability": "image_generation", "prompt": "A red kite", "size": "1024x1024", "quality": "low",
                                 "count": 2, "format": "png"}, capability="image_generation")
    request("embeddings_one", {"capability": "embeddings", "input": "a"}, capability="embeddings")
    request("embeddings_many", {"capability": "embeddings", "input": ["a", "b", "日本"], "dimensions": 256, "input_type": "document",
                                "deadline_ms": 1}, capability="embeddings", deadline_ms=1)
    request("key_register", {"type": "key.register", "provider": "openai", "envelope": ENVELOPE}, type="key.register",
            provider="openai", key_label="default", envelope_bytes=121, dry_run=False)
    request("key_register_dry_run", {"type": "key.register", "provider": "openai", "key_label": "work", "envelope": ENVELOPE,
                                     "dry_run": True}, type="key.register", key_label="work", dry_run=True)
    request("key_rotate", {"type": "key.rotate", "provider": "openai", "key_label": "work", "envelope": ENVELOPE, "expires_ms": 1900000000000},
            type="key.rotate", key_label="work", envelope_bytes=121, expires_ms=1900000000000, signer="", signature_bytes=0)
    request("key_delete_signed", {"type": "key.delete", "provider": "openai", "signature": SIGNATURE}, type="key.delete",
            signer="00112233aabbccdd", signature_bytes=64, signed_at_ms=1796000000000)
    request("key_check", {"type": "key.check", "provider": "anthropic"}, type="key.check", provider="anthropic", key_label="default")
    request("key_delete", {"type": "key.delete", "provider": "openai", "key_label": "old"}, type="key.delete", key_label="old")
    request("user_configure", {
        "type": "user.configure", "limits": {"requests_per_minute": 60, "tokens_per_minute": None, "budget": {"amount": 12.5, "period": "month"}},
        "defaults": {"chat": {"provider": "openai", "model": "gpt-4o-mini"}, "embeddings": {"provider": "voyage"},
                     "text_to_speech": None, "image_generation": {"model": "gpt-image-1"}},
        "default_keys": {"openai": "work", "gemini": None}},
        type="user.configure", requests_per_minute=60, tokens_per_minute=-2, concurrency=-1, chat_provider="openai",
        chat_model="gpt-4o-mini", embeddings_provider="voyage", embeddings_model="-", text_to_speech_provider="-",
        text_to_speech_model="-", image_generation_provider="", image_generation_model="gpt-image-1", speech_to_text_provider="")
    request("job_cancel", {"type": "job.cancel", "job_id": "chat_prompt"}, type="job.cancel", job_id="chat_prompt")


def refusals():
    refused("no_id", 'member "id": is missing', {"id": REMOVED})
    refused("id_null", 'member "id": is missing', {"id": None})
    refused("id_number", 'member "id": must be a text of 1 to 128 bytes', {"id": 17})
    refused("id_empty", 'member "id": must be a text of 1 to 128 bytes', {"id": ""})
    refused("id_long", 'member "id": must be a text of 1 to 128 bytes', {"id": "x" * 129})
    refused("id_long_in_bytes", 'member "id": must be a text of 1 to 128 bytes', {"id": "é" * 65}, beyond_schema=True)
    refused("id_control", 'member "id": must have no control characters', {"id": "a\u0000b"})
    refused("no_user", 'member "user": is missing', {"user": REMOVED})
    refused("user_long", 'member "user": must be a text of 1 to 256 bytes', {"user": "x" * 257})
    refused("other_user", "the record's key is not", {"user": "bob"}, error="record_key_mismatch", beyond_schema=True)
    refused("type", 'member "type": is not a known type', {"type": "key.steal"})
    refused("type_number", 'member "type": is not a known type', {"type": 1})
    refused("no_capability", 'member "capability": is missing', {"capability": REMOVED})
    refused("capability", 'member "capability": is not a known', {"capability": "telepathy"})
    refused("provider_empty", 'member "provider": must be a text of 1 to 64 bytes', {"provider": ""})
    refused("model_list", 'member "model": must be a text of 1 to 256 bytes', {"model": ["a"]})
    refused("label_newline", 'member "key_label": must have no control', {"key_label": "a\nb"})
    refused("traceparent_long", 'member "traceparent": must be', {"traceparent": "0" * 65})
    refused("timeout_zero", 'member "timeout_ms": must be a whole number from 1', {"timeout_ms": 0})
    refused("timeout_fraction", 'member "timeout_ms": must be a whole number from 1', {"timeout_ms": 0.5})
    refused("not_before_text", 'member "not_before_ms": must be a whole number from 1', {"not_before_ms": "soon"})
    refused("deadline_text", 'member "deadline_ms": must be a whole number from 1', {"deadline_ms": "soon"})
    refused("metadata_list", 'member "metadata": must be an object', {"metadata": []})
    refused("metadata_large", 'member "metadata": is larger than 16384 bytes', {"metadata": {"x": "y" * 16384}}, beyond_schema=True)
    refused("on_unknown", 'member "on_unknown": must be "report" or "retry"', {"on_unknown": "forget"})
    refused("fallbacks_text", 'member "fallbacks": must be a list', {"fallbacks": "anthropic/claude-sonnet-4-5"})
    refused("fallbacks_number", 'member "fallbacks", item 1: must be a text', {"fallbacks": ["a/b", 1]})
    refused("fallbacks_no_model", 'member "fallbacks", item 0: must be a text', {"fallbacks": ["anthropic"]})
    refused("fallbacks_no_provider", 'member "fallbacks", item 0: must be a text', {"fallbacks": ["/m"]})
    refused("fallbacks_empty_model", 'member "fallbacks", item 0: must be a text', {"fallbacks": ["anthropic/"]})
    refused("fallbacks_control", 'member "fallbacks", item 0: must be a text', {"fallbacks": ["a/b\nc"]})
    refused("fallbacks_long", 'member "fallbacks", item 0: must be a text', {"fallbacks": ["p" * 65 + "/m"]})
    refused("fallbacks_many", 'member "fallbacks": must have at most 8 items', {"fallbacks": ["a/b"] * 9})
    refused("options_text", 'member "provider_options": must be an object', {"provider_options": "x"})
    refused("raw_text", 'member "raw": must be true or false', {"raw": "yes"})
    refused("no_prompt", 'member "prompt": a chat needs', {"prompt": REMOVED})
    refused("prompt_empty", 'member "prompt": must be a text that is not empty', {"prompt": ""})
    refused("prompt_and_messages", 'member "prompt": a chat has', {"messages": [{"role": "user", "content": "Hi"}]})
    chat = {"prompt": REMOVED}
    refused("messages_empty", 'member "messages": must have an item', {**chat, "messages": []})
    refused("messages_text", 'member "messages": must be a list', {**chat, "messages": "Hi"})
    refused("message_text", 'member "messages", item 1: must be an object', {**chat, "messages": [{"role": "user", "content": "a"}, "b"]})
    refused("message_no_role", 'member "messages", item 0: "role"', {**chat, "messages": [{"content": "a"}]})
    refused("message_content", 'member "messages", item 0: "content"', {**chat, "messages": [{"role": "user", "content": 1}]})
    refused("max_tokens", 'member "max_tokens": must be a whole number from 1', {"max_tokens": 0})
    refused("temperature", 'member "temperature": must be a number', {"temperature": "hot"})
    refused("stop", 'member "stop": must be a text or a list', {"stop": 1})
    refused("tool_choice", 'member "tool_choice": must be a text or an object', {"tool_choice": []})
    refused("no_text", 'member "text": is missing', {"capability": "text_to_speech"})
    refused("no_audio", 'member "audio": is missing', {"capability": "speech_to_text"})
    refused("audio_not_base64", 'member "audio": must be binary', {"capability": "speech_to_text", "audio": "UklGRg=!"})
    refused("audio_empty", 'member "audio": must be binary', {"capability": "speech_to_text", "audio": ""})
    refused("no_input", 'member "input": is missing', {"capability": "embeddings"})
    refused("input_empty", 'member "input": must have an item', {"capability": "embeddings", "input": []})
    refused("input_number", 'member "input", item 1: must be a text', {"capability": "embeddings", "input": ["a", 2]})
    refused("count", 'member "count": must be a whole number from 1', {"capability": "image_generation", "count": -1})
    refused("register_no_provider", 'member "provider": is missing', {"type": "key.register", "envelope": ENVELOPE})
    refused("register_no_envelope", 'member "envelope": is missing', {"type": "key.register", "provider": "openai"})
    refused("register_dry_run", 'member "dry_run": must be true or false',
            {"type": "key.register", "provider": "openai", "envelope": ENVELOPE, "dry_run": 1})
    refused("rotate_no_envelope", 'member "envelope": is missing', {"type": "key.rotate", "provider": "openai"})
    refused("expires_text", 'member "expires_ms": must be a whole number from 1',
            {"type": "key.register", "provider": "openai", "envelope": ENVELOPE, "expires_ms": "soon"})
    refused("signature_text", 'member "signature": must be an object', {"type": "key.delete", "provider": "openai", "signature": "x"})
    refused("signature_no_time", 'in "signature": member "at_ms": is missing',
            {"type": "key.delete", "provider": "openai", "signature": {"signer": "00", "value": SIGNATURE["value"]}})
    refused("signature_not_base64", 'in "signature": member "value": must be',
            {"type": "key.delete", "provider": "openai", "signature": {**SIGNATURE, "value": "!"}})
    refused("check_no_provider", 'member "provider": is missing', {"type": "key.check"})
    refused("limits_list", 'member "limits": must be an object', {"type": "user.configure", "limits": []})
    refused("limit_name", 'member "limits": has a name that is no limit', {"type": "user.configure", "limits": {"request_per_minute": 1}})
    refused("limit_negative", 'member "limits.concurrency": must be', {"type": "user.configure", "limits": {"concurrency": -1}})
    for name, budget in (("number", 5), ("no_period", {"amount": 5}), ("week", {"amount": 5, "period": "week"}),
                         ("negative", {"amount": -1, "period": "day"}), ("large", {"amount": 1000000001, "period": "day"}),
                         ("text", {"amount": "5", "period": "day"}), ("more", {"amount": 5, "period": "day", "per": 1})):
        refused(f"budget_{name}", 'member "limits.budget": must be null or', {"type": "user.configure", "limits": {"budget": budget}})
    for name, keys, text in (("key_number", {"openai": 7}, "must have labels"), ("key_control", {"openai": "a\nb"}, "must have labels"),
                             ("key_empty", {"openai": ""}, "must have labels"), ("keys_text", "work", "must be an object")):
        refused(f"default_{name}", f'member "default_keys": {text}', {"type": "user.configure", "default_keys": keys})
    refused("default_name", 'member "defaults": has a name that is no', {"type": "user.configure", "defaults": {"chatt": None}})
    refused("default_text", 'member "defaults.chat": must be null or', {"type": "user.configure", "defaults": {"chat": "openai"}})
    refused("default_empty", 'member "defaults.chat": must be null or', {"type": "user.configure", "defaults": {"chat": {"provider": ""}}})
    refused("cancel_no_job", 'member "job_id": is missing', {"type": "job.cancel"})
    refused("cancel_number", 'member "job_id": must be a text of 1 to 128 bytes', {"type": "job.cancel", "job_id": 7})
    refused("cancel_control", 'member "job_id": must have no control characters', {"type": "job.cancel", "job_id": "a\nb"})
    for name in ("api_key", "apiKey", "x-api-key", "authorization", "Authorization", "key"):
        refused(f"raw_{name.lower().replace('-', '_')}{'_upper' if name[0] == 'A' else '_camel' if 'K' in name else ''}",
                'member "', {name: "sk-THIS-MUST-NOT-BE-ECHOED"}, says="byok key add", error="raw_key_refused")
    refused("raw_key_in_options", 'member "api_key": ', {"provider_options": {"api_key": "sk-THIS-MUST-NOT-BE-ECHOED"}}, says="byok key add", error="raw_key_refused")
    refused("base_url", 'member "base_url": addresses', {"base_url": "http://169.254.169.254/THIS-MUST-NOT-BE-ECHOED"})


def breakages():
    head = b'{"id":"a","user":"alice","capability":"chat","prompt":"Hi"'
    packed = msgpack.packb({"id": "a", "user": "alice", "capability": "chat", "prompt": "Hi"})

    def with_member(name, value):  # a fifth member, given as bytes
        return b"\x85" + packed[1:] + msgpack.packb(name) + value

    broken("empty", "neither a JSON object nor a msgpack map", b"", b"")
    broken("cut_off", "at byte ", head, packed[:-1])
    broken("more_after_end", "at byte ", head + b"} {}", packed + b"\xc0")
    broken("duplicate_name", "at byte ", head + b',"id":"b"}', with_member("id", b"\xa1b"))
    deep = 32  # one more than fits inside a message
    broken("too_deep", "at byte ", head + b',"metadata":' + b'{"a":' * deep + b"1" + b"}" * deep + b"}",
           with_member("metadata", b"\x81\xa1a" * deep + b"\x01"))
    broken("not_utf8", "at byte ", head + b',"x":"\xff"}', with_member("x", b"\xa1\xff"))
    broken("overlong_utf8", "at byte ", head + b',"x":"\xc0\xaf"}', with_member("x", b"\xa2\xc0\xaf"))
    broken("surrogate", "at byte ", head + b',"x":"\\ud800"}', with_member("x", b"\xa3\xed\xa0\x80"))
    broken("not_an_object", "the message is not an object", b"[1,2]", None)
    broken("number_too_large", "at byte ", head + b',"x":18446744073709551616}', None)
    broken("number_infinite", "at byte ", head + b',"x":1e999}', None)
    broken("nan", "at byte ", head + b',"x":NaN}', None)
    broken("comment", "at byte ", head + b"/* hello */}", None)
    broken("trailing_comma", "at byte ", head + b",}", None)
    broken("timestamp", "at byte ", None, with_member("x", b"\xd6\xff\0\0\0\1"))
    broken("extension", "at byte ", None, with_member("x", b"\xc7\x03\x05abc"))
    broken("reserved_byte", "at byte ", None, with_member("x", b"\xc1"))
    broken("key_not_text", "at byte ", None, b"\x85" + packed[1:] + b"\x01\x01")
    broken("array_claims_4g", "at byte ", None, with_member("x", b"\xdd\xff\xff\xff\xff"))
    broken("map_claims_4g", "at byte ", None, b"\xdf\xff\xff\xff\xff")
    broken("text_claims_4g", "at byte ", None, with_member("x", b"\xdb\xff\xff\xff\xff"))
    broken("bin_claims_more", "at byte ", None, with_member("x", b"\xc4\x05abcd"))
    broken("arrays_claim_each_other", "at byte ", None, b"\x81\xa1x" + b"\xdc\xff\xff" * 40)


def answers():
    head = {"user": "alice", "type": "job", "created_ms": NOW, "finished_ms": NOW + 812}
    call = {"started_ms": NOW + 5, "duration_ms": 800, "code": "ok", "http_status": 200, "sent": True}
    good("audit_use", "audit", {
        "version": 1, "number": 1, "prev": "0" * 64, "at_ms": NOW, "event": "key.use", "user": "alice", "provider": "openai",
        "label": "default", "fingerprint": "5f1c9a0be2d34c77", "request_id": "1", "code": "ok", "calls": 2})
    good("audit_delete_signed", "audit", {
        "version": 1, "number": 12, "prev": "0f" * 32, "at_ms": NOW, "event": "key.delete", "user": "alice", "provider": "openai",
        "label": "old", "request_id": "4", "signer": "00112233aabbccdd", "code": "ok"})
    good("result_chat", "result", {
        "id": "1", **head, "status": "ok", "capability": "chat", "provider": "openai", "model": "gpt-4o-mini",
        "model_answered": "gpt-4o-mini-2024-07-18", "text": "Hi!", "finish_reason": "stop",
        "usage": {"input_tokens": 9, "cached_tokens": 0, "output_tokens": 2}, "key": {"label": "default", "fingerprint": "5f1c9a0be2d34c77"},
        "provider_request_id": "req_123", "attempts": [call], "metadata": {"order": 7}})
    good("result_tool_calls", "result", {
        "id": "2", **head, "status": "ok", "capability": "chat", "provider": "anthropic", "model": "claude-sonnet-4-5", "text": "",
        "tool_calls": [{"id": "call_1", "name": "weather", "arguments": {"city": "Oslo"}}], "finish_reason": "tool_calls",
        "usage": {"input_tokens": 80, "output_tokens": 21}, "attempts": [call]})
    good("result_speech", "result", {
        "id": "3", **head, "status": "ok", "capability": "text_to_speech", "provider": "elevenlabs", "model": "eleven_v3",
        "audio": WAV, "media_type": "audio/wav", "usage": {"characters": 13, "seconds": 1.25}, "attempts": [call]})
    good("result_embeddings", "result", {
        "id": "4", **head, "status": "ok", "capability": "embeddings", "provider": "openai", "model": "text-embedding-3-small",
        "embeddings": [[0.5, -0.25, 0.125], [0.0, 1.0, -1.0]], "usage": {"input_tokens": 3}, "attempts": [call]})
    good("result_fallback", "result", {
        "id": "10", **head, "status": "ok", "capability": "chat", "provider": "anthropic", "model": "claude-sonnet-4-5", "text": "Hi!",
        "finish_reason": "stop", "usage": {"input_tokens": 9, "output_tokens": 2},
        "attempts": [{**call, "code": "overloaded", "http_status": 503, "provider": "openai", "model": "gpt-4o-mini"},
                     {"started_ms": NOW + 805, "duration_ms": 0, "code": "no_key", "sent": False, "provider": "groq", "model": "llama"},
                     {**call, "provider": "anthropic", "model": "claude-sonnet-4-5"}]})
    good("result_error", "result", {
        "id": "5", **head, "status": "error", "capability": "chat", "provider": "openai", "model": "gpt-4o-mini",
        "error": {"code": "rate_limited", "message": "Rate limit reached", "retryable": True, "http_status": 429, "retry_after_ms": 20000},
        "key": {"label": "default", "fingerprint": "5f1c9a0be2d34c77"},
        "attempts": [{**call, "code": "rate_limited", "http_status": 429}, {**call, "code": "unreachable", "sent": False}]})
    good("result_unknown", "result", {
        "id": "6", **head, "status": "unknown", "capability": "image_generation", "provider": "openai", "model": "gpt-image-1",
        "error": {"code": "cut_off", "message": "the connection broke after the request was sent", "retryable": False},
        "attempts": [{"started_ms": NOW, "duration_ms": 812, "code": "cut_off", "sent": True}]})
    good("result_key_check", "result", {
        "id": "7", **head, "type": "key.check", "status": "ok", "provider": "openai", "key": {
            "label": "work", "fingerprint": "00ff00ff00ff00ff", "state": "valid", "default": True, "used_ms": NOW - 10, "checked_ms": NOW + 810,
            "expires_ms": NOW + 7776000000},
        "attempts": [call]})
    good("result_user_configure", "result", {"id": "8", **head, "type": "user.configure", "status": "ok"})
    good("result_job_cancel", "result", {"id": "9", **head, "type": "job.cancel", "status": "ok", "job_id": "1", "outcome": "cancelled"})
    good("result_cancelled", "result", {
        "id": "1", **head, "status": "error", "capability": "chat", "provider": "openai", "model": "gpt-4o-mini",
        "error": {"code": "cancelled", "message": "the job was cancelled by request 9", "retryable": False}})
    good("usage_chat", "usage", {
        "id": "1", "attempt": 1, "user": "alice", "provider": "openai", "model": "gpt-4o-mini", "capability": "chat", "day": "2026-11-30",
        "at_ms": NOW + 805, "calls": 1, "errors": 0, "code": "ok", "input_tokens": 9, "cached_tokens": 0, "output_tokens": 2})
    good("usage_cache", "usage", {
        "id": "2", "attempt": 1, "user": "alice", "provider": "anthropic", "model": "claude-sonnet-4-5", "capability": "chat", "day": "2026-11-30",
        "at_ms": NOW + 805, "calls": 1, "errors": 0, "code": "ok", "input_tokens": 900, "cached_tokens": 100, "cache_write_tokens": 700,
        "cache_write_1h_tokens": 200, "output_tokens": 2, "cost": {"amount": 0.003855, "currency": "USD", "price_table": "2"}})
    good("usage_error", "usage", {
        "id": "5", "attempt": 2, "user": "alice", "provider": "openai", "model": "gpt-4o-mini", "capability": "chat", "day": "2026-11-30",
        "at_ms": NOW + 805, "calls": 1, "errors": 1, "code": "timeout"})
    good("stream_text", "stream", {"id": "1", "user": "alice", "attempt": 1, "sequence": 0, "text": "Hi"})
    good("stream_end", "stream", {"id": "1", "user": "alice", "attempt": 1, "sequence": 1, "text": "!", "finish_reason": "stop"})
    good("dead_letter", "dead_letter", {
        "content-type": "application/json", "__byok.errors.code": "bad_message", "__byok.errors.message": 'member "id": is missing',
        "__byok.errors.topic": "byok.requests", "__byok.errors.partition": "3", "__byok.errors.offset": "81",
        "__byok.errors.timestamp": str(NOW), "__byok.errors.stage": "decode"})
    good("state_user", "user_record", {
        "version": 1, "saved_ms": NOW, "requests_debt_us": 1000000, "tokens_debt_us": -5, "requests_per_minute": 60,
        "tokens_per_minute": -1, "concurrency": 0, "budget": 12500000000, "budget_period": 1, "day_since_ms": 1795996800000,
        "day_spent": 250000, "month_since_ms": 1793491200000, "month_spent": 7000250000, "choices": {"chat": {"provider": "openai", "model": "gpt-4o-mini"}},
        "counters": [["2026-11-23", "openai", "gpt-4o-mini", 3, 1, 120, 45, 0, 0, 0],
                     ["2026-11-24", "elevenlabs", "eleven_v3", 1, 0, 0, 0, 13, 1250, 0]],
        "keys_floor_ms": NOW - 5000, "keys": [
            ["openai", "default", NOW - 90000, NOW - 10, 0, 0, NOW - 89600, 0],
            ["openai", "work", NOW - 80000, 0, NOW - 1000, 1, NOW - 79600, NOW - 1000], ["gemini", "default", NOW - 70000]]})
    good("state_user_of_a_later_version", "user_record", {
        "version": 2, "saved_ms": NOW, "quota": {"day": 5}, "counters": [["2026-11-24", "openai", "m", 1, 0, 1, 1, 0, 0, 0, 99]]})
    good("state_done", "done_record", {"finished_ms": NOW, "status": "ok"})
    good("state_parked", "parked_record", {
        "version": 1, "content_type": "application/json", "timestamp_ms": NOW, "deadline_ms": NOW + 600000, "attempt_count": 1,
        "attempts": [[NOW + 5, 812, 429, "rate_limited", True]],
        "request": base64.b64encode(b'{"id":"7","user":"alice","capability":"chat","prompt":"Hi"}').decode()})
    good("state_parked_at_a_fallback", "parked_record", {
        "version": 1, "content_type": "application/json", "timestamp_ms": NOW, "deadline_ms": NOW + 600000, "leg": 1, "attempt_count": 2,
        "attempts": [[NOW + 5, 812, 503, "overloaded", True], [NOW + 900, 812, 429, "rate_limited", True, False, 1]],
        "request": base64.b64encode(b'{"id":"8","user":"alice","capability":"chat","prompt":"Hi","fallbacks":["a/b"]}').decode()})
    good("state_parked_marker", "parked_marker", {"parked": True, "due_ms": NOW + 60000, "order": 81})
    good("state_done_unknown", "done_record", {"finished_ms": NOW, "status": "unknown", "later": [1]})


def bad_state():
    for name, kind, tree in (
            ("state_no_version", "user_record", {"saved_ms": 1}),
            ("state_not_a_map", "user_record", [1]),
            ("state_counter_short", "user_record", {"version": 1, "counters": [["2026-11-24", "openai"]]}),
            ("state_counter_text", "user_record", {"version": 1, "counters": [["2026-11-24", "openai", "m", "many"]]}),
            ("state_debt_text", "user_record", {"version": 1, "requests_debt_us": "x"}),
            ("state_done_status", "done_record", {"finished_ms": 1, "status": "lost"}),
            ("state_done_no_time", "done_record", {"status": "ok"}),
            ("state_parked_no_request", "parked_record", {"version": 1, "timestamp_ms": 1}),
            ("state_parked_leg", "parked_record", {"version": 1, "leg": 9, "request": base64.b64encode(b"{}").decode()}),
            ("state_parked_marker_order", "parked_marker", {"parked": True, "due_ms": 1, "order": -1})):
        vectors.append(({"name": f"bad_{name}", "kind": kind, "error": "bad_message", "text": ""}, pretty(tree), to_msgpack(tree)))


def files():
    """Every file's path and content."""
    requests(), refusals(), breakages(), answers(), bad_state()
    index, content = [], {}
    for entry, as_json, as_msgpack in vectors:
        for form, data in (("json", as_json), ("msgpack", as_msgpack)):
            if data is not None:
                entry[form] = f"{entry['name']}.{form}"
                content[OUT / entry[form]] = data
        index.append(entry)
    names = [entry["name"] for entry in index]
    assert len(set(names)) == len(names), "two vectors of one name"
    content[OUT / "index.json"] = pretty({"timestamp_ms": NOW, "vectors": index})
    return content


def main():
    content = files()
    there = {p for p in OUT.glob("*") if p.suffix in (".json", ".msgpack")}
    if "--check" in sys.argv[1:]:
        wrong = [p.name for p, data in content.items() if not p.exists() or p.read_bytes() != data]
        wrong += [p.name for p in there - set(content)]
        if wrong:
            sys.exit(f"schemas/vectors is not what tests/lint/make_vectors.py writes: {', '.join(sorted(wrong))}")
        return
    OUT.mkdir(exist_ok=True)
    for p in there - set(content):
        p.unlink()
    for p, data in content.items():
        p.write_bytes(data)
    print(f"{len(vectors)} vectors, {len(content)} files")


if __name__ == "__main__":
    main()
