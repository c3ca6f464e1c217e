"""Which node a name means."""

from __future__ import annotations

import pytest

from labmesh.cli._survey import NodeSeen, pick
from labmesh.place import Place
from messages.errors import ConfigurationError
from messages.ids import NodeId
from messages.node import Diagnostic, Level

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
