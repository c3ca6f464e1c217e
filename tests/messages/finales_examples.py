"""Small examples in the shapes of FINALES 2, one request and one result a capability.

Written for these tests along its published schemas; every value is made up.
"""

from __future__ import annotations

from typing import Any

LIPF6 = {"SMILES": "[Li+].F[P-](F)(F)(F)(F)F", "InChIKey": "AXPLOJNSKRXQPA-UHFFFAOYSA-N"}
EC = {"SMILES": "C1COC(=O)O1", "InChIKey": "KMTRUDSVKNLOMY-UHFFFAOYSA-N"}
EMC = {"SMILES": "CCOC(=O)OC", "InChIKey": "JBTWLSYIZRCDFO-UHFFFAOYSA-N"}
GRAPHITE = {"SMILES": "[C]", "InChIKey": "OKTJSMMVPCPJKN-UHFFFAOYSA-N"}
LNO = {"SMILES": "[Li+].[O-][Ni]=O", "InChIKey": "VROAXDSNYPAOBJ-UHFFFAOYSA-N"}


def part(chemical: dict[str, str], fraction: float) -> dict[str, Any]:
    return {"chemical": chemical, "fraction": fraction, "fraction_type": "molPerMol"}


FORMULATION = [part(LIPF6, 0.08), part(EC, 0.42), part(EMC, 0.5)]
META = {"success": True, "rating": 4}
LOCATION = {"address": "KIT HIU Ulm", "detail_1": "ASAB", "detail_2": "vial_5"}
TRAY = {"address": "KIT HIU Ulm", "detail_1": "AutoBASS", "detail_2": "Tray: 7"}
INFO = {
    "name": "electrolyte1",
    "uuid": "c1fe5145-e5e8-4f91-8805-6d233eced138_sample_ca1bae74-a5ce-4fbf-84c8-0f0265cdc1d1",
    "preparation_date": "2023-08-14",
    "batch": "1",
    "location": LOCATION,
}
RUN_INFO = {
    "formulation": FORMULATION,
    "internal_reference": "7f38c012_0b154912",
    "formulation_info": INFO,
    "chemicals_info": {
        EC["InChIKey"]: {
            "name": "EC",
            "molar_mass": [88.06, 0.01],
            "density": [1.3214, 0.01],
            "batch": "Lot-1",
            "manufacturer": "manufacturer_A",
            "manufacturing_date": "2023-07-27",
        }
    },
}
CELL_INFO = {
    "cell_name": "CR2032",
    "uuid": "CELL-1",
    "assembly_date": "2023-08-14",
    "batch": "Batch_8",
    "anode_info": INFO | {"uuid": "Gr-1"},
    "cathode_info": INFO | {"uuid": "LNO-1"},
    "electrolyte_info": INFO,
    "cell_location": TRAY,
}
CHEMISTRY = {
    "electrolyte": FORMULATION,
    "anode": {"material": [part(GRAPHITE, 1.0)], "mass_loading": 1.1, "size": 1.7663},
    "cathode": {"material": [part(LNO, 1.0)], "mass_loading": 1.0, "size": 1.5386},
}
CELL = {
    "battery_chemistry": CHEMISTRY,
    "separator": {"material": "Celgard(R) 2325", "size": 2.0096},
    "electrolyte_volume": 35.0,
}
FEATURES = {
    "delta_coulombic_efficiency": -0.0018,
    "voltage_gap_charge_discharge": 0.0511,
    "capacity_vector_variance": -15.1,
}
RDF = {
    "radius": [0.5, 1.0, 1.5],
    "pair_title": ["Li-O", "Li-F"],
    "RDF": [[0.0, 0.1, 1.2], [0.0, 0.3, 1.1]],
    "cell_volume": 31000.0,
    "cell_formula": "Li16 O600 P16 F96 C600 H600",
}
CONDUCTIVITY = {"values": [0.91, 0.93, 0.92], "temperature": 301.15, "meta": META}
DENSITY = {"values": [1.21, 1.22], "temperature": 298.15, "meta": META}
SINGLE_DENSITY = {"values": [1.21], "temperature": 301.15, "meta": META}
SINGLE_CONDUCTIVITY = {"values": [0.91], "temperature": 298.15, "meta": META}
VISCOSITY = {"values": [3.1, 3.3], "temperature": 298.15, "meta": META}
MOLECULES = {EC["InChIKey"]: 100, EMC["InChIKey"]: 120}
END_OF_LIFE = {
    "end_of_life": 400,
    "end_of_life_uncertainty": 5.9,
    "capacity_trajectory": [3.2, 2.9, 2.6],
    "capacity_trajectory_uncertainty": [0.04, 0.009, 0.02],
    "meta": META,
    "cell_info": CELL_INFO,
}
FORMULATED = {"formulation": FORMULATION, "temperature": 301.15}
DEGRADATION = {
    "battery_chemistry": CHEMISTRY,
    "cell_info": CELL_INFO,
    "input_cycles": [4.28, 4.27, 3.82],
    "average_charging_rate": 0.5,
    "maximum_charging_rate": 1.0,
    "minimum_charging_rate": 0.1,
} | FEATURES

