"""Learning from the ledger while the node runs: which models there are now, and their cards."""

from __future__ import annotations

import asyncio
import hashlib
import json
from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import Any, Final
from uuid import UUID, uuid5

from labmesh import LabmeshError, Level, Node, Order, OrderError
from labmesh.reproducibility import REPRODUCIBILITY, reproducible
from labmesh.transport import Subscription
from messages.cycling_data import DataFile
from messages.envelope import Header
from messages.errors import ArtifactError, CallError, RefusedError, TransportError
from messages.ledger import ArtifactRef, Entry, Provenance, Result
from messages.model_card import TRAINING, ModelCard, TrainingInput, TrainingOutput
from messages.topics import Topic
from nodes.degradation._cards import PACKAGES, recipe_of_all
from nodes.degradation._own_cells import TEACH, OwnCells
from nodes.degradation._parameters import DegradationParameters
from nodes.degradation._published_models import published_models
from nodes.degradation._statistical import StatisticalModel
from nodes.degradation._trajectory_card import trajectory_card

_NAMESPACE: Final = UUID("5b0e6f0a-3f0e-5b52-8f5a-4d4d51a3c6e2")
_PAUSE: Final = 0.5
_PATIENCE: Final = 5.0
"""Wall seconds between two tries while the ledger cannot be had: first and last."""

Attach = Callable[..., Awaitable[ArtifactRef]]


class School:
    """The models of a node. Published ones always; the lab's own as soon as there are cells.

    Args:
        node: The node.
    """

    def __init__(self, node: Node[DegradationParameters]) -> None:
        self._node = node
        self._published = published_models()
        self._own: tuple[StatisticalModel, ...] = ()
        self._cells = OwnCells()
        self._learning = asyncio.Lock()
        self._news = asyncio.Event()
        self._task: asyncio.Task[None] | None = None
        self._heard: Subscription | None = None

    def models(self) -> tuple[StatisticalModel, ...]:
        """Return the models that may speak, the lab's own first."""
        return (*self._own, *self._published)

    async def begin(self) -> None:
        """Tell the ledger of the models, learn from what it holds, and go on with what comes."""
        self._task = self._node.spawn(self._live(), name="models")

    async def end(self) -> None:
        """Learn no more."""
        task, self._task = self._task, None
        if task is not None:
            task.cancel()
            await asyncio.wait({task})
        if self._heard is not None:
            with suppress(LabmeshError):
                await self._heard.cancel()
            self._heard = None

    async def train(self, order: Order[TrainingInput]) -> TrainingOutput:
        """Learn now, and return the cards with their files."""
        wanted = order.parameters.chemistry
        words = await self._learn() if self._node.parameters.learn else "learning is off"
        found = [model for model in self.models() if wanted in ("", model.card.chemistry)]
        cards, _ = await _attached(found, order.attach)
        order.reproducible(recipe_of_all(cards), *PACKAGES)
        order.simulated = any(card.simulated for card in cards)
        return TrainingOutput(cards=cards, words=words)

    async def _live(self) -> None:
        await self._patiently(self._tell_published)
        if not self._node.parameters.learn:
            return
        lab = self._node.lab
        pattern = self._node.mesh.topics.of(lab.ledger, "journal", "result", "+", "+")
        self._heard = await self._node.mesh.on_message(pattern, Entry, self._hear)
        while True:
            self._news.clear()
            words = await self._patiently(self._learn)
            self._node.diagnose("models", Level.OK, words)
            with suppress(TimeoutError):
                await asyncio.wait_for(self._news.wait(), self._node.parameters.learn_interval)

    def _hear(self, entry: Entry, header: Header, topic: Topic) -> None:
        if (entry.body.get("quantity"), entry.body.get("method")) in TEACH:
            self._news.set()

    async def _learn(self) -> str:
        """Read what is new, train what has changed, tell of it; return how it stands in words."""
        async with self._learning:
            node = self._node
            await self._cells.read(node.lab, patience=node.parameters.patience)
            before = {model.card.name for model in self._own}
            least = node.parameters.least_cells
            self._own = await node.in_thread(self._cells.train, least)
            for model in self._own:
                if model.card.name not in before:
                    node.log.info("trained", model=model.card.name, cells=model.card.cells)
                    await self._tell([model])
            return self._cells.words(least, self._own)

    async def _tell_published(self) -> None:
        await self._tell(list(self._published), trajectory_card())

    async def _tell(self, models: list[StatisticalModel], *more: ModelCard) -> None:
        """Post cards as a result that nobody asked for; the same ones again add nothing."""
        node = self._node
        cards, kept = await _attached(models, node.lab.attach)
        cards = (*cards, *more)
        output = TrainingOutput(cards=cards)
        quantity, method = TRAINING
        chemistry = models[0].card.chemistry if models else ""
        result = Result(
            quantity=quantity,
            method=method,
            parameters=TrainingInput(chemistry=chemistry).model_dump(),
            outcome="resolved",
            data=output.model_dump(mode="json"),
            provenance=Provenance(
                software=f"labmesh {cards[0].software.get('labmesh', '')}".rstrip(),
                simulated=any(card.simulated for card in cards),
            ),
            artifacts=kept,
        )
        result = reproducible(result, __name__, recipe_of_all(cards), *PACKAGES)
        made = result.provenance.notes[REPRODUCIBILITY]
        words = json.dumps([result.data, made], sort_keys=True)
        digest = hashlib.sha256(words.encode()).hexdigest()
        await node.lab.post_result(result, id=uuid5(_NAMESPACE, f"{node.id} {digest}"))

    async def _patiently(self, work: Callable[[], Awaitable[Any]]) -> Any:
        """Return what ``work`` returns, trying again while the ledger cannot be had."""
        pause = _PAUSE
        while True:
            try:
                return await work()
            except (CallError, TransportError, ArtifactError, OrderError, RefusedError) as error:
                # A refusal is for the capability: the ledger has not read this node's offer yet.
                self._node.diagnose("models", Level.WARN, f"waits for the ledger: {error}")
                await asyncio.sleep(pause)
                pause = min(2 * pause, _PATIENCE)


async def _attached(
    models: list[StatisticalModel], attach: Attach
) -> tuple[tuple[ModelCard, ...], tuple[ArtifactRef, ...]]:
    """Return cards that name their files, and the files' references."""
    cards, files = [], []
    for model in models:
        name = f"{model.card.name.replace('@', '-')}.json"
        content = model.document().encode()
        kept = await attach(content, name=name, media_type="application/json")
        file = DataFile(name=kept.name, sha256=kept.sha256)
        cards.append(model.card.model_copy(update={"file": file}))
        files.append(kept)
    return tuple(cards), tuple(files)
