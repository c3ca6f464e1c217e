"""The check: every planted mistake is found, where it stands, in words that say what to do."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from messages.errors import ConfigurationError
from nodes.overlort import Catalogue, check, load_workflow, not_offered, strangers, workflow_schema
from nodes.overlort._check import in_words

ROOT = Path(__file__).parents[3]
SHIPPED = sorted((ROOT / "launch" / "workflows").glob("*.workflow.yaml"))
EOL = ROOT / "launch" / "workflows" / "eol.workflow.yaml"


@pytest.mark.parametrize("path", SHIPPED, ids=lambda path: path.stem)
def test_what_is_shipped_is_sound(path: Path) -> None:
    workflow, lines = load_workflow(path)
    found = check(workflow, Catalogue.common()) if not strangers(workflow) else check(workflow)
    assert in_words(found, lines, path) == ""


BASE = """\
labmesh_workflow: 1
name: tested
serves:
  quantity: degradation_eol
  method: degradation_workflow
steps:
  mix:
    quantity: electrolyte
    method: flow
    parameters:
      formulation: ${input.battery_chemistry.electrolyte}
      volume: 5.0e-6
  test:
    quantity: conductivity
    method: two_electrode
    for_each: [293.15, 298.15]
    parameters:
      formulation: ${steps.mix.data.run_info.formulation}
      temperature: ${item}
answer:
  run_info: ${steps.mix.data.run_info}
  predictions: []
