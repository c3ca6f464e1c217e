"""The ``labmesh`` command and the table of its verbs."""

from __future__ import annotations

from typing import Any, Final

import click

from labmesh.cli._plugins import plugins
from labmesh.cli._verbs import Lazy, LazyVerbs

VERBS: Final = {
    "run": Lazy("labmesh.cli.run:command", "Run one node as one process."),
    "launch": Lazy("labmesh.cli.launch:command", "Start the nodes of a launch file."),
    "agent": Lazy("labmesh.cli.agent:command", "Launch at all sites: agents, list, status, start."),
    "site": Lazy("labmesh.cli.site:command", "Sites: init, start, check, invite, join, revoke ..."),
    "estop": Lazy("labmesh.cli.estop:command", "Emergency stop: press, status, reset, lift ..."),
    "node": Lazy("labmesh.cli.node:command", "Nodes: list, info."),
    "topic": Lazy("labmesh.cli.topic:command", "Topics: list, info, echo, pub, hz, bw, delay ..."),
    "graph": Lazy("labmesh.cli.graph:command", "Who talks to whom: text, DOT, or a picture."),
    "log": Lazy("labmesh.cli.log:command", "What the nodes log, as they do; their log levels."),
    "doctor": Lazy("labmesh.cli.doctor:command", "What is wrong here, and what to do about it."),
    "bag": Lazy("labmesh.cli.bag:command", "Bags: record topics, play them, info, convert."),
    "service": Lazy("labmesh.cli.service:command", "Services: list, type, find, call."),
    "action": Lazy(
        "labmesh.cli.action:command", "Capabilities and requests as ROS 2 says it: send_goal ..."
    ),
    "param": Lazy("labmesh.cli.param:command", "Parameters of nodes: list, get, set, describe ..."),
    "lifecycle": Lazy(
        "labmesh.cli.lifecycle:command", "Lifecycle of nodes: nodes, list, get, set."
    ),
    "component": Lazy(
        "labmesh.cli.component:command", "Nodes in one process: list, load, unload, types."
    ),
    "interface": Lazy(
        "labmesh.cli.interface:command", "Message types and capabilities: list, show, export."
    ),
    "term": Lazy("labmesh.cli.term:command", "What the fields of messages mean: find, show ..."),
    "request": Lazy("labmesh.cli.request:command", "Requests: send, list, show, watch, cancel ..."),
    "result": Lazy("labmesh.cli.result:command", "Results: list, show."),
    "artifact": Lazy(
        "labmesh.cli.artifact:command", "Large files that belong to results: list, get, verify."
    ),
    "capability": Lazy("labmesh.cli.capability:command", "What the lab offers: list, show."),
    "campaign": Lazy("labmesh.cli.campaign:command", "Campaigns: list, show, replay."),
    "sample": Lazy("labmesh.cli.sample:command", "Samples: list, show, history ..."),
    "access": Lazy("labmesh.cli.access:command", "Who may have what: set, show, list."),
    "ledger": Lazy("labmesh.cli.ledger:command", "The record: tail, show, stats, verify ..."),
    "crate": Lazy("labmesh.cli.crate:command", "Crates of campaigns: write, check, schema."),
    "fair": Lazy("labmesh.cli.fair:command", "The 28 requirements of FAIR data: check a campaign."),
    "clock": Lazy("labmesh.cli.clock:command", "Simulated time: show, rate."),
    "sim": Lazy("labmesh.cli.sim:command", "Run simulated instruments on real ports: list, NAME."),
    "completion": Lazy("labmesh.cli.completion:command", "What bash, zsh or fish completes with."),
}


def _print_version(context: click.Context, _parameter: click.Parameter, wanted: bool) -> None:
    if wanted and not context.resilient_parsing:
        from importlib.metadata import version

        click.echo(f"labmesh {version('labmesh')}")
        context.exit()


@click.command(
    cls=LazyVerbs,
    members=VERBS,
    more=plugins,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
)
@click.option("--debug", is_flag=True, help="Show where an error comes from (or LABMESH_DEBUG=1).")
@click.option(
    "--version",
    is_flag=True,
    expose_value=False,
    is_eager=True,
    callback=_print_version,
    help="Show the version and exit.",
)
def root(**_options: Any) -> None:
    """ROS 2 for the autonomous laboratory, over MQTT 5.

    The mesh is found by --mqtt and --site, by LABMESH_MQTT and LABMESH_SITE, by an account file
    (--account, LABMESH_ACCOUNT), or by the launch that runs in this directory. Most verbs take
    --json.
    """
