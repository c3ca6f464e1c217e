"""Parameters of the rig of devices."""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

from labmesh import parameter


class DeviceParameters(BaseModel):
    """Where the devices are, and how they are used. Nothing here matters to the rig of laws.

    Attributes without an address: such a device is not there, and what needs it is not offered.
    """

    model_config = ConfigDict(extra="forbid")

    rig_file: str = parameter(
        "", effect="configure", description="YAML file of pumps, valves, vessels and tubes; empty: "
        "the shipped layout",
    )  # fmt: skip
    pumps: Literal["simulated", "qmixsdk"] = parameter(
        "simulated", effect="start", description="who moves the liquid: the simulated fluidics, or "
        "CETONI's library, which must be installed (not tested on hardware)",
    )  # fmt: skip
    qmix_config: str = parameter(
        "", effect="configure", description="folder of the CETONI bus configuration"
    )
    hardware: bool = parameter(
        False, effect="start", description="whether the addresses below lead to real instruments; "
        "results are marked as simulated unless pumps and instruments are real",
    )  # fmt: skip
    world: str = parameter(
        "", effect="configure", description="folder of the simulated world, shared with the "
        "simulated instruments; empty: in the node's folder",
    )  # fmt: skip
    densimeter: str = parameter("", effect="configure", description="address: folder:///...")
    potentiostat: str = parameter("", effect="configure", description="address: serial:///...")
    balance: str = parameter("", effect="configure", description="address: serial:///...")
    relays: str = parameter(
        "", effect="configure", description="address of the board whose relay lets the gas in; "
        "empty with simulated pumps: the gas is simulated with them",
    )  # fmt: skip
    record: str = parameter(
        "", effect="configure", description="folder into which every session on a wire is "
        "recorded, for a replay; empty: none",
    )  # fmt: skip
    methods: dict[str, float] = Field(
        default_factory=lambda: {
            "DL-20": 293.15,
            "DL-25": 298.15,
            "DL-30": 303.15,
            "DL-40": 313.15,
        },
        description="methods of the densimeter, each with its temperature in K",
    )
    cell_temperature: float = parameter(
        298.15, gt=0, unit="K", description="at which the conductivity cell is thermostatted"
    )
    cell_constant: float = parameter(
        0.0, ge=0, unit="1/m", effect="configure", description="of the conductivity cell by its "
        "certificate: recorded as its calibration where there is none; 0: a simulated cell's own, "
        "and cell.calibrate finds that of a real one",
    )  # fmt: skip
    cell_constant_uncertainty: float = parameter(
        0.01, gt=0, lt=1, unit="1", description="relative standard uncertainty of the certificate"
    )
    spectra: int = parameter(3, ge=1, le=20, description="impedance spectra of a measurement")
    flow: float = parameter(1e-7, gt=0, unit="m3/s", description="of all pumps together")
    purge_factor: float = parameter(
        2.0, ge=1, description="times the dead volume of a way that purges it with the mixture"
    )
    prime_factor: float = parameter(
        1.5, ge=1, description="times the dead volume of a pump's lines that fills them"
    )
    rinses: int = parameter(2, ge=0, le=10, description="fillings of solvent between two samples")
    rinse_factor: float = parameter(
        1.5, gt=0, description="times the dead volume of a way that a filling of solvent has"
    )
    rinse_flow: float = parameter(2e-7, gt=0, unit="m3/s", description="of the solvent")
    gas_pulses: int = parameter(3, ge=0, le=20, description="that drain a way")
    gas_on: float = parameter(2.0, gt=0, unit="s", description="of a pulse")
    gas_off: float = parameter(1.0, ge=0, unit="s", description="after a pulse")
    settling: float = parameter(10.0, ge=0, unit="s", description="after the last pulse")
    waste_volume: float = parameter(
        5e-3, gt=0, unit="m3", effect="configure", description="that the waste takes"
    )
    rinse_volume: float = parameter(
        1e-3, gt=0, unit="m3", effect="configure", description="of the full bottle of solvent"
    )
    vials: int = parameter(
        16, ge=1, effect="configure", description="empty vials that somebody has put ready"
    )
    consistency: float = parameter(
        0.02, gt=0, description="relative misfit to Kramers and Kronig's relations above which a "
        "spectrum is refused",
    )  # fmt: skip
