"""One simulator as a process of its own."""

from __future__ import annotations

import asyncio
import contextlib
import signal
import sys
import time
from collections.abc import Callable, Sequence
from typing import Any

import click
import yaml

from labmesh.cli._output import Output
from labmesh.clock import ScaledClock
from labmesh.sim import FaultOrder, Simulator, SimulatorServer
from labmesh.sim._node import link_port
from messages.errors import ConfigurationError, LabmeshError
from messages.node import ClockTick

Pairs = Sequence[str]


def run_command(name: str, kind: type[Simulator[Any]]) -> click.Command:
    """Return the command that runs a simulator."""

    def run(
        *, port: Pairs, link: Pairs, host: str, fault: Pairs, signal_fault: str, rate: float,
        set_: Pairs, as_json: bool,
    ) -> None:  # fmt: skip
        options = {key: yaml.safe_load(value) for key, value in map(_option, set_)}
        simulator = kind.make(options, clock=_clock(rate))
        where = {**_ports(kind, port), **_links(kind, link)}
        orders = [FaultOrder.parse(each) for each in fault]
        for order in (*orders, FaultOrder(signal_fault)):
            simulator.faults.check(order.kind)
        server = SimulatorServer(simulator, where, host=host)
        _quiet()
        asyncio.run(_serve(server, orders, signal_fault, Output(as_json=as_json)))

    params: list[click.Parameter] = [
        click.Option(["--port"], multiple=True, metavar="[PORT=]N",
                     help="TCP port, 0 for any free one; a folder: PORT=PATH. May be repeated."),
        click.Option(["--link"], multiple=True, metavar="[PORT=]PATH",
                     help="Stable link to the pseudo-terminal, removed at the end."),
        click.Option(["--host"], default="127.0.0.1", show_default=True,
                     help="Address on which to listen."),
        click.Option(["--fault"], multiple=True, metavar="KIND[:after=S]",
                     help="Play a fault: kind, or kind:after=5,lasts=10,times=1. May be repeated."),
        click.Option(["--signal-fault"], default="power_cut", show_default=True, metavar="KIND",
                     help="Played on SIGUSR1; SIGUSR2 clears every fault."),
        click.Option(["--rate"], default=1.0, show_default=True,
                     type=click.FloatRange(min=0, min_open=True),
                     help="Seconds of the device in one second."),
        click.Option(["--set", "set_"], multiple=True, metavar="OPTION=VALUE",
                     help="Set one of the device's own options; VALUE is YAML. May be repeated."),
        click.Option(["--json", "as_json"], is_flag=True, help="Answer in JSON, one line each."),
    ]  # fmt: skip
    return click.Command(
        name, callback=run, params=params, help=_help(kind), short_help=kind.title,
        context_settings={"max_content_width": 100},
    )  # fmt: skip


def _help(kind: type[Simulator[Any]]) -> str:
    about = (kind.__doc__ or "").strip().partition("\n")[0]
    parts = [f"Run {kind.title}.", about]
    parts.append("\b\nPorts:\n" + _rows(
        (p.name, f"{p.kind}{f' {p.default}' if p.default else ''}: {p.description}")
        for p in kind.ports
    ))  # fmt: skip
    fields = kind.Options.model_fields.items()
    if fields:
        parts.append("\b\nOptions of the device (--set):\n" + _rows(
            (name, f"{field.description} ({field.get_default(call_default_factory=True)!r})")
            for name, field in fields
        ))  # fmt: skip
    parts.append("\b\nFaults (--fault):\n" + _rows(kind.all_faults().items()))
    parts.append("\b\nOn standard input:\n" + _rows(_WORDS.items()))
    return "\n\n".join(filter(None, parts))


_WORDS = {
    "fault KIND[:after=S]": "play a fault",
    "clear [KIND]": "end a fault, or all",
    "status": "say what is broken and how often it struck",
    "quit": "end",
}


def _rows(rows: Any) -> str:
    listed = list(rows)
    width = max((len(name) for name, _ in listed), default=0)
    return "\n".join(f"  {name:<{width}}  {what}" for name, what in listed) or "  none"