EXAMPLES: dict[tuple[str, str], tuple[dict[str, Any], dict[str, Any]]] = {
    ("conductivity", "two_electrode"): (
        FORMULATED,
        {"run_info": RUN_INFO, "conductivity": CONDUCTIVITY},
    ),
    ("conductivity", "molecular_dynamics"): (
        FORMULATED,
        {
            "run_info": RUN_INFO,
            "conductivity": CONDUCTIVITY,
            "density": SINGLE_DENSITY,
            "RDF": RDF,
            "number_molecules_per_component": MOLECULES,
        },
    ),
    ("conductivity", "polynomial_interpolation"): (
        FORMULATED,
        {"run_info": RUN_INFO, "conductivity": CONDUCTIVITY},
    ),
    ("density", "vibrating_tube_densimetry"): (
        FORMULATED,
        {"run_info": RUN_INFO, "density": DENSITY, "viscosity": VISCOSITY},
    ),
    ("density", "molecular_dynamics"): (
        FORMULATED,
        {
            "run_info": RUN_INFO,
            "density": DENSITY,
            "conductivity": SINGLE_CONDUCTIVITY,
            "RDF": RDF,
            "number_molecules_per_component": MOLECULES,
        },
    ),
    ("radial_density_function", "molacular_dynamics"): (
        FORMULATED | {"estimated_density": 1.2},
        RDF,
    ),
    ("electrolyte", "flow"): (
        {"electrolyte": {"formulation": FORMULATION}, "volume": 2.6},
        {
            "run_info": RUN_INFO,
            "electrolyte": {
                "formulation": FORMULATION,
                "volume": 2.6,
                "location": LOCATION,
                "meta": META,
            },
        },
    ),
    ("cell_assembly", "autobass_assembly"): (
        {"cell": CELL, "cell_info": CELL_INFO, "batch_volume": 8},
        {
            "batch_id": "Batch_8",
            "batch_output": [
                {
                    "cell_info": CELL_INFO,
                    "cell": CELL,
                    "manufacturing_img": "[No9]_Cathode_Drop_2023_11_24.jpg",
                    "meta": META,
                    "temperature": 300.0,
                    "sealing_time": "2023-11-24T10:50:09+00:00",
                }
            ],
        },
    ),
    ("cycling_channel", "service"): (
        {
            "number_required_channels": 8,
            "cycling_protocol": "BIG-MAP-Standard",
            "number_cycles": 200,
        },
        {"success": True, "reservation_id": "eeeeeeee-ba5e"},
    ),
    ("capacity", "cycling"): (
        {
            "cycling_protocol": "BIG-MAP-Standard",
            "number_cycles": 200,
            "cell_info": CELL_INFO,
            "location": TRAY,
            "reservation_number": "1234",
            "capacity": 0.0015,
            "I_max": 0.002,
            "V_max": 4.2,
            "V_min": 2.5,
            "c_rate_charge_formation": 0.1,
            "c_rate_discharge_formation": 0.1,
            "CV_I_cutoff_formation": 1e-5,
            "repetions_formation_cycle": 3,
            "cycling_V_max": 4.2,
            "cycling_V_min": 2.5,
            "c_rate_charge": 1.0,
            "c_rate_discharge": 1.0,
            "CV_I_cutoff": 1e-5,
        },
        {"capacity_list": [1.5e-3, 1.4e-3, 1.45e-3], "channel_list": [17], "cell_info": CELL_INFO}
        | FEATURES,
    ),
    ("degradationEOL", "degradation_model"): (
        DEGRADATION,
        {"run_info": RUN_INFO, "degradationEOL": END_OF_LIFE},
    ),
    ("degradationEOL", "degradation_workflow"): (
        DEGRADATION,
        {"run_info": RUN_INFO, "degradationEOL": [END_OF_LIFE, END_OF_LIFE]},
    ),
    ("transport", "transport_service"): (
        {"origin": LOCATION, "destination": TRAY},
        {"success": True, "actual_new_location": TRAY, "executant": "Leon"},
    ),
}
"""(request's parameters, result's data) by FINALES' (quantity, method)."""
