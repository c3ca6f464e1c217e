"""What the parts of a launch log, shown and kept like its own lines."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

from labmesh.launch._screen import Screen

_SAID_ALREADY: Final = "labmesh.mosquitto"
"""The launch itself says what becomes of its MQTT brokers."""


@contextmanager
def remarks_on(screen: Screen) -> Iterator[None]:
    """Send warnings and errors of every ``labmesh`` logger to ``screen`` while the block runs."""
    root = logging.getLogger("labmesh")
    handler = _ScreenHandler(screen)
    handler.addFilter(lambda record: not record.name.startswith(_SAID_ALREADY))
    propagated, root.propagate = root.propagate, False
    root.addHandler(handler)
    try:
        yield
    finally:
        root.removeHandler(handler)
        root.propagate = propagated


class _ScreenHandler(logging.Handler):
    def __init__(self, screen: Screen) -> None:
        super().__init__(logging.WARNING)
        self._screen = screen

    def emit(self, record: logging.LogRecord) -> None:
        level = "error" if record.levelno >= logging.ERROR else "warn"
        self._screen.say(record.getMessage(), level)
