"""The formats that are text or workbooks, vendor by vendor."""

from __future__ import annotations

from typing import Final

from nodes.cycler.files._arbin import ArbinCsv
from nodes.cycler.files._arbin_xlsx import ArbinXlsx
from nodes.cycler.files._maccor import MaccorText
from nodes.cycler.files._maccor_xls import MaccorXls
from nodes.cycler.files._source import Format

TEXT_FORMATS: Final[tuple[Format, ...]] = (ArbinCsv(), ArbinXlsx(), MaccorText(), MaccorXls())
