"""Traces: who did what for a request, and when, from the requester to the instrument and back.

Every envelope carries a W3C traceparent, always. Spans are recorded by OpenTelemetry where that is
switched on, see `open_tracer`.
"""

from labmesh.tracing._open import open_tracer
from labmesh.tracing._span import OFF, Attributes, Span, Tracer, new_trace, trace_of
from labmesh.tracing._words import message_attributes, request_attributes

__all__ = [
    "OFF",
    "Attributes",
    "Span",
    "Tracer",
    "message_attributes",
    "new_trace",
    "open_tracer",
    "request_attributes",
    "trace_of",
]
