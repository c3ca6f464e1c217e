"""Processes in a profile: the graph they leave, and what a restart and a damage make of it."""

from __future__ import annotations

import fcntl
import json
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest

from messages.chemistry import Formulation
from messages.errors import ConfigurationError, MissingProgramError
from messages.formulation_algebra import formulation_from
from nodes.aiida import composition_of, shipped_model
from nodes.aiida._profile import need_aiida, open_profile
from tests.nodes.aiida.conftest import EMAIL, Bench

pytestmark = pytest.mark.filterwarnings(
    "ignore:Object of type .* not in session:sqlalchemy.exc.SAWarning"  # as AiiDA's own tests
)

MIXTURE = formulation_from(1.0, 0.3)


def imported(archive: Path) -> dict[str, Any]:
    """Import an archive into a fresh temporary profile; return what its one process says."""
    from aiida import orm
    from aiida.storage.sqlite_temp import SqliteTempBackend
    from aiida.tools.archive import import_archive

    backend = SqliteTempBackend(SqliteTempBackend.create_profile("elsewhere"))
    try:
        import_archive(archive, backend=backend, create_group=False)
        found = orm.QueryBuilder(backend=backend).append(orm.CalcFunctionNode).all(flat=True)
        assert len(found) == 1
        process = found[0]
        inputs = process.inputs
        return {
            "uuid": process.uuid,
            "label": process.label,
            "state": process.process_state.value,
            "formulation": inputs.formulation.get_dict(),
            "temperature": inputs.temperature.value,
            "model": inputs.model.get_dict(),
            "result": process.outputs.result.get_dict(),
        }
    finally:
        backend.close()


def test_a_process_says_what_the_model_says_and_leaves_a_graph(bench: Bench) -> None:
    request = uuid4()
    found = bench.do(bench.store.compute, request, MIXTURE, 298.15)
    expected = shipped_model().predict(composition_of(MIXTURE), 298.15)
    assert found.output["conductivity"] == pytest.approx(expected.conductivity, rel=1e-12)
    assert found.output["uncertainty"] == pytest.approx(expected.uncertainty, rel=1e-12)
    kinds = sorted(node["type"] for node in found.graph["nodes"])
    assert kinds == [
        "data.core.dict.Dict", "data.core.dict.Dict", "data.core.dict.Dict",
        "data.core.float.Float", "process.calculation.calcfunction.CalcFunctionNode",
    ]  # fmt: skip
    links = [(link["type"], link["label"]) for link in found.graph["links"]]
    assert links == [
        ("create", "result"), ("input_calc", "formulation"), ("input_calc", "model"),
        ("input_calc", "temperature"),
    ]  # fmt: skip
    assert all(found.uuid in (link["from"], link["to"]) for link in found.graph["links"])


def test_an_archive_holds_the_same_numbers_elsewhere(bench: Bench, tmp_path: Path) -> None:
    request = uuid4()
    found = bench.do(bench.store.compute, request, MIXTURE, 303.15)
    archive = tmp_path / "graph.aiida"
    bench.do(bench.store.export, found.uuid, archive)
    there = bench.do(imported, archive)
    assert (there["uuid"], there["label"]) == (found.uuid, str(request))
    assert there["state"] == "finished"
    assert there["result"] == found.output
    assert there["temperature"] == 303.15
    mixture = composition_of(Formulation.model_validate(there["formulation"]))
    assert mixture.molality == pytest.approx(1.0)
    assert mixture.w_ec == pytest.approx(0.3)
    assert there["model"]["version"] == shipped_model().version


def test_the_same_request_after_a_restart_is_the_same_process(bench: Bench) -> None:
    request = uuid4()
    first = bench.do(bench.store.compute, request, MIXTURE, 298.15)
    uuid = bench.profile.uuid
    bench.reopen()
    assert (bench.profile.uuid, bench.profile.created) == (uuid, False)
    second = bench.do(bench.store.compute, request, MIXTURE, 298.15)
    assert (second.uuid, second.output, second.graph) == (first.uuid, first.output, first.graph)
    assert (first.again, second.again) == (False, True)
    other = bench.do(bench.store.compute, uuid4(), MIXTURE, 298.15)
    assert other.uuid != first.uuid
    assert model_node(other) == model_node(first)


def model_node(found: Any) -> str:
    links = found.graph["links"]
    return str(next(link["from"] for link in links if link["label"] == "model"))


