"""Lives of virtual cells, on which the extrapolation of trajectories is calibrated (simulated).

``python benchmarks/virtual_lives.py`` runs 64 virtual NMC 811 cells to 78 % of their capacity and
writes ``nodes/degradation/data/virtual_trajectories.npz``: some 10 minutes of one core. With
``--first N`` it runs N cycles alone and compares them with what the file holds. With ``--fast`` it
runs 24 cells that age 3 to 13 times as fast, at C/2, and writes
``tests/data/degradation/virtual_fast.npz``, on which nothing was calibrated: some 40 s.
"""

from __future__ import annotations

import argparse
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from messages.protocol import CyclingProtocol
from nodes.cycler._program import compiled
from nodes.cycler.virtual import COLUMNS, Cell, Engine, assembled

Vector = NDArray[np.float64]

FILE: Final = (
    Path(__file__).parents[1] / "nodes" / "degradation" / "data" / "virtual_trajectories.npz"
)
FAST: Final = Path(__file__).parents[1] / "tests" / "data" / "degradation" / "virtual_fast.npz"
CELLS: Final = 64
SEED: Final = 7
CAPACITY: Final = 7.7
MOST: Final = 6000
KEPT: Final = 120
"""Cycles of which capacity and time are kept."""
_SLICE: Final = 20 * 86400.0
_TIME, _DISCHARGED, _CYCLE = (COLUMNS.index(n) for n in ("test_time", "discharged", "cycle"))


@dataclass(frozen=True)
class Design:
    """What differs from cell to cell; arrays have one value a cell."""

    factors: Vector
    formation: NDArray[np.int64]
    rate: Vector
    formation_rate: Vector

    @classmethod
    def drawn(cls, count: int = CELLS, seed: int = SEED) -> Design:
        """Draw factors of growth, material loss and resistances, and protocols."""
        generator = np.random.default_rng(seed)
        factors = 2 ** generator.uniform(np.log2(0.4), np.log2(2.5), (count, 3))
        formation = generator.integers(1, 4, count)
        rate = generator.choice([0.5, 1.0], count)
        return cls(factors, formation, rate, generator.choice([0.1, 0.3], count))

    @classmethod
    def fast(cls, count: int = 24, seed: int = 3) -> Design:
        """Draw cells whose SEI and material loss are faster by one factor, like those of a demo."""
        generator = np.random.default_rng(seed)
        both = np.exp(generator.uniform(np.log(3), np.log(13), count))
        factors = np.stack([both, both, generator.uniform(0.8, 1.3, count)], axis=1)
        return cls(factors, np.full(count, 3), np.full(count, 0.5), np.full(count, 0.1))

    def cell(self, place: int) -> Cell:
        """Return a cell as it comes from assembly."""
        growth, lam, resistance = self.factors[place]
        cell = assembled(f"c{place}", SEED)
        return replace(
            cell,
            growth=cell.growth * growth,
            lam_negative=cell.lam_negative * lam,
            lam_positive=cell.lam_positive * lam,
            resistance=cell.resistance * resistance,
            film=cell.film * resistance,
        )

    def protocol(self, place: int, cycles: int) -> CyclingProtocol:
        """Return formation and cycles, records once in an hour."""

        def block(tag: str, rate: float, count: int) -> list[dict[str, Any]]:
            return [
                {"step": "tag", "tag": tag},
                {"step": "constant_current", "rate_C": rate, "until_voltage_V": 4.2},
                {"step": "constant_voltage", "voltage_V": 4.2, "until_rate_C": 0.05},
                {"step": "constant_current", "rate_C": -rate, "until_voltage_V": 2.5},
                {"step": "loop", "loop_to": tag, "cycle_count": count},
            ]

        form = block("form", float(self.formation_rate[place]), int(self.formation[place]))
        return CyclingProtocol.model_validate(
            {
                "record": {"time_s": 7200},
                "sample": {"capacity_mAh": CAPACITY},
                "safety": {"max_voltage_V": 4.3, "min_voltage_V": 2.4, "delay_s": 60},
                "method": form + block("cycle", float(self.rate[place]), cycles),
            }
        )


def run(design: Design, cycles: int) -> list[dict[int, tuple[float, float]]]:
    """Cycle all cells; return capacity (A.h) and time at the discharge's end (s) by cycle."""
    count = len(design.formation)
    engine = Engine(count)
    limits = {"voltage_max": 4.3, "voltage_min": 2.4, "delay": 60.0}
    for place in range(count):
        program = compiled(design.protocol(place, cycles))
        engine.load(place, program, design.cell(place), limits)
    found: list[dict[int, tuple[float, float]]] = [{} for _ in range(count)]
    alive, until = set(range(count)), 0.0
    while alive:
        until += _SLICE
        rows, ended = engine.run(np.full(count, until))
        for place, records in rows.items():
            for row in np.asarray(records):
                number, charge = int(row[_CYCLE]), float(row[_DISCHARGED])
                if charge >= found[place].get(number, (0.0, 0.0))[0] and charge > 0:
                    found[place][number] = (charge, float(row[_TIME]))
        alive -= {each.channel for each in ended}
        for place in list(alive):
            if life_of(found[place], int(design.formation[place]), 0.78):
                engine.rest(place)
                alive.discard(place)
        print(f"{until / 86400:.0f} days, {len(alive)} cells go on", flush=True)
    return found


def life_of(cycles: dict[int, tuple[float, float]], formation: int, end: float = 0.8) -> int:
    """Return the first cycle below ``end`` of the first after formation; 0 where there is none."""
    numbers = sorted(cycles)[:-1]
    if len(numbers) <= formation:
        return 0
    reference = cycles[formation + 1][0]
    return next((n for n in numbers[formation:] if cycles[n][0] < end * reference), 0)


def main() -> None:
    """Run, and write or compare."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--first", type=int, default=0, metavar="N")
    parser.add_argument("--fast", action="store_true")
    given = parser.parse_args()
    if given.fast:
        design = Design.fast()
        write(FAST, design, run(design, 1500), kept=63)
        return
    design = Design.drawn()
    found = run(design, given.first or MOST)
    if given.first:
        with np.load(FILE) as stored:
            kept = stored["place"]
            worst = 0.0
            for row, place in enumerate(kept):
                for number in range(1, given.first):
                    worst = max(
                        worst,
                        abs(stored["capacity"][row, number - 1] / found[place][number][0] - 1),
                    )
        print(f"capacities of {len(kept)} cells differ from the file's by {worst:.1e} at most")
        return
    write(FILE, design, found, kept=KEPT)


def write(
    file: Path, design: Design, found: list[dict[int, tuple[float, float]]], *, kept: int
) -> None:
    """Write the cells whose end was reached."""
    lives = np.array([life_of(c, int(f)) for c, f in zip(found, design.formation, strict=True)])
    places = np.flatnonzero(lives > 0)
    numbers = range(1, kept + 1)
    np.savez_compressed(
        file,
        place=places.astype("<i4"),
        capacity=np.array([[found[p][n][0] for n in numbers] for p in places], dtype="<f4"),
        ended=np.array([[found[p][n][1] for n in numbers] for p in places], dtype="<f4"),
        life=lives[places].astype("<i4"),
        formation=design.formation[places].astype("<i4"),
        rate=design.rate[places].astype("<f4"),
        formation_rate=design.formation_rate[places].astype("<f4"),
        factors=design.factors[places].astype("<f4"),
    )


if __name__ == "__main__":
    main()
