"""The node as it runs: a real MQTT broker, a broker node with a recorded ledger, real HTTP."""

from __future__ import annotations

import asyncio
import csv
import io
import json
import shlex
import socket
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from labmesh.cli import main
from labmesh.client import visit
from labmesh.place import Place
from messages.errors import CallRefusedError
from messages.ids import NodeId
from messages.ledger import Result
from tests.mesh.conftest import ROOT, Lab, lab_of
from tests.support import MqttBroker, Processes
from tests.support.recorded_lab import CONDUCTIVITY, recorded_lab

SEARCH = NodeId("kit", "search")
REFERENCE = Path(__file__).parent / "query_conductivity_lipf6.rq"
QUERY = REFERENCE.read_text(encoding="utf-8")
PAGE = (ROOT / "docs" / "search.md").read_text(encoding="utf-8")
CONSOLE = [line[2:] for line in PAGE.splitlines() if line.startswith("$ ")]


async def ask(lab: Lab, service: str, **arguments: Any) -> dict[str, Any]:
    return await lab.visitor.caller.call(SEARCH, service, arguments, timeout=30)


async def until_up_to_date(lab: Lab, *, withheld: int | None = None) -> dict[str, Any]:
    async with asyncio.timeout(60):
        while True:
            head = (await lab.client.query("ledger.head"))["offset"]
            status = await ask(lab, "search.status")
            if status["offset"] == head and withheld in {None, status["withheld"]}:
                return status
            await asyncio.sleep(0.1)


@pytest.fixture
async def served(
    mqtt_broker: MqttBroker, processes: Processes, tmp_path: Path
) -> AsyncIterator[tuple[Lab, str]]:
    """A lab whose ledger holds a campaign, its search node, and where that is served."""
    place = tmp_path / "data" / "kit" / "broker"
    place.mkdir(parents=True)
    recorded_lab(CONDUCTIVITY, place)
    async with lab_of(mqtt_broker, processes, tmp_path / "data") as lab:
        with socket.create_server(("127.0.0.1", 0)) as free:
            port = free.getsockname()[1]
        await lab.start("search", "search", "--param", f"http_port={port}")
        await until_up_to_date(lab)
        yield lab, f"http://127.0.0.1:{port}"


def over_http(url: str) -> None:
    """Ask the port in every way that the SPARQL protocol names."""
    with httpx.Client(base_url=url, timeout=30) as http:
        got = http.get("/sparql", params={"query": QUERY})
        assert got.headers["content-type"].startswith("application/sparql-results+json")
        rows = got.json()["results"]["bindings"]
        assert len(rows) > 4
        posted = http.post("/sparql", content=QUERY,
                           headers={"Content-Type": "application/sparql-query",
                                    "Accept": "text/csv"})  # fmt: skip
        assert len(list(csv.DictReader(io.StringIO(posted.text)))) == len(rows)
        form = http.post(
            "/sparql", data={"query": "CONSTRUCT { ?s a ?o } WHERE { ?s a ?o } LIMIT 3"}
        )
        assert form.headers["content-type"].startswith("text/turtle")
        refused = {
            "update": http.post("/sparql", data={"update": "CLEAR ALL"}),
            "INSERT": http.get("/sparql", params={"query": "INSERT DATA { <a:> <b:> <c:> }"}),
            "exactly one query": http.get("/sparql"),
            "one graph": http.get("/sparql", params={"query": QUERY, "default-graph-uri": "a:"}),
        }
        for words, answer in refused.items():
            assert answer.status_code == 400, words
            assert words in answer.text
        assert http.get("/elsewhere").status_code == 404
        assert http.put("/sparql").status_code == 501
        assert http.get("/status", headers={"Host": "evil.example"}).status_code == 421
        assert http.get("/sparql", params={"query": QUERY},
                        headers={"Accept": "image/png"}).status_code == 406  # fmt: skip
        assert http.post("/sparql", content="x",
                         headers={"Content-Type": "text/x"}).status_code == 415  # fmt: skip
        found = http.get("/results", params=[
            ("quantity", "ionic conductivity"), ("containing", "LiPF6"), ("at", "298 K"),
            ("limit", "2"), ("simulated", "true"),
        ]).json()  # fmt: skip
        assert len(found["found"]) == found["next"] == 2
        assert http.get("/results", params={"colour": "red"}).status_code == 400
        near = http.get("/related", params={"like": found["found"][0]["result"]}).json()
        assert near["found"][0]["distance"] < 0.5
        page = http.get("/", params={"q": "conductivity of <b>EC</b> electrolytes"})
        assert "<table>" in page.text
        assert "&lt;b&gt;" in page.text
        assert "http" not in page.text.replace("http-equiv", ""), (
            "nothing is fetched from elsewhere"
        )


