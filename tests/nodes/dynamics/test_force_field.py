"""The force field's data, and the energies that OpenMM makes of them."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import openmm
import pytest

from messages.chemistry import EC, EMC, LIPF6, MOLAR_MASSES
from nodes.dynamics._force_field import SPECIES, force_field
from nodes.dynamics._packing import pack, scaled
from nodes.dynamics._system import HYDROGEN, make_system

FIELD = force_field()
BOX = 4.0


def energies(counts: dict[str, int], positions: Any, scale: float = 1.0) -> dict[str, float]:
    """Return kJ/mol by force, in a box so large that images hardly matter."""
    system = make_system(FIELD, counts, BOX, 1.9, scale)
    names = []
    for group, force in enumerate(system.getForces()):
        force.setForceGroup(group)
        names.append(type(force).__name__)
        if isinstance(force, openmm.CustomNonbondedForce):
            force.setUseLongRangeCorrection(False)
    context = openmm.Context(
        system, openmm.VerletIntegrator(0.001), openmm.Platform.getPlatformByName("Reference")
    )
    context.setPositions(positions)
    return {
        name: context.getState(energy=True, groups={group}).getPotentialEnergy()._value
        for group, name in enumerate(names)
    }


@pytest.mark.parametrize("kind", ["atom_types", "bonds", "angles", "torsions", "impropers"])
def test_every_number_says_where_it_is_from(kind: str) -> None:
    for name, term in FIELD.terms[kind].items():
        assert term["source"], name
        assert term["checked"].startswith(("read", "memory")), name


def test_molecules_have_their_charge_and_mass() -> None:
    charges = {name: math.fsum(FIELD.molecules[name].charges) for name in SPECIES}
    assert charges == pytest.approx({"Li": 1, "PF6": -1, "EC": 0, "EMC": 0}, abs=1e-9)
    masses = {EC.key: "EC", EMC.key: "EMC"}
    for key, name in masses.items():
        assert FIELD.molecules[name].mass / 1000 == pytest.approx(MOLAR_MASSES[key], rel=1e-4)
    salt = FIELD.molecules["Li"].mass + FIELD.molecules["PF6"].mass
    assert salt / 1000 == pytest.approx(MOLAR_MASSES[LIPF6.key], rel=1e-4)


def test_every_term_of_every_molecule_is_there() -> None:
    bonds = {name: len(FIELD.molecules[name].bonds) for name in SPECIES}
    assert bonds == {"Li": 0, "PF6": 6, "EC": 10, "EMC": 14}
    assert len(list(FIELD.molecules["PF6"].angles())) == 12
    for molecule in FIELD.molecules.values():
        for kind, found in (
            ("bonds", molecule.bonds),
            ("angles", molecule.angles()),
            ("torsions", molecule.torsions()),
        ):
            for atoms in found:
                assert FIELD.term(kind, tuple(molecule.types[i] for i in atoms))


def test_lennard_jones_by_geometric_means_and_coulomb_by_scaled_charges() -> None:
    """Li+ before a face of PF6-, by hand."""
    anion = FIELD.molecules["PF6"].positions
    lithium = np.array([[0.0, 0.0, 0.0]])
    direction = np.array([1.0, 1.0, 1.0]) / math.sqrt(3)
    far = np.concatenate([lithium, anion + 2.5 * direction])
    near = np.concatenate([lithium, anion + 0.35 * direction])
    counts = {"Li": 1, "PF6": 1}
    expected_lj = expected_q = 0.0
    types = FIELD.terms["atom_types"]
    for place, kind, charge in zip(
        near[1:], FIELD.molecules["PF6"].types, FIELD.molecules["PF6"].charges, strict=True
    ):
        r = float(np.linalg.norm(place))
        sigma = math.sqrt(types["Li"]["sigma"] * types[kind]["sigma"])
        epsilon = math.sqrt(types["Li"]["epsilon"] * types[kind]["epsilon"])
        expected_lj += 4 * epsilon * ((sigma / r) ** 12 - (sigma / r) ** 6)
        expected_q += 138.935458 * 0.75**2 * charge / r
    here, there = energies(counts, near, 0.75), energies(counts, far, 0.75)
    assert here["CustomNonbondedForce"] == pytest.approx(expected_lj, rel=1e-5)
    assert here["NonbondedForce"] - there["NonbondedForce"] == pytest.approx(expected_q, rel=0.25)
    full = energies(counts, near, 1.0)["NonbondedForce"]
    assert here["NonbondedForce"] == pytest.approx(0.75**2 * full, rel=1e-3)


def test_a_molecule_of_our_geometry_is_nearly_at_rest() -> None:
    """Angles are the geometry's, lengths OPLS-AA's: a few kJ/mol of strain, no more."""
    for name, most in (("EC", 40.0), ("EMC", 40.0), ("PF6", 1e-6)):
        found = energies({name: 1}, FIELD.molecules[name].positions)
        assert found["HarmonicAngleForce"] < 3.0
        assert found["HarmonicBondForce"] < most


def test_carbonates_are_kept_flat() -> None:
    emc = FIELD.molecules["EMC"]
    flat = energies({"EMC": 1}, emc.positions)["PeriodicTorsionForce"]
    bent = emc.positions.copy()
    normal = np.cross(bent[0] - bent[5], bent[1] - bent[5])
    bent[2] += 0.04 * normal / np.linalg.norm(normal)
    assert energies({"EMC": 1}, bent)["PeriodicTorsionForce"] > flat + 5


def test_hydrogens_are_heavy_and_molecules_are_not() -> None:
    system = make_system(FIELD, {"EC": 1}, BOX, 1.0, 1.0)
    masses = [system.getParticleMass(i)._value for i in range(10)]
    assert masses[6:] == [HYDROGEN] * 4
    assert sum(masses) == pytest.approx(FIELD.molecules["EC"].mass)
    assert system.getNumConstraints() == 4


def test_a_packed_box_holds_whole_molecules_apart() -> None:
    counts = {"Li": 2, "PF6": 2, "EC": 5, "EMC": 5}
    positions = pack(FIELD, counts, 2.0, 1)
    assert positions.shape == (2 + 14 + 50 + 75, 3)
    assert pack(FIELD, counts, 2.0, 1).tobytes() == positions.tobytes()
    assert pack(FIELD, counts, 2.0, 2).tobytes() != positions.tobytes()
    first = positions[16:26]
    shape = FIELD.molecules["EC"].positions
    assert np.linalg.norm(first[0] - first[1]) == pytest.approx(np.linalg.norm(shape[0] - shape[1]))
    squeezed = scaled(FIELD, counts, positions, 0.5)
    assert squeezed[16:26].mean(axis=0) == pytest.approx(0.5 * first.mean(axis=0))
    assert np.linalg.norm(squeezed[16] - squeezed[17]) == pytest.approx(
        np.linalg.norm(first[0] - first[1])
    )
