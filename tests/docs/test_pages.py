"""What README.md and docs/first_node.md show is what happens."""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support import Processes

ROOT = Path(__file__).parents[2]
BLOCK = re.compile(r"^```(\w+)( fails)?\n(.*?)^```$", re.MULTILINE | re.DOTALL)


def blocks(page: str, kind: str) -> Iterator[tuple[bool, str]]:
    """Yield whether it shall fail, and the text, of every block of one kind."""
    for found, fails, text in BLOCK.findall((ROOT / page).read_text(encoding="utf-8")):
        if found == kind:
            yield bool(fails), text


def commands(page: str) -> Iterator[tuple[bool, str]]:
    for fails, text in blocks(page, "console"):
        for line in text.splitlines():
            yield fails, line.removeprefix("$ ")


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    """A folder that looks like the checkout but keeps its own data."""
    for name in ("launch", "docs"):
        (tmp_path / name).symlink_to(ROOT / name)
    return tmp_path


async def shell(processes: Processes, line: str) -> tuple[int, str, str]:
    bin_folder = Path(sys.executable).parent
    done = await processes.run(
        "bash", "-euo", "pipefail", "-c", f'PATH="{bin_folder}:$PATH"; {line}', timeout=60
    )
    return done.code, done.stdout, done.stderr


async def newest_result(processes: Processes) -> str:
    _, text, _ = await shell(processes, "labmesh result list --json")
    return str(json.loads(text)[0]["id"])


async def test_the_pages_commands_work(processes: Processes, tree: Path) -> None:
    launch = await processes.labmesh("launch", "launch/lab.launch.yaml", "sim_rate:=600")
    await launch.wait_line("asab is active")
    bath = await processes.start(
        Path(sys.executable).with_name("labmesh"), "run", "bath:Bath",
        "--data-dir", tree / ".labmesh", cwd=ROOT / "docs" / "examples",
    )  # fmt: skip
    code, _, err = await shell(
        processes, "until labmesh capability list | grep -q water_bath; do sleep 0.2; done"
    )
    assert code == 0, err + bath.output
    ran = 0
    for page in ("README.md", "docs/first_node.md"):
        for fails, shown in commands(page):
            wants_id = shown.endswith(" ID")
            line = shown[:-2] + await newest_result(processes) if wants_id else shown
            code, out, err = await shell(processes, line)
            assert (code != 0) is fails, f"$ {line}\n{out}{err}"
            assert "Traceback" not in err
            ran += 1
    assert ran > 10
    assert "360" in err, "the refusal names the limit"
    launch.interrupt()
    assert await launch.wait() == 130


async def test_a_stranger_with_another_client_understands_the_mesh(
    processes: Processes, tree: Path
) -> None:
    """aiomqtt and msgpack, nothing of ours."""
    launch = await processes.labmesh("launch", "launch/lab.launch.yaml", "port:=0")
    line = await launch.wait_line("MQTT broker at")
    await launch.wait_line("asab is active")
    port = re.search(r":(\d+) ", line)
    assert port is not None
    done = await processes.run(
        sys.executable, ROOT / "docs/examples/stranger.py", "127.0.0.1", port[1]
    )
    assert done.code == 0, done.stderr
    assert set(done.stdout.splitlines()) == {"kit/asab active", "kit/broker active"}


@pytest.mark.parametrize("page", ["README.md", "docs/first_node.md"])
def test_the_code_shown_is_the_code_that_runs(page: str) -> None:
    examples = "\n".join(
        file.read_text(encoding="utf-8") for file in sorted((ROOT / "docs/examples").glob("*.py"))
    )
    for _, text in blocks(page, "python"):
        for chunk in re.split(r"\n\n(?=    @|    Parameters|class )", text.strip("\n")):
            assert chunk.strip("\n") in examples, chunk


@pytest.mark.parametrize("page", ["README.md", "CONTRIBUTING.md", "docs/first_node.md"])
def test_links_lead_somewhere(page: str) -> None:
    file = ROOT / page
    for target in re.findall(r"\]\(([^)#]+)\)", file.read_text(encoding="utf-8")):
        assert (file.parent / target).exists(), target
