"""What a process examined, and under which conditions."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from labmesh.semantics import iris
from labmesh.semantics._nodes import Nodes, Ref
from labmesh.semantics._process import MEASUREMENT, TEST, is_process
from labmesh.semantics._walk import SAMPLE_RELATIONS, Walk

_NATURES = frozenset(
    {"MeasuredProperty", "ModelledProperty", "ConventionalProperty", "prov:Entity"}
)


def put_examined(
    nodes: Nodes, activity: str, process: str, steps: Sequence[Mapping[str, Any]], asked: Walk
) -> None:
    """Say which sample a measurement or a test is of, where its data do not say it.

    It is the one whose state it changed, or what its parameters describe. What was examined was
    used, unless this very process made it.
    """
    if not any(nodes.values(activity, key) for key in SAMPLE_RELATIONS):
        relation = (
            "hasTestObject"
            if is_process(process, TEST)
            else "hasMeasurementSample"
            if is_process(process, MEASUREMENT) or is_process(process, "Estimation")
            else ""
        )
        names = list(dict.fromkeys(step["sample"] for step in steps))
        if relation and len(names) == 1:
            nodes.link(activity, relation, iris.sample(names[0]))
        elif relation and asked.materials:
            nodes.link(activity, relation, asked.materials[0])
    made = {
        value.iri for value in nodes.values(activity, "prov:generated") if isinstance(value, Ref)
    }
    for _, _, values in list(nodes):
        for key in sorted(SAMPLE_RELATIONS):
            for value in values.get(key, ()):
                if isinstance(value, Ref) and value.iri not in made:
                    nodes.link(activity, "prov:used", value.iri)


def put_conditions(nodes: Nodes, activity: str, asked: Walk) -> None:
    """Take set points for conditions of which the data do not say the value that was reached."""
    known = {
        label
        for key in ("hasMeasurementParameter", "hasOutput")
        for value in nodes.values(activity, key)
        if isinstance(value, Ref)
        for label in nodes.types(value.iri)
    } - _NATURES
    for owner, _, iri in asked.quantities:
        if "#" in owner and owner.endswith("#parameters") and not known & set(nodes.types(iri)):
            nodes.link(activity, "hasMeasurementParameter", iri)
