"""A protocol's name stands for one thing; a cell is taken only as and where it may be."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from messages.cycling import CapacityInput
from messages.errors import CallRefusedError, OrderError, RefusedError
from messages.ids import NodeId
from messages.ledger import FromState, Result
from messages.model import JsonObject
from messages.protocol import CyclingProtocol, StartState
from nodes.cycler._cell import CellNow, check_cell, lies_at, place_of
from nodes.cycler._frozen import FrozenNames, canonical, fingerprint, identity_of
from nodes.cycler._library import SHIPPED, Library

CYCLER = NodeId("kit", "cycler")
REST: JsonObject = {"step": "open_circuit_voltage", "until_time_s": 60}


def protocol(seconds: float = 60, **fields: Any) -> CyclingProtocol:
    method = [{**REST, "until_time_s": seconds}]
    return CyclingProtocol.model_validate({"record": {"time_s": 10}, "method": method, **fields})


def asked(**values: Any) -> CapacityInput:
    plain = {
        "cycling_protocol": "big_map_standard", "number_cycles": 2,
        "cell_info": {"sample": "cell-1"}, "location": {"address": "kit"},
    }  # fmt: skip
    return CapacityInput.model_validate(plain | values)


@dataclass
class OneLedger:
    """Keeps one message under one id, as the ledger does."""

    kept: dict[UUID, Result] = field(default_factory=dict)
    blind: bool = False
    """Whether it does not see at first what another tells at the same moment."""

    async def query(self, service: str, arguments: JsonObject | None = None) -> JsonObject:
        found = self.kept.get(UUID((arguments or {})["id"]))
        if found is None or self.blind:
            self.blind = False
            raise CallRefusedError("the ledger has no result", code="not_found")
        return {"result": found.model_dump(mode="json")}

    async def post_result(self, result: Result, *, id: UUID | None = None) -> UUID:  # noqa: A002
        assert id is not None
        if id in self.kept:
            raise RefusedError("the same id, another author")
        self.kept[id] = result
        return id


async def test_a_name_stands_for_what_it_was_first_used_for() -> None:
    lab = OneLedger()
    names = FrozenNames(lab, simulated=True)

    async def use(name: str, seconds: float) -> str:
        return await names.freeze(name, canonical(protocol(seconds)))

    mark = await use("rest", 60)
    assert mark == fingerprint(canonical(protocol(60)))
    assert await use("rest", 60) == mark
    kept = lab.kept[identity_of("rest")]
    assert kept.provenance.simulated
    assert kept.data["canonical"]["protocol"]["method"] == [REST]
    with pytest.raises(OrderError) as caught:
        await use("rest", 61)
    assert caught.value.what == (
        f"protocol 'rest' is frozen: this lab has run it with fingerprint {mark[:12]}, and here "
        f"it has {fingerprint(canonical(protocol(61)))[:12]}"
    )
    assert caught.value.remedy == "give the changed protocol a new name"
    assert await use("rest_61", 61) != mark
    assert await use("", 62) != mark, "what has no name is not frozen"
    assert len(lab.kept) == 2


@pytest.mark.parametrize("seconds", [60, 61])
async def test_of_two_cyclers_at_one_moment_the_first_wins(seconds: float) -> None:
    lab = OneLedger()
    mark = await FrozenNames(lab, simulated=True).freeze("rest", canonical(protocol()))
    lab.blind = True
    other = FrozenNames(lab, simulated=True).freeze("rest", canonical(protocol(seconds)))
    if seconds == 60:
        assert await other == mark
    else:
        with pytest.raises(OrderError, match="frozen"):
            await other


def test_what_a_fingerprint_is_of() -> None:
    """Not of the sample, nor of the program that wrote the file, nor of what a request fills in."""
    plain = canonical(protocol())
    same = protocol(sample={"name": "cell-7", "capacity_mAh": 4.5}, unicycler={"version": "9"})
    assert fingerprint(canonical(same)) == fingerprint(plain)
    assert fingerprint(canonical(protocol(temperature=300.0))) != fingerprint(plain)
    assert fingerprint(canonical(protocol(safety={"max_voltage_V": 4.3}))) != fingerprint(plain)
    library = Library([SHIPPED])
    few, many = (
        library.plan(asked(number_cycles=n, voltage_max=v), capacity=7e-3, record=30)
        for n, v in ((2, 4.1), (30, None))
    )
    assert few.canonical == many.canonical
    assert set(few.canonical["recipe"]) == {"record", "rest", "formation", "cycling"}
    other = library.plan(asked(cycling_protocol="cycling_c2"), capacity=7e-3, record=30)
    assert fingerprint(other.canonical) != fingerprint(few.canonical)
    # As docs/samples.md says, and for ever: a fingerprint that changes bars every name in use.
    assert fingerprint(plain) == (
        "c0dad0f81a2896f3559e3cab963c655ff9ef737886c31cbc77440ae40a911e5e"
    )


values = st.recursive(
    st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)


@given(st.dictionaries(st.text(), values, max_size=4))
def test_a_fingerprint_does_not_depend_on_the_order_of_keys(form: JsonObject) -> None:
    def turned(value: Any) -> Any:
        if isinstance(value, dict):
            return {key: turned(value[key]) for key in reversed(value)}
        return [turned(each) for each in value] if isinstance(value, list) else value

    assert fingerprint(turned(form)) == fingerprint(form)


@pytest.mark.parametrize(
    ("now", "strict", "said"),
    [
        (CellNow(), "node", ""),
        (CellNow(0, "assembled", ""), "node", ""),
        (CellNow(0, "assembled", "kit / autobass / tray cells, pit 3"), "site", ""),
        (CellNow(0, "assembled", "kit, tray cells, pit 3"), "site", ""),
        (CellNow(2, "formed", "kit/cycler channel 3"), "node", ""),
        (CellNow(2, "formed", place_of(CYCLER, 3)), "node", ""),
        (CellNow(0, "assembled", "uu / shelf"), "off", ""),
        (CellNow(0, "assembled", "kit / autobass / tray cells, pit 3"), "node",
         "cell-1 is not at kit/cycler: the ledger says kit / autobass"),
        (CellNow(0, "assembled", "kit / cycler2 / channel 1"), "node", "is not at kit/cycler"),
        (CellNow(0, "assembled", "kitty / cycler"), "site", "is not at kit: the ledger says"),
        (CellNow(1, "unknown", ""), "off", "cell-1 is in state 1, unknown: nobody can vouch"),
        (CellNow(1, "scrapped", ""), "off", "cell-1 is scrapped: nothing can be done with it"),
        (CellNow(1, "formed", ""), "off", "begins with a cell in state assembled, and"),
    ],
)  # fmt: skip
def test_which_cells_are_taken(now: CellNow, strict: Any, said: str) -> None:
    def check(start: FromState | None = None) -> None:
        wanted = StartState(label="assembled") if "begins with" in said else None
        check_cell(
            "cell-1", now, name="formation", wanted=wanted, start=start, node=CYCLER, strict=strict
        )

    if said:
        with pytest.raises(OrderError, match=said) as caught:
            check()
        assert caught.value.remedy
        assert ("transport it" in caught.value.remedy) == ("is not at" in said)
    else:
        check()
        check(FromState(sample="cell-1", state=0))
    with pytest.raises(OrderError, match="from a state of cell-2, and the cell is cell-1"):
        check(FromState(sample="cell-2", state=0))


def test_places_are_compared_part_by_part() -> None:
    assert lies_at("KIT / Cycler / channel 1", CYCLER, "node")
    assert not lies_at("kit / cycler channel x", CYCLER, "node")
    assert not lies_at("elsewhere", CYCLER, "site")
