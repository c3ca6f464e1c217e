"""Debian's real mosquitto for a user without root and with an empty cache, then started by them."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import sysconfig
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest


@pytest.fixture(autouse=True)
def _apt() -> None:
    missing = [name for name in ("apt-get", "dpkg-deb") if shutil.which(name) is None]
    if missing:
        pytest.fail(f"{', '.join(missing)} of Debian, which is tested here, is missing: run it "
                    "on Debian 12 or alike", pytrace=False)  # fmt: skip


ROOT = Path(__file__).parents[2]
NO_NETWORK = ("Unable to locate package", "Failed to fetch", "Could not resolve", "Unable to fetch")
SCRIPT = """
import asyncio, os, pathlib, sys
from labmesh.mosquitto import BrokerConfig, MosquittoProcess, unpack_mosquitto

async def main():
    assert os.geteuid() != 0
    folder = pathlib.Path(sys.argv[1])
    program = unpack_mosquitto(folder / "cache")
    config = BrokerConfig(port=0, sites=("kit",))
    async with MosquittoProcess(config, folder / "broker", program=program) as broker:
        print("serves", program.version, broker.url)

asyncio.run(main())
"""


@pytest.fixture
def home() -> Iterator[Path]:
    """An empty folder of user nobody, or ours when we are not root ourselves."""
    folder = Path(tempfile.mkdtemp(prefix="labmesh-rootless-"))
    if os.geteuid() == 0:
        shutil.chown(folder, "nobody")
    yield folder
    shutil.rmtree(folder)


def as_nobody() -> list[str]:
    if os.geteuid() != 0:
        return []
    if shutil.which("setpriv") is None:
        pytest.fail("root, and no setpriv to become somebody else")
    return ["setpriv", "--reuid=nobody", "--regid=nogroup", "--clear-groups"]


def python(environment: dict[str, str]) -> str:
    """Return an interpreter that user nobody may run: ours, or the system's of the same version."""
    # setpriv still starts a program that the user itself could not: let it start itself again.
    code = "import subprocess, sys; subprocess.run([sys.executable, *sys.argv[1:]], check=True)"
    for path in (sys.executable, f"/usr/bin/python{sys.version_info[0]}.{sys.version_info[1]}"):
        command = [*as_nobody(), path, "-c", code, "-c", "import labmesh.mosquitto"]
        try:
            done = subprocess.run(command, env=environment, capture_output=True, check=False)
        except OSError:
            continue
        if done.returncode == 0:
            return path
    pytest.fail("another user may not read this checkout or run this Python")


def apt_config(folder: Path) -> Path:
    """Let apt see this system without mosquitto, and without the system's lists."""
    stanzas = Path("/var/lib/dpkg/status").read_text().split("\n\n")
    kept = [stanza for stanza in stanzas if not stanza.startswith("Package: mosquitto\n")]
    (folder / "status").write_text("\n\n".join(kept))
    (folder / "lists/partial").mkdir(parents=True)
    config = folder / "apt.conf"
    config.write_text(
        f'Dir::State::status "{folder}/status";\nDir::State::lists "{folder}/lists";\n'
    )
    return config


def test_a_user_without_root_gets_a_broker_that_serves(home: Path) -> None:
    environment = {
        "PATH": os.environ["PATH"],
        "HOME": "/nonexistent",
        "PYTHONPATH": f"{ROOT}:{sysconfig.get_path('purelib')}",
        "PYTHONDONTWRITEBYTECODE": "1",
        "APT_CONFIG": str(apt_config(home)),
    }
    done = subprocess.run(
        [*as_nobody(), python(environment), "-c", SCRIPT, home],
        env=environment,
        cwd=home,
        capture_output=True,
        text=True,
        check=False,
    )
    if any(words in done.stderr for words in NO_NETWORK):
        pytest.fail(f"no package mirror: {done.stderr.splitlines()[-1]}")
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("serves 2.")
