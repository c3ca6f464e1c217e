"""Remapping: inputs and call targets are bound at the start, what a node publishes never."""

from __future__ import annotations

import pytest

from labmesh import NoArguments, Node, NodeOptions, NodeParameters, service, subscription, target
from labmesh.streams import logical_names
from messages.errors import ConfigurationError
from messages.model import JsonObject
from tests.ros2.lab import Bath, Lab, Temperature, remapped, until
from tests.support import Processes


class Thermostat(Bath):
    """Says what it is."""

    @service("bath.who")
    async def who(self, arguments: NoArguments) -> JsonObject:
        """Say it."""
        return {"who": str(self.id)}


class Controller(Node[NodeParameters]):
    """Listens to a bath and calls a pump."""

    pump = target("pump")

    def __init__(self, options: NodeOptions) -> None:
        super().__init__(options)
        self.heard: list[float] = []

    @subscription("bath", "temperature", Temperature)
    def on_temperature(self, message: Temperature) -> None:
        """Note it."""
        self.heard.append(message.kelvin)


async def test_inputs_and_call_targets_are_bound_to_other_nodes(lab: Lab) -> None:
    bath, pump = await lab.start(Thermostat), await lab.start(Thermostat)
    names = remapped(bath=str(bath.id), pump=str(pump.id))
    controller = await lab.start(Controller, remap=names)
    await bath.temperature.publish(Temperature(kelvin=1))
    await until(lambda: controller.heard == [1.0])
    assert controller.pump.id == pump.id
    assert await controller.pump.call("bath.who") == {"who": str(pump.id)}
    assert controller.resolve("bath") == bath.id
    plain = Controller(lab.options())
    assert str(plain.pump.id) == "kit/pump", "without a rule: the node of that name at this site"


def test_what_cannot_be_remapped_is_said_before_anything_starts(lab: Lab) -> None:
    assert logical_names(Controller) == ("bath", "pump")
    with pytest.raises(
        ConfigurationError, match=r"'bat' to remap; did you mean bath\? it has bath, pump"
    ):
        Controller(lab.options(remap=remapped(bat="dtu/bath")))
    with pytest.raises(ConfigurationError, match=r"it has none"):
        Bath(lab.options(remap=remapped(bat="dtu/bath")))
    with pytest.raises(ConfigurationError, match=r"is the node itself: what it publishes cannot"):
        Controller(lab.options("controller", remap=remapped(controller="dtu/bath")))


async def test_on_the_command_line(lab: Lab, processes: Processes) -> None:
    program = "tests.ros2.test_remapping:Controller"
    wrong = await lab.process(processes, program, "--remap", "bat:=dtu/bath")
    none = await lab.process(processes, program, "--remap", "bath=dtu/bath")
    right = await lab.process(
        processes, program, "--name", lab.name(), "--remap", "bath:=dtu/bath", "--remap",
        "pump:=uu/pump",
    )  # fmt: skip
    await right.wait_line("active")
    assert await wrong.wait() == await none.wait() == 2
    assert "no input or call target 'bat' to remap; did you mean bath?" in wrong.output
    assert "--remap 'bath=dtu/bath' is no rule; write it as name:=site/node" in none.output
