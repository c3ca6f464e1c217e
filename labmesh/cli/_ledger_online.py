"""Whether the broker node is there: asked of its presence, which answers at once."""

from __future__ import annotations

from contextlib import suppress

from labmesh.client import Visitor
from labmesh.links import Links
from labmesh.listing import probe
from labmesh.transport import Delivery
from messages.envelope import decode
from messages.errors import CallTimeoutError, DecodeError
from messages.ids import NodeId


async def check_ledger_online(visitor: Visitor, *, patience: float) -> NodeId:
    """Return the broker node.

    Raises:
        CallTimeoutError: It is not online, so nobody would answer.
        NotConnectedError: The MQTT broker did not answer.
    """
    ledger = visitor.place.need_ledger()
    mesh = visitor.mesh
    states: set[str] = set()
    links = Links(mesh.me.site)

    def take(delivery: Delivery) -> None:
        # Not validated: a broker node of another version is there all the same.
        with suppress(DecodeError):
            states.add(str(decode(delivery.payload).body.get("state")))

    pattern = mesh.topics.of(ledger, "node", "alive", "+")
    subscriptions = [
        await mesh.transport.subscribe(pattern, take),
        await mesh.transport.subscribe(links.pattern(mesh.topics.realm), links.hear),
    ]
    await probe(mesh, timeout=patience)
    for subscription in subscriptions:
        await subscription.cancel()
    if down := links.down(ledger.site):
        raise CallTimeoutError(
            f"the ledger does not answer: {down}, and {ledger} beyond it",
            remedy="see that the site reaches the hub; what waits in outboxes goes out by itself",
        )
    if "online" not in states:
        how = f"is {', '.join(sorted(states))}" if states else "was never there"
        raise CallTimeoutError(
            f"the ledger does not answer: the broker node {ledger} {how}",
            remedy="start it, or name another with --ledger SITE/NODE",
        )
    return ledger
