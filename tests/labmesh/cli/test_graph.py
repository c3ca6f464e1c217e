"""Who talks to whom, as text, as DOT, as a picture."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from labmesh.cli._graph_layout import layout
from labmesh.cli._graph_model import Edge, Graph
from labmesh.cli._graph_picture import draw
from labmesh.cli.graph import to_dot
from tests.labmesh.cli._lab import Command

SITES = ("kit", "dtu", "uu", "fzj")


@pytest.mark.usefixtures("house")
def test_a_picture_of_the_mesh(labmesh: Command, tmp_path: Path) -> None:
    file = tmp_path / "mesh.svg"
    assert "3 nodes, 4 edges" in labmesh("graph", "--output", file).err
    assert "kit/therm" in file.read_text()
    assert file.read_text().rstrip().endswith("</svg>")
    assert labmesh("graph", "-o", tmp_path / "mesh.doc").code == 2
    assert "no node is online" in labmesh("graph", "nowhere").err


def test_twenty_nodes_are_drawn(tmp_path: Path) -> None:
    names = [f"{SITES[i % 4]}/node-{i}" for i in range(20)]
    edges = [Edge(names[i], names[(i * 7 + 3) % 20], "topic", f"data/{i}") for i in range(20)]
    edges += [Edge(names[0], each, "order", "a/b") for each in names[1:9]]
    edges += [Edge(each, names[0], "request", "a/b") for each in names[9:15]]
    graph = Graph(dict.fromkeys(names, "online"), tuple(sorted(edges)))
    draw(graph, tmp_path / "mesh.png")
    assert (tmp_path / "mesh.png").read_bytes().startswith(b"\x89PNG")
    dot = to_dot(graph)
    assert dot.count("subgraph") == 4
    assert dot.count(" -> ") == len({(e.source, e.target, e.kind) for e in edges})


NAMES = st.sampled_from("abcdefgh")


@given(arrows=st.lists(st.tuples(NAMES, NAMES), max_size=20))
def test_no_two_nodes_stand_in_one_place(arrows: list[tuple[str, str]]) -> None:
    places = layout("abcdefgh", arrows)
    assert len(set(places.values())) == 8
    assert places == layout("hgfedcba", arrows[::-1])
    chain = layout("abc", [("a", "b"), ("b", "c")])
    assert chain["a"][0] < chain["b"][0] < chain["c"][0]
