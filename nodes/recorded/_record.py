"""What a ledger has to answer with: results by what was asked."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from labmesh.record import LedgerFile, journal_items, opened, pages
from messages.campaign import METHOD, QUANTITY, CampaignPlan, PriorSource
from messages.envelope import validate
from messages.errors import ConfigurationError
from messages.ledger import Offer
from messages.model import JsonObject
from messages.query import CapabilityView, RequestView, ResultView

Key = tuple[str, str]
"""(quantity, method)."""


@dataclass(frozen=True, slots=True)
class Answer:
    """A recorded result, and the parameters that had been asked for."""

    asked: JsonObject
    result: ResultView


@dataclass(slots=True)
class RecordedCapability:
    """What is on record of one capability.

    Attributes:
        view: Its schemas.
        limitations: Of the recorded workers at that time.
        slots: Most orders that a recorded worker took at a time.
        answers: By canonical parameters, in the order they were given.
        silent: Canonical parameters that were asked and never answered, and how that ended.
    """

    view: CapabilityView
    limitations: JsonObject = field(default_factory=dict)
    slots: int = 1
    answers: dict[str, list[Answer]] = field(default_factory=lambda: defaultdict(list))
    silent: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Record:
    """What is on record of the workers of a ledger, or of one campaign.

    Attributes:
        head: Hash of the ledger's last entry, hexadecimal.
        offset: Its offset.
        capabilities: What was asked for.
        prior: Older results that the campaign learned from, in the order of the ledger.
    """

    head: str
    offset: int
    capabilities: Mapping[Key, RecordedCapability]
    prior: tuple[ResultView, ...]


def read_record(place: str, campaign: str = "") -> Record:
    """Read a ledger.

    Args:
        place: Its file, the broker node's folder, or a database URL.
        campaign: Only what was asked for this one; empty for all.

    Raises:
        ConfigurationError: There is no ledger, or nothing was answered in it.
    """
    with opened(place) as file:
        head = file.query("ledger.head", {})
        only = {"campaign": campaign} if campaign else {}
        requests = {
            view.id: view
            for item in pages(file, "query.requests", "requests", **only)
            for view in (validate(RequestView, item, where="request"),)
        }
        results = [
            validate(ResultView, item, where="result")
            for item in pages(file, "query.results", "results", unsolicited=False, **only)
        ]
        prior = tuple(_prior(file, campaign)) if campaign else ()
        wanted = {(view.quantity, view.method) for view in requests.values()}
        wanted |= {(view.quantity, view.method) for view in prior}
        capabilities = {
            (view.quantity, view.method): RecordedCapability(view)
            for item in pages(file, "query.capabilities", "capabilities")
            for view in (validate(CapabilityView, item, where="capability"),)
            if (view.quantity, view.method) in wanted
        }
        for result in sorted(results, key=lambda each: each.offset):
            request = requests.get(result.request) if result.request else None
            if request is not None:
                kept = capabilities[request.quantity, request.method].answers
                kept[canonical(request.parameters)].append(Answer(request.parameters, result))
        for request in requests.values():
            known = capabilities[request.quantity, request.method]
            words = canonical(request.parameters)
            if words not in known.answers:
                known.silent[words] = request.status.value
        last = max((view.offset for view in requests.values()), default=0)
        _add_offers(file, capabilities, results, last)
    if not any(each.answers for each in capabilities.values()):
        whose = f"campaign {campaign}" if campaign else "it"
        raise ConfigurationError(
            f"no request of {whose} was answered in this ledger", where=place,
            remedy="see `labmesh campaign list --ledger-file FILE`",
        )  # fmt: skip
    return Record(bytes(head["hash"]).hex(), int(head["offset"]), capabilities, prior)


def canonical(parameters: JsonObject) -> str:
    """Return parameters as a text that is the same for the same parameters.

    Numbers are the same when their first 12 digits are: nobody doses more, and whoever computes
    them once more may differ in the last.
    """
    return json.dumps(_plain(parameters), sort_keys=True, separators=(",", ":"))


def _plain(value: Any) -> Any:
    """Return ``value`` as JSON has it; 1 and 1.0 are the same number to whoever measures."""
    if isinstance(value, dict):
        return {str(key): _plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    if isinstance(value, bytes):
        return {"$bytes": value.hex()}
    if isinstance(value, float):
        rounded = float(f"{value:.12g}")
        return int(rounded) if rounded.is_integer() and abs(rounded) < 2**53 else rounded
    return value


def _prior(file: LedgerFile, campaign: str) -> Iterator[ResultView]:
    """Yield the older results that a campaign says it learned from, oldest first."""
    found: dict[int, ResultView] = {}
    for source in _sources(file, campaign):
        chosen = {"campaign": source.campaign} if source.campaign else {}
        for item in pages(
            file, "query.results", "results",
            quantity=source.quantity, method=source.method, **chosen,
        ):  # fmt: skip
            view = validate(ResultView, item, where="result")
            if view.offset <= source.until and view.campaign != campaign:
                found[view.offset] = view
    for offset in sorted(found):
        yield found[offset]


def _sources(file: LedgerFile, campaign: str) -> tuple[PriorSource, ...]:
    page = file.query(
        "query.results",
        {"quantity": QUANTITY, "method": METHOD, "campaign": campaign, "newest_first": True,
         "limit": 1},
    )  # fmt: skip
    if not page["results"]:
        return ()
    return validate(CampaignPlan, page["results"][0]["data"], where="plan").prior.sources


def _add_offers(
    file: LedgerFile,
    capabilities: dict[Key, RecordedCapability],
    results: list[ResultView],
    until: int,
) -> None:
    """Take over limitations and slots from what the workers offered last, up to an offset."""
    workers = {(str(view.author), view.quantity, view.method) for view in results}
    last: dict[tuple[str, str, str], Offer] = {}
    for entry in journal_items(file, ["offer"], until):
        body = entry["body"]
        who = (str(body["node"]), body["quantity"], body["method"])
        if who in workers and body["offer"] is not None:
            last[who] = validate(Offer, body["offer"], where="offer")
    for key, capability in capabilities.items():
        offers = [offer for who, offer in last.items() if who[1:] == key]
        if offers:
            capability.slots = max(offer.slots for offer in offers)
            narrow = [offer.limitations for offer in offers]
            same = all(each == narrow[0] for each in narrow)
            capability.limitations = narrow[0] if same else {"anyOf": narrow}
