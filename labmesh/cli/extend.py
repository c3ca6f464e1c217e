"""For commands of other packages: what makes them look, answer and fail as ``labmesh`` does.

A package names a click command in the entry point group ``labmesh.commands``; the entry point's
name is the verb. The first line of its module's docstring is its line in ``labmesh --help``, which
does not import it. Raise `LabmeshError`: it becomes one line on stderr and exit code 1, a
`ConfigurationError` exit code 2.

.. code-block:: python

    @click.command()
    @click.argument("file", type=click.Path(path_type=Path))
    @json_command
    def command(out: Output, file: Path) -> None:
        '''Count the lines of a file.'''
        lines = file.read_text().splitlines()
        if out.as_json:
            out.document({"lines": len(lines)})
        else:
            out.table(("file", "lines"), [(file, len(lines))], empty="no lines")
"""

from __future__ import annotations

from labmesh.cli._format import duration, when
from labmesh.cli._output import Output
from labmesh.cli._progress import progress
from labmesh.cli._records import Records, records
from labmesh.cli._session import Session, json_command, mesh_command, record_command
from labmesh.cli._suggest import unknown
from labmesh.cli._verbs import Lazy, LazyVerbs, Verbs
from messages.errors import ConfigurationError, LabmeshError, MissingProgramError

__all__ = [
    "ConfigurationError",
    "LabmeshError",
    "Lazy",
    "LazyVerbs",
    "MissingProgramError",
    "Output",
    "Records",
    "Session",
    "Verbs",
    "duration",
    "json_command",
    "mesh_command",
    "progress",
    "record_command",
    "records",
    "unknown",
    "when",
]
