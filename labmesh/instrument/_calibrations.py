"""Records of calibrations: who found what, when, how, and until when it counts."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import asdict, dataclass, replace
from typing import Any, Final

from labmesh.instrument._file import InstrumentFile
from messages.errors import CalibrationExpiredError, LabmeshError
from messages.ids import new_id
from messages.model import JsonObject

_SELECT: Final = "SELECT id, device, quantity, who, made, method, result, expires FROM calibration"


@dataclass(frozen=True, slots=True)
class Calibration:
    """A record.

    Attributes:
        id: Its uuid; empty where nobody has calibrated yet.
        device: What was calibrated: ``ml600``.
        quantity: What of it: ``volume``.
        who: The person.
        when: When it was made (ns).
        method: How: ``gravimetric, 10 strokes of 100 ul, 293 K``.
        result: What was found: factors, offsets, deviations; SI.
        expires: Until when it counts (ns); None: as long as there is no other.
        flag: Why it does not count, in words; empty where it does.
    """

    id: str
    device: str
    quantity: str
    who: str
    when: int
    method: str
    result: JsonObject
    expires: int | None
    flag: str = ""

    @property
    def key(self) -> str:
        """``device/quantity``."""
        return f"{self.device}/{self.quantity}"

    def plain(self) -> JsonObject:
        """Return it as plain values."""
        return asdict(self)


class Calibrations:
    """The records of one instrument, in its file.

    Args:
        file: The file.
        now: Time of the experiment (ns).
        refuse: Whether what has expired is refused; else it is flagged.
        changed: Called after every new record.
    """

    def __init__(
        self,
        file: InstrumentFile,
        now: Callable[[], int],
        *,
        refuse: Callable[[], bool] = lambda: True,
        changed: Callable[[], None] = lambda: None,
    ) -> None:
        self._file = file
        self._now = now
        self._refuse = refuse
        self._changed = changed
        self._declared: dict[str, str] = {}

    def declare(self, key: str, description: str = "") -> None:
        """Say that orders need ``device/quantity``: the operator is told while there is none."""
        _parts(key)
        self._declared[key] = description
        self._changed()

    def record(
        self, key: str, *, who: str, method: str, result: JsonObject, expires: int | None = None,
        when: int | None = None,
    ) -> Calibration:  # fmt: skip
        """Keep a new record of ``device/quantity``; it counts from now on instead of the last.

        Raises:
            LabmeshError: Nobody is named, or it has expired before it was made.
        """
        device, quantity = _parts(key)
        if not who.strip():
            raise LabmeshError("a calibration names the person who made it", where=key)
        made = self._now() if when is None else when
        if expires is not None and expires <= made:
            raise LabmeshError("a calibration expires after it was made", where=key)
        record = Calibration(
            str(new_id()), device, quantity, who.strip(), made, method, result, expires
        )
        with self._file.transaction() as db:
            db.execute(
                "INSERT INTO calibration VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
                (record.id, device, quantity, record.who, made, method,
                 json.dumps(result, allow_nan=False), expires, self._now()),
            )  # fmt: skip
        self._changed()
        return record

    def last(self, key: str) -> Calibration | None:
        """Return the last record of ``device/quantity``, in force or not."""
        device, quantity = _parts(key)
        rows: list[Any] = self._file.rows(
            f"{_SELECT} WHERE device = ? AND quantity = ? "
            "ORDER BY recorded DESC, id DESC LIMIT 1", device, quantity,
        )  # fmt: skip
        return _record(rows[0]) if rows else None

    def valid(self, key: str, *, at: int | None = None) -> Calibration:
        """Return the calibration to work with.

        Where expired ones are flagged rather than refused its ``flag`` says what is wrong with it;
        without any record it then has no id and no result.

        Args:
            key: ``device/quantity``.
            at: When (ns); now by default.

        Raises:
            CalibrationExpiredError: It has expired, or there is none, and such are refused.
        """
        found = self._judged(key, self._now() if at is None else at)
        if found.flag and self._refuse():
            raise CalibrationExpiredError(
                f"{key}: {found.flag}",
                remedy="calibrate and note it with calibration.record, or set the parameter "
                "expired_calibration to flag",
            )
        return found

    def current(self) -> list[Calibration]:
        """Return what counts now of everything declared or recorded, flagged where it does not."""
        rows: list[Any] = self._file.rows("SELECT DISTINCT device, quantity FROM calibration")
        keys = {f"{device}/{quantity}" for device, quantity in rows} | self._declared.keys()
        return [self._judged(key, self._now()) for key in sorted(keys)]

    def history(self, key: str = "") -> list[Calibration]:
        """Return all records, of ``device/quantity`` or of all, the newest first."""
        rows: list[Any] = self._file.rows(f"{_SELECT} ORDER BY recorded DESC, id DESC")
        return [record for record in map(_record, rows) if key in ("", record.key)]

    def notes(self) -> JsonObject:
        """Return what `current` holds, by key, for ``order.note(calibrations=...)``."""
        return {record.key: record.plain() for record in self.current()}

    def _judged(self, key: str, at: int) -> Calibration:
        record = self.last(key)
        if record is None:
            device, quantity = _parts(key)
            return Calibration("", device, quantity, "", 0, "", {}, None, "never calibrated")
        if record.expires is not None and at >= record.expires:
            return replace(record, flag=f"calibration {record.id} by {record.who} has expired")
        return record


def _parts(key: str) -> tuple[str, str]:
    device, slash, quantity = key.partition("/")
    if not (slash and device and quantity):
        raise LabmeshError("a calibration is named as device/quantity", where=key)
    return device, quantity


def _record(row: tuple[Any, ...]) -> Calibration:
    number, device, quantity, who, made, method, result, expires = row
    return Calibration(number, device, quantity, who, made, method, json.loads(result), expires)
