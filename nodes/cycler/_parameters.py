"""Parameters of the cycler node."""

from __future__ import annotations

from typing import Literal

from pydantic import model_validator

from labmesh import parameter
from labmesh.instrument import InstrumentParameters
from nodes.cycler._cell import Strictness
from nodes.cycler._driver import CellLimits


class CyclerParameters(InstrumentParameters):
    """Parameters of a `CyclerNode`; capacities in A.h, all else in SI units."""

    backend: Literal["virtual", "pybamm", "arbin", "neware"] = parameter(
        "virtual", effect="start",
        description="virtual: half-cell surrogate; pybamm: PyBaMM's SPM with SEI (extra pybamm); "
        "arbin: Arbin CTI; neware: Neware BTS",
    )  # fmt: skip
    address: str = parameter(
        "", effect="start", description="of a real cycler: tcp://host:9031 (Arbin), tcp://host:502"
    )
    raw_folder: str = parameter(
        "", effect="start", description="where a real cycler's software writes its files"
    )
    schedules: dict[str, str] = parameter(
        {}, effect="start",
        description="arbin: names of MITS' schedules by the fingerprints of protocols",
    )  # fmt: skip
    step_folder: str = parameter(
        "", effect="start", description="neware: folder for BTS' step files, as seen here"
    )
    step_folder_there: str = parameter(
        "", effect="start", description="neware: the same folder, as BTS' computer sees it"
    )
    results_there: str = parameter(
        "", effect="start", description="neware: where BTS backs up results, as it sees it"
    )
    timezone: str = parameter(
        "UTC", description="IANA name, of the clock that writes dates into raw files"
    )
    channels: int = parameter(64, ge=1, le=1024, effect="start", description="how many there are")
    disabled: list[int] = parameter([], description="channels that are not used")
    reservation_ttl: float = parameter(
        14400.0,
        gt=0,
        unit="s",
        description="wall time for which reserved channels are kept; 64 cells take 3.3 h to make",
    )
    protocols: str = parameter(
        "", effect="configure", description="folder of more protocols: recipes and unicycler JSON"
    )
    require_location: Strictness = parameter(
        "site",
        description="where a cell has to be by its last state: at this site, at this node (as "
        "transports say), or anywhere (off); one that was never located may be anywhere",
    )
    record_interval: float | None = parameter(
        30.0, gt=0, unit="s",
        description="between two records instead of what a recipe says; null keeps the recipe's",
    )  # fmt: skip
    nominal_capacity: float = parameter(
        7.7e-3, gt=0, unit="A.h", description="of a cell where a request says none"
    )
    voltage_max: float = parameter(4.35, unit="V", description="safety: not above it")
    voltage_min: float = parameter(
        2.0, unit="V", description="safety: not below it while a cell is discharged"
    )
    current_max: float = parameter(
        0.1, gt=0, unit="A", description="safety: magnitude of charge and discharge"
    )
    capacity_max: float = parameter(
        0.05, gt=0, unit="A.h", description="safety: charge of one step"
    )
    temperature_max: float = parameter(333.15, gt=0, unit="K", description="safety: not above it")
    temperature_min: float = parameter(253.15, gt=0, unit="K", description="safety: not below it")
    limit_delay: float = parameter(
        10.0, ge=0, unit="s", description="for which a limit may be exceeded"
    )
    chamber: str = parameter(
        "", effect="configure",
        description="address of the climate chamber, modbus+tcp://host:502?unit=1; empty: none",
    )  # fmt: skip
    seed: int = parameter(0, effect="start", description="virtual: of the spread between cells")
    formation_loss: float = parameter(
        0.10, ge=0, le=0.5, description="virtual: share of the capacity that formation takes"
    )
    active_material_loss: float = parameter(
        2e-5, ge=0, le=0.01,
        description="virtual: share of both electrodes that an equivalent full cycle takes",
    )  # fmt: skip
    ageing_hurry: float = parameter(
        1.0, gt=0, le=1000,
        description="virtual: multiplies SEI growth and loss of active material, to see cells die",
    )  # fmt: skip
    rows_per_file: int = parameter(
        20_000, ge=100, effect="start", description="virtual: records of a part of a raw file"
    )

    @model_validator(mode="after")
    def _consistent(self) -> CyclerParameters:
        if self.voltage_min >= self.voltage_max:
            raise ValueError("voltage_min is not below voltage_max")
        if self.temperature_min >= self.temperature_max:
            raise ValueError("temperature_min is not below temperature_max")
        if self.backend in ("arbin", "neware") and not self.address and not self.dry_run:
            raise ValueError(f"backend {self.backend} needs the cycler's address")
        return self

    @property
    def limits(self) -> CellLimits:
        """The safety limits."""
        return CellLimits(
            voltage_max=self.voltage_max,
            voltage_min=self.voltage_min,
            current_max=self.current_max,
            current_min=-self.current_max,
            capacity_max=self.capacity_max,
            temperature_max=self.temperature_max,
            temperature_min=self.temperature_min,
            delay=self.limit_delay,
        )
