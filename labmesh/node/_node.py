"""The node: what an author subclasses."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Coroutine, Iterable, Mapping
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Final, Generic, Literal, TypeVar
from uuid import UUID

from pydantic import BaseModel

from labmesh.artifacts import LARGEST, RETENTION
from labmesh.client import LabClient
from labmesh.clock import Clock
from labmesh.log import NodeLog, speaking
from labmesh.mesh import Mesh, MessageHandler
from labmesh.node._beat import Heart
from labmesh.node._builtin import BuiltinServices
from labmesh.node._capability import CapabilitySpec, capabilities_of
from labmesh.node._description import Description
from labmesh.node._diagnostics import DiagnosticBoard
from labmesh.node._ending import end_tasks, finalize
from labmesh.node._health import HealthWatch
from labmesh.node._lifecycle import LifecycleMachine
from labmesh.node._options import NodeOptions
from labmesh.node._parameter_model import NodeParameters, describe
from labmesh.node._parameter_services import ParameterServices
from labmesh.node._parameters import ParameterServer
from labmesh.node._runtime import Runtime
from labmesh.node._schema_capability import SchemaHandler, bind_by_schema
from labmesh.node._steps import Steps
from labmesh.node._streaming import Streaming
from labmesh.node._streams import NodeStreams
from labmesh.node._takeover import TakeoverWatch
from labmesh.node._threads import Threads
from labmesh.tracing import open_tracer
from labmesh.transport import Subscription, Transport
from messages.errors import ConfigurationError, LabmeshError, OrderError
from messages.ids import NodeId
from messages.ledger import Offer
from messages.model import JsonObject, Message
from messages.node import (
    LOG_LEVELS,
    Level,
    LogRecord,
    Milestone,
    NodeEvent,
    Published,
    State,
    Transition,
)
from messages.topics import Topics

if TYPE_CHECKING:
    from prometheus_client.registry import Collector

P = TypeVar("P", bound=NodeParameters)
M = TypeVar("M", bound=Message)
R = TypeVar("R")


class Node(Streaming, Generic[P]):
    """A participant of the mesh: an instrument, a model or an orchestrator.

    Subclass it, name the model of its parameters, write methods under `capability` and `service`,
    and override the hooks that matter. Schemas, offers, validation, leases, cancel, provenance,
    outbox, presence, logs and diagnostics come with it. Streams and timers: `Streaming`.

    Attributes:
        Parameters: The model of the node's parameters.
        is_ledger: True of the broker node alone, which is its own ledger.
        artifact_limit: Bytes of the largest artifact that the node attaches.
        artifact_retention: Wall seconds that the node keeps its copy of an artifact at least; it
            never forgets one that the ledger does not have.
        knows_access: Whether its services look at who calls, and leave out what may not leave the
            site. Others tell other sites nothing of their work while something is confidential.
    """

    Parameters: ClassVar[type[NodeParameters]] = NodeParameters
    is_ledger: ClassVar[bool] = False
    artifact_limit: ClassVar[int] = LARGEST
    artifact_retention: ClassVar[float] = RETENTION
    knows_access: ClassVar[bool] = False

    def __init__(self, options: NodeOptions) -> None:
        super().__init__(options)
        self.options = options
        self.id: NodeId = options.id
        self.topics = Topics(options.id, options.place.realm)
        self.log = NodeLog(str(options.id))
        self.data_dir: Path = options.data_dir / options.id.site / options.id.node
        self.exit_code = 0
        self._server: ParameterServer[Any] = ParameterServer(
            type(self).Parameters, options.parameters, str(options.id)
        )
        self._capabilities = capabilities_of(self)
        self._finished = asyncio.Event()
        self._tasks: set[asyncio.Task[None]] = set()
        self._threads = Threads(self._node_resources)
        self._life: LifecycleMachine | None = None
        self._starting: asyncio.Task[None] | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._diagnostics = DiagnosticBoard(lambda what, topic: self.log.error(what, topic=topic))
        self._runtime: Runtime | None = None
        self._description: Description | None = None
        self._node_steps: Steps | None = None
        self._why_fenced = ""
        self.started: Final = asyncio.Event()
        """Set when the start is over: the node is on the mesh and, unless held back, active."""
        self.takes_orders = False
        """Whether orders are begun now: from activation to the beginning of deactivation."""

    # What an author overrides.

    async def on_configure(self) -> None:
        """Prepare: open files, connect to the instrument. Raise a LabmeshError to stay out."""

    async def on_activate(self) -> None:
        """Begin to serve."""

    async def on_deactivate(self) -> None:
        """Stop serving; bring the instrument to rest."""

    async def on_cleanup(self) -> None:
        """Undo `on_configure`."""

    async def on_error(self, error: Exception) -> None:
        """Bring the node to rest after a hook raised what is no LabmeshError.

        It is unconfigured when this returns, and ends when this raises.
        """

    async def on_shutdown(self) -> None:
        """Last chance to tidy up; after `on_deactivate` and `on_cleanup` where those were due."""

    async def on_parameters(self, before: P, after: P) -> None:
        """Take over changed parameters; raise a LabmeshError to refuse the change."""

    def limitations(self, quantity: str, method: str) -> JsonObject:
        """Return a JSON Schema that narrows what a capability's parameters may be here and now."""
        return {}

    @classmethod
    def asks_for(cls, parameters: P) -> Iterable[tuple[str, str]]:  # noqa: ARG003 - a hook
        """Return the (quantity, method) pairs that a node with these parameters will request.

        ``labmesh launch --check`` warns of those that nobody offers.
        """
        return ()

    @classmethod
    def acts_as(cls, parameters: P) -> Iterable[str]:  # noqa: ARG003 - a hook
        """Return the names of other nodes of its site as which it may publish, too."""
        return ()

    @classmethod
    def also_serves(cls, parameters: P) -> Iterable[tuple[str, str]]:  # noqa: ARG003 - a hook
        """Return what a node with these parameters serves by `serve_by_schema`, as `asks_for`."""
        return ()

    @classmethod
    def listens_on(cls, parameters: P) -> Mapping[str, int]:  # noqa: ARG003 - a hook
        """Return the TCP ports of a node with these parameters, by the parameters that say them.

        Beside those that are parameters of their own (`parameter`, ``listens``); 0 is any free one.
        """
        return {}

    def collectors(self) -> Iterable[Collector]:
        """Return what the node adds to its page for Prometheus; called after `on_configure`.

        They are read in another thread; their names shall not begin with ``labmesh_``.
        """
        return ()

    # What the library's own bases of nodes override, around the author's hooks.

    async def _joined(self) -> None:
        """Prepare what is the node's from its start to its end; it is on the mesh, unconfigured."""

    def _withheld(self, transition: Transition) -> str:
        """Return why the node shall not go through a transition by itself at its start.

        It then waits for a person. Empty: it does.
        """
        return ""

    async def _before(self, transition: Transition) -> None:
        """Have a say before the author's hook; raise a LabmeshError to refuse the transition."""

    async def _after(self, transition: Transition) -> None:
        """Follow a transition that has succeeded."""

    async def _left(self) -> None:
        """Undo `_joined`; also after a start that failed half-way."""

    @property
    def dry_run(self) -> bool:
        """Whether everything is done but the act: results say so, and make no samples."""
        return False

    def orders_begun(self) -> list[str]:
        """Return in words which orders are in hand."""
        worker = self._running.worker
        return worker.begun() if worker is not None else []

    def abort_orders(self, error: OrderError) -> None:
        """Break off every order at once: what has begun fails with ``error``."""
        if (worker := self._running.worker) is not None:
            worker.abort(error)

    def refuses_orders(self) -> str:
        """Return why no order is begun now; empty: they are."""
        return "" if self.takes_orders else "the node is not active"

    def offered(self) -> bool:
        """Tell whether the node's offers stand now; `publish_offers` withdraws them if not."""
        return True

    # What an author uses.

    @property
    def parameters(self) -> P:
        """The node's parameters as they are now."""
        values: P = self._server.values
        return values

    @property
    def parameters_schema(self) -> JsonObject:
        """The JSON Schema of the parameters."""
        return describe(self.Parameters)

    @property
    def state(self) -> State:
        """The lifecycle state."""
        return self._life.state if self._life is not None else State.UNCONFIGURED

    @property
    def mesh(self) -> Mesh:
        """The node's seat in the mesh: typed messages below its own prefix."""
        return self._running.mesh

    @property
    def clock(self) -> Clock:
        """The clock of the experiment."""
        return self._running.clock

    @property
    def transport(self) -> Transport:
        """The node's connection."""
        return self._running.transport

    @property
    def lab(self) -> LabClient:
        """The requester's side of the ledger."""
        return self._running.need_lab()

    def spawn(self, work: Coroutine[Any, Any, None], *, name: str) -> asyncio.Task[None]:
        """Run ``work`` beside the node until it ends; a crash is logged and shown."""
        task = asyncio.get_running_loop().create_task(work, name=f"{self.id} {name}")
        self._tasks.add(task)

        def done(task: asyncio.Task[None]) -> None:
            self._tasks.discard(task)
            if not task.cancelled() and (error := task.exception()) is not None:
                self.log.error(f"{name} crashed: {error}", error=type(error).__name__)
                self.diagnose(name, Level.ERROR, str(error) or type(error).__name__)

        task.add_done_callback(done)
        return task

    def diagnose(
        self,
        component: str,
        level: Level,
        message: str,
        *,
        remedy: str = "",
        stale_after: float | None = None,
        **values: int | float | str | bool,
    ) -> None:
        """Publish how a component fares (retained); nothing is sent when nothing changed.

        Args:
            component: Which part of the node, ``pump`` say.
            level: How it fares.
            message: The same in words.
            remedy: What the operator can do about it.
            stale_after: Wall seconds after which the word counts no more unless it is repeated:
                readers then show the component as stale. None: it holds until the next one.
            values: Numbers and words that belong to it.
        """
        if self._runtime is not None:
            self._diagnostics.report(
                self._runtime.mesh, component, level, message,
                remedy=remedy, stale_after=stale_after, values=values,
            )  # fmt: skip

    async def in_thread(
        self, function: Callable[..., R], /, *arguments: Any, resource: str = ""
    ) -> R:
        """Run a blocking call (a driver's, say) in a thread and return its value.

        The node goes on meanwhile: heartbeats, services, other orders. Calls of one ``resource``
        run one after another. A call cannot be broken off: whoever is cancelled waits for its end
        first, so that the next one finds the instrument at rest.
        """
        return await self._threads.run(function, *arguments, resource=resource)

    async def milestone(
        self, task: str, done: int, total: int | None = None, text: str = ""
    ) -> None:
        """Say how far a long task is; whoever launched the node sees it as a progress bar."""
        await self.emit(
            "event", "milestone", Milestone(task=task, done=done, total=total, text=text)
        )

    def happened(self, kind: str, text: str, /, **values: Any) -> None:
        """Tell of an event of the node's own on ``~/event/{kind}``, without waiting.

        Without a connection it is told when there is one again.
        """
        event = NodeEvent(kind=kind, text=text[:4000], values=values)
        mesh, topic = self._running.mesh, self.topics.own("event", kind)

        async def tell() -> None:
            try:
                await mesh.send(topic, event)
            except LabmeshError as error:
                self.log.debug(f"event not told: {error}", event=kind)

        mesh.background(tell(), f"event {kind}")

    async def emit(
        self, kind: Literal["data", "event"], stream: str, message: Message, *, qos: int = 0
    ) -> None:
        """Publish on ``~/data/{stream}`` or ``~/event/{stream}``."""
        if self._description is not None:
            published = Published(type=message.TYPE, qos=qos)
            self._description.publishes(f"{kind}/{stream}", type(message), published)
        await self._running.mesh.send(self.topics.own(kind, stream), message, qos=qos)

    async def call(
        self, node: NodeId, service: str, arguments: JsonObject | BaseModel | None = None,
        *, timeout: float = 5.0,  # noqa: ASYNC109
    ) -> JsonObject:  # fmt: skip
        """Call a service of another node; errors as `labmesh.calls.Caller.call`."""
        plain = arguments.model_dump() if isinstance(arguments, BaseModel) else arguments or {}
        return await self._running.caller.call(node, service, plain, timeout=timeout)

    async def on_message(
        self, pattern: str, model: type[M], handler: MessageHandler[M]
    ) -> Subscription:
        """Subscribe to messages of one type; what is not valid never reaches ``handler``."""
        subscription = await self._running.mesh.on_message(pattern, model, handler)
        if self._description is not None:
            self._description.subscribes(pattern, model)
        return subscription

    def serve_by_schema(
        self, spec: CapabilitySpec, handler: SchemaHandler, *, parameters: JsonObject,
        result: JsonObject, description: str = "",
    ) -> None:  # fmt: skip
        """Serve a capability whose schemas are data; only in ``__init__``, before the node runs."""
        self._capabilities[spec.key] = bind_by_schema(
            spec, handler, parameters=parameters, result=result, description=description
        )

    def finish(self, code: int = 0) -> None:
        """End the node: shut down in order, exit with ``code``. The first word counts."""
        if not self._finished.is_set():
            self.exit_code = code
            self._finished.set()

    @property
    def leaving(self) -> bool:
        """Whether the node has been told to end."""
        return self._finished.is_set()

    # How it runs.

    async def run(self) -> int:
        """Join the mesh, serve until `finish`, leave; return the exit code.

        Raises:
            NotConnectedError: The MQTT broker was not reached.
            NodeNameTakenError: Another live process has the name.
            ConfigurationError: The node's folder or file cannot be used.
            LabmeshError: The node could not be configured or activated.
        """
        label = self.id.node if self.options.container else ""
        with speaking(self.log, label=label):
            return await self._join_and_serve()

    async def _join_and_serve(self) -> int:
        self._loop = asyncio.get_running_loop()
        self._starting = self._loop.create_task(self._start(), name=f"{self.id} start")
        try:
            if self._finished.is_set():
                self._starting.cancel()
            try:
                await self._starting
                self.started.set()
            except asyncio.CancelledError:
                if not self._finished.is_set():
                    raise
            finally:
                self._starting = None
            await self._finished.wait()
        finally:
            if self._runtime is not None:
                await self._stop(self._runtime)
                self.log.sink = None
                self._runtime = self._node_streams = None
        return self.exit_code

    def interrupt(self, code: int = 0) -> None:
        """As `finish`, but break off a start that is under way, too (signals, a lost name)."""
        self.finish(code)
        if self._starting is not None:
            self._starting.cancel()

    async def _start(self) -> None:
        try:
            self.data_dir.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise ConfigurationError(
                f"the node's folder cannot be made: {error.strerror}",
                where=str(self.data_dir),
                remedy="name a folder that you may write to with --data-dir",
            ) from None
        runtime = await Runtime.join(
            self.options,
            self.data_dir,
            is_ledger=self.is_ledger,
            artifact_limit=self.artifact_limit,
            artifact_retention=self.artifact_retention,
        )
        self._runtime = runtime
        parameters = ParameterServices(self, self._server, runtime.store)
        await parameters.replay()
        runtime.mesh.tracer = open_tracer(str(self.id), self.parameters.traces_endpoint)
        self.log.sink = self._publish_log
        self._description = Description(self, runtime, self._capabilities)
        streams = self._node_streams = NodeStreams(
            self, runtime, self._description, self._node_resources
        )
        steps = self._node_steps = Steps(self, runtime, streams, self._server, self._capabilities)
        hooks = {
            Transition.CONFIGURE: steps.configure,
            Transition.ACTIVATE: steps.activate,
            Transition.DEACTIVATE: steps.deactivate,
            Transition.CLEANUP: steps.clean_up,
            Transition.SHUTDOWN: self.on_shutdown,
        }
        life = self._life = LifecycleMachine(
            runtime.mesh,
            {each: partial(self._go_through, each, hook) for each, hook in hooks.items()},
            recover=steps.recover,
            tell=steps.tell,
        )
        services = BuiltinServices(self, life, parameters).add_to(
            runtime.server, self._node_resources
        )
        self._description.serves(services)
        await runtime.open(self, self._capabilities, self._node_resources, self._fenced)
        heart = Heart(
            runtime.mesh, self._node_pulse, published=streams.published, lease=streams.lease,
            changed=streams.work_changed,
        )  # fmt: skip
        self.spawn(heart.run(), name="beat")
        await self._description.publish()
        await TakeoverWatch(self, runtime.before).open()
        await self._server.publish(runtime.mesh)
        await life.publish()
        self.spawn(HealthWatch(self, runtime, streams).run(), name="health")
        await self._joined()
        if not self.options.autostart or self._finished.is_set():
            return
        if why := self._withheld(Transition.CONFIGURE):
            await self._wait_for_a_person(life, why)
            return
        await life.change(Transition.CONFIGURE)
        in_hand = await runtime.store.in_hand()
        if in_hand:
            what = "; ".join(order.what for order in in_hand)
            life.reason = f"ended in mid-action: {what}"
            await life.publish()
            remedy = f"look at the instrument, then: labmesh lifecycle set {self.id} activate"
            ended = f"the last process ended in mid-action: {what}"
            self.diagnose("recovery", Level.ERROR, ended, remedy=remedy)
            self.log.error(f"not activated, was in mid-action: {what}", remedy=remedy)
            return
        if why := self._withheld(Transition.ACTIVATE):
            await self._wait_for_a_person(life, why)
            return
        if not self._finished.is_set():
            await life.change(Transition.ACTIVATE)

    async def _wait_for_a_person(self, life: LifecycleMachine, why: str) -> None:
        life.reason = why
        await life.publish()
        self.log.error(f"stays {life.state.value}: {why}")

    async def _go_through(
        self, transition: Transition, hook: Callable[[], Awaitable[None]]
    ) -> None:
        await self._before(transition)
        await hook()
        await self._after(transition)

    async def _stop(self, runtime: Runtime) -> None:
        self.takes_orders = False
        try:
            if runtime.fenced:
                await runtime.fall_silent(self.options.place, self._why_fenced)
            if self._life is not None and self._life.state is not State.FINALIZED:
                await runtime.stop_work("the node is shutting down")
                await finalize(self._life, self.log)
            await end_tasks(self._tasks - {asyncio.current_task()}, self.log)
        finally:
            if self._node_streams is not None:
                await self._node_streams.leave()
            await self.close_metrics()
            await self._left()
            await runtime.leave()

    async def close_metrics(self) -> None:
        """Free the port of the metrics page before the node ends."""
        if self._node_steps is not None:
            await self._node_steps.close_metrics()

    async def publish_offers(self) -> None:
        """Publish what the node offers; call it again when its limitations have changed."""
        for bound in self._capabilities.values():
            quantity, method = bound.spec.key
            topic = self.topics.own("offer", quantity, method)
            if not self.offered():
                await self._running.mesh.clear(topic)
                continue
            offer: Offer = bound.offer(self.limitations(quantity, method), dry_run=self.dry_run)
            await self._running.mesh.keep(topic, offer)

    def refused_later(self, message: UUID, reason: str) -> None:
        """Tell the operator of a message that the ledger refused when nobody waited any more."""
        self.log.error("the ledger refused what nobody waits for", id=message, reason=reason)
        self.diagnose(
            "outbox", Level.WARN,
            f"the ledger refused message {message}"
            + ("" if self._running.mesh.discreet else f": {reason}"),
            remedy="what it said is not in the ledger; the log has the whole reason",
        )  # fmt: skip

    def _publish_log(self, record: LogRecord) -> None:
        try:
            asyncio.get_running_loop()
        except RuntimeError:  # a driver in a thread of its own
            if self._loop is not None and not self._loop.is_closed():
                self._loop.call_soon_threadsafe(self._publish_log, record)
            return
        if self._runtime is not None:
            qos = int(LOG_LEVELS[record.level] >= LOG_LEVELS["warn"])
            self._runtime.mesh.post(self.topics.own("log", record.level), record, qos=qos)

    def _fenced(self, reason: str) -> None:
        self.log.error(f"leaving: {reason}")
        self._why_fenced = reason
        self._running.fenced = True
        self.interrupt(3)

    @property
    def _running(self) -> Runtime:
        if self._runtime is None:
            raise RuntimeError("the node is not running; use this from a hook or a handler")
        return self._runtime
