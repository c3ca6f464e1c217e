"""Fixtures for every area: a real MQTT broker, processes, and their output when a test fails."""

from __future__ import annotations

from collections.abc import AsyncIterator, Generator, Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

from labmesh.mosquitto import Program, find_mosquitto
from messages.errors import MissingProgramError
from tests.support import MqttBroker, PostgresServer, Processes
from tests.support.postgres import find_postgres

# Without deadlines: a loaded machine is no fault of the code.
settings.register_profile(
    "labmesh", deadline=None, suppress_health_check=[HealthCheck.too_slow], print_blob=True
)
settings.load_profile("labmesh")


@pytest.fixture(scope="session")
def mosquitto_program() -> Program:
    """The mosquitto on this machine; nothing is downloaded by tests."""
    try:
        return find_mosquitto(unpack=False)
    except MissingProgramError:
        pytest.fail("mosquitto, the MQTT broker, is missing; run: make setup", pytrace=False)


@pytest.fixture
def mqtt_broker(mosquitto_program: Program, tmp_path: Path) -> Iterator[MqttBroker]:
    """A mosquitto of this test's own; may be killed, frozen and restarted."""
    with MqttBroker(tmp_path / "mosquitto") as broker:
        yield broker


@pytest.fixture(scope="session")
def shared_mqtt_broker(
    mosquitto_program: Program, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[MqttBroker]:
    """One mosquitto for all tests that only use it: choose names of your own, do not harm it."""
    with MqttBroker(tmp_path_factory.mktemp("mosquitto")) as broker:
        yield broker


@pytest.fixture(scope="session")
def postgres() -> Iterator[PostgresServer]:
    """One PostgreSQL server for all tests: make a database of your own, restart what you kill."""
    programs = find_postgres()
    if programs is None:
        pytest.fail(
            "the PostgreSQL server is missing; install it (Debian: sudo apt-get install "
            "postgresql) or run: scripts/setup.sh --test",
            pytrace=False,
        )
    with PostgresServer(programs) as server:
        yield server


@pytest.fixture
async def processes(tmp_path: Path) -> AsyncIterator[Processes]:
    """Starts processes in ``tmp_path``, ends them after the test, complains of any left behind."""
    started = Processes(tmp_path)
    yield started
    await started.close()


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item,
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Append the output of the test's processes and MQTT broker to the report of a failure."""
    report = yield
    if report.failed and isinstance(item, pytest.Function):
        started = item.funcargs.get("processes")
        if isinstance(started, Processes):
            for running in started.all:
                report.sections.append((f"output of {running.name}", running.output))
        broker = item.funcargs.get("mqtt_broker")
        if isinstance(broker, MqttBroker):
            report.sections.append(("log of mosquitto", broker.log))
    return report
