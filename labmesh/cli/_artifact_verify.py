"""The broker node compares its artifacts with their hashes, one after another."""

from __future__ import annotations

import click

from labmesh.cli._records import MeshRecords, collect
from labmesh.cli._session import Session
from messages.artifact import ArtifactView
from messages.envelope import validate
from messages.errors import CallRefusedError
from messages.model import JsonObject

_SLOW = 600.0
"""Wall seconds for the largest artifact, read from a slow disk."""


async def verify_artifacts(session: Session, result: str | None) -> None:
    """Verify all artifacts, or those of one result; exit with 1 where one is not sound."""
    async with session.visit() as visitor:
        ledger = visitor.place.need_ledger()
        source = MeshRecords(visitor, ledger, session.patience)
        items = await collect(source, "query.artifacts", "artifacts", {"result": result}, None)
        views = [validate(ArtifactView, item, where="artifact") for item in items]
        found: list[JsonObject] = []
        for view in {view.sha256: view for view in views}.values():
            state: str = view.state
            if state == "held":
                try:
                    answer = await visitor.caller.call(
                        ledger, "artifact.verify", {"sha256": view.sha256}, timeout=_SLOW
                    )
                    state = "sound" if answer["sound"] else "damaged"
                except CallRefusedError as error:
                    if error.code == "not_active":
                        raise
                    state = "missing"
            found.append({"sha256": view.sha256, "name": view.name, "state": state})
    bad = [each for each in found if each["state"] != "sound"]
    if session.out.as_json:
        session.out.document(found)
    else:
        session.out.table(
            ("sha256", "name", "state"),
            ((each["sha256"], each["name"], each["state"]) for each in bad),
            empty=f"artifacts that are sound: {len(found)}",
        )
    if bad:
        click.get_current_context().exit(1)
