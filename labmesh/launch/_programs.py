"""Finds what a node action runs, and the model of its parameters."""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel

from labmesh.node import find_node
from messages.errors import ConfigurationError, LabmeshError


def load_parameters_model(run: str) -> type[BaseModel]:
    """Return the model of the parameters of the node that ``run`` names.

    Raises:
        ConfigurationError: No such entry point, module or class, or it cannot be imported.
    """
    try:
        node: Any = find_node(run)
    except LabmeshError:
        raise
    except Exception as error:
        raise ConfigurationError(
            f"importing {run!r} failed: {type(error).__name__}: {error}",
            remedy=f"try: python -c 'import {run.partition(':')[0]}'" if ":" in run else "",
        ) from error
    model = node.Parameters
    if not (isinstance(model, type) and issubclass(model, BaseModel)):
        raise ConfigurationError(f"{run!r}: its Parameters is not a pydantic model")
    return model
