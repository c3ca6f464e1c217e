"""One AiiDA profile for a module, in the one thread that may use it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from nodes.aiida import shipped_model
from nodes.aiida._profile import AiidaProfile, open_profile
from nodes.aiida._store import ProcessStore

EMAIL = "bench@localhost"


@dataclass(slots=True)
class Bench:
    """An open profile, and the thread to call it from."""

    thread: ThreadPoolExecutor
    folder: Path
    profile: AiidaProfile
    store: ProcessStore

    def do(self, function: Callable[..., Any], *arguments: Any) -> Any:
        return self.thread.submit(function, *arguments).result()

    def reopen(self) -> None:
        self.do(self.profile.close)
        self.open()

    def open(self) -> None:
        self.profile = self.do(open_profile, self.folder, EMAIL)
        self.store = self.do(ProcessStore, self.profile, shipped_model())


@pytest.fixture(scope="module")
def bench(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Bench]:
    folder = tmp_path_factory.mktemp("aiida") / "profile"
    with ThreadPoolExecutor(max_workers=1) as thread:
        made = Bench.__new__(Bench)
        made.thread, made.folder = thread, folder
        made.open()
        yield made
        made.do(made.profile.close)
