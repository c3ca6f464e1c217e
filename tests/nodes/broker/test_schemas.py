from __future__ import annotations

from nodes.broker._schemas import Schemas


def test_equal_schemas_are_compiled_once_and_keep_their_own_words() -> None:
    compiled = Schemas()
    measured = {"type": "object", "term": "ImpedanceConductometry"}
    predicted = {"type": "object", "term": "PropertyInterpolation"}
    first, second = compiled.compile(measured), compiled.compile(predicted)
    assert first.hash == second.hash
    assert first.schema == measured
    assert second.schema == predicted
    assert compiled.compile(measured) is first
    assert second.accepts({})
    assert not second.accepts([])
