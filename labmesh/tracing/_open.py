"""Whether traces are recorded, and where they go."""

from __future__ import annotations

import os
import sys
from importlib import import_module
from typing import Any, Final

from labmesh.tracing._span import OFF, Tracer
from messages.errors import ConfigurationError

_ENDPOINTS: Final = ("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "OTEL_EXPORTER_OTLP_ENDPOINT")
_PROTOCOLS: Final = ("OTEL_EXPORTER_OTLP_TRACES_PROTOCOL", "OTEL_EXPORTER_OTLP_PROTOCOL")
"""OpenTelemetry's variables (specification, "OTLP exporter configuration"); the first that is set
counts."""

_OFF: Final = "OTEL_SDK_DISABLED=true switches traces off"


def open_tracer(name: str, endpoint: str = "") -> Tracer:
    """Return what records the spans of one participant, or records nothing.

    It records where OTEL_SDK_DISABLED is not ``true`` and ``endpoint`` or one of OpenTelemetry's
    own variables names a collector; or where this process has set up OpenTelemetry by itself, then
    by that set-up.

    Args:
        name: The participant, ``site/node``; the service's name unless OTEL_SERVICE_NAME says it.
        endpoint: Where a collector takes OTLP over HTTP, without the path ``/v1/traces``; empty:
            as the environment says.

    Raises:
        ConfigurationError: It is switched on, and OpenTelemetry is not installed, or the address or
            protocol is none that works.
    """
    if os.environ.get("OTEL_SDK_DISABLED", "").strip().lower() == "true":
        return OFF
    provider = None if endpoint else _provider_of_this_process()
    if provider is None and not endpoint:
        if os.environ.get("OTEL_TRACES_EXPORTER", "").strip().lower() == "none":
            return OFF
        if not _first(_ENDPOINTS):
            return OFF
    if provider is None:
        _check(endpoint)
    try:
        otel = import_module("labmesh.tracing._otel")
    except ImportError as error:
        raise ConfigurationError(
            f"traces are switched on, and OpenTelemetry is not installed ({error})",
            remedy=f"pip install 'labmesh[otel]', or {_OFF}",
        ) from None
    tracer: Tracer = otel.open_otel(name, endpoint, provider)
    return tracer


def _provider_of_this_process() -> Any:
    """Return the TracerProvider that the program around us has set up, or None."""
    api, sdk = sys.modules.get("opentelemetry.trace"), sys.modules.get("opentelemetry.sdk.trace")
    if api is None or sdk is None:
        return None
    provider = api.get_tracer_provider()
    return provider if isinstance(provider, sdk.TracerProvider) else None


def _check(endpoint: str) -> None:
    where = endpoint or _first(_ENDPOINTS)
    if not where.startswith(("http://", "https://")):
        raise ConfigurationError(
            f"{where!r} is no address of a trace collector",
            remedy="write http://host:4318, where it takes OTLP over HTTP",
        )
    protocol = _first(_PROTOCOLS)
    if protocol not in ("", "http/protobuf"):
        raise ConfigurationError(
            f"traces are sent by http/protobuf, not by {protocol!r}",
            where=next(name for name in _PROTOCOLS if os.environ.get(name)),
            remedy=f"set it to http/protobuf, and the endpoint's port to 4318; {_OFF}",
        )


def _first(names: tuple[str, ...]) -> str:
    return next((value for name in names if (value := os.environ.get(name, "").strip())), "")
