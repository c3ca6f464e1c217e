"""What people read of transports."""

from __future__ import annotations

from messages.logistics import JobState, TransportJob


def samples_of(job: TransportJob, most: int = 4) -> str:
    """Return the samples of a transport, of many the first."""
    shown = ", ".join(job.samples[:most])
    more = len(job.samples) - most
    return f"{shown} and {more} more" if more > 0 else shown


def way_of(job: TransportJob) -> str:
    """Return from where to where."""
    return f"{job.origin.text} -> {job.destination.text}"


def line_of(job: TransportJob) -> str:
    """Return a transport on one line, without its number."""
    who = f" {job.carrier}" if job.carrier else ""
    read = f" {len(job.codes)}/{len(job.samples)} codes" if job.state is JobState.TAKEN else ""
    return f"{job.state}{who}{read}: {samples_of(job)}: {way_of(job)}"


def task_of(job: TransportJob) -> str:
    """Return a transport as something to be done."""
    extra = f" ({job.instructions})" if job.instructions else ""
    return f"carry {samples_of(job)} from {job.origin.text} to {job.destination.text}{extra}"


def one_line(text: str, most: int = 400) -> str:
    """Return text without line ends or control characters, cut where it is long."""
    shown = "".join(each if each.isprintable() else " " for each in text)
    shown = " ".join(shown.split())
    return shown if len(shown) <= most else shown[: most - 3] + "..."
