"""Hypothesis strategies for what travels."""

from __future__ import annotations

from typing import Any
from uuid import UUID

import numpy as np
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from messages.array import DTYPES
from messages.envelope import Header
from messages.ledger import (
    ArtifactRef,
    Failure,
    FromState,
    Provenance,
    Rating,
    Request,
    Result,
    SampleStep,
)
from messages.schema import schema_hash

texts = st.text(st.characters(codec="utf-8", min_codepoint=1), max_size=30)
names = st.from_regex(r"[a-z][a-z0-9_-]{0,31}", fullmatch=True)
node_names = st.builds("{}/{}".format, names, names)
sample_ids = st.from_regex(r"[A-Za-z0-9][A-Za-z0-9._:-]{0,40}", fullmatch=True)
campaigns = st.none() | st.from_regex(r"[A-Za-z0-9][A-Za-z0-9._-]{0,40}", fullmatch=True)
times = st.integers(0, 2**63 - 1)
reals = st.floats(allow_nan=False, allow_infinity=False)
scalars = st.none() | st.booleans() | st.integers(-(2**63), 2**64 - 1) | reals | texts | st.binary()
values = st.recursive(
    scalars,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(texts, inner, max_size=4),
    max_leaves=12,
)
objects = st.dictionaries(texts, values, max_size=5)
uuids = st.uuids()
ratings = st.builds(Rating, success=st.booleans(), rating=st.integers(0, 5), reason=texts)

requests = st.builds(
    Request,
    quantity=names,
    method=names,
    parameters=objects,
    campaign=campaigns,
    priority=st.integers(0, 9),
    expires=st.none() | times,
    attempts=st.integers(1, 100),
    wait=st.booleans(),
    from_state=st.none() | st.builds(FromState, sample=sample_ids, state=st.integers(0, 99)),
    parent=st.none() | uuids,
)

provenances = st.builds(
    Provenance,
    software=texts,
    host=texts,
    simulated=st.booleans(),
    parameters=objects,
    begun=st.none() | times,
    notes=objects,
)

steps = st.builds(
    SampleStep,
    sample=sample_ids,
    kind=names,
    state=st.integers(1, 9),
    expects_state=st.none() | st.integers(0, 8),
    label=names,
    parents=st.lists(sample_ids, max_size=3).map(tuple),
    location=texts,
    properties=objects,
)

artifacts = st.builds(
    ArtifactRef,
    sha256=st.from_regex(r"[0-9a-f]{64}", fullmatch=True),
    name=texts,
    media_type=texts,
    size=st.integers(0, 2**40),
)


@st.composite
def results(draw: st.DrawFn) -> Result:
    failed = draw(st.booleans())
    asked = draw(st.booleans())
    return Result(
        request=draw(uuids) if asked else None,
        token=draw(st.integers(0, 2**40)) if asked else None,
        quantity=draw(names),
        method=draw(names),
        parameters=draw(objects),
        outcome="failed" if failed else "resolved",
        data=draw(objects),
        failure=Failure(message=draw(texts), retryable=draw(st.booleans())) if failed else None,
        rating=draw(st.none() | ratings),
        provenance=draw(provenances),
        campaign=draw(campaigns),
        samples=tuple(draw(st.lists(steps, max_size=2))),
        artifacts=tuple(draw(st.lists(artifacts, max_size=2))),
    )


@st.composite
def arrays(draw: st.DrawFn) -> Any:
    dtype = np.dtype(draw(st.sampled_from(DTYPES)))
    shape = draw(hnp.array_shapes(min_dims=0, max_dims=4, min_side=0, max_side=4))
    elements = {"allow_nan": False, "allow_infinity": False} if dtype.kind == "f" else None
    return draw(hnp.arrays(dtype, shape, elements=elements))


@st.composite
def headers(draw: st.DrawFn, model: Any = Request) -> Header:
    trace = draw(st.just("") | st.from_regex(r"00-[0-9a-f]{32}-[0-9a-f]{16}-01", fullmatch=True))
    return Header(
        type=model.TYPE,
        schema=schema_hash(model),
        id=draw(uuids),
        stamp=draw(times),
        sender=draw(node_names),
        epoch=draw(times),
        seq=draw(times),
        trace=trace,
    )


def header(model: Any = Request, **changes: Any) -> Header:
    """Return a valid header for a body of ``model``."""
    fields: dict[str, Any] = {
        "type": model.TYPE,
        "schema": schema_hash(model),
        "id": UUID("01890a5d-ac96-774b-bcce-b302099a8057"),
        "stamp": 1,
        "sender": "kit/asab",
        "epoch": 1,
        "seq": 1,
    }
    return Header(**(fields | changes))
