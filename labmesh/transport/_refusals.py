"""Why a connection did not come about, in words for the person who can mend it."""

from __future__ import annotations

import socket
from typing import Final

from labmesh.transport._connection import ConnectRefusedError
from labmesh.transport._options import MqttAddress
from labmesh.transport._tls import explain_tls, is_final_tls
from messages.errors import ConfigurationError, NotConnectedError

_REMEDIES: Final = {
    0x84: "use an MQTT broker that speaks MQTT 5, e.g. mosquitto 2",
    0x85: "choose another client id",
    0x86: "check user name and password",
    0x87: "check user name and password, and the MQTT broker's access rules",
    0x8A: "ask the MQTT broker's operator why this client is banned",
    0x8C: "check which authentication the MQTT broker asks for",
    0x95: "raise the MQTT broker's greatest packet size: the will does not fit",
    0x90: "check that the MQTT broker allows the will's topic",
    0x9A: "use an MQTT broker that retains messages",
    0x9B: "use an MQTT broker that takes QoS 1",
}
"""CONNACK reason codes that no repetition can mend (MQTT 5 section 3.2.2.2), and what can."""


def is_final(error: Exception) -> bool:
    """Tell whether trying again is useless."""
    if isinstance(error, ConnectRefusedError):
        return error.code in _REMEDIES
    return isinstance(error, ConfigurationError) or is_final_tls(error)


def explain(error: Exception, address: MqttAddress) -> NotConnectedError:
    """Return ``error`` as one of ours."""
    at = f"the MQTT broker at {address}"
    if isinstance(error, ConnectRefusedError):
        return NotConnectedError(
            f"{at} refused the connection: 0x{error.code:02X} {error.name}",
            remedy=_REMEDIES.get(error.code, ""),
        )
    if isinstance(error, socket.gaierror):
        return NotConnectedError(
            f"host {address.host!r} is not known ({error.strerror})", remedy="check the host name"
        )
    if isinstance(error, ConnectionRefusedError):
        return NotConnectedError(
            f"nothing listens at {address}", remedy="check host, port and that it runs"
        )
    if isinstance(error, TimeoutError):
        return NotConnectedError(
            f"{at} did not answer in time", remedy="check that it speaks MQTT 5 on this port"
        )
    if isinstance(error, ConfigurationError):
        return NotConnectedError(str(error))
    if (about_tls := explain_tls(error, at)) is not None:
        return about_tls
    if isinstance(error, ConnectionResetError):
        # The word that it wants a certificate may be lost with the connection.
        check = (
            "not plain MQTT (mqtt://), on this port, and whether it takes a certificate of ours"
            if address.tls
            else "not TLS (mqtts://), on this port"
        )
        return NotConnectedError(
            f"{at} ended the connection before it answered",
            remedy=f"check that it speaks MQTT 5, and {check}",
        )
    return NotConnectedError(f"no connection to {at}: {error}", remedy="check host and port")
