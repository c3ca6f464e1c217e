"""What an agent must know again after it was killed: what shall run, and from which files."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any, Literal, Self

from labmesh.security import write_private
from messages.errors import ConfigurationError


@dataclass(frozen=True, slots=True, kw_only=True)
class Record:
    """The launch of a site as it was asked for.

    Attributes:
        wanted: Whether it shall run.
        bundle: Sha256 of its files.
        main: The launch file's path among them.
        arguments: Values for its arguments.
        operator: Who asked for it.
        reason: Why it does not run although it was wanted.
        again: Whether it was ended only because the agent ended, and begins again with it.
    """

    wanted: Literal["running", "stopped"] = "stopped"
    bundle: str = ""
    main: str = ""
    arguments: dict[str, Any] = field(default_factory=dict)
    operator: str = ""
    reason: str = ""
    again: bool = False

    def but(self, **changes: Any) -> Self:
        """Return it with some fields changed."""
        return replace(self, **changes)

    @classmethod
    def read(cls, file: Path) -> Self:
        """Read it; where there is no file, nothing shall run.

        Raises:
            ConfigurationError: The file is damaged.
        """
        try:
            return cls(**json.loads(file.read_text(encoding="utf-8")))
        except FileNotFoundError:
            return cls()
        except (OSError, ValueError, TypeError) as error:
            raise ConfigurationError(
                f"does not say what shall run: {error}",
                where=str(file),
                remedy="see `labmesh launch status` what runs, stop it, and delete this file",
            ) from error

    def write(self, file: Path) -> None:
        """Keep it, whole, for its owner's eyes: arguments may hold what is nobody's business."""
        write_private(file, json.dumps(asdict(self), indent=2) + "\n")
