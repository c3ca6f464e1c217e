"""``labmesh topic``: what is published."""

from __future__ import annotations

import click

from labmesh.cli._topic_clear import clear
from labmesh.cli._topic_echo import echo
from labmesh.cli._topic_list import find, info, list_topics, type_of
from labmesh.cli._topic_pub import pub
from labmesh.cli._topic_rates import bw, delay, hz
from labmesh.cli._verbs import Verbs


@click.group(cls=Verbs)
def command() -> None:
    """Topics of the mesh.

    A topic may be written whole (lab1/kit/asab/node/life) or from ~ on, the realm left out
    (~kit/asab/node/life); quote it, or the shell may take ~kit for a home directory.
    """


for _verb in (list_topics, info, echo, pub, hz, bw, delay, find, type_of, clear):
    command.add_command(_verb)
