"""Structured logs: one line on stderr, one message on ``~/log/{level}``."""

from __future__ import annotations

import logging
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any, Final

from messages.node import LOG_LEVELS, LogLevel, LogRecord

_NAMES: Final = {number: level for level, number in LOG_LEVELS.items()}

_SPEAKING: Final[ContextVar[NodeLog | None]] = ContextVar("labmesh_speaking", default=None)
"""Whose code runs, where one process holds several nodes; inherited by every task it begins."""

_LABELLED: Final[ContextVar[str]] = ContextVar("labmesh_label", default="")
"""What the lines on the screen begin with, in a container."""


class NodeLog:
    """A node's logger.

    Args:
        name: The node, ``site/node``.
        sink: Takes every record of `mesh_level` and above, for the mesh; must not raise or block.

    Attributes:
        mesh_level: What goes to the mesh at least; info unless an operator asked for more or less.
    """

    def __init__(self, name: str, sink: Callable[[LogRecord], None] | None = None) -> None:
        self._name = name
        self._logger = logging.getLogger(f"labmesh.node.{name}")
        self.sink = sink
        self.mesh_level: LogLevel = "info"

    @property
    def logger(self) -> str:
        """The name of its Python logger."""
        return self._logger.name

    def debug(self, text: str, /, **values: Any) -> None:
        """Log what only a developer wants to see."""
        self._write("debug", text, values)

    def info(self, text: str, /, **values: Any) -> None:
        """Log what happened."""
        self._write("info", text, values)

    def warn(self, text: str, /, **values: Any) -> None:
        """Log what may need attention."""
        self._write("warn", text, values)

    def error(self, text: str, /, **values: Any) -> None:
        """Log what went wrong."""
        self._write("error", text, values)

    def fatal(self, text: str, /, **values: Any) -> None:
        """Log what ends the node."""
        self._write("fatal", text, values)

    def _write(self, level: LogLevel, text: str, values: dict[str, Any]) -> None:
        self._logger.log(LOG_LEVELS[level], text, extra={"values": values})
        self.tell(level, self._name, text, values)

    def tell(self, level: LogLevel, logger: str, text: str, values: dict[str, Any]) -> None:
        """Hand a record to the mesh alone, where its level says so."""
        if self.sink is not None and LOG_LEVELS[level] >= LOG_LEVELS[self.mesh_level]:
            plain = {
                key: value if isinstance(value, int | float | bool) else str(value)
                for key, value in values.items()
            }
            self.sink(LogRecord(level=level, logger=logger, text=text[:8000], values=plain))


@contextmanager
def speaking(log: NodeLog, *, label: str = "") -> Iterator[None]:
    """Let what this task and those it begins log through the library be the node's words.

    Args:
        log: The node's log; warnings and errors of the library go to its mesh, too.
        label: What the lines on the screen begin with, where several nodes share one.
    """
    speaker, labelled = _SPEAKING.set(log), _LABELLED.set(label)
    try:
        yield
    finally:
        _SPEAKING.reset(speaker)
        _LABELLED.reset(labelled)


class MeshHandler(logging.Handler):
    """Sends warnings and errors of the library to the mesh, as words of the node they come from."""

    def __init__(self) -> None:
        super().__init__(logging.WARNING)

    def emit(self, record: logging.LogRecord) -> None:
        """Tell it; a node's own records have gone there by themselves."""
        log = _SPEAKING.get()
        if log is None or record.name.startswith("labmesh.node."):
            return
        try:
            level = _NAMES.get(record.levelno, "error")
            log.tell(level, record.name, record.getMessage(), getattr(record, "values", {}))
        except Exception:  # noqa: BLE001 - as every handler of Python's logging
            self.handleError(record)


class LineFormatter(logging.Formatter):
    """``12:31:05 WARN  text key=value``; a traceback follows where there is one."""

    _WORDS: Final = {number: level.upper() for level, number in LOG_LEVELS.items()}

    def format(self, record: logging.LogRecord) -> str:
        """Return the line."""
        word = self._WORDS.get(record.levelno, record.levelname)
        # One record is one line, whatever words of others it repeats.
        text = "\\n".join(record.getMessage().splitlines())
        label = f"[{label}] " if (label := _LABELLED.get()) else ""
        line = f"{self.formatTime(record, '%H:%M:%S')} {word:<5} {label}{text}"
        values: dict[str, Any] = getattr(record, "values", {})
        line += "".join(f" {key}={_short(value)}" for key, value in values.items())
        if record.exc_info:
            line += "\n" + self.formatException(record.exc_info)
        return line


def log_to_stderr(level: int = logging.INFO) -> None:
    """Send every ``labmesh`` logger to stderr, one line a record. Idempotent."""
    root = logging.getLogger("labmesh")
    root.setLevel(level)
    if not any(isinstance(handler.formatter, LineFormatter) for handler in root.handlers):
        handler = logging.StreamHandler(sys.stderr)
        handler.setFormatter(LineFormatter())
        root.addHandler(handler)
        root.addHandler(MeshHandler())
        root.propagate = False


def _short(value: object) -> str:
    text = f"{value:.6g}" if isinstance(value, float) else str(value)
    return text if text and text.isprintable() and " " not in text else repr(text)
