"""What a person says: read whole, or refused with the line of every mistake."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from labmesh.crate import Author, CrateDescription, description_schema, licences, read_description
from labmesh.crate._identifiers import check_orcid, check_ror, link_of
from messages.errors import ConfigurationError

ROOT = Path(__file__).parents[3]
ORCID = "0000-0002-1825-0097"
ROR = "04t3en479"


def refused(tmp_path: Path, text: str) -> str:
    path = tmp_path / "crate.yaml"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(ConfigurationError) as caught:
        read_description(path)
    return str(caught.value).replace(str(path), "FILE")


@given(st.integers(0, 15), st.integers(1, 9))
def test_an_orcid_with_one_wrong_digit_is_refused(place: int, more: int) -> None:
    digits = list(ORCID.replace("-", ""))
    digits[place] = str((int(digits[place]) + more) % 10)
    wrong = "-".join("".join(digits[n : n + 4]) for n in range(0, 16, 4))
    with pytest.raises(ValueError, match="check digit"):
        check_orcid(wrong)


@given(st.integers(1, 8), st.sampled_from("0123456789abcdefghjkmnpqrstvwxyz"))
def test_a_ror_with_one_wrong_character_is_refused(place: int, other: str) -> None:
    wrong = ROR[:place] + other + ROR[place + 1 :]
    if wrong == ROR:
        assert check_ror(wrong) == f"https://ror.org/{ROR}"
        return
    with pytest.raises(ValueError, match="ROR identifier"):
        check_ror(wrong)


@pytest.mark.parametrize(
    "known", ["01ggx4157", "05dxps055", "04qtj9h94", "https://ror.org/02x681a42"]
)
def test_rors_of_this_world_are_taken(known: str) -> None:
    assert check_ror(known).endswith(known[-9:])


def test_an_orcid_may_end_in_x_and_a_doi_in_any_spelling_is_a_link() -> None:
    assert check_orcid("https://orcid.org/0000-0002-1694-233X").endswith("233X")
    for spelt in ("10.1000/x", "doi:10.1000/x", "https://dx.doi.org/10.1000/x"):
        assert link_of(spelt) == "https://doi.org/10.1000/x"
    assert link_of("https://example.org/a") == "https://example.org/a"


def test_names_come_apart_with_a_comma_and_without() -> None:
    assert (Author(name="van Beek, Ada B.").family, Author(name="van Beek, Ada B.").given) == (
        "van Beek", "Ada B.",
    )  # fmt: skip
    assert (Author(name="Ada Beek").family, Author(name="Plato").given) == ("Beek", "")


def test_every_mistake_is_shown_with_its_line(tmp_path: Path) -> None:
    text = """\
title: A campaign
licence: CC-BY-5.0
authors:
  - name: Ada
    orcid: 0000-0002-1825-0098
licens: MIT
"""
    words = refused(tmp_path, text)
    assert words.startswith(
        "FILE:2: licence: 'CC-BY-5.0' is no licence known here; did you mean CC-BY-4.0?"
    )
    assert "line 5: authors[0].orcid: 0000-0002-1825-0098 is no ORCID iD" in words
    assert "line 6: there is no key licens, did you mean licence?" in words


@pytest.mark.parametrize(
    "text",
    [
        "access: confidential",
        "access: restricted",
        "embargo: {until: 2030-01-01, reason: under review}",
        "embargo: {until: tomorrow, reason: x}\ncontact: Ada",
        "embargo: {until: 2030-01-01}\ncontact: Ada",
        "retain_years: 9",
        "title: ab",
        "version: two",
        "labmesh_crate: 2",
        "authors: Ada",
    ],
)
def test_what_cannot_be_is_refused_where_it_stands(tmp_path: Path, text: str) -> None:
    assert re.match(r"FILE:[12]: ", refused(tmp_path, text))


def test_nothing_need_be_said() -> None:
    assert CrateDescription().licence == "CC-BY-4.0"
    assert licences()["MIT"].purpose == "code"


def test_the_published_schema_and_the_pages_example_are_those_of_the_code(tmp_path: Path) -> None:
    published = json.loads((ROOT / "docs" / "crate.schema.json").read_text(encoding="utf-8"))
    assert published == description_schema(), "labmesh crate schema > docs/crate.schema.json"
    page = (ROOT / "docs" / "crate.md").read_text(encoding="utf-8")
    example = re.search(r"^```yaml\n(labmesh_crate.*?)^```$", page, re.MULTILINE | re.DOTALL)
    assert example is not None
    path = tmp_path / "crate.yaml"
    path.write_text(example[1], encoding="utf-8")
    assert set(CrateDescription.model_fields) - set(read_description(path).model_fields_set) <= {
        "version", "schedule",
    }  # fmt: skip
