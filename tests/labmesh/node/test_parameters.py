"""Parameters: all or none, one change after the other, nested by dotted names."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from pydantic import BaseModel, Field

from labmesh.node import NodeParameters, parse_parameters
from labmesh.node._parameter_model import public
from labmesh.node._parameters import ParameterServer
from messages.errors import CallRefusedError, ConfigurationError, LabmeshError


class Pump(BaseModel):
    model_config = {"extra": "forbid", "frozen": True}
    rate: float = Field(default=1.0, gt=0)
    port: str = "a"


class Rig(NodeParameters):
    pump: Pump = Pump()
    seed: int = 0
    table: dict[str, int] = Field(default_factory=dict)


def server(**values: Any) -> ParameterServer[Rig]:
    return ParameterServer(Rig, values, "kit/rig")


async def nothing(_before: Rig, _after: Rig) -> None:
    pass


async def test_nested_fields_change_one_by_one_by_map_or_dotted_name() -> None:
    made = server(pump={"rate": 2.0, "port": "b"})
    await made.set({"pump": {"rate": 3.0}}, changed=nothing)
    assert made.values.pump == Pump(rate=3.0, port="b")
    await made.set({"pump.port": "c", "pump.rate": 4, "seed": 1}, changed=nothing)
    assert made.values == Rig(pump=Pump(rate=4.0, port="c"), seed=1)
    assert made.snapshot().version == 2
    assert parse_parameters(Rig, {"pump.rate": 9}, where="x").pump.rate == 9.0


async def test_a_plain_map_is_replaced_and_may_have_dots() -> None:
    made = server(table={"a.b": 1})
    await made.set({"table": {"c.d": 2}}, changed=nothing)
    assert made.values.table == {"c.d": 2}


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"pump.rat": 1}, "pump.rat is unknown, did you mean pump.rate"),
        ({"pmup": {}}, "pmup is unknown, did you mean pump"),
        ({"seed.x": 1}, "seed.x is unknown"),
        ({"pump.rate": 0}, "pump.rate: Input should be greater than 0 .got 0"),
        ({"seed": "x" * 9999}, r"seed: .*\.\.\."),
        ({"pump.rate": float("nan")}, "pump.rate"),
    ],
)
async def test_what_is_wrong_is_named_and_changes_nothing(
    change: dict[str, Any], words: str
) -> None:
    made = server()
    with pytest.raises(CallRefusedError, match=words) as caught:
        await made.set({"seed": 5, **change}, changed=nothing)
    assert caught.value.code == "bad_arguments"
    assert len(str(caught.value)) < 500
    assert made.values == Rig()
    assert made.snapshot().version == 0
    with pytest.raises(ConfigurationError):
        parse_parameters(Rig, change, where="x")


async def test_a_hook_that_refuses_undoes_its_own_change_alone() -> None:
    """Two calls at a time: the first is refused late, after the second has come."""
    made = server()
    late = asyncio.Event()

    async def refuse(_before: Rig, _after: Rig) -> None:
        await late.wait()
        raise LabmeshError("not now")

    first = asyncio.create_task(made.set({"seed": 1}, changed=refuse))
    await asyncio.sleep(0)
    second = asyncio.create_task(made.set({"pump.rate": 7}, changed=nothing))
    await asyncio.sleep(0)
    late.set()
    with pytest.raises(LabmeshError, match="not now"):
        await first
    assert (await second).version == 1
    assert made.values == Rig(pump=Pump(rate=7.0))


async def test_a_change_since_is_a_conflict() -> None:
    made = server()
    await made.set({"seed": 1}, changed=nothing, if_version=0)
    with pytest.raises(CallRefusedError, match="at version 1, not 0") as caught:
        await made.set({"seed": 2}, changed=nothing, if_version=0)
    assert caught.value.code == "conflict"


class _Addressed(NodeParameters):
    database_url: str = ""


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("postgresql+psycopg://lab:s3cr:t@db/ledger", "postgresql+psycopg://lab:***@db/ledger"),
        ("mqtt://lab:secret@[::1]:1883", "mqtt://lab:***@[::1]:1883"),
        ("postgresql://lab@db/ledger", "postgresql://lab@db/ledger"),
        ("sqlite:////data/a:b@c.sqlite", "sqlite:////data/a:b@c.sqlite"),
    ],
)
def test_what_everybody_reads_has_no_passwords(url: str, shown: str) -> None:
    assert public(_Addressed(database_url=url))["database_url"] == shown
