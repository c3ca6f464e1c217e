"""Parameters of the AiiDA node."""

from __future__ import annotations

from labmesh import NodeParameters, parameter


class AiidaParameters(NodeParameters):
    """Parameters of an `AiidaNode`."""

    archive: bool = parameter(
        True,
        description="attach the provenance graph of each result as an AiiDA archive (some 7 KiB)",
    )
    email: str = parameter(
        "labmesh@localhost",
        effect="start",
        description="of the AiiDA user that a new profile is made with; it stands in every archive",
    )
