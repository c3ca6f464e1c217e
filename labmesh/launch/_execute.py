"""One launch from claim to release: data folder, MQTT brokers, watchers, supervisor, signals."""

from __future__ import annotations

import asyncio
import os
import signal
import time
from collections import Counter
from collections.abc import Iterable
from contextlib import AsyncExitStack, suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

from labmesh.launch._accounts import access_of, own_account
from labmesh.launch._bridges import bridge_of
from labmesh.launch._calls import NodeCaller
from labmesh.launch._plan import Broker, NodeProcess, Plan
from labmesh.launch._reload import Changer
from labmesh.launch._remarks import remarks_on
from labmesh.launch._screen import Screen
from labmesh.launch._serve import ControlServer, Request
from labmesh.launch._state import RunState
from labmesh.launch._status import status
from labmesh.launch._supervisor import Outcome, Supervisor
from labmesh.launch._watch import Watcher
from labmesh.mosquitto import BrokerConfig, MosquittoProcess
from labmesh.place import Place
from messages.errors import LabmeshError
from messages.node import Milestone

_RESTARTS: Final = 5
_RESTART_SECONDS: Final = 1.0


async def execute(
    plan: Plan,
    data_dir: Path,
    *,
    only_site: str | None = None,
    colour: bool = True,
    live: bool = True,
) -> int:
    """Run a checked plan to its end; return the exit code.

    That of the first process that failed; 130 after Ctrl-C, 143 after SIGTERM, 129 after SIGHUP; 1
    when the launch itself failed; else 0. Whatever happens, no process stays behind.

    Args:
        plan: From `labmesh.launch.load_plan`.
        data_dir: Absolute; one launch at a time.
        only_site: Start only this site's part.
        colour: False forbids colour on a terminal.
        live: False forbids the live table on a terminal.

    Raises:
        ConfigurationError: Another launch lives with this data folder.
        LabmeshError: The MQTT broker could not be started or reached.
    """
    state = RunState(data_dir)
    await state.claim()
    try:
        run_dir = state.run_folder(datetime.now(UTC))
        screen = Screen(run_dir, colour=colour)
        try:
            state.write_last(_last(plan, only_site))
            with remarks_on(screen):
                launch = _Launch(plan, only_site, data_dir, run_dir, screen, state)
                return await launch.run(live=live)
        finally:
            screen.close()
    finally:
        state.release()


