"""Services of a node: methods that answer calls."""

from __future__ import annotations

import inspect
import typing
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any, Final, NamedTuple, TypeVar

from pydantic import BaseModel

from labmesh.calls import Service, not_active, value_of
from messages.envelope import Header, validate
from messages.errors import BodyError, CallRefusedError, ConfigurationError
from messages.ids import NodeId
from messages.model import JsonObject, Model
from messages.node import State

F = TypeVar("F", bound=Callable[..., Awaitable[Any]])

_MARK: Final = "__labmesh_service__"


class NoArguments(Model):
    """For services that take none."""


@dataclass(frozen=True, slots=True)
class BoundService:
    """A service with the method that serves it and the models of its two ends.

    Attributes:
        serve: Answers a call.
        arguments: Model of the arguments.
        returns: Model of the value; None: any map.
        when_inactive: Whether it also answers while the node is not active.
        resource: Held while it runs.
        description: First line of its docstring.
    """

    serve: Service
    arguments: type[BaseModel]
    returns: type[BaseModel] | None
    when_inactive: bool
    resource: str
    description: str


class _Mark(NamedTuple):
    """What the decorator says of a service."""

    name: str
    when_inactive: bool
    resource: str


def service(name: str, *, when_inactive: bool = False, resource: str = "") -> Callable[[F], F]:
    """Mark ``async def f(self, arguments: Model) -> Model | dict`` as a service of its node.

    Raise a `LabmeshError` to refuse; its words reach the caller. A second parameter annotated as
    `messages.envelope.Header` gets the caller's header, whose ``sender`` the topic vouches for.

    Args:
        name: Dotted name, ``stock.levels``.
        when_inactive: Whether it also answers while the node is not active.
        resource: Held while it runs: nothing else of the node that names it runs side by side. A
            call that had to wait past its deadline is not begun.
    """

    def mark(function: F) -> F:
        setattr(function, _MARK, _Mark(name, when_inactive, resource))
        return function

    return mark


def services_of(owner: object, me: NodeId, state: Callable[[], State]) -> dict[str, BoundService]:
    """Return the services of a node object by name.

    Raises:
        ConfigurationError: A service's annotations do not name the model of its arguments.
    """
    found: dict[str, BoundService] = {}
    for attribute, function in inspect.getmembers(type(owner), callable):
        mark: _Mark | None = getattr(function, _MARK, None)
        if mark is not None:
            handler = getattr(owner, attribute)
            arguments, returns, with_header = _signature(owner, attribute, function)
            found[mark.name] = BoundService(
                serve=_serve(handler, arguments, me, state, mark, with_header=with_header),
                arguments=arguments,
                returns=returns,
                when_inactive=mark.when_inactive,
                resource=mark.resource,
                description=(inspect.getdoc(function) or "").partition("\n")[0],
            )
    return found


def _serve(
    handler: Callable[..., Awaitable[Any]],
    model: type[BaseModel],
    me: NodeId,
    state: Callable[[], State],
    mark: _Mark,
    *,
    with_header: bool,
) -> Service:
    async def serve(arguments: JsonObject, header: Header) -> JsonObject:
        if not mark.when_inactive and state() is not State.ACTIVE:
            raise not_active(me, state().value)
        try:
            parsed = validate(model, arguments, where=mark.name)
        except BodyError as error:
            raise CallRefusedError(error.what, code="bad_arguments") from None
        return value_of(await (handler(parsed, header) if with_header else handler(parsed)))

    return serve


def _signature(
    owner: object, attribute: str, function: Any
) -> tuple[type[BaseModel], type[BaseModel] | None, bool]:
    """Return the models of a service's two ends, and whether it takes the caller's header."""
    where = f"{type(owner).__qualname__}.{attribute}"
    try:
        hints = typing.get_type_hints(function)
    except NameError as error:
        raise ConfigurationError(f"annotation not found: {error}", where=where) from error
    returns = hints.pop("return", None)
    models = list(hints.values())
    with_header = models[1:] == [Header]
    if with_header:
        models.pop()
    if len(models) != 1 or not _is_model(models[0]):
        raise ConfigurationError(
            "a service takes one argument, a pydantic model",
            where=where,
            remedy="write it as: async def f(self, arguments: Model) -> Model",
        )
    return models[0], returns if _is_model(returns) else None, with_header


def _is_model(hint: Any) -> bool:
    return isinstance(hint, type) and issubclass(hint, BaseModel)
