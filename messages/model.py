"""The base of every message and the field types they share."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Any, ClassVar, Final, Unpack
from uuid import UUID

from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    GetJsonSchemaHandler,
    StringConstraints,
)
from pydantic.json_schema import JsonSchemaValue
from pydantic_core import CoreSchema

from messages.ids import MAX_NAME
from messages.meaning import Term

Real = Annotated[float, Field(strict=True, allow_inf_nan=False)]
"""A finite number. Strings and booleans are refused, integers are taken as they are."""

Count = Annotated[int, Field(strict=True, ge=0, lt=2**63)]
"""A non-negative integer that a database's 64 bits hold."""

Positive = Annotated[int, Field(strict=True, ge=1, lt=2**63)]
"""As `Count`, from one."""

Flag = Annotated[bool, Field(strict=True)]
"""True or false, nothing that merely looks like it."""

Name = Annotated[
    str, StringConstraints(strict=True, pattern=r"^[a-z][a-z0-9_-]*$", max_length=MAX_NAME)
]
"""A realm, site, node, quantity or method name."""

NodeName = Annotated[
    str,
    StringConstraints(
        strict=True, pattern=r"^[a-z][a-z0-9_-]*/[a-z][a-z0-9_-]*$", max_length=2 * MAX_NAME + 1
    ),
]
"""``site/node``."""

Nanoseconds = Annotated[int, Field(strict=True, ge=0, lt=2**63)]
"""A point in time as nanoseconds since 1970-01-01T00:00:00Z (UTC)."""

Text = Annotated[str, StringConstraints(strict=True, max_length=4000)]
"""Words for people. As with every text of a message, bytes that could be read as text are none."""


def _no_bytes(value: Any) -> Any:
    if isinstance(value, bytes):
        raise ValueError("bytes where a uuid belongs as text")
    return value


Uuid = Annotated[UUID, BeforeValidator(_no_bytes)]
"""A uuid, which travels as text."""

JsonObject = dict[str, Any]
"""A map whose shape another schema fixes (a capability's parameters, a result's data)."""


@dataclass(frozen=True, slots=True)
class Unit:
    """Puts a unit into a field's JSON Schema: ``Annotated[Real, Unit("mol/kg")]``.

    The symbol is a UCUM-like string in SI units; ``"1"`` stands for a ratio.
    """

    symbol: str

    def __get_pydantic_json_schema__(
        self, core_schema: CoreSchema, handler: GetJsonSchemaHandler
    ) -> JsonSchemaValue:
        """Add ``unit`` to the schema of the annotated type."""
        schema = handler(core_schema)
        schema["unit"] = self.symbol
        return schema


class Model(BaseModel):  # noqa: PLW1641 (pydantic hashes what is frozen)
    """A value inside messages: immutable, closed to unknown fields, free of NaN and infinity.

    A subclass says what it describes, with the words of `Term`: ``class Cell(Model,
    term="BatteryCell")``. Its own subclasses describe the same unless they say otherwise.
    """

    MEANING: ClassVar[Term | None] = None

    # Built at the first use: a process knows hundreds of models and uses a few, and building all
    # of them was a quarter of the time a command took to start.
    model_config = ConfigDict(
        extra="forbid",
        frozen=True,
        allow_inf_nan=False,
        arbitrary_types_allowed=False,
        defer_build=True,
    )

    def __init_subclass__(
        cls, *, term: str | None = None, relation: str = "", **kwargs: Unpack[ConfigDict]
    ) -> None:
        """Keep what the class describes."""
        super().__init_subclass__(**kwargs)
        if term is not None:
            cls.MEANING = Term(term, relation)

    @classmethod
    def __get_pydantic_json_schema__(
        cls, core_schema: CoreSchema, handler: GetJsonSchemaHandler, /
    ) -> JsonSchemaValue:
        """Say in the schema what the class describes."""
        schema = handler(core_schema)
        if cls.MEANING is not None:
            cls.MEANING.write(handler.resolve_ref_schema(schema))
        return schema

    def __eq__(self, other: object) -> bool:
        """Compare type and fields; arrays by dtype, shape and bytes."""
        if not isinstance(other, Model):
            return NotImplemented
        return type(self) is type(other) and self.model_dump() == other.model_dump()


class Message(Model):
    """A model that may be the body of an envelope.

    A subclass names itself and its version: ``class Request(Message, name="Request", version=1)``;
    that registers it as ``Request@1``. A change of schema asks for a new version (the golden file
    ``tests/messages/golden/schema_hashes.json`` keeps watch).
    """

    TYPE: ClassVar[str] = ""

    def __init_subclass__(
        cls,
        *,
        name: str | None = None,
        version: int = 1,
        term: str | None = None,
        relation: str = "",
        **kwargs: Unpack[ConfigDict],
    ) -> None:
        """Register the class under ``name@version``."""
        super().__init_subclass__(term=term, relation=relation, **kwargs)
        if name is None:
            return
        cls.TYPE = f"{name}@{version}"
        existing = TYPES.get(cls.TYPE)
        if existing is not None and _path(existing) != _path(cls):
            raise TypeError(f"{cls.TYPE} is already {_path(existing)}, so not {_path(cls)}")
        TYPES[cls.TYPE] = cls


TYPES: Final[dict[str, type[Message]]] = {}
"""Every message class of this process by its type name. Written by `Message` alone."""


def _path(cls: type) -> str:
    return f"{cls.__module__}.{cls.__qualname__}"
