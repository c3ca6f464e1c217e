"""Launches for real: order, ends, respawns, exit codes. Small programs stand for nodes."""

from __future__ import annotations

import json
from pathlib import Path

from tests.support import Processes, Running


def write(folder: Path, actions: str, *, name: str = "test.launch.yaml") -> Path:
    """Write a launch file; ``actions`` is the text of the list."""
    file = folder / name
    file.write_text(f"labmesh_launch: 1\nlaunch:\n{actions}")
    return file


def program(name: str, script: str, more: str = "") -> str:
    """Return an executable action that runs a shell script."""
    return f"  - executable: {{name: {name}, cmd: [sh, -c, {json.dumps(script)}]{more}}}\n"


async def launch(processes: Processes, file: Path, *words: str) -> Running:
    return await processes.labmesh("launch", file, *words, name="launch")


def order(running: Running, *wanted: str) -> None:
    """Assert that the lines ``wanted`` were said, in that order."""
    found = [line for line in running.lines if line in wanted]
    assert found == list(wanted), running.output


async def test_starts_in_the_order_of_after(processes: Processes, tmp_path: Path) -> None:
    file = write(
        tmp_path,
        program("last", "echo last", ", after: {middle: exited}")
        + program("middle", "sleep 0.2; echo middle", ", after: {first: exited}")
        + program("first", "sleep 0.2; echo first"),
    )
    running = await launch(processes, file)
    assert await running.wait() == 0
    order(running, "[first] first", "[middle] middle", "[last] last")
    assert running.lines[-1] == "[launch] ended: nothing is left to do (exit code 0)"


async def test_a_dependency_that_fails_ends_the_launch(
    processes: Processes, tmp_path: Path
) -> None:
    file = write(
        tmp_path,
        program("setup", "echo no disk >&2; exit 7")
        + program("other", "exec sleep 60")
        + program("work", "echo never", ", after: {setup: exited}"),
    )
    running = await launch(processes, file)
    assert await running.wait() == 7
    await running.wait_line("error: work waits for setup to be exited, but it has exited with co")
    assert "[work] never" not in running.lines
    assert "[setup] no disk" in running.lines


async def test_ends_in_the_reverse_order_of_after(processes: Processes, tmp_path: Path) -> None:
    script = (
        "trap 'sleep 0.2; echo {0} ends; exit' INT; echo {0} runs; while :; do sleep 0.05; done"
    )
    file = write(
        tmp_path,
        program("base", script.format("base", 0))
        + program("middle", script.format("middle", 0.4), ", after: base")
        + program("top", script.format("top", 0.8), ", after: [base, middle]"),
    )
    running = await launch(processes, file)
    for name in ("base", "middle", "top"):
        await running.wait_line(f"{name} runs")
    running.interrupt()
    assert await running.wait() == 130
    order(running, "[top] top ends", "[middle] middle ends", "[base] base ends")
    await processes.assert_no_orphans()


async def test_sigterm_is_a_full_shutdown(processes: Processes, tmp_path: Path) -> None:
    file = write(
        tmp_path,
        "  - mqtt_broker: embedded\n"
        + program("one", "trap 'echo bye; exit' INT; echo runs; while :; do sleep 0.05; done"),
    )
    running = await launch(processes, file)
    await running.wait_line("one. runs")
    running.terminate()
    assert await running.wait() == 143
    assert "[one] bye" in running.lines
    await processes.assert_no_orphans()


async def test_what_a_program_leaves_behind_ends_with_it(
    processes: Processes, tmp_path: Path
) -> None:
    file = write(tmp_path, program("parent", "sleep 600 & echo has a child"))
    running = await launch(processes, file)
    assert await running.wait() == 0
    assert "[parent] has a child" in running.lines
    await processes.assert_no_orphans()


async def test_a_program_that_ignores_all_is_killed(processes: Processes, tmp_path: Path) -> None:
    file = write(tmp_path, program("deaf", "trap '' INT TERM; echo deaf; sleep 600; sleep 600"))
    running = await launch(processes, file)
    await running.wait_line("deaf. deaf")
    running.interrupt()
    assert await running.wait() == 130
    await running.wait_line("warning: deaf does not end, sending SIGTERM")
    await running.wait_line("warning: deaf does not end, sending SIGKILL")
    await processes.assert_no_orphans()


async def test_more_ctrl_c_hurries(processes: Processes, tmp_path: Path) -> None:
    deaf = "trap 'echo asked' INT; trap '' TERM; echo deaf; while :; do sleep 600; done"
    file = write(tmp_path, program("below", deaf) + program("above", deaf, ", after: below"))
    running = await launch(processes, file)
    await running.wait_line("above. deaf")
    for said in ("Ctrl-C: stopping", "above does not end, sending SIGTERM"):
        running.interrupt()
        await running.wait_line(said)
    running.interrupt()
    assert await running.wait(timeout=9) == 130
    await running.wait_line("above does not end, sending SIGKILL")
    await processes.assert_no_orphans()


async def test_nothing_survives_kill_9_of_the_launch(processes: Processes, tmp_path: Path) -> None:
    file = write(
        tmp_path,
        "  - mqtt_broker: embedded\n"
        + program("deaf", "trap '' INT TERM; echo deaf; sleep 600; sleep 600")
        + program("parent", "sleep 600 & echo parent; sleep 600"),
    )
    running = await launch(processes, file)
    await running.wait_line("deaf. deaf")
    await running.wait_line("parent. parent")
    assert len(processes.alive()) > 5
    running.kill()
    await processes.assert_no_orphans(timeout=10)


