"""Spans with and without OpenTelemetry, and what is said of a collector that is away."""

from __future__ import annotations

import logging
import subprocess
import sys
from collections.abc import Sequence

import pytest
from opentelemetry import trace
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor, SpanExporter, SpanExportResult
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from labmesh.tracing import OFF, new_trace, open_tracer, trace_of
from labmesh.tracing._otel import OtelTracer, _Exporter
from messages.errors import ConfigurationError
from messages.ids import new_id


class Moody(SpanExporter):
    """Takes spans, or not, as it is told."""

    def __init__(self, *moods: bool) -> None:
        self._moods = list(moods)

    def export(self, spans: Sequence[ReadableSpan]) -> SpanExportResult:
        return SpanExportResult.SUCCESS if self._moods.pop(0) else SpanExportResult.FAILURE


def recording() -> tuple[OtelTracer, InMemorySpanExporter]:
    memory, provider = InMemorySpanExporter(), TracerProvider(shutdown_on_exit=False)
    provider.add_span_processor(SimpleSpanProcessor(memory))
    return OtelTracer(provider, None), memory


def test_a_tracer_that_is_off_hands_the_trace_on() -> None:
    there = new_trace()
    with OFF.begin("x", parent=there) as span:
        assert span.traceparent == there
    assert OFF.begin("x").traceparent != OFF.begin("x").traceparent
    assert open_tracer("kit/a") is OFF


def test_without_a_parent_a_step_belongs_to_the_span_it_runs_in() -> None:
    tracer, memory = recording()
    with tracer.begin("outer") as outer:
        assert OFF.begin("inner").traceparent == outer.traceparent
        tracer.begin("inner").end()
    inner, _ = memory.get_finished_spans()
    assert inner.parent is not None
    assert f"{inner.parent.span_id:016x}" == outer.traceparent[36:52]
    assert trace.get_current_span().get_span_context().is_valid is False


def test_an_exception_fails_the_step_and_goes_on() -> None:
    tracer, memory = recording()

    def broken() -> None:
        with tracer.begin("x", parent=new_trace()) as span:
            span.note({"a": 1, "b": None})
            raise ZeroDivisionError("oh")

    with pytest.raises(ZeroDivisionError):
        broken()
    (seen,) = memory.get_finished_spans()
    assert (seen.status.description, dict(seen.attributes or {})) == (
        "ZeroDivisionError: oh",
        {"a": 1},
    )


def test_what_is_not_sampled_stays_so() -> None:
    tracer, memory = recording()
    unsampled = f"{new_trace()[:-2]}00"
    with tracer.begin("x", parent=unsampled) as span:
        assert span.traceparent[3:35] == unsampled[3:35]
        assert span.traceparent[-2:] == "00"
    assert not memory.get_finished_spans()


def test_the_trace_of_a_request_follows_from_its_uuid() -> None:
    request = new_id()
    assert trace_of(request) == trace_of(str(request))
    assert trace_of(request).split("-")[1:3] == [request.hex, request.hex[16:]]


def test_a_collector_that_is_away_is_told_once(caplog: pytest.LogCaptureFixture) -> None:
    exporter = _Exporter(Moody(True, False, False, False, True, True, False))  # type: ignore[arg-type]
    with caplog.at_level(logging.WARNING, logger="labmesh.tracing"):
        for _ in range(7):
            exporter.export([])
    said = [record.getMessage().partition(";")[0] for record in caplog.records]
    away = "the trace collector does not take traces"
    assert said == [away, "the trace collector takes traces again", away]


def test_nothing_is_imported_that_is_not_switched_on() -> None:
    code = (
        "import sys, labmesh.node, labmesh.client, nodes.broker._node; "
        "print([m for m in sys.modules if m.startswith(('opentelemetry', 'prometheus_client'))])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"


def test_an_endpoint_that_is_no_address_is_refused() -> None:
    with pytest.raises(ConfigurationError, match="'localhost:4318' is no address"):
        open_tracer("kit/a", "localhost:4318")
