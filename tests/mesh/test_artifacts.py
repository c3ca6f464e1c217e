"""Artifacts through real processes: worker, broker node, mosquitto, command line."""

from __future__ import annotations

import asyncio
import json
import os
import re
import resource
import shutil
import sys
from pathlib import Path

import pytest

from labmesh import NodeId, connect
from labmesh.artifacts import digest_of
from labmesh.listing import retained
from messages.artifact import ArtifactView, Manifest
from messages.ledger import Result
from messages.node import Diagnostic, Level
from nodes.broker import open_ledger
from tests.mesh.camera_node import blocks, digest
from tests.mesh.conftest import ROOT, Lab
from tests.support import Completed, Running

CAMERA = "tests.mesh.camera_node:CameraNode"
HASTY = "tests.mesh.camera_node:HastyCameraNode"
SIZE = 50_000_000
MEGABYTE = 1_000_000
SLOW = 1_500_000.0
"""Bytes a second: time enough to kill somebody."""

BROKER = NodeId("kit", "broker")


async def camera(lab: Lab, program: str = CAMERA) -> Running:
    """Start a camera that the ledger knows."""
    node = await lab.start(program, "camera", "--param", f"scratch={lab.folder}")
    await lab.until_offered("camera")
    return node


def command(lab: Lab, verb: str, *rest: str) -> list[str | Path]:
    """``labmesh artifact VERB`` in this lab."""
    return [
        Path(sys.executable).with_name("labmesh"), "artifact", verb, "--mqtt", lab.place.mqtt,
        "--site", "kit", "--data-dir", str(lab.folder), *rest,
    ]  # fmt: skip


async def labmesh(lab: Lab, verb: str, *rest: str) -> Completed:
    """Run ``labmesh artifact``."""
    return await lab.processes.run(*command(lab, verb, *rest))


async def set_parameters(lab: Lab, **values: float) -> None:
    """Change parameters of the broker node."""
    await lab.visitor.caller.call(BROKER, "param.set", {"values": values})


async def pace(lab: Lab, rate: float) -> None:
    """Bound the bytes a second of the broker node."""
    await set_parameters(lab, artifact_rate=rate)


async def shot(lab: Lab, *, size: int = 6 * MEGABYTE, seed: int = 0) -> str:
    """Have a picture taken; return its hash."""
    result = await lab.client.request("picture", "camera", {"size": size, "seed": seed})
    assert result.artifacts[0].sha256 == digest(size, seed)
    return result.artifacts[0].sha256


def grown(lab: Lab, sha256: str) -> int:
    """How many bytes the broker node has so far."""
    file = lab.folder / "kit" / "broker" / "artifacts" / "partial" / sha256
    return file.stat().st_size if file.exists() else 0


async def until_begun(lab: Lab, sha256: str, size: int) -> None:
    """Return when the broker node has so many bytes, and not all."""
    async with asyncio.timeout(40):
        while grown(lab, sha256) < size:
            await asyncio.sleep(0.02)


async def until_missing(lab: Lab, sha256: str, why: str) -> str:
    """Return the reason for which the ledger does not have it, once it holds ``why``."""
    async with asyncio.timeout(40):
        while why not in (reason := (await view(lab, sha256)).reason):
            await asyncio.sleep(0.05)
    return reason


async def diagnosed(lab: Lab, level: Level, words: str = "") -> Diagnostic:
    """Return what the broker node says of its artifacts, once it is that."""
    mesh = lab.visitor.mesh
    topic = mesh.topics.of(BROKER, "node", "diag", "artifacts")
    async with asyncio.timeout(40):
        while True:
            for _, found in await retained(mesh, topic, Diagnostic):
                if found.level is level and words in found.message:
                    return found
            await asyncio.sleep(0.05)


def flip(file: Path) -> None:
    """Flip one bit of a file."""
    file.chmod(0o644)
    with file.open("r+b") as opened:
        opened.seek(1000)
        byte = opened.read(1)[0]
        opened.seek(1000)
        opened.write(bytes([byte ^ 1]))


def digest_of_or_none(file: Path) -> str | None:
    """The hash of a file, should it be there."""
    return digest_of(file) if file.exists() else None


