"""The chat in a terminal: a prompt, answers, and what happens meanwhile."""

from __future__ import annotations

import asyncio
import sys
import threading
from pathlib import Path
from typing import Any, Final

import click

from messages.errors import LabmeshError
from nodes.transport._client import ChatClient, ChatError, ChatLostError
from nodes.transport._dialogue import VERBS
from nodes.transport._reach import Reaching, reached_chat, who

_PAUSES: Final = (0.5, 1.0, 2.0, 4.0, 4.0, 8.0, 8.0, 15.0)
"""Wall seconds between two attempts to come back to a chat that has ended."""

_PROMPT: Final = "> "


class _Screen:
    """Prints lines above the prompt."""

    def __init__(self, *, prompt: bool) -> None:
        self._prompt = prompt
        self._shown = False

    def say(self, text: str) -> None:
        """Print a line; where the prompt stands, in its place."""
        click.echo(("\r" if self._shown else "") + text)
        self._shown = False

    def ask(self) -> None:
        """Show the prompt, once."""
        if self._prompt and not self._shown:
            click.echo(_PROMPT, nl=False)
            self._shown = True

    def typed(self) -> None:
        """Somebody has ended a line: the cursor stands below the prompt."""
        self._shown = False


async def talk(
    session: Reaching, *, person: str | None, pin_file: Path | None, **options: Any
) -> None:
    """Talk until the end of the input, or ``bye``; comes back by itself where the node restarts.

    Raises:
        ConfigurationError: As `reached_chat`.
        ChatLostError: The chat has not come back in some forty seconds.
        ChatError: Not let in.
    """
    # Before anything else reads the terminal: the PIN is for nobody else.
    name, pin = await who(person, pin_file)
    screen = _Screen(prompt=sys.stdin.isatty())
    typed: asyncio.Queue[str | None] = asyncio.Queue()
    _read_lines(typed)
    left = list(_PAUSES)
    pending: str | None = None
    while True:
        try:
            async with reached_chat(
                session,
                person=name,
                pin=pin,
                **options,
                on_note=lambda text, _: _note(screen, typed, text),
            ) as chat:
                left = list(_PAUSES)
                await _show(chat, screen, pending or "list")
                pending = None
                pending = await _converse(chat, screen, typed)
                if pending is None:
                    return
        except ChatLostError as error:
            if not left:
                raise
            screen.say(f"labmesh: {error.what}; trying again")
            await asyncio.sleep(left.pop(0))
        except ChatError:
            raise
        except LabmeshError:
            # The node's services are gone with it for a moment; a first failure is the user's.
            if len(left) == len(_PAUSES) and pending is None:
                raise
            await asyncio.sleep(left.pop(0) if left else 0)
            if not left:
                raise


async def _converse(
    chat: ChatClient, screen: _Screen, typed: asyncio.Queue[str | None]
) -> str | None:
    """Talk; return the line that got no answer when the chat ended, or None at the end of input."""
    while True:
        screen.ask()
        line = await typed.get()
        if line is None:
            return None
        if line == _LOST:
            return "me"
        screen.typed()
        if line.strip():
            try:
                await _show(chat, screen, line.strip())
            except ChatLostError:
                # Asking again does no harm, whether it had been done or not.
                return line.strip()
        if line.strip().lower() == "bye":
            return None


_LOST: Final = "\0lost"
"""In the queue of typed lines: the connection has ended. Nobody can type it."""


def _note(screen: _Screen, typed: asyncio.Queue[str | None], text: str | None) -> None:
    if text is None:
        typed.put_nowait(_LOST)
        return
    screen.say(f"* {text}")
    screen.ask()


async def _show(chat: ChatClient, screen: _Screen, line: str) -> None:
    word = line.partition(" ")[0].lower()
    if word in ("json", "hello"):
        screen.say(f"labmesh: {word} is for programs; here you may say {', '.join(VERBS)}")
        return
    try:
        said = await chat.ask(line)
    except ChatError as error:
        screen.say(f"no: {error.what}")
        return
    for each in said.lines:
        screen.say(each["text"])
    screen.say(said.words)


def _read_lines(typed: asyncio.Queue[str | None]) -> None:
    """Read the terminal in a thread: it blocks, and must not keep the process from ending."""
    loop = asyncio.get_running_loop()

    def read() -> None:
        try:
            for line in sys.stdin:
                loop.call_soon_threadsafe(typed.put_nowait, line.replace("\0", ""))
            loop.call_soon_threadsafe(typed.put_nowait, None)
        except (RuntimeError, ValueError, OSError):
            return  # the program ends

    threading.Thread(target=read, name="typed", daemon=True).start()
