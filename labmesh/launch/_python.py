"""Launch files in Python: run, with every entity they make placed where it is written."""

from __future__ import annotations

import sys
import traceback
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from types import CodeType, FrameType
from typing import Any, Final

from labmesh.launch._declare import ACTIONS, Entity, Kind, keys_of
from labmesh.launch._document import Entry, Map, Value, read_text
from labmesh.launch._parse import LaunchFile, entity_of, shown_path
from labmesh.launch._problem import Position, Problems
from labmesh.launch._source import Source, place_of

PYTHON: Final = ".py"
"""How the name of a launch file in Python ends."""

FUNCTIONS: Final = ("launch", "generate_launch_description")
"""What it may define: ours, which gets the context, or ROS 2's, which gets nothing."""

Program = Callable[[Any], Any]


class Run:
    """One launch file in Python while it runs: what its calls need to know their places."""

    current: Run | None = None

    def __init__(self, path: Path, code: CodeType, text: str, problems: Problems) -> None:
        self.path = path
        self.shown = shown_path(path)
        self.code = code
        self.source = Source(self.shown, text)
        self.problems = problems

    def build(
        self, name: str, given: Mapping[str, Any], actions: tuple[Entity, ...] | None, at: FrameType
    ) -> Entity | None:
        """Return the entity of the action ``name``, None when it is wrong (reported).

        Args:
            name: As in YAML.
            given: Its keys, those left out as None.
            actions: The entities in it, where it takes any.
            at: The call that makes it.
        """
        place = place_of(at, self.shown, lambda frame: frame.f_code.co_filename == str(self.path))
        call = self.source.call_at(place)
        entries = tuple(
            Entry(
                key.rstrip("_"),
                call.key(key.rstrip("_"), key),
                self.source.value(value, call.value(key), self.problems),
            )
            for key, value in given.items()
        )
        found = entity_of(ACTIONS[name], Entry(name, place, Map(place, entries)), self.problems,
                          actions=actions)  # fmt: skip
        self.problems.incomplete |= found is None
        return found


def read_python(path: Path, problems: Problems, *, named: Position | None) -> LaunchFile | None:
    """Return the launch file in Python at ``path``; it is run once its scope is known."""
    shown = shown_path(path)
    text = read_text(path, shown, problems, named=named)
    if text is None:
        return None
    try:
        code = compile(text, str(path), "exec", dont_inherit=True)
    except SyntaxError as error:
        problems.add(
            Position(shown, error.lineno or 1, error.offset or 1), f"not valid Python: {error.msg}"
        )
        return None
    except ValueError as error:
        problems.add(Position(shown), f"not valid Python: {error}")
        return None

    def program(context: Any) -> LaunchFile:
        run = Run(path, code, text, problems)
        with _running(run):
            made = _call(run, context)
        from labmesh.launch.actions import LaunchDescription  # noqa: PLC0415 - it builds on us

        described = made if isinstance(made, LaunchDescription) else LaunchDescription(made)
        return LaunchFile(
            path,
            shown,
            realm=described.value("realm", run),
            site=described.value("site", run),
            actions=described.actions,
        )

    return LaunchFile(path, shown, None, None, (), program)


def actions_of(*given: Any) -> tuple[Entity, ...]:
    """Return entities from entities, lists of them at any depth, and None, which is nothing."""

    def flat(items: Any) -> Iterator[Entity]:
        for item in items:
            if isinstance(item, Entity):
                yield item
            elif isinstance(item, list | tuple):
                yield from flat(item)
            elif item is not None:
                raise TypeError(f"{item!r} is no action: make it with labmesh.launch.actions")

    return tuple(flat(given))


def takes_actions(name: str) -> bool:
    """Tell whether the action ``name`` holds others."""
    return any(key.kind is Kind.ACTIONS for key in keys_of(ACTIONS[name]).values())


@contextmanager
def _running(run: Run) -> Iterator[None]:
    before, Run.current = Run.current, run
    sys.path.insert(0, str(run.path.parent))
    try:
        yield
    finally:
        Run.current = before
        sys.path.remove(str(run.path.parent))


def _call(run: Run, context: Any) -> Any:
    """Run the file and its function; whatever goes wrong is a problem where it happened."""
    names: dict[str, Any] = {"__file__": str(run.path), "__name__": "labmesh_launch_file"}
    try:
        exec(run.code, names)  # noqa: S102 - that is what a launch file in Python is
        function = next((names[name] for name in FUNCTIONS if name in names), None)
        if function is None:
            run.problems.add(
                Position(run.shown, 1, 1),
                "not a launch file",
                "define launch(context), which returns a list of actions",
            )
            return ()
        made = function(context) if "launch" in names else function()
        if isinstance(made, list | tuple):
            return actions_of(*made)
    except (Exception, SystemExit) as error:  # noqa: BLE001 - anybody's code
        # An error that follows from a value that was wrong, and reported, says nothing new.
        if not run.problems.found:
            run.problems.add(_where(error, run), f"{type(error).__name__}: {error}".rstrip(": "))
        run.problems.incomplete = True
        return ()
    else:
        return made


def _where(error: BaseException, run: Run) -> Position:
    """Return the last place in the file on the way to an error."""
    places = [
        Position(run.shown, frame.lineno or 1, (frame.colno or 0) + 1)
        for frame in traceback.extract_tb(error.__traceback__)
        if frame.filename == str(run.path)
    ]
    return places[-1] if places else Position(run.shown, 1, 1)


def value_of(given: Any, run: Run, place: Position) -> Value:
    """Return data as a value at one place."""
    return run.source.value(given, (place, None), run.problems)
