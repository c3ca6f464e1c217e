"""Translation between this vocabulary and that of FINALES 2 (BIG-MAP), names, units and spellings.

Names of capabilities translate by `to_finales_name` and `from_finales_name`, statuses by
`to_finales_status` and `from_finales_status`, parameters and data by `to_finales` and
`from_finales`. Field by field it is written down in ``docs/finales_mapping.md``, with what either
side cannot say.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from types import MappingProxyType
from typing import Any, Final, Literal

from messages._finales_rules import Row, back, converted, forth
from messages._finales_table import RULES, SHARED
from messages.capabilities import FINALES_CAPABILITIES
from messages.envelope import validate
from messages.errors import BodyError, UnknownTypeError
from messages.ledger import Rating, ResultStatus, Status
from messages.model import Model
from messages.quantity import Quantity

Direction = Literal["input", "output"]
"""A request's parameters, or a result's data."""

NAMES: Final[Mapping[tuple[str, str], tuple[str, str]]] = MappingProxyType(
    {name: name for name in FINALES_CAPABILITIES}
    | {
        ("radial_density_function", "molecular_dynamics"): (
            "radial_density_function",
            "molacular_dynamics",
        ),
        ("degradation_eol", "degradation_model"): ("degradationEOL", "degradation_model"),
        ("degradation_eol", "degradation_workflow"): ("degradationEOL", "degradation_workflow"),
    }
)
"""FINALES' (quantity, method) by ours."""

STATUSES: Final[Mapping[Status, str]] = MappingProxyType(
    {
        Status.PENDING: "pending",
        Status.RESERVED: "reserved",
        Status.RUNNING: "reserved",
        Status.CANCELING: "reserved",
        Status.HELD: "reserved",
        Status.RESOLVED: "resolved",
        Status.FAILED: "retracted",
        Status.RETRACTED: "retracted",
        Status.EXPIRED: "retracted",
        Status.ABANDONED: "retracted",
    }
)
"""FINALES' status of a request by ours. It has one word for all ends without a result."""

RESULT_STATUSES: Final = frozenset(status.value for status in ResultStatus)
"""FINALES' statuses of a result, which are ours."""

_OURS: Final = {theirs: ours for ours, theirs in NAMES.items()}


def to_finales_name(quantity: str, method: str) -> tuple[str, str]:
    """Return FINALES' (quantity, method).

    Raises:
        UnknownTypeError: The capability is not one of FINALES 2.
    """
    return NAMES[_known(quantity, method)]


def from_finales_name(quantity: str, method: str) -> tuple[str, str]:
    """Return our (quantity, method); FINALES' spelling and ours are both taken.

    Raises:
        UnknownTypeError: The capability is not one of FINALES 2.
    """
    return _OURS.get((quantity, method)) or _known(quantity, method)


def to_finales(
    quantity: str,
    method: str,
    direction: Direction,
    data: Model | Mapping[str, Any],
    *,
    rating: Rating | None = None,
) -> dict[str, Any]:
    """Return parameters or data as FINALES 2 spells them, JSON-like.

    Args:
        quantity: Ours.
        method: Ours.
        direction: Whether ``data`` are a request's parameters or a result's data.
        data: The capability's model, or a map that validates as such.
        rating: The result's, for what has none of its own (FINALES has ``meta`` in the data).

    Raises:
        UnknownTypeError: The capability is not one of FINALES 2.
        BodyError: ``data`` does not validate, or FINALES has no way to say it (a chemical without
            InChIKey, mass fractions of a chemical whose molar mass is not known).
    """
    model, rules = _mapping(quantity, method, direction)
    valid = data if isinstance(data, model) else validate(model, data, where=direction)
    return forth(rules, valid if rating is None else _rated(valid, rating))


def from_finales(
    quantity: str,
    method: str,
    direction: Direction,
    data: Mapping[str, Any],
    *,
    extra: Mapping[str, Any] | None = None,
) -> Model:
    """Return FINALES 2's parameters or data as our model. Keys unknown to FINALES are ignored.

    Args:
        quantity: FINALES' or ours.
        method: FINALES' or ours.
        direction: Whether ``data`` are a request's parameters or a result's data.
        data: FINALES' object.
        extra: Fields of ours that FINALES does not carry, such as a transport's ``samples``; they
            do not override what it does carry.

    Raises:
        UnknownTypeError: The capability is not one of FINALES 2.
        BodyError: A field is missing, cannot be converted or does not validate; it is named.
    """
    model, rules = _mapping(*from_finales_name(quantity, method), direction)
    found = converted(lambda theirs: back(rules, theirs), data, direction)
    return validate(model, {**(extra or {}), **found}, where=direction)


def to_finales_status(status: Status) -> str:
    """Return FINALES' status of a request."""
    return STATUSES[status]


def from_finales_status(status: str) -> Status | ResultStatus:
    """Return our status of a request, or of a result, for FINALES' word.

    ``unsolicited`` (a request made up for an unasked result) is resolved.

    Raises:
        BodyError: FINALES has no such status.
    """
    if status == "unsolicited":
        return Status.RESOLVED
    if status in RESULT_STATUSES:
        return ResultStatus(status)
    if status in STATUSES.values():
        return Status(status)
    raise BodyError(f"{status!r} is not a status of FINALES 2", where="status")


def rows(quantity: str, method: str, direction: Direction) -> Iterator[Row]:
    """Yield (our field, FINALES' field, conversion) of a capability, nested fields dotted."""
    _, rules = _mapping(quantity, method, direction)
    for rule in rules:
        yield from rule.rows()


def shared_rows() -> Iterator[tuple[str, list[Row]]]:
    """Yield name and rows of the objects that several capabilities share."""
    for codec in SHARED:
        yield codec.name, [row for rule in codec.rules for row in rule.rows()]


def _rated(data: Model, rating: Rating) -> Model:
    update: dict[str, Any] = {}
    for name in type(data).model_fields:
        value = getattr(data, name)
        if isinstance(value, Quantity) and value.quality is None:
            update[name] = value.model_copy(update={"quality": rating})
        elif name == "rating" and value is None:
            update[name] = rating
    return data.model_copy(update=update)


def _mapping(quantity: str, method: str, direction: Direction) -> tuple[type[Model], Any]:
    name = _known(quantity, method)
    types, (of_input, of_output) = FINALES_CAPABILITIES[name], RULES[name]
    return (types.input, of_input) if direction == "input" else (types.output, of_output)


def _known(quantity: str, method: str) -> tuple[str, str]:
    if (quantity, method) not in NAMES:
        raise UnknownTypeError(
            f"{quantity}/{method} is not a capability of FINALES 2",
            remedy=f"it has {', '.join('/'.join(name) for name in NAMES)}",
        )
    return quantity, method
