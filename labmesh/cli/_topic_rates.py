"""``labmesh topic hz``, ``bw`` and ``delay``: how often, how much, how late."""

from __future__ import annotations

import asyncio
import statistics
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final, NamedTuple

import click

from labmesh.cli._format import size
from labmesh.cli._session import Session, mesh_command
from labmesh.cli._topic_names import whole_topic
from labmesh.transport import Delivery
from messages.envelope import decode
from messages.errors import DecodeError, LabmeshError

_SKEW: Final = 0.001
"""Seconds: how far two clocks that NTP keeps on one network may well be apart."""


class Arrival(NamedTuple):
    """One message as it came.

    Attributes:
        at: Monotonic seconds.
        size: Bytes of the payload.
        delay: Seconds from its stamp to its receipt, by the two clocks; None without a stamp.
    """

    at: float
    size: int
    delay: float | None


@dataclass(frozen=True, slots=True)
class _Measure:
    """What one of the verbs says of the arrivals on a topic."""

    numbers: Callable[[deque[Arrival], float], dict[str, Any] | None]
    words: Callable[[dict[str, Any]], str]


def rate_of(arrivals: deque[Arrival], _now: float) -> dict[str, Any] | None:
    """Return how often messages come: Hz and seconds; None for fewer than two."""
    periods = [b.at - a.at for a, b in zip(arrivals, list(arrivals)[1:], strict=False)]
    span = arrivals[-1].at - arrivals[0].at if periods else 0.0
    if span <= 0:
        return None
    return {"rate": len(periods) / span, "period": _summary(periods)}


def bandwidth_of(arrivals: deque[Arrival], now: float) -> dict[str, Any] | None:
    """Return how much comes: bytes a second, and bytes a message; None before anything came."""
    span = now - arrivals[0].at if arrivals else 0.0
    if span <= 0:
        return None
    sizes = [each.size for each in arrivals]
    return {"bytes_per_second": sum(sizes) / span, "size": _summary(sizes)}


def delay_of(arrivals: deque[Arrival], _now: float) -> dict[str, Any] | None:
    """Return how old messages are when they come, in seconds; None without a stamp."""
    delays = [each.delay for each in arrivals if each.delay is not None]
    return {"delay": _summary(delays)} if delays else None


def _summary(values: list[float] | list[int]) -> dict[str, float]:
    return {
        "mean": statistics.fmean(values), "min": min(values), "max": max(values),
        "std": statistics.pstdev(values),
    }  # fmt: skip


def _seconds(summary: dict[str, float]) -> str:
    return " ".join(f"{name} {value * 1000:.2f} ms" for name, value in summary.items())


def _bytes(summary: dict[str, float]) -> str:
    shown = {name: summary[name] for name in ("mean", "min", "max")}
    return " ".join(f"{name} {size(round(value))}" for name, value in shown.items())


_HZ: Final = _Measure(rate_of, lambda n: f"{n['rate']:.3f} Hz, period {_seconds(n['period'])}")
_BW: Final = _Measure(
    bandwidth_of, lambda n: f"{size(round(n['bytes_per_second']))}/s, message {_bytes(n['size'])}"
)
_DELAY: Final = _Measure(delay_of, lambda n: _seconds(n["delay"]))

_OPTIONS: Final = (
    click.argument("topic"),
    click.option(
        "--window", "-w", metavar="N", type=click.IntRange(min=2), default=100, show_default=True,
        help="Reckon from the last N messages of a topic.",
    ),
    click.option(
        "--every", metavar="S", type=click.FloatRange(min=0, min_open=True), default=1.0,
        show_default=True, help="Seconds between two reports.",
    ),
    click.option("--times", metavar="N", type=click.IntRange(min=1), help="End after N reports."),
)  # fmt: skip


def _measuring(function: Callable[..., Any]) -> Callable[..., Any]:
    command = mesh_command(function)
    for option in reversed(_OPTIONS):
        command = option(command)
    return command


@click.command("hz")
@_measuring
async def hz(session: Session, topic: str, *, window: int, every: float, times: int | None) -> None:
    """Measure how often messages come. TOPIC may hold + and #; retained ones do not count."""
    await _watch(session, topic, _HZ, window, every, times)


@click.command("bw")
@_measuring
async def bw(session: Session, topic: str, *, window: int, every: float, times: int | None) -> None:
    """Measure how many bytes come a second, without MQTT's own."""
    await _watch(session, topic, _BW, window, every, times)


@click.command("delay")
@_measuring
async def delay(
    session: Session, topic: str, *, window: int, every: float, times: int | None
) -> None:
    """Measure the time from a message's stamp to its receipt here, by the two machines' clocks."""
    await _watch(session, topic, _DELAY, window, every, times)


async def _watch(
    session: Session, topic: str, measure: _Measure, window: int, every: float, times: int | None
) -> None:
    came: dict[str, deque[Arrival]] = {}
    counts: dict[str, int] = {}
    skewed: set[str] = set()

    def take(delivery: Delivery) -> None:
        if delivery.retain or not delivery.payload:
            return
        arrival = Arrival(time.monotonic(), len(delivery.payload), _delay(delivery))
        came.setdefault(delivery.topic, deque(maxlen=window)).append(arrival)
        counts[delivery.topic] = counts.get(delivery.topic, 0) + 1

    async with session.visit() as visitor:
        pattern = whole_topic(topic, visitor.place)
        await visitor.mesh.transport.subscribe(pattern, take)
        reports = 0
        while times is None or reports < times:
            await asyncio.sleep(every)
            reports += 1
            for name in sorted(came):
                _report(session, name, counts[name], came[name], measure)
                if measure is _DELAY and name not in skewed:
                    skewed |= _warn_of_skew(session, name, came[name])
            if not came:
                session.out.remark(f"nothing has come on {pattern} yet")
    if not came:
        raise LabmeshError(
            f"no message came within {reports * every:g} s",
            where=pattern,
            remedy="see `labmesh topic list` for what is published",
        )


def _delay(delivery: Delivery) -> float | None:
    try:
        return (time.time_ns() - decode(delivery.payload).header.stamp) / 1e9
    except DecodeError:
        return None


def _report(
    session: Session, topic: str, count: int, arrivals: deque[Arrival], measure: _Measure
) -> None:
    numbers = measure.numbers(arrivals, time.monotonic())
    if session.out.as_json:
        about = {"topic": topic, "messages": count, "window": len(arrivals)}
        session.out.json_line({**about, **(numbers or {})})
    else:
        words = measure.words(numbers) if numbers else "too few messages"
        session.out.text(f"{topic} {words} (window {len(arrivals)} of {count})")


def _warn_of_skew(session: Session, topic: str, arrivals: deque[Arrival]) -> set[str]:
    """Warn where a message came before it was sent; return its topic."""
    least = min((each.delay for each in arrivals if each.delay is not None), default=0.0)
    if least >= -_SKEW:
        return set()
    session.out.remark(
        f"{topic}: messages come {-least:.3f} s before they are stamped: the publisher's clock is "
        "ahead of ours, or it lives in simulated time; see `timedatectl` on both machines"
    )
    return {topic}
