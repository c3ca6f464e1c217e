"""Fits the conductivity equations to the published data beside this file.

``python -m nodes.aiida.fit`` prints the fits and says whether the coefficients that ship are those;
with ``--write`` it writes them.
"""

from __future__ import annotations

import csv
import hashlib
import json
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np

from nodes.aiida._equations import EC_EMC, PC_EC_EMC, Equation, Floats
from nodes.aiida._grouped_fit import GroupedFit, fit_grouped

DATA: Final = Path(__file__).parent / "data"
COEFFICIENTS: Final = DATA / "conductivity_polynomial.json"
VERSION: Final = 1
"""Of the model; a new number whenever the coefficients or the terms change."""

_DENSITY_EC, _DENSITY_EMC = 1.3430, 1.0147
"""kg/L at about 27 C, from the feeder densities of Dave et al. 2022 (DOI
10.1038/s41467-022-32938-1): EC:EMC 30:70 1.095 and 50:50 1.156, by additivity of volumes."""
_VOLUME_LIPF6 = 0.0594
"""L/mol, apparent, from the same: 1.225 and 1.287 kg/L with 1.5 mol/kg."""

_SHARE_STEP = 1.5
"""The factor in w_EC, 0.2 to 0.3, over which `EC_EMC` is tested as an extrapolation."""


@dataclass(frozen=True, slots=True)
class Points:
    """Measured conductivities.

    Attributes:
        molality: mol/kg of solvent.
        share: r or w_EC, kg/kg.
        temperature: K.
        conductivity: S/m.
        group: Whose points share an error: a mixture of one batch, or a publication.
        level: What is left out at a time when the fit is tested.
    """

    molality: Floats
    share: Floats
    temperature: Floats
    conductivity: Floats
    group: tuple[str, ...]
    level: tuple[str, ...]

    def where(self, mask: Any) -> Points:
        """Return the points at which ``mask`` (shape (points,)) is true."""
        chosen = np.flatnonzero(mask)
        return Points(
            self.molality[chosen], self.share[chosen], self.temperature[chosen],
            self.conductivity[chosen], tuple(self.group[i] for i in chosen),
            tuple(self.level[i] for i in chosen),
        )  # fmt: skip

    def fit(self, equation: Equation) -> GroupedFit:
        """Return the equation's fit to these points."""
        design = equation.design(self.molality, self.share, self.temperature)
        return fit_grouped(design, equation.target(self.molality, self.conductivity), self.group)

    def errors(self, equation: Equation, coefficients: Floats) -> Floats:
        """Return target minus sum of terms: S/m, or relative where it is logarithmic."""
        design = equation.design(self.molality, self.share, self.temperature)
        return equation.target(self.molality, self.conductivity) - design @ coefficients


def read_flores(path: Path = DATA / "flores2022_pc_ec_emc_lipf6.csv") -> Points:
    """Return the points of Flores et al. 2022: LiPF6 in PC:EC:EMC."""
    rows = _rows(path)
    share = _column(rows, "r_PC_over_PC_plus_EC")
    molality = _column(rows, "c_mol_kg")
    return Points(
        molality=molality,
        share=share,
        temperature=_column(rows, "T_K"),
        conductivity=0.1 * _column(rows, "k_mS_cm"),
        group=tuple(f"{r:.3f}/{m:.3f}" for r, m in zip(share, molality, strict=True)),
        level=tuple(f"{r:.1f}" for r in share),
    )


def read_calisol(path: Path = DATA / "calisol23_lipf6_ec_emc_without_ding.csv") -> Points:
    """Return the points of CALiSol-23 on LiPF6 in EC:EMC, in molality and mass fractions."""
    rows = [row for row in _rows(path) if not row["flag"]]
    w, amount = _column(rows, "EC"), _column(rows, "c")
    by_volume = np.array([row["solvent ratio type"] == "v" for row in rows])
    mass = w * _DENSITY_EC
    w = np.where(by_volume, mass / (mass + (1 - w) * _DENSITY_EMC), w)
    solvent = w / _DENSITY_EC + (1 - w) / _DENSITY_EMC
    by_litre = np.array([row["c units"] == "mol/l" for row in rows])
    doi = tuple(row["doi"] for row in rows)
    return Points(
        molality=np.where(by_litre, amount * solvent / (1 - _VOLUME_LIPF6 * amount), amount),
        share=w,
        temperature=_column(rows, "T"),
        conductivity=0.1 * _column(rows, "k"),
        group=doi,
        level=doi,
    )


def left_out(points: Points, equation: Equation) -> dict[str, float]:
    """Return the RMS error at each level when it is left out of the fit.

    A level without which the rest does not determine the terms is not tested.
    """
    found = {}
    for level in sorted(set(points.level)):
        mask = np.array([other == level for other in points.level])
        try:
            fit = points.where(~mask).fit(equation)
        except ValueError:
            continue
        found[level] = _rms(points.where(mask).errors(equation, fit.coefficients))
    return found


