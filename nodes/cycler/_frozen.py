"""A protocol's name stands for one thing in a lab, from its first use on.

The truth is in the ledger: a result nobody asked for, whose id follows from the name alone. The
ledger keeps one message under one id, so of two cyclers that use a name at the same moment the
first wins, and the other one finds out what the name stands for.
"""

from __future__ import annotations

import asyncio
import json
from hashlib import sha256
from typing import Any, Final, Protocol
from uuid import UUID, uuid5

from messages.envelope import validate
from messages.errors import CallRefusedError, OrderError, RefusedError
from messages.frozen_protocol import FREEZING, FrozenProtocol, FrozenProtocolInput
from messages.ledger import Provenance, Result
from messages.model import JsonObject
from messages.protocol import CyclingProtocol

_NAMESPACE: Final = UUID("0c7a1b8e-51f4-5f0e-8d0a-6f1c9b1f2a77")
"""Of the ids of frozen protocols."""

_SHOWN: Final = 12
"""Digits of a fingerprint in words."""


class Ledger(Protocol):
    """Whom to ask and tell; a `LabClient`."""

    async def query(self, service: str, arguments: JsonObject | None = None) -> JsonObject:
        """Call a reading service."""
        ...

    async def post_result(self, result: Result, *, id: UUID | None = None) -> UUID:  # noqa: A002
        """Post a result nobody asked for."""
        ...


def canonical(protocol: CyclingProtocol) -> JsonObject:
    """Return what of a protocol makes it what it is, for `fingerprint`.

    The sample that it is for, and which unicycler wrote it, do not; nor does what is not said. So
    a field that is added to protocols later, and is None by default, changes no fingerprint.
    """
    plain = protocol.model_dump(mode="json", exclude_none=True, exclude={"sample", "unicycler"})
    return {"protocol": plain}


def fingerprint(canonical_form: JsonObject) -> str:
    """Return the sha256 (hex) of a canonical form as JSON: keys sorted, no white space, UTF-8."""
    text = json.dumps(
        canonical_form, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False
    )
    return sha256(text.encode()).hexdigest()


def identity_of(name: str) -> UUID:
    """Return the id of the result that says what a name stands for; the same in every ledger."""
    return uuid5(_NAMESPACE, name)


class FrozenNames:
    """What the names of protocols stand for, as one node finds out and tells.

    Args:
        lab: The ledger.
        simulated: Whether the node touches no real cell.
    """

    def __init__(self, lab: Ledger, *, simulated: bool) -> None:
        self._lab = lab
        self._simulated = simulated
        self._one = asyncio.Lock()
        """Two orders of one node do not tell of one name at a time."""

    async def freeze(self, name: str, canonical_form: JsonObject) -> str:
        """Return the fingerprint of a protocol that is about to run under a name.

        From then on the name stands for it. A protocol without a name is not frozen.

        Raises:
            OrderError: The name stands for another protocol.
            CallError: The ledger does not answer.
        """
        mark = fingerprint(canonical_form)
        if not name:
            return mark
        async with self._one:
            known = await _known(self._lab, name) or await self._tell(name, mark, canonical_form)
        if known.fingerprint != mark:
            raise OrderError(
                f"protocol {name!r} is frozen: this lab has run it with fingerprint "
                f"{known.fingerprint[:_SHOWN]}, and here it has {mark[:_SHOWN]}",
                where="cycling_protocol",
                remedy="give the changed protocol a new name",
            )
        return mark

    async def _tell(self, name: str, mark: str, canonical_form: JsonObject) -> FrozenProtocol:
        """Return what a name stands for, once the ledger has it."""
        word = FrozenProtocol(name=name, fingerprint=mark, canonical=canonical_form)
        quantity, method = FREEZING
        # Nothing in it changes from one run to the next: said again it is the same message.
        result = Result(
            quantity=quantity, method=method, outcome="resolved",
            parameters=FrozenProtocolInput(name=name).model_dump(),
            data=word.model_dump(mode="json"),
            provenance=Provenance(software="labmesh cycler", simulated=self._simulated),
        )  # fmt: skip
        try:
            await self._lab.post_result(result, id=identity_of(name))
        except RefusedError:
            known = await _known(self._lab, name)  # another cycler was first
            if known is None:
                raise
            return known
        return word


async def _known(lab: Ledger, name: str) -> FrozenProtocol | None:
    try:
        reply: Any = await lab.query("query.result", {"id": str(identity_of(name))})
    except CallRefusedError as error:
        if error.code != "not_found":
            raise
        return None
    return validate(FrozenProtocol, reply["result"]["data"], where="data")
