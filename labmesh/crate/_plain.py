"""Values of messages as JSON that a person reads."""

from __future__ import annotations

import base64
import math
from datetime import UTC, datetime
from enum import Enum
from typing import Any, Final
from uuid import UUID

import numpy as np

_ARRAY: Final = frozenset({"dtype", "shape", "data"})


def plain(value: Any) -> Any:
    """Return a value for JSON: arrays as lists of numbers, other bytes as ``{"base64": ...}``."""
    if isinstance(value, dict):
        if value.keys() == _ARRAY and isinstance(value["data"], bytes):
            return _listed(value)
        return {str(key): plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [plain(item) for item in value]
    if isinstance(value, bytes):
        return {"base64": base64.b64encode(value).decode()}
    if isinstance(value, Enum):
        return value.value
    if isinstance(value, UUID):
        return str(value)
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return value


def when(nanoseconds: int | None) -> str | None:
    """Return a point in time, ns UTC, as ISO 8601 with microseconds."""
    if nanoseconds is None:
        return None
    seconds, rest = divmod(nanoseconds, 1_000_000_000)
    moment = datetime.fromtimestamp(seconds, tz=UTC).replace(microsecond=rest // 1000)
    return moment.isoformat(timespec="microseconds").replace("+00:00", "Z")


def _listed(value: dict[str, Any]) -> Any:
    try:
        array = np.frombuffer(value["data"], dtype=value["dtype"]).reshape(value["shape"])
    except (TypeError, ValueError):
        return {**value, "data": base64.b64encode(value["data"]).decode()}
    return plain(array.tolist())