def describe() -> dict[str, Any]:
    """Fit both equations; return the content of the file of coefficients."""
    flores, calisol = read_flores(), read_calisol()
    # At w_EC 0 conductivity falls with dilution as it does in no mixture with EC.
    inside = (calisol.share > 0.05) & (calisol.molality > 0.19) & (calisol.molality < 2.3)
    calisol = calisol.where(inside & (calisol.temperature > 262))
    poorer = calisol.where(calisol.share < 0.25).fit(EC_EMC)
    beyond = calisol.where((calisol.share > 0.25) & (calisol.share < 0.32))
    return {
        "version": VERSION,
        "equations": {
            PC_EC_EMC.name: {
                **_described(PC_EC_EMC, flores),
                "region": {
                    "temperature": [243.15, 333.15],
                    "molality": [0.194, 2.118],
                    "r": [0.087, 1.0],
                    "cyclic": [0.3, 0.3],
                },
                "reach": {
                    "temperature": [243.15, 333.15],
                    "molality": [0.194, 2.2],
                    "r": [0.0, 1.0],
                    "cyclic": [0.27, 0.33],
                },
                "dois": ["10.1039/D2DD00027J"],
                "data": _hashed(DATA / "flores2022_pc_ec_emc_lipf6.csv"),
            },
            EC_EMC.name: {
                **_described(EC_EMC, calisol),
                "extrapolation": {
                    "factor": _SHARE_STEP,
                    "rms": _rms(beyond.errors(EC_EMC, poorer.coefficients)),
                },
                "region": {
                    "temperature": [263.15, 333.15],
                    "molality": [0.2, 2.25],
                    "w_EC": [0.1, 0.3],
                },
                "reach": {
                    "temperature": [253.15, 343.15],
                    "molality": [0.15, 2.25],
                    "w_EC": [0.1, 0.55],
                },
                "dois": sorted(set(calisol.group)),
                "data": _hashed(DATA / "calisol23_lipf6_ec_emc_without_ding.csv"),
            },
        },
    }


def _described(equation: Equation, points: Points) -> dict[str, Any]:
    fit = points.fit(equation)
    levels = left_out(points, equation)
    return {
        "terms": list(equation.terms),
        "coefficients": fit.coefficients.tolist(),
        "covariance": fit.covariance.tolist(),
        "within": fit.within,
        "between": fit.between,
        "rms": _rms(points.errors(equation, fit.coefficients)),
        "left_out": levels,
        "left_out_rms": _rms(np.array(list(levels.values()))),
        "points": len(points.group),
        "groups": len(set(points.group)),
    }


def _rows(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def _column(rows: list[dict[str, str]], name: str) -> Floats:
    return np.array([float(row[name]) for row in rows])


def _rms(errors: Floats) -> float:
    return float(np.sqrt(np.mean(np.square(errors))))


def _hashed(path: Path) -> Mapping[str, str]:
    return {"file": path.name, "sha256": hashlib.sha256(path.read_bytes()).hexdigest()}


def same(ours: Any, shipped: Any) -> bool:
    """Return whether two descriptions agree, numbers within 1e-6 of each."""
    if isinstance(ours, Mapping):
        return (
            isinstance(shipped, Mapping)
            and ours.keys() == shipped.keys()
            and all(same(ours[key], shipped[key]) for key in ours)
        )
    if isinstance(ours, list):
        return len(ours) == len(shipped) and all(map(same, ours, shipped))
    if isinstance(ours, float):
        return bool(np.isclose(ours, shipped, rtol=1e-6, atol=0))
    return bool(ours == shipped)


def main(arguments: list[str]) -> int:
    """Print the fits; write or compare."""
    content = describe()
    for name, equation in content["equations"].items():
        unit = "S/m" if name == PC_EC_EMC.name else "relative"
        print(f"{name}: {equation['points']} points in {equation['groups']} groups")  # noqa: T201
        for term, value in zip(equation["terms"], equation["coefficients"], strict=True):
            print(f"  {term:14s}{value: .6g}")  # noqa: T201
        for key in ("rms", "within", "between", "left_out_rms"):
            print(f"  {key:14s}{equation[key]: .4f} {unit}")  # noqa: T201
        print("  " + ", ".join(f"{k} {v:.3f}" for k, v in equation["left_out"].items()))  # noqa: T201
        if "extrapolation" in equation:
            print(f"  extrapolation {equation['extrapolation']['rms']:.4f}")  # noqa: T201
    if "--write" in arguments:
        COEFFICIENTS.write_text(json.dumps(content, indent=1) + "\n", encoding="utf-8")
        return 0
    agree = COEFFICIENTS.exists() and same(content, json.loads(COEFFICIENTS.read_text("utf-8")))
    print("the shipped coefficients are these" if agree else "the shipped coefficients differ")  # noqa: T201
    return 0 if agree else 1


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
