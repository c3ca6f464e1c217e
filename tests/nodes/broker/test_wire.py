"""What the ledger puts together by hand says what the codec would say."""

from __future__ import annotations

from uuid import UUID

from hypothesis import given
from hypothesis import strategies as st

from labmesh.clock import WallClock
from labmesh.mesh import Mesh
from labmesh.transport import MemoryHub, MemoryTransport
from messages.chain import GENESIS
from messages.envelope import Envelope, decode
from messages.ids import NodeId, new_id
from messages.ledger import EntryKind, Receipt, Request
from messages.topics import Topics, parse_topic
from nodes.broker._row import Tip, make_row
from nodes.broker._wire import Wire
from tests.messages import strategies as some

BROKER = NodeId("kit", "broker")
TRACE = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"


def wire(epoch: int = 3) -> Wire:
    transport = MemoryTransport(MemoryHub(), client_id="broker")
    return Wire(Mesh(transport, Topics(BROKER), WallClock(), epoch=epoch))


def opened(payload: bytes) -> Envelope:
    return decode(payload).open()


@given(
    body=some.objects,
    offset=st.integers(0, 2**63 - 1),
    stamp=st.integers(0, 2**63 - 1),
    trace=st.sampled_from(["", TRACE]),
)
def test_an_entry_is_read_as_it_was_written(
    body: dict[str, object], offset: int, stamp: int, trace: str
) -> None:
    row = make_row(
        Tip(offset - 1, GENESIS), uuid=str(new_id()), kind=EntryKind.REQUEST.value, stamp=stamp,
        load_time=stamp, author="kit/opt", type=Request.TYPE, schema="s", body=body,
    )  # fmt: skip
    sent = wire().entry(row, "kit/asab", trace)
    envelope = opened(sent.payload)
    assert envelope.body == row.entry()
    assert (envelope.header.sender, envelope.header.epoch) == ("kit/broker", 3)
    assert envelope.header.trace == trace
    assert parse_topic(sent.topic).rest == ("request",)
    assert str(parse_topic(sent.topic).to) == "kit/asab"
    assert sent.properties == {"type": "Entry@1"}


@given(reason=some.texts, offset=st.integers(0, 2**63 - 1))
def test_receipts_are_read_as_they_were_written(reason: str, offset: int) -> None:
    message = new_id()
    refused = Receipt(message=message, accepted=False, reason=reason[:4000])
    assert opened(wire().receipt("kit/opt", refused).payload).body == refused
    row = make_row(
        Tip(offset - 1, GENESIS), uuid=str(message), kind="request", stamp=1, load_time=1,
        author="kit/opt", type=Request.TYPE, schema="s", body={},
    )  # fmt: skip
    sent = wire().accepted(row)
    assert opened(sent.payload).body == Receipt(message=message, accepted=True, offset=offset)
    assert sent.topic == "lab1/kit/broker/receipt/kit/opt"


def test_every_message_has_its_own_number_id_and_time() -> None:
    said = wire()
    receipt = Receipt(message=UUID(int=1), accepted=False, reason="no")
    headers = [opened(said.receipt("kit/opt", receipt).payload).header for _ in range(50)]
    assert [header.seq for header in headers] == list(range(1, 51))
    assert len({header.id for header in headers}) == 50
    assert headers == sorted(headers, key=lambda header: (header.stamp, header.id))
