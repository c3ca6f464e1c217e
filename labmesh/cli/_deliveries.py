"""Messages from any topic as plain data, valid or not."""

from __future__ import annotations

from typing import Any

from labmesh.cli._format import plain, when
from labmesh.cli._output import Output
from labmesh.transport import Delivery
from messages.envelope import decode
from messages.errors import DecodeError, LabmeshError


class FieldMissingError(LabmeshError):
    """A message has no such field."""


def envelope_of(delivery: Delivery) -> dict[str, Any]:
    """Return a delivery as ``{topic, retained, header, body}``.

    What is no envelope has ``error`` and ``payload`` (hex) instead; an empty payload, which clears
    a retained value, has ``cleared``. Bodies are not validated: one looks at what is there.
    """
    content: dict[str, Any] = {"topic": delivery.topic, "retained": delivery.retain}
    if not delivery.payload:
        return {**content, "cleared": True}
    try:
        raw = decode(delivery.payload)
    except DecodeError as error:
        return {**content, "error": str(error), "payload": delivery.payload.hex()}
    header = {name: getattr(raw.header, name) for name in raw.header._fields}
    return {**content, "header": header, "body": raw.body}


def pick_field(content: Any, path: str) -> Any:
    """Return the part of ``content`` at a dotted path; numbers index lists.

    Raises:
        FieldMissingError: There is none; says what there is.
    """
    value = content
    for part in path.split("."):
        if isinstance(value, dict) and part in value:
            value = value[part]
        elif isinstance(value, list) and part.isdecimal() and int(part) < len(value):
            value = value[int(part)]
        else:
            known = list(value) if isinstance(value, dict) else type(value).__name__
            raise FieldMissingError(f"no field {path!r}", remedy=f"at {part!r} there is {known}")
    return value


def render(out: Output, content: dict[str, Any]) -> None:
    """Show a message: a header line and its body."""
    if "header" not in content:
        what = "cleared" if content.get("cleared") else f"{content['error']}: {content['payload']}"
        out.heading(f"{content['topic']} {what}\n---")
        return
    header = content["header"]
    kept = " retained" if content["retained"] else ""
    out.heading(
        f"{content['topic']} {header['type']} {when(header['stamp'])} "
        f"seq {header['seq']} id {header['id']}{kept}"
    )
    out.yaml(content["body"], indent=2)
    out.text("---")


def leaves(value: Any, path: str = "") -> dict[str, Any]:
    """Return the plain values in data by their dotted paths; ``value`` where it is one itself."""
    data = plain(value)
    if isinstance(data, dict):
        items: list[tuple[str, Any]] = list(data.items())
    elif isinstance(data, list):
        items = [(str(index), item) for index, item in enumerate(data)]
    else:
        return {path or "value": data}
    found: dict[str, Any] = {}
    for name, item in items:
        found |= leaves(item, f"{path}.{name}" if path else name)
    return found
