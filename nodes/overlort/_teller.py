"""Tells the requester, the operator and the launch how a workflow fares."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from messages.errors import LabmeshError, OrderVoidError
from nodes.overlort._definition import Workflow
from nodes.overlort._facts import WorkflowRequest
from nodes.overlort._picture import Picture
from nodes.overlort._words import progress_words, trouble_of

if TYPE_CHECKING:
    from labmesh import Order
    from nodes.overlort._node import OverlortNode


class Telling:
    """`Teller` of a node: feedback of the order, diagnostics, milestones, the log.

    Args:
        node: The node.
        workflow: The workflow.
        request: What it answers.
        order: The order, None where there is none any more.

    Attributes:
        trouble: What a person should do something about, and what; None: nothing.
    """

    def __init__(
        self,
        node: OverlortNode,
        workflow: Workflow,
        request: WorkflowRequest,
        order: Order[Any] | None,
    ) -> None:
        self._node = node
        self._workflow = workflow
        self._request = request
        self._order = order
        self._said = ""
        self._waits = ""
        self._done = -1
        self._held: tuple[str, str] | None = None
        self.trouble: tuple[str, str] | None = None

    async def progress(self, picture: Picture) -> None:
        """See `Teller.progress`."""
        words = progress_words(picture)
        self._held = trouble_of(picture)
        done = sum(entry.phase.settled for _, entry in picture.entries)
        total = max(sum(max(len(s.entries), 1) for s in picture.steps.values()), done)
        if done != self._done:
            self._done = done
            task = f"{self._workflow.name} {str(self._request.id)[-4:]}"
            try:
                await self._node.milestone(task, done, total, words)
            except LabmeshError as error:
                self._node.log.debug(f"milestone not told: {error}")
        await self._say(picture.fraction, words)

    async def waiting(self, words: str) -> None:
        """See `Teller.waiting`."""
        if words != self._waits:
            self._waits = words
            if words:
                self._node.log.warn(f"workflow {self._request.id} {words}")
            await self._say(None, words or "goes on")

    async def _say(self, fraction: float | None, words: str) -> None:
        held, waits = self._held, self._waits
        before = self.trouble
        self.trouble = held or ((f"{self._request.id} {waits}", _START) if waits else None)
        if self.trouble != before:
            if held is not None:
                self._node.log.warn(f"workflow {self._request.id}: {held[0]}; {held[1]}")
            self._node.told()
        text = f"{words}; {held[0]}, {held[1]}" if held else words
        if text == self._said:
            return
        self._said = text
        self._node.log.info(f"workflow {self._workflow.name} {self._request.id}: {words}")
        if self._order is not None:
            try:
                await self._order.feedback(fraction, text)
            except OrderVoidError:
                # Whoever took the order away has cancelled this task as well.
                self._node.log.debug("the order is void")


_START: Final = "start a node that offers it: labmesh capability list shows what is offered"
