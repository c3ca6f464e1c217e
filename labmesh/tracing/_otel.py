"""Spans by OpenTelemetry. Imported only where traces are switched on."""

from __future__ import annotations

import logging
import os
import threading
from collections.abc import Sequence
from contextvars import Token
from types import TracebackType
from typing import Final, Self

from opentelemetry import context as otel_context
from opentelemetry import trace
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor, SpanExporter, SpanExportResult

from labmesh.tracing._span import Attributes, Kind, Span, Tracer

logger = logging.getLogger("labmesh.tracing")

_FLUSH: Final = 2.0
"""Wall seconds at the end for what has not been sent; the rest is lost."""

_KINDS: Final[dict[Kind, trace.SpanKind]] = {
    "internal": trace.SpanKind.INTERNAL,
    "client": trace.SpanKind.CLIENT,
    "producer": trace.SpanKind.PRODUCER,
    "consumer": trace.SpanKind.CONSUMER,
}


def open_otel(name: str, endpoint: str, provider: TracerProvider | None) -> Tracer:
    """Return a tracer; arguments as `labmesh.tracing.open_tracer`.

    Args:
        name: The participant.
        endpoint: The collector, or empty: as the environment says.
        provider: What the program around us has set up; it stays its own. None: make one.
    """
    if provider is not None:
        return OtelTracer(provider, None)
    attributes = {
        "service.namespace": name.partition("/")[0],
        "service.instance.id": name,
        "labmesh.node": name,
    }
    if not os.environ.get("OTEL_SERVICE_NAME"):
        attributes["service.name"] = name
    # Quiet, unless the program around us listens: the exporter here says it once, in our words.
    logging.getLogger("opentelemetry").addHandler(logging.NullHandler())
    exporter = _Exporter(
        OTLPSpanExporter(endpoint=f"{endpoint.rstrip('/')}/v1/traces" if endpoint else None)
    )
    own = TracerProvider(resource=Resource.create(attributes), shutdown_on_exit=False)
    own.add_span_processor(BatchSpanProcessor(exporter))
    return OtelTracer(own, exporter)


class OtelTracer(Tracer):
    """Records spans; they are sent in batches by a thread, and dropped where nobody takes them.

    Args:
        provider: Makes and keeps the spans.
        exporter: Sends them, where the provider is our own to close.
    """

    recording = True

    def __init__(self, provider: TracerProvider, exporter: _Exporter | None) -> None:
        self._provider = provider
        self._exporter = exporter
        self._tracer = provider.get_tracer("labmesh")

    def begin(
        self,
        name: str,
        kind: Kind = "internal",
        *,
        parent: str = "",
        attributes: Attributes | None = None,
        at: int | None = None,
    ) -> OtelSpan:
        """Begin a step; see `Tracer.begin`."""
        known = {k: v for k, v in (attributes or {}).items() if v is not None}
        return OtelSpan(
            self._tracer.start_span(
                name,
                context=_context(parent) if parent else None,
                kind=_KINDS[kind],
                attributes=known,
                start_time=at,
            )
        )

    def close(self) -> None:
        """Send off what has been recorded, for at most `_FLUSH` seconds."""
        exporter, self._exporter = self._exporter, None
        if exporter is None:
            return
        # The provider's own end may take half a minute where the collector is away.
        last = threading.Thread(target=self._provider.shutdown, name="traces-end", daemon=True)
        last.start()
        last.join(_FLUSH)
        if last.is_alive():
            exporter.give_up()


class OtelSpan(Span):
    """A step that is recorded. What its block traces itself lies within it."""

    __slots__ = ("_ended", "_failed", "_token", "inner")

    def __init__(self, inner: trace.Span) -> None:
        context = inner.get_span_context()
        super().__init__(
            f"00-{context.trace_id:032x}-{context.span_id:016x}-{context.trace_flags:02x}"
        )
        self.inner = inner
        self._failed = False
        self._ended = False
        self._token: Token[otel_context.Context] | None = None

    def __enter__(self) -> Self:
        self._token = otel_context.attach(trace.set_span_in_context(self.inner))
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        where: TracebackType | None,
    ) -> None:
        if self._token is not None:
            otel_context.detach(self._token)
        if error is not None:
            self.fail(f"{type(error).__name__}: {error}")
        self.end()

    def note(self, attributes: Attributes) -> None:
        """Add to what is known of the step."""
        self.inner.set_attributes({k: v for k, v in attributes.items() if v is not None})

    def fail(self, reason: str) -> None:
        """Mark the step as failed. The first reason counts."""
        if not self._failed and not self._ended:
            self._failed = True
            self.inner.set_status(trace.StatusCode.ERROR, reason[:1000])

    def end(self, at: int | None = None) -> None:
        """End the step. Idempotent."""
        if not self._ended:
            self._ended = True
            self.inner.end(at)


class _Exporter(SpanExporter):
    """Sends spans, and says once when nobody takes them, and once when somebody does again."""

    def __init__(self, inner: OTLPSpanExporter) -> None:
        self._inner = inner
        self._lost = False
        self._closed = False

    def export(self, spans: Sequence[ReadableSpan]) -> SpanExportResult:
        """Send; in a thread of OpenTelemetry's."""
        result = self._inner.export(spans)
        lost = result is not SpanExportResult.SUCCESS
        if lost and not self._lost and not self._closed:
            logger.warning(
                "the trace collector does not take traces; they are dropped until it does, "
                "nothing else is affected: see the endpoint, and whether the collector runs"
            )
        elif self._lost and not lost:
            logger.warning("the trace collector takes traces again")
        self._lost = lost
        return result

    def give_up(self) -> None:
        """Stop in the middle of trying."""
        if not self._lost:
            logger.warning("the trace collector did not take the last traces in %g s", _FLUSH)
        self.shutdown()

    def shutdown(self) -> None:
        """Stop. Idempotent."""
        if not self._closed:
            self._closed = True
            self._inner.shutdown()  # type: ignore[no-untyped-call]

    def force_flush(self, timeout_millis: int = 30_000) -> bool:
        """Nothing is held back here."""
        return True


def _context(traceparent: str) -> otel_context.Context:
    _, trace_id, span_id, flags = traceparent.split("-")
    remote = trace.SpanContext(
        int(trace_id, 16), int(span_id, 16), is_remote=True,
        trace_flags=trace.TraceFlags(int(flags, 16)),
    )  # fmt: skip
    return trace.set_span_in_context(trace.NonRecordingSpan(remote), otel_context.Context())
