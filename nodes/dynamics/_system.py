"""An OpenMM System of the force field."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any, Final

from nodes.dynamics._force_field import IONS, MASSES, SCALE_14, SPECIES, ForceField, Molecule
from nodes.dynamics._openmm import openmm

HYDROGEN: Final = 3.0
"""g/mol. Mass is moved from heavy atoms to their hydrogens, so that a step of 3 fs is stable
(Hopkins et al. 2015, DOI 10.1021/ct5010406); equilibrium averages do not depend on masses."""

_MIXED: Final = "4*sqrt(e1*e2)*(s^12/r^12 - s^6/r^6); s=sqrt(s1*s2)"


def make_system(
    field: ForceField, counts: Mapping[str, int], box: float, cutoff: float, charge_scale: float
) -> Any:
    """Return the System of a cubic box, molecules in the order of `SPECIES`.

    Coulomb interactions by particle mesh Ewald; Lennard-Jones by geometric means of both
    parameters (OPLS-AA), cut at ``cutoff`` with the long-range correction of energy and pressure.
    Bonds to hydrogen are rigid.

    Args:
        field: The force field.
        counts: Molecules by name.
        box: Edge in nm.
        cutoff: nm.
        charge_scale: Factor on the charges of the ions.
    """
    mm = openmm()
    system = mm.System()
    system.setDefaultPeriodicBoxVectors(mm.Vec3(box, 0, 0), mm.Vec3(0, box, 0), mm.Vec3(0, 0, box))
    parts = _Forces(mm, cutoff)
    for name in SPECIES:
        molecule = field.molecules[name]
        scale = charge_scale if name in IONS else 1.0
        for _ in range(counts.get(name, 0)):
            _add(system, parts, field, molecule, scale)
    for force in parts.all:
        system.addForce(force)
    system.addForce(mm.CMMotionRemover(100))
    return system


class _Forces:
    def __init__(self, mm: Any, cutoff: float) -> None:
        self.bonds = mm.HarmonicBondForce()
        self.angles = mm.HarmonicAngleForce()
        self.torsions = mm.PeriodicTorsionForce()
        self.coulomb = mm.NonbondedForce()
        self.coulomb.setNonbondedMethod(mm.NonbondedForce.PME)
        self.coulomb.setCutoffDistance(cutoff)
        self.coulomb.setUseDispersionCorrection(False)
        self.coulomb.setEwaldErrorTolerance(5e-4)
        self.dispersion = mm.CustomNonbondedForce(_MIXED)
        self.dispersion.addPerParticleParameter("s")
        self.dispersion.addPerParticleParameter("e")
        self.dispersion.setNonbondedMethod(mm.CustomNonbondedForce.CutoffPeriodic)
        self.dispersion.setCutoffDistance(cutoff)
        self.dispersion.setUseLongRangeCorrection(True)
        self.all = (self.bonds, self.angles, self.torsions, self.coulomb, self.dispersion)


def _add(system: Any, forces: _Forces, field: ForceField, molecule: Molecule, scale: float) -> None:
    first = system.getNumParticles()
    for mass in _masses(molecule):
        system.addParticle(mass)
    for kind, charge in zip(molecule.types, molecule.charges, strict=True):
        lj = field.terms["atom_types"][kind]
        forces.coulomb.addParticle(charge * scale, 0.1, 0.0)
        forces.dispersion.addParticle([lj["sigma"], lj["epsilon"]])
    _add_bonded(system, forces, field, molecule, first)
    for (i, j), bonds in molecule.distances.items():
        if bonds > 3:
            continue
        forces.dispersion.addExclusion(first + i, first + j)
        if bonds < 3:
            forces.coulomb.addException(first + i, first + j, 0.0, 0.1, 0.0)
            continue
        one, two = (field.terms["atom_types"][molecule.types[k]] for k in (i, j))
        forces.coulomb.addException(
            first + i,
            first + j,
            SCALE_14 * molecule.charges[i] * molecule.charges[j] * scale**2,
            math.sqrt(one["sigma"] * two["sigma"]),
            SCALE_14 * math.sqrt(one["epsilon"] * two["epsilon"]),
        )


def _add_bonded(
    system: Any, forces: _Forces, field: ForceField, molecule: Molecule, first: int
) -> None:
    types = molecule.types
    for i, j in molecule.bonds:
        term = field.term("bonds", (types[i], types[j]))
        if "H" in {molecule.elements[i], molecule.elements[j]}:
            system.addConstraint(first + i, first + j, term["length"])
        else:
            forces.bonds.addBond(first + i, first + j, term["length"], term["k"])
    for i, j, k in molecule.angles():
        kinds = (types[i], types[j], types[k])
        at = math.radians(field.mean_angle(molecule, kinds))
        forces.angles.addAngle(
            first + i, first + j, first + k, at, field.term("angles", kinds)["k"]
        )
    for torsion in molecule.torsions():
        term = field.term("torsions", tuple(types[i] for i in torsion))
        atoms = [first + i for i in torsion]
        for name, n, phase in (("v1", 1, 0.0), ("v2", 2, math.pi), ("v3", 3, 0.0)):
            if term[name]:
                forces.torsions.addTorsion(*atoms, n, phase, term[name] / 2)
    for improper in molecule.impropers():
        k = field.terms["impropers"][types[improper[2]]]["k"]
        forces.torsions.addTorsion(*(first + i for i in improper), 2, math.pi, k)


def _masses(molecule: Molecule) -> list[float]:
    """Return masses with some of each heavy atom's moved to its hydrogens."""
    masses = [MASSES[element] for element in molecule.elements]
    for i, j in molecule.bonds:
        for hydrogen, heavy in ((i, j), (j, i)):
            if molecule.elements[hydrogen] == "H":
                masses[heavy] -= HYDROGEN - masses[hydrogen]
                masses[hydrogen] = HYDROGEN
    return masses
