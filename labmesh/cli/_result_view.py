"""One result, for people."""

from __future__ import annotations

from labmesh.cli._format import one_line, when
from labmesh.cli._output import Output
from messages.query import ResultView


def show_result(out: Output, result: ResultView) -> None:
    """Print a result: who, when, quality, data."""
    provenance, rating, failure = result.provenance, result.rating, result.failure
    span = ""
    if provenance.begun is not None and provenance.ended is not None:
        span = f"{when(provenance.begun)} to {when(provenance.ended)}"
    out.heading(f"result {result.id}")
    out.pairs(
        (
            ("of", f"{result.quantity}/{result.method}"),
            ("outcome", result.outcome),
            ("status", result.status.value),
            ("reason", result.reason),
            ("author", result.author),
            ("request", result.request or "none: nobody asked for it"),
            ("campaign", result.campaign),
            ("written", f"{when(result.load_time, zone=True)}, offset {result.offset}"),
            ("done", span),
            ("rating", rating and f"{rating.rating} of 5"
             + ("" if rating.success else ", without success")
             + (f": {rating.reason}" if rating.reason else "")),
            ("failure", failure and failure.message),
            ("remedy", failure and failure.remedy),
            ("software", provenance.software),
            ("host", provenance.host),
            ("instrument", provenance.instrument),
            ("calibration", provenance.calibration),
            ("simulated", "yes" if provenance.simulated else "no"),
            ("source", provenance.source and f"{provenance.source.title} {provenance.source.doi}"),
            ("left behind", result.unknown
             and f"sample {result.unknown.sample} in state {result.unknown.state}, unknown"),
            ("notes", one_line(provenance.notes, 200) if provenance.notes else None),
        )
    )  # fmt: skip
    for title, value in (("parameters", result.parameters), ("data", result.data)):
        if value:
            out.heading(f"\n{title}")
            out.yaml(value)
    if result.samples:
        out.heading("\nsamples")
        out.table(
            ("sample", "kind", "state", "label", "parents"),
            ((s.sample, s.kind, s.state, s.label, ", ".join(s.parents)) for s in result.samples),
            empty="",
        )
    if result.artifacts:
        out.heading("\nartifacts")
        out.table(
            ("name", "type", "bytes", "sha256"),
            ((a.name, a.media_type, a.size, a.sha256) for a in result.artifacts),
            empty="",
        )