def stored(lab: Lab, node: str, sha256: str) -> Path:
    """Where a node keeps an artifact."""
    return lab.folder / "kit" / node / "artifacts" / sha256[:2] / sha256


async def view(lab: Lab, sha256: str) -> ArtifactView:
    """The artifact as the ledger sees it."""
    views = [view async for view in lab.client.artifacts(sha256=sha256)]
    return views[-1]


async def until_held(lab: Lab, sha256: str, seconds: float = 60.0) -> None:
    """Return when the ledger has it."""
    async with asyncio.timeout(seconds):
        while (await view(lab, sha256)).state != "held":
            await asyncio.sleep(0.05)


@pytest.mark.slow
async def test_fifty_megabytes_reach_the_ledger_and_the_reader_while_others_work(
    lab: Lab, echo: Running, tmp_path: Path
) -> None:
    await camera(lab)
    await pace(lab, 0.0)
    stop = asyncio.Event()

    async def others() -> int:
        count = 0
        while not stop.is_set():
            await lab.client.request("speech", "echo", {"text": str(count), "seconds": 0.0})
            count += 1
        return count

    working = asyncio.create_task(others())
    result = await lab.client.request("picture", "camera", {"size": SIZE})
    (artifact,) = result.artifacts
    assert artifact.sha256 == digest(SIZE, 0)
    assert (artifact.name, artifact.size) == ("picture.raw", SIZE)
    await until_held(lab, artifact.sha256)
    got = await labmesh(lab, "get", str(result.id), "-o", str(tmp_path / "copy.raw"))
    stop.set()
    assert await working > 0
    assert got.code == 0, got.stderr
    assert (tmp_path / "copy.raw").read_bytes() == b"".join(blocks(SIZE, 0))
    assert not list(tmp_path.glob("*.part"))


async def test_whoever_is_killed_in_mid_transfer_goes_on_where_it_was(lab: Lab) -> None:
    broker, node = lab.processes.all[0], await camera(lab)
    await pace(lab, SLOW)
    sha256 = await shot(lab)

    await until_begun(lab, sha256, MEGABYTE)
    lab.mqtt.kill()
    lab.mqtt.restart()
    await until_begun(lab, sha256, 2 * MEGABYTE)

    before = grown(lab, sha256)
    broker.kill()
    await broker.wait()
    broker = await lab.start("broker", "broker", "--param", f"artifact_rate={SLOW}")
    await until_begun(lab, sha256, 3 * MEGABYTE)
    assert grown(lab, sha256) >= before

    node.kill()
    await node.wait()
    reason = await until_missing(lab, sha256, "kit/camera is not online")
    told = await diagnosed(lab, Level.WARN)
    assert "artifacts that cannot be had so far: 1; kit/camera is not online" in told.message
    assert "labmesh artifact list --missing" in told.remedy
    listed = await labmesh(lab, "list", "--missing", "--json")
    (item,) = json.loads(listed.stdout)
    assert (item["sha256"], item["state"], item["reason"]) == (sha256, "missing", reason)
    got = await labmesh(lab, "get", sha256, "-o", str(lab.folder / "x.raw"), "--patience", "1")
    assert got.code == 1
    assert f"{sha256}: the artifact cannot be had: kit/broker: it is missing there" in got.stderr
    assert "kit/camera did not answer" in got.stderr

    await camera(lab)
    await until_held(lab, sha256)
    line = await broker.wait_line(f"artifact {sha256} of kit/camera taken, 6000000 bytes")
    assert int(line.split()[-4]) >= 3 * MEGABYTE, line
    assert digest_of(stored(lab, "broker", sha256)) == sha256
    await diagnosed(lab, Level.OK)


