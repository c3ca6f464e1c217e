"""Imports every module that defines message types, so that `messages.model.TYPES` is complete.

Programs that show or bridge whatever comes (``labmesh interface``, bags) import this; a node does
not need to: the messages it handles are imported where they are handled.
"""

from __future__ import annotations

from importlib import import_module
from pkgutil import iter_modules

import messages


def load() -> None:
    """Import all modules of this package. Idempotent."""
    for module in iter_modules(messages.__path__):
        if not module.name.startswith("_"):
            import_module(f"messages.{module.name}")


load()
