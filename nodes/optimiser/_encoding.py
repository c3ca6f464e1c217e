"""Between points of the space and the parameters of a request."""

from __future__ import annotations

from copy import deepcopy
from typing import Any, Protocol

from messages.chemistry import Formulation
from messages.envelope import validate
from messages.errors import LabmeshError
from messages.formulation_algebra import formulation_from, molality_and_w_ec
from messages.model import JsonObject
from nodes.optimiser._mixture import Mixture
from nodes.optimiser._space import Point, Space


class Encoding(Protocol):
    """How a campaign's points travel."""

    def parameters(self, point: Point) -> JsonObject:
        """Return the parameters of a request to measure at ``point``, `fixed` ones included."""
        ...

    def point(self, parameters: JsonObject) -> Point | None:
        """Return the point that ``parameters`` speak of, or None where they speak of none.

        Parameters whose fixed part differs from this campaign's (another temperature) speak of
        no point of it.
        """
        ...


class PlainEncoding:
    """Each dimension under its own name, beside the fixed parameters.

    Args:
        space: Names and order of the dimensions.
        fixed: Parameters of every request.
    """

    def __init__(self, space: Space, fixed: JsonObject) -> None:
        self._space = space
        self._fixed = fixed

    def parameters(self, point: Point) -> JsonObject:
        """See `Encoding.parameters`."""
        return {**self._fixed, **dict(zip(self._space.names, point, strict=True))}

    def point(self, parameters: JsonObject) -> Point | None:
        """See `Encoding.point`."""
        if not _same(self._fixed, parameters):
            return None
        try:
            return self._space.point(parameters)
        except (KeyError, TypeError, ValueError):
            return None


class MixtureEncoding:
    """Solvents' mass fractions and the salt's molality as a formulation in mole fractions.

    Args:
        space: Dimensions of the mixture.
        fixed: Parameters of every request.
        mixture: What the dimensions are shares of.
        at: Dotted path of the formulation in the parameters.
    """

    def __init__(
        self, space: Space, fixed: JsonObject, mixture: Mixture, at: str = "formulation"
    ) -> None:
        self._space = space
        self._fixed = fixed
        self._mixture = mixture
        self._at = at.split(".")

    @property
    def names(self) -> tuple[str, ...]:
        """Short names of the chemicals, in the order of the formulation's components."""
        names = tuple(name for name, _ in self._mixture.chemicals)
        return names if self._mixture.columns[0] is not None else names[1:]

    def formulation(self, point: Point) -> Formulation:
        """Return the mixture at ``point``."""
        return self._mixture.formulation(point)

    def parameters(self, point: Point) -> JsonObject:
        """See `Encoding.parameters`."""
        found = deepcopy(self._fixed)
        above = found
        for key in self._at[:-1]:
            above = above.setdefault(key, {})
        above[self._at[-1]] = self.formulation(point).model_dump(mode="json")
        return found

    def point(self, parameters: JsonObject) -> Point | None:
        """See `Encoding.point`. A formulation of other chemicals is none of the space."""
        if not _same(self._fixed, parameters):
            return None
        found: Any = parameters
        for key in self._at:
            found = found.get(key) if isinstance(found, dict) else None
        return self.point_of(found)

    def point_of(self, formulation: Any) -> Point | None:
        """Return the point of a formulation in its plain form, or None."""
        try:
            mixture = validate(Formulation, formulation, where="formulation")
        except LabmeshError:
            return None
        return self._mixture.point(mixture, self._space)


class FormulationEncoding(MixtureEncoding):
    """``w_ec`` and ``molality`` as a formulation of LiPF6, EC and EMC in mole fractions.

    The space has exactly these two dimensions; otherwise as `MixtureEncoding`.
    """

    def formulation(self, point: Point) -> Formulation:
        """Return the mixture at ``point``."""
        values = dict(zip(self._space.names, point, strict=True))
        return formulation_from(values["molality"], values["w_ec"])

    def point_of(self, formulation: Any) -> Point | None:
        """Return the point of a formulation in its plain form, or None."""
        try:
            mixture = validate(Formulation, formulation, where="formulation")
            molality, w_ec = molality_and_w_ec(mixture)
        except LabmeshError:
            return None
        # Mole fractions bring w_ec and molality back to within rounding; the rest is noise.
        return self._space.point({"molality": round(molality, 9), "w_ec": round(w_ec, 9)})


def make_encoding(
    name: str,
    space: Space,
    fixed: JsonObject,
    *,
    mixture: Mixture | None = None,
    at: str = "formulation",
) -> Encoding:
    """Return the encoding a campaign file names.

    Args:
        name: Of the encoding.
        space: Dimensions.
        fixed: Parameters of every request.
        mixture: Of the campaign file; None with ``plain``.
        at: Dotted path of the formulation in the parameters.
    """
    if mixture is None:
        return PlainEncoding(space, fixed)
    kind = FormulationEncoding if name == "lipf6_ec_emc" else MixtureEncoding
    return kind(space, fixed, mixture, at)


_TEMPERATURE_TOLERANCE = 0.1
"""K within which two temperatures count as the same."""


def _same(fixed: JsonObject, parameters: JsonObject) -> bool:
    """Tell whether ``parameters`` agree with the campaign's fixed ones.

    A parameter that is absent agrees: a capability's default need not be spelled out. Of a mapping
    only what is fixed counts: the rest may hold the point.
    """
    for name, wanted in fixed.items():
        found = parameters.get(name, wanted)
        if name == "temperature" and isinstance(found, int | float):
            if abs(float(found) - float(wanted)) > _TEMPERATURE_TOLERANCE:
                return False
        elif isinstance(wanted, dict) and isinstance(found, dict):
            if not _same(wanted, found):
                return False
        elif found != wanted:
            return False
    return True
