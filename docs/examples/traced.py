"""Ask within a trace of your own: run it with `python docs/examples/traced.py`."""

import asyncio

from opentelemetry import trace
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor

from labmesh import connect


async def main() -> None:
    """Set the bath, as a step of a calibration; say in which trace."""
    provider = TracerProvider()
    provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter()))
    trace.set_tracer_provider(provider)
    with trace.get_tracer("calibration").start_as_current_span("warm up") as span:
        async with connect() as lab:
            await lab.request("temperature", "water_bath", {"temperature": 300.15})
    print(f"{span.get_span_context().trace_id:032x}")


asyncio.run(main())
