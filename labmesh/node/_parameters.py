"""A node's parameters: changed as a whole or not at all, and kept for the next start.

What somebody set while the node ran (*desired*) is kept in the node's file and set again at its
next start. A start-up value (launch file, parameter file, command line) that has changed since
wins over it: whoever edited the file spoke last.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass
from typing import Any, Final, Generic, TypeVar

from labmesh.mesh import Mesh
from labmesh.node._parameter_model import (
    NodeParameters,
    effect_of,
    flatten,
    hidden,
    merge,
    nest,
    own_first,
    parse_parameters,
    public,
)
from labmesh.store import Desired
from messages.errors import CallRefusedError, ConfigurationError
from messages.model import JsonObject
from messages.node import Parameters

P = TypeVar("P", bound=NodeParameters)

_NOT_GIVEN: Final = "-"
"""In place of a start-up value, as JSON: there was none, and the default held."""


@dataclass(frozen=True, slots=True)
class Forgotten:
    """A kept value that was not set again at the start, and why."""

    name: str
    why: str


class ParameterServer(Generic[P]):
    """A node's parameters and their retained snapshot.

    Args:
        model: The parameters' model.
        values: What the command line and parameter files say; the rest are defaults.
        node: Whose they are, for messages.

    Raises:
        ConfigurationError: A name is unknown (close ones are named) or a value is not valid.
    """

    def __init__(self, model: type[P], values: JsonObject, node: str) -> None:
        self._model = model
        self._node = node
        self._version = 0
        self._lock = asyncio.Lock()
        self.values: P = parse_parameters(model, values, where=node)
        self._given = flatten(model, nest(model, values))
        self._start_up = self._flat(self.values)
        self._desired: JsonObject = {}
        self._pending: JsonObject = {}

    @property
    def model(self) -> type[P]:
        """The parameters' model."""
        return self._model

    def snapshot(self) -> Parameters:
        """Return the message for ``~/node/param``, which everybody may read."""
        return Parameters(
            version=self._version,
            values=own_first(public(self.values)),
            desired=hidden(self._desired),
            pending=hidden(self._pending),
        )

    def leaves(self, names: Iterable[str]) -> list[str]:
        """Return the dotted names below ``names``.

        Raises:
            CallRefusedError: A name is unknown; a close one is named.
        """
        known, found = list(self._start_up), []
        for name in names:
            below = [leaf for leaf in known if leaf == name or leaf.startswith(f"{name}.")]
            if not below:
                self._parse({name: None})
                raise CallRefusedError(f"parameter {name} is unknown", code="bad_arguments")
            found += below
        return found

    # -- at the start -----------------------------------------------------------------------

    def replay(self, kept: Iterable[Desired]) -> list[Forgotten]:
        """Set again what was desired, before the node is configured; return what is not."""
        forgotten, wishes = [], {}
        for each in kept:
            if self._base(each.name) != each.base:
                forgotten.append(Forgotten(each.name, "its start-up value has changed since"))
            else:
                wishes[each.name] = json.loads(each.value)
        try:
            self.values = self._with(wishes)
        except CallRefusedError:
            # One of them does not fit any more: keep the others.
            for name, value in list(wishes.items()):
                try:
                    self.values = self._with({name: value})
                except CallRefusedError as error:
                    del wishes[name]
                    forgotten.append(Forgotten(name, error.what))
        self._desired = wishes
        return forgotten

    def kept(self, names: Iterable[str], by: str) -> list[Desired]:
        """Return what the node's file shall say of desired parameters."""
        return [
            Desired(name, json.dumps(self._desired[name]), self._base(name), by)
            for name in names
            if name in self._desired
        ]

    def _base(self, name: str) -> str:
        given = self._given
        return json.dumps(given[name], sort_keys=True, default=str) if name in given else _NOT_GIVEN

    # -- while it runs ----------------------------------------------------------------------

    async def set(
        self,
        changes: JsonObject,
        *,
        if_version: int | None = None,
        changed: Callable[[P, P], Awaitable[None]],
        keep: bool = True,
    ) -> Parameters:
        """Change several parameters at once, or none of them; one change after the other.

        Args:
            changes: New values by name; of a nested model by dotted name (``pump.rate``) or as a
                map of those of its fields that change.
            if_version: Refuse when the parameters have changed since that version.
            changed: Awaited with the old and the new values, where any of them is taken over at
                once; what it raises undoes the change.
            keep: Whether they are desired from now on, at the next start, too.

        Raises:
            CallRefusedError: An unknown name, a value that is not valid, a read-only parameter, or
                another version.
            LabmeshError: Whatever ``changed`` raised.
        """
        async with self._lock:
            self._check_version(if_version)
            leaves = flatten(self._model, nest(self._model, changes))
            if not keep and (late := [n for n in leaves if effect_of(self._model, n) == "start"]):
                raise CallRefusedError(
                    f"parameter {late[0]} is taken over at the next start only",
                    where=self._node,
                    remedy="keep it, or start the node anew with another value",
                    code="bad_arguments",
                )
            await self._change(leaves, changed)
            if keep:
                self._desired |= leaves
            return self.snapshot()

    async def unset(
        self,
        names: Iterable[str],
        *,
        if_version: int | None = None,
        changed: Callable[[P, P], Awaitable[None]],
    ) -> Parameters:
        """Return parameters (of a nested model all below) to their start-up values.

        Raises:
            CallRefusedError: An unknown name, or another version.
            LabmeshError: Whatever ``changed`` raised.
        """
        async with self._lock:
            self._check_version(if_version)
            leaves = self.leaves(names)
            await self._change({name: self._start_up[name] for name in leaves}, changed)
            for name in leaves:
                self._desired.pop(name, None)
            return self.snapshot()

    def configure(self) -> list[str]:
        """Take over what waits for the next configure; return the names.

        Raises:
            ConfigurationError: The values do not go together; nothing is taken over.
        """
        due = [name for name in self._pending if effect_of(self._model, name) == "configure"]
        if due:
            try:
                self.values = self._with({name: self._pending[name] for name in due})
            except CallRefusedError as error:
                raise ConfigurationError(
                    error.what, where=error.where, remedy=error.remedy
                ) from None
            for name in due:
                del self._pending[name]
            self._version += 1
        return due

    async def _change(self, leaves: JsonObject, changed: Callable[[P, P], Awaitable[None]]) -> None:
        before = self.values
        everything = self._flat(self._with({**self._pending, **leaves}))
        in_effect = self._flat(before)
        later: JsonObject = {}
        for name in leaves:
            effect = effect_of(self._model, name)
            if effect == "never" and everything[name] != in_effect[name]:
                raise CallRefusedError(
                    f"parameter {name} is read-only",
                    where=self._node,
                    remedy=f"start the node again with --param {name}=...",
                    code="read_only",
                )
            if effect in ("configure", "start"):
                later[name] = everything[name]
        at_once = {name: value for name, value in leaves.items() if name not in later}
        if at_once:
            self.values = after = self._with(at_once)
            try:
                await changed(before, after)
            except BaseException:
                self.values = before
                raise
        for name, value in later.items():
            self._pending.pop(name, None)
            if value != in_effect[name]:
                self._pending[name] = value
        self._version += 1

    def _check_version(self, if_version: int | None) -> None:
        if if_version is not None and if_version != self._version:
            raise CallRefusedError(
                f"parameters are at version {self._version}, not {if_version}",
                where=self._node,
                remedy="read them again, then set",
                code="conflict",
            )

    def _with(self, leaves: JsonObject) -> P:
        """Return the values with some changed.

        Raises:
            CallRefusedError: A name is unknown, or a value not valid.
        """
        return self._parse(merge(self._model, self.values.model_dump(), nest(self._model, leaves)))

    def _parse(self, values: JsonObject) -> P:
        try:
            return parse_parameters(self._model, values, where=self._node)
        except ConfigurationError as error:
            raise CallRefusedError(
                error.what, where=error.where, remedy=error.remedy, code="bad_arguments"
            ) from None

    def _flat(self, values: P) -> dict[str, Any]:
        return flatten(self._model, values.model_dump(mode="json"))

    async def publish(self, mesh: Mesh) -> None:
        """Publish the retained snapshot."""
        await mesh.keep(mesh.topics.own("node", "param"), self.snapshot())
