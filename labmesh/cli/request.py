"""``labmesh request``: ask a lab, and see what becomes of it."""

from __future__ import annotations

import click

from labmesh.cli._request_change import abandon, cancel, release
from labmesh.cli._request_read import list_requests, show, watch
from labmesh.cli._request_send import send
from labmesh.cli._verbs import Verbs


@click.group(cls=Verbs)
def command() -> None:
    """Requests: what was asked, by whom, and what became of it.

    ID is a request's uuid, or a beginning of it that no other request has.
    """


for verb in (send, list_requests, show, watch, cancel, release, abandon):
    command.add_command(verb)
command.add_command(show, "info")
