"""The lab's own cells whose end of life was reached: found in the ledger, and learned from."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final
from uuid import UUID

import numpy as np

from labmesh.client import LabClient
from messages.cell import BatteryChemistry
from messages.envelope import validate
from messages.errors import ConfigurationError, LabmeshError, OrderError
from messages.ledger import ResultStatus
from messages.model_card import ModelCard
from messages.query import ResultView
from nodes.degradation._cell import CellData, cell_data
from nodes.degradation._chemistry import chemistry_of
from nodes.degradation._fade import END
from nodes.degradation._features import GAIN, LEAST, VARIANCE
from nodes.degradation._known import NotPredictableError, known_of
from nodes.degradation._regression import PRIOR
from nodes.degradation._retrain import prior_of
from nodes.degradation._source import CYCLING, cell_of, read_result
from nodes.degradation._statistical import StatisticalModel
from nodes.degradation._train import train
from nodes.degradation._trajectory import ended_at
from nodes.degradation._trajectory_card import OF_THE_TRAJECTORY

HORIZONS: Final = (100, 40, 30)
"""Cycles that must be known, one model each; the longest first."""

_FEATURES: Final = (VARIANCE, LEAST, GAIN)
"""As published, charges over the capacity of the first cycle after formation."""

_PREDICTION: Final = ("degradation_eol", "degradation_model")
_ASSEMBLY: Final = ("cell_assembly", "autobass_assembly")

TEACH: Final = (*CYCLING, _PREDICTION, _ASSEMBLY)
"""Capabilities whose results tell of cells: their cycles, or what they are made of."""


@dataclass(frozen=True)
class OwnCell:
    """A cell whose end was reached.

    Attributes:
        result: That shows it.
        offset: Of the result.
        data: Its cycles.
        life: The cycle at which it was spent.
    """

    result: UUID
    offset: int
    data: CellData
    life: float


@dataclass
class OwnCells:
    """What was found so far; the ledger is read from where it was left."""

    _cells: dict[str, OwnCell] = field(default_factory=dict)
    _chemistry: dict[str, str] = field(default_factory=dict)
    _left_out: dict[str, str] = field(default_factory=dict)
    _open: dict[UUID, ResultView] = field(default_factory=dict)
    _read_to: dict[tuple[str, str], int] = field(default_factory=dict)

    async def read(self, lab: LabClient, *, patience: float) -> None:
        """Read what is new in the ledger.

        Raises:
            CallError: The ledger does not answer.
            ArtifactError: Nor does who has a table.
        """
        await self._read_chemistries(lab)
        for key in CYCLING:
            async for view in self._new(lab, key):
                if _ends(view):
                    self._open[view.id] = view
        for identity, view in list(self._open.items()):
            cell = cell_of(view)
            chemistry = self._chemistry.get(cell) or self._chemistry.get(str(identity))
            if chemistry is None:
                self._left_out[str(identity)] = f"nobody has said what {cell or 'its cell'} is of"
                continue
            await self._take(lab, view, chemistry, patience)
            del self._open[identity]

    def train(self, least: int) -> tuple[StatisticalModel, ...]:
        """Return a model of every chemistry and horizon with ``least`` cells; blocks."""
        found = []
        groups: dict[tuple[str, bool], list[OwnCell]] = {}
        for cell in sorted(self._cells.values(), key=lambda cell: cell.offset):
            groups.setdefault((cell.data.chemistry, cell.data.simulated), []).append(cell)
        for (chemistry, simulated), cells in sorted(groups.items()):
            for horizon in HORIZONS:
                model = self._trained(chemistry, cells, horizon, least, simulated=simulated)
                if model is not None:
                    found.append(model)
        return tuple(found)

    def again(self, card: ModelCard) -> StatisticalModel:
        """Return the model of a card, trained again from the results that it names; blocks.

        Raises:
            ConfigurationError: Not all of them are known here.
        """
        wanted = set(card.results)
        cells = [cell for cell in self._cells.values() if cell.result in wanted]
        cells.sort(key=lambda cell: cell.offset)
        model = None
        if len(cells) == len(wanted):
            model = self._trained(
                card.chemistry, cells, card.cycles, 1,
                simulated=card.simulated, prior=prior_of(card),
            )  # fmt: skip
        if model is None:
            raise ConfigurationError(
                f"{len(wanted)} results trained {card.name}, and {len(cells)} of them are here",
                remedy="train it again where the ledger is that its results are in",
            )
        return model

    def words(self, least: int, models: tuple[StatisticalModel, ...]) -> str:
        """Say how it stands."""
        chemistries: dict[str, int] = {}
        for cell in self._cells.values():
            chemistries[cell.data.chemistry] = chemistries.get(cell.data.chemistry, 0) + 1
        parts = [f"{count} of {name}" for name, count in sorted(chemistries.items())]
        known = f"{len(self._cells)} own cells reached their end" + (
            f" ({', '.join(parts)})" if parts else ""
        )
        return f"{known}; {len(models)} models trained on them; {least} cells are needed"

    async def _take(
        self, lab: LabClient, view: ResultView, chemistry: str, patience: float
    ) -> None:
        identity, cell = str(view.id), cell_of(view) or str(view.id)
        try:
            measured = await read_result(lab, view, patience=patience)
            data = cell_data(
                None, table=measured.table, summary=measured.summary,
                formation=measured.formation, simulated=measured.simulated,
                chemistry=chemistry,
            )  # fmt: skip
            known = known_of(
                data.capacity, formation=data.formation, cycle=data.cycle, ended=data.ended
            )
        except (OrderError, NotPredictableError) as error:
            if isinstance(error, OrderError) and error.retryable:
                raise
            self._left_out[identity] = error.what
            return
        life = ended_at(known, END)
        if life is None or not known.sound:
            self._left_out[identity] = (
                "; ".join(known.remarks) or "its end was not reached for good"
            )
            return
        self._left_out.pop(identity, None)
        self._cells[cell] = OwnCell(view.id, view.offset, data, life)

    def _trained(
        self,
        chemistry: str,
        cells: list[OwnCell],
        horizon: int,
        least: int,
        *,
        simulated: bool,
        prior: Mapping[str, float] = PRIOR,
    ) -> StatisticalModel | None:
        usable = []
        for cell in cells:
            features = cell.data.features(horizon, per=cell.data.reference)
            if cell.life > horizon and all(name in features for name in _FEATURES):
                usable.append((cell, [features[name] for name in _FEATURES]))
        if len(usable) < least:
            return None
        words = re.sub(r"[^a-z0-9]+", "-", chemistry.lower()).strip("-")
        made = "simulated" if simulated else "own"
        return train(
            f"{made}-{words}-{horizon}",
            _FEATURES,
            np.array([row for _, row in usable]),
            np.array([cell.life for cell, _ in usable]),
            chemistry=chemistry,
            cycles=horizon,
            end_of_life=OF_THE_TRAJECTORY,
            source="the ledger",
            results=tuple(cell.result for cell, _ in usable),
            left_out=dict(sorted(self._left_out.items())[:100]),
            simulated=simulated,
            relative=True,
            prior=prior,
        )

    async def _read_chemistries(self, lab: LabClient) -> None:
        async for view in self._new(lab, _ASSEMBLY):
            said = _chemistry(view.parameters.get("cell"))
            for step in view.samples if said else ():
                self._chemistry.setdefault(str(step.sample), said)
        async for view in self._new(lab, _PREDICTION):
            said = _chemistry(view.parameters)
            info = view.parameters.get("cell_info")
            cell = info.get("sample") if isinstance(info, dict) else None
            for name in (cell, view.parameters.get("cycling_result")):
                if said and name:
                    self._chemistry.setdefault(str(name), said)

    async def _new(self, lab: LabClient, key: tuple[str, str]) -> Any:
        after = self._read_to.get(key)
        since = {} if after is None else {"after": after}
        async for view in lab.results(quantity=key[0], method=key[1], **since):
            self._read_to[key] = view.offset
            if view.status is not ResultStatus.DELETED:
                yield view


def _chemistry(plain: Any) -> str:
    """Return the chemistry of a cell's or a request's map; empty where it does not say."""
    try:
        said = validate(BatteryChemistry, plain["battery_chemistry"], where="battery_chemistry")
    except (LabmeshError, KeyError, TypeError):
        return ""
    found = chemistry_of(said)
    return "" if found == "?|?" else found


def _ends(view: ResultView) -> bool:
    """Whether a result's own summary says that the cell may have been spent; cheap."""
    if view.outcome != "resolved":
        return False
    try:
        capacity = np.frombuffer(view.data["summary"]["discharge_capacity"]["data"], dtype="<f8")
    except (KeyError, TypeError, ValueError):
        return False
    positive = capacity[capacity > 0]
    return bool(positive.size > 2 and positive.min() < END * positive.max())
