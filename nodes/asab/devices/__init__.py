"""Drivers of the measuring devices, and what their raw data say."""

from nodes.asab.devices._balance import (
    PRINT,
    TARE,
    Balance,
    Weight,
    format_weight,
    parse_weight,
)
from nodes.asab.devices._circuit import Fit, consistency, fit_circuit, impedance
from nodes.asab.devices._conductance import KCL, Conductance, cell_constant, conductivity
from nodes.asab.devices._densimeter import Densimeter, DensityTable
from nodes.asab.devices._lims import (
    MASTER,
    VALID,
    Row,
    check_list,
    read_check,
    read_sample_list,
    read_table,
    sample_list,
    write_table,
)
from nodes.asab.devices._method_script import (
    FREQUENCY,
    IMAGINARY,
    REAL,
    decode,
    encode,
    impedance_script,
    parse_number,
)
from nodes.asab.devices._potentiostat import HIGHEST, LOWEST, Potentiostat, Spectrum

__all__ = [
    "FREQUENCY",
    "HIGHEST",
    "IMAGINARY",
    "KCL",
    "LOWEST",
    "MASTER",
    "PRINT",
    "REAL",
    "TARE",
    "VALID",
    "Balance",
    "Conductance",
    "Densimeter",
    "DensityTable",
    "Fit",
    "Potentiostat",
    "Row",
    "Spectrum",
    "Weight",
    "cell_constant",
    "check_list",
    "conductivity",
    "consistency",
    "decode",
    "encode",
    "fit_circuit",
    "format_weight",
    "impedance",
    "impedance_script",
    "parse_number",
    "parse_weight",
    "read_check",
    "read_sample_list",
    "read_table",
    "sample_list",
    "write_table",
]
