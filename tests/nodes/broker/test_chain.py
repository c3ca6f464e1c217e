"""The chain: what third parties may rely on, and that no byte changes unseen."""

from __future__ import annotations

import hashlib
import random
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import msgpack
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import Connection, Engine, text

from messages.chain import GENESIS, canonical, hash_body, hash_entry
from nodes.broker import open_ledger
from nodes.broker._verify import verify
from nodes.broker.store import sqlite_url
from nodes.broker.store._database import open_writer
from tests.nodes.broker.lab import Lab, journal
from tests.support import PostgresServer

plain = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**63), 2**64 - 1) | st.text(max_size=8)
    | st.floats(allow_nan=False) | st.binary(max_size=8),
    lambda inner: st.lists(inner, max_size=4)
    | st.dictionaries(st.text(max_size=4), inner, max_size=4),
    max_leaves=20,
)  # fmt: skip


def shuffled(value: Any) -> Any:
    if isinstance(value, dict):
        keys = list(value)
        random.Random(7).shuffle(keys)
        return {key: shuffled(value[key]) for key in keys}
    return [shuffled(item) for item in value] if isinstance(value, list) else value


@given(plain)
def test_canonical_form_knows_no_order_of_keys(value: Any) -> None:
    packed = canonical(value)
    assert canonical(shuffled(value)) == packed
    assert msgpack.unpackb(packed) == value
    assert canonical(msgpack.unpackb(packed)) == packed


def test_the_chain_as_documented() -> None:
    body = {"b": [1, 2.0, "é"], "a": {"z": None, "B": b"\x00"}}
    assert canonical(body).hex() == ("82a16182a142c40100a17ac0a1629301cb4000000000000000a2c3a9")
    fields = {
        "offset": 0, "uuid": "018f", "kind": "request", "stamp": 1, "load_time": 2,
        "author": "kit/opt", "type": "Request@1", "schema": "ab", "body_hash": hash_body(b"x"),
        "prev_hash": GENESIS,
    }  # fmt: skip
    packed = msgpack.packb(["labmesh.entry.1", *fields.values()])
    assert hash_entry(**fields) == hashlib.sha256(packed).digest()  # type: ignore[arg-type]


def test_a_third_party_verifies_what_it_read(lab: Lab) -> None:
    lab.worker("kit/asab")
    lab.request()
    previous = bytes(32)
    for entry in lab.read("journal.read")["entries"]:
        body_hash = hashlib.sha256(canonical(entry["body"])).digest()
        content = [
            "labmesh.entry.1", entry["offset"], entry["uuid"], entry["kind"], entry["stamp"],
            entry["load_time"], entry["author"], entry["type"], entry["schema_hash"], body_hash,
            previous,
        ]  # fmt: skip
        assert entry["prev_hash"] == previous
        previous = hashlib.sha256(msgpack.packb(content)).digest()
        assert entry["hash"] == previous


@pytest.fixture(scope="module", params=["sqlite", "postgresql"])
def history(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Engine]:
    """A ledger whose writer has gone, as its database's master sees it."""
    if request.param == "sqlite":
        url = master = sqlite_url(tmp_path_factory.mktemp("history") / "ledger.sqlite")
    else:
        server: PostgresServer = request.getfixturevalue("postgres")
        url = server.schema()
        master = server.superuser_url(url)
    lab = Lab(url)
    lab.worker("kit/asab")
    for _ in range(4):
        lab.request()
        lab.progress(lab.order(), "kit/asab")
        lab.result(lab.order(), "kit/asab")
    lab.store.close()
    engine = open_writer(master)
    yield engine
    engine.dispose()


@contextmanager
def tampered(history: Engine, statement: str, **values: Any) -> Iterator[Connection]:
    """The ledger as it would be after a statement that its triggers refuse; undone afterwards."""
    with history.connect() as connection:
        for trigger in TRIGGERS[history.dialect.name]:
            connection.exec_driver_sql(trigger)
        connection.execute(text(statement), values)
        yield connection
        connection.rollback()


TRIGGERS = {
    "sqlite": [f"DROP TRIGGER journal_{each}" for each in ("update", "delete", "insert")],
    "postgresql": ["ALTER TABLE journal DISABLE TRIGGER USER"],
}


@given(data=st.data())
def test_any_changed_byte_is_found_and_located(history: Engine, data: st.DataObject) -> None:
    names = ("uuid", "kind", "stamp", "load_time", "author", "type", "schema", "body", "body_hash",
             "prev_hash", "hash")  # fmt: skip
    rows = journal(history.url)
    offset = data.draw(st.integers(0, len(rows) - 1))
    index = data.draw(st.integers(0, len(names) - 1))
    value = rows[offset][index + 1]
    if isinstance(value, int):
        changed: Any = value ^ (1 << data.draw(st.integers(0, 62)))
    elif isinstance(value, str):
        at = data.draw(st.integers(0, len(value) - 1))
        changed = value[:at] + chr(ord(value[at]) ^ 1) + value[at + 1 :]
    else:
        at = data.draw(st.integers(0, len(value) - 1))
        flip = 1 << data.draw(st.integers(0, 7))
        changed = value[:at] + bytes([value[at] ^ flip]) + value[at + 1 :]
    statement = f'UPDATE journal SET {names[index]} = :changed WHERE "offset" = :at'  # noqa: S608
    with tampered(history, statement, changed=changed, at=offset) as connection:
        verdict = verify(connection)
    # A changed hash of an entry shows there, not at the next one.
    assert verdict.bad == offset, verdict
    assert verdict.entries == offset


def test_a_missing_entry_is_named(history: Engine) -> None:
    with tampered(history, 'DELETE FROM journal WHERE "offset" = 5') as connection:
        verdict = verify(connection)
    assert (verdict.bad, verdict.reason) == (5, "entry 5 is missing, the next one is 6")


def test_a_sound_ledger(history: Engine) -> None:
    with open_ledger(history.url.render_as_string(hide_password=False)) as reader:
        verdict = reader.verify()
        assert verdict.sound
        assert verdict.head == reader.query("ledger.head")["hash"]
        assert verdict.entries == len(journal(history.url))
