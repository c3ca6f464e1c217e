"""No file, however damaged, makes the parser fail otherwise than by naming a position."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from labmesh.launch import LaunchError, load_plan

GOLDEN = Path(__file__).with_name("golden")
TEXT = (GOLDEN / "everything.yaml").read_text()
SCRAPS = st.sampled_from(
    ["", "$(", ")", "$$(", "{", "}", "[", "]", ":", "- ", "'", '"', "\n", "  ", "null", "-1", "*a",
     "&a ", "!!int ", "$(var x)", "$(if a b)",
     '"\\0"', "\t", "\x07", "é", "true", "1e999", "9" * 400]
)  # fmt: skip


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("damaged")
    (path / "parts").mkdir()
    for part in (GOLDEN / "parts").iterdir():
        (path / "parts" / part.name).write_text(part.read_text())
    return path


def load(file: Path) -> None:
    try:
        load_plan(file, check=False).as_dict()
    except LaunchError as error:
        problems = error.problems
    else:
        return
    assert problems
    assert all(problem.what and problem.position.file for problem in problems)


@settings(max_examples=100, deadline=None)
@given(
    cuts=st.lists(
        st.tuples(st.integers(0, len(TEXT)), st.integers(0, 12), SCRAPS), min_size=1, max_size=4
    )
)
def test_damaged_files(folder: Path, cuts: list[tuple[int, int, str]]) -> None:
    text = TEXT
    for start, length, scrap in cuts:
        text = text[:start] + scrap + text[start + length :]
    file = folder / "damaged.yaml"
    file.write_text(text)
    load(file)


@settings(max_examples=100, deadline=None)
@given(
    value=st.recursive(
        SCRAPS | st.text(max_size=8),
        lambda inner: (
            st.lists(inner, max_size=3).map(lambda items: f"[{', '.join(items)}]")
            | st.dictionaries(st.sampled_from(["name", "x", "1", "$(x)"]), inner, max_size=3).map(
                lambda pairs: "{" + ", ".join(f"{k}: {v}" for k, v in pairs.items()) + "}"
            )
        ),
        max_leaves=5,
    ),
    place=st.sampled_from(
        ["node: {{run: {}}}", "node: {{run: clock, param: {}}}", "node: {{run: clock, after: {}}}",
         "arg: {{name: a, default: {}}}", "arg: {{name: a, default: 1, choices: {}}}",
         "include: {}",
         "include: {{file: a, args: {}}}", "group: {{actions: {}}}", "mqtt_broker: {}",
         "mqtt_broker: {{url: {}}}", "executable: {{cmd: {}}}",
         "executable: {{cmd: a, respawn: {}}}",
         "timer: {{delay: {}, actions: []}}", "executable: {{cmd: a, env: {}}}", "log: {}",
         "set_parameter: {{name: rate, value: {}}}", "node: {{run: clock, remap: {}}}",
         "node: {{run: clock, in: {}}}", "transition: {{node: a, to: {}}}",
         "on_process_io: {{process: a, pattern: {}, actions: []}}",
         "on_state_transition: {{node: a, state: {}, actions: []}}", "on_shutdown: {{actions: {}}}",
         "executable: {{cmd: a, respawn_delay: {}}}",
         "set_env: {{name: {}, value: 1}}", "on_process_exit: {{process: {}, actions: []}}"]
    ),
)  # fmt: skip
def test_any_value_anywhere(folder: Path, place: str, value: str) -> None:
    file = folder / "value.yaml"
    file.write_text(f"labmesh_launch: 1\nlaunch:\n  - {place.format(value)}\n", encoding="utf-8")
    load(file)
