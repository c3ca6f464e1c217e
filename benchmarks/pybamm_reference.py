"""Makes the data that the virtual cycler is held to: PyBaMM's single particle model with SEI.

``python benchmarks/pybamm_reference.py`` (in an environment with PyBaMM, extra ``pybamm``) writes
``tests/data/cycler/pybamm_spm_sei.json``: forty cycles C/2 of a 14 mm cell with the parameters of
Chen et al. 2020, and discharges at C/10, C/2 and 1C. The stored file carries its provenance, so
that the comparison (`tests/nodes/cycler/test_surrogate.py`) runs without PyBaMM.

The SEI's solvent diffusivity is `FASTER` times that of PyBaMM's default set: with the default
forty cycles lose 0.1 %, which no test could tell from nothing. The factor is chosen, not measured.
"""

from __future__ import annotations

import json
import math
import time
from pathlib import Path
from typing import Any, Final

import numpy as np

FASTER: Final = 100.0
AREA: Final = math.pi / 4 * 0.014**2
CAPACITY: Final = 7.7e-3
CYCLES: Final = 40
POINTS: Final = 101
FILE: Final = Path(__file__).parents[1] / "tests/data/cycler/pybamm_spm_sei.json"
RATES: Final = {"0.1": "C/10", "0.5": "C/2", "1": "1C"}


def parameters(pybamm: Any) -> Any:
    """Return the parameter set for a disc of 14 mm."""
    values = pybamm.ParameterValues("Chen2020")
    area = values["Electrode height [m]"] * values["Electrode width [m]"]
    for side in ("height", "width"):
        values[f"Electrode {side} [m]"] *= math.sqrt(AREA / area)
    values["Nominal cell capacity [A.h]"] = CAPACITY
    values["SEI solvent diffusivity [m2.s-1]"] *= FASTER
    return values


def curve(step: Any) -> dict[str, Any]:
    """Return a step's voltage at equal distances of its time."""
    seconds = step["Time [s]"].entries
    at = np.linspace(seconds[0], seconds[-1], POINTS)
    volts = np.interp(at, seconds, step["Terminal voltage [V]"].entries)
    return {
        "duration": round(float(seconds[-1] - seconds[0]), 3),
        "voltage": [round(float(v), 6) for v in volts],
    }


def charge(step: Any) -> float:
    """Return the charge that a step discharges, A.h."""
    values = step["Discharge capacity [A.h]"].entries
    return float(values[-1] - values[0])


def main() -> None:
    """Solve, and write the file."""
    import pybamm  # noqa: PLC0415 - an optional extra

    pybamm.set_logging_level("ERROR")
    options = {"SEI": "solvent-diffusion limited"}
    values = parameters(pybamm)
    cycle = (
        "Charge at C/2 until 4.2 V",
        "Hold at 4.2 V until C/20",
        "Discharge at C/2 until 2.5 V",
    )
    begun = time.perf_counter()
    simulation = pybamm.Simulation(
        pybamm.lithium_ion.SPM(options),
        parameter_values=values,
        experiment=pybamm.Experiment([cycle] * CYCLES, period="30 seconds"),
    )
    solution = simulation.solve(initial_soc=0)
    print(f"{CYCLES} cycles of SPM with SEI: {time.perf_counter() - begun:.1f} s")
    discharges = {}
    for rate, words in RATES.items():
        single = pybamm.Simulation(
            pybamm.lithium_ion.SPM(options),
            parameter_values=values,
            experiment=pybamm.Experiment(
                [f"Discharge at {words} until 2.5 V"], period="10 seconds"
            ),
        ).solve(initial_soc=1)
        step = single.cycles[0].steps[0]
        discharges[rate] = curve(step) | {"capacity": charge(step)}
    found = {
        "provenance": {
            "made_by": "benchmarks/pybamm_reference.py",
            "pybamm": pybamm.__version__,
            "model": f"SPM, {options}",
            "parameter_set": "Chen2020 (DOI 10.1149/1945-7111/ab9050), electrode area "
            f"{AREA:.6e} m2, SEI solvent diffusivity times {FASTER:g}",
            "temperature_K": 298.15,
            "cycle": list(cycle),
        },
        "nominal_capacity": CAPACITY,
        "discharge_capacity": [round(charge(c.steps[2]), 9) for c in solution.cycles],
        "charge_capacity": [
            round(-charge(c.steps[0]) - charge(c.steps[1]), 9) for c in solution.cycles
        ],
        "cycles": {
            str(number): {
                "charge": curve(solution.cycles[number - 1].steps[0]),
                "hold": float(np.ptp(solution.cycles[number - 1].steps[1]["Time [s]"].entries)),
                "discharge": curve(solution.cycles[number - 1].steps[2]),
            }
            for number in (1, 2, CYCLES)
        },
        "discharges": discharges,
    }
    FILE.parent.mkdir(parents=True, exist_ok=True)
    FILE.write_text(json.dumps(found, separators=(",", ":")) + "\n", encoding="utf-8")
    print(f"wrote {FILE}, {FILE.stat().st_size} bytes")


if __name__ == "__main__":
    main()
