"""Unpacking by the real apt and dpkg-deb, from a package archive made here: no network, no root."""

from __future__ import annotations

import asyncio
import hashlib
import shutil
import subprocess
from pathlib import Path

import pytest

from labmesh.mosquitto import unpack_mosquitto
from messages.errors import MissingProgramError
from tests.support import Processes


@pytest.fixture(autouse=True)
def _apt() -> None:
    missing = [name for name in ("apt-get", "dpkg-deb") if shutil.which(name) is None]
    if missing:
        pytest.fail(f"{', '.join(missing)} of Debian, which is tested here, is missing: run it "
                    "on Debian 12 or alike", pytrace=False)  # fmt: skip


# It runs only when its library is found by the library path, as a real one.
PROGRAM = """#!/bin/sh
IFS=:
for folder in $LD_LIBRARY_PATH; do
    [ -f "$folder/libneeded.so.1" ] && echo "mosquitto version 2.0.99" && exit 3
done
exit 127
"""


class Archive:
    """A flat Debian archive, and an apt configuration for a system that has nothing installed."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder / "archive"
        self.folder.mkdir()
        self.config = folder / "apt.conf"
        (folder / "status").touch()
        (folder / "no-lists/partial").mkdir(parents=True)
        (folder / "sources.list").write_text(f"deb [trusted=yes] file:{self.folder} ./\n")
        self.config.write_text(
            f'Dir::Etc::sourcelist "{folder}/sources.list";\n'
            'Dir::Etc::sourceparts "-";\n'
            f'Dir::State::status "{folder}/status";\n'
            f'Dir::State::lists "{folder}/no-lists";\n'
        )
        (self.folder / "Packages").touch()

    def add(self, name: str, depends: str, file: str, text: str) -> None:
        tree = self.folder.parent / name
        (tree / "DEBIAN").mkdir(parents=True)
        control = f"Package: {name}\nVersion: 1:2.0.99-1\nArchitecture: all\nMaintainer: nobody\n"
        control += (f"Depends: {depends}\n" if depends else "") + "Description: for a test\n"
        (tree / "DEBIAN/control").write_text(control)
        (tree / file).parent.mkdir(parents=True)
        (tree / file).write_text(text)
        (tree / file).chmod(0o755)
        deb = self.folder / f"{name}.deb"
        subprocess.run(["dpkg-deb", "--build", tree, deb], check=True, capture_output=True)
        data = deb.read_bytes()
        with (self.folder / "Packages").open("a") as packages:
            packages.write(f"{control}Filename: ./{deb.name}\nSize: {len(data)}\n")
            packages.write(f"SHA256: {hashlib.sha256(data).hexdigest()}\n\n")


@pytest.fixture
def archive(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Archive:
    archive = Archive(tmp_path)
    archive.add("mosquitto", "libneeded1 (>= 1)", "usr/sbin/mosquitto", PROGRAM)
    archive.add("libneeded1", "", "usr/lib/some-arch/libneeded.so.1", "")
    archive.add("unrelated", "", "usr/lib/unrelated", "")
    monkeypatch.setenv("APT_CONFIG", str(archive.config))
    return archive


def test_it_brings_its_libraries_and_nothing_else(archive: Archive, tmp_path: Path) -> None:
    folder = tmp_path / "cache"
    program = unpack_mosquitto(folder)
    assert program.version == "2.0.99"
    assert program.path == folder / "root/usr/sbin/mosquitto"
    assert program.library_path == (folder / "root/usr/lib/some-arch",)
    assert not (folder / "root/usr/lib/unrelated").exists()
    assert sorted(entry.name for entry in folder.iterdir()) == ["lock", "root"]


def test_a_second_time_it_is_there(archive: Archive, tmp_path: Path) -> None:
    program = unpack_mosquitto(tmp_path / "cache")
    shutil.rmtree(archive.folder)
    assert unpack_mosquitto(tmp_path / "cache") == program


def test_what_a_killed_one_left_is_removed_and_a_broken_one_replaced(
    archive: Archive, tmp_path: Path
) -> None:
    folder = tmp_path / "cache"
    (folder / "new-left/root").mkdir(parents=True)
    program = unpack_mosquitto(folder)
    shutil.rmtree(folder / "root/usr/lib")
    assert unpack_mosquitto(folder) == program
    assert sorted(entry.name for entry in folder.iterdir()) == ["lock", "root"]


async def test_several_at_once_share_one(
    archive: Archive, tmp_path: Path, processes: Processes
) -> None:
    code = (
        "import pathlib, sys; from labmesh.mosquitto import unpack_mosquitto;"
        "print(unpack_mosquitto(pathlib.Path(sys.argv[1])).version)"
    )
    folder = tmp_path / "cache"
    running = await asyncio.gather(*(processes.python("-c", code, folder) for _ in range(3)))
    assert [await process.wait() for process in running] == [0, 0, 0]
    assert [process.output for process in running] == ["2.0.99"] * 3
    assert sorted(entry.name for entry in folder.iterdir()) == ["lock", "root"]


def test_apts_own_words_are_passed_on(archive: Archive, tmp_path: Path) -> None:
    (archive.folder / "Packages").write_text("")
    with pytest.raises(MissingProgramError) as caught:
        unpack_mosquitto(tmp_path / "cache")
    assert caught.value.what == (
        "mosquitto, the MQTT broker, is not installed, and apt-get could not fetch it: "
        "E: Unable to locate package mosquitto"
    )
    assert "apt-get install mosquitto" in caught.value.remedy


def test_one_that_does_not_run_is_not_kept(archive: Archive, tmp_path: Path) -> None:
    shutil.rmtree(archive.folder.parent / "mosquitto")
    (archive.folder / "Packages").write_text("")
    archive.add("mosquitto", "", "usr/sbin/mosquitto", PROGRAM)
    with pytest.raises(MissingProgramError, match="unpacked from Debian's packages does not run"):
        unpack_mosquitto(tmp_path / "cache")
    assert not (tmp_path / "cache/root").exists()


def test_a_folder_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(MissingProgramError, match=r"cannot be unpacked into .*file/x: Not a direc"):
        unpack_mosquitto(tmp_path / "file/x")
