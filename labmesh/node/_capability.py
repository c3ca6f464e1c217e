"""Capabilities: methods of a node that fulfil orders."""

from __future__ import annotations

import inspect
import typing
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any, Final, Literal, TypeVar

from pydantic import BaseModel

from messages.errors import ConfigurationError, OrderError
from messages.ids import check_name
from messages.ledger import Offer
from messages.meaning import of_process
from messages.model import JsonObject
from messages.schema import json_schema

F = TypeVar("F", bound=Callable[..., Awaitable[Any]])

_MARK: Final = "__labmesh_capability__"


@dataclass(frozen=True, slots=True)
class CapabilitySpec:
    """What the decorator says of a capability.

    Attributes:
        quantity: What is measured, computed or done.
        method: How.
        worker: An ``instrument`` acts on the physical world: its orders begin only when the ledger
            has noted that they do, and are held, not repeated, when it is lost. A ``model`` may be
            asked again, elsewhere.
        version: Version of the schemas.
        resource: Capabilities of one node with the same resource never run side by side.
        slots: Orders at a time.
        lease: Wall seconds without a sign of life after which the node counts as lost.
        simulated: No real instrument is involved.
        process: Term of what is done (``ImpedanceConductometry``), where the input's model does not
            say it exactly: it serves several methods.
    """

    quantity: str
    method: str
    worker: Literal["instrument", "model"]
    version: int
    resource: str
    slots: int
    lease: float
    simulated: bool
    process: str = ""

    @property
    def key(self) -> tuple[str, str]:
        """(quantity, method)."""
        return self.quantity, self.method


@dataclass(frozen=True, slots=True)
class BoundCapability:
    """A capability with the method that serves it and the models of its two ends."""

    spec: CapabilitySpec
    handler: Callable[..., Awaitable[BaseModel]]
    parameters: type[BaseModel]
    result: type[BaseModel]
    description: str

    def offer(self, limitations: JsonObject, *, dry_run: bool = False) -> Offer:
        """Return the offer to publish; of a dry run it says so."""
        return Offer(
            quantity=self.spec.quantity,
            method=self.spec.method,
            version=self.spec.version,
            description=f"Dry run: {self.description}" if dry_run else self.description,
            parameters_schema=of_process(json_schema(self.parameters), self.spec.process),
            result_schema=of_process(json_schema(self.result), self.spec.process),
            limitations=limitations,
            slots=self.spec.slots,
            worker=self.spec.worker,
            simulated=self.spec.simulated or dry_run,
            lease=self.spec.lease,
        )


def capability(
    quantity: str,
    method: str,
    *,
    worker: Literal["instrument", "model"] = "model",
    version: int = 1,
    resource: str = "",
    slots: int = 1,
    lease: float = 15.0,
    simulated: bool = False,
    process: str = "",
) -> Callable[[F], F]:
    """Mark ``async def f(self, order: Order[Input]) -> Output`` as serving a capability.

    Input and Output are pydantic models; their JSON Schemas become the capability's. The first line
    of the docstring describes it. Arguments as in `CapabilitySpec`.
    """
    check_name(quantity, "quantity")
    check_name(method, "method")
    if slots < 1 or lease <= 0 or version < 1:
        raise ConfigurationError(
            f"slots ({slots}) and version ({version}) are at least 1, the lease ({lease:g} s) "
            "is positive",
            where=f"capability {quantity}/{method}",
        )
    spec = CapabilitySpec(
        quantity, method, worker, version, resource, slots, lease, simulated, process
    )

    def mark(function: F) -> F:
        setattr(function, _MARK, spec)
        return function

    return mark


def capabilities_of(owner: object) -> dict[tuple[str, str], BoundCapability]:
    """Return the capabilities of a node object, by (quantity, method).

    Raises:
        ConfigurationError: A handler's annotations do not name its models, or two handlers serve
            the same capability.
    """
    found: dict[tuple[str, str], BoundCapability] = {}
    for name, function in inspect.getmembers(type(owner), callable):
        spec: CapabilitySpec | None = getattr(function, _MARK, None)
        if spec is None:
            continue
        bound = _bind(owner, name, function, spec)
        if spec.key in found:
            raise ConfigurationError(
                f"{spec.quantity}/{spec.method} is served twice", where=type(owner).__qualname__
            )
        found[spec.key] = bound
    return found


def capabilities_declared(kind: type) -> set[tuple[str, str]]:
    """Return the (quantity, method) pairs that a node class serves."""
    members = inspect.getmembers(kind, callable)
    specs = (getattr(function, _MARK, None) for _, function in members)
    return {spec.key for spec in specs if isinstance(spec, CapabilitySpec)}


def _bind(owner: object, name: str, function: Any, spec: CapabilitySpec) -> BoundCapability:
    where = f"{type(owner).__qualname__}.{name}"
    remedy = "write it as: async def f(self, order: Order[Input]) -> Output"
    if not inspect.iscoroutinefunction(function):
        raise ConfigurationError("a capability is an async function", where=where, remedy=remedy)
    try:
        hints = typing.get_type_hints(function)
    except NameError as error:
        raise ConfigurationError(f"annotation not found: {error}", where=where) from error
    result = hints.pop("return", None)
    orders = [typing.get_args(hint) for hint in hints.values()]
    models = [*orders[0], result] if len(orders) == 1 else []
    if len(models) != 2 or not all(
        isinstance(model, type) and issubclass(model, BaseModel) for model in models
    ):
        raise ConfigurationError(
            "a capability names the models of its order and result", where=where, remedy=remedy
        )
    return BoundCapability(
        spec=spec,
        handler=getattr(owner, name),
        parameters=models[0],
        result=models[1],
        description=(inspect.getdoc(function) or "").partition("\n")[0],
    )


def lost_to(error: BaseException, spec: CapabilitySpec) -> OrderError:
    """Return an unexpected error as one of an order.

    A model is worth another attempt. Nobody knows what an instrument had done by then, so nobody
    repeats it by himself.
    """
    instrument = spec.worker == "instrument"
    return OrderError(
        f"{type(error).__name__}: {error}",
        remedy="look at the instrument and at the node's log" if instrument else "",
        retryable=not instrument,
    )
