"""A workflow's state in words for people."""

from __future__ import annotations

from collections import Counter

from nodes.overlort._picture import Phase, Picture, StepPicture


def progress_words(picture: Picture) -> str:
    """Return where a workflow stands in one line: what is under way, and how much is done."""
    if picture.verdict is not None:
        undone = [step.key for step in picture.undone if not step.phase.settled]
        doing = f"compensates {', '.join(undone)}" if undone else (
            "waits for what is open to come to rest" if picture.cancel else "is given up"
        )  # fmt: skip
        return f"{doing}: {picture.verdict.message}"[:3000]
    if picture.settled:
        return "answered"
    moving = [step for step in picture.steps.values() if step.phase in (Phase.RUNNING, Phase.HELD)]
    return ", ".join(map(step_words, moving)) or "goes on"


def step_words(step: StepPicture) -> str:
    """Return how a step stands: ``cycle 3/8 done, 1 failed``."""
    if not step.fans:
        return step.key
    counts = Counter(entry.phase for entry in step.entries)
    words = f"{step.key} {counts[Phase.DONE]}/{len(step.entries)} done"
    if counts[Phase.FAILED]:
        words += f", {counts[Phase.FAILED]} failed"
    return words


def trouble_of(picture: Picture) -> tuple[str, str] | None:
    """Return what a person must decide, and how; None where nothing waits for one."""
    held = picture.held
    if not held:
        return None
    step, sub = held[0]
    more = f" (and {len(held) - 1} more)" if len(held) > 1 else ""
    reason = f": {sub.message}" if sub.message else ""
    return (
        f"step {step.key} is held{more}{reason}"[:3000],
        f"look at it, then labmesh request release {sub.id}, or abandon",
    )
