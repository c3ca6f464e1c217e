"""Bundles: what goes in comes out, and nothing leads out of the folder."""

from __future__ import annotations

import random
import zlib
from base64 import b64decode, b64encode
from contextlib import suppress
from pathlib import Path

import msgpack
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from labmesh.agent import Bundle
from messages.errors import ConfigurationError

PART = st.text("aZ9_- é", min_size=1, max_size=4)
PATHS = st.lists(PART, min_size=1, max_size=4).map("/".join)
FILES = st.dictionaries(PATHS, st.binary(max_size=300), min_size=1, max_size=8).filter(
    lambda files: not any(a != b and a.startswith(f"{b}/") for a in files for b in files)
)


@settings(max_examples=40)
@given(FILES)
def test_comes_out_as_it_went_in(files: dict[str, bytes]) -> None:
    bundle = Bundle(next(iter(files)), files)
    assert Bundle.unpack(bundle.pack()) == bundle
    assert Bundle.unpack(bundle.pack()).digest == bundle.digest


@settings(max_examples=40)
@given(st.text(max_size=200) | st.binary(max_size=200).map(lambda b: b64encode(b).decode()))
def test_nonsense_is_one_error(text: str) -> None:
    with pytest.raises(ConfigurationError):
        Bundle.unpack(text)


@settings(max_examples=40)
@given(FILES, st.data())
def test_damage_never_passes_as_another_bundle(
    files: dict[str, bytes], data: st.DataObject
) -> None:
    bundle = Bundle(next(iter(files)), files)
    packed = bytearray(b64decode(bundle.pack()))
    at = data.draw(st.integers(0, len(packed) - 1))
    packed[at] ^= data.draw(st.integers(1, 255))
    with suppress(ConfigurationError):
        assert Bundle.unpack(b64encode(packed).decode()) == bundle  # an unused bit of the format


@pytest.mark.parametrize(
    "path",
    ["../a", "/etc/passwd", "a/../../b", "a//b", "./a", "", "a/", "a\\b", "a\nb", "a\0", "x" * 201],
)
def test_no_path_leads_elsewhere(path: str, tmp_path: Path) -> None:
    plain = {"version": 1, "main": "a.yaml", "files": {"a.yaml": b"", path: b"x"}}
    text = b64encode(zlib.compress(msgpack.packb(plain))).decode()
    with pytest.raises(ConfigurationError, match="no path below a folder"):
        Bundle.unpack(text)


def test_a_file_is_no_folder() -> None:
    with pytest.raises(ConfigurationError, match="above its file"):
        Bundle("a", {"a": b"", "a/b": b""})


def test_is_bounded() -> None:
    bomb = b64encode(zlib.compress(b"\0" * (8 << 20), 9)).decode()
    with pytest.raises(ConfigurationError, match="too large"):
        Bundle.unpack(bomb)
    with pytest.raises(ConfigurationError, match="more than 100"):
        Bundle("0", {str(n): b"" for n in range(101)})
    noise = random.Random(0).randbytes(60_000)
    with pytest.raises(ConfigurationError, match="take .* bytes packed"):
        Bundle("a", {"a": noise}).pack()


def test_collects_from_the_folder_of_all_and_writes_it_again(tmp_path: Path) -> None:
    (tmp_path / "lab/parts").mkdir(parents=True)
    main = tmp_path / "lab/main.yaml"
    main.write_text("main")
    part = tmp_path / "lab/parts/part.yaml"
    part.write_text("part")
    common = tmp_path / "common.yaml"
    common.write_text("common")
    bundle = Bundle.collect(main, [part, common])
    assert bundle.main == "lab/main.yaml"
    assert set(bundle.files) == {"lab/main.yaml", "lab/parts/part.yaml", "common.yaml"}
    folder = tmp_path / "there"
    for _ in range(2):
        written = bundle.write(folder)
        assert written.read_text() == "main"
        assert (folder / "common.yaml").read_text() == "common"
    Bundle("other", {"other": b""}).write(folder)
    assert [file.name for file in folder.iterdir()] == ["other"]
    with pytest.raises(ConfigurationError, match="cannot be read"):
        Bundle.collect(main, [tmp_path / "gone.yaml"])
