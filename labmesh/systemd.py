"""systemd units that keep a ``labmesh`` command running."""

from __future__ import annotations

import shlex
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

UNIT_FOLDER = Path("~/.config/systemd/user")
"""Where systemd looks for a user's own units (systemd.unit(5))."""


def labmesh_command(words: Sequence[str]) -> list[str]:
    """Return the command that runs ``labmesh`` as this process does, wherever it is started."""
    program = Path(sys.executable).with_name("labmesh")
    if program.is_file():
        return [str(program), *words]
    return [sys.executable, "-c", "import sys; from labmesh.cli import main; sys.exit(main())",
            *words]  # fmt: skip


def unit_text(
    description: str,
    words: Sequence[str],
    folder: Path,
    *,
    environment: Mapping[str, str] | None = None,
    reload: str = "",
    kill_mode: str = "mixed",
) -> str:
    """Return the text of a unit that runs ``labmesh`` with ``words`` in ``folder``.

    Args:
        description: One line.
        words: The arguments.
        folder: The working directory.
        environment: Variables it is given; no secrets, for everybody may read a unit.
        reload: Command that makes it read its configuration again.
        kill_mode: ``process`` lets what it has started outlive it (systemd.kill(5)).
    """
    variables = [f"Environment={_quoted(f'{k}={v}')}" for k, v in (environment or {}).items()]
    lines = [
        "[Unit]",
        f"Description={description}",
        "After=network-online.target",
        "Wants=network-online.target",
        "StartLimitIntervalSec=0",
        "",
        "[Service]",
        f"WorkingDirectory={str(folder).replace('%', '%%')}",
        *variables,
        f"ExecStart={' '.join(map(_quoted, labmesh_command(words)))}",
        *([f"ExecReload={reload}"] if reload else []),
        "Restart=always",
        "RestartSec=2",
        f"KillMode={kill_mode}",
        "TimeoutStopSec=60",
        "",
        "[Install]",
        "WantedBy=default.target",
    ]
    return "\n".join(lines) + "\n"


def _quoted(word: str) -> str:
    """Return a word as systemd.service(5) reads it: ``%`` and ``$`` doubled, quoted at need."""
    plain = word.replace("%", "%%").replace("$", "$$")
    return plain if plain == shlex.quote(plain) else '"' + _escaped(plain) + '"'


def _escaped(text: str) -> str:
    return text.replace("\\", "\\\\").replace('"', '\\"')
