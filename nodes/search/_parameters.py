"""Parameters of the search node."""

from __future__ import annotations

from labmesh.node import NodeParameters, parameter


class SearchParameters(NodeParameters):
    """Parameters of a `SearchNode`."""

    http_port: int = parameter(
        0, ge=0, le=65535, effect="configure", listens=True,
        description="port of the search page, of SPARQL and of lists; 0: there is none",
    )  # fmt: skip
    http_address: str = parameter(
        "127.0.0.1", effect="configure",
        description="interface of that port; 0.0.0.0 opens it to everyone who reaches the machine",
    )  # fmt: skip
    http_confidential: bool = parameter(
        False, effect="configure",
        description="the site's word that whoever reaches the port may see what is confidential",
    )  # fmt: skip
    time_limit: float = parameter(
        20.0, gt=0, le=600, unit="s", description="after which a query is ended"
    )
    row_limit: int = parameter(
        10_000, ge=1, le=1_000_000, description="most rows of one answer over HTTP"
    )
    queries: int = parameter(
        2, ge=1, le=4, effect="configure", description="SPARQL queries of others at a time"
    )
    memory_limit: int = parameter(
        8 * 1024**3, ge=1024**3, unit="By", effect="configure",
        description="address space of the process that has the store; a query that needs more ends",
    )  # fmt: skip