class _Launch:
    def __init__(
        self,
        plan: Plan,
        only_site: str | None,
        data_dir: Path,
        run_dir: Path,
        screen: Screen,
        state: RunState,
    ) -> None:
        self._only_site = only_site
        self._plan = plan.at_site(only_site) if only_site else plan
        self._data_dir = data_dir
        self._run_dir = run_dir
        self._screen = screen
        self._state = state
        self._urls: dict[str, str] = {}
        self._since = time.time_ns()
        self._mosquittos: dict[str | None, MosquittoProcess] = {}
        self._watchers: dict[str, Watcher] = {}
        self._stack = AsyncExitStack()
        caller = NodeCaller(self._place)
        self._supervisor = Supervisor(
            self._plan,
            urls=self._urls,
            data_dir=data_dir,
            run_dir=run_dir,
            screen=screen,
            change_life=caller.change_life,
            lock=state.lock,
        )
        changer = Changer(
            plan,
            only_site=only_site,
            supervisor=self._supervisor,
            screen=screen,
            caller=caller,
            follow=self._follow,
            changed=self._changed,
        )
        self._control = ControlServer(
            data_dir,
            {
                "status": self._tell_status,
                "restart": changer.restart,
                "reload": changer.reload,
                "stop": self._take_stop,
            },
        )

    async def run(self, *, live: bool) -> int:
        loop = asyncio.get_running_loop()
        if live:
            self._screen.go_live(lambda: [unit.row for unit in self._supervisor.shown()])
            loop.add_signal_handler(signal.SIGWINCH, self._screen.touch)
        numbers = [signal.SIGINT, signal.SIGTERM]
        if signal.getsignal(signal.SIGHUP) is not signal.SIG_IGN:  # nohup
            numbers.append(signal.SIGHUP)
        for number in numbers:
            loop.add_signal_handler(number, self._signalled, number)
        try:
            async with self._stack:
                await self._listen()
                outcome = await self._supervise()
            self._screen.say(f"data: {self._data_dir}; logs of this run: {self._run_dir}")
            self._screen.say(f"ended: {outcome.reason} (exit code {outcome.code})")
            return outcome.code
        finally:
            self._control.stop()
            for number in numbers:
                loop.remove_signal_handler(number)

    def _signalled(self, number: signal.Signals) -> None:
        self._stop_or_hurry("Ctrl-C" if number is signal.SIGINT else number.name, 128 + number)

    def _stop_or_hurry(self, why: str, code: int | None) -> None:
        supervisor = self._supervisor
        if supervisor.stopping:
            supervisor.force.raise_level()
            return
        self._screen.say(f"{why}: stopping; again to hurry")
        supervisor.request_stop(why, code)

    async def _listen(self) -> None:
        try:
            await self._control.start()
        except OSError as error:
            # A file system without sockets, or a folder whose path is too long for one.
            self._screen.say(f"cannot be controlled while it runs: {error}", "warn")

    async def _tell_status(self, _request: Request) -> dict[str, Any]:
        brokers: dict[str | None, tuple[str, int | None]] = {}
        for broker in self._plan.brokers:
            process = self._mosquittos.get(broker.site)
            if process is not None:
                brokers[broker.site] = (process.url, process.pid)
            elif broker.url:
                brokers[broker.site] = (broker.url, None)
        return status(
            self._plan,
            self._supervisor.shown(),
            pid=os.getpid(),
            since=self._since,
            urls=brokers,
        )

    async def _take_stop(self, _request: Request) -> dict[str, Any]:
        self._stop_or_hurry("labmesh launch stop", None)
        return {"pid": os.getpid()}

    async def _supervise(self) -> Outcome:
        supervisor = self._supervisor
        starting = asyncio.create_task(self._start(), name="launch start")
        stopped = asyncio.create_task(supervisor.stopped(), name="launch stopped early")
        await asyncio.wait({starting, stopped}, return_when=asyncio.FIRST_COMPLETED)
        for task in (starting, stopped):
            task.cancel()
        with suppress(asyncio.CancelledError):
            await starting
        return await supervisor.run()

    async def _start(self) -> None:
        # Hubs first: a bridge must know where to.
        for broker in sorted(self._plan.brokers, key=lambda broker: broker.bridging is not None):
            url = broker.url or await self._start_broker(broker, self._stack)
            self._serve(broker, url, self._plan)
        await self._follow(self._plan)
        if self._urls:
            self._state.write_mesh(self._mesh(list(self._plan.nodes())))

    def _serve(self, broker: Broker, url: str, plan: Plan) -> None:
        """Note at which MQTT broker the sites are that it serves."""
        sites = {process.site for process in plan.processes()} | {plan.site}
        self._urls.update({site: url for site in sites if plan.broker_of(site) == broker})

    async def _follow(self, plan: Plan) -> None:
        """Follow the nodes of a plan at their MQTT brokers, from now on."""
        for broker in plan.brokers:
            if broker.url is not None:
                self._serve(broker, broker.url, plan)
        for site in {self._urls[node.site]: node.site for node in plan.nodes()}.values():
            url = self._urls[site]
            if url in self._watchers:
                continue
            watcher = Watcher(
                access_of(url, plan.broker_of(site)),
                plan.realm,
                elsewhere=frozenset(s for s, at in self._urls.items() if at != self._urls[site]),
                on_life=self._supervisor.life,
                on_milestone=self._milestone,
            )
            self._stack.push_async_callback(watcher.stop)
            await watcher.start()
            self._watchers[url] = watcher

    def _place(self, site: str) -> Place | None:
        url = self._urls.get(site)
        if url is None:
            return None
        account = access_of(url, self._plan.broker_of(site))
        return Place(mqtt=url, site=site, realm=self._plan.realm, account=account)

    def _changed(self, plan: Plan, part: Plan) -> None:
        """Go on with another plan."""
        self._plan = part
        self._state.write_last(_last(plan, self._only_site))
        if self._urls:
            self._state.write_mesh(self._mesh(list(part.nodes())))

    async def _start_broker(self, broker: Broker, stack: AsyncExitStack) -> str:
        name = f"mqtt_broker.{broker.site}" if broker.site else "mqtt_broker"
        plan = self._plan
        sites = {process.site for process in plan.processes()} | {plan.site}
        config = BrokerConfig(
            port=broker.port,
            sites=tuple(sorted(site for site in sites if plan.broker_of(site) is broker)),
            realm=plan.realm,
            bridged=broker.bridged,
            bridge=bridge_of(
                broker, plan, {site: known.url for site, known in self._mosquittos.items()}
            ),
            log_file=self._run_dir / f"{name}.log",
        )
        process = MosquittoProcess(config, self._data_dir / "run" / name)
        await stack.enter_async_context(process)
        self._mosquittos[broker.site] = process
        whose = f" of {broker.site}" if broker.site else ""
        self._screen.say(f"MQTT broker{whose} at {process.url} (pid {process.pid})")
        keeping = asyncio.create_task(self._keep(process), name=f"keep {name}")

        async def let_go() -> None:
            keeping.cancel()
            await asyncio.gather(keeping, return_exceptions=True)

        stack.push_async_callback(let_go)
        return process.url

    async def _keep(self, process: MosquittoProcess) -> None:
        """Start the MQTT broker again when it dies; nodes reconnect by themselves."""
        for _ in range(_RESTARTS):
            line = await process.wait_died()
            self._screen.say(f"{line}; starting it again", "error")
            await asyncio.sleep(_RESTART_SECONDS)
            try:
                await process.start()
            except LabmeshError as error:
                self._screen.say(str(error), "error")
                break
        else:
            await process.wait_died()
        self._supervisor.request_stop("there is no MQTT broker any more", 1)

    def _milestone(self, node: str, milestone: Milestone) -> None:
        unit = self._supervisor.known(node)
        self._screen.milestone(unit.label if unit else node, milestone)

    def _mesh(self, nodes: list[NodeProcess]) -> dict[str, Any]:
        """Return what tools need to join: by far the most nodes' ledger and clock."""
        site = self._plan.site if self._plan.site in self._urls else next(iter(self._urls))
        return {
            "mqtt": self._urls[site],
            "account": own_account(self._plan.broker_of(site)),
            "realm": self._plan.realm,
            "site": site,
            "ledger": _most_common(node.ledger for node in nodes),
            "clock": _most_common(node.clock for node in nodes),
            "pid": os.getpid(),
            "file": str(self._plan.file),
            "run": str(self._run_dir),
        }


def _last(plan: Plan, only_site: str | None) -> dict[str, Any]:
    """Return what --resume needs."""
    arguments = {argument.name: argument.value for argument in plan.arguments}
    return {"file": str(plan.file), "arguments": arguments, "site": only_site}


def _most_common(names: Iterable[str | None]) -> str | None:
    counted = Counter(name for name in names if name is not None).most_common(1)
    return counted[0][0] if counted else None
