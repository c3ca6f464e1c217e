"""Fixtures for every area: a real MQTT broker, processes, and their output when a test fails."""

from __future__ import annotations

import logging
from collections.abc import AsyncIterator, Generator, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

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


if TYPE_CHECKING:
    from xdist.scheduler import LoadFileScheduling

_RIDES_WITH: Final = {
    "tests/faults/test_chaos.py": "tests/nodes/broker/test_status.py",
    "tests/mesh/test_campaign.py": "tests/messages/test_ledger.py",
    "tests/faults/test_sites.py": "tests/nodes/broker/test_hostile.py",
    "tests/labmesh/cli/test_campaign_replay.py": "tests/messages/test_envelope.py",
    "tests/faults/test_races.py": "tests/nodes/broker/test_door.py",
    "tests/docs/test_pages.py": "tests/labmesh/cli/test_filter.py",
    "tests/mesh/test_eol_campaign.py": "tests/messages/test_capabilities.py",
    "tests/mesh/test_faults.py": "tests/labmesh/transport/test_contract.py",
    "tests/faults/test_standby.py": "tests/messages/test_errors.py",
    "tests/mesh/test_artifacts.py": "tests/messages/test_finales.py",
    "tests/nodes/broker/test_process.py": "tests/nodes/cycler/files/test_reference.py",
    "tests/faults/test_disk.py": "tests/nodes/broker/test_samples.py",
    "tests/faults/test_load.py": "tests/nodes/broker/test_leases.py",
    "tests/nodes/optimiser/test_processes.py": "tests/labmesh/bag/test_parts.py",
    "tests/labmesh/launch/test_shipped.py": "tests/labmesh/cli/test_root.py",
    "tests/nodes/transport/test_lab.py": "tests/nodes/overlort/test_expression.py",
    "tests/nodes/aiida/test_node.py": "tests/messages/test_topics.py",
    "tests/nodes/cycler/test_lab.py": "tests/labmesh/launch/test_mistakes.py",
    "tests/mesh/test_leak.py": "tests/messages/test_quantity.py",
    "tests/mesh/test_samples.py": "tests/labmesh/launch/test_substitutions.py",
    "tests/labmesh/agent/test_agent.py": "tests/messages/test_imports.py",
    "tests/mesh/test_tracing.py": "tests/nodes/overlort/test_check.py",
    "tests/mesh/test_workflow.py": "tests/messages/test_array.py",
    "tests/nodes/degradation/test_lab.py": "tests/messages/test_mapping_page.py",
    "tests/nodes/archiver/test_lab.py": "tests/labmesh/semantics/test_vocabulary.py",
    "tests/nodes/search/test_node.py": "tests/labmesh/semantics/test_shapes.py",
    "tests/nodes/eln/test_lab.py": "tests/labmesh/fair/test_requirements.py",
}
"""Files of few tests that take long, each with one of many. Workers get files by their number of
tests: these would come last, when one worker has nothing else to do beside them."""


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> LoadFileScheduling | None:
    """Run long files early, where files are spread over workers."""
    if config.getoption("dist") != "loadfile":
        return None
    from xdist.scheduler import LoadFileScheduling

    class LongOnesEarly(LoadFileScheduling):  # type: ignore[misc] # xdist has no types
        def _split_scope(self, nodeid: str) -> str:
            file: str = super()._split_scope(nodeid)
            return _RIDES_WITH.get(file, file)

    return LongOnesEarly(config, log)


@pytest.fixture(autouse=True)
def _loggers_as_they_were() -> Iterator[None]:
    """A command line that ran in this process has set up logging for a process of its own."""
    loggers = [logging.getLogger(name) for name in ("labmesh", "labmesh.transport")]
    handlers = [list(logger.handlers) for logger in loggers]
    yield
    for logger, before in zip(loggers, handlers, strict=True):
        logger.setLevel(logging.NOTSET)
        logger.propagate = True
        logger.handlers[:] = before
    logging.disable(logging.NOTSET)


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
