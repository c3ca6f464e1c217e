"""The mapping itself: which field is which, capability by capability."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, date, datetime
from typing import Any, Final

from messages._finales_rules import (
    Alternating,
    Codec,
    Field,
    Measured,
    Rule,
    Uncertain,
    back,
    converted,
    forth,
    number,
    numbers,
)
from messages.chemistry import MOLAR_MASSES, Chemical, Formulation
from messages.errors import BodyError

_DATES: Final = ("%Y-%m-%d", "%d.%m.%Y", "%Y_%m_%d", "%d-%m-%Y")
_TIMES: Final = ("%Y_%m_%d-%H:%M:%S", "%Y-%m-%d %H:%M:%S", "%d.%m.%Y %H:%M:%S")
_NOT_A_DATE: Final = ("", "unknown", "n/a", "none")
_MOLE: Final = ("molPerMol", "molar fraction")


def _same(value: Any) -> Any:
    return value


def _scaled(factor: float, note: str) -> Codec:
    return Codec(lambda v: v / factor, lambda v: number(v) * factor, note)


def _array(factor: float, note: str) -> Codec:
    return Codec(lambda v: (v / factor).tolist(), lambda v: numbers(v) * factor, note)


def _nested(*rules: Rule, name: str = "") -> Codec:
    return Codec(lambda v: forth(rules, v), lambda v: back(rules, v), "", rules, name)


def _each(codec: Codec) -> Codec:
    def through(convert: Any, values: Any) -> list[Any]:
        if isinstance(values, str) or not isinstance(values, Sequence):
            raise TypeError(f"{type(values).__name__} is not a list")
        return [converted(convert, value, str(index)) for index, value in enumerate(values)]

    return Codec(
        lambda v: through(codec.to, v),
        lambda v: through(codec.back, v),
        "each",
        codec.rules,
        codec.name,
    )


def _by_key(codec: Codec) -> Codec:
    def through(convert: Any, values: Any) -> dict[str, Any]:
        return {key: converted(convert, value, key) for key, value in values.items()}

    return Codec(
        lambda v: through(codec.to, v),
        lambda v: through(codec.back, v),
        "by InChIKey:",
        codec.rules,
        codec.name,
    )


def _pair(factor: float, unit: str, note: str) -> Codec:
    def to(quantity: Any) -> list[float]:
        return [quantity.value / factor, (quantity.uncertainty or 0.0) / factor]

    def from_pair(pair: Any) -> dict[str, Any]:
        value, uncertainty = (number(item) * factor for item in pair)
        return {"value": value, "uncertainty": uncertainty, "unit": unit}

    return Codec(to, from_pair, f"{note}, [value, uncertainty]")


def _value(factor: float, unit: str, note: str) -> Codec:
    return Codec(
        lambda quantity: quantity.value / factor,
        lambda value: {"value": number(value) * factor, "unit": unit},
        f"{note}, without uncertainty",
    )


def _components(formulation: Formulation) -> list[dict[str, Any]]:
    if formulation.fraction_type == "mass":
        try:
            formulation = formulation.converted("mole", MOLAR_MASSES)
        except ValueError as error:
            raise BodyError(
                f"FINALES knows mole fractions alone, and {error}",
                remedy="give the formulation in mole fractions",
            ) from None
    return [
        {
            "chemical": _identifiers(component.chemical),
            "fraction": component.fraction,
            "fraction_type": "molPerMol",
        }
        for component in formulation.components
    ]


def _identifiers(chemical: Chemical) -> dict[str, str]:
    if not (chemical.smiles and chemical.inchikey):
        raise BodyError(
            f"FINALES asks for SMILES and InChIKey, and {chemical.key} lacks one",
            remedy="leave the electrode's material out, or name a chemical that has both",
        )
    return {"SMILES": chemical.smiles, "InChIKey": chemical.inchikey}


def _formulation(components: Any) -> dict[str, Any]:
    for index, component in enumerate(components):
        if component["fraction_type"] not in _MOLE:
            raise BodyError(
                f"fraction type {component['fraction_type']!r} is not known",
                where=f"{index}.fraction_type",
                remedy=f"use one of {', '.join(_MOLE)}",
            )
    return {
        "fraction_type": "mole",
        "components": [
            {
                "fraction": component["fraction"],
                "chemical": {
                    "smiles": component["chemical"]["SMILES"],
                    "inchikey": component["chemical"]["InChIKey"],
                },
            }
            for component in components
        ],
    }


def _parse_date(text: str) -> date | None:
    moment = _parse(text, _DATES)
    return moment and moment.date()


def _parse_time(text: str) -> datetime | None:
    try:
        moment: datetime | None = datetime.fromisoformat(text)
    except ValueError:
        moment = _parse(text, _TIMES)
    return moment if moment is None or moment.tzinfo else moment.replace(tzinfo=UTC)


def _parse(text: str, formats: Sequence[str]) -> datetime | None:
    if text.strip().lower() in _NOT_A_DATE:
        return None
    for spelling in formats:
        try:
            return datetime.strptime(text.strip(), spelling).replace(tzinfo=UTC)
        except ValueError:
            continue
    raise ValueError(f"{text!r} is none of {', '.join(formats)}")


SAME = Codec(_same, _same)
DATE = Codec(date.isoformat, _parse_date, "ISO 8601; DD.MM.YYYY, YYYY_MM_DD are read")
TIME = Codec(datetime.isoformat, _parse_time, "ISO 8601; YYYY_MM_DD-hh:mm:ss is read, as UTC")
RATING = Codec(lambda r: {"success": r.success, "rating": r.rating}, _same, "without reason")
FORMULATION = Codec(_components, _formulation, "molPerMol")
TEXTS = Codec(list, list)

LOCATION = _nested(
    Field("address", "address", SAME),
    Field("detail_1", "detail_1", SAME),
    Field("detail_2", "detail_2", SAME),
    name="Location",
)
FORMULATION_INFO = _nested(
    Field("name", "name", SAME),
    Field("sample", "uuid", SAME),
    Field("preparation_date", "preparation_date", DATE),
    Field("batch", "batch", SAME),
    Field("location", "location", LOCATION),
    name="FormulationInfo",
)
CHEMICAL_INFO = _nested(
    Field("name", "name", SAME),
    Field("molar_mass", "molar_mass", _pair(1e-3, "kg/mol", "1 g/mol = 1e-3 kg/mol")),
    Field("density", "density", _pair(1e3, "kg/m3", "1 g/cm3 = 1e3 kg/m3")),
    Field("batch", "batch", SAME),
    Field("manufacturer", "manufacturer", SAME),
    Field("manufacturing_date", "manufacturing_date", DATE),
    name="ChemicalInfo",
)
RUN_INFO = Field(
    "run_info",
    "run_info",
    _nested(
        Field("formulation", "formulation", FORMULATION),
        Field("internal_reference", "internal_reference", SAME),
        Field("formulation_info", "formulation_info", FORMULATION_INFO),
        Field("chemicals_info", "chemicals_info", _by_key(CHEMICAL_INFO)),
        name="RunInfo",
    ),
)
ELECTRODE = _nested(
    Field("material", "material", FORMULATION),
    Field("areal_capacity", "mass_loading", _scaled(10, "1 mA.h/cm2 = 10 A.h/m2")),
    Field("area", "size", _scaled(1e-4, "1 cm2 = 1e-4 m2")),
    name="Electrode",
)
BATTERY_CHEMISTRY = Field(
    "battery_chemistry",
    "battery_chemistry",
    _nested(
        Field("electrolyte", "electrolyte", FORMULATION),
        Field("anode", "anode", ELECTRODE),
        Field("cathode", "cathode", ELECTRODE),
        name="BatteryChemistry",
    ),
)
SEPARATOR = _nested(
    Field("material", "material", SAME),
    Field("area", "size", _scaled(1e-4, "1 cm2 = 1e-4 m2")),
    name="Separator",
)
CELL = Field(
    "cell",
    "cell",
    _nested(
        BATTERY_CHEMISTRY,
        Field("separator", "separator", SEPARATOR),
        Field("electrolyte_volume", "electrolyte_volume", _scaled(1e-9, "1 uL = 1e-9 m3")),
        name="Cell",
    ),
)
CELL_INFO = Field(
    "cell_info",
    "cell_info",
    _nested(
        Field("cell_name", "cell_name", SAME),
        Field("sample", "uuid", SAME),
        Field("assembly_date", "assembly_date", DATE),
        Field("batch", "batch", SAME),
        Field("anode_info", "anode_info", FORMULATION_INFO),
        Field("cathode_info", "cathode_info", FORMULATION_INFO),
        Field("electrolyte_info", "electrolyte_info", FORMULATION_INFO),
        Field("cell_location", "cell_location", LOCATION),
        name="CellInfo",
    ),
)
FEATURES = (
    Field("delta_coulombic_efficiency", "delta_coulombic_efficiency", SAME),
    Field("voltage_gap_charge_discharge", "voltage_gap_charge_discharge", Codec(_same, _same, "V")),
    Field(
        "capacity_vector_variance",
        "capacity_vector_variance",
        Codec(_same, _same, "unchanged; FINALES says neither logarithm nor unit"),
    ),
)
RDF = (
    Field("radius", "radius", _array(1e-10, "1 Angstrom = 1e-10 m")),
    Field("pair_title", "pair_title", TEXTS),
    Field("rdf", "RDF", _array(1, "list of lists")),
    Field("cell_volume", "cell_volume", _scaled(1e-30, "1 Angstrom3 = 1e-30 m3")),
    Field("cell_formula", "cell_formula", SAME),
)
RADIAL_DISTRIBUTION = _nested(*RDF, name="RadialDistributionOutput")
MOLECULES = Field("number_molecules_per_component", "number_molecules_per_component", SAME)
TRAJECTORY = _nested(
    Uncertain("end_of_life", "1", "end_of_life", "end_of_life_uncertainty"),
    Field("capacity_trajectory", "capacity_trajectory", _array(1e-3, "1 mA.h = 1e-3 A.h")),
    Field(
        "capacity_trajectory_uncertainty",
        "capacity_trajectory_uncertainty",
        _array(1e-3, "1 mA.h = 1e-3 A.h"),
    ),
    Field("rating", "meta", RATING),
    CELL_INFO,
    name="EndOfLife",
)

FORMULATED = (
    Field("formulation", "formulation", FORMULATION),
    Field("temperature", "temperature", Codec(_same, _same, "K")),
)
CONDUCTIVITY = (RUN_INFO, Measured("conductivity", "S/m", 1, "S/m", "repeats", temperature=True))
DENSITY = (
    RUN_INFO,
    Measured("density", "kg/m3", 1e3, "1 g/cm3 = 1e3 kg/m3", "repeats", temperature=True),
)
DEGRADATION = (
    BATTERY_CHEMISTRY,
    CELL_INFO,
    Field(
        "input_cycles",
        "input_cycles",
        _array(1e-3, "read as mA.h, the unit of the trajectories; FINALES names none"),
    ),
    *(
        Field(f"{which}_charging_rate", f"{which}_charging_rate", Codec(_same, _same, "1/h"))
        for which in ("average", "maximum", "minimum")
    ),
    *FEATURES,
)

SHARED: Final = (
    RUN_INFO.codec,
    FORMULATION_INFO,
    CHEMICAL_INFO,
    LOCATION,
    CELL.codec,
    BATTERY_CHEMISTRY.codec,
    ELECTRODE,
    SEPARATOR,
    CELL_INFO.codec,
    TRAJECTORY,
    RADIAL_DISTRIBUTION,
)
"""Objects that several capabilities share, each with a table of its own."""

ASSEMBLED = _each(
    _nested(
        CELL_INFO,
        CELL,
        Field("manufacturing_img", "manufacturing_img", SAME),
        Field("rating", "meta", RATING),
        Field("temperature", "temperature", _value(1, "K", "K")),
        Field("sealing_time", "sealing_time", TIME),
    )
)

RULES: Final[Mapping[tuple[str, str], tuple[tuple[Rule, ...], tuple[Rule, ...]]]] = {
    ("conductivity", "two_electrode"): (FORMULATED, CONDUCTIVITY),
    ("conductivity", "molecular_dynamics"): (
        FORMULATED,
        (
            *CONDUCTIVITY,
            Measured("density", "kg/m3", 1e3, "1 g/cm3 = 1e3 kg/m3"),
            Field("rdf", "RDF", RADIAL_DISTRIBUTION),
            MOLECULES,
        ),
    ),
    ("conductivity", "polynomial_interpolation"): (FORMULATED, CONDUCTIVITY),
    ("density", "vibrating_tube_densimetry"): (
        FORMULATED,
        (
            *DENSITY,
            Measured(
                "viscosity",
                "Pa.s",
                1e-3,
                "read as mPa.s = 1e-3 Pa.s; FINALES says g/cm3 by mistake",
                "viscosity_repeats",
            ),
        ),
    ),
    ("density", "molecular_dynamics"): (
        FORMULATED,
        (
            *DENSITY,
            Measured("conductivity", "S/m", 1, "S/m"),
            Field("rdf", "RDF", RADIAL_DISTRIBUTION),
            MOLECULES,
        ),
    ),
    ("radial_density_function", "molecular_dynamics"): (
        (
            *FORMULATED,
            Field("estimated_density", "estimated_density", _scaled(1e3, "1 g/cm3 = 1e3 kg/m3")),
        ),
        RDF,
    ),
    ("electrolyte", "flow"): (
        (
            Field("formulation", "electrolyte.formulation", FORMULATION),
            Field("volume", "volume", _scaled(1e-6, "1 mL = 1e-6 m3")),
        ),
        (
            RUN_INFO,
            Field("sample", "run_info.formulation_info.uuid", SAME),
            Field("run_info.formulation", "electrolyte.formulation", FORMULATION, only="to"),
            Field("volume", "electrolyte.volume", _value(1e-6, "m3", "1 mL = 1e-6 m3")),
            Field("location", "electrolyte.location", LOCATION),
            Field("rating", "electrolyte.meta", RATING),
        ),
    ),
    ("cell_assembly", "autobass_assembly"): (
        (CELL, CELL_INFO, Field("batch_size", "batch_volume", SAME)),
        (
            Field("batch_id", "batch_id", SAME),
            Field("batch_output", "batch_output", ASSEMBLED, read="spelled_out"),
        ),
    ),
    ("cycling_channel", "service"): (
        (
            Field("number_required_channels", "number_required_channels", SAME),
            Field("cycling_protocol", "cycling_protocol", SAME),
            Field("number_cycles", "number_cycles", SAME),
        ),
        (
            Field("success", "success", SAME),
            Field("reservation_id", "reservation_id", SAME),
        ),
    ),
    ("capacity", "cycling"): (
        (
            Field("cycling_protocol", "cycling_protocol", SAME),
            Field("number_cycles", "number_cycles", SAME),
            CELL_INFO,
            Field("location", "location", LOCATION),
            Field("reservation_id", "reservation_number", SAME),
            Field("capacity", "capacity", Codec(_same, _same, "A.h")),
            Field("current_max", "I_max", Codec(_same, _same, "A")),
            Field("voltage_max", "V_max", Codec(_same, _same, "V")),
            Field("voltage_min", "V_min", Codec(_same, _same, "V")),
            Field("formation_cycles", "repetions_formation_cycle", SAME),
            Field("formation.c_rate_charge", "c_rate_charge_formation", Codec(_same, _same, "1/h")),
            Field(
                "formation.c_rate_discharge",
                "c_rate_discharge_formation",
                Codec(_same, _same, "1/h"),
            ),
            Field("formation.cutoff_current", "CV_I_cutoff_formation", Codec(_same, _same, "A")),
            Field("cycling.voltage_max", "cycling_V_max", Codec(_same, _same, "V")),
            Field("cycling.voltage_min", "cycling_V_min", Codec(_same, _same, "V")),
            Field("cycling.c_rate_charge", "c_rate_charge", Codec(_same, _same, "1/h")),
            Field("cycling.c_rate_discharge", "c_rate_discharge", Codec(_same, _same, "1/h")),
            Field("cycling.cutoff_current", "CV_I_cutoff", Codec(_same, _same, "A")),
        ),
        (
            Alternating("charge_capacity", "discharge_capacity", "capacity_list"),
            Field("channel_list", "channel_list", TEXTS),
            CELL_INFO,
            *FEATURES,
        ),
    ),
    ("degradation_eol", "degradation_model"): (
        DEGRADATION,
        (RUN_INFO, Field("prediction", "degradationEOL", TRAJECTORY)),
    ),
    ("degradation_eol", "degradation_workflow"): (
        DEGRADATION,
        (RUN_INFO, Field("predictions", "degradationEOL", _each(TRAJECTORY))),
    ),
    ("transport", "transport_service"): (
        (
            Field("origin", "origin", LOCATION),
            Field("destination", "destination", LOCATION),
        ),
        (
            Field("success", "success", SAME),
            Field("actual_new_location", "actual_new_location", LOCATION),
            Field("executant", "executant", SAME),
        ),
    ),
}
"""(rules of the input, rules of the output) by our (quantity, method)."""
