"""Parameters of the simulated courier."""

from __future__ import annotations

from pydantic import field_validator

from labmesh import NodeParameters, parameter
from nodes.transport._people import SIMULATED, check_person


class CourierParameters(NodeParameters):
    """Parameters of a `CourierNode`. All durations are assumed: nobody has measured a courier."""

    transport: str = parameter(
        "transport", effect="configure", description="the transport node of this site to serve"
    )
    person: str = parameter(
        f"{SIMULATED}courier", effect="configure",
        description="who it is in the chat; one of that node's simulated_people",
    )  # fmt: skip
    token_file: str = parameter(
        "", effect="configure",
        description="file with its token; empty: where that node keeps it on this machine",
    )  # fmt: skip
    seed: int = parameter(0, ge=0, description="of all durations and mistakes")
    walk: float = parameter(
        300.0, gt=0, unit="s",
        description="median of a walk, log-normal, cut at a fifth and five times of it (assumed)",
    )  # fmt: skip
    walk_spread: float = parameter(
        0.4, ge=0, le=2, description="standard deviation of a walk's logarithm (assumed)"
    )
    handle: float = parameter(
        10.0, ge=0, unit="s", description="time to find, read and grip one sample (assumed)"
    )
    wrong_code: float = parameter(
        0.0, ge=0, le=1, description="share of samples at which another one's code is read first"
    )
    late: float = parameter(
        0.0, ge=0, le=1, description="share of transports on which it dawdles, late_by more"
    )
    late_by: float = parameter(
        7200.0, ge=0, unit="s", description="how long it dawdles on those, before it picks up"
    )
    problem: float = parameter(
        0.0, ge=0, le=1, description="share of transports that it finds impossible at the origin"
    )
    max_sim_rate: float = parameter(
        600.0, ge=0,
        description="simulated seconds a wall second at which it can follow; the clock node runs "
        "no faster while it carries; 0 is any rate",
    )  # fmt: skip

    @field_validator("person")
    @classmethod
    def _says_so(cls, name: str) -> str:
        if not check_person(name).startswith(SIMULATED):
            raise ValueError(f"a simulated courier's name begins with {SIMULATED}")
        return name
