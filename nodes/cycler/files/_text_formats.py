"""The formats that are text or workbooks, vendor by vendor."""

from __future__ import annotations

from typing import Final

from nodes.cycler.files._arbin import ArbinCsv
from nodes.cycler.files._arbin_xlsx import ArbinXlsx
from nodes.cycler.files._basytec import Basytec
from nodes.cycler.files._bdf import BdfCsv, BdfParquet
from nodes.cycler.files._biologic_text import BiologicText
from nodes.cycler.files._gamry import Gamry
from nodes.cycler.files._landt import LandtCsv, LandtXlsx
from nodes.cycler.files._maccor import MaccorText
from nodes.cycler.files._maccor_xls import MaccorXls
from nodes.cycler.files._neware_text import NewareNested, NewareText
from nodes.cycler.files._neware_xlsx import NewareXlsx
from nodes.cycler.files._novonix import Novonix
from nodes.cycler.files._pec import Pec
from nodes.cycler.files._source import Format

TEXT_FORMATS: Final[tuple[Format, ...]] = (
    ArbinCsv(),
    ArbinXlsx(),
    MaccorText(),
    MaccorXls(),
    NewareText(),
    NewareNested(),
    NewareXlsx(),
    BiologicText(),
    Novonix(),
    Basytec(),
    Pec(),
    LandtCsv(),
    LandtXlsx(),
    Gamry(),
    BdfCsv(),
    BdfParquet(),
)
