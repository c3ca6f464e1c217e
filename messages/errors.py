"""The one error tree of Labmesh.

LabmeshError                what happened, where, what to do
├── MessageError            a payload or a model is not what its type promises
│   ├── DecodeError         bytes are not a Labmesh envelope
│   ├── UnknownTypeError    the envelope names a type or version nobody registered here
│   ├── SchemaMismatchError same type name, different schema hash
│   └── BodyError           the body does not validate against its model
├── NameInvalidError        a site, node, realm or capability name
├── TopicError              a topic or topic filter
├── TransportError          the MQTT connection
│   ├── NotConnectedError   no connection, and the caller would not wait
│   ├── PublishRefusedError the MQTT broker answered a publish with a reason code >= 0x80
│   └── PayloadTooLargeError
├── CallError               a service call
│   ├── CallTimeoutError    no answer before the deadline
│   └── CallRefusedError    the server answered with an error
├── RequestFailedError      a request ended without a result
├── RefusedError            the ledger refused an entry
├── OrderError              a capability's handler gives up
│   ├── OrderVoidError      the order was retracted or given to another
│   ├── EmergencyStopError  an emergency stop is engaged: nothing but a stop is sent
│   ├── NotReadyError       the instrument is paused, at fault or not to be trusted: nothing begins
│   ├── StepDoneError       a step that must not be repeated was done before
│   ├── StepInDoubtError    ... was begun before, and nobody knows how it ended
│   ├── CalibrationExpiredError a calibration has expired, or there is none
│   └── SupplyShortError    a stock, tray or waste has no more room or content
├── ConfigurationError      launch files, parameters, command lines
├── LifecycleError          an illegal transition
├── NodeNameTakenError      another live process has this name
├── StoreError              the node's own file
├── ArtifactError           a large file that cannot be kept, fetched, or does not fit its hash
├── BagError                a recording that cannot be written, read or played
├── WireError               an instrument's line: not to be opened, lost, or not as recorded
│   ├── WireTimeoutError    the instrument did not answer in time
│   └── WireRefusedError    the instrument answered that it will not (a Modbus exception)
├── UnknownTermError        a term or a unit that the vocabulary does not have
└── MissingProgramError     a program or package is not installed
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any


class LabmeshError(Exception):
    """Base of every error Labmesh raises on purpose.

    Args:
        what: What happened, one sentence without a full stop.
        where: Where: ``file:line``, a topic, or a field path. Empty when ``what`` says it.
        remedy: What the reader can do about it. Empty when there is nothing to do.
    """

    def __init__(self, what: str, *, where: str = "", remedy: str = "") -> None:
        self.what = what
        self.where = where
        self.remedy = remedy
        super().__init__(what)

    def __str__(self) -> str:
        text = f"{self.where}: {self.what}" if self.where else self.what
        return f"{text}; {self.remedy}" if self.remedy else text


class MessageError(LabmeshError):
    """A payload or a model is not what its type promises."""


class DecodeError(MessageError):
    """The bytes are not a Labmesh envelope."""


class UnknownTypeError(MessageError):
    """The envelope names a type or version that is not registered in this process."""


class SchemaMismatchError(MessageError):
    """The sender's schema of this type differs from ours."""


class BodyError(MessageError):
    """The body does not validate against the model of its type."""


class NameInvalidError(LabmeshError):
    """A site, node, realm, quantity or method name breaks the naming rule."""


class TopicError(LabmeshError):
    """A topic or topic filter is malformed, too long or too deep."""


class TransportError(LabmeshError):
    """Something about the MQTT connection."""


class NotConnectedError(TransportError):
    """There is no connection to the MQTT broker and the caller would not wait for one."""


class PublishRefusedError(TransportError):
    """The MQTT broker refused a publish (reason code >= 0x80, MQTT 5 section 2.4)."""


class PayloadTooLargeError(TransportError):
    """The payload exceeds the limit of the transport."""


class CallError(LabmeshError):
    """A service call did not succeed."""


class CallTimeoutError(CallError):
    """No answer came before the deadline."""


class CallRefusedError(CallError):
    """The server answered with an error.

    Args:
        code: ``unknown_service``, ``bad_arguments``, ``not_active``, ``refused``, ``failed`` ...
    """

    def __init__(
        self, what: str, *, where: str = "", remedy: str = "", code: str = "refused"
    ) -> None:
        super().__init__(what, where=where, remedy=remedy)
        self.code = code


class RequestFailedError(LabmeshError):
    """A request ended without a result; the message says how and why.

    Args:
        status: The request's final status.
    """

    def __init__(self, what: str, *, where: str = "", remedy: str = "", status: str = "") -> None:
        super().__init__(what, where=where, remedy=remedy)
        self.status = status


class RefusedError(LabmeshError):
    """The ledger refused an entry; the reason is the ledger's own."""


class OrderError(LabmeshError):
    """A capability's handler cannot fulfil its order.

    Args:
        retryable: Whether the same order may succeed at another time or another worker.
    """

    def __init__(
        self, what: str, *, where: str = "", remedy: str = "", retryable: bool = False
    ) -> None:
        super().__init__(what, where=where, remedy=remedy)
        self.retryable = retryable


class OrderVoidError(OrderError):
    """The order was retracted, or given to another worker: stop, nobody waits for a result."""


class EmergencyStopError(OrderError):
    """An emergency stop is engaged: the instrument sends nothing but its stop."""


class NotReadyError(OrderError):
    """The instrument begins nothing now; nothing was done."""


class StepDoneError(OrderError):
    """A step that must not be repeated was done before: a resumed plan goes on after it.

    Args:
        result: What the step noted when it was done.
    """

    def __init__(
        self,
        what: str,
        *,
        where: str = "",
        remedy: str = "",
        retryable: bool = False,
        result: Mapping[str, Any] | None = None,
    ) -> None:
        super().__init__(what, where=where, remedy=remedy, retryable=retryable)
        self.result = dict(result or {})


class StepInDoubtError(OrderError):
    """A step that must not be repeated was begun before, and nobody knows how it ended."""


class CalibrationExpiredError(OrderError):
    """A calibration has expired, or there never was one."""


class SupplyShortError(OrderError):
    """A stock has not enough left, or a waste container no room."""


class ConfigurationError(LabmeshError):
    """A launch file, a parameter or a command line is wrong."""


class LifecycleError(LabmeshError):
    """A lifecycle transition is not possible from the present state."""


class NodeNameTakenError(LabmeshError):
    """Another live process already has this node's name."""


class StoreError(LabmeshError):
    """The node's file cannot be read or written: a full disk, a damaged file, or it is closed."""


class ArtifactError(LabmeshError):
    """A large file cannot be kept, nobody has it, or its bytes do not fit its hash."""


class BagError(LabmeshError):
    """A recording cannot be written, read or played."""


class WireError(LabmeshError):
    """An instrument's line cannot be opened, is lost, or differs from its record."""


class WireTimeoutError(WireError):
    """The instrument did not answer in time."""


class WireRefusedError(WireError):
    """The instrument answered with a refusal of its protocol.

    Args:
        code: The refusal's number in that protocol (Modbus: the exception code), 0 for none.
    """

    def __init__(self, what: str, *, where: str = "", remedy: str = "", code: int = 0) -> None:
        super().__init__(what, where=where, remedy=remedy)
        self.code = code


class UnknownTermError(LabmeshError):
    """A term or a unit that the vocabulary does not have."""


class MissingProgramError(LabmeshError):
    """A program or an optional package that is needed is not installed."""