"""

MISTAKES = [
    ("volume: 5.0e-6", "volumen: 5.0e-6",
     (":12: steps.mix.parameters.volumen: there is no volumen in the capability's parameters; "
     "did you mean volume"),
     ":10: steps.mix.parameters: volume is missing; give a value"),
    ("volume: 5.0e-6", "volume: much",
     ':12: steps.mix.parameters.volume: "much" is not of type "number"'),
    ("volume: 5.0e-6", "volume: ${input.battery_chemistry}",
     ":12: steps.mix.parameters.volume: gives a map where a number belongs"),
    ("input.battery_chemistry.electrolyte", "input.battery_chemistry.electrolite",
     (":11: steps.mix.parameters.formulation: ${input.battery_chemistry.electrolite}: "
     "input.battery_chemistry has no electrolite; did you mean electrolyte")),
    ("steps.mix.data.run_info.formulation", "steps.mixed.data",
     ":13: steps.test: there is no step mixed; there are mix, test"),
    ("steps.mix.data.run_info.formulation", "steps.mix.run_info",
     (":18: steps.test.parameters.formulation: ${steps.mix.run_info}: steps.mix has no run_info; "
     "there are status, item, index, tries, message, request, worker, result, data, rating, "
     "samples")),
    ("steps.mix.data.run_info.formulation", "inputs.x",
     (":18: steps.test.parameters.formulation: ${inputs.x}: nothing is called inputs here; "
     "did you mean input")),
    ("${steps.mix.data.run_info.formulation}", "the same",
     ':18: steps.test.parameters.formulation: "the same" is not of type "object"'),
    ("    for_each: [293.15, 298.15]\n", "    parallel: 2\n",
     ":16: steps.test.parallel: nothing is parallel without for_each; leave it out",
     (":19: steps.test.parameters.temperature: ${item}: nothing is called item here; there are "
     "input, let, steps, workflow")),
    ("    for_each: [293.15, 298.15]\n", "    for_each: ${input.number_cells}\n",
     ":16: steps.test.for_each: gives a whole number where a list belongs"),
    ("    for_each: [293.15, 298.15]\n", "    for_each: [1]\n    at_least: ${'two'}\n",
     ":17: steps.test.at_least: gives a text where a number belongs"),
    ("  test:\n", "  test:\n    after: [test]\n",
     ":13: steps.test: the steps wait for one another: test -> test"),
    ("    method: flow\n", "    method: flow\n    after: [test]\n",
     ":7: steps.mix: the steps wait for one another: mix -> test -> mix"),
    ("predictions: []", "predictions: ${steps.test.data}",
     (":22: answer.predictions: ${steps.test.data}: steps.test is a list; write "
     "steps.test[*].data for all of its items")),
    ("predictions: []", "prediction: []",
     ":22: answer.prediction: there is no prediction in the answer; did you mean predictions",
     ":20: answer: predictions is missing; give a value"),
    ("predictions: []", 'predictions: []\n  batch_id: "no ${steps.mix.data}"',
     ":23: answer.batch_id: ${steps.mix.data} gives a map, which cannot stand within a text"),
    ("predictions: []",
     "predictions: []\nprices:\n  capabilities:\n    electrolyte/flov: {each: 1}",
     (":25: prices.capabilities.electrolyte/flov: no step asks for electrolyte/flov; there are "
     "conductivity/two_electrode, electrolyte/flow")),
    ("predictions: []", "predictions: []\nrating: {rating: high}",
     (":23: rating.rating: ${high}: nothing is called high here; there are answer, input, let, "
     "steps, workflow")),
    ("    method: flow\n", "    method: flow\n    from_state: ${input.number_cells}\n",
     ":10: steps.mix.from_state: gives a whole number where a text belongs"),
    ("    method: flow\n", "    method: flow\n    when: input.number_cels > 2\n",
     (":10: steps.mix.when: ${input.number_cels > 2}: input has no number_cels; did you mean "
     "number_cells")),
    ("    method: flow\n", '    method: flow\n    expect: {that: data.volumes, otherwise: "no"}\n',
     ":10: steps.mix.expect.that: ${data.volumes}: data has no volumes; did you mean volume"),
    ("    method: flow\n",
     ("    method: flow\n    compensate:\n      - {quantity: transport, method: transport_service, "
     "parameters: {samples: '${this.data.sample}'}}\n"),
     ":11: steps.mix.compensate[0].parameters: origin, destination are missing; give a value",
     ":11: steps.mix.compensate[0].parameters.samples: gives a text where a list belongs"),
    ("predictions: []", "predictions:\n    $for_each: ${steps.test}\n    $give: ${item.data.x}",
     (":24: answer.predictions.$give: ${item.data.x}: item.data has no x; there are run_info, "
     "conductivity, temperature, repeats, cell_constant")),
    ("quantity: degradation_eol\n", "quantity: unheard_of\n",
     (":3: serves: Labmesh does not know the capability unheard_of/degradation_workflow; write its "
     "JSON Schemas as input and output below serves")),
]  # fmt: skip


@pytest.mark.parametrize("planted", MISTAKES, ids=lambda each: each[1].strip()[:40])
def test_planted_mistakes(planted: tuple[str, ...], tmp_path: Path) -> None:
    right, wrong, *words = planted
    assert right in BASE
    path = tmp_path / "w.yaml"
    path.write_text(BASE.replace(right, wrong, 1), "utf-8")
    workflow, lines = load_workflow(path)
    found = [line.removeprefix(str(path)) for line in in_words(
        check(workflow), lines, path).splitlines()]  # fmt: skip
    assert sorted(found) == sorted(words)


def test_the_base_is_sound(tmp_path: Path) -> None:
    path = tmp_path / "w.yaml"
    path.write_text(BASE, "utf-8")
    assert check(load_workflow(path)[0]) == []


SHAPES = [
    ("name: tested", "name: Tested", ":2: name: String should match pattern"),
    ("    method: flow\n", "    method: flow\n    paralel: 2\n",
     ":10: steps.mix.paralel: unknown key; did you mean parallel"),
    ("labmesh_workflow: 1", "labmesh_workflow: 2", ":1: labmesh_workflow: Input should be 1"),
    ("volume: 5.0e-6", "volume: 5.0e-6\n      volume: 3", ":13: key 'volume' comes twice"),
    ("    method: flow\n", "", ":7: steps.mix.method: Field required"),
    ("predictions: []", "predictions: [", "not YAML"),
]  # fmt: skip


@pytest.mark.parametrize(("right", "wrong", "words"), SHAPES, ids=lambda each: each.strip()[:30])
def test_what_is_no_workflow(right: str, wrong: str, words: str, tmp_path: Path) -> None:
    path = tmp_path / "w.yaml"
    path.write_text(BASE.replace(right, wrong, 1), "utf-8")
    with pytest.raises(ConfigurationError) as refused:
        load_workflow(path)
    assert words in str(refused.value).replace(str(path), "")
    assert refused.value.remedy


def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="cannot be read"):
        load_workflow(tmp_path / "none.yaml")


def test_what_only_a_lab_knows(tmp_path: Path) -> None:
    path = tmp_path / "w.yaml"
    path.write_text(BASE.replace("two_electrode", "three_electrode"), "utf-8")
    workflow, lines = load_workflow(path)
    assert strangers(workflow) == ["conductivity/three_electrode"]
    assert check(workflow) == [], "without a lab nobody knows"
    live = in_words(check(workflow, Catalogue.common()), lines, path)
    assert live.endswith(
        ":15: steps.test.method: no capability conductivity/three_electrode is known; did you mean "
        "conductivity/two_electrode"
    )
    absent = not_offered(workflow, {("electrolyte", "flow")})
    assert [m.what for m in absent] == ["nobody offers conductivity/three_electrode at present"]


def test_the_published_schema_is_up_to_date() -> None:
    kept = json.loads((ROOT / "docs" / "workflow.schema.json").read_text("utf-8"))
    assert kept == workflow_schema(), "run: labmesh workflow schema > docs/workflow.schema.json"
