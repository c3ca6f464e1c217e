"""From entries to events."""

from __future__ import annotations

from typing import Any, Final
from uuid import UUID

from labmesh.history._gather import Gathered, Told
from labmesh.history._types import Event
from messages.model import JsonObject
from messages.reproducibility import REPRODUCIBILITY, RESTS_ON_SIMULATED
from messages.sample_state import INSPECTION

_LONG: Final = 160
"""Characters of a reason that are told."""


def events_of(sample: str, gathered: Gathered, children: tuple[str, ...]) -> tuple[Event, ...]:
    """Return everything that befell a sample, the oldest first."""
    states = gathered.states[sample]
    made = {str(each.body["result"]) for each in states}
    taken: dict[str, list[str]] = {}
    for child in children:
        taken.setdefault(str(gathered.states[child][0].body["result"]), []).append(child)
    touching = dict.fromkeys([*gathered.touched.get(sample, ()), *taken])
    events = [
        *(_state(each, gathered.results.get(str(each.body["result"]))) for each in states),
        *(
            _touch(uuid, gathered.results[uuid], taken.get(uuid, []))
            for uuid in touching
            if uuid not in made and uuid in gathered.results
        ),
    ]
    return tuple(sorted(events, key=lambda event: (event.at, event.offset)))


def _state(entry: Told, result: Told | None) -> Event:
    body = entry.body
    about: JsonObject = body.get("properties") or {}
    made = _made(result, about)
    return Event(
        **{"author": entry.author, **made},
        kind="state",
        at=int(body["at"]),
        offset=entry.offset,
        result=UUID(str(body["result"])),
        request=_request(body),
        state=int(body["state"]),
        label=str(body["label"]),
        location=str(body.get("location") or ""),
        words=", ".join(filter(None, (_carried(about), _decided(about, made), _failed(result)))),
    )


def _touch(uuid: str, result: Told, children: list[str]) -> Event:
    words = f"taken for {', '.join(children)}" if children else _failed(result)
    return Event(
        **{"author": result.author, **_made(result, {})},
        kind="refused" if result.body.get("outcome") == "failed" else "touch",
        at=result.stamp,
        offset=result.offset,
        result=UUID(uuid),
        request=_request(result.body),
        words=words,
    )


def _made(result: Told | None, about: JsonObject) -> dict[str, Any]:
    """Return what a result says of how it came about, as fields of an `Event`."""
    if result is None:
        return {}
    body = result.body
    provenance: JsonObject = body.get("provenance") or {}
    notes: JsonObject = provenance.get("notes") or {}
    recipe = notes.get(REPRODUCIBILITY)
    return {
        "author": result.author,
        "quantity": str(body["quantity"]),
        "method": str(body["method"]),
        "instrument": str(provenance.get("instrument") or ""),
        "simulated": bool(provenance.get("simulated")),
        "rests_on_simulated": notes.get(RESTS_ON_SIMULATED) is True,
        "outcome": str(body.get("outcome") or "resolved"),
        "campaign": str(body.get("campaign") or ""),
        "protocol": str(about.get("protocol") or notes.get("protocol") or ""),
        "protocol_hash": str(about.get("protocol_hash") or notes.get("protocol_hash") or ""),
        "model": str(recipe.get("model") or "") if isinstance(recipe, dict) else "",
        "rating": (body.get("rating") or {}).get("rating"),
    }


def _carried(about: JsonObject) -> str:
    if not about.get("moved"):
        return ""
    who = about.get("by") or about.get("person")
    return f"carried from {about.get('from') or 'somewhere'}" + (f" by {who}" if who else "")


def _decided(about: JsonObject, made: dict[str, Any]) -> str:
    if (made.get("quantity"), made.get("method")) != INSPECTION:
        return ""
    return f"{about.get('person', '')} decided: {about.get('reason', '')}"[:_LONG]


def _failed(result: Told | None) -> str:
    failure = result.body.get("failure") if result is not None else None
    return str(failure.get("message") or "failed")[:_LONG] if isinstance(failure, dict) else ""


def _request(body: JsonObject) -> UUID | None:
    return UUID(str(body["request"])) if body.get("request") else None
