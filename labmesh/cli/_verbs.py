"""Groups of commands that are imported when chosen and that know what was meant."""

from __future__ import annotations

import difflib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from importlib import import_module
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from click.shell_completion import CompletionItem


class Verbs(click.Group):
    """A group that names the nearest command when it does not know one."""

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Return a command; where a shell asks for completions, one that knows the mesh."""
        return dressed(ctx, super().get_command(ctx, cmd_name))

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Return the command that ``args`` begin with.

        Raises:
            click.UsageError: There is none of that name; says which there are.
        """
        if args and not args[0].startswith("-") and self.get_command(ctx, args[0]) is None:
            known = self.list_commands(ctx)
            close = difflib.get_close_matches(args[0], known, n=1)
            hint = f"did you mean {close[0]}? There" if close else "there"
            raise click.UsageError(f"no command {args[0]!r}; {hint} are {', '.join(known)}", ctx)
        return super().resolve_command(ctx, args)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the table of commands with their first sentences whole."""
        commands = [(name, self.get_command(ctx, name)) for name in self.list_commands(ctx)]
        with formatter.section("Commands"):
            formatter.write_dl(
                [(name, each.get_short_help_str(limit=200)) for name, each in commands if each]
            )


@dataclass(frozen=True, slots=True)
class Lazy:
    """Where a command is, and what it does.

    Attributes:
        home: ``module:attribute``.
        help: One line; shown without importing the module.
    """

    home: str
    help: str


class LazyVerbs(Verbs):
    """A group whose members are imported when chosen.

    Args:
        members: Commands by name, in the order of the help.
        more: Finds those that other packages add; asked only where ``members`` do not do.
    """

    def __init__(
        self, *args: Any, members: Mapping[str, Lazy],
        more: Callable[[], Mapping[str, Lazy]] = dict, **options: Any,
    ) -> None:  # fmt: skip
        super().__init__(*args, **options)
        self._own = members
        self._more = more

    @property
    def _members(self) -> dict[str, Lazy]:
        return {**self._more(), **self._own}

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Return the names in the order of the help."""
        return list(self._own) + [name for name in self._more() if name not in self._own]

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Import and return a command."""
        lazy = self._own.get(cmd_name) or self._more().get(cmd_name)
        if lazy is None:
            return None
        module, _, attribute = lazy.home.partition(":")
        command: click.Command = getattr(import_module(module), attribute)
        return dressed(ctx, command)

    def shell_complete(self, ctx: click.Context, incomplete: str) -> list[CompletionItem]:
        """Return the commands and options that begin so, without importing a command."""
        from click.shell_completion import CompletionItem

        return [
            *(
                CompletionItem(name, help=lazy.help)
                for name, lazy in self._members.items()
                if name.startswith(incomplete)
            ),
            *click.Command.shell_complete(self, ctx, incomplete),
        ]

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the table of commands without importing them."""
        with formatter.section("Commands"):
            formatter.write_dl([(name, lazy.help) for name, lazy in self._own.items()])
        more = {name: lazy for name, lazy in self._more().items() if name not in self._own}
        if more:
            with formatter.section("Commands of nodes"):
                formatter.write_dl([(name, lazy.help) for name, lazy in more.items()])


def dressed(ctx: click.Context, command: click.Command | None) -> click.Command | None:
    """Return a command; where a shell asks for completions, one that knows the mesh."""
    if command is None or not ctx.resilient_parsing:
        return command
    from labmesh.cli._complete import dress

    return dress(command)
