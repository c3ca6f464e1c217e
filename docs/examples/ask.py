"""Ask the running lab for a number: run it with `python docs/examples/ask.py`."""

import asyncio

from labmesh import connect
from messages.formulation_algebra import formulation_from


async def main() -> None:
    """Ask for the conductivity of 1 mol/kg LiPF6 in EC:EMC 4:6 by mass."""
    electrolyte = formulation_from(molality=1.0, w_ec=0.4).model_dump()
    async with connect() as lab:
        result = await lab.request(
            "conductivity", "two_electrode", {"formulation": electrolyte, "temperature": 298.15}
        )
    kappa = result.data["conductivity"]
    print(f"{kappa['value']:.4f} +- {kappa['uncertainty']:.4f} {kappa['unit']}", result.id)


asyncio.run(main())