async def test_respawn_until_its_retries_are_spent(processes: Processes, tmp_path: Path) -> None:
    file = write(
        tmp_path,
        program("flaky", "echo try; exit 5", ", respawn: {delay: 0.05, max_retries: 2}"),
    )
    running = await launch(processes, file)
    assert await running.wait() == 5
    assert running.lines.count("[flaky] try") == 3
    assert "[launch] warning: starting flaky again in 0.1 s" in running.lines
    assert "[launch] error: flaky has exited with code 5" in running.lines


async def test_no_respawn_once_the_launch_ends(processes: Processes, tmp_path: Path) -> None:
    file = write(
        tmp_path,
        program("eager", "echo runs; exec sleep 600", ", respawn: {delay: 0}"),
    )
    running = await launch(processes, file)
    await running.wait_line("eager. runs")
    running.interrupt()
    assert await running.wait() == 130
    assert running.lines.count("[eager] runs") == 1


async def test_on_exit_shutdown_after_success(processes: Processes, tmp_path: Path) -> None:
    file = write(
        tmp_path,
        program("server", "exec sleep 600") + program("job", "sleep 0.2", ", on_exit: shutdown"),
    )
    running = await launch(processes, file)
    assert await running.wait() == 0
    assert running.lines[-1] == "[launch] ended: job has exited (exit code 0)"


async def test_exit_code_is_that_of_the_first_failure(processes: Processes, tmp_path: Path) -> None:
    file = write(
        tmp_path,
        program("first", "exit 4")
        + program("second", "sleep 0.4; exit 6", ", on_exit: shutdown, after: first"),
    )
    running = await launch(processes, file)
    assert await running.wait() == 4


async def test_death_by_signal_is_128_more(processes: Processes, tmp_path: Path) -> None:
    running = await launch(processes, write(tmp_path, program("one", "kill -9 $$")))
    assert await running.wait() == 137


async def test_handlers_timers_logs_and_shutdown(processes: Processes, tmp_path: Path) -> None:
    file = write(
        tmp_path,
        program("job", "echo working")
        + program("server", "exec sleep 600")
        + "  - on_process_start: {process: job, actions: [log: it began]}\n"
        + "  - on_process_exit:\n"
        + "      process: job\n"
        + "      actions:\n"
        + "        - log: {message: it is over, level: warn}\n"
        + "        - timer: {delay: 0.1, actions: [log: a little later, shutdown: enough]}\n",
    )
    running = await launch(processes, file)
    assert await running.wait() == 0
    order(
        running,
        "[launch] it began",
        "[launch] warning: it is over",
        "[launch] a little later",
        "[launch] ended: enough (exit code 0)",
    )


async def test_environment_and_working_folder(processes: Processes, tmp_path: Path) -> None:
    (tmp_path / "inner").mkdir()
    file = write(
        tmp_path,
        "  - mqtt_broker: {url: 'mqtt://me:secret@nowhere:1'}\n"
        "  - set_env: {name: SHARED, value: yes please}\n"
        + program(
            "one",
            'echo "$SHARED/$OWN/$LABMESH_CLOCK/$LABMESH_MQTT"; pwd',
            ", env: {OWN: 3}, cwd: inner",
        ),
    )
    running = await processes.labmesh("launch", file, env={"LABMESH_CLOCK": "of/another"})
    assert await running.wait() == 0
    assert "[one] yes please/3//mqtt://me:secret@nowhere:1" in running.lines
    assert f"[one] {tmp_path / 'inner'}" in running.lines


async def test_output_goes_where_it_is_asked_to(processes: Processes, tmp_path: Path) -> None:
    file = write(
        tmp_path,
        program("loud", "echo one; printf unfinished", ", output: screen")
        + program("quiet", "echo two", ", output: log")
        + program("both", "echo three >&2"),
    )
    running = await launch(processes, file, "--data-dir", "data")
    assert await running.wait() == 0
    assert {"[loud] one", "[loud] unfinished", "[both] three"} <= set(running.lines)
    assert "[quiet] two" not in running.lines
    (folder,) = (tmp_path / "data" / "runs").iterdir()
    assert not (folder / "loud.log").exists()
    assert (folder / "quiet.log").read_text() == "two\n"
    assert (folder / "both.log").read_text() == "three\n"
    assert "started both" in (folder / "launch.log").read_text()
    assert "\x1b" not in running.output


async def test_only_one_site_is_started(processes: Processes, tmp_path: Path) -> None:
    file = write(
        tmp_path,
        "  - group: {site: kit, actions: [executable: {name: a, cmd: echo kit}]}\n"
        "  - group: {site: dtu, actions: [executable: {name: a, cmd: echo dtu}]}\n",
    )
    running = await launch(processes, file, "--site", "dtu")
    assert await running.wait() == 0
    assert "[a] dtu" in running.lines
    assert "kit" not in running.output


async def test_a_program_that_vanished_since_the_check(
    processes: Processes, tmp_path: Path
) -> None:
    gone = tmp_path / "gone.sh"
    gone.write_text("#!/bin/sh\nexit 0\n")
    gone.chmod(0o755)
    file = write(
        tmp_path,
        program("remover", "rm gone.sh", ", on_exit: ignore")
        + f"  - executable: {{name: gone, cmd: [{gone}], after: {{remover: exited}}}}\n",
    )
    running = await launch(processes, file)
    assert await running.wait() == 127
    assert f"[gone] {gone}: No such file or directory" in running.lines