async def test_a_flipped_bit_is_found_put_away_and_mended(lab: Lab, tmp_path: Path) -> None:
    node = await camera(lab)
    sha256 = await shot(lab, size=200_000)
    await until_held(lab, sha256)
    assert (await labmesh(lab, "verify")).stderr == "labmesh: artifacts that are sound: 1"

    flip(stored(lab, "broker", sha256))
    verified = await labmesh(lab, "verify", "--json")
    assert verified.code == 1
    assert json.loads(verified.stdout)[0]["state"] == "damaged"
    await until_held(lab, sha256)
    assert (await labmesh(lab, "verify")).code == 0

    # A reader finds it as well: it takes the author's, and the ledger mends its own.
    flip(stored(lab, "broker", sha256))
    got = await labmesh(lab, "get", sha256, "-o", str(tmp_path / "a.raw"))
    assert got.code == 0, got.stderr
    assert digest_of(tmp_path / "a.raw") == sha256
    async with asyncio.timeout(20):
        while digest_of_or_none(stored(lab, "broker", sha256)) != sha256:
            await asyncio.sleep(0.05)

    # Nobody has a sound one any more.
    node.kill()
    await node.wait()
    flip(stored(lab, "broker", sha256))
    wrong = digest_of(stored(lab, "broker", sha256))
    got = await labmesh(lab, "get", sha256, "-o", str(tmp_path / "b.raw"), "--patience", "1")
    assert got.code == 1
    assert f"kit/broker: the content has sha256 {wrong}, its name is {sha256}" in got.stderr
    assert [file.name for file in tmp_path.glob("*.raw*")] == ["a.raw"]
    quarantine = lab.folder / "kit" / "broker" / "artifacts" / "quarantine"
    assert len(list(quarantine.glob(f"{sha256}.*"))) == 3


async def test_no_room_is_said_and_what_was_refused_is_taken_when_there_is(lab: Lab) -> None:
    broker = lab.processes.all[0]
    await camera(lab)
    await set_parameters(lab, artifact_quota=100_000)
    sha256 = await shot(lab, size=3 * MEGABYTE)
    told = await diagnosed(lab, Level.ERROR)
    assert "artifacts cannot be taken: 0 bytes are held, 3000000 more would" in told.message
    assert "artifact_quota, 100000" in told.message

    # The disk itself: no file of the broker node may grow beyond a megabyte.
    endless = resource.prlimit(broker.pid, resource.RLIMIT_FSIZE)
    resource.prlimit(broker.pid, resource.RLIMIT_FSIZE, (MEGABYTE, endless[1]))
    await set_parameters(lab, artifact_quota=0)
    await until_missing(lab, sha256, "cannot be written: File too large")
    await lab.client.request("picture", "camera", {"size": 0}, priority=9)  # it goes on writing
    resource.prlimit(broker.pid, resource.RLIMIT_FSIZE, endless)
    await until_held(lab, sha256)
    await diagnosed(lab, Level.OK, "every artifact that a result names is here")

    await set_parameters(lab, artifact_reserve=2**60)
    other = await shot(lab, seed=1, size=10)
    await until_missing(lab, other, "artifact_reserve")
    await set_parameters(lab, artifact_reserve=0, artifact_limit=9)
    await until_missing(lab, other, "it has 10 bytes, more than artifact_limit, 9")


async def test_an_author_forgets_only_what_the_ledger_has(lab: Lab) -> None:
    await camera(lab, HASTY)
    await set_parameters(lab, artifact_limit=10)
    large, small = await shot(lab, size=11), await shot(lab, size=9)
    await until_held(lab, small)
    async with asyncio.timeout(20):
        while stored(lab, "camera", small).exists():
            await asyncio.sleep(0.05)
    assert stored(lab, "camera", large).exists()
    topic = lab.visitor.mesh.topics.of(NodeId("kit", "camera"), "blob", "+")
    offered = {m.sha256 for _, m in await retained(lab.visitor.mesh, topic, Manifest)}
    assert offered == {large}


