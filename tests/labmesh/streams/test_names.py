"""Logical names: what they mean, what may be remapped, and what is said of the rest."""

from __future__ import annotations

import pytest

from labmesh.streams import Names, parse_remap
from messages.errors import ConfigurationError
from messages.ids import NodeId

ME = NodeId("kit", "mixer")


def test_a_name_means_the_node_of_ones_own_site_unless_it_is_remapped() -> None:
    names = Names(ME, ("bath", "pump"), parse_remap(["bath:=dtu/bath2"]))
    assert names.resolve("bath") == NodeId("dtu", "bath2")
    assert names.resolve("pump") == NodeId("kit", "pump")
    assert names.resolve("uu/cycler") == NodeId("uu", "cycler")
    with pytest.raises(ConfigurationError, match="Not A Name"):
        names.resolve("Not A Name")


@pytest.mark.parametrize(
    ("rules", "said"),
    [
        (["bahth:=dtu/bath"], "no input or call target 'bahth'.*did you mean bath.*bath, pump"),
        (["mixer:=dtu/mixer"], "mixer is the node itself.*another --name"),
        (["~:=dtu/mixer"], "cannot be remapped"),
        (["kit/mixer:=dtu/mixer"], "cannot be remapped"),
        (["bath=dtu/bath"], "no rule.*name:=site/node"),
        (["bath:=bath"], "'bath' is not a node.*name:=site/node"),
        (["bath:=dtu/a", "bath:=dtu/b"], "remapped to dtu/a and to dtu/b"),
    ],
)
def test_a_rule_that_cannot_be_is_refused(rules: list[str], said: str) -> None:
    with pytest.raises(ConfigurationError) as caught:
        Names(ME, ("pump", "bath"), parse_remap(rules))
    import re

    assert re.search(said, str(caught.value), re.DOTALL), caught.value