def _option(text: str) -> tuple[str, str]:
    name, equals, value = text.partition("=")
    if not equals:
        raise ConfigurationError(f"--set {text}: no value", remedy="write OPTION=VALUE")
    return name, value


def _ports(kind: type[Simulator[Any]], given: Pairs) -> dict[str, int | str]:
    ports: dict[str, int | str] = {}
    for text in given:
        name, equals, value = text.partition("=")
        if not equals:
            takers = [port.name for port in kind.ports if port.is_tcp]
            if not takers:
                raise ConfigurationError(
                    f"{kind.title} has no TCP port", remedy="leave --port out, or write PORT=PATH"
                )
            name, value = next((each for each in takers if each not in ports), takers[0]), text
        ports[name] = int(value) if value.isdecimal() else value
    return ports


def _links(kind: type[Simulator[Any]], given: Pairs) -> dict[str, int | str]:
    links: dict[str, int | str] = {}
    for text in given:
        name, equals, value = text.partition("=")
        links |= {name: value} if equals else link_port(kind, text)
    return links


def _clock(rate: float) -> ScaledClock:
    clock = ScaledClock()
    now = time.time_ns()
    clock.tick(ClockTick(time=now, wall=now, rate=rate))
    return clock


def _quiet() -> None:
    import logging

    from labmesh.log import log_to_stderr

    log_to_stderr(logging.WARNING)


async def _serve(
    server: SimulatorServer, orders: list[FaultOrder], on_signal: str, out: Output
) -> None:
    loop, ended = asyncio.get_running_loop(), asyncio.Event()
    faults = server.simulator.faults
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        loop.add_signal_handler(number, ended.set)
    loop.add_signal_handler(signal.SIGUSR1, lambda: faults.order(on_signal))
    loop.add_signal_handler(signal.SIGUSR2, faults.clear)
    await server.start()
    try:
        for name, address in server.addresses.items():
            if out.as_json:
                out.json_line({"port": name, "address": address})
            else:
                out.text(f"{server.simulator.title}: {name} at {address}")
        sys.stdout.flush()
        for order in orders:
            faults.order(order)
        with _standard_input(loop, lambda line: _obey(line, server, out, ended.set)):
            await ended.wait()
    finally:
        await server.stop()


@contextlib.contextmanager
def _standard_input(loop: asyncio.AbstractEventLoop, obey: Callable[[str], None]) -> Any:
    """Pass on lines of standard input, where it is one that can be waited for."""
    waiting = bytearray()

    def ready() -> None:
        import os

        data = os.read(number, 4096)
        waiting.extend(data)
        if not data:
            loop.remove_reader(number)
        while (end := waiting.find(b"\n")) >= 0:
            line = waiting[:end].decode(errors="replace").strip()
            del waiting[: end + 1]
            if line:
                obey(line)

    try:
        number = sys.stdin.fileno()
        loop.add_reader(number, ready)
    except (OSError, ValueError, AttributeError):
        yield  # /dev/null, a file, or none at all
        return
    try:
        yield
    finally:
        loop.remove_reader(number)


def _obey(line: str, server: SimulatorServer, out: Output, end: Callable[[], None]) -> None:
    word, _, rest = line.partition(" ")
    faults = server.simulator.faults
    try:
        if word == "fault" and rest:
            faults.order(rest.strip())
        elif word == "clear":
            faults.clear(rest.strip() or None)
        elif word == "quit":
            end()
            return
        elif word != "status":
            raise ConfigurationError(f"no word {line!r}", remedy=f"there are: {', '.join(_WORDS)}")
    except LabmeshError as error:
        out.remark(str(error))
        return
    status = {
        "powered": server.powered, "active": faults.in_force, "counts": dict(faults.counts),
        "connections": server.connections,
    }  # fmt: skip
    if out.as_json:
        out.json_line(status)
    else:
        struck = ", ".join(f"{kind} {count}" for kind, count in sorted(faults.counts.items()))
        out.text(f"faults: {', '.join(faults.in_force) or 'none'}; struck: {struck or 'none'}")
        sys.stdout.flush()
