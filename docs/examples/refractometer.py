"""Messages of a refractometer, and terms of its lab's own: see docs/semantics.md."""

from pathlib import Path
from typing import Annotated

from labmesh import Node, Order, capability
from messages.array import Array
from messages.chemistry import Formulation
from messages.meaning import ADMINISTRATIVE, Term
from messages.model import Model, Real, Text, Unit
from messages.quantity import InUnit, Quantity, Temperature

TERMS = Path(__file__).with_name("refractometer.ttl")


class RefractionInput(Model, term="AbbeRefractometry"):
    """Ask for the refractive index of an electrolyte."""

    formulation: Annotated[Formulation, Term("ElectrolyteSolution", "hasMeasurementSample")]
    temperature: Annotated[Real, Unit("K"), Term("ThermodynamicTemperature")] = 298.15


class RefractionOutput(Model, term="AbbeRefractometry"):
    """The refractive index as it was read."""

    index: Annotated[Quantity, InUnit("1"), Term("RefractiveIndex")]
    readings: Annotated[Array, Unit("1"), Term("RefractiveIndex")]
    salt: Annotated[Real, Unit("1"), Term("SaltMassFraction")]
    temperature: Annotated[Temperature, Term("ThermodynamicTemperature", "hasMeasurementParameter")]
    remark: Annotated[Text, Term("schema:comment")] = ""
    drawer: Annotated[Text, ADMINISTRATIVE] = ""


class Refractometer(Node[None]):
    """A refractometer that is read by hand."""

    @capability("refractive_index", "abbe", worker="instrument")
    async def refraction(self, order: Order[RefractionInput]) -> RefractionOutput:
        """Refractive index of an electrolyte."""
        raise NotImplementedError("somebody has to look through it")
