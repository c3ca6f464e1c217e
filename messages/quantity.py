"""A measured or computed value: number, standard uncertainty, unit and quality."""

from __future__ import annotations

import copy
import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated, Any

from pydantic import Field, GetCoreSchemaHandler, GetJsonSchemaHandler
from pydantic.json_schema import JsonSchemaValue
from pydantic_core import CoreSchema, PydanticCustomError, core_schema

from messages.ledger import Rating
from messages.meaning import Term
from messages.model import Model, Real


class Quantity(Model):
    """A value with its unit and, where known, its uncertainty and quality.

    A field never uses it bare but through an alias that fixes the unit, such as `Conductivity`.
    """

    value: Real
    uncertainty: Annotated[Real, Field(ge=0)] | None = Field(
        default=None, description="standard uncertainty (k=1) in the unit of value"
    )
    unit: Annotated[str, Field(min_length=1, max_length=32)] = Field(
        description="UCUM-like symbol, the one the field's schema asks for"
    )
    quality: Rating | None = Field(default=None, description="how far the value can be trusted")

    @classmethod
    def of(
        cls,
        value: float,
        unit: str,
        uncertainty: float | None = None,
        quality: Rating | None = None,
    ) -> Quantity:
        """Return ``value ± uncertainty`` in ``unit``."""
        return cls(value=value, uncertainty=uncertainty, unit=unit, quality=quality)

    @classmethod
    def mean(cls, repeats: Sequence[float], unit: str, quality: Rating | None = None) -> Quantity:
        """Return the mean of ``repeats`` with its standard uncertainty, s / sqrt(n).

        A single value has no uncertainty that way, and gets None.

        Raises:
            ValueError: ``repeats`` is empty.
        """
        values = [float(value) for value in repeats]
        if not values:
            raise ValueError("there is no mean of no values")
        mean = math.fsum(values) / len(values)
        uncertainty = None
        if len(values) > 1:
            variance = math.fsum((value - mean) ** 2 for value in values) / (len(values) - 1)
            uncertainty = math.sqrt(variance / len(values))
        return cls(value=mean, uncertainty=uncertainty, unit=unit, quality=quality)


@dataclass(frozen=True, slots=True)
class InUnit:
    """Fixes the unit of a `Quantity`: ``Annotated[Quantity, InUnit("S/m")]``.

    Checked at run time, a constant in the JSON Schema, and to mypy a plain `Quantity`.

    Attributes:
        symbol: The unit.
        ge: Least value, or None.
        gt: Value that must be exceeded, or None.
    """

    symbol: str
    ge: float | None = None
    gt: float | None = None

    def __get_pydantic_core_schema__(
        self, source: Any, handler: GetCoreSchemaHandler
    ) -> CoreSchema:
        """Check the quantity after its own validation."""
        return core_schema.no_info_after_validator_function(self.check, handler(source))

    def __get_pydantic_json_schema__(
        self, schema: CoreSchema, handler: GetJsonSchemaHandler
    ) -> JsonSchemaValue:
        """Inline the schema of `Quantity`, with the unit and the bounds in it."""
        try:
            whole = handler.resolve_ref_schema(handler(schema))
        except LookupError:
            # pydantic describes Quantity later in the same schema; that it is described now as well
            # is what it would do itself.
            whole = handler.resolve_ref_schema(handler(Quantity.__pydantic_core_schema__))
        result = copy.deepcopy(whole)
        fields = result["properties"]
        for name in ("value", "uncertainty"):
            fields[name]["unit"] = self.symbol
        fields["unit"] = {"const": self.symbol, "title": "Unit", "type": "string"}
        if self.ge is not None:
            fields["value"]["minimum"] = self.ge
        if self.gt is not None:
            fields["value"]["exclusiveMinimum"] = self.gt
        return result

    def check(self, quantity: Quantity) -> Quantity:
        """Return ``quantity`` when its unit and value are right; a validation error otherwise."""
        if quantity.unit != self.symbol:
            raise PydanticCustomError(
                "unit",
                "unit is {found} where {wanted} is asked for",
                {"found": repr(quantity.unit), "wanted": repr(self.symbol)},
            )
        if self.ge is not None and quantity.value < self.ge:
            raise PydanticCustomError(
                "range", "value {value} is below {ge}", {"value": quantity.value, "ge": self.ge}
            )
        if self.gt is not None and quantity.value <= self.gt:
            raise PydanticCustomError(
                "range", "value {value} is not above {gt}", {"value": quantity.value, "gt": self.gt}
            )
        return quantity


Conductivity = Annotated[Quantity, InUnit("S/m", ge=0), Term("IonicConductivity")]
"""Ionic conductivity."""

Temperature = Annotated[Quantity, InUnit("K", gt=0), Term("ThermodynamicTemperature")]
"""Thermodynamic temperature."""

Density = Annotated[Quantity, InUnit("kg/m3", gt=0), Term("Density")]
"""Mass density."""

MolarMass = Annotated[Quantity, InUnit("kg/mol", gt=0), Term("MolarMass")]
"""Molar mass."""

Viscosity = Annotated[Quantity, InUnit("Pa.s", gt=0), Term("DynamicViscosity")]
"""Dynamic viscosity."""

Volume = Annotated[Quantity, InUnit("m3", ge=0), Term("Volume")]
"""Volume."""

Mass = Annotated[Quantity, InUnit("kg", ge=0), Term("Mass")]
"""Mass."""

Charge = Annotated[Quantity, InUnit("A.h", ge=0), Term("Capacity")]
"""Capacity of a cell in ampere hours, the one unit of charge in these messages."""

Voltage = Annotated[Quantity, InUnit("V"), Term("Voltage")]
"""Electric potential difference."""

Duration = Annotated[Quantity, InUnit("s", ge=0), Term("Duration")]
"""Time span of an experiment."""

CellConstant = Annotated[Quantity, InUnit("1/m", gt=0), Term("ConductivityCellConstant")]
"""Cell constant of a conductivity cell: conductivity is this times conductance."""

Resistance = Annotated[Quantity, InUnit("Ohm", ge=0), Term("ElectricResistance")]
"""Electric resistance."""

Ratio = Annotated[Quantity, InUnit("1")]
"""A number without dimension."""

CycleCount = Annotated[Quantity, InUnit("1", ge=0), Term("TotalNumberOfCycles")]
"""A number of cycles as a prediction: it may have a fraction and an uncertainty."""
