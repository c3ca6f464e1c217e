"""Asking a running launch: the client's side."""

from __future__ import annotations

import json
import socket
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from labmesh.launch._problem import LaunchError, Position, Problem
from labmesh.launch._socket import MAX_LINE, connect, socket_file
from messages.errors import ConfigurationError, LabmeshError

PATIENCE: Final = 180.0
"""Seconds for an answer: a reload stops processes one after the other, each within 10 s."""


def control(data_dir: Path, request: Mapping[str, Any]) -> dict[str, Any]:
    """Ask the launch that runs with ``data_dir``; blocks until it has answered.

    ============================================  ==================================================
    ``{"do": "status"}``                          ``{"pid", "file", "site", "since", "processes",
                                                  "mqtt_brokers"}``; a process is ``{"id", "label",
                                                  "kind", "state", "pid", "since", "restarts",
                                                  "last_line", "exit_code", "after"}``, an MQTT
                                                  broker ``{"site", "url", "pid"}``. Points in time
                                                  are ns UTC, passwords masked.
    ``{"do": "restart", "processes": [...],       ``{"restarted": [id, ...]}`` once all were ended
    "with_dependants": false}``                   and begin anew; names as in ``after``
    ``{"do": "reload", "file": null,              ``{"file", "start", "stop", "restart", "set",
    "arguments": {}, "dry_run": false}``          "adopt", "applied", "warnings"}``
    ``{"do": "stop", "wait": false}``             ``{"pid"}``; asked again, it hurries; with
                                                  ``wait`` returns once the launch has ended
    ============================================  ==================================================

    Raises:
        ConfigurationError: No launch runs there, or it refuses the request.
        LaunchError: The file to reload has mistakes; nothing was changed.
        LabmeshError: It did not answer.
    """
    try:
        connection = connect(data_dir, PATIENCE)
    except OSError:
        raise ConfigurationError(
            "no launch runs with this data folder",
            where=str(data_dir),
            remedy="start one with `labmesh launch FILE`, or name its folder with --data-dir",
        ) from None
    with connection:
        try:
            connection.sendall(json.dumps(dict(request)).encode() + b"\n")
            answer = _line(connection)
            if request.get("wait"):
                while connection.recv(4096):
                    pass  # until it is gone, and its end of the connection with it
        except OSError as error:
            raise _silent(data_dir, str(error) or "connection lost") from error
    return _taken(answer, data_dir)


def _line(connection: socket.socket) -> bytes:
    found = bytearray()
    while not found.endswith(b"\n") and len(found) < MAX_LINE:
        part = connection.recv(1 << 16)
        if not part:
            break
        found += part
    return bytes(found)


def _taken(answer: bytes, data_dir: Path) -> dict[str, Any]:
    try:
        content: dict[str, Any] = json.loads(answer)
    except ValueError:
        raise _silent(data_dir, "it ended without an answer") from None
    if problems := content.get("problems"):
        raise LaunchError(
            Problem(Position(p["file"], p["line"], p["column"]), p["what"], p["remedy"])
            for p in problems
        )
    if failure := content.get("failure"):
        kind = ConfigurationError if failure["refused"] else LabmeshError
        raise kind(failure["what"], where=failure["where"], remedy=failure["remedy"])
    return content


def _silent(data_dir: Path, why: str) -> LabmeshError:
    return LabmeshError(
        f"the launch did not answer: {why}",
        where=str(socket_file(data_dir)),
        remedy="see its log, launch.log in the newest folder of runs/",
    )
