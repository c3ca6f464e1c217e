"""What a handler returned and noted, as it travels."""

from __future__ import annotations

from labmesh.node._capability import BoundCapability
from messages.envelope import pack, unpack
from messages.errors import MessageError, OrderError
from messages.model import JsonObject


def data_of(output: object, capability: BoundCapability) -> JsonObject:
    """Return what a handler returned as a plain map.

    Raises:
        OrderError: It is no model, or does not travel; trying again would not mend that.
    """
    if not isinstance(output, capability.result):
        raise OrderError(
            f"{capability.handler.__name__} returned {type(output).__name__}, "
            f"not {capability.result.__name__}",
            remedy="return the model that its annotation names",
        )
    try:
        return dict(unpack(pack(output.model_dump())))
    except MessageError as error:
        raise OrderError(f"the handler's output does not travel: {error.what}") from None


def travelling(notes: JsonObject) -> JsonObject:
    """Return notes that travel: a value that would not becomes its text, and costs no result."""
    plain: JsonObject = {}
    for name, value in notes.items():
        try:
            plain[name] = unpack(pack(value))
        except MessageError:
            plain[name] = str(value).replace("\0", "\N{REPLACEMENT CHARACTER}")[:1000]
    return plain
