"""What the decorators take, and how they say what they do not."""

from __future__ import annotations

from typing import Any

import pytest

from labmesh import Node, Order, capability, service
from labmesh.node._capability import capabilities_of
from labmesh.node._service import services_of
from messages.errors import ConfigurationError, NameInvalidError
from messages.ids import NodeId
from messages.model import Model
from messages.node import State


class In(Model):
    x: int = 0


class Out(Model):
    y: int = 0


class Good(Node[Any]):
    @capability("a", "b", worker="instrument", resource="r", lease=2.0, slots=3, simulated=True)
    async def serve(self, order: Order[In]) -> Out:
        """First line.

        Second line.
        """
        return Out()


def bound(cls: type) -> Any:
    return capabilities_of(object.__new__(cls))


def test_an_offer_says_what_the_decorator_and_the_models_say() -> None:
    offer = bound(Good)["a", "b"].offer({"maxProperties": 1})
    assert (offer.worker, offer.slots, offer.lease, offer.simulated) == ("instrument", 3, 2.0, True)
    assert offer.description == "First line."
    assert set(offer.parameters_schema["properties"]) == {"x"}
    assert set(offer.result_schema["properties"]) == {"y"}
    assert offer.limitations == {"maxProperties": 1}


class Weighing(Node[Any]):
    @capability("mass", "weighing", process="SamplePreparation")
    async def serve(self, order: Order[In]) -> Out:
        """Weigh."""
        return Out()


def test_the_process_stands_at_the_root_of_both_schemas() -> None:
    offer = bound(Weighing)["mass", "weighing"].offer({})
    assert offer.parameters_schema["term"] == "SamplePreparation"
    assert offer.result_schema["term"] == "SamplePreparation"
    assert "term" not in bound(Good)["a", "b"].offer({}).parameters_schema


class NoModel:
    @capability("a", "b")
    async def serve(self, order: Order[In]) -> dict[str, Any]:
        return {}


class NoOrder:
    @capability("a", "b")
    async def serve(self, order: In) -> Out:
        return Out()


class NotAsync:
    @capability("a", "b")  # type: ignore[type-var]
    def serve(self, order: Order[In]) -> Out:
        return Out()


class Unknown:
    @capability("a", "b")
    async def serve(self, order: Order[Nowhere]) -> Out:  # type: ignore[name-defined]  # noqa: F821
        return Out()


class Twice(Good):
    @capability("a", "b")
    async def again(self, order: Order[In]) -> Out:
        return Out()


@pytest.mark.parametrize(
    ("cls", "words"),
    [
        (NoModel, "NoModel.serve: a capability names the models.*write it as"),
        (NoOrder, "NoOrder.serve: a capability names the models"),
        (NotAsync, "NotAsync.serve: a capability is an async function"),
        (Unknown, "Unknown.serve: annotation not found: .*Nowhere"),
        (Twice, "Twice: a/b is served twice"),
    ],
)
def test_mistakes_of_authors_are_named(cls: type, words: str) -> None:
    with pytest.raises(ConfigurationError, match=words):
        bound(cls)


@pytest.mark.parametrize("wrong", [{"slots": 0}, {"lease": 0.0}, {"lease": -1.0}, {"version": 0}])
def test_impossible_terms_are_refused_where_they_are_written(wrong: dict[str, Any]) -> None:
    with pytest.raises(ConfigurationError, match="capability a/b: slots"):
        capability("a", "b", **wrong)


def test_bad_names_are_refused_where_they_are_written() -> None:
    with pytest.raises(NameInvalidError, match="method 'B'"):
        capability("a", "B")


class TwoArguments:
    @service("s")
    async def serve(self, one: In, two: In) -> Out:
        return Out()


class UnknownArguments:
    @service("s")
    async def serve(self, one: Nowhere) -> Out:  # type: ignore[name-defined]  # noqa: F821
        return Out()


@pytest.mark.parametrize(
    ("cls", "words"),
    [
        (TwoArguments, "TwoArguments.serve: a service takes one argument"),
        (UnknownArguments, "UnknownArguments.serve: annotation not found"),
    ],
)
def test_mistakes_in_services_are_named(cls: type, words: str) -> None:
    with pytest.raises(ConfigurationError, match=words):
        services_of(cls(), NodeId("kit", "x"), lambda: State.ACTIVE)
