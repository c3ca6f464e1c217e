"""The schemas of capabilities, as the ledger tells them."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cache
from typing import Final

from labmesh.semantics._look import Schema, has_terms
from messages.campaign import CampaignPlan, CampaignProposal, PlanInput, ProposalInput
from messages.capabilities import CAPABILITIES
from messages.cycling_data import CyclingDataInput, CyclingDataOutput
from messages.meaning import DECLARED, TERM
from messages.model import JsonObject
from messages.schema import hash_schema, json_schema

Key = tuple[str, str]
"""(quantity, method)."""

_TOLD: Final = (
    PlanInput, CampaignPlan, ProposalInput, CampaignProposal, CyclingDataInput, CyclingDataOutput,
)  # fmt: skip
"""Models of capabilities that only their own node has a name for."""


@dataclass(frozen=True, slots=True)
class Capability:
    """What a capability takes and gives.

    Attributes:
        version: 0 where the ledger has not said it.
        parameters: Schema of a request's parameters.
        result: Schema of a result's data.
        worker: ``instrument`` or ``model``; empty where nobody has offered it.
        borrowed: Whether the terms are ours, not the ledger's own.
        process: Label of what kind of process it is; empty where no schema says it.
    """

    version: int = 0
    parameters: Schema | None = None
    result: Schema | None = None
    worker: str = ""
    process: str = ""
    borrowed: bool = False


class Schemas:
    """What is known of capabilities so far, from entries in the ledger's order."""

    def __init__(self) -> None:
        self._known: dict[Key, Capability] = {}
        self._workers: dict[tuple[str, str, str], str] = {}

    def take_capability(self, body: JsonObject) -> None:
        """Learn from the body of a capability entry."""
        key = (body["quantity"], body["method"])
        self._known[key] = Capability(
            version=body["version"],
            parameters=_with_terms(body["parameters_schema"]),
            result=_with_terms(body["result_schema"]),
            borrowed=not has_terms(body["result_schema"]),
        )

    def take_offer(self, body: JsonObject) -> None:
        """Learn from the body of an offer entry who serves a capability, and by what."""
        offer = body.get("offer")
        if offer is not None:
            self._workers[body["node"], body["quantity"], body["method"]] = offer["worker"]
            self._workers["", body["quantity"], body["method"]] = offer["worker"]

    def of(self, quantity: str, method: str, author: str = "") -> Capability:
        """Return what is known of a capability; of the common ones also before the ledger tells.

        Args:
            quantity: Of the capability.
            method: Of the capability.
            author: Whose worker is meant.
        """
        found = self._known.get((quantity, method)) or _common(quantity, method)
        workers = self._workers
        worker = workers.get((author, quantity, method)) or workers.get(("", quantity, method), "")
        return replace(found, worker=worker, process=_process(found, quantity, method))


def _process(capability: Capability, quantity: str, method: str) -> str:
    """Return the term on the root of a capability's schemas; of the common ones by their names."""
    types = CAPABILITIES.get((quantity, method))
    own = str(getattr(types, "process", "") or "")
    for schema in (capability.result, capability.parameters):
        told = str((schema or {}).get(TERM, ""))
        if told and told not in DECLARED:
            return own if capability.borrowed and own else told
    return own


def _common(quantity: str, method: str) -> Capability:
    types = CAPABILITIES.get((quantity, method))
    if types is None:
        return Capability()
    return Capability(
        parameters=json_schema(types.input), result=json_schema(types.output), borrowed=True
    )


def _with_terms(schema: JsonObject) -> Schema:
    """Return a schema, or ours where it is the same but for terms: an older ledger has none."""
    if has_terms(schema):
        return schema
    return _ours().get(hash_schema(schema), schema)


@cache
def _ours() -> dict[str, Schema]:
    told = [json_schema(model) for model in _TOLD]
    common = [
        json_schema(m) for types in CAPABILITIES.values() for m in (types.input, types.output)
    ]
    return {hash_schema(schema): schema for schema in [*told, *common]}
