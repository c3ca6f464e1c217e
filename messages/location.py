"""Where things are."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from messages.meaning import Term
from messages.model import Model

Detail = Annotated[str, Field(max_length=200)]
"""One line of an address."""


class Location(Model, term="prov:Location", relation="prov:atLocation"):
    """A place: a laboratory, then a device in it, then a position in that."""

    address: Annotated[str, Field(min_length=1, max_length=200), Term("schema:address")] = Field(
        description="laboratory or building"
    )
    detail_1: Annotated[Detail, Term("schema:description")] = Field(
        default="", description="device or room"
    )
    detail_2: Annotated[Detail, Term("schema:position")] = Field(
        default="", description="position: tray, channel, vial"
    )

    @property
    def text(self) -> str:
        """The place as sample states say it: ``address / detail_1 / detail_2``.

        What is not said is left out.
        """
        return " / ".join(filter(None, (self.address, self.detail_1, self.detail_2)))
