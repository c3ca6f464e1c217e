"""Deadline: a stream that stands still is noticed on both sides, and told."""

from __future__ import annotations

from labmesh import (
    DeadlineMissed,
    Level,
    Node,
    NodeOptions,
    NodeParameters,
    QoS,
    publisher,
    subscription,
)
from labmesh.listing import retained
from messages.node import Diagnostic
from tests.ros2.lab import Lab, Temperature, remapped, until


class Promising(Node[NodeParameters]):
    """Promises a message every 0.3 s."""

    temperature = publisher("temperature", Temperature, qos=QoS(deadline=0.3))

    def __init__(self, options: NodeOptions) -> None:
        super().__init__(options)
        self.missed: list[DeadlineMissed] = []

    async def on_deadline_missed(self, missed: DeadlineMissed) -> None:
        """Note it."""
        self.missed.append(missed)


class Watching(Promising):
    """Wants one every 0.3 s."""

    @subscription("bath", "temperature", Temperature, deadline=0.3)
    def on_temperature(self, message: Temperature) -> None:
        """Do nothing."""


async def test_a_stream_that_stands_still_is_noticed_on_both_sides(lab: Lab) -> None:
    bath = await lab.start(Promising)
    watching = await lab.start(Watching, remap=remapped(bath=str(bath.id)))
    await bath.temperature.publish(Temperature(kelvin=1))
    await until(lambda: len(bath.missed) >= 2)
    await until(lambda: len([missed for missed in watching.missed if not missed.own]) >= 2)
    own, theirs = bath.missed[0], next(each for each in watching.missed if not each.own)
    assert (own.own, own.node, own.stream) == (True, str(bath.id), "data/temperature")
    assert (theirs.node, theirs.deadline) == (str(bath.id), 0.3)
    assert theirs.silence >= 0.3
    assert [each.count for each in bath.missed] == list(range(1, len(bath.missed) + 1))

    assert watching._node_streams is not None
    troubles = watching._node_streams.troubles
    assert f"nothing on {bath.id} data/temperature for 0.3 s" in troubles.words
    visitor = await lab.visitor()
    topic = visitor.mesh.topics.of(watching.id, "node", "diag", "streams")

    found: list[Diagnostic] = []
    while not found or not found[-1].values.get("deadlines_missed"):
        found = [diagnostic for _, diagnostic in await retained(visitor.mesh, topic, Diagnostic)]
    assert found[-1].level is Level.WARN
    assert "nothing on" in found[-1].message

    # It comes again: the trouble ends with the next message (and may begin anew after it).
    missed = troubles.totals["deadlines_missed"]
    ended: list[bool] = []
    end = troubles.end
    troubles.end = lambda key: ended.append(True) or end(key)  # type: ignore[method-assign,func-returns-value]
    await bath.temperature.publish(Temperature(kelvin=2))
    await until(lambda: ended)
    assert troubles.totals["deadlines_missed"] >= missed


async def test_a_node_that_is_not_active_owes_nothing_and_listens_to_nothing(lab: Lab) -> None:
    bath = await lab.start(Promising)
    watching = await lab.start(Watching, remap=remapped(bath=str(bath.id)))
    visitor = await lab.visitor()
    for node in (bath, watching):
        await visitor.caller.call(node.id, "life.change", {"transition": "deactivate"})
        node.missed.clear()
    await bath.clock.sleep(0.7)
    assert bath.missed == watching.missed == []
    await visitor.caller.call(watching.id, "life.change", {"transition": "activate"})
    await until(lambda: any(not missed.own for missed in watching.missed))
