"""The table of formats: a new one is a module with an object like these, and a line here."""

from __future__ import annotations

from typing import Final

from nodes.cycler.files._arbin_res import RES
from nodes.cycler.files._biologic_mpr import MPR
from nodes.cycler.files._neware_binary import NDA, NDAX
from nodes.cycler.files._source import Format
from nodes.cycler.files._text_formats import TEXT_FORMATS

FORMATS: Final[tuple[Format, ...]] = (
    NDA,
    NDAX,
    RES,
    MPR,
    *TEXT_FORMATS,
)