async def test_search_as_a_lab_has_it(
    served: tuple[Lab, str], capsys: pytest.CaptureFixture[str]
) -> None:
    lab, url = served
    await asyncio.to_thread(over_http, url)
    page = await ask(lab, "search.sparql", query=QUERY, limit=3)
    assert (page["rows"], page["next"]) == (3, 3)
    with pytest.raises(CallRefusedError, match="SERVICE is not answered"):
        await ask(lab, "search.sparql", query="SELECT * { SERVICE <urn:x> { ?s ?p ?o } }")
    everything = await ask(lab, "search.sparql", query="SELECT * { ?s ?p ?o }")
    assert everything["rows"] > 100, "as much as a message carries"

    def labmesh(*arguments: str) -> str:
        assert main([*arguments, "--mqtt", lab.place.mqtt, "--site", "kit"]) == 0
        return capsys.readouterr().out

    (found,) = (await ask(lab, "search.find", text="simulated conductivity", limit=1))["found"]
    text = await asyncio.to_thread(
        labmesh, "search", "simulated ionic conductivity above 1 mS/cm", "--provenance"
    )
    assert "two_electrode" in text
    assert "made from" in text
    for line in CONSOLE:
        words = line.replace("$RESULT", found["result"]).replace("$SAMPLE", found["sample"])
        words = words.replace("query.rq", str(REFERENCE))
        shown = await asyncio.to_thread(labmesh, *shlex.split(words.removeprefix("labmesh ")))
        assert len(shown.splitlines()) > 1, line
    told = json.loads(await asyncio.to_thread(labmesh, "search", "--containing", "EC", "--json"))
    secret = next(f for f in told["found"] if f["kind"] == "simulated" and f["sample"])["result"]

    await lab.client.post_result(
        Result(
            quantity="access", method="declaration", outcome="resolved",
            parameters={"subject": "result", "name": secret},
            data={"subject": "result", "name": secret, "level": "confidential", "person": "Ada",
                  "contact": "Ada"},
        )
    )  # fmt: skip
    await until_up_to_date(lab, withheld=len(await entries_of(lab, secret)))
    query = f"SELECT * {{ <urn:uuid:{secret}> ?p ?o }}"
    inside = await ask(lab, "search.sparql", query=query)
    assert inside["rows"] > 10
    async with visit(Place(mqtt=lab.place.mqtt, site="dtu", ledger=None), "them") as visitor:
        outside = await visitor.caller.call(SEARCH, "search.sparql", {"query": query}, timeout=30)
    assert outside["rows"] == 0
    answer = await asyncio.to_thread(httpx.get, f"{url}/sparql", params={"query": query})
    assert not answer.json()["results"]["bindings"]

    before = await ask(lab, "search.status")
    after = await ask(lab, "search.rebuild")
    assert after["rebuilds"] == before["rebuilds"] + 1
    again = await until_up_to_date(lab, withheld=before["withheld"])
    assert again["triples"] == before["triples"]


async def entries_of(lab: Lab, result: str) -> list[int]:
    """Return the offsets of the entries that hang on a result, as the book of access tells."""
    from labmesh.access import AccessBook
    from labmesh.record import mesh_record

    book, entries = AccessBook(), []
    async for entry in mesh_record(lab.client, lab.folder / "unused").entries():
        book.take(entry)
        entries.append(entry)
    assert not book.of_result(result).files_open()
    return [entry.offset for entry in entries if not book.may_leave(entry)]
