"""Levels of a node's log, read and set while it runs."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any, Literal

from pydantic import Field

from labmesh.node._service import NoArguments, service
from messages.errors import CallRefusedError
from messages.model import Model, Text
from messages.node import LOG_LEVELS, LogLevel

if TYPE_CHECKING:
    from labmesh.node._node import Node


class SetLogLevel(Model):
    """Arguments of ``log.set_level``."""

    level: LogLevel
    scope: Literal["screen", "mesh", "both"] = Field(
        default="both", description="standard error, ~/log/{level}, or both"
    )
    logger: Text = Field(
        default="",
        description="a Python logger, labmesh.worker say, on the screen; empty: the node's own",
    )


class LogLevels(Model):
    """The levels from which on records are written."""

    screen: LogLevel
    mesh: LogLevel
    loggers: dict[str, LogLevel] = Field(description="loggers with a level of their own, by name")


class LogServices:
    """``log.get_level`` and ``log.set_level`` of a node."""

    def __init__(self, node: Node[Any]) -> None:
        self._node = node
        self._set: set[str] = set()

    @service("log.get_level", when_inactive=True)
    async def get(self, arguments: NoArguments) -> LogLevels:
        """Return from which level on records go to the screen and to the mesh."""
        return LogLevels(
            screen=_level(logging.getLogger(self._node.log.logger)),
            mesh=self._node.log.mesh_level,
            loggers={name: _level(logging.getLogger(name)) for name in sorted(self._set)},
        )

    @service("log.set_level", when_inactive=True)
    async def set(self, arguments: SetLogLevel) -> LogLevels:
        """Set from which level on; it holds until the process ends."""
        log = self._node.log
        if arguments.logger:
            if arguments.logger not in logging.root.manager.loggerDict:
                raise CallRefusedError(
                    f"there is no logger {arguments.logger!r} in the process of {self._node.id}",
                    remedy="leave it out for the node's own, or name one of Python's logging",
                    code="bad_arguments",
                )
            if arguments.scope == "mesh":
                raise CallRefusedError(
                    "loggers have levels of their own on the screen alone",
                    remedy="leave out the scope, or the logger",
                    code="bad_arguments",
                )
            self._set.add(arguments.logger)
            logging.getLogger(arguments.logger).setLevel(LOG_LEVELS[arguments.level])
        else:
            if arguments.scope != "mesh":
                logging.getLogger(log.logger).setLevel(LOG_LEVELS[arguments.level])
            if arguments.scope != "screen":
                log.mesh_level = arguments.level
        return await self.get(NoArguments())


def _level(logger: logging.Logger) -> LogLevel:
    """Return the level in effect, the next one above where it is none of ours."""
    number = logger.getEffectiveLevel()
    return next((level for level, at in LOG_LEVELS.items() if at >= number), "fatal")
