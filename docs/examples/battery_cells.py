"""Eight coin cells, from stock solutions to their third formation cycle.

Run it beside `labmesh launch launch/instruments.launch.yaml`.
"""

import argparse
import asyncio

from labmesh import LabClient, connect
from messages.cell import (
    BatteryChemistry,
    Cell,
    CellAssemblyInput,
    CellInfo,
    Electrode,
    IdentifiedCellInfo,
    Separator,
)
from messages.chemistry import Chemical, Formulation, FormulationInfo
from messages.cycling import CapacityInput, CapacityOutput, CyclingChannelInput
from messages.electrolyte import ElectrolyteInput
from messages.formulation_algebra import formulation_from
from messages.location import Location
from messages.query import ResultView

GRAPHITE = Chemical(smiles="[C]", inchikey="OKTJSMMVPCPJKN-UHFFFAOYSA-N", name="graphite")
NMC = Chemical(smiles="[Li+].[O-][Ni]=O", inchikey="VROAXDSNYPAOBJ-UHFFFAOYSA-N", name="LNO")


async def mix(lab: LabClient) -> tuple[str, Formulation]:
    """Ask for 5 mL of 1 mol/kg LiPF6 in EC:EMC 4:6 by mass; return the vial's sample."""
    formulation = formulation_from(molality=1.0, w_ec=0.4)
    made = await lab.request(
        "electrolyte", "flow", ElectrolyteInput(formulation=formulation, volume=5e-6)
    )
    return made.data["sample"], formulation


async def assemble(lab: LabClient, vial: str, formulation: Formulation, cells: int) -> ResultView:
    """Ask for a batch of CR2032 cells with this electrolyte."""
    cell = Cell(
        battery_chemistry=BatteryChemistry(
            electrolyte=formulation,
            anode=Electrode(material=Formulation.of({GRAPHITE: 1}, "mass"), area=1.77e-4),
            cathode=Electrode(material=Formulation.of({NMC: 1}, "mass"), area=1.54e-4),
        ),
        separator=Separator(material="Celgard 2325"),
        electrolyte_volume=35e-9,
    )
    info = CellInfo(electrolyte_info=FormulationInfo(sample=vial))
    batch = CellAssemblyInput(cell=cell, cell_info=info, batch_size=cells)
    return await lab.request("cell_assembly", "autobass_assembly", batch)


async def form(lab: LabClient, cell: str, reservation: str) -> ResultView:
    """Ask for three formation cycles of a cell on a channel that is kept for it."""
    asked = CapacityInput(
        cycling_protocol="formation",
        formation_cycles=3,
        number_cycles=0,
        cell_info=IdentifiedCellInfo(sample=cell),
        location=Location(address="kit"),
        reservation_id=reservation,
    )
    return await lab.request("capacity", "cycling", asked)


async def main(cells: int) -> None:
    """Make them, form them, print what came of it."""
    async with connect() as lab:
        vial, formulation = await mix(lab)
        print(f"electrolyte {vial}", flush=True)
        batch = await assemble(lab, vial, formulation, cells)
        names = [each["cell_info"]["sample"] for each in batch.data["batch_output"]]
        print(f"{cells} cells: {batch.rating.reason if batch.rating else 'not rated'}", flush=True)
        kept = await lab.request(
            "cycling_channel", "service", CyclingChannelInput(number_required_channels=cells)
        )
        formed = await asyncio.gather(
            *(form(lab, name, kept.data["reservation_id"]) for name in names)
        )
        for name, result in zip(names, formed, strict=True):
            found = CapacityOutput.model_validate(result.data)
            charged, discharged = found.charge_capacity, found.discharge_capacity
            print(
                f"{name}: {discharged[-1] * 1e3:.3f} mA.h in cycle {discharged.size}, first cycle "
                f"{discharged[0] / charged[0]:.1%}, result {result.id}"
            )


parser = argparse.ArgumentParser(description=__doc__)
parser.add_argument("--cells", type=int, default=8, help="size of the batch, 1 to 64")
asyncio.run(main(parser.parse_args().cells))
