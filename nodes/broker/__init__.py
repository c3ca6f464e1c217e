"""The broker node: the append-only, hash-chained ledger of requests, results and samples."""

from nodes.broker import _transfer as transfer
from nodes.broker._engine import LedgerEngine
from nodes.broker._ledger import Ledger, Outcome
from nodes.broker._node import BrokerNode, BrokerParameters
from nodes.broker._reader import LedgerReader, open_ledger
from nodes.broker._standby import StandbyNode, StandbyParameters
from nodes.broker._verify import Verdict

__all__ = [
    "BrokerNode",
    "BrokerParameters",
    "Ledger",
    "LedgerEngine",
    "LedgerReader",
    "Outcome",
    "StandbyNode",
    "StandbyParameters",
    "Verdict",
    "open_ledger",
    "transfer",
]
