"""The node that answers with what a ledger holds."""

from __future__ import annotations

import asyncio
from collections import Counter
from functools import partial
from typing import Final
from uuid import NAMESPACE_URL, uuid5

from pydantic import Field

from labmesh import Level, Node, NodeOptions, NodeParameters, Order, OrderError
from labmesh.node import CapabilitySpec, PlainMap
from messages.errors import RefusedError
from messages.ledger import Provenance, Result, SampleStep
from messages.model import JsonObject
from messages.query import ResultView
from nodes.recorded._nearest import as_mixture, in_words, leaves, nearest
from nodes.recorded._record import Answer, Key, canonical, read_record

_LOOKS: Final = 80
_PAUSE: Final = 0.1
"""Looks, and wall seconds between two, for the ledger to have read what this node offers."""


class RecordedParameters(NodeParameters):
    """Parameters of a `RecordedNode`."""

    ledger: str = Field(description="the ledger that answers: its file, folder or database URL")
    campaign: str = Field(default="", description="only what was asked for this one")
    durations: bool = Field(
        default=False, description="answer after as long as it took then, by the mesh's clock"
    )


class RecordedNode(Node[RecordedParameters]):
    """Answers requests with the results that a ledger holds for them; nothing is measured."""

    Parameters = RecordedParameters

    def __init__(self, options: NodeOptions) -> None:
        super().__init__(options)
        self._record = read_record(self.parameters.ledger, self.parameters.campaign)
        self._given: Counter[tuple[Key, str]] = Counter()
        self._states: dict[str, int] = {}
        for key, capability in self._record.capabilities.items():
            view = capability.view
            self.serve_by_schema(
                CapabilitySpec(
                    quantity=view.quantity,
                    method=view.method,
                    worker="model",  # nothing physical is repeated when it is asked once more
                    version=view.version,
                    resource="",
                    slots=capability.slots,
                    lease=15.0,
                    simulated=True,
                ),
                partial(self._answer, key),
                parameters=view.parameters_schema,
                result=view.result_schema,
                description=f"replayed from a record: {view.description}"[:4000],
            )

    @classmethod
    def also_serves(cls, parameters: RecordedParameters) -> tuple[tuple[str, str], ...]:
        """Return what is on record.

        Raises:
            ConfigurationError: The ledger cannot be read.
        """
        return tuple(read_record(parameters.ledger, parameters.campaign).capabilities)

    def limitations(self, quantity: str, method: str) -> JsonObject:
        """Return those of the recorded workers, so that what was refused is refused again."""
        return self._record.capabilities[quantity, method].limitations

    async def on_activate(self) -> None:
        """Put what the campaign had known into this mesh's ledger, before anybody asks."""
        if self._record.prior:
            await self.publish_offers()
            await self._post_prior()
        self.log.info(
            f"answering from the ledger at {self.parameters.ledger}, offset {self._record.offset}",
            **{
                "/".join(key): sum(map(len, capability.answers.values()))
                for key, capability in self._record.capabilities.items()
            },
        )

    async def _answer(self, key: Key, order: Order[PlainMap]) -> JsonObject:
        asked = order.parameters.plain
        answer = self._next(key, asked)
        result = answer.result
        if self.parameters.durations:
            await self.clock.sleep(_seconds(result))
        order.note(replayed=self._source(result))
        if result.failure is not None:
            failure = result.failure
            raise OrderError(
                failure.message,
                where=failure.where,
                remedy=failure.remedy,
                retryable=failure.retryable,
            )
        if result.rating is not None:
            rating = result.rating
            order.rate(success=rating.success, rating=rating.rating, reason=rating.reason)
        order.performed(result.parameters)
        for step in self._steps(result):
            order.sample(step)
        return result.data

    def _next(self, key: Key, asked: JsonObject) -> Answer:
        """Return the answer that is due.

        Raises:
            OrderError: It was never asked, or not so often; names the nearest that was.
        """
        capability = self._record.capabilities[key]
        words = canonical(asked)
        answers = capability.answers.get(words, [])
        count = self._given[key, words]
        if count < len(answers):
            self._given[key, words] += 1
            return answers[count]
        if answers:
            raise OrderError(
                f"this was answered {len(answers)} times in the record, and no more",
                remedy="ask for it less often, or let an instrument measure it",
            )
        near = self._near(key, asked)
        if words in capability.silent:
            raise OrderError(
                f"this was asked in the record and never answered, it is "
                f"{capability.silent[words]}{near}"
            )
        self.diagnose("record", Level.WARN, "something was asked that is not in the record")
        raise OrderError(f"{'/'.join(key)} was never asked so in the record{near}")

    def _near(self, key: Key, asked: JsonObject) -> str:
        """Return words that name what is nearest on record, of what still has an answer to give."""
        answers = self._record.capabilities[key].answers
        left = {w: each for w, each in answers.items() if self._given[key, w] < len(each)}
        known = [(words, leaves(each[0].asked)) for words, each in (left or answers).items()]
        wanted = leaves(asked)
        found = nearest(wanted, known)
        if found is None:
            return ""
        words = as_mixture(answers[found[0]][0].asked) or in_words(wanted, found[1], known)
        return f"; the nearest recorded one has {words}"[:2000]

    def _steps(self, result: ResultView) -> list[SampleStep]:
        """Return the steps of samples that stand in this mesh's ledger, too.

        A sample whose earlier states are not in the record is left out.
        """
        stand = []
        for step in result.samples:
            if self._states.get(step.sample) == step.expects_state:
                self._states[step.sample] = step.state
                stand.append(step)
        return stand

    def _source(self, result: ResultView) -> JsonObject:
        """Return where an answer comes from, for its provenance."""
        return {
            "result": str(result.id),
            "author": str(result.author),
            "offset": result.offset,
            "stamp": result.stamp,
            "simulated": result.provenance.simulated,
            "software": result.provenance.software,
            "artifacts": [each.sha256 for each in result.artifacts],
            "ledger_head": self._record.head,
            "ledger_offset": self._record.offset,
        }

    async def _post_prior(self) -> None:
        """Post older results under ids of their own; those that are there already stay."""
        for view in self._record.prior:
            result = Result(
                quantity=view.quantity,
                method=view.method,
                parameters=view.parameters,
                outcome=view.outcome,
                data=view.data,
                failure=view.failure,
                rating=view.rating,
                provenance=Provenance(
                    software=view.provenance.software,
                    simulated=True,
                    source=view.provenance.source,
                    notes={"replayed": self._source(view)},
                ),
                campaign=view.campaign,
            )
            identity = uuid5(NAMESPACE_URL, f"labmesh:replayed:{self.id}:{view.id}")
            for left in reversed(range(_LOOKS)):
                try:
                    await self.lab.post_result(result, id=identity)
                    break
                except RefusedError:
                    # The ledger takes results of capabilities it knows, and may not know ours yet.
                    if not left:
                        raise
                    await asyncio.sleep(_PAUSE)


def _seconds(result: ResultView) -> float:
    """Return how long a recorded result took by the clock of its experiment."""
    begun, ended = result.provenance.begun, result.provenance.ended
    return max(ended - begun, 0) / 1e9 if begun is not None and ended is not None else 0.0
