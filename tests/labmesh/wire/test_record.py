"""Sessions are recorded and replayed: the same answers, and every difference shown."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from labmesh.wire import ByteWire, WireError, WireTimeoutError, modbus_wire, open_wire, read_session
from labmesh.wire._record import RecordedBytes, RecordedFolder, RecordedModbus
from labmesh.wire._replay import ReplayBytes, ReplayFolder, ReplayModbus
from labmesh.wire.testing import MemoryFolder, MemoryModbus, pair
from messages.errors import WireRefusedError

Act = tuple[str, bytes]

ACTS = ["write", "line", "exactly", "late", "silence"]

acts = st.lists(st.tuples(st.sampled_from(ACTS), st.binary(max_size=9)), max_size=12)


async def play(wire: ByteWire, session: list[Act], say: Any) -> list[object]:
    """Act as a driver, with an instrument that says what ``say`` is told; return what was seen."""
    seen: list[object] = []
    for act, data in session:
        line = data.replace(b"\r", b"") + b"\r"
        try:
            if act == "write":
                await wire.write(data or b"?")
            elif act == "line":
                await say(line)
                seen.append(await wire.read_until(b"\r", timeout=1))
            elif act == "exactly":
                await say(data)
                seen.append(await wire.read_exactly(len(data), timeout=1))
            elif act == "late":
                await say(data)
                await wire.discard_input()
            else:
                await wire.read_exactly(1, timeout=0)
        except WireTimeoutError as error:
            seen.append(error.what)
    return seen


async def nothing(_: bytes) -> None:
    """Say nothing: the record does."""


@given(session=acts, cut=st.integers(0, 400))
@settings(max_examples=40, deadline=None)
def test_a_replay_gives_what_was_seen(
    session: list[Act], cut: int, tmp_path_factory: pytest.TempPathFactory
) -> None:
    path = tmp_path_factory.mktemp("record") / "session.wire"

    async def both() -> None:
        ours, theirs = pair()
        recorded = RecordedBytes(ours, path)
        await recorded.open()
        seen = await play(recorded, session, theirs.write)
        await recorded.close()
        replay = ReplayBytes(path)
        await replay.open()
        assert await play(replay, session, nothing) == seen
        assert replay.remaining == 0
        whole = read_session(path)
        # The recorder's process was killed in the middle of a line.
        data = path.read_bytes()
        first = data.index(b"\n") + 1
        path.write_bytes(data[: max(first, len(data) - cut)])
        cut_short = read_session(path)
        assert cut_short.events == whole.events[: len(cut_short.events)]
        assert len(cut_short.events) == path.read_bytes().count(b"\n") - 1

    asyncio.run(both())


async def recorded(path: Path) -> None:
    ours, theirs = pair()
    wire = RecordedBytes(ours, path)
    await wire.open()
    for question, answer in ((b"TP\r", b"1250\r"), (b"G 2000\r", b">\r")):
        await wire.write(question)
        await theirs.write(answer)
        await wire.read_until(b"\r", timeout=1)
    await wire.close()


async def test_a_difference_is_an_error_that_shows_both(tmp_path: Path) -> None:
    path = tmp_path / "rail.wire"
    await recorded(path)
    replay = ReplayBytes(path)
    await replay.open()
    await replay.write(b"TP")  # however it is cut into pieces
    await replay.write(b"\r")
    assert await replay.read_until(b"\r", timeout=1) == b"1250\r"
    with pytest.raises(WireError) as caught:
        await replay.write(b"G 2001\r")
    assert "it writes b'G 2001\\r', recorded is write b'G 2000\\r' (at 0.0" in str(caught.value)
    assert f"{path}, event 3" in str(caught.value)
    assert "record the session anew" in str(caught.value)


async def test_a_driver_that_does_more_or_less_is_found(tmp_path: Path) -> None:
    path = tmp_path / "rail.wire"
    await recorded(path)
    replay = ReplayBytes(path)
    await replay.open()
    await replay.write(b"TP\r")
    with pytest.raises(WireError, match=r"it reads 9 bytes, recorded is write b'G 2000"):
        await replay.read_exactly(9, timeout=0.01)
    assert replay.remaining == 2
    await replay.write(b"G 2000\r")
    await replay.read_exactly(7, timeout=1)
    with pytest.raises(WireError, match="it writes b'SM', recorded is nothing more"):
        await replay.write(b"SM")


async def test_one_task_may_read_while_another_writes(tmp_path: Path) -> None:
    path = tmp_path / "robot.wire"
    ours, theirs = pair()
    wire = RecordedBytes(ours, path)
    await wire.open()
    for question, answer in ((b"a", b"1\r"), (b"b", b"2\r")):
        reading = asyncio.create_task(wire.read_until(b"\r", timeout=1))
        await wire.write(question)
        await theirs.write(answer)
        await reading
    await wire.close()
    replay = ReplayBytes(path)
    await replay.open()
    for question, answer in ((b"a", b"1\r"), (b"b", b"2\r")):
        reading = asyncio.create_task(replay.read_until(b"\r", timeout=1))
        await asyncio.sleep(0)
        await replay.write(question)
        assert await reading == answer


async def test_modbus_and_folders_are_replayed_with_their_refusals(tmp_path: Path) -> None:
    unit, folder = MemoryModbus(), MemoryFolder()
    unit.coils[0x30], unit.holding_registers[0x9000] = False, 7

    async def registers(wire: Any) -> list[object]:
        await wire.open()
        await wire.write_coil(0x30, True)
        seen: list[object] = [
            await wire.read_coils(0x30),
            await wire.read_holding_registers(0x9000),
        ]
        with pytest.raises(WireRefusedError) as refused:
            await wire.write_registers(0x9102, [1])
        await wire.close()
        return [*seen, refused.value.code]

    async def files(wire: Any) -> list[object]:
        await wire.open()
        await wire.put("s.lims", b"\xff#V100")
        folder.say("s.csv", b"Results::")
        seen: list[object] = [await wire.take("*.csv", timeout=0.01)]
        with pytest.raises(WireTimeoutError):
            await wire.take("*.csv", timeout=0)
        await wire.close()
        return seen

    a, b = tmp_path / "unit.wire", tmp_path / "folder.wire"
    seen = await registers(RecordedModbus(unit, a))
    assert await registers(ReplayModbus(a)) == seen == [[True], [7], 2]
    assert await files(RecordedFolder(folder, b)) == await files(ReplayFolder(b))
    wire = modbus_wire(f"replay://{a}")
    await wire.open()
    with pytest.raises(WireError, match="it does write_coil address=48 value=False, recorded is"):
        await wire.write_coil(0x30, False)
    with pytest.raises(WireError, match="record of a folder wire, not of a modbus wire"):
        await modbus_wire(f"replay://{b}").open()
    assert isinstance(await open_wire(f"replay://{b}"), ReplayFolder)


async def test_the_file_is_lines_that_people_can_read(tmp_path: Path) -> None:
    path = tmp_path / "rail.wire"
    await recorded(path)
    head, *events = map(json.loads, path.read_text().splitlines())
    assert {key: head[key] for key in ("labmesh_wire", "kind", "address")} == {
        "labmesh_wire": 1, "kind": "bytes", "address": "memory:a",
    }  # fmt: skip
    assert [event["do"] for event in events] == ["open", "write", "read", "write", "read", "close"]
    assert events[1]["hex"] == "54500d"
    assert events[1]["text"] == "TP\r"
    assert [event["t"] for event in events] == sorted(event["t"] for event in events)


async def test_a_record_is_continued_even_after_a_crash(tmp_path: Path) -> None:
    path = tmp_path / "rail.wire"
    await recorded(path)
    ours, _ = pair()
    killed = RecordedBytes(ours, path)
    await killed.open()
    await killed.write(b"SM\r")
    assert read_session(path).events[-1]["data"] == b"SM\r", "nothing waits for a close"
    assert killed._recorder is not None
    killed._recorder.close()
    with path.open("ab") as file:
        file.write(b'{"t": 3.1, "do": "wri')
    await recorded(path)
    assert [e["do"] for e in read_session(path).events].count("write") == 5


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "is not the record of a wire; make one with record="),
        ("hello\n", ":1: a damaged record"),
        ('{"labmesh_wire": 2}\n', ":1: format 2, this program reads 1"),
        ('{"labmesh_wire": 1, "kind": "gpib"}\n', ":1: the first line is not that of a record"),
        ('{"t": 0, "do": "open"}\n', "is not the record of a wire"),
    ],
)
def test_what_is_no_record_is_refused(text: str, said: str, tmp_path: Path) -> None:
    path = tmp_path / "x.wire"
    path.write_text(text)
    with pytest.raises(WireError, match=said):
        read_session(path)


def test_a_damaged_line_in_the_middle_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "x.wire"
    head = '{"labmesh_wire":1,"kind":"bytes","address":"a","started":"2026-01-01T00:00:00+00:00"}\n'
    path.write_text(head + '{"do": "read", "hex": "0"}\n{"do": "close"}\n')
    with pytest.raises(WireError, match=r"x\.wire:2: hex is not a row of bytes"):
        read_session(path)
