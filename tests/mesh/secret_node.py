"""An instrument that puts what it is told wherever a node puts anything."""

from __future__ import annotations

import asyncio
from pathlib import Path

from labmesh import Node, NodeParameters, Order, OrderError, capability, service
from messages.ledger import SampleId, SampleStep
from messages.model import Flag, Model, Text


class Word(Model):
    """A word, and the sample that it becomes the place of."""

    word: Text
    sample: SampleId
    fail: Flag = False
    file: Text = ""
    """Not done before this file is there."""


class Said(Model):
    """The word again."""

    word: Text


class Nothing(Model):
    """No arguments."""


class Notes(Model):
    """Every word."""

    words: tuple[Text, ...]


class TalkativeNode(Node[NodeParameters]):
    """Says every word on every channel it has."""

    def __init__(self, *arguments: object, **options: object) -> None:
        super().__init__(*arguments, **options)  # type: ignore[arg-type]
        self._words: list[str] = []

    @capability("word", "saying", worker="instrument", slots=4)
    async def say(self, order: Order[Word]) -> Said:
        """Say a word."""
        asked = order.parameters
        word = asked.word
        self._words.append(word)
        self.log.warn(f"about to say {word}", word=word)
        self.happened("problem", f"it is {word}", word=word)
        await self.milestone("saying", 1, 2, word)
        await order.feedback(0.5, f"saying {word}")
        await order.attach(f"raw {word}\n".encode() * 2000, name=f"{word}.txt")
        order.sample(
            SampleStep(
                sample=asked.sample, kind="vial", state=0, label="made", location=f"shelf {word}",
                properties={"word": word},
            )
        )  # fmt: skip
        while asked.file and not Path(asked.file).exists():
            await asyncio.sleep(0.05)
        if asked.fail:
            raise OrderError(f"cannot say {word}")
        return Said(word=word)

    @service("notes.list")
    async def notes(self, _arguments: Nothing) -> Notes:
        """Every word that was ever said."""
        return Notes(words=tuple(self._words))
