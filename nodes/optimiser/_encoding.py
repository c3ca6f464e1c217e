"""Between points of the space and the parameters of a request."""

from __future__ import annotations

from typing import Any, Protocol

from messages.chemistry import Formulation
from messages.envelope import validate
from messages.errors import LabmeshError
from messages.formulation_algebra import formulation_from, molality_and_w_ec
from messages.model import JsonObject
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


class FormulationEncoding:
    """``w_ec`` and ``molality`` as a formulation of LiPF6, EC and EMC in mole fractions.

    Args:
        space: Has exactly the dimensions w_ec and molality (mol/kg).
        fixed: Parameters of every request.
    """

    def __init__(self, space: Space, fixed: JsonObject) -> None:
        self._space = space
        self._fixed = fixed

    def formulation(self, point: Point) -> Formulation:
        """Return the mixture at ``point``."""
        values = dict(zip(self._space.names, point, strict=True))
        return formulation_from(values["molality"], values["w_ec"])

    def parameters(self, point: Point) -> JsonObject:
        """See `Encoding.parameters`."""
        return {**self._fixed, "formulation": self.formulation(point).model_dump(mode="json")}

    def point(self, parameters: JsonObject) -> Point | None:
        """See `Encoding.point`. A formulation of other chemicals is none of the space."""
        if not _same(self._fixed, parameters):
            return None
        return self.point_of(parameters.get("formulation"))

    def point_of(self, formulation: Any) -> Point | None:
        """Return the point of a formulation in its plain form, or None."""
        try:
            mixture = validate(Formulation, formulation, where="formulation")
            molality, w_ec = molality_and_w_ec(mixture)
        except LabmeshError:
            return None
        # Mole fractions bring w_ec and molality back to within rounding; the rest is noise.
        return self._space.point({"molality": round(molality, 9), "w_ec": round(w_ec, 9)})


def make_encoding(name: str, space: Space, fixed: JsonObject) -> Encoding:
    """Return the encoding a campaign file names."""
    if name == "lipf6_ec_emc":
        return FormulationEncoding(space, fixed)
    return PlainEncoding(space, fixed)


_TEMPERATURE_TOLERANCE = 0.1
"""K within which two temperatures count as the same."""


def _same(fixed: JsonObject, parameters: JsonObject) -> bool:
    """Tell whether ``parameters`` agree with the campaign's fixed ones.

    A parameter that is absent agrees: a capability's default need not be spelled out.
    """
    for name, wanted in fixed.items():
        found = parameters.get(name, wanted)
        if name == "temperature" and isinstance(found, int | float):
            if abs(float(found) - float(wanted)) > _TEMPERATURE_TOLERANCE:
                return False
        elif found != wanted:
            return False
    return True
