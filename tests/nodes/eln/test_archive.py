"""Files of strangers: what is dangerous or damaged is refused in words, nothing is unpacked."""

from __future__ import annotations

import json
import stat
import struct
import zipfile
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from messages.errors import ConfigurationError, LabmeshError
from messages.ledger import ArtifactRef
from nodes.eln._archive import ElnFileError, opened
from nodes.eln._import import import_file
from nodes.eln._reading import read_entries
from tests.nodes.eln.files import METADATA, entry, file_node, graph, written


class Deaf:
    """A lab that must not hear anything."""

    async def attach(self, *_: Any, **__: Any) -> ArtifactRef:
        raise AssertionError("a file was kept")

    async def post_result(self, *_: Any, **__: Any) -> Any:
        raise AssertionError("something was told")

    async def query(self, *_: Any) -> Any:
        raise AssertionError("something was asked")


async def refused(path: Path, words: str) -> None:
    with pytest.raises(ElnFileError, match=words) as error:
        await import_file(Deaf(), path)
    assert error.value.where == str(path)


@pytest.mark.parametrize(
    "name", ["/etc/passwd", "root/../../evil", "root\\..\\evil", "C:/evil", "../evil"]
)
async def test_a_path_that_leads_out_is_refused(name: str, tmp_path: Path) -> None:
    path = written(tmp_path / "x.eln", graph(entry()), {"root/a": b"a"})
    with zipfile.ZipFile(path, "a") as archive:
        info = zipfile.ZipInfo("placeholder")
        info.filename = name  # as a program of the attacker's writes it
        archive.writestr(info, b"x")
    await refused(path, "would lie outside of its folder")


async def test_a_link_is_refused(tmp_path: Path) -> None:
    path = written(tmp_path / "x.eln", graph(entry()))
    with zipfile.ZipFile(path, "a") as archive:
        info = zipfile.ZipInfo("root/link")
        info.create_system, info.external_attr = 3, (stat.S_IFLNK | 0o777) << 16
        archive.writestr(info, "/etc/passwd")
    await refused(path, "is a link, no file")


async def test_a_bomb_is_refused(tmp_path: Path) -> None:
    path = written(tmp_path / "x.eln", graph(entry()), {"root/zeros": bytes(8 << 20)})
    assert path.stat().st_size < 20_000
    await refused(path, "unpacks to 8388608 bytes from")


async def test_a_file_that_lies_about_its_size_is_refused(tmp_path: Path) -> None:
    content = b"x" * 5000
    metadata = graph(
        entry(hasPart=[{"@id": "./one/a"}]), {"@id": "./one/a", "@type": "File"}
    )  # fmt: skip
    path = written(tmp_path / "x.eln", metadata, {"root/one/a": content})
    raw = bytearray(path.read_bytes())
    size = struct.pack("<I", len(content))
    for at in [at for at in range(len(raw)) if raw[at : at + 4] == size]:
        raw[at : at + 4] = struct.pack("<I", 10)
    path.write_bytes(raw)
    await refused(path, "is damaged")


async def test_one_name_twice_is_refused(tmp_path: Path) -> None:
    path = written(tmp_path / "x.eln", graph(entry()), {"root/a": b"1", "root/A": b"2"})
    await refused(path, "it holds 'root/A'|it holds 'A' twice")


async def test_two_folders_are_refused(tmp_path: Path) -> None:
    path = written(tmp_path / "x.eln", graph(entry()), {"other/a": b"1"})
    await refused(path, "holds 2 folders where there must be one")


@pytest.mark.parametrize(
    ("metadata", "words"),
    [
        (None, f"there is no {METADATA}"),
        (b"no json", "cannot be read: JSONDecodeError"),
        (b"[" * 100_000, "nested too deeply|cannot be read"),
        (b"{}", "cannot be read: KeyError: '@graph'"),
        (b'{"@graph": [1]}', "cannot be read: TypeError"),
        (b'{"@graph": [{"@id": "a"}, {"@id": "./a/"}]}', "two nodes have one @id"),
        (b'{"@graph": [{"@id": "a"}]}', "does not describe './'"),
        (graph(parts=()), "it has no entries"),
        (
            graph(entry(hasPart=[{"@id": "./one/gone"}]),
                  {"@id": "./one/gone", "@type": "File"}),
            "name the file './one/gone', which is not in it",
        ),
    ],
)  # fmt: skip
async def test_metadata_that_are_missing_or_wrong_are_refused(
    metadata: bytes | None, words: str, tmp_path: Path
) -> None:
    await refused(written(tmp_path / "x.eln", metadata, {"root/a": b"a"}), words)


async def test_a_wrong_hash_or_size_is_refused(tmp_path: Path) -> None:
    node = file_node("./one/a", b"what was measured")
    metadata = graph(entry(hasPart=[{"@id": "./one/a"}]), node)
    path = written(tmp_path / "x.eln", metadata, {"root/one/a": b"what was changed!"})
    await refused(path, "'one/a' has another content than its metadata say")
    path = written(tmp_path / "y.eln", metadata, {"root/one/a": b"longer"})
    await refused(path, "'./one/a' has 6 bytes, not 17 as its metadata say")


async def test_what_is_no_file_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="there is no such file"):
        await import_file(Deaf(), tmp_path / "no.eln")
    (tmp_path / "text.eln").write_text("a letter")
    await refused(tmp_path / "text.eln", "it is no .eln file")


_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3)
    | st.dictionaries(
        st.sampled_from(
            ["@id", "@type", "name", "text", "author", "hasPart", "license", "keywords", "value",
             "variableMeasured", "propertyID", "description", "identifier", "sdPublisher", "about"]
        ),
        inner | st.sampled_from(["./", "./one/", METADATA, "File", "Dataset", "elabftw_metadata"]),
        max_size=6,
    ),
    max_leaves=12,
)  # fmt: skip


@settings(max_examples=60)
@given(nodes=st.lists(_JSON, max_size=5))
def test_no_metadata_whatever_do_more_than_be_refused(
    nodes: list[Any], tmp_path_factory: pytest.TempPathFactory
) -> None:
    path = tmp_path_factory.getbasetemp() / "any.eln"
    written(path, json.dumps({"@graph": nodes}).encode())
    with suppress(LabmeshError), opened(path) as archive:
        for each in read_entries(archive):
            assert isinstance(each.said["text"], str)
