"""One secured lab for all attacks; the count of them at the end."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from labmesh.mosquitto import Program
from tests.security.lab import TALLY, SecureLab, secure_lab


@pytest_asyncio.fixture(scope="package", loop_scope="package")
async def lab(
    mosquitto_program: Program, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[SecureLab]:
    """The lab under attack; it must work after each."""
    async with secure_lab(tmp_path_factory.mktemp("secure")) as lab:
        yield lab


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Say how many attacks were tried and refused."""
    tried, refused = TALLY.tried.total(), TALLY.refused.total()
    if tried:
        kinds = ", ".join(f"{kind} {count}" for kind, count in sorted(TALLY.tried.items()))
        terminalreporter.write_line(f"attacks tried {tried}, refused {refused}: {kinds}")
