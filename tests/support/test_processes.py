"""The process harness finds what it promises to find."""

from __future__ import annotations

import signal
import sys
from pathlib import Path

import pytest

from tests.support import Processes

ORPHAN = "import subprocess, sys; subprocess.Popen(['sleep', '60'], start_new_session=True)"


async def test_streams_are_captured_apart_and_together(processes: Processes) -> None:
    code = "import sys; print('out'); print('err', file=sys.stderr); sys.exit(3)"
    done = await processes.run(sys.executable, "-c", code)
    assert (done.code, done.stdout, done.stderr) == (3, "out", "err")
    assert sorted(processes.all[0].lines) == ["err", "out"]


async def test_a_line_is_awaited_and_its_absence_shows_the_output(processes: Processes) -> None:
    talker = await processes.python(
        "-c", "import time; print('ready 7', flush=True); time.sleep(60)"
    )
    assert await talker.wait_line(r"ready \d") == "ready 7"
    with pytest.raises(AssertionError, match=r"python runs and said no 'done':\nready 7"):
        await talker.wait_line("done", timeout=0.1)
    talker.terminate()
    assert await talker.wait() == -signal.SIGTERM
    with pytest.raises(AssertionError, match="python ended with -15 and said no 'done'"):
        await talker.wait_line("done")


async def test_an_orphan_is_found_by_the_mark_it_inherited(tmp_path: Path) -> None:
    processes = Processes(tmp_path)
    parent = await processes.start(sys.executable, "-c", ORPHAN)
    with pytest.raises(AssertionError, match="still runs"):  # its pipes are inherited, too
        await parent.wait(timeout=1.0)
    assert parent.code == 0
    with pytest.raises(AssertionError, match=r"left behind: \d+ sleep 60"):
        await processes.assert_no_orphans(timeout=0.2)
    with pytest.raises(AssertionError, match="left behind"):
        await processes.close(patience=0.1)
    assert processes.alive() == []


async def test_what_still_runs_is_ended_after_the_test(tmp_path: Path) -> None:
    processes = Processes(tmp_path)
    sleeper = await processes.start("sleep", "60")
    await processes.close()
    assert sleeper.code == -signal.SIGTERM
    assert processes.alive() == []


async def test_a_failure_shows_what_the_process_said(processes: Processes, tmp_path: Path) -> None:
    root = Path(__file__).parents[2]
    (tmp_path / "test_inner.py").write_text(
        "import sys\n"
        "from tests.conftest import *\n"
        "async def test_it(processes):\n"
        "    await processes.run(sys.executable, '-c', \"print('words of ' + 'the node')\")\n"
        "    assert False\n"
    )
    config = root / "pyproject.toml"
    done = await processes.run(
        *(sys.executable, "-m", "pytest", "-c", config, "--rootdir", tmp_path, "-p"),
        *("tests.conftest", "-p", "no:cacheprovider", tmp_path / "test_inner.py"),
        env={"PYTHONPATH": str(root)},
    )
    assert done.code == 1
    assert "output of python" in done.stdout
    assert "words of the node" in done.stdout
