"""Spans without OpenTelemetry: they measure nothing, and hand the trace on."""

from __future__ import annotations

import secrets
import sys
from collections.abc import Mapping
from types import TracebackType
from typing import Final, Literal, Self
from uuid import UUID

Attributes = Mapping[str, str | int | float | bool | None]
"""What is known of a step; what is None is left out."""

Kind = Literal["internal", "client", "producer", "consumer"]
"""The part that a step plays (OpenTelemetry's SpanKind)."""


class Span:
    """A step of a trace. As a context manager it ends with its block; an exception fails it.

    Attributes:
        traceparent: W3C traceparent (level 1) by which the next step names this one as its parent.
    """

    __slots__ = ("traceparent",)

    def __init__(self, traceparent: str) -> None:
        self.traceparent = traceparent

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        where: TracebackType | None,
    ) -> None:
        pass

    def note(self, attributes: Attributes) -> None:
        """Add to what is known of the step."""

    def fail(self, reason: str) -> None:
        """Mark the step as failed. The first reason counts."""

    def end(self, at: int | None = None) -> None:
        """End the step, at a moment in ns UTC or now. Idempotent; without it nothing is kept."""


class Tracer:
    """Begins spans. This one records nothing; a trace goes through it unbroken.

    Attributes:
        recording: Whether spans are kept: dearer ones are begun only then.
    """

    recording: bool = False

    def begin(
        self,
        name: str,
        kind: Kind = "internal",
        *,
        parent: str = "",
        attributes: Attributes | None = None,
        at: int | None = None,
    ) -> Span:
        """Begin a step.

        Args:
            name: What is done, in few words and without ids.
            kind: The part it plays.
            parent: Traceparent of the step before; empty: the one that this code runs in, if any,
                else the trace begins here.
            attributes: What is known of it.
            at: When it began, ns UTC; None: now.
        """
        return Span(parent or current_traceparent() or new_trace())

    def close(self) -> None:
        """Send off what has been recorded, for a limited time. Idempotent. Blocks."""


OFF: Final = Tracer()
"""Records nothing."""


def new_trace() -> str:
    """Return a fresh W3C traceparent (sampled)."""
    return f"00-{secrets.token_hex(16)}-{secrets.token_hex(8)}-01"


def trace_of(request: UUID | str) -> str:
    """Return the traceparent of a request whose own is not known.

    The trace id is the request's uuid, so that whoever derives it derives the same; the parent,
    its second half, stands for whoever asked.
    """
    plain = request.hex if isinstance(request, UUID) else request.replace("-", "")
    return f"00-{plain}-{plain[16:]}-01"


def current_traceparent() -> str:
    """Return the traceparent of the OpenTelemetry span that this code runs in, or nothing.

    Nothing of OpenTelemetry is imported for it: who runs in a span has imported it.
    """
    api = sys.modules.get("opentelemetry.trace")
    if api is None:
        return ""
    context = api.get_current_span().get_span_context()
    if not context.is_valid:
        return ""
    return f"00-{context.trace_id:032x}-{context.span_id:016x}-{context.trace_flags:02x}"
