"""Tells by a command: a chat program's client, a lamp, a loudspeaker."""

from __future__ import annotations

import asyncio
import re
from contextlib import suppress
from dataclasses import asdict
from typing import Any, Final

from messages.errors import ConfigurationError
from nodes.transport.notify._api import Notification, NotifyError

_FIELD: Final = re.compile(r"\{([a-z]+)\}")
_FIELDS: Final = (*Notification.__dataclass_fields__,)
_SHOWN: Final = 300


class CommandNotifier:
    """Runs a command with arguments made from a template; no shell sees them.

    Options: ``argv``, a list of texts in which ``{text}``, ``{kind}``, ``{job}``, ``{samples}``,
    ``{person}``, ``{origin}``, ``{destination}`` and so on stand for what is told;
    ``timeout`` in seconds, 20 by default, after which the command is killed.

    Raises:
        ConfigurationError: An option is missing, or a name in braces is none.
    """

    def __init__(self, options: dict[str, Any]) -> None:
        options = dict(options)
        argv, timeout = options.pop("argv", None), options.pop("timeout", 20.0)
        if options or not isinstance(argv, list) or not argv:
            raise ConfigurationError(
                f"a command has argv (a list) and timeout, not {sorted(options) or argv!r}",
                where="notifiers",
            )
        self._argv = [str(each) for each in argv]
        self._timeout = float(timeout)
        for name in (name for each in self._argv for name in _FIELD.findall(each)):
            if name not in _FIELDS:
                raise ConfigurationError(
                    f"{{{name}}} stands for nothing",
                    where="notifiers: argv",
                    remedy=f"there are {', '.join(_FIELDS)}",
                )

    async def notify(self, notification: Notification) -> None:
        """Run the command; see `Notifier.notify`."""
        values = {**asdict(notification), "samples": ",".join(notification.samples)}
        argv = [
            # A text with a zero byte is no argument.
            _FIELD.sub(lambda found: str(values[found[1]]).replace("\0", ""), each)
            for each in self._argv
        ]
        try:
            process = await asyncio.create_subprocess_exec(
                *argv, stdin=asyncio.subprocess.DEVNULL, stdout=asyncio.subprocess.DEVNULL,
                stderr=asyncio.subprocess.PIPE,
            )  # fmt: skip
        except OSError as error:
            raise NotifyError(f"{argv[0]} cannot be run: {error.strerror}") from error
        try:
            async with asyncio.timeout(self._timeout):
                _, said = await process.communicate()
        except TimeoutError:
            raise NotifyError(f"{argv[0]} has not ended after {self._timeout:g} s") from None
        finally:
            if process.returncode is None:
                with suppress(ProcessLookupError):
                    process.kill()
                await process.wait()
        if process.returncode:
            words = said.decode(errors="replace").strip()[-_SHOWN:]
            raise NotifyError(f"{argv[0]} ended with {process.returncode}: {words}")

    async def close(self) -> None:
        """Nothing is held."""
