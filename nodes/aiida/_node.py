"""The AiiDA node: a low-fidelity conductivity, computed with its provenance graph."""

from __future__ import annotations

import asyncio
from importlib import import_module
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any, Final

from labmesh import Node, Order, capability
from messages.chemistry import EC, EMC, LIPF6, PC, RunInfo
from messages.electrolyte import ConductivityInput, ConductivityOutput
from messages.model import JsonObject
from messages.node import Level
from messages.quantity import Quantity
from messages.reproducibility import Recipe
from nodes.aiida._composition import composition_of
from nodes.aiida._parameters import AiidaParameters
from nodes.aiida._profile import AiidaProfile, need_aiida, open_profile
from nodes.aiida._worker import Worker

if TYPE_CHECKING:
    from nodes.aiida._model import ConductivityModel
    from nodes.aiida._store import Computed, ProcessStore

ARCHIVE_TYPE: Final = "application/vnd.aiida.archive+zip"
"""Media type of an exported graph; AiiDA has registered none."""


class AiidaNode(Node[AiidaParameters]):
    """Computes conductivities by published data, each as a process of AiiDA."""

    Parameters = AiidaParameters
    _worker: Worker | None = None
    _profile: AiidaProfile | None = None
    _store: ProcessStore
    _model: ConductivityModel

    async def on_configure(self) -> None:
        """Open the profile; make it at the first start."""
        need_aiida()
        self._worker = Worker()
        try:
            profile, mended = await self._worker.run(self._open)
        except BaseException:
            await self._close()
            raise
        how = "made" if profile.created else "opened"
        self.log.info(f"AiiDA profile {how}", folder=str(profile.folder), uuid=profile.uuid)
        self.diagnose("profile", Level.OK, f"open, AiiDA {profile.version}")
        if mended:
            self.log.warn("marked processes that a dead program left unfinished", count=mended)

    async def on_cleanup(self) -> None:
        """Close the profile."""
        await self._close()

    async def on_shutdown(self) -> None:
        """Close the profile."""
        await self._close()

    def limitations(self, quantity: str, method: str) -> JsonObject:
        """LiPF6, EC, EMC and PC alone, at temperatures that an equation reaches."""
        chemical = {
            "properties": {"inchikey": {"enum": [c.key for c in (LIPF6, EC, EMC, PC)]}},
            "required": ["inchikey"],
        }
        components = {"items": {"properties": {"chemical": chemical}}}
        return {
            "properties": {
                "formulation": {"properties": {"components": components}},
                "temperature": {"minimum": 243.15, "maximum": 343.15},
            }
        }

    @capability("conductivity", "polynomial_interpolation", process="PropertyInterpolation")
    async def conductivity(self, order: Order[ConductivityInput]) -> ConductivityOutput:
        """Low fidelity: conductivity from an equation fitted to published data, run by AiiDA."""
        asked = order.parameters
        # Refused before a process begins: a graph of nothing helps nobody.
        self._model.predict(composition_of(asked.formulation), asked.temperature)
        found = await self._thread.run(
            self._store.compute, order.request, asked.formulation, asked.temperature
        )
        if self.parameters.archive:
            await self._attach(order, found.uuid)
        out = found.output
        order.rate(success=True, rating=out["rating"], reason=out["reason"])
        order.note(**self._notes(found))
        order.reproducible(self._recipe(out["equation"]), "aiida-core", "numpy")
        return ConductivityOutput(
            run_info=RunInfo(formulation=asked.formulation, internal_reference=found.uuid),
            conductivity=Quantity.of(out["conductivity"], "S/m", out["uncertainty"]),
            temperature=Quantity.of(asked.temperature, "K"),
        )

    @property
    def _thread(self) -> Worker:
        assert self._worker is not None  # noqa: S101 - orders come to a configured node alone
        return self._worker

    def _open(self) -> tuple[AiidaProfile, int]:
        """Open the profile and mend it; return it, and how many processes were cut off."""
        model = import_module("nodes.aiida._model")
        store = import_module("nodes.aiida._store")
        self._model = model.shipped_model()
        self._profile = open_profile(self.data_dir / "aiida", self.parameters.email)
        self._store = store.ProcessStore(self._profile, self._model)
        return self._profile, self._store.mend()

    async def _close(self) -> None:
        worker, profile = self._worker, self._profile
        self._worker = self._profile = None
        if worker is None:
            return
        if profile is not None:
            await worker.run(profile.close)
        await asyncio.to_thread(worker.close)

    async def _attach(self, order: Order[Any], uuid: str) -> None:
        with TemporaryDirectory() as folder:
            path = Path(folder) / f"{uuid}.aiida"
            await self._thread.run(self._store.export, uuid, path)
            await order.attach(path, media_type=ARCHIVE_TYPE)

    def _recipe(self, equation: str) -> Recipe:
        about = self._model.about(equation)
        return Recipe(
            model=f"{equation} v{self._model.version}@{self._model.sha256[:12]}",
            initial_parameters={"equation": equation, "coefficients_sha256": self._model.sha256},
            training_sha256=about["data"]["sha256"],
            training_data=f"{about['data']['file']}, from {', '.join(about['dois'])}",
        )

    def _notes(self, found: Computed) -> JsonObject:
        assert self._profile is not None  # noqa: S101
        equation = found.output["equation"]
        return {
            "aiida": {
                "version": self._profile.version,
                "profile": self._profile.uuid,
                "process": found.uuid,
                "ran_before": found.again,
                "graph": found.graph,
            },
            "model": {
                "version": self._model.version,
                "sha256": self._model.sha256,
                "equation": equation,
                **self._model.about(equation),
            },
            "uncertainty_parts": found.output["parts"],
            "extrapolated": found.output["left"],
        }
