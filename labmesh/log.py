"""Structured logs: one line on stderr, one message on ``~/log/{level}``."""

from __future__ import annotations

import logging
import sys
from collections.abc import Callable
from typing import Any, Final, Literal

from messages.node import LogRecord

LogLevel = Literal["debug", "info", "warn", "error", "fatal"]

_NUMBERS: Final[dict[LogLevel, int]] = {
    "debug": logging.DEBUG,
    "info": logging.INFO,
    "warn": logging.WARNING,
    "error": logging.ERROR,
    "fatal": logging.CRITICAL,
}


class NodeLog:
    """A node's logger.

    Args:
        name: The node, ``site/node``.
        sink: Takes every record of level info and above, for the mesh; must not raise or block.
    """

    def __init__(self, name: str, sink: Callable[[LogRecord], None] | None = None) -> None:
        self._name = name
        self._logger = logging.getLogger(f"labmesh.node.{name}")
        self.sink = sink

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

    def _write(self, level: LogLevel, text: str, values: dict[str, Any]) -> None:
        self._logger.log(_NUMBERS[level], text, extra={"values": values})
        if self.sink is not None and level != "debug":
            plain = {
                key: value if isinstance(value, int | float | bool) else str(value)
                for key, value in values.items()
            }
            self.sink(LogRecord(level=level, logger=self._name, text=text[:8000], values=plain))


class LineFormatter(logging.Formatter):
    """``12:31:05 WARN  text key=value``; a traceback follows where there is one."""

    _WORDS: Final = {
        logging.DEBUG: "DEBUG",
        logging.INFO: "INFO",
        logging.WARNING: "WARN",
        logging.ERROR: "ERROR",
        logging.CRITICAL: "FATAL",
    }

    def format(self, record: logging.LogRecord) -> str:
        """Return the line."""
        word = self._WORDS.get(record.levelno, record.levelname)
        # One record is one line, whatever words of others it repeats.
        text = "\\n".join(record.getMessage().splitlines())
        line = f"{self.formatTime(record, '%H:%M:%S')} {word:<5} {text}"
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
        root.propagate = False


def _short(value: object) -> str:
    text = f"{value:.6g}" if isinstance(value, float) else str(value)
    return text if text and text.isprintable() and " " not in text else repr(text)
