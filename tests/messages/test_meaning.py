from __future__ import annotations

from typing import Annotated, Any, Literal

from messages.meaning import ADMINISTRATIVE, Term, meaning, of_process, resolved
from messages.model import Flag, Message, Model, Real, Text, Unit
from messages.quantity import Temperature
from messages.schema import hash_schema, json_schema


class Bare(Model):
    area: Annotated[Real, Unit("m2")] | None = None
    kind: Literal["a", "b"] = "a"


class Disc(Model, term="Electrode", relation="hasPart"):
    area: Annotated[Real, Unit("m2"), Term("Area")] | None = None
    kind: Annotated[Literal["a", "b"], Term("Class", values=(("a", "A"),))] = "a"


class Smaller(Disc):
    pass


class Pair(Model, term="BatteryCell"):
    first: Annotated[Disc, Term("NegativeElectrode")] | None = None
    second: Smaller
    temperature: Temperature
    warm: Annotated[Temperature, Term("MaximumOperatingTemperature", "hasProperty")]
    note: Annotated[Text, ADMINISTRATIVE] = ""
    silent: Flag = False


def of(name: str) -> Term | None:
    schema = json_schema(Pair)
    return meaning(schema["properties"][name], schema)


def test_what_stands_nearest_counts() -> None:
    schema = json_schema(Pair)
    assert meaning(schema, schema) == Term("BatteryCell")
    assert of("first") == Term("NegativeElectrode", "hasPart")
    assert of("second") == Term("Electrode", "hasPart")
    assert of("temperature") == Term("ThermodynamicTemperature")
    assert of("warm") == Term("MaximumOperatingTemperature", "hasProperty")
    assert of("note") == ADMINISTRATIVE
    assert of("silent") is None


def test_a_meaning_is_found_behind_null_and_reference() -> None:
    schema = json_schema(Pair)
    disc = resolved(schema["properties"]["first"], schema)
    assert disc["title"] == "Disc"
    assert meaning(disc["properties"]["area"], schema) == Term("Area")
    assert resolved(disc["properties"]["area"], schema)["unit"] == "m2"
    assert meaning(disc["properties"]["kind"], schema) == Term("Class", values=(("a", "A"),))


def test_a_reference_to_itself_ends() -> None:
    knot: dict[str, Any] = {"$ref": "#/$defs/A", "$defs": {"A": {"$ref": "#/$defs/A"}}}
    assert meaning(knot, knot) is None


def test_terms_do_not_change_the_hash() -> None:
    bare, disc = json_schema(Bare), json_schema(Disc)
    assert "term" not in bare
    assert "term" in disc
    assert hash_schema(bare) == hash_schema(disc)


def test_fields_called_like_the_keywords_count() -> None:
    named = {"properties": {"term": {"type": "string"}, "values": {"type": "null"}}}
    assert hash_schema(named) != hash_schema({"properties": {}})


def test_messages_have_terms_too() -> None:
    class Told(Message, term="prov:Activity"):
        pass

    assert json_schema(Told)["term"] == "prov:Activity"


def test_a_process_is_said_at_the_root() -> None:
    schema = json_schema(Disc)
    assert meaning(of_process(schema, "Cutting"), schema) == Term("Cutting", "hasPart")
    assert of_process(schema, "") is schema
    assert json_schema(Disc)["term"] == "Electrode"
