"""The search space: named continuous dimensions with units and bounds."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from messages.errors import ConfigurationError

Floats: TypeAlias = NDArray[np.float64]
"""An array of doubles."""

Point: TypeAlias = tuple[float, ...]
"""One value per dimension, in the order and the units of the space."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Dimension:
    """One quantity that the campaign varies.

    Attributes:
        name: Its name in campaign files, messages and tables.
        unit: UCUM-like unit of ``minimum``, ``maximum`` and ``step``; ``"1"`` for a ratio.
        minimum: Least value, included.
        maximum: Greatest value, included.
        step: Values are multiples of it (what the instrument resolves), or None for any value.

    Raises:
        ConfigurationError: The bounds are not finite, or minimum is not below maximum.
    """

    name: str
    unit: str = "1"
    minimum: float
    maximum: float
    step: float | None = None

    def __post_init__(self) -> None:
        if not (math.isfinite(self.minimum) and math.isfinite(self.maximum)):
            raise ConfigurationError(f"the bounds of {self.name} are not finite")
        if not self.minimum < self.maximum:
            raise ConfigurationError(
                f"the minimum of {self.name}, {self.minimum:g}, is not below its maximum, "
                f"{self.maximum:g}"
            )
        if self.step is not None and not 0 < self.step <= self.maximum - self.minimum:
            raise ConfigurationError(f"the step of {self.name} is not between 0 and its range")

    def snap(self, values: Floats) -> Floats:
        """Return the nearest allowed value of each."""
        if self.step is None:
            return np.clip(values, self.minimum, self.maximum)
        low = math.ceil(round(self.minimum / self.step, 9))
        high = math.floor(round(self.maximum / self.step, 9))
        count = np.clip(np.round(values / self.step), low, high)
        # Fewer digits than a double has, so that 3 * 0.001 reads 0.003 in the ledger.
        return np.clip(np.round(count * self.step, 12), self.minimum, self.maximum)


@dataclass(frozen=True, slots=True)
class Space:
    """A box of dimensions. Strategies work in its unit cube, campaigns in its units.

    Raises:
        ConfigurationError: There is no dimension, or two have the same name.
    """

    dimensions: tuple[Dimension, ...]

    def __post_init__(self) -> None:
        names = self.names
        if not names or len(set(names)) != len(names):
            raise ConfigurationError("a space has at least one dimension, each with its own name")

    @property
    def names(self) -> tuple[str, ...]:
        """The dimensions' names, in order."""
        return tuple(dimension.name for dimension in self.dimensions)

    @property
    def size(self) -> int:
        """The number of dimensions."""
        return len(self.dimensions)

    def normalise(self, points: Any) -> Floats:
        """Return points of shape (n, size) as coordinates in the unit cube. Nothing is clipped."""
        return (np.asarray(points, dtype=np.float64) - self._low) / self._width

    def denormalise(self, unit: Any) -> Floats:
        """Return the points at ``unit`` (n, size), each value brought to an allowed one."""
        values = np.asarray(unit, dtype=np.float64) * self._width + self._low
        columns = [d.snap(values[..., i]) for i, d in enumerate(self.dimensions)]
        return np.stack(columns, axis=-1)

    def contains(self, points: Any) -> NDArray[np.bool_]:
        """Tell for each point of shape (n, size) whether it lies in the box, bounds included."""
        unit = self.normalise(points)
        slack = 1e-9
        return np.asarray(((unit >= -slack) & (unit <= 1 + slack)).all(axis=-1))

    def point(self, values: dict[str, float]) -> Point:
        """Return ``values`` in the order of the dimensions.

        Raises:
            KeyError: A dimension is missing.
        """
        return tuple(float(values[name]) for name in self.names)

    def describe(self, point: Point) -> str:
        """Return ``w_ec 0.49, molality 0.855 mol/kg``."""
        parts = []
        for dimension, value in zip(self.dimensions, point, strict=True):
            unit = "" if dimension.unit == "1" else f" {dimension.unit}"
            parts.append(f"{dimension.name} {value:.4g}{unit}")
        return ", ".join(parts)

    @property
    def _low(self) -> Floats:
        return np.array([d.minimum for d in self.dimensions])

    @property
    def _width(self) -> Floats:
        return np.array([d.maximum - d.minimum for d in self.dimensions])
