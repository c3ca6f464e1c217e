"""The vial of electrolyte as the ledger knows it: how much is in it."""

from __future__ import annotations

from labmesh.client import LabClient
from messages.errors import CallError, OrderError
from messages.ledger import FromState
from messages.sample_state import ENDS
from nodes.autobass._result import Vial


async def find_vial(lab: LabClient, sample: str, start: FromState | None) -> Vial | None:
    """Return the vial a request may take from; None where it does not name the vial's state.

    Args:
        lab: The ledger.
        sample: The electrolyte.
        start: The state the request begins from, which the ledger has compared.

    Raises:
        OrderError: The vial is empty or thrown away; the request begins from a state of something
            else; the ledger does not answer.
    """
    if start is None:
        return None
    if start.sample != sample:
        raise OrderError(
            f"the request begins from a state of {start.sample}, and the electrolyte is {sample}",
            where="from_state.sample",
            remedy="name the vial's own last state",
        )
    try:
        states = (await lab.query("query.sample", {"id": sample}))["states"]
    except CallError as error:
        raise OrderError(
            f"the ledger does not say what is in {sample}: {error.what}", retryable=True
        ) from error
    label = states[-1]["label"]
    if label in ENDS:
        raise OrderError(
            f"{sample} is {label}: there is nothing to take",
            where="cell_info.electrolyte_info.sample",
            remedy="name another vial",
        )
    said = [state["properties"].get("volume") for state in states]
    volumes = [float(volume) for volume in said if isinstance(volume, int | float)]
    return Vial(start.state, label, volumes[-1] if volumes else None)
