"""Parameters of the degradation node."""

from __future__ import annotations

from labmesh import NodeParameters, parameter


class DegradationParameters(NodeParameters):
    """Parameters of a `DegradationNode`."""

    learn: bool = parameter(
        True, description="train on cells of the ledger whose end of life was reached"
    )
    least_cells: int = parameter(
        12, ge=6, le=10_000, description="cells of a chemistry from which a model is trained"
    )
    learn_interval: float = parameter(
        600.0, ge=1, unit="s",
        description="wall time between two looks for results that the journal did not tell of",
    )  # fmt: skip
    patience: float = parameter(
        30.0, gt=0, unit="s", description="wall time without an answer until a table is given up"
    )
