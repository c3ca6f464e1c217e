"""docs/safety.md: what the page says to type, typed in its order at an instrument that is stopped,
reset, killed and resumed."""

from __future__ import annotations

import asyncio
import shlex
from collections.abc import AsyncIterator, Sequence
from pathlib import Path

import pytest

from labmesh.cli import main
from messages.node import State
from tests.docs.test_pages import ROOT, blocks
from tests.mesh.conftest import Lab, lab_of
from tests.mesh.test_safety import call, start_arm, until_offered
from tests.support import MqttBroker, Processes
from tests.support.device import LineDevice, line_device

SECTIONS = [
    text.splitlines() for _, text in blocks("docs/safety.md", "sh")
]  # stop, look, after a stop, after a crash, pause, books


@pytest.fixture
async def lab(
    mqtt_broker: MqttBroker, processes: Processes, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[Lab]:
    monkeypatch.setenv("LABMESH_MQTT", mqtt_broker.url)
    monkeypatch.setenv("LABMESH_SITE", "kit")
    async with lab_of(mqtt_broker, processes, tmp_path / "data") as made:
        yield made


@pytest.fixture
async def device() -> AsyncIterator[LineDevice]:
    async with line_device() as made:
        yield made


class Typed:
    """Types the page's command lines; in this process, which is quicker."""

    def __init__(self, capsys: pytest.CaptureFixture[str]) -> None:
        self._capsys = capsys

    async def __call__(self, section: int, **known: object) -> str:
        """Type the lines of a section; return what they print."""
        said = []
        for line in SECTIONS[section]:
            words = [str(known.get(word, word)) for word in shlex.split(line)]
            assert words[0] == "labmesh"
            code, out, err = await self.line(words[1:])
            assert code == 0, f"$ {line}\n{out}{err}"
            said.append(out)
        return "\n".join(said)

    async def fails(self, *words: str) -> str:
        """Type what fails; return what it says."""
        code, _, err = await self.line(words)
        assert code == 1
        return err

    async def line(self, words: Sequence[str]) -> tuple[int, str, str]:
        """Type a line; return the exit code and both streams."""
        self._capsys.readouterr()
        code = await asyncio.to_thread(main, list(words))
        captured = self._capsys.readouterr()
        return code, captured.out, captured.err


@pytest.fixture
def typed(capsys: pytest.CaptureFixture[str]) -> Typed:
    return Typed(capsys)


async def doubt(lab: Lab) -> int:
    (step,) = (await call(lab, "instrument.journal"))["in_doubt"]
    return int(step["id"])


async def test_the_page_is_right(lab: Lab, device: LineDevice, typed: Typed) -> None:
    arm = await start_arm(lab, device)
    await until_offered(lab)
    assert "nothing has confirmed the stop" in await typed.fails("estop", "amr")
    await typed.line(["estop", "lift"])
    await typed(4)
    assert "factor: 1.004" in await typed(5)

    device.mute = "cell1/dispense"
    stopped = await lab.client.submit("assembly", "arm", {})
    await device.until("cell1/dispense")
    assert f"request {stopped.id}" in await typed(0)
    final = await asyncio.wait_for(stopped.done(), 20)
    assert final.after.value == "failed"
    assert "emergency stop by kit/cli (Ada): smoke at the press" in final.message
    told = [line for line in device.lines if line != "STOP"]
    looked = await typed(1)
    step = await doubt(lab)
    assert f"step {step} is in doubt: cell1/dispense (dispense)" in looked
    # Killed and started again it is as stopped as before.
    arm.kill()
    await arm.wait()
    arm = await start_arm(lab, device, wait=False)
    await arm.wait_line("stays unconfigured: emergency stop by kit/cli")
    assert [line for line in device.lines if line != "STOP"] == told
    said = await typed(2, STEP=step)
    assert "labmesh lifecycle set kit/arm configure, then labmesh lifecycle set kit/arm act" in said
    assert "lifted 3 of 3" in said
    for transition in ("configure", "activate"):
        await call(lab, "life.change", transition=transition)
    await until_offered(lab)

    device.mute = "cell2/crimp"
    killed = await lab.client.submit("assembly", "arm", {"cells": 2})
    await device.until("cell2/crimp")
    arm.kill()
    await arm.wait()
    await lab.until_status(killed.id, "held")
    arm = await start_arm(lab, device, wait=False)
    await arm.wait_line("was in mid-action: assembly/arm for kit/asker")
    await lab.until_state("arm", State.INACTIVE)
    device.mute = ""
    said = await typed(3, STEP=await doubt(lab), REQUEST=killed.id)
    assert f"step {step + 6} is in doubt: cell2/crimp (crimp)" in said, said
    result = await asyncio.wait_for(killed.result(), 30)
    assert result.data["done"] == ["cell1/pick", "cell2/pick"]
    for line in ("cell2/dispense", "cell2/crimp"):
        assert device.lines.count(line) == 1


def test_the_page_is_linked() -> None:
    assert "safety.md" in (ROOT / "docs" / "nodes.md").read_text(encoding="utf-8")
