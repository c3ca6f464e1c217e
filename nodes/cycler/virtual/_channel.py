"""One channel of a virtual cycler: the test that is loaded, and how it goes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from messages.protocol import CyclingProtocol
from nodes.cycler._driver import CellLimits, ChannelState
from nodes.cycler._program import Program, compiled
from nodes.cycler.virtual._arbin_file import ArbinFiles, Position


@dataclass(slots=True)
class Loaded:
    """A test on a channel.

    Attributes:
        test: Its name.
        cell: The sample.
        protocol: What runs, with the capacity filled in.
        program: The same, compiled.
        limits: By the engine's names, those there are.
        begun: Mesh time of its begin, ns.
        paused: Seconds of mesh time that do not count as test time: the power was off.
        ahead: Seconds that the cycler's own clock is wrong by: it jumped.
        state: What the channel does.
        words: Why.
        files: Its raw files.
    """

    test: str
    cell: str
    protocol: CyclingProtocol
    program: Program
    limits: Mapping[str, float]
    begun: int
    files: ArbinFiles
    paused: float = 0.0
    ahead: float = 0.0
    state: ChannelState = ChannelState.RUNNING
    words: str = ""

    def due(self, now: int) -> float:
        """Return the test time that mesh time ``now`` stands for, s."""
        return (now - self.begun) / 1e9 - self.paused

    def plain(self) -> dict[str, Any]:
        """Return it as a map, for a checkpoint."""
        return {
            "test": self.test,
            "cell": self.cell,
            "protocol": self.protocol.model_dump(mode="json"),
            "limits": dict(self.limits),
            "begun": self.begun,
            "paused": self.paused,
            "ahead": self.ahead,
            "state": self.state.value,
            "words": self.words,
            "position": self.files.position.plain(),
        }

    @classmethod
    def of(cls, number: int, plain: Mapping[str, Any], folder: Path, rows_per_part: int) -> Loaded:
        """Return what `plain` described; its files are repaired."""
        protocol = CyclingProtocol.model_validate(plain["protocol"])
        position = Position(**plain["position"])
        return cls(
            test=plain["test"],
            cell=plain["cell"],
            protocol=protocol,
            program=compiled(protocol),
            limits=plain["limits"],
            begun=plain["begun"],
            files=ArbinFiles(folder, stem_of(plain["test"], number), rows_per_part, position),
            paused=plain["paused"],
            ahead=plain["ahead"],
            state=ChannelState(plain["state"]),
            words=plain["words"],
        )


def stem_of(test: str, channel: int) -> str:
    """Return how the names of a test's raw files begin."""
    return f"{test}_Channel_{channel}"


def limits_of(limits: CellLimits) -> dict[str, float]:
    """Return the limits that there are, by name."""
    return {name: value for name, value in asdict(limits).items() if value is not None}
