"""``python -m labmesh.node PROGRAM ...``: one node as one process."""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path
from typing import Any

import yaml

from labmesh.node._options import NodeOptions
from labmesh.node._parameter_file import parameters_of
from labmesh.node._run import EXIT_CONFIGURATION, run_node
from labmesh.place import data_dir, find_place
from labmesh.streams import parse_remap
from messages.errors import ConfigurationError, LabmeshError
from messages.ids import NodeId


def main(arguments: list[str] | None = None) -> int:
    """Parse the command line, run the node, return its exit code."""
    parser = argparse.ArgumentParser(prog="labmesh run", description="Run one node.")
    parser.add_argument("program", help="entry point (see `labmesh run --list`) or module:Class")
    parser.add_argument("--name", help="the node's name; the program's by default")
    parser.add_argument("--site", help="the site it belongs to")
    parser.add_argument("--mqtt", help="mqtts://host:port of the MQTT broker, or mqtt://")
    parser.add_argument("--account", metavar="FILE", help="an account file: url, name, secrets")
    parser.add_argument("--realm", help="first level of every topic (default lab1)")
    parser.add_argument("--ledger", help="site/node of the broker node (default SITE/broker)")
    parser.add_argument("--clock", help="site/node of the clock node of a simulated mesh")
    parser.add_argument("--data-dir", help="folder of the mesh's files (default .labmesh)")
    parser.add_argument("--param", action="append", default=[], metavar="NAME=VALUE",
                        help="a parameter; VALUE is YAML; may be repeated")  # fmt: skip
    parser.add_argument("--params-file", help="a YAML file of parameters; --param wins over it")
    parser.add_argument("--remap", action="append", default=[], metavar="NAME:=SITE/NODE",
                        help="the node that an input or call target of the program stands for; "
                        "may be repeated")  # fmt: skip
    parser.add_argument("--no-autostart", action="store_true", help="stay unconfigured")
    parser.add_argument("--patience", type=float, default=10.0, metavar="S",
                        help="seconds to wait for the MQTT broker (default 10)")  # fmt: skip
    given = parser.parse_args(arguments)
    try:
        folder = data_dir(given.data_dir)
        place = find_place(
            mqtt=given.mqtt,
            site=given.site,
            realm=given.realm,
            ledger=given.ledger,
            clock=given.clock,
            account=given.account,
            folder=folder,
        )
        program = given.program.removesuffix(".py").rpartition(":")[2].lower()
        name = given.name or place.own_name(program)
        options = NodeOptions(
            place=place,
            name=name,
            data_dir=folder,
            parameters=read_parameters(given.params_file, given.param, NodeId(place.site, name)),
            autostart=not given.no_autostart,
            remap=parse_remap(given.remap),
            patience=given.patience,
        )
        options.id  # noqa: B018 - a bad name must be said before anything starts
    except LabmeshError as error:
        print(f"labmesh: {error}", file=sys.stderr)  # noqa: T201
        return EXIT_CONFIGURATION
    return run_node(given.program, options)


def read_parameters(file: str | None, settings: list[str], node: NodeId) -> dict[str, Any]:
    """Return a node's parameters from a YAML file and ``NAME=VALUE`` settings, which win.

    Raises:
        ConfigurationError: The file cannot be read, is no map or not for this node; a setting has
            no ``=``.
    """
    values: dict[str, Any] = {}
    if file is not None:
        try:
            content = yaml.safe_load(Path(file).read_text(encoding="utf-8"))
        except (OSError, yaml.YAMLError) as error:
            raise ConfigurationError(f"cannot be read: {error}", where=file) from error
        if not isinstance(content, dict):
            raise ConfigurationError(
                "is not a map of parameters", where=file, remedy="write NAME: VALUE lines"
            )
        values.update(parameters_of(content, node, where=file))
    for setting in settings:
        name, equals, text = setting.partition("=")
        if not equals:
            raise ConfigurationError(f"--param {setting!r} is not NAME=VALUE")
        try:
            values[name] = yaml.safe_load(text)
        except yaml.YAMLError:
            values[name] = text
    return dict(json.loads(json.dumps(values, default=str)))


if __name__ == "__main__":
    sys.exit(main())
