"""The emergency stops that an instrument has heard, and who has reset it."""

from __future__ import annotations

import hashlib
import json
import threading
from collections.abc import Iterable
from dataclasses import dataclass
from uuid import UUID

from labmesh.instrument._file import InstrumentFile
from messages.envelope import decode
from messages.errors import LabmeshError
from messages.safety import EmergencyStop
from messages.topics import parse_topic


@dataclass(frozen=True, slots=True)
class Stop:
    """An emergency stop.

    Attributes:
        id: Of its message.
        sender: Who pressed, ``site/node``, as the MQTT broker vouches.
        by: The person, where the message names one.
        reason: What happened.
        at: When it was pressed (ns), or 0 where the message does not say.
    """

    id: UUID
    sender: str
    by: str
    reason: str
    at: int

    @classmethod
    def read(cls, topic: str, payload: bytes) -> Stop:
        """Return the stop of a message. It stops even where it cannot be read.

        Whoever may publish there wants everything to stop: another version of the message, or
        garbage, is no reason to go on.
        """
        try:
            sender = str(parse_topic(topic).author)
        except LabmeshError:
            sender = topic
        try:
            envelope = decode(payload).open()
            body = envelope.body
            if isinstance(body, EmergencyStop):
                header = envelope.header
                return cls(header.id, sender, body.by, body.reason, header.stamp)
            reason = f"(a {envelope.header.type} where a stop belongs)"
        except LabmeshError as error:
            reason = f"(the message cannot be read: {error.what})"[:1000]
        digest = hashlib.sha256(topic.encode() + b"\0" + payload).digest()
        return cls(UUID(bytes=digest[:16], version=5), sender, "", reason, 0)

    def __str__(self) -> str:
        person = f" ({self.by})" if self.by else ""
        why = f": {self.reason}" if self.reason else ""
        return f"emergency stop by {self.sender}{person}{why}"


class StopBook:
    """Which stops are engaged at one instrument; through a loss of power. Any thread may use it.

    Args:
        file: The instrument's.
    """

    def __init__(self, file: InstrumentFile) -> None:
        self._file = file
        self._lock = threading.Lock()
        self._heard = {UUID(str(row[0])) for row in file.rows("SELECT id FROM stop")}

    def is_news(self, stop: Stop) -> bool:
        """Note that a stop was heard, in memory; whether it was for the first time."""
        with self._lock:
            if stop.id in self._heard:
                return False
            self._heard.add(stop.id)
            return True

    def engage(self, stop: Stop) -> None:
        """Write a stop to the disk; errors as `InstrumentFile.transaction`."""
        with self._file.transaction() as db:
            db.execute(
                "INSERT OR IGNORE INTO stop VALUES (?, ?, ?, ?, ?, '[]', '', '', NULL)",
                (str(stop.id), stop.sender, stop.by, stop.reason, stop.at),
            )

    def engaged(self) -> list[Stop]:
        """Return the stops that nobody has acknowledged here, the oldest first."""
        rows = self._file.rows(
            "SELECT id, sender, person, reason, at FROM stop WHERE reset_at IS NULL ORDER BY rowid"
        )
        return [
            Stop(UUID(str(i)), str(sender), str(by), str(reason), int(str(at)))
            for i, sender, by, reason, at in rows
        ]

    def note_in_hand(self, stop: Stop, in_hand: Iterable[str]) -> None:
        """Keep what was under way when the stop came."""
        with self._file.transaction() as db:
            words = json.dumps(list(in_hand))
            db.execute("UPDATE stop SET in_hand = ? WHERE id = ?", (words, str(stop.id)))

    def in_hand(self) -> list[str]:
        """Return what was under way when the stops came that are engaged."""
        rows = self._file.rows("SELECT in_hand FROM stop WHERE reset_at IS NULL ORDER BY rowid")
        return [words for (found,) in rows for words in json.loads(str(found))]

    def reset(self, stops: Iterable[Stop], *, by: str, reason: str, at: int) -> None:
        """Note that a person has acknowledged these stops here."""
        with self._file.transaction() as db:
            for stop in stops:
                db.execute(
                    "UPDATE stop SET reset_by = ?, reset_reason = ?, reset_at = ? WHERE id = ?",
                    (by, reason, at, str(stop.id)),
                )
