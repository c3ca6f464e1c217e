"""The way to the heavy backend: torch is an extra, and takes seconds to import."""

from __future__ import annotations

import warnings
from importlib import import_module
from typing import TYPE_CHECKING, Any, Final

from messages.errors import MissingProgramError

if TYPE_CHECKING:
    from nodes.optimiser._botorch_strategy import BoTorchStrategy

__all__ = ["BoTorchStrategy"]

_NEEDED: Final = ("torch", "gpytorch", "botorch")


def __getattr__(name: str) -> Any:
    """Import `BoTorchStrategy` when it is asked for.

    Raises:
        MissingProgramError: The extra is not installed.
    """
    if name != "BoTorchStrategy":
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    with warnings.catch_warnings():
        # linear_operator still uses a part of torch that says it will go.
        warnings.simplefilter("ignore", DeprecationWarning)
        for package in _NEEDED:
            try:
                import_module(package)
            except ImportError as error:
                raise MissingProgramError(
                    f"{package} is not installed",
                    where="strategy botorch",
                    remedy="pip install 'labmesh[botorch]', or use strategy gaussian_process",
                ) from error
    return import_module("nodes.optimiser._botorch_strategy").BoTorchStrategy
