"""The 28 requirements: BIG-MAP's data management plan, made testable."""

from __future__ import annotations

from typing import Final

from labmesh.fair._types import Requirement

_EXPORT: Final = "labmesh ledger export campaign.jsonld --format jsonld"
_CRATE: Final = "labmesh crate write CAMPAIGN crate && labmesh crate check crate"
_RESULTS: Final = "labmesh result list --campaign CAMPAIGN --json"
_ACCESS: Final = "labmesh access list"

REQUIREMENTS: Final = tuple(
    Requirement(number, words, section, command)
    for number, (words, section, command) in enumerate(
        (
            ("machine-readable metadata on all output", "2.1.1", _EXPORT),
            ("unique identifiers; a PID once published", "main, 2.1.2", "labmesh archive list"),
            ("imported data keep their identifier and licence", "2.1.2", _RESULTS),
            ("names follow BattINFO and EMMO", "2.1.3", _EXPORT),
            ("keywords, of BattINFO always", "2.1.4", _CRATE),
            ("a version and a date", "2.1.5", _CRATE),
            ("metadata of models timestamped and hashed", "2.1.5", _RESULTS),
            ("every step of active learning saved", "2.1.5", "labmesh campaign replay CAMPAIGN"),
            ("method, protocol, fidelity, provenance said", "2.1.6", _RESULTS),
            ("metadata by itself, supplemented by people", "2.1.6", _CRATE),
            ("metadata stored with the data", "2.1.6, 2.2.4", _CRATE),
            ("materials and components identified", "2.1.6", "labmesh sample list"),
            ("assembly, protocols, instrument", "2.1.6", _RESULTS),
            ("time and place", "2.1.6", _RESULTS),
            ("type of output, later processing", "2.1.6", "labmesh artifact list"),
            ("calculations: input, code, computer, person, time", "2.1.6", _RESULTS),
            (
                "learned models: begin, data, hardware",
                "2.1.6",
                "labmesh degradation reproduce CARD",
            ),
            ("all earlier metadata passed on", "2.1.6, 1.9.7", "labmesh sample history SAMPLE"),
            ("EMMO, OWL, Dublin Core, SKOS", "2.1.6", _EXPORT),
            ("public, restricted, confidential", "2, 2.2.1", _ACCESS),
            ("restricted: metadata open, somebody to ask", "2.2.1, 2.2.5", _ACCESS),
            ("open formats, else the software named", "2.2.3, 2.3.1", "labmesh artifact list"),
            ("a known licence", "2.4.1", _CRATE),
            ("embargo with date and reason", "2.4.2", _ACCESS),
            ("plausible shape and numbers", "2.4.4", _CRATE),
            ("kept for ten years at least", "main, 2.4.5", "labmesh ledger verify"),
            ("back-up, recovery, secure transfer", "2.6.1", "labmesh ledger backup FILE"),
            ("the owner recorded", "2.2.1, 2.6.1", _ACCESS),
        ),
        start=1,
    )
)
"""In their order; ``section`` is of the plan that the project's reference quotes."""
