from __future__ import annotations

from collections.abc import Iterator

import pytest
from pydantic import BaseModel

from messages.capabilities import FINALES_CAPABILITIES
from messages.finales import Direction, rows
from tests.messages import mapping_page

OURS_ALONE = {
    "cell_constant", "samples", "rating", "assembly_duration", "number_cells", "number_cycles",
    "cell", "cell_info", "lots", "measured", "trail", "formation", "cycling",
    "protocol", "summary", "files", "findings", "cycling_result", "formation_cycles",
    "minimum_cells", "cycling_protocol", "separator", "electrolyte_volume", "cells", "electrolyte",
    "batch_id", "length", "rdf_uncertainty", "coordination", "shells",
    "instructions", "within", "picked_up", "delivered", "scanned",
}  # fmt: skip
"""Fields FINALES has no place for. The page names them; formation and cycling are spread there."""


def test_the_page_says_what_the_code_does() -> None:
    words, begin, tables = mapping_page.PAGE.read_text(encoding="utf-8").partition(
        mapping_page.BEGIN
    )
    assert words
    assert begin
    assert tables.strip() == mapping_page.tables().strip(), (
        "docs/finales_mapping.md is not up to date; run `python -m tests.messages.mapping_page`"
    )


def fields() -> Iterator[tuple[tuple[str, str], Direction, type[BaseModel]]]:
    for name, types in FINALES_CAPABILITIES.items():
        yield name, "input", types.input
        yield name, "output", types.output


@pytest.mark.parametrize(("name", "direction", "model"), list(fields()))
def test_no_field_is_forgotten(
    name: tuple[str, str], direction: Direction, model: type[BaseModel]
) -> None:
    mapped = {part.split(".")[0] for row in rows(*name, direction) for part in row[0].split(", ")}
    assert set(model.model_fields) - mapped <= OURS_ALONE
    assert mapped <= set(model.model_fields)


def test_the_page_names_what_finales_has_no_place_for() -> None:
    words = mapping_page.PAGE.read_text(encoding="utf-8").partition(mapping_page.BEGIN)[0]
    for name in OURS_ALONE - {"formation", "cycling"}:
        assert f"`{name}`" in words
