# SPDX-License-Identifier: MIT
"""A deleted or replaced key's record leaves the data folder and the topic; an old record that comes back is refused."""
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
from confluent_kafka.admin import ConfigResource  # noqa: E402
from support.stack import Stack, expect, main, wait_for  # noqa: E402

KEY = "sk-alice-" + "a1B2" * 8


def records_of(stack, user):
    return [m for m in stack.read("vault") if m.key().startswith(user.encode() + b"\0") and m.value()]


def folder_holds(folder, piece):
    for path in Path(folder).rglob("*"):
        try:
            if path.is_file() and piece in path.read_bytes():
                return True
        except FileNotFoundError:
            pass  # RocksDB deleted it meanwhile
    return False


def a_deleted_and_a_replaced_record_are_gone():
    with Stack(partitions=1) as stack:
        worker = stack.worker("w1", vault={"purge_s": 1})
        data = stack.folder / "w1"
        for user in ("alice", "bob"):
            stack.add_key(user, KEY.replace("alice", user))
        pieces = {user: records_of(stack, user)[-1].value()[-40:] for user in ("alice", "bob")}  # ciphertext and tag
        for user, piece in pieces.items():
            expect(folder_holds(data, piece), f"the search finds {user}'s record while it is there")
        stack.byok("key", "delete", "--user", "alice", "--provider", "openai")
        stack.add_key("bob", KEY.replace("alice", "bob9"))
        for user, piece in pieces.items():
            wait_for(f"{user}'s record is out of the data folder", lambda piece=piece: not folder_holds(data, piece))
        kept = records_of(stack, "bob")[-1].value()[-40:]
        expect(folder_holds(data, kept), "what is stored stays")
        # What the broker does within an hour by the topic's settings, sooner.
        resource = ConfigResource(ConfigResource.Type.TOPIC, stack.prefix + "vault")
        admin = stack.admin()
        config = admin.describe_configs([resource])[resource].result(30)
        expect(int(config["max.compaction.lag.ms"].value) <= 3600000, config["max.compaction.lag.ms"])
        resource.set_config("cleanup.policy", "compact")
        resource.set_config("max.compaction.lag.ms", "1000")
        resource.set_config("segment.ms", "1000")
        admin.alter_configs([resource])[resource].result(30)
        count = 0

        def gone_from_topic():
            nonlocal count  # a segment that is written to is compacted when the next one is begun, by a write
            stack.add_key(f"carol{count}", KEY)
            count += 1
            values = [m.value() or b"" for m in stack.read("vault")]
            return not any(piece in value for piece in pieces.values() for value in values)
        wait_for("they are out of the topic", gone_from_topic, 120, every=2)
        expect(worker.stop() == 0, "its end")


if __name__ == "__main__":
    main(a_deleted_and_a_replaced_record_are_gone)
