"""The one launch of a site: begun, found again, ended. It outlives the agent that began it."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import sys
from asyncio.subprocess import DEVNULL, STDOUT, Process
from collections import deque
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any, Final

from labmesh.agent._bundle import Bundle
from labmesh.agent._files import LaunchFiles
from labmesh.agent._record import Record
from labmesh.launch import ACCOUNTS_VARIABLE, LIMITS_VARIABLE, Limits, Plan, control, load_plan
from labmesh.log import NodeLog
from messages.errors import CallRefusedError, ConfigurationError, LabmeshError

_PROGRAM: Final = "import sys; from labmesh.cli import main; sys.exit(main())"
_ENDED: Final = "ended: "
"""How the last line of a launch that has ended by itself begins."""

_CRASHES: Final = 5
"""Crashes in a row of the launch itself (not of its processes) after which it is left alone."""

_OUTPUT: Final = 16 << 20
"""Most bytes of a launch's output that are kept."""

_STEADY_SECONDS: Final = 60.0
_PERIOD: Final = 1.0


class SiteLaunch:
    """Keeps the launch of one site as its record says it shall be.

    One at a time: the launch holds a lock on the data folder. What runs is asked, not remembered,
    so that an agent that was killed finds it again.

    Args:
        site: The site.
        folder: The agent's own folder: record, bundles, output.
        data_dir: The launch's data folder.
        limits: What bundles may do; their root is the bundle's folder.
        accounts: Folder of account files for the launch; None: as its file says.
        log: The agent's log.
    """

    def __init__(
        self,
        site: str,
        *,
        folder: Path,
        data_dir: Path,
        limits: Mapping[str, Any],
        accounts: Path | None,
        log: NodeLog,
    ) -> None:
        self._site = site
        self._folder = folder
        self._data_dir = data_dir
        self._limits = limits
        self._accounts = accounts
        self._log = log
        self._files = LaunchFiles(folder)
        self._gate = asyncio.Lock()
        self._child: Process | None = None
        self._begun = 0.0
        self._crashes = 0
        self._left = False
        self._news = asyncio.Event()
        self.record = Record.read(self._record_file)

    @property
    def output_file(self) -> Path:
        """What the launch has written, this run and the ones before it."""
        return self._folder / "launch.out"

    @property
    def data_dir(self) -> Path:
        """The launch's data folder."""
        return self._data_dir

    @property
    def _record_file(self) -> Path:
        return self._folder / "launch.json"

    async def status(self) -> dict[str, Any] | None:
        """Return what the running launch says of itself; None when none runs.

        Raises:
            LabmeshError: One runs and does not answer.
        """
        try:
            try:
                return await self._ask({"do": "status"})
            except ConfigurationError:
                raise
            except LabmeshError:
                # It may have ended in the middle of the answer: then the next one is plain.
                return await self._ask({"do": "status"})
        except ConfigurationError:
            return None

    def is_ours(self, found: Mapping[str, Any] | None) -> bool:
        """Tell whether a running launch is of a bundle, or begun by somebody at the machine."""
        if found is None:
            return True
        return Path(found["file"]).is_relative_to(self._files.current.resolve())

    async def state(self) -> tuple[str, dict[str, Any] | None]:
        """Return ``running``, ``starting``, ``stopping``, ``stopped`` or ``failed``, and status."""
        found = await self.status()
        wanted = self.record.wanted == "running" or not self.is_ours(found)
        alive = self._child is not None and self._child.returncode is None
        if found is not None:
            return ("running" if wanted else "stopping"), found
        if wanted:
            return "starting", None
        return ("stopping" if alive else "failed" if self.record.reason else "stopped"), None

    async def check(self, bundle: Bundle, arguments: Mapping[str, Any]) -> Plan:
        """Return the plan of this site's part; nothing is started.

        Raises:
            ConfigurationError: It is wrong, does what it may not, or has nothing for this site.
        """
        async with self._gate:
            return await self._check(bundle, arguments)

    async def _check(self, bundle: Bundle, arguments: Mapping[str, Any]) -> Plan:
        # Under the gate: what is checked here is what is taken over.
        file = self._files.stage(bundle)
        return await asyncio.to_thread(
            load_plan,
            file,
            arguments,
            only_site=self._site,
            limits=self._limits_of(self._files.staged),
            accounts=self._accounts,
        )

    async def start(self, bundle: Bundle, arguments: dict[str, Any], operator: str) -> None:
        """Begin it; does nothing where just this runs already.

        Raises:
            CallRefusedError: Another launch runs.
            ConfigurationError: As `check`.
        """
        async with self._gate:
            asked = Record(
                wanted="running", bundle=bundle.digest, main=bundle.main, arguments=arguments,
                operator=operator,
            )  # fmt: skip
            same = asked.but(operator=self.record.operator) == self.record
            if same and (await self.state())[0] in ("running", "starting"):
                return
            await self._refuse_if_busy()
            await self._check(bundle, arguments)
            self._files.take_over()
            self._keep(asked)
            self._crashes = 0
            await self._begin()

    async def stop(self) -> None:
        """Let it end; returns at once. Asked again, it hurries."""
        async with self._gate:
            self._keep(self.record.but(wanted="stopped", reason=""))
            await self._end()

    async def restart(self, process: str) -> list[str]:
        """Start one process anew, or end the launch and begin it again; return what is anew.

        Raises:
            LabmeshError: None runs, it has no such process, or there is nothing to begin again.
        """
        if process:
            answer = await self._ask({"do": "restart", "processes": [process]})
            return list(answer.get("restarted", [process]))
        async with self._gate:
            record = self.record
            if not record.bundle:
                raise CallRefusedError(
                    "nothing was ever launched here",
                    remedy="labmesh launch FILE --on-agents starts something",
                )
            await self._end()
            await self._gone()
            self._keep(record.but(wanted="running", reason=""))
            self._crashes = 0
            await self._begin()
            return [self._site]

    async def reload(
        self, bundle: Bundle, arguments: dict[str, Any], operator: str
    ) -> dict[str, Any]:
        """Give the running launch another file; what has not changed goes on undisturbed.

        Raises:
            LabmeshError: None runs, or the file is wrong; then nothing has changed.
        """
        async with self._gate:
            await self._check(bundle, arguments)
            self._files.take_over()
            try:
                answer = await self._ask(
                    {
                        "do": "reload",
                        "file": str(self._files.current / bundle.main),
                        "arguments": arguments,
                    }
                )
            except BaseException:
                self._files.put_back()
                raise
            self._keep(
                self.record.but(
                    bundle=bundle.digest, main=bundle.main, arguments=arguments, operator=operator
                )
            )
            return answer

    async def keep(self) -> None:
        """Hold it to its record for ever: find it, begin it, see it end."""
        while True:
            try:
                await self._reconcile()
                self._bound_output()
            except LabmeshError as error:
                self._log.warn(f"the launch: {error}")
            except OSError as error:
                self._log.warn(f"the launch: {error.strerror}", file=error.filename)
            self._news.clear()
            with suppress(TimeoutError):
                async with asyncio.timeout(_PERIOD):
                    child = self._child
                    alive = child is not None and child.returncode is None
                    await (child.wait() if child is not None and alive else self._news.wait())

    async def leave(self, *, end: bool) -> None:
        """Let it be because the agent ends; with ``end`` it ends, and begins with the next one."""
        async with self._gate:
            self._left = True
            if end and self.record.wanted == "running":
                self._keep(self.record.but(again=True))
            if end:
                await self._end()
                await self._gone()

    def tail(self, lines: int, file: Path | None = None) -> list[str]:
        """Return the last lines of its output, or of another log."""
        return _tail(file or self.output_file, lines)

    async def _reconcile(self) -> None:
        async with self._gate:
            if self._left or self.record.wanted != "running" or self._alive():
                return
            if await self.status() is not None:
                return
            if self._begun or (self._ended_by_itself() and not self.record.again):
                # Ours, or a former agent's: it has ended.
                code = self._child.returncode if self._child is not None else None
                said = _tail(self.output_file, 1)
                last = said[-1].strip() if said else "it said nothing"
                steady = asyncio.get_running_loop().time() - self._begun > _STEADY_SECONDS
                self._crashes = 1 if steady else self._crashes + 1
                crashed = _ENDED not in last and (code is None or code < 0)
                if not crashed or self._crashes > _CRASHES:
                    self._log.warn(f"the launch has ended: {last}")
                    self._keep(self.record.but(wanted="stopped", reason=last[:1000]))
                    return
                self._log.error("the launch was killed, starting it again")
            await self._begin()

    def _ended_by_itself(self) -> bool:
        said = _tail(self.output_file, 1)
        return bool(said) and _ENDED in said[-1]

    def _bound_output(self) -> None:
        """Keep the end of what a launch of many weeks has written; the rest is in its own logs."""
        if self.output_file.exists() and self.output_file.stat().st_size > _OUTPUT:
            last = _tail(self.output_file, 200)
            with self.output_file.open("ab") as output:  # where it writes, too: at the end
                output.truncate(0)
                output.write("".join(f"{line}\n" for line in last).encode())

    async def _refuse_if_busy(self) -> None:
        found = await self.status()
        if found is None and not self._alive():
            return
        if found is None:
            raise CallRefusedError(
                f"the launch of {self._site} is starting or stopping", remedy="try again"
            )
        stopping = self.record.wanted != "running" and self._alive()
        raise CallRefusedError(
            f"a launch is {'stopping' if stopping else 'running'} at {self._site}: "
            f"{Path(found['file']).name} (pid {found['pid']})",
            remedy="try again once it has ended"
            if stopping
            else f"labmesh agent reload {self._site} FILE changes it, "
            f"labmesh agent stop {self._site} ends it",
        )

    async def _begin(self) -> None:
        limits = self._write_limits()
        if self.record.again:
            self._keep(self.record.but(again=False))
        work = self._folder / "work"
        work.mkdir(exist_ok=True)
        environment = {**os.environ, LIMITS_VARIABLE: str(limits)}
        if self._accounts is not None:
            environment[ACCOUNTS_VARIABLE] = str(self._accounts)
        words = [f"{name}:={_word(value)}" for name, value in self.record.arguments.items()]
        self.output_file.unlink(missing_ok=True)
        with self.output_file.open("ab") as output:
            self._child = await asyncio.create_subprocess_exec(
                # -P, and a folder that no bundle is written to: neither is a module to import.
                *(
                    sys.executable,
                    "-P",
                    "-c",
                    _PROGRAM,
                    "launch",
                    str(self._files.current / self.record.main),
                    *words,
                ),
                *("--site", self._site, "--data-dir", str(self._data_dir)),
                "--no-color",
                env=environment,
                cwd=work,
                stdin=DEVNULL,
                stdout=output,
                stderr=STDOUT,
                start_new_session=True,
            )
        self._begun = asyncio.get_running_loop().time()
        self._news.set()
        self._log.info("launch started", pid=self._child.pid, file=self.record.main)

    async def _end(self) -> None:
        try:
            await self._ask({"do": "stop"})
        except ConfigurationError:
            # Not there yet, or never: it may be between its start and its socket.
            child = self._child
            if child is not None and child.returncode is None:
                child.send_signal(signal.SIGINT)

    async def _gone(self) -> None:
        if self._child is not None:
            await self._child.wait()
        while await self.status() is not None:  # noqa: ASYNC110 - another process ends
            await asyncio.sleep(0.1)

    async def _ask(self, request: dict[str, Any]) -> dict[str, Any]:
        return await asyncio.to_thread(control, self._data_dir, request)

    def _alive(self) -> bool:
        return self._child is not None and self._child.returncode is None

    def _keep(self, record: Record) -> None:
        record.write(self._record_file)
        self.record = record
        self._news.set()

    def _limits_of(self, folder: Path) -> Limits:
        return Limits(root=folder.resolve(), **self._limits)

    def _write_limits(self) -> Path:
        file = self._folder / "limits.json"
        file.write_text(
            json.dumps(self._limits_of(self._files.current).as_dict()), encoding="utf-8"
        )
        return file


def _word(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value)


def _tail(file: Path, lines: int) -> list[str]:
    try:
        with file.open("rb") as opened:
            opened.seek(0, 2)
            opened.seek(max(opened.tell() - 256 * 1024, 0))
            text = opened.read().decode(errors="replace")
    except OSError:
        return []
    return list(deque((line for line in text.splitlines() if line.strip()), maxlen=lines))
