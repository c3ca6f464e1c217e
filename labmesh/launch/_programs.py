"""Finds what a node action runs, and the model of its parameters."""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel

from labmesh.node import Node, effect_of, find_node
from labmesh.streams import logical_names
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


def remappable(run: str) -> tuple[str, ...]:
    """Return the logical names of inputs and call targets of the node that ``run`` names.

    Raises:
        ConfigurationError: As `load_parameters_model`.
    """
    return logical_names(find_node(run))


def takes_parameters(run: str) -> frozenset[str]:
    """Return the parameters that the node that ``run`` names takes over while it runs.

    A node that does not say what it does then (`Node.on_parameters`) may have used them already.
    """
    try:
        kind = find_node(run)
        if kind.on_parameters is Node.on_parameters:
            return frozenset()
        model = kind.Parameters
        return frozenset(name for name in model.model_fields if effect_of(model, name) == "now")
    except Exception:  # noqa: BLE001 - whatever its import does, the check has said it
        return frozenset()
