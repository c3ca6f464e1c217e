"""What the services of the ASAB node take and give."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from messages.chemistry import Formulation
from messages.ledger import SampleId
from messages.model import Flag, Model, Name, Real, Text, Unit


class StockLevel(Model):
    """How full a bottle is, by the node's own record; nothing measures it."""

    name: Name
    label: Text
    volume: Annotated[Real, Unit("m3"), Field(ge=0)]
    concentration: dict[str, Annotated[Real, Unit("mol/m3")]]
    sample: SampleId = Field(description="of the solution in the ledger")


class StockLevels(Model):
    """All the bottles."""

    stocks: tuple[StockLevel, ...]


class RefillInput(Model):
    """A bottle was refilled with the same solution."""

    stock: Name
    volume: Annotated[Real, Unit("m3"), Field(ge=0)] | None = Field(
        default=None, description="what it holds now; without it, the stock_volume of the node"
    )


class PlanInput(Model):
    """How would this be mixed? Nothing moves."""

    formulation: Formulation
    volume: Annotated[Real, Unit("m3"), Field(gt=0)] | None = Field(
        default=None, description="without it, the sample_volume of the node"
    )
    target: Literal["cells", "vial"] = Field(
        default="cells", description="measured, or handed over; for the rig of devices"
    )


class Handling(Model):
    """What the pumps would do for a mixture."""

    taken: dict[str, Annotated[Real, Unit("m3")]] = Field(
        description="from each bottle, by stock: mixture, purging and priming"
    )
    mixture: Annotated[Real, Unit("m3")] = Field(description="in all, also what purges")
    wasted: Annotated[Real, Unit("m3")] = Field(description="in all, before cleaning")
    strokes: Annotated[int, Field(ge=1)] = Field(description="of the pumps, one after another")
    seconds: Annotated[Real, Unit("s")] = Field(description="of dosing alone")
    remarks: tuple[Text, ...] = Field(description="where limits made it another plan")


class Plan(Model):
    """What the stock solutions can make of a formulation."""

    feasible: Flag
    formulation: Formulation = Field(description="mole fractions: achieved, or nearest feasible")
    distance: Annotated[Real, Unit("1"), Field(ge=0)] = Field(
        description="from the request, Euclidean, in mole fraction"
    )
    volumes: dict[str, Annotated[Real, Unit("m3")]] = Field(
        default_factory=dict, description="by stock; empty where it is not feasible"
    )
    handling: Handling | None = Field(
        default=None, description="by the rig of devices, with the lines as they are now"
    )
    reason: Text = Field(default="", description="why it is not feasible")


class CalibrateInput(Model):
    """Somebody has filled the conductivity cell with a standard."""

    who: Text = Field(min_length=1, description="the person")
    kcl: Literal["0.01", "0.1"] = Field(
        default="0.1", description="molality of aqueous KCl at 25 degrees Celsius, mol/kg"
    )
    conductivity: Annotated[Real, Unit("S/m"), Field(gt=0)] | None = Field(
        default=None, description="of another standard, or at another temperature"
    )
    days: Annotated[Real, Unit("d"), Field(gt=0, le=3650)] = Field(
        default=90.0, description="until it expires"
    )


class CellCalibration(Model):
    """The calibration that counts from now on."""

    id: Text
    cell_constant: Annotated[Real, Unit("1/m")]
    uncertainty: Annotated[Real, Unit("1/m")] = Field(description="standard")
