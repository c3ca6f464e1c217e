"""Which electrolyte is in a cell, as the ledger knows it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple, Protocol

from messages.chemistry import EC, EMC, LIPF6, Formulation
from messages.errors import BodyError, CallError
from messages.formulation_algebra import molality_and_w_ec

_BY_SYMBOL = {"LiPF6": LIPF6, "EC": EC, "EMC": EMC}


class Electrolyte(NamedTuple):
    """LiPF6 in EC:EMC: mol per kg of solvent, and EC/(EC + EMC) in kg/kg."""

    molality: float
    w_ec: float


class Reader(Protocol):
    """Reads the ledger; as `labmesh.LabClient`."""

    async def query(self, service: str, arguments: dict[str, Any]) -> dict[str, Any]:
        """Call a reading service."""
        ...


async def electrolyte_of(lab: Reader, cell: str) -> Electrolyte | None:
    """Return what the vial held that the cell was filled from.

    None where the ledger does not know the cell or its vial, or where the vial held anything but
    LiPF6, EC and EMC.

    Raises:
        CallError: The ledger does not answer.
    """
    history = await _sample(lab, cell)
    for parent in (history or {"sample": {"parents": []}})["sample"]["parents"]:
        vial = await _sample(lab, parent)
        if vial is not None and vial["sample"]["kind"] == "electrolyte":
            return _composition(vial["states"][0].get("properties", {}))
    return None


async def _sample(lab: Reader, sample: str) -> dict[str, Any] | None:
    try:
        return await lab.query("query.sample", {"id": sample})
    except CallError as error:
        if getattr(error, "code", "") == "not_found":
            return None
        raise


def _composition(properties: Mapping[str, Any]) -> Electrolyte | None:
    shares = properties.get("mole_fractions")
    if not isinstance(shares, Mapping) or not set(shares) <= set(_BY_SYMBOL):
        return None
    parts = {_BY_SYMBOL[name]: share for name, share in shares.items()}
    try:
        return Electrolyte(*molality_and_w_ec(Formulation.of(parts, "mole")))
    except (BodyError, TypeError, ValueError):
        return None
