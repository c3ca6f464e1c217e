"""What goes wrong with a device, beyond its wire.

LabmeshError
└── DeviceError        the device reports an error, or does not do what it was told
    ├── LimitError     refused before a byte was sent: a limit of the device or of the lab
    └── HaltedError    stopped by `halt`, or not yet released after it
"""

from __future__ import annotations

from messages.errors import LabmeshError


class DeviceError(LabmeshError):
    """The device reports an error, or does not do what it was told.

    Args:
        code: The device's own number or word for it, empty if it has none.
    """

    def __init__(
        self, what: str, *, where: str = "", remedy: str = "", code: str | int = ""
    ) -> None:
        super().__init__(what, where=where, remedy=remedy)
        self.code = code


class LimitError(DeviceError):
    """Refused by the driver: outside the device's or the lab's limits. Nothing was sent."""


class HaltedError(DeviceError):
    """The device was halted: what it was doing is not done, and nothing moves until a reset."""
