"""Which node a name means."""

from __future__ import annotations

import time
from typing import Any

import pytest

from labmesh.cli._survey import NodeSeen, pick
from labmesh.cli.node import _worst
from labmesh.place import Place
from messages.errors import ConfigurationError
from messages.ids import NodeId, new_id
from messages.node import Diagnostic, Level, Presence

PLACE = Place(mqtt="mqtt://127.0.0.1:1883", site="kit")
SEEN = {
    node: NodeSeen(node)
    for node in map(NodeId.parse, ("kit/broker", "kit/asab", "dtu/cycler", "uu/asab", "uu/robot"))
}


@pytest.mark.parametrize(
    ("name", "meant"),
    [
        ("asab", "kit/asab"),
        ("cycler", "dtu/cycler"),
        ("uu/asab", "uu/asab"),
        ("kit/broker", "kit/broker"),
    ],
)
def test_a_bare_name_is_of_this_site_or_of_the_only_one(name: str, meant: str) -> None:
    assert str(pick(name, PLACE, SEEN).id) == meant


def test_a_bare_name_of_several_other_sites_is_not_guessed() -> None:
    at_dtu = Place(mqtt=PLACE.mqtt, site="dtu")
    with pytest.raises(ConfigurationError, match="no node 'asab'") as caught:
        pick("asab", at_dtu, SEEN)
    assert "did you mean kit/asab?" in caught.value.remedy


@pytest.mark.parametrize(
    ("name", "remedy"),
    [
        ("uu/asba", "did you mean uu/asab?"),
        ("asba", "did you mean kit/asab?"),
        ("dtu/robot", "did you mean uu/robot?"),
        ("zzz", "there are dtu/cycler, kit/asab"),
    ],
)
def test_nodes_are_alike_by_their_own_names(name: str, remedy: str) -> None:
    with pytest.raises(ConfigurationError) as caught:
        pick(name, PLACE, SEEN)
    assert caught.value.remedy.startswith(remedy)


def test_the_gravest_diagnostic_is_the_worst() -> None:
    node = NodeSeen(NodeId("kit", "asab"))
    assert node.worst is None
    for name, level in (("a", Level.OK), ("b", Level.ERROR), ("c", Level.WARN)):
        node.take(("diag", name), Diagnostic(level=level, message=name))
    assert node.worst is not None
    assert node.worst[0] == "b"


def test_a_node_hangs_that_is_online_and_does_not_beat() -> None:
    node = NodeSeen(NodeId("kit", "asab"))
    minute_ago = time.time_ns() - 60 * 10**9
    born: dict[str, Any] = {"state": "online", "epoch": 1, "boot_id": new_id(), "instance": "0"}
    node.take(("alive", "0"), Presence(**born, since=minute_ago))
    assert not node.hangs, "beyond a bridge beats do not come"
    node.beats = True
    assert not node.hangs
    node.beats = False
    assert node.hangs
    assert _worst(node) == "error: beat: its work gives no sign of life"
    node.take(("alive", "0"), Presence(**born, since=time.time_ns()))
    assert not node.hangs, "its first beat may be under way"
    node.take(("alive", "0"), Presence(**{**born, "state": "lost"}, since=minute_ago))
    assert not node.hangs
