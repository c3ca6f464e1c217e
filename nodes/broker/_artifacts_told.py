"""How custody fares, as a diagnostic."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from labmesh import Level
from nodes.broker._artifacts import Condition


def tell_condition(diagnose: Callable[..., Any], condition: Condition) -> None:
    """Publish it as ``diag/artifacts``."""
    level, message, remedy = words(condition)
    diagnose(
        "artifacts",
        level,
        message,
        remedy=remedy,
        missing=condition.missing,
        held_bytes=condition.held,
    )


def words(condition: Condition) -> tuple[Level, str, str]:
    """Return level, message and remedy."""
    if condition.full:
        return (
            Level.ERROR,
            f"artifacts cannot be taken: {condition.full}",
            "free disk space, or raise the parameter; their authors keep them meanwhile",
        )
    if condition.tried:
        return (
            Level.WARN,
            f"artifacts that cannot be had so far: {condition.tried}; {condition.example}",
            "see `labmesh artifact list --missing`, and start their authors",
        )
    if condition.missing:
        return Level.OK, f"artifacts on their way: {condition.missing}", ""
    return Level.OK, "every artifact that a result names is here", ""
