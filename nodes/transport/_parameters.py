"""Parameters of the node that lets people carry samples."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import field_validator

from labmesh import NodeParameters, parameter
from nodes.transport._people import SIMULATED, check_person


class TransportParameters(NodeParameters):
    """Parameters of a `TransportNode`."""

    address: str = parameter(
        "127.0.0.1", effect="configure",
        description="interface on which people are listened to; another than this machine's own "
        "needs a certificate",
    )  # fmt: skip
    port: int = parameter(
        0, ge=0, le=65535, effect="configure", listens=True,
        description="TCP port of the chat; 0 takes a free one, which transport.chat says",
    )  # fmt: skip
    certificate: str = parameter(
        "", effect="configure", description="file of the chat's certificate (PEM): it speaks TLS"
    )
    key: str = parameter("", effect="configure", description="file of the certificate's key (PEM)")
    max_clients: int = parameter(100, ge=1, le=5000, description="connections at a time")
    login_time: float = parameter(
        30.0, gt=0, unit="s", description="wall time in which a new connection must say who it is"
    )
    within: float = parameter(
        3600.0, gt=0, unit="s",
        description="when a transport is due that does not say so, by the mesh's clock",
    )  # fmt: skip
    remind_after: float = parameter(
        900.0, gt=0, unit="s",
        description="mesh's time without progress after which people are reminded, again and again",
    )  # fmt: skip
    reminders: int = parameter(
        5, ge=0, description="how often at most, until something has happened again"
    )
    require_codes: bool = parameter(
        False, description="take nobody's word for a pick-up: every sample's code must be read"
    )
    require_place: bool = parameter(
        False, description="a delivery says where: the destination's label is read, or typed"
    )
    check_origin: Literal["address", "whole"] = parameter(
        "address",
        description="what of the origin must agree with the ledger; who carries is told the rest",
    )
    notifiers: list[dict[str, Any]] = parameter(
        default_factory=list, effect="configure",
        description="who is told besides the chat: maps with `kind` (command, email, or an entry "
        "point of labmesh.notifiers), `events` (a list of what it is told) and the kind's own keys",
    )  # fmt: skip
    max_sim_rate: float = parameter(
        0.0, ge=0,
        description="simulated seconds a wall second at which its couriers can follow; the clock "
        "node runs no faster while there is something to carry; 0 is any rate",
    )  # fmt: skip
    simulated_people: list[str] = parameter(
        default_factory=list, effect="configure",
        description=f"couriers that are programs, each named {SIMULATED}...; they get a token of "
        "their own in the node's folder",
    )  # fmt: skip

    @field_validator("simulated_people")
    @classmethod
    def _say_so(cls, names: list[str]) -> list[str]:
        for name in names:
            check_person(name)
            if not name.startswith(SIMULATED):
                raise ValueError(f"a simulated courier's name begins with {SIMULATED}, not {name}")
        return names
