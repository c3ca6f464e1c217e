"""Composition: several nodes in one process, each with its own identity."""

from __future__ import annotations

import os

import pytest

from labmesh.listing import retained
from labmesh.node import NodeOptions
from messages.errors import ConfigurationError
from messages.ids import NodeId
from messages.node import Descriptor, Diagnostic, Level, Lifecycle, Presence, State
from nodes.container import ContainerNode
from tests.ros2._life import Bench, M, bench, until  # noqa: F401 - a fixture
from tests.ros2.programs import TALKER

BOX = "box"


async def test_composition(bench: Bench) -> None:  # noqa: F811
    site = bench.place.site
    components = [
        {"run": TALKER, "name": "one", "param": {"words": "hello"}},
        {"run": TALKER, "name": "two", "autostart": False},
    ]
    rules = {"restart_delay": 0.05, "restarts": 1, "components": components}
    node = ContainerNode(bench.options(BOX, parameters=rules))
    async with bench.run(node):
        mesh = bench.visitor.mesh

        async def told(name: str, *levels: str, model: type[M]) -> M:
            found = await retained(mesh, mesh.topics.of(NodeId(site, name), *levels), model)
            return found[-1][1]

        # Each is a node of its own: name, presence, lifecycle, parameters, store.
        presence = await told("one", "node", "alive", "0", model=Presence)
        assert presence.pid == os.getpid()
        description = await told("one", "node", "desc", model=Descriptor)
        assert description.container == f"{site}/{BOX}"
        assert (bench.folder / site / "two" / "node.sqlite").is_file()
        listed = await bench.json("component", "list", BOX)
        states = {c["node"]: c["lifecycle"] for c in listed[f"{site}/{BOX}"]}
        assert states == {f"{site}/one": "active", f"{site}/two": "unconfigured"}
        assert (await bench.call(NodeId(site, "one"), "talk", {}))["words"] == "hello"

        # A component comes and goes while the others run.
        three = ("--name", "three", "-p", "words=hi")
        said = await bench.cli("component", "load", BOX, TALKER, *three)
        assert said == f"{site}/three is active\n"
        assert (await bench.call(NodeId(site, "three"), "talk", {}))["words"] == "hi"
        refused = await bench.cli("component", "load", BOX, TALKER, "--name", "three", code=1)
        assert "has a component three already" in refused
        refused = await bench.cli("component", "load", BOX, TALKER, "-p", "wrods=hi", code=1)
        assert "wrods is unknown, did you mean words" in refused
        assert await bench.cli("component", "unload", BOX, "three") == f"{site}/three has ended\n"
        life = await told("three", "node", "life", model=Lifecycle)
        assert life.state is State.FINALIZED
        assert "container" in await bench.cli("component", "types", BOX)

        # One that crashes is started again by rule, shown, and takes nobody with it.
        loaded = node._running_ones["one"]
        await bench.call(NodeId(site, "one"), "crash", {})
        await until(lambda: loaded.state == "running" and loaded.restarts == 1)
        assert (await bench.call(NodeId(site, "one"), "talk", {}))["words"] == "hello"
        await bench.call(NodeId(site, "one"), "crash", {})
        await until(lambda: loaded.state == "failed")
        shown = node._diagnostics["component-one"]
        assert (shown.level, shown.message) == (Level.ERROR, "has ended: exit code 9")
        assert (await bench.call(NodeId(site, "two"), "node.ping", {}))["state"] == "unconfigured"
    topic = mesh.topics.of(NodeId(site, BOX), "node", "diag", "+")
    shown_to_all = {found.rest[-1] for found, _ in await retained(mesh, topic, Diagnostic)}
    assert shown_to_all >= {"component-one", "component-two"}
    life = await told("two", "node", "life", model=Lifecycle)
    assert life.state is State.FINALIZED


async def run(options: NodeOptions) -> None:
    await ContainerNode(options).run()


async def test_composition_mistakes(bench: Bench) -> None:  # noqa: F811
    """What is wrong with one component is said before any is started."""
    good = {"run": TALKER, "name": "one"}
    for bad, words in (
        (
            {"run": TALKER, "name": "two", "param": {"wrods": 1}},
            "two: .*wrods is unknown",
        ),
        ({"run": "talker", "name": "two"}, "components: two: no node is called 'talker'"),
        ({"run": TALKER, "name": BOX}, "box is the container's own name"),
        ({"run": TALKER, "name": "one"}, "two components are called one"),
        ({"run": TALKER, "name": "two", "clock": "x"}, "components.1.clock"),
    ):
        options = bench.options(BOX, parameters={"components": [good, bad]})
        with pytest.raises(ConfigurationError, match=words):
            await run(options)
    assert not (bench.folder / bench.place.site / "one").exists()
