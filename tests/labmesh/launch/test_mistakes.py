"""Every kind of mistake is reported, all of them at once, each exactly where it stands."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from labmesh.launch import LaunchError, World, load_plan

FOLDER = Path(__file__).with_name("mistakes")
EXPECT = re.compile(
    r"# expect (?:(?P<file>[\w./]+):)?(?P<line>\d+):(?P<column>\d+) <(?P<token>.+?)> (?P<text>.*)"
)


@pytest.mark.parametrize("path", sorted(FOLDER.glob("*.yaml")), ids=lambda path: path.stem)
def test_is_reported_where_it_stands(path: Path) -> None:
    expected = [
        found for line in path.read_text().splitlines() if (found := EXPECT.fullmatch(line))
    ]
    assert expected
    with pytest.raises(LaunchError) as caught:
        load_plan(path)
    problems = list(caught.value.problems)
    assert len(problems) == len(expected), str(caught.value)
    for wanted in expected:
        file = FOLDER / wanted["file"] if wanted["file"] else path
        matching = [p for p in problems if wanted["text"] in str(p)]
        assert len(matching) == 1, f"{wanted[0]}\n{caught.value}"
        position = matching[0].position
        assert Path(position.file).resolve() == file
        assert (position.line, position.column) == (int(wanted["line"]), int(wanted["column"]))
        source = file.read_text().splitlines()[position.line - 1][position.column - 1 :]
        assert source.startswith(wanted["token"])


def test_reads_as_file_line_column_what_remedy(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(FOLDER)
    with pytest.raises(LaunchError) as caught:
        load_plan("unknown_key.yaml")
    assert (
        str(caught.value) == "unknown_key.yaml:7:7: node has no key 'paramx'; did you mean 'param'?"
    )


def test_port_in_use_is_a_mistake(tmp_path: Path, unused_port_held: int) -> None:
    file = tmp_path / "port.yaml"
    file.write_text(
        "labmesh_launch: 1\n"
        "launch:\n"
        f"  - mqtt_broker: {{embedded: true, port: {unused_port_held}}}\n"
    )
    with pytest.raises(LaunchError, match=rf":3:5: port {unused_port_held} of the embedded"):
        load_plan(file)


def test_missing_file(tmp_path: Path) -> None:
    with pytest.raises(LaunchError, match=r"nowhere\.yaml: cannot read the file: No such file"):
        load_plan(tmp_path / "nowhere.yaml")


def test_arguments_given_wrongly_name_the_command_line(tmp_path: Path) -> None:
    file = tmp_path / "a.yaml"
    file.write_text("labmesh_launch: 1\nlaunch: [{arg: {name: count, default: 1}}]\n")
    with pytest.raises(LaunchError) as caught:
        load_plan(file, {"count": "many", "cuont": "2"})
    assert [str(p) for p in caught.value.problems] == [
        "command line: argument 'count' is not of type int: 'many'",
        f"command line: {file} has no argument 'cuont'; did you mean 'count'?",
    ]


def test_an_alias_that_contains_itself(tmp_path: Path) -> None:
    file = tmp_path / "a.yaml"
    file.write_text("labmesh_launch: 1\nlaunch: &a [*a]\n")
    with pytest.raises(LaunchError, match="an alias contains itself"):
        load_plan(file)


def test_nested_aliases_do_not_explode(tmp_path: Path) -> None:
    levels = "".join(f"k{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 10)}]\n" for n in range(1, 9))
    file = tmp_path / "a.yaml"
    file.write_text(f"labmesh_launch: 1\nk0: &a0 [x]\n{levels}launch: []\n")
    with pytest.raises(LaunchError, match="aliases grow too large"):
        load_plan(file)


def test_site_with_nothing_to_start(tmp_path: Path) -> None:
    file = tmp_path / "a.yaml"
    file.write_text("labmesh_launch: 1\nsite: kit\nlaunch: [{executable: {cmd: sleep 1}}]\n")
    with pytest.raises(LaunchError, match=r"nothing here is at site 'kti'; did you mean 'kit'\?"):
        load_plan(file, only_site="kti")


def test_what_runs_at_another_site_need_not_be_installed_here(tmp_path: Path) -> None:
    file = tmp_path / "a.yaml"
    file.write_text(
        "labmesh_launch: 1\nsite: kit\nlaunch:\n"
        "  - mqtt_broker: embedded\n"
        "  - node: {run: asab, site: dtu, param: {seed: x}}\n"
        "  - node: {run: robot, site: dtu}\n"
        "  - node: {run: broker}\n"
    )
    with pytest.raises(LaunchError) as caught:
        load_plan(file, only_site="kit")
    assert "parameter 'seed'" in str(caught.value)
    assert "robot" not in str(caught.value)
    with pytest.raises(LaunchError, match="no node is called 'robot'"):
        load_plan(file, only_site="dtu")


def test_a_launch_may_be_confined_to_a_folder(tmp_path: Path) -> None:
    inside = tmp_path / "inside"
    inside.mkdir()
    (tmp_path / "secret.yaml").write_text("labmesh_launch: 1\nlaunch: [{log: hello}]\n")
    (inside / "link.yaml").symlink_to(tmp_path / "secret.yaml")
    (inside / "own.yaml").write_text("labmesh_launch: 1\nlaunch: [{log: hello}]\n")
    for name, sound in {"../secret.yaml": False, "link.yaml": False, "own.yaml": True}.items():
        file = inside / "a.yaml"
        file.write_text(f"labmesh_launch: 1\nlaunch: [{{include: {name}}}]\n")
        world = World(root=inside)
        if sound:
            load_plan(file, world=world)
            assert world.files == [file, inside / "own.yaml"]
        else:
            with pytest.raises(LaunchError, match="outside the folder of this launch"):
                load_plan(file, world=world)
