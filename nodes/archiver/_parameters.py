"""Parameters of the archiver node."""

from __future__ import annotations

from typing import Literal

from labmesh import NodeParameters, parameter

SCHEDULE = r"^([1-9]\d{0,5} ?(s|min|h|d))?$"
"""A number and a unit of time; empty for none."""


class ArchiverParameters(NodeParameters):
    """Parameters of an `ArchiverNode`."""

    kind: Literal["folder", "invenio"] = parameter(
        "folder", effect="configure",
        description="folder: crates are written into a folder; invenio: they are uploaded to an "
        "InvenioRDM (Zenodo, BIG-MAP Archive, an own one)",
    )  # fmt: skip
    folder: str = parameter(
        "", effect="configure",
        description="where the crates of kind folder are; by default in the node's own folder",
    )  # fmt: skip
    url: str = parameter(
        "", effect="configure",
        description="address of the archive's API with its base path: https://zenodo.org/api",
    )  # fmt: skip
    token_file: str = parameter(
        "", description="file of the archive's token; by default LABMESH_ARCHIVE_TOKEN of the "
        "environment holds it",
    )  # fmt: skip
    ca_file: str = parameter(
        "", effect="configure",
        description="certificates of an own archive (PEM), trusted beside the system's",
    )  # fmt: skip
    publisher: str = parameter("", description="of the records; by default the archive's host")
    community: str = parameter(
        "", description="whose reviewers publish a campaign's first version, by its short name "
        "or id; a description's own counts first",
    )  # fmt: skip
    description: str = parameter(
        "", description="YAML file of what a person says about the crates, or a folder with "
        "CAMPAIGN.yaml",
    )  # fmt: skip
    campaigns: tuple[str, ...] = parameter(
        (), description="deposited on a schedule; any other only when it is asked for"
    )
    schedule: str = parameter(
        "1 d", pattern=SCHEDULE,
        description="by the mesh's clock, how often something new is looked for: 12 h, 1 d; a "
        "description's own counts first",
    )  # fmt: skip
    timeout: float = parameter(
        60.0, gt=0, unit="s", effect="configure",
        description="wall time without a byte until a request to the archive is given up",
    )  # fmt: skip
    longest_wait: float = parameter(
        3600.0, ge=0, unit="s", effect="configure",
        description="wall time that the archive may make it wait by its rate limits",
    )  # fmt: skip
