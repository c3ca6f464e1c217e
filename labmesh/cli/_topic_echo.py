"""``labmesh topic echo``."""

from __future__ import annotations

import asyncio
import csv
import io
from typing import Any

import click

from labmesh.cli._deliveries import FieldMissingError, envelope_of, leaves, pick_field, render
from labmesh.cli._filter import Chosen
from labmesh.cli._format import one_line, plain
from labmesh.cli._output import Output
from labmesh.cli._session import Session, mesh_command
from labmesh.cli._topic_names import whole_topic
from labmesh.transport import Delivery
from messages.errors import ConfigurationError, LabmeshError


@click.command("echo")
@click.argument("topic")
@click.option("--once", is_flag=True, help="End after one message.")
@click.option(
    "--count", "-n", metavar="N", type=click.IntRange(min=1), help="End after N messages."
)
@click.option(
    "--filter", "condition", metavar="EXPR",
    help="Only those for which it is true: \"m.value > 300\"; m is the body, and header, topic.",
)  # fmt: skip
@click.option("--field", metavar="PATH", help="Show this part only: body.state, header.stamp ...")
@click.option("--csv", "as_csv", is_flag=True, help="One line of comma-separated values each.")
@click.option("--raw", is_flag=True, help="Show payloads as they are; the topic is not touched.")
@click.option("--no-retained", is_flag=True, help="Leave out what is retained.")
@click.option("--timeout", metavar="S", type=click.FloatRange(min=0), help="End after S seconds.")
@mesh_command
async def echo(
    session: Session,
    topic: str,
    *,
    once: bool,
    count: int | None,
    condition: str | None,
    field: str | None,
    as_csv: bool,
    raw: bool,
    no_retained: bool,
    timeout: float | None,  # noqa: ASYNC109
) -> None:
    """Show messages as they come: a header line, then the body. TOPIC may hold + and #.

    With --once or --count and --timeout it fails when fewer messages came in time. Whatever a
    filter cannot be asked of (a missing field) is left out, with one remark.
    """
    if as_csv and (raw or session.out.as_json):
        raise ConfigurationError("--csv is a form of its own", remedy="leave out --raw and --json")
    wanted = 1 if once else count
    shows = _Shows(session.out, field, as_csv=as_csv, raw=raw, chosen=condition)
    queue: asyncio.Queue[Delivery] = asyncio.Queue()

    def take(delivery: Delivery) -> None:
        if not (no_retained and delivery.retain):
            queue.put_nowait(delivery)

    async with session.visit() as visitor:
        pattern = topic if raw else whole_topic(topic, visitor.place)
        await visitor.mesh.transport.subscribe(pattern, take)
        shown = 0
        try:
            async with asyncio.timeout(timeout):
                while wanted is None or shown < wanted:
                    shown += shows.take(await queue.get())
        except TimeoutError:
            if wanted is not None:
                raise LabmeshError(
                    f"{shown} of {wanted} messages came within {timeout:g} s",
                    where=pattern,
                    remedy="see `labmesh topic list` for what is published",
                ) from None


class _Shows:
    """Shows one delivery after another in the form that was asked for."""

    def __init__(
        self, out: Output, field: str | None, *, as_csv: bool, raw: bool, chosen: str | None
    ) -> None:
        self._out = out
        self._field = field
        self._csv = as_csv
        self._raw = raw
        self._chosen = None if chosen is None else Chosen(out, chosen, ("m", "header", "topic"))
        self._columns: list[str] = []

    def take(self, delivery: Delivery) -> int:
        """Show one delivery; return 1 when it was shown."""
        content = envelope_of(delivery)
        if not self._passes(content):
            return 0
        if self._raw:
            self._show_raw(delivery)
            return 1
        try:
            value = content if self._field is None else _part(content, self._field)
        except FieldMissingError as error:
            self._out.remark(f"{delivery.topic}: {error}")
            return 0
        if self._csv:
            self._show_csv(content, value)
        elif self._out.as_json:
            self._out.json_line(value)
        elif self._field is None:
            render(self._out, content)
        else:
            self._out.text(one_line(value, width=10_000))
        return 1

    def _passes(self, content: dict[str, Any]) -> bool:
        if self._chosen is None:
            return True
        if "body" not in content:
            return False
        header = plain(content["header"])
        return self._chosen(content["body"], header=header, topic=content["topic"])

    def _show_raw(self, delivery: Delivery) -> None:
        value = {
            "topic": delivery.topic, "retained": delivery.retain, "payload": delivery.payload,
        }  # fmt: skip
        if self._out.as_json:
            self._out.json_line(value)
        else:
            self._out.text(f"{delivery.topic} {delivery.payload.hex()}")

    def _show_csv(self, content: dict[str, Any], value: Any) -> None:
        """Print the values, and their names above where they are others than before."""
        if self._field is None:
            head = {"topic": content["topic"], "stamp": content.get("header", {}).get("stamp", "")}
            row = {**head, **leaves(content.get("body", {}))}
        else:
            row = leaves(value, self._field)
        if list(row) != self._columns:
            self._columns = list(row)
            self._out.text(_csv_line(self._columns))
        self._out.text(_csv_line(list(row.values())))


def _part(content: dict[str, Any], path: str) -> Any:
    """Return a part of a message; ``value`` alone is ``body.value``."""
    if path.partition(".")[0] not in content and "body" in content:
        return pick_field(content["body"], path)
    return pick_field(content, path)


def _csv_line(values: list[Any]) -> str:
    text = io.StringIO()
    csv.writer(text, lineterminator="").writerow(values)
    return text.getvalue()
