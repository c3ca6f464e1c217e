# ruff: noqa: PLC0415 - AiiDA is an extra, heavy, and reads AIIDA_PATH when it is imported
"""A process with all it used and made, as plain JSON, and as a sealed AiiDA archive."""

from __future__ import annotations

import contextlib
import io
from pathlib import Path
from typing import Any

from messages.model import JsonObject


def graph_of(process: Any) -> JsonObject:
    """Return nodes (uuid, type, label) and links (from, to, type, label) around a process node."""
    nodes = {process.uuid: _node(process)}
    links = []
    for triple in process.base.links.get_incoming().all():
        nodes[triple.node.uuid] = _node(triple.node)
        links.append(_link(triple.node, process, triple))
    for triple in process.base.links.get_outgoing().all():
        nodes[triple.node.uuid] = _node(triple.node)
        links.append(_link(process, triple.node, triple))
    return {
        "nodes": list(nodes.values()),
        "links": sorted(links, key=lambda link: (link["type"], link["label"])),
    }


def export(process: Any, path: Path) -> None:
    """Write the archive of a process with all it used and made; ``path`` must not exist."""
    from aiida.tools.archive import create_archive

    # It prints a report of what it is about to do.
    with contextlib.redirect_stdout(io.StringIO()):
        create_archive([process], filename=path, include_logs=True, strip_checkpoints=True)


def _node(node: Any) -> JsonObject:
    return {"uuid": node.uuid, "type": node.node_type.rstrip("."), "label": node.label}


def _link(source: Any, target: Any, triple: Any) -> JsonObject:
    return {
        "from": source.uuid,
        "to": target.uuid,
        "type": triple.link_type.value,
        "label": triple.link_label,
    }
