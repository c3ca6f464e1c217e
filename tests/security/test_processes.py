"""Programs with accounts: what a person types, and where no password shows."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

import pytest

from tests.security.lab import SecureLab, attack, secure_mqtt
from tests.support import Processes

ROOT = Path(__file__).parents[2]
LAUNCH = """\
labmesh_launch: 1
site: kit
launch:
  - mqtt_broker: {{url: "{url}", account: accounts}}
  - node: {{run: "tests.nodes.broker.model_node:DoublingNode", name: adder, ledger: kit/broker}}
"""


@pytest.fixture
def secure(tmp_path: Path) -> Iterator[SecureLab]:
    """An MQTT broker with TLS and accounts, and a folder with their files."""
    with secure_mqtt(tmp_path) as lab:
        for name in ("adder", "vera", "alice"):
            account = replace(lab.account(name), site="kit", name=name)
            account.write(tmp_path / f"accounts/{name}.json")
            if name == "vera":
                account.write(tmp_path / "accounts/launch.json")
        yield lab


async def test_a_launch_and_its_operators_with_accounts(
    secure: SecureLab, processes: Processes, tmp_path: Path
) -> None:
    file = tmp_path / "lab.launch.yaml"
    file.write_text(LAUNCH.format(url=secure.account("adder").url))
    launch = await processes.labmesh("launch", str(file), env={"PYTHONPATH": str(ROOT)})
    await launch.wait_line("adder is active")

    async def cli(name: str, *words: str) -> tuple[int, str, str]:
        account = str(tmp_path / f"accounts/{name}.json")
        done = await processes.run(
            Path(sys.executable).with_name("labmesh"),
            *words,
            "--account",
            account,
            "--data-dir",
            tmp_path / "elsewhere",
            timeout=60,
        )
        return done.code, done.stdout, done.stderr

    # By default tools join by the launch's own account, here a viewer's.
    program = Path(sys.executable).with_name("labmesh")
    done = await processes.run(program, "node", "list", "--json", timeout=60)
    assert done.code == 0, done.stderr
    assert [node["node"] for node in json.loads(done.stdout)] == ["kit/adder"]
    with attack("beyond the role"):
        code, out, err = await cli("vera", "lifecycle", "set", "adder", "deactivate")
        assert (code, out) == (1, "")
        assert "refused a publish with 0x87 Not authorized" in err
        assert len(err.splitlines()) == 1
    code, out, err = await cli("alice", "lifecycle", "set", "adder", "deactivate")
    assert code == 0, err

    with attack("secrets"):
        shown = launch.output + "".join(
            each.read_text() for each in tmp_path.rglob("*.log") if "mosquitto" not in str(each)
        )
        for file in Path("/proc").glob("[0-9]*/cmdline"):
            with suppress(OSError):  # gone by now
                shown += file.read_text()
        assert not [name for name, word in secure.passwords.items() if word in shown]
    (tmp_path / "accounts/vera.json").chmod(0o644)
    with attack("secrets"):
        code, _, err = await cli("vera", "node", "list")
        assert code == 2
        assert f"type: chmod 600 {tmp_path / 'accounts/vera.json'}" in err
    launch.interrupt()
    assert await launch.wait() == 130
