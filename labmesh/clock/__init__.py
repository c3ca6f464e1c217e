"""Time of the experiment: the wall's, or simulated."""

from __future__ import annotations

from labmesh.clock._api import Clock
from labmesh.clock._manual import ManualClock
from labmesh.clock._patience import Patience, settle
from labmesh.clock._scaled import ScaledClock
from labmesh.clock._wall import WallClock

__all__ = ["Clock", "ManualClock", "Patience", "ScaledClock", "WallClock", "settle"]
