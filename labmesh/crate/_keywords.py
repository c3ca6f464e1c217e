"""Keywords: terms of BattINFO and its kin that occur, and what the person adds."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Final

from labmesh.crate._description import CrateDescription

if TYPE_CHECKING:
    from labmesh.semantics import Vocabulary

_DOMAINS: Final = frozenset({"battery", "echem", "chems"})
"""Ontologies that BattINFO is made of; of what is beyond them only techniques are keywords."""

_TECHNIQUE: Final = "CharacterisationTechnique"


def keywords(types: Iterable[str], said: CrateDescription) -> tuple[str, ...]:
    """Return the keywords of a crate: the most particular terms of the field, then the person's.

    Args:
        types: Labels of the classes that occur in what the campaign says.
        said: What the person adds.
    """
    from labmesh.semantics import vocabulary  # noqa: PLC0415

    known = vocabulary()
    labels = known.keywords & set(types)
    found = {known.iri(label) for label in labels if _is_of_the_field(known, label)}
    above: set[str] = set()
    for iri in found:
        above |= known.superclasses(iri) - {iri}
    chosen = sorted(known.label(iri) for iri in found - above)
    return tuple(dict.fromkeys((*(chosen or sorted(labels)), *said.keywords)))


def _is_of_the_field(known: Vocabulary, label: str) -> bool:
    entry = known.entry(label)
    if entry.ontology in _DOMAINS:
        return True
    kinds = {known.label(iri) for iri in known.superclasses(entry.iri)}
    return entry.ontology == "chameo" and _TECHNIQUE in kinds
