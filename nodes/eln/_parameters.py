"""Parameters of the ELN node."""

from __future__ import annotations

from typing import Literal

from labmesh import NodeParameters, parameter


class ElnParameters(NodeParameters):
    """Parameters of the ELN node."""

    system: Literal["file", "openbis", "elabftw"] = parameter(
        "file",
        description="the notebook: a folder of .eln files, an openBIS or an eLabFTW server",
        effect="configure",
    )
    folder: str = parameter(
        "", description="of the .eln files; empty for the node's own folder", effect="configure"
    )
    url: str = parameter(
        "", description="https://host of openBIS or eLabFTW; empty for none", effect="configure"
    )
    token_file: str = parameter(
        "",
        description="a file with the personal access token (openBIS) or API key (eLabFTW); empty: "
        "the environment's LABMESH_OPENBIS_TOKEN or LABMESH_ELABFTW_KEY",
        effect="configure",
    )
    ca_file: str = parameter(
        "", description="certificate of whom to trust; empty for the usual ones",
        effect="configure",
    )  # fmt: skip
    space: str = parameter("LABMESH", description="openBIS space", effect="configure")
    project: str = parameter("CAMPAIGNS", description="openBIS project", effect="configure")
    description_file: str = parameter(
        "",
        description="YAML of what a person must say of a campaign: title, authors, licence",
        effect="configure",
    )
    patience: float = parameter(
        60.0, gt=0, unit="s", description="wall time to wait for an answer of the server"
    )