async def test_a_visitor_hands_over_before_it_leaves(
    lab: Lab, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    await camera(lab)  # for its capability
    monkeypatch.setenv("LABMESH_DATA_DIR", str(tmp_path / "guest"))
    file = tmp_path / "series.csv"
    file.write_text("t,U\n0,3.1\n" * 20_000, encoding="utf-8")
    async with connect(mqtt=lab.place.mqtt, site="kit", name="guest", ledger="kit/broker") as guest:
        series = await guest.attach(file)
        again = await guest.attach(file.read_bytes(), name="../../escape.csv")
        result = Result(
            quantity="picture", method="camera", parameters={}, outcome="resolved",
            data={"sha256": []}, artifacts=(again,),
        )  # fmt: skip
        identity = await guest.post_result(result)
    assert (series.sha256, series.media_type) == (again.sha256, "text/csv")
    assert (await view(lab, series.sha256)).state == "held"
    assert not [each for each in (tmp_path / "guest").rglob("*") if each.is_file()]

    here = tmp_path / "here"
    here.mkdir()
    got = await labmesh(lab, "get", str(identity), "-o", str(here))
    assert got.code == 0, got.stderr
    assert [each.name for each in here.iterdir()] == ["escape.csv"]
    assert (here / "escape.csv").read_bytes() == file.read_bytes()
    (here / "escape.csv").write_text("mine")
    got = await labmesh(lab, "get", series.sha256[:12], "-o", str(here))
    assert got.code == 2
    assert "there is such a file already" in got.stderr
    assert (await labmesh(lab, "get", "0" * 64)).code == 1
    assert "no artifact and no result is called" in (await labmesh(lab, "get", "abcd")).stderr


async def test_an_interrupted_reader_leaves_no_file_and_goes_on_later(
    lab: Lab, tmp_path: Path
) -> None:
    await camera(lab)
    sha256 = await shot(lab)
    await until_held(lab, sha256)
    await pace(lab, SLOW)
    file, part = tmp_path / "a.raw", tmp_path / "a.raw.part"
    reader = await lab.processes.start(*command(lab, "get", sha256, "-o", str(file)))
    async with asyncio.timeout(20):
        while not part.exists() or part.stat().st_size < MEGABYTE:
            await asyncio.sleep(0.02)
    reader.interrupt()
    assert await reader.wait() == 130
    assert "Traceback" not in reader.output
    assert not file.exists()
    had = part.stat().st_size
    assert had >= MEGABYTE
    await pace(lab, 0.0)
    seen: list[int] = []
    desk = lab.client
    await desk.artifact(sha256, to=file, progress=lambda done, _size: seen.append(done))
    assert seen[0] == had
    assert digest_of(file) == sha256
    assert not part.exists()


PAGE = (ROOT / "docs" / "artifacts.md").read_text(encoding="utf-8")


async def test_the_page_shows_what_happens(lab: Lab, tmp_path: Path) -> None:
    environment = {
        "LABMESH_MQTT": lab.place.mqtt, "LABMESH_SITE": "kit",
        "LABMESH_DATA_DIR": str(lab.folder), "PYTHONPATH": f"{ROOT}:{ROOT / 'docs' / 'examples'}",
        "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
    }  # fmt: skip
    camera = await lab.processes.start(
        Path(sys.executable).with_name("labmesh"), "run", "camera:Camera", env=environment
    )
    await lab.until_offered("camera")
    (shown,) = re.findall(r"^```console\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)
    for line in shown.splitlines():
        done = await lab.processes.run(
            "bash", "-euo", "pipefail", "-c", line.removeprefix("$ "), env=environment
        )
        assert done.code == 0, f"{line}\n{done.stdout}{done.stderr}{camera.output}"
    (artifact,) = [view async for view in lab.client.artifacts()]
    assert digest_of(tmp_path / "cell.raw") == artifact.sha256

    (tmp_path / "series.csv").write_text("t,U\n0,3.1\n", encoding="utf-8")
    importer = ROOT / "docs" / "examples" / "import_series.py"
    done = await lab.processes.run(
        sys.executable, importer, tmp_path / "series.csv", env=environment
    )
    assert done.code == 0, done.stderr
    (series,) = [view async for view in lab.client.artifacts(result=done.stdout.strip())]
    assert (series.name, series.author, series.state) == ("series.csv", "kit/importer", "held")

    # A copy of the folder is a backup: nothing else is needed to know and to have all of it.
    backup = tmp_path / "backup"
    shutil.copytree(lab.folder / "kit" / "broker", backup)
    with open_ledger(backup) as reader:
        copied = reader.query("query.artifacts")["artifacts"]
    assert [item["state"] for item in copied] == ["held", "held"]


def test_the_code_on_the_page_is_the_code_that_runs() -> None:
    examples = "".join(
        (ROOT / "docs" / "examples" / name).read_text(encoding="utf-8")
        for name in ("camera.py", "import_series.py")
    )
    shown = re.findall(r"^```python\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)
    assert len(shown) == 2
    for code in shown:
        assert code in examples
    for target in re.findall(r"\]\(([^)#]+)\)", PAGE):
        assert (ROOT / "docs" / target).exists(), target
