"""The MQTT broker: what it allows, and whom."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict
from typing import Final

from labmesh.cli._doctor._finding import Finding, fail, fine, warn
from labmesh.client import Visitor
from labmesh.listing import probe
from labmesh.transport import MqttTransport
from messages.envelope import MAX_PAYLOAD, encode
from messages.errors import LabmeshError, NotConnectedError, PublishRefusedError
from messages.ids import NodeId
from messages.node import Milestone

_PACKET: Final = MAX_PAYLOAD + 8 * 1024
"""Bytes: our largest payload, its topic and MQTT's own header and properties."""

_WINDOW: Final = 20
"""QoS 1 publishes in flight, below which every publisher waits for the network's round trips."""

NOBODY: Final = "doctor-nobody"
"""The node in whose name nobody may publish."""


def limits(visitor: Visitor) -> Iterator[Finding]:
    """Check what the MQTT broker said in its CONNACK."""
    transport = visitor.mesh.transport
    said = transport.limits if isinstance(transport, MqttTransport) else None
    if said is None:
        return
    details = asdict(said)
    if said.maximum_packet is not None and said.maximum_packet < _PACKET:
        yield fail(
            "limits", f"the MQTT broker takes packets of {said.maximum_packet} bytes only",
            f"set its largest packet to {_PACKET} or more (mosquitto: max_packet_size)", **details,
        )  # fmt: skip
    for there, words in (
        (said.retain, "keeps no retained messages"),
        (said.wildcards, "takes no filters with + and #"),
        (said.maximum_qos >= 1, "has no QoS 1"),
    ):
        if not there:
            remedy = "allow it in its configuration; the mesh does not work without"
            yield fail("limits", f"the MQTT broker {words}", remedy, **details)
    if said.receive_maximum < _WINDOW:
        yield warn(
            "limits", f"the MQTT broker takes {said.receive_maximum} messages at a time",
            "raise its receive maximum (mosquitto: max_inflight_messages)", **details,
        )  # fmt: skip
    packet = "any size" if said.maximum_packet is None else f"packets to {said.maximum_packet} B"
    more = "" if said.shared else ", no shared subscriptions (we need none)"
    yield fine(
        "limits", f"{packet}, receive maximum {said.receive_maximum}, retain, wildcards{more}",
        **details,
    )  # fmt: skip


async def rights(visitor: Visitor, patience: float) -> list[Finding]:
    """Check that one may publish below one's own prefix, and not in another's name."""
    mesh = visitor.mesh
    prefix = mesh.topics.prefix
    try:
        await probe(mesh, timeout=patience)
    except NotConnectedError as error:
        return [fail("rights", f"{mesh.me} may not publish below {prefix}", error.remedy)]
    found = [fine("rights", f"{mesh.me} may publish below {prefix}")]
    other = f"{mesh.topics.realm}/{NodeId(mesh.me.site, NOBODY)}/event/doctor"
    message = Milestone(task="doctor", done=0)
    try:
        payload = encode(mesh.header(Milestone), message)
        await mesh.transport.publish(other, payload, qos=1, expiry=patience)
    except PublishRefusedError:
        found.append(fine("rights", "nobody may publish in another's name"))
    except LabmeshError as error:
        found.append(warn("rights", f"publishing in another's name: {error.what}"))
    else:
        remedy = f"give it an ACL: pattern write {mesh.topics.realm}/{mesh.me.site}/%u/#"
        found.append(warn("rights", "anybody may publish in anybody's name here", remedy))
    return found
