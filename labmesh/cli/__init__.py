"""The command line: ``labmesh VERB ...``. A verb's module is imported only when it is chosen."""

from labmesh.cli._guard import main

__all__ = ["main"]
