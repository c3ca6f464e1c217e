"""One cycling order, from its protocol to its result."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, TypeVar

import numpy as np

from labmesh import LabmeshError, Order, OrderError, OrderVoidError
from messages.cycling import CapacityInput, CapacityOutput
from messages.errors import CallError, CallRefusedError, EmergencyStopError
from messages.ledger import SampleStep
from messages.protocol import ConstantCurrent
from messages.sample_state import COIN_CELL
from nodes.cycler._cell import check_cell, look_up, place_of, refuse_concurrent
from nodes.cycler._desk import Assignment
from nodes.cycler._driver import ENDED, CellLimits, ChannelState, ChannelStatus, Job
from nodes.cycler._electrolyte import electrolyte_of
from nodes.cycler._features import features
from nodes.cycler._frozen import fingerprint
from nodes.cycler._library import Plan
from nodes.cycler._limits import checked
from nodes.cycler._results import attach_all, capacity_output, rated, read_and_make, scratch
from nodes.cycler.virtual import VirtualCycler

if TYPE_CHECKING:
    from nodes.cycler._base import CyclerBase

T = TypeVar("T")

_TURN: Final = 1.0
"""Wall seconds between two looks whether the order still stands."""

_PREFIX: Final = "virtual-"


class TestRun:
    """A test on one channel, for one order. After a crash it finds the test that runs already."""

    __test__ = False  # it is no test of pytest's

    def __init__(self, node: CyclerBase, order: Order[CapacityInput]) -> None:
        self._node = node
        self._order = order
        self._asked = order.parameters
        self._sample = self._asked.cell_info.sample
        self._protocol = self._hash = ""

    async def run(self) -> CapacityOutput:
        """Return the result.

        Raises:
            LabmeshError: It cannot be done, or ended early; what was measured is attached all the
                same, and the cell's new state noted.
        """
        node, order = self._node, self._order
        # Whatever is refused before the test begins leaves the cell as it was.
        order.untouched = node.desk.assignment(str(order.request)) is None
        p = node.parameters
        plan = node.library.plan(self._asked, capacity=p.nominal_capacity, record=p.record_interval)
        protocol, limits = checked(plan.protocol, p.limits)
        plan = replace(plan, protocol=protocol)
        last = await self._last_state(plan)
        await self._frozen(plan)
        request = str(order.request)
        taken = node.desk.take(
            request, str(order.requester), self._sample, self._asked.reservation_id,
            usable=await node.usable(), now=time.time_ns(),
            prefix=_PREFIX if node.cycler.simulated else "test-", attempt=order.attempt,
        )  # fmt: skip
        freed = False
        try:
            taken = await self._begun(taken, plan, limits)
            order.untouched = False
            order.performed(self._performed(plan))
            order.note(channel=taken.channel, test=taken.test, backend=node.cycler.name)
            if isinstance(node.cycler, VirtualCycler):
                order.note(synthetic=list(node.cycler.synthetic))
            status = await self._over(taken, plan)
            output = await self._result(taken, plan, status, last)
        except (OrderVoidError, EmergencyStopError):
            await self._stop(taken.channel)
            freed = True
            raise
        except asyncio.CancelledError:
            if node.gate.closed:  # the emergency stop has ended the test; else the node ends
                self._step("interrupted", self._first(last), taken.channel)
                freed = True
            raise
        except LabmeshError:
            freed = True
            raise
        else:
            freed = True
            return output
        finally:
            if freed:
                node.desk.free(request)

    async def _last_state(self, plan: Plan) -> int | None:
        """Return the number of the sample's last state; None where the ledger has no such sample.

        Raises:
            OrderError: The cell may not be cycled now, or not by this protocol.
        """
        node, order = self._node, self._order
        now = await self._answered(lambda: look_up(node.lab, self._sample))
        check_cell(
            self._sample, now, name=plan.name, wanted=plan.protocol.start_state,
            start=order.from_state, node=node.id, strict=node.parameters.require_location,
        )  # fmt: skip
        await self._answered(lambda: refuse_concurrent(node.lab, self._sample, order.request))
        return now.state

    async def _frozen(self, plan: Plan) -> None:
        """Make sure that the protocol's name stands for this protocol, from now on too.

        Raises:
            OrderError: It stands for another.
        """
        node = self._node
        if node.dry_run:
            self._hash = fingerprint(plan.canonical)
        else:
            self._hash = await self._answered(lambda: node.frozen.freeze(plan.name, plan.canonical))
        self._protocol = plan.name
        self._order.note(protocol=plan.name, protocol_hash=self._hash)

    async def _answered(self, ask: Callable[[], Awaitable[T]]) -> T:
        """Return what the ledger answers, once it does: it may be starting anew.

        Raises:
            OrderVoidError: The order does not stand any more.
        """
        while True:
            try:
                return await ask()
            except CallRefusedError:
                raise
            except CallError as error:
                self._order.check()
                self._node.log.warn(f"the ledger is asked again: {error.what}")
                await asyncio.sleep(_TURN)

    async def _begun(self, taken: Assignment, plan: Plan, limits: CellLimits) -> Assignment:
        """Begin the test, unless it runs or is over already."""
        node = self._node
        status = await node.cycler.status(taken.channel)
        if status.test == taken.test and status.state is ChannelState.STOPPED:
            taken = node.desk.again(taken.request)  # a person has released the request: anew
        elif status.test == taken.test:
            self._order.note(found_again=True)
            return taken
        await self._warm(plan)
        self._order.untouched = False
        job = Job(test=taken.test, cell=taken.cell, protocol=plan.protocol, limits=limits)
        if isinstance(node.cycler, VirtualCycler):
            job = replace(job, electrolyte=await electrolyte_of(node.lab, self._sample))
        async with node.journal.step(
            self._order.request, f"start/{taken.test}", kind="start_test", once=False,
            intent={"channel": taken.channel, "test": taken.test, "cell": taken.cell,
                    "protocol": plan.name, "cycles": plan.cycles},
        ) as step:  # fmt: skip
            if not node.dry_run or node.cycler.simulated:
                await node.cycler.start(taken.channel, job)
            step.result(begun=node.clock.now())
        node.ended(taken.channel).clear()
        return taken

    async def _warm(self, plan: Plan) -> None:
        """Bring the chamber to the protocol's temperature.

        Raises:
            OrderError: Other channels run at another one; it is one chamber for all.
        """
        node, wanted = self._node, plan.protocol.temperature
        if wanted is None or node.chamber is None:
            return
        state = await node.chamber.read()
        if abs(state.set_point - wanted) > 0.05:
            running = [s for s in await node.cycler.channels() if s.state is ChannelState.RUNNING]
            if running:
                raise OrderError(
                    f"the chamber is at {state.set_point:.2f} K for {len(running)} running tests, "
                    f"and {plan.name} asks for {wanted:.2f} K",
                    where="protocol.temperature",
                    remedy="wait for their end",
                    retryable=True,
                )
        if abs(state.set_point - wanted) > 0.05:
            await node.chamber.set_temperature(wanted)
        await self._order.feedback(0.0, f"the chamber goes to {wanted:.2f} K")
        await node.chamber.settle()

    async def _over(self, taken: Assignment, plan: Plan) -> ChannelStatus:
        """Return how the test ended, once it has; a cancel stops it."""
        node, said = self._node, ""
        while True:
            status = await node.cycler.status(taken.channel)
            if status.test != taken.test:
                raise OrderError(
                    f"channel {taken.channel} does not run {taken.test} any more, but "
                    f"{status.test or 'nothing'}",
                    where=node.cycler.name,
                    remedy="look at the cycler: somebody has used the channel by hand",
                )
            if status.state in ENDED:
                return status
            cycle = status.cycle or 1
            words = f"channel {taken.channel}: cycle {cycle} of {plan.cycles}"
            if words != said:
                said = words
                await self._order.feedback((cycle - 1) / max(plan.cycles, 1), words)
            self._order.check()
            try:
                await asyncio.wait_for(node.ended(taken.channel).wait(), _TURN)
            except TimeoutError:
                continue

    async def _stop(self, channel: int) -> None:
        try:
            await self._node.cycler.stop(channel)
        except LabmeshError as error:
            self._node.fault(
                f"channel {channel} could not be stopped: {error.what}",
                remedy="stop it at the cycler",
            )

    async def _result(
        self, taken: Assignment, plan: Plan, status: ChannelStatus, last: int | None
    ) -> CapacityOutput:
        node, order = self._node, self._order
        raw = await node.cycler.raw_files(taken.channel, taken.test)
        with scratch() as folder:
            made = await node.in_thread(
                lambda: read_and_make(
                    raw[0], timezone=node.parameters.timezone or None, folder=Path(folder)
                )
            )
            read, _ = await attach_all(order.attach, made, raw)
            early = await node.in_thread(features, made.data)
        finished = status.state is ChannelState.FINISHED
        ended = "" if finished else f"{status.state}: {status.words}"
        rating = rated(read, wanted=plan.cycles, ended=ended)
        order.rate(success=rating.success, rating=rating.rating, reason=rating.reason)
        base = CapacityOutput(
            cell_info=self._asked.cell_info,
            channel_list=(taken.channel,),
            charge_capacity=np.zeros(0),
            discharge_capacity=np.zeros(0),
            delta_coulombic_efficiency=early.delta_coulombic_efficiency,
            voltage_gap_charge_discharge=early.voltage_gap_charge_discharge,
            capacity_vector_variance=early.capacity_vector_variance,
        )
        output = capacity_output(read, base, rating=rating)
        self._append_states(plan, output, last, finished=finished)
        if not finished:
            order.note(measured=_plainly(output))
            raise OrderError(
                f"the test ended early: {ended or status.state}",
                where=f"channel {taken.channel}",
                remedy="look at the cell; what was measured is among the artifacts",
            )
        return output

    def _append_states(
        self, plan: Plan, output: CapacityOutput, last: int | None, *, finished: bool
    ) -> None:
        """Append what the test has made of the cell: formed, then charged or discharged."""
        state = self._first(last)
        done = int(output.discharge_capacity.size)
        labels = []
        if plan.formation and done >= plan.formation:
            labels.append("formed")
        if not finished:
            labels.append("interrupted")
        elif plan.cycles > plan.formation or not labels:
            labels.append("charged" if _ends_charged(plan) else "discharged")
        for label in labels:
            self._step(label, state, output.channel_list[0], cycles=done)
            state += 1

    def _first(self, last: int | None) -> int:
        """Return the number of the cell's last state; one that the ledger lacks is born first."""
        if last is not None:
            return last
        self._order.sample(
            SampleStep(sample=self._sample, kind=COIN_CELL, state=0, label="received")
        )
        return 0

    def _step(self, label: str, state: int, channel: int, **properties: int) -> None:
        about: dict[str, Any] = {"simulated": True} if self._node.cycler.simulated else {}
        about |= {"protocol": self._protocol, "protocol_hash": self._hash}
        self._order.sample(
            SampleStep(
                sample=self._sample,
                kind=COIN_CELL,
                state=state + 1,
                expects_state=state,
                label=label,
                location=place_of(self._node.id, channel),
                properties=about | properties,
            )
        )

    def _performed(self, plan: Plan) -> CapacityInput:
        return self._asked.model_copy(update={"protocol": plan.protocol})


def _ends_charged(plan: Plan) -> bool:
    currents = [step for step in plan.protocol.method if isinstance(step, ConstantCurrent)]
    if not currents:
        return False
    return (currents[-1].rate_C or currents[-1].current_mA or 0.0) > 0


def _plainly(output: CapacityOutput) -> dict[str, list[float]]:
    return {
        "charge_capacity": [float(value) for value in output.charge_capacity],
        "discharge_capacity": [float(value) for value in output.discharge_capacity],
    }
