"""What a node process is started with."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from labmesh.place import Place
from messages.ids import NodeId
from messages.model import JsonObject


@dataclass(frozen=True, slots=True, kw_only=True)
class NodeOptions:
    """A node's start-up options.

    Attributes:
        place: The mesh to join, and the site to join it at.
        name: The node's own name.
        data_dir: Folder of the mesh's files; the node's own are below ``{site}/{name}``.
        parameters: Values that differ from the defaults.
        autostart: Configure and activate at once.
        patience: Wall seconds to wait for the MQTT broker at the start.
        succeeds: None: the name must be free. A number: the name is this process's by right,
            whoever still answers to it; boots are counted on from that epoch, should nothing newer
            be known.
        remap: Logical name of an input or call target to the node that it stands for here.
        container: The node in whose process this one runs, if any.
    """

    place: Place
    name: str
    data_dir: Path
    parameters: JsonObject = field(default_factory=dict)
    autostart: bool = True
    patience: float = 10.0
    succeeds: int | None = None
    remap: Mapping[str, NodeId] = field(default_factory=dict)
    container: NodeId | None = None

    @property
    def id(self) -> NodeId:
        """``site/name``."""
        return NodeId(self.place.site, self.name)
