"""The comparison with FINALES 2, against a simulator of its server. No figure is judged."""

from __future__ import annotations

import asyncio
import json
import signal
import sys
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from benchmarks.compare_finales import arguments, main, report
from benchmarks.finales_choice import least
from benchmarks.finales_client import TENANT, Work
from tests.support import Completed, Processes
from tests.support.finales_server import FinalesSimulator

ROOT = Path(__file__).parents[2]
SPECIFICATIONS = {
    "type": "object",
    "properties": {"pressure": {"type": "number", "minimum": 2}, "note": {"type": "string"}},
    "required": ["pressure"],
}


def capability(quantity: str, method: str) -> dict[str, Any]:
    return {"quantity": quantity, "method": method, "json_schema_specifications": SPECIFICATIONS,
            "json_schema_result_output": {}}  # fmt: skip


def tenant(quantity: str, method: str) -> dict[str, Any]:
    served = {"quantity": quantity, "method": method, "limitations": []}
    return {"tenant_uuid": "1", "name": "Robot", "limitations": [served], "is_active": True}


@pytest.fixture
def server() -> Iterator[FinalesSimulator]:
    capabilities = [capability("moves", "arm"), capability("idle", "bench")]
    with FinalesSimulator(capabilities, [tenant("moves", "arm")]) as simulator:
        yield simulator


def command(server: FinalesSimulator, *more: str, word: str = "secret") -> list[str]:
    smallest = ("--seconds", "0.3", "--requests", "10", "--requesters", "2", "--interval", "0.1")
    file = ROOT / "benchmarks" / "compare_finales.py"
    return [sys.executable, str(file), server.url, "bench", word, *smallest, *more]


async def compare(processes: Processes, *words: str) -> Completed:
    return await processes.run(*words, env={"PYTHONPATH": str(ROOT)}, timeout=100)


def left(server: FinalesSimulator) -> set[str]:
    return {each["status"] for each in server.requests.values()
            if each["request"]["tenant_uuid"] == TENANT}  # fmt: skip


@pytest.mark.slow
async def test_it_compares_and_leaves_nothing_to_do(
    server: FinalesSimulator, processes: Processes
) -> None:
    server.faults = 7
    others = server.add_request(
        {"quantity": "idle", "methods": ["bench"], "parameters": {"bench": {"pressure": 3}},
         "tenant_uuid": "somebody"}
    )  # fmt: skip
    done = await compare(processes, *command(server, "--yes", "--json", "--requests", "5"))
    assert done.code == 0, done.stderr
    answer = json.loads(done.stdout)
    assert answer["finales"]["capability"] == "idle/bench"
    assert answer["finales"]["faults"] > 0
    assert all(row["finales"] > 0 for row in answer["rows"])
    assert left(server) == {"retracted", "resolved"}
    assert {each["status"] for each in server.results.values()} == {"deleted"}
    posted = Counter(each["request"]["quantity"] for each in server.requests.values())
    assert posted["moves"] == 0
    assert posted["idle"] <= 5 * 5 + 1
    assert server.requests[others]["status"] == "pending"


def test_the_table(capsys: pytest.CaptureFixture[str]) -> None:
    words = ["http://there", "bench", "secret", "--requesters", "3"]
    ours = {"trip": [10.0, 30.0, 20.0], "one": [100.0], "many": [200.0]}
    theirs: dict[str, list[float]] = {
        "one": [50.0], "many": [40.0], "fast": [80.0], "interval": [500.0, 700.0],
        "shipped": [2000.0], "answer": [3.0], "login": [200.0], "faults": [0],
    }  # fmt: skip
    report(arguments(words), Work("idle", "bench", {}), ours, theirs)
    lines = capsys.readouterr().out.splitlines()
    assert lines[3].split()[-3:] == ["200.0", "40.0", "5.0"]
    assert lines[4].split()[-4:] == ["20.0", "80.0", "4.0", "3/1"]
    assert lines[5].split()[-4:] == ["20.0", "600.0", "30.0", "3/2"]
    assert any("Both are on the disk" in line for line in lines)


@pytest.mark.slow
async def test_an_interrupted_run_cleans_up(server: FinalesSimulator, processes: Processes) -> None:
    running = await processes.start(
        *command(server, "--yes", "--seconds", "60", "--requests", "10000"),
        env={"PYTHONPATH": str(ROOT)},
    )
    async with asyncio.timeout(60):
        while not server.requests:
            assert running.code is None, running.output
            await asyncio.sleep(0.05)
    running.signal(signal.SIGINT)
    assert await running.wait() == 130
    assert left(server) == {"retracted"}


@pytest.mark.slow
async def test_it_asks_before_it_posts(server: FinalesSimulator, processes: Processes) -> None:
    done = await compare(processes, *command(server))
    assert done.code == 2
    assert "add --yes" in done.stderr
    assert not server.requests


def test_mistakes_are_one_line(
    server: FinalesSimulator, capsys: pytest.CaptureFixture[str]
) -> None:
    def mistake(*more: str, word: str = "secret", url: str = server.url) -> str:
        words = command(server, "--yes", *more, word=word)
        assert main([url, *words[3:]]) in (1, 2)
        return capsys.readouterr().err.strip().splitlines()[-1]

    assert "check user and password" in mistake(word="wrong")
    assert "served by Robot" in mistake("--capability", "moves/arm")
    assert mistake("--capability", "a/b").endswith("it has moves/arm, idle/bench")
    assert "--parameters JSON" in mistake("--parameters", '{"pressure": 1}')
    assert "cannot reach the server" in mistake(url="http://127.0.0.1:1")
    assert "needs --capability" in mistake("--even-if-served")
    assert not server.requests
    server.faults = 1
    assert "answered 500" in mistake()
    assert left(server) == {"retracted"}
    server.capabilities.clear()
    assert "no active capability" in mistake()


@pytest.mark.parametrize(
    ("schema", "value"),
    [
        (SPECIFICATIONS, {"pressure": 3}),
        ({"type": "integer", "minimum": 1, "maximum": 4}, 2),
        ({"type": "number", "exclusiveMaximum": 0}, -1),
        ({"enum": ["b", "a"]}, "b"),
        ({"type": "string"}, "labmesh-benchmark"),
        ({"anyOf": [{"type": "boolean"}, {"type": "null"}]}, False),
        ({"$ref": "#/$defs/A", "$defs": {"A": {"type": "array", "minItems": 2}}},
         ["labmesh-benchmark"] * 2),
    ],
)  # fmt: skip
def test_the_least_that_a_schema_asks_for(schema: dict[str, Any], value: Any) -> None:
    assert least(schema, schema) == value
