"""What only PostgreSQL can do to a ledger: lose its word, lose its rights, be set up wrongly."""

from __future__ import annotations

import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import suppress

import psycopg
import pytest
from sqlalchemy.exc import OperationalError

from messages.errors import ConfigurationError
from messages.ids import new_id
from messages.ledger import Request
from nodes.broker import open_ledger
from nodes.broker.store import SqlStore
from tests.nodes.broker.lab import Lab, execute, journal
from tests.support import PostgresServer


class Gossip:
    """Between a client and the server; once told to, it keeps the server's "committed" to itself.

    The connection ends then, as if the network had failed while the answer was on its way.
    """

    def __init__(self, port: int) -> None:
        self.keep_next = False
        self._target = port
        self._door = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._door.getsockname()[1]
        self._threads = [threading.Thread(target=self._serve, daemon=True)]
        self._threads[0].start()

    def close(self) -> None:
        with suppress(OSError):
            self._door.shutdown(socket.SHUT_RDWR)
        self._door.close()
        for thread in self._threads:
            thread.join(10)

    def _serve(self) -> None:
        with suppress(OSError):
            while True:
                near, _ = self._door.accept()
                far = socket.create_connection(("127.0.0.1", self._target))
                for source, sink in ((near, far), (far, near)):
                    thread = threading.Thread(
                        target=self._pump, args=(source, sink, source is far), daemon=True
                    )
                    self._threads.append(thread)
                    thread.start()

    def _pump(self, source: socket.socket, sink: socket.socket, from_server: bool) -> None:
        with suppress(OSError):
            while data := source.recv(65536):
                if from_server and self.keep_next and b"COMMIT\0" in data:
                    self.keep_next = False
                    break
                sink.sendall(data)
        for end in (source, sink):
            with suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)
            end.close()


@pytest.fixture
def url(postgres: PostgresServer) -> str:
    return postgres.schema()


@pytest.fixture
def gossip(postgres: PostgresServer) -> Iterator[Gossip]:
    gossip = Gossip(postgres.port)
    yield gossip
    gossip.close()


def test_what_was_committed_though_nobody_said_so_is_there_once_and_is_said(
    url: str, postgres: PostgresServer, gossip: Gossip
) -> None:
    lab = Lab(url.replace(f":{postgres.port}/", f":{gossip.port}/"))
    lab.settle()
    lab.worker("kit/asab")
    request = Request(quantity="q", method="m", parameters={"x": 1.0})
    parcel = lab.parcel("kit/opt", "request", request, "q", "m", uuid=new_id())
    before = len(journal(url))
    gossip.keep_next = True
    with pytest.raises(OperationalError):
        lab.apply(parcel)
    assert len(journal(url)) == before + 2, "the server did commit"
    outcome = lab.apply(parcel)
    assert len(journal(url)) == before + 2
    assert [p.row.offset for p in outcome.said] == [before, before + 1]
    assert outcome.said[0].receipt
    assert outcome.said[1].order is not None
    assert all(receipt.accepted for _, receipt in outcome.receipts)
    lab.check()
    lab.store.close()


@pytest.mark.parametrize(
    ("broken", "mended"),
    [
        ("REVOKE INSERT ON journal FROM labmesh", "GRANT INSERT ON journal TO labmesh"),
        ("REVOKE UPDATE ON requests FROM labmesh", "GRANT UPDATE ON requests TO labmesh"),
        (None, None),
    ],
    ids=["no right", "half a right", "read-only"],
)
def test_who_may_not_write_at_present_refuses_nobody(
    url: str, broken: str | None, mended: str | None
) -> None:
    lab = Lab(url)
    lab.settle()
    lab.worker("kit/asab")
    assert lab.request().accepted
    lab.progress(lab.order(), "kit/asab")
    before, identity = journal(url), new_id()

    def switch(statement: str | None, read_only: str) -> None:
        if statement is not None:
            execute(url, statement)
            return
        # As a server that has become a standby says of every transaction.
        lab.store._connection.exec_driver_sql(f"SET default_transaction_read_only = {read_only}")
        lab.store._connection.commit()

    switch(broken, "on")
    for _ in range(2):
        with pytest.raises(OperationalError):
            lab.result(lab.order(), "kit/asab", uuid=identity)
    assert journal(url) == before
    switch(mended, "off")
    assert lab.result(lab.order(), "kit/asab", uuid=identity).accepted
    lab.check()
    lab.store.close()


def test_a_reader_outlives_the_server(url: str, postgres: PostgresServer) -> None:
    lab = Lab(url)
    lab.worker("kit/asab")
    lab.store.close()
    with open_ledger(url) as reader:
        assert reader.query("ledger.head")["offset"] == 1
        postgres.kill()
        with pytest.raises(Exception, match="cannot open the ledger: .*") as caught:
            reader.query("ledger.head")
        assert "\n" not in str(caught.value)
        postgres.start()
        assert reader.query("ledger.head")["offset"] == 1
        assert reader.verify().sound


def test_a_server_that_does_not_keep_its_word_is_refused(postgres: PostgresServer) -> None:
    master = postgres.url("postgres", role="postgres").replace("+psycopg", "")
    with psycopg.connect(master, autocommit=True) as connection:
        connection.execute(
            "CREATE DATABASE ascii OWNER labmesh ENCODING 'SQL_ASCII' LOCALE 'C' TEMPLATE template0"
        )
        with pytest.raises(ConfigurationError, match="encoding SQL_ASCII") as caught:
            SqlStore(postgres.url("ascii"))
        assert "createdb --encoding UTF8" in caught.value.remedy
        connection.execute("ALTER SYSTEM SET fsync = off")
        connection.execute("SELECT pg_reload_conf()")
        try:
            postgres.restart()
            with pytest.raises(ConfigurationError, match="fsync off") as caught:
                SqlStore(postgres.schema())
            assert "postgresql.conf" in caught.value.remedy
        finally:
            with psycopg.connect(master, autocommit=True) as again:
                again.execute("ALTER SYSTEM RESET fsync")
            postgres.restart()


def test_commits_that_would_not_wait_for_the_disk_do(url: str) -> None:
    store = SqlStore(f"{url}%20-csynchronous_commit%3Doff")
    shown = store._connection.exec_driver_sql("SHOW synchronous_commit").scalar()
    assert shown == "on"
    store.close()


def test_without_the_driver_one_is_told_what_to_install() -> None:
    program = (
        "import sys; sys.modules['psycopg'] = None\n"
        "from nodes.broker import open_ledger\n"
        "open_ledger('postgresql://lab:secret@127.0.0.1:1/lab')\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=False
    )
    assert "pip install 'labmesh[postgresql]'" in done.stderr
    assert "secret" not in done.stderr.splitlines()[-1]
