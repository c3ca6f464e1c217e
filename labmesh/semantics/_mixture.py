"""Mixtures: what a formulation says of the material that it is the composition of."""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import cache
from typing import Any, Final

from labmesh.semantics import iris
from labmesh.semantics._nodes import Nodes
from labmesh.semantics._quantity import NUMBER, put_quantity
from labmesh.semantics._vocabulary import vocabulary

_IONS: Final = re.compile(r"\[[^\]]*\+\d*\].*\[[^\]]*-\d*\]|\[[^\]]*-\d*\].*\[[^\]]*\+\d*\]")
"""A SMILES of cations and anions: a salt."""

FRACTIONS: Final[Mapping[str, str]] = {"mole": "AmountFraction", "mass": "MassFraction"}


def is_formulation(value: Any) -> bool:
    """Tell whether a plain value is a mixture, as `messages.chemistry.Formulation`."""
    return (
        isinstance(value, dict)
        and value.get("fraction_type") in FRACTIONS
        and isinstance(value.get("components"), list | tuple)
    )


def put_composition(
    nodes: Nodes, material: str, formulation: Mapping[str, Any], *, nature: str, dissolved: bool
) -> None:
    """Say what a material is made of.

    Args:
        nodes: What is said so far.
        material: IRI of the material.
        formulation: Its composition.
        nature: Of the fractions: a set point, or what has come of it.
        dissolved: Whether it is a solution: then salts are its solutes, and the rest its solvent.
    """
    label = FRACTIONS[formulation["fraction_type"]]
    for component in formulation["components"]:
        chemical = component["chemical"]
        key = chemical_key(chemical)
        salt = dissolved and is_salt(chemical)
        if not dissolved:
            owner, relation = material, "hasConstituent"
        elif salt:
            owner, relation = material, "hasSolute"
        else:
            owner, relation = nodes.add(iris.part(material, "solvent"), "Solvent"), "hasConstituent"
            nodes.link(material, "hasSolvent", owner)
        iri = put_chemical(nodes, iris.part(material, "constituent", key), chemical)
        nodes.link(owner, relation, iri)
        share = iris.part(iri, label)
        put_quantity(nodes, share, label, component["fraction"], NUMBER, nature=nature)
        nodes.link(iri, "hasProperty", share)


def put_chemical(nodes: Nodes, iri: str, chemical: Mapping[str, Any]) -> str:
    """Describe a chemical by its class, InChIKey, SMILES and name; return ``iri``."""
    name = str(chemical.get("name") or "")
    nodes.add(iri, chemical_class(str(chemical.get("inchikey") or ""), name) or "ChemicalSubstance")
    nodes.put(iri, "schema:identifier", chemical.get("inchikey"))
    nodes.put(iri, "schema:smiles", chemical.get("smiles"))
    nodes.put(iri, "schema:name", name)
    return iri


def chemical_key(chemical: Mapping[str, Any]) -> str:
    """Return what tells a chemical from others: InChIKey, else SMILES, else name."""
    return str(chemical.get("inchikey") or chemical.get("smiles") or chemical.get("name") or "")


def is_salt(chemical: Mapping[str, Any]) -> bool:
    """Tell whether a chemical is made of ions, by its SMILES, else by what its class is."""
    smiles = str(chemical.get("smiles") or "")
    if smiles:
        return bool(_IONS.search(smiles))
    label = chemical_class(str(chemical.get("inchikey") or ""), str(chemical.get("name") or ""))
    return bool(label) and vocabulary().is_a(label, "Salt")


@cache
def chemical_class(inchikey: str, name: str) -> str:
    """Return the label of a chemical's class, or nothing where the vocabulary has none."""
    return vocabulary().chemical(inchikey, name) or ""
