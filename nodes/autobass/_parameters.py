"""Parameters of the assembly robot."""

from __future__ import annotations

from typing import Literal

from pydantic import model_validator

from labmesh.instrument import InstrumentParameters
from labmesh.node import parameter


class AutobassParameters(InstrumentParameters):
    """Addresses of the wires, speeds, limits and tolerances. Lengths in m, volumes in m3."""

    robot: str = parameter(
        "", effect="configure", description="Meca500's control port: tcp://10.0.0.2:10000"
    )
    rail: str = parameter(
        "", effect="configure",
        description="LINAX: tcp://10.0.0.3:10001; LECP6: modbus+rtu:///dev/ttyUSB1?baud=38400&unit=1",
    )  # fmt: skip
    rail_kind: Literal["linax", "lecp6"] = parameter(
        "linax", effect="configure", description="whose rail it is"
    )
    dispenser: str = parameter(
        "", effect="configure",
        description="ML600: serial:///dev/ttyUSB0?baud=9600&bytes=7&parity=O&stop=1; rLINE: "
        "serial:///dev/ttyUSB0?baud=9600&bytes=8&parity=N&stop=1",
    )  # fmt: skip
    dispenser_kind: Literal["ml600", "rline"] = parameter(
        "ml600", effect="configure", description="which dispenser it is"
    )
    relays: str = parameter(
        "", effect="configure", description="Arduino: serial:///dev/ttyACM0?baud=9600"
    )
    glovebox: str = parameter(
        "", effect="configure", description="its controller: modbus+tcp://10.0.0.4:502?unit=1"
    )
    simulated: bool = parameter(
        False, effect="start",
        description="the addresses lead to simulators: offers and results say so",
    )  # fmt: skip
    layout_file: str = parameter(
        "", effect="configure", description="YAML of the tray layout; empty: the default one"
    )
    seed: int = parameter(0, effect="configure", description="of the simulated part offsets")

    crimper_relay: int = parameter(1, ge=1, le=4, effect="configure", description="its number")
    vacuum_relay: int = parameter(2, ge=1, le=4, effect="configure", description="its number")
    tool_length: float = parameter(
        0.05, ge=0, le=0.2, unit="m", effect="configure", description="flange to the tip; assumed"
    )
    joint_speed: float = parameter(
        0.25, gt=0, le=1, effect="configure", description="share of the arm's greatest"
    )
    linear_speed: float = parameter(
        0.05, gt=0, le=1, unit="m/s", effect="configure", description="of straight moves"
    )
    rail_speed: float = parameter(0.25, gt=0, le=1, unit="m/s", effect="configure",
                                  description="of the rail")  # fmt: skip
    rail_low: float = parameter(0.0, ge=0, unit="m", effect="configure", description="least")
    rail_high: float = parameter(1.8, le=1.8, unit="m", effect="configure", description="greatest")
    syringe: float = parameter(
        100e-9, gt=0, unit="m3", effect="configure", description="volume of the ML600's syringe"
    )
    seconds_per_stroke: int = parameter(
        12, ge=2, le=3692, unit="s", effect="configure", description="speed of the ML600"
    )

    crimp_wait: float = parameter(
        77.0, ge=0, unit="s",
        description="blind wait for the crimper (MTI MSK-160E tells nothing): AutoBASS's log",
    )  # fmt: skip
    press_hold: float = parameter(3.0, ge=0, unit="s", description="pressing by the arm")
    settle: float = parameter(1.0, ge=0, unit="s", description="vacuum on or off; a camera's shot")
    drop_wait: float = parameter(
        1.0, ge=0, unit="s", description="until a drop has left the needle"
    )

    oxygen_limit: float = parameter(
        1e-6, gt=0, description="greatest mole fraction of O2 to assemble in; 1e-6 is 1 ppm"
    )
    water_limit: float = parameter(
        1e-6, gt=0, description="greatest mole fraction of H2O to assemble in"
    )
    atmosphere_check: float = parameter(
        10.0, gt=0, unit="s", description="between two looks while the atmosphere is unfit"
    )
    wash_volume: float = parameter(
        20e-9, gt=0, unit="m3", description="of one purge when the electrolyte changes"
    )
    wash_cycles: int = parameter(3, ge=1, le=20, description="purges when the electrolyte changes")
    vial_volume: float = parameter(
        20e-6, gt=0, unit="m3", effect="configure", description="what an electrolyte vial holds"
    )
    waste_volume: float = parameter(
        100e-6, gt=0, unit="m3", effect="configure", description="what the waste vessel holds"
    )
    assume_vials: bool = parameter(
        False,
        description="take a vial that nobody has put in as standing, full, at the next free "
        "place; for simulated laboratories",
    )
    lots: dict[str, str] = parameter(
        {}, effect="configure", description="lot by part, of trays that are new to the node"
    )
    on_cancel: Literal["finish", "scrap"] = parameter(
        "finish", description="what becomes of the cell under way when the batch is cancelled"
    )

    offset_tolerance: float = parameter(
        1e-3, gt=0, unit="m", description="of a part against the post's centre; assumed"
    )
    overlap_tolerance: float = parameter(
        0.5e-3, gt=0, unit="m",
        description="of cathode against anode: half of 15 mm less 14 mm, so that none overhangs",
    )  # fmt: skip
    volume_tolerance: float = parameter(0.05, gt=0, description="of the electrolyte, relative")
    wet_tolerance: float = parameter(
        600.0, gt=0, unit="s", description="from the first electrolyte to the seal; assumed"
    )

    @model_validator(mode="after")
    def _ordered(self) -> AutobassParameters:
        if self.rail_low >= self.rail_high:
            raise ValueError("rail_low is not below rail_high")
        if self.crimper_relay == self.vacuum_relay:
            raise ValueError("crimper_relay and vacuum_relay are the same")
        return self
