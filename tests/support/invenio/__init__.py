"""An InvenioRDM to be tried in tests: real HTTP, the bodies and codes that a real one was seen to
give (`EXCHANGES`), a state, and faults on demand. It stores in memory and searches nothing."""

from __future__ import annotations

from tests.support.invenio._bodies import EXCHANGES, Exchange, exchanges
from tests.support.invenio._faults import Fault
from tests.support.invenio._server import TOKEN, InvenioServer
from tests.support.invenio._state import Record

__all__ = ["EXCHANGES", "TOKEN", "Exchange", "Fault", "InvenioServer", "Record", "exchanges"]
