"""Parameters that every instrument has."""

from __future__ import annotations

from typing import Literal

from labmesh.node import NodeParameters, parameter


class InstrumentParameters(NodeParameters):
    """Base of an instrument's parameters: how careful it is."""

    dry_run: bool = parameter(
        False, effect="start",
        description="validate, plan and report as ever, but send no byte to any device",
    )  # fmt: skip
    max_sim_rate: float = parameter(
        0.0, ge=0,
        description="simulated seconds a wall second at which its devices can still follow; the "
        "clock node runs no faster while an order is in hand; 0 is any rate",
    )  # fmt: skip
    on_connection_loss: Literal["finish", "park"] = parameter(
        "finish",
        description="what an order in hand does when the MQTT broker is lost: finish, or park "
        "between two steps and go on when it is back; a next order is begun in neither case",
    )
    connection_patience: float = parameter(
        10.0, gt=0, unit="s", description="without the MQTT broker before it counts as lost"
    )
    expired_calibration: Literal["refuse", "flag"] = parameter(
        "refuse", description="what an expired or missing calibration does to an order"
    )
    calibration_warning: float = parameter(
        7 * 86400.0, ge=0, unit="s", description="before a calibration expires it is warned of"
    )
    heartbeat_interval: float = parameter(
        5.0, gt=0, unit="s", description="between two questions to idle devices whether they live"
    )
    heartbeat_timeout: float = parameter(
        5.0, gt=0, unit="s", description="after which a device that has not answered is at fault"
    )
