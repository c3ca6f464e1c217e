"""The page, its port, and what is read from an event loop that may stand still."""

from __future__ import annotations

import asyncio
import logging
import socket
import threading
import urllib.request
from collections.abc import Iterator

import pytest
from prometheus_client.core import Metric
from prometheus_client.parser import text_string_to_metric_families
from prometheus_client.registry import Collector

from labmesh.metrics import Families, LogCounter, LoopReader, MetricsPage
from messages.errors import ConfigurationError


def free_port() -> int:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        return int(taken.getsockname()[1])


class Two(Collector):
    def collect(self) -> Iterator[Metric]:
        new = Families("kit/a")
        yield new.gauge("lab_level_meters", "Level", 1.5)
        yield new.counter("lab_shots", "Shots", {("blue",): 2.0, ("red",): 3.0}, ("colour",))


def read(port: int) -> dict[str, list[tuple[dict[str, str], float]]]:
    with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics", timeout=10) as page:
        text = page.read().decode()
    return {
        family.name: [(sample.labels, sample.value) for sample in family.samples]
        for family in text_string_to_metric_families(text)
    }


def test_a_page_is_served_until_it_is_closed() -> None:
    port = free_port()
    page = MetricsPage(port, "127.0.0.1")
    page.add([Two()])
    found = read(port)
    assert found["lab_level_meters"] == [({"node": "kit/a"}, 1.5)]
    assert ({"node": "kit/a", "colour": "red"}, 3.0) in found["lab_shots"]
    assert found["process_resident_memory_bytes"][0][1] > 1e6
    with pytest.raises(ConfigurationError) as refusal:
        MetricsPage(port, "127.0.0.1")
    assert f"127.0.0.1:{port}" in str(refusal.value)
    assert "a metrics_port of its own" in refusal.value.remedy
    page.close()
    again = MetricsPage(port, "127.0.0.1")
    assert "lab_level_meters" not in read(port), "each page has a registry of its own"
    again.close()


def test_an_address_that_the_machine_does_not_have_is_refused() -> None:
    with pytest.raises(ConfigurationError, match="metrics cannot be served at 192.0.2.1"):
        MetricsPage(free_port(), "192.0.2.1")


async def test_values_are_read_in_their_loop_and_not_awaited_for_ever() -> None:
    reader = LoopReader(asyncio.get_running_loop())
    here = threading.get_ident()
    assert await asyncio.to_thread(reader.read, threading.get_ident) == here
    with pytest.raises(ZeroDivisionError):
        await asyncio.to_thread(reader.read, lambda: 1 // 0)
    asked: list[int | None] = []
    asker = threading.Thread(target=lambda: asked.append(reader.read(threading.get_ident)))
    asker.start()
    asker.join()  # the loop stands still
    assert asked == [None]


def test_log_records_are_counted_by_level() -> None:
    counter, logger = LogCounter(), logging.getLogger("tests.counted")
    logger.addHandler(counter)
    logger.propagate = False
    for level in (logging.INFO, logging.WARNING, logging.WARNING, logging.CRITICAL):
        logger.log(level, "x")
    assert counter.series() == {("warn",): 2, ("error",): 0, ("fatal",): 1}