def test_a_process_that_was_cut_off_is_explained_and_run_again(bench: Bench) -> None:
    request = uuid4()

    def cut_off() -> str:
        """Begin a process and get no further, as a program does that is killed."""
        from aiida import orm

        from nodes.aiida._process import polynomial_interpolation

        process = polynomial_interpolation.process_class(
            inputs={
                "formulation": orm.Dict(MIXTURE.model_dump(mode="json")),
                "temperature": orm.Float(298.15),
                "model": orm.Dict(dict(shipped_model().content)),
                "metadata": {"label": str(request)},
            },
            runner=bench.profile.runner,
        )
        return str(process.node.uuid)

    def look(uuid: str) -> tuple[str, str, bool]:
        from aiida import orm

        node = orm.load_node(uuid)
        return node.process_state.value, node.process_status, node.is_sealed

    half = bench.do(cut_off)
    bench.reopen()
    assert bench.do(bench.store.mend) == 1
    state, status, sealed = bench.do(look, half)
    assert (state, sealed) == ("killed", True)
    assert "run again" in status
    assert bench.do(bench.store.mend) == 0
    found = bench.do(bench.store.compute, request, MIXTURE, 298.15)
    assert found.uuid != half
    assert not found.again


def test_one_process_opens_one_profile(bench: Bench, tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="has an AiiDA profile open already") as refusal:
        open_profile(tmp_path / "second", EMAIL)
    assert "process of its own" in refusal.value.remedy


def test_another_process_does_not_get_the_folder(bench: Bench) -> None:
    bench.do(bench.profile.close)
    try:
        # A second file description of the same file is to flock as another process.
        with (bench.folder / "lock").open("a") as held:
            fcntl.flock(held, fcntl.LOCK_EX)
            with pytest.raises(ConfigurationError, match="another process has this") as refusal:
                bench.do(open_profile, bench.folder, EMAIL)
        assert "--name" in refusal.value.remedy
    finally:
        bench.open()


def damage_configuration(folder: Path) -> None:
    (folder / ".aiida" / "config.json").write_text("{")


def damage_database(folder: Path) -> None:
    (folder / "store" / "database.sqlite").write_bytes(b"not a database" * 1000)


def remove_database(folder: Path) -> None:
    (folder / "store" / "database.sqlite").unlink()


def change_schema(folder: Path) -> None:
    import sqlite3

    with sqlite3.connect(folder / "store" / "database.sqlite") as database:
        database.execute("UPDATE alembic_version SET version_num = 'main_0000'")
    database.close()


@pytest.mark.parametrize(
    "harm", [damage_configuration, damage_database, remove_database, change_schema]
)
def test_a_damaged_profile_is_one_clear_sentence(bench: Bench, tmp_path: Path, harm: Any) -> None:
    bench.do(bench.profile.close)
    try:
        folder = tmp_path / "copy"
        shutil.copytree(bench.folder, folder)
        harm(folder)
        with pytest.raises(ConfigurationError, match="the AiiDA profile cannot be used") as found:
            bench.do(open_profile, folder, EMAIL)
        assert found.value.where == str(folder)
        assert "storage migrate" in found.value.remedy
    finally:
        bench.open()


def forget_user(folder: Path) -> None:
    """Leave the configuration as one who died before the last step of making it."""
    file = folder / ".aiida" / "config.json"
    config = json.loads(file.read_text())
    del config["profiles"]["labmesh"]["default_user_email"]
    file.write_text(json.dumps(config))


def test_a_profile_that_was_moved_opens_where_it_is(bench: Bench, tmp_path: Path) -> None:
    request = uuid4()
    before = bench.do(processes)
    first = bench.do(bench.store.compute, request, MIXTURE, 298.15)
    bench.do(bench.profile.close)
    home = bench.folder
    try:
        bench.folder = tmp_path / "moved"
        shutil.copytree(home, bench.folder)
        forget_user(bench.folder)
        bench.open()
        second = bench.do(bench.store.compute, request, MIXTURE, 298.15)
        assert (second.uuid, second.again) == (first.uuid, True)
        bench.do(bench.store.compute, uuid4(), MIXTURE, 298.15)
        bench.do(bench.profile.close)
    finally:
        bench.folder = home
        bench.open()
    assert bench.do(processes) == before + 1, "nothing was written where it was before"


def processes() -> int:
    from aiida import orm

    return int(orm.QueryBuilder().append(orm.CalcFunctionNode).count())


def test_a_store_that_no_profile_names_is_set_aside(bench: Bench, tmp_path: Path) -> None:
    folder = tmp_path / "died"
    (folder / "store").mkdir(parents=True)
    (folder / "store" / "database.sqlite").write_bytes(b"half")
    bench.do(bench.profile.close)
    try:
        made = bench.do(open_profile, folder, EMAIL)
        assert made.created
        bench.do(made.close)
        assert (folder / "store-set-aside-1" / "database.sqlite").read_bytes() == b"half"
    finally:
        bench.open()


def test_without_the_extra_one_sentence_names_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("nodes.aiida._profile.find_spec", lambda _: None)
    with pytest.raises(MissingProgramError, match="AiiDA is not installed") as refusal:
        need_aiida()
    assert refusal.value.remedy == "pip install 'labmesh[aiida]'"


def test_importing_the_node_imports_no_aiida() -> None:
    code = "import sys, nodes.aiida; print('aiida' in sys.modules, 'sqlalchemy' in sys.modules)"
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True,
        cwd=Path(__file__).parents[3],
    )  # fmt: skip
    assert done.stdout.split() == ["False", "False"]
